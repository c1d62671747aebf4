#ifndef EDGE_DNS_RESOLVER_H
#define EDGE_DNS_RESOLVER_H
/*
 * resolver: the DNS for SPF, DKIM and DMARC: libunbound behind `struct dns` (core/auth/dns.h).
 *
 *     const char *servers[] = {"system"};
 *     struct resolver_settings settings = {.servers = servers, .server_count = 1};
 *     char why[RESOLVER_WHY_MAX];
 *     struct resolver *resolver = resolver_create(&settings, why, sizeof why);
 *
 *     struct resolver_session session;                       // one message, one thread
 *     resolver_session_start(&session, resolver);
 *     struct dns dns = resolver_session_dns(&session);
 *     dns_hint(&dns, SLICE("_dmarc.example.org"), DNS_TXT);  // goes out now
 *     dns_lookup(&dns, SLICE("example.org"), DNS_TXT, arena, &answer);
 *     resolver_session_end(&session);
 *
 *     resolver_free(&resolver);
 *
 * One question on its way: it is escaped (core/auth/dnswire.h), looked for in the cache of answers
 * (edge/dns/resolver_cache.h), else it joins the same question under way or sets out itself
 * (edge/dns/resolver_inflight.h), is put to libunbound (edge/dns/resolver_upstream.h) by the one
 * thread that talks to it, and its answer, or none by the deadline, wakes whoever waits for it.
 *
 * Three clocks run.  A question has question_ms from its first asker on; unbound alone would try
 * for up to 17 s.  A purse has so much waiting in all; time in which nobody waits does not count,
 * so that a slow client cannot use it up.  And a session may have to be done by some time, whatever
 * its purses hold.  All end in DNS_TEMP.
 *
 * A session keeps the answer to each question that it asked or hinted, even to one with TTL 0 and
 * to one that failed: it is not asked again, and what was hinted before others were waited for is
 * there when its turn comes, also with an empty purse.
 *
 * Lifetime: create → sessions come and go in any thread → stop at the end of the program, when
 * waiting sessions must be let go → free.  A reload may create a second resolver and free the
 * first: sessions hold it until the last has ended.  All that is left of the process after fork()
 * is the calling thread, so create comes after it.
 */
#include "core/auth/dns.h"

struct resolver;

enum {
	RESOLVER_WHY_MAX = 256,
	RESOLVER_QUESTION_MS = 5000,
	RESOLVER_MESSAGE_MS = 20000, /* the purse of who opens none of his own */
	RESOLVER_STILL_MS = 4000,
	/* More than any message asks for: SPF 100, eight authors' walks and their signers' 128.
	 * Hints leave half of it to what is waited for. */
	RESOLVER_QUESTIONS_MAX = 512,
	/* A signed message hints some five questions, most of them twice. */
	RESOLVER_ANSWERED = 8,
	/* What a message keeps of answers that it waited for: an SPF check takes some 10 KiB.
	 * Beyond that an answer is only in the cache. */
	RESOLVER_KEPT_BYTES = 256 * 1024,
};

struct resolver_settings {
	/* "recursive" alone, which needs no other software; or any of "system" (the name servers of
	 * resolv.conf, edge/dns/resolvconf.h), ADDRESS[%INTERFACE][@PORT].  Borrowed until
	 * resolver_create() returns. */
	const char *const *servers;
	size_t server_count;
	unsigned question_ms; /* 0 is RESOLVER_QUESTION_MS */
	unsigned message_ms;  /* 0 is RESOLVER_MESSAGE_MS */
	/* NULL, or told each time that a session begins to wait, in its thread. */
	void (*waits)(void);
	/* NULL, or told in the session's thread that it waits, RESOLVER_STILL_MS after it began,
	 * was limited, or was told of last. */
	void (*still)(void);
	/*
	 * Files, NULL for the usual one, "" for none.  The trust anchor (DS or DNSKEY records of
	 * DNSSEC) has none when forwarding: the server asked validates or does not, and one that
	 * drops signatures would make every answer bogus.  "recursive" takes trust anchor and root
	 * hints of Debian's dns-root-data where it is installed; without it answers are not
	 * validated, and the hints compiled into libunbound serve.
	 */
	const char *trust_anchor;
	const char *root_hints;
	const char *resolv_conf;
};

/* ADDRESS, ADDRESS@PORT or, for IPv6, ADDRESS%INTERFACE[@PORT], as servers are named. */
bool resolver_is_address(struct slice);

/*
 * A running resolver, or NULL with a sentence in `why`.  One call at a time; the thread that it
 * starts takes no signals.  Each question that waits for a server holds a socket, and half of
 * RLIMIT_NOFILE as it is now is theirs (64 to 4,096): with the 1,024 of a shell, 512 questions to
 * dead servers hold up all others, so raise it before.
 */
struct resolver *resolver_create(const struct resolver_settings *, char *why, size_t size);

/* Wakes all that wait; from now on everything that is not in the cache is DNS_TEMP at once.  Joins
 * the thread.  The caller still has to free.  One thread calls this, once or more. */
void resolver_stop(struct resolver *);

/* Gives up the creator's hold and sets the pointer to NULL; NULL inside is fine.  Without sessions
 * this stops and frees, else the end of the last session does. */
void resolver_free(struct resolver **);

/* Time to wait; see core/auth/dns.h. */
struct resolver_purse {
	struct resolver_session *session;
	int64_t left; /* nanoseconds */
	bool dry;     /* a wait ended for want of time while its answer was under way */
};

struct resolver_joined;

/* One message.  The fields are the resolver's own; the struct may lie anywhere. */
struct resolver_session {
	struct resolver *resolver;
	/* Hints that found their answer in the cache, the last few: several parts of a message hint
	 * the same question, which is not looked for again while the answer lives. */
	struct {
		uint64_t hash;
		int64_t until; /* by monotonic_now() */
	} answered[RESOLVER_ANSWERED];
	size_t answered_next;
	struct resolver_purse purse;
	int64_t until; /* no wait lasts beyond that, by monotonic_now() */
	int64_t told;  /* when it began, was limited, or was told of last */
	struct resolver_joined *joined;
	size_t joined_count;
	size_t kept; /* bytes of the answers that were waited for */
};

/* The caller sees to it that the resolver is not freed before this returns. */
void resolver_session_start(struct resolver_session *, struct resolver *);
void resolver_session_end(struct resolver_session *);

/* The session as core knows it; valid until the session ends, in one thread at a time. */
struct dns resolver_session_dns(struct resolver_session *);

/* From now on all its purses together have so long, by the clock. */
void resolver_session_limit(struct resolver_session *, unsigned ms);

/* A purse that the caller holds, for who wants to know whether it ran dry; filled anew by another
 * call.  And the session's DNS on it. */
void resolver_purse_fill(struct resolver_purse *, struct resolver_session *, unsigned ms);
struct dns resolver_purse_dns(struct resolver_purse *);

struct resolver_stats {
	uint64_t lookups[DNS_BADNAME + 1]; /* answered, by enum dns_status */
	uint64_t cached;                   /* of these, answered from the cache */
	uint64_t shared;                   /* joined the same question under way */
	uint64_t asked;                    /* put to libunbound, hints included */
	uint64_t expired;                  /* of these, without an answer after question_ms */
	uint64_t refused;                  /* not asked: too many under way, or stopped */
	size_t in_flight;                  /* under way now */
	size_t cache_entries, cache_bytes;
	bool running; /* false once stopped, or when libunbound's thread has broken down */
};

/* Exact counts since resolver_create(); any thread. */
void resolver_stats(struct resolver *, struct resolver_stats *out);

#endif
