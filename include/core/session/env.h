#ifndef CORE_SESSION_ENV_H
#define CORE_SESSION_ENV_H
/*
 * env: the outside world as a transaction sees it: small structs of function pointers.
 *
 * The daemon puts libraries and kernel facilities behind them, tests put fakes.  Every function
 * may be called from any thread; `self` is the implementation's own.
 */
#include "core/policy/reply.h"
#include "core/rules/facts.h"
#include "core/rules/ruleset.h"

/* Where in the SMTP dialogue something was decided. */
enum stage { STAGE_CONNECT, STAGE_MAIL, STAGE_RCPT, STAGE_END };

/* What can be said of a message; the result is an enum spf_result, dkim_result or dmarc_verdict. */
enum auth_method { AUTH_SPF, AUTH_DKIM, AUTH_DMARC, AUTH_METHOD_COUNT };

/* 80 bits in base 32: 16 characters survive being read over the telephone. */
enum { TOKEN_CHARS = 16 };

/* Where a decision is written as text. */
enum record_lines {
	RECORD_JSON = 1,
	RECORD_SYSLOG = 2,
	RECORD_FILE = 4, /* the JSON, in the decision log, where its id is found */
};

/* The id of a decision, and the row of the history that it names; without a history, no row. */
struct record_number {
	char token[TOKEN_CHARS];
	uint64_t row;   /* 0: none */
	uint32_t run;   /* … of this start of the history's writer */
	bool shared;    /* that row was there before: this decision is counted by it */
	unsigned flags; /* of the row (core/change/decision_row.h) */
	unsigned lines; /* of enum record_lines: what the log takes of it */
};

/* One decision, for the log and the counters.  Everything is borrowed for the call. */
struct record {
	int64_t time_us;       /* microseconds since the epoch, UTC */
	int64_t took_us;       /* from the MTA's call to the verdict */
	struct slice token;    /* id of this decision */
	struct slice session;  /* id of the SMTP session */
	uint32_t transaction;  /* of the session, from 1; 0 before the first MAIL */
	struct slice queue_id; /* empty when the MTA has not told it yet */
	uint64_t generation;
	enum stage stage;
	const struct ruleset *rules; /* NULL when no table was involved */
	const struct facts *facts;
	struct decision decision;
	const struct reply *reply;          /* NULL: accepted without a word */
	const struct record_number *number; /* NULL: of no use to a history */
};

/* The outside's own state of one message: its share of the resolver's time, its signatures. */
struct message;

struct evaluation; /* core/session/evaluation.h */

struct env {
	void *self;
	/* Microseconds since the epoch, and of a clock that never jumps. */
	int64_t (*now_us)(void *self);
	int64_t (*monotonic_us)(void *self);
	/* A new id that nobody can guess: TOKEN_CHARS characters [a-z2-7], no NUL. */
	void (*token)(void *self, char *out);
	/* asn and country of an address for the record; leaves them alone when not known.  May be
	 * NULL. */
	void (*geo)(void *self, const struct ip *, uint32_t *asn, char country[3]);
	/* A client has come, or gone.  May be NULL. */
	void (*connected)(void *self, const struct facts *client, bool now);
	/* True when the other door has recorded this decision already, or is about to: each is
	 * recorded once.  Of a record without token and reply.  May be NULL. */
	bool (*elsewhere)(void *self, const struct record *);
	/* The id of a decision and its row, of a record without token and reply; false: it gets a
	 * token() and no row.  May be NULL. */
	bool (*number)(void *self, const struct record *, struct record_number *out);
	/* What the log will take of a record without token and reply, once for each before
	 * record(): enum record_lines.  May be NULL: nothing. */
	unsigned (*lines)(void *self, const struct record *);
	/* Takes what it needs of the record before it returns; never blocks. */
	void (*record)(void *self, const struct record *);
	/* The end of a message that is accepted and that nothing is to be told of: for the history.
	 * May be NULL. */
	void (*accepted)(void *self, const struct record *);
	/* A message was judged; only what refuses it is recorded, too.  May be NULL. */
	void (*observe_latency)(void *self, int64_t took_us);

	/* A message has ended of which this was found, accepted or not: SPF once, DKIM for each
	 * signature that was looked at, DMARC for each author domain.  May be NULL. */
	void (*authenticated)(void *self, enum auth_method, int result);

	/* Whether connections of this id are in the sample of which SPF, DKIM and DMARC are found
	 * out for the history alone.  May be NULL: none. */
	bool (*sampled)(void *self, struct slice session);
	/* Takes over an evaluation, to be run and freed in another thread, or freed at once; never
	 * blocks. */
	void (*evaluate)(void *self, struct evaluation *);
	/* What was found of a row of the history: number, verdict and results. */
	void (*evaluated)(void *self, const struct record *);
	/* A message as below, of which nothing is asked before it is waited for: hints go nowhere.
	 */
	struct message *(*quiet_message)(void *self, struct arena *, int64_t now);

	/* One message, from its first question to its end; answers live in the arena.  NULL when
	 * out of memory or when there is no resolver.  The rest of these is called with what it
	 * gave. */
	struct message *(*message_start)(void *self, struct arena *, int64_t now);
	void (*message_end)(struct message *);
	const struct dns *(*dns)(struct message *);
	/* At RCPT it may have less time than it needs: false, and the next call, after at_end(),
	 * goes on with the answers that have come. */
	bool (*spf)(struct message *, const struct spf_query *, struct spf_answer *out);
	/* Whether a list of `rules` is in use, and an answer of it that it does not declare. Called
	 * with self; may be NULL: lists are in use. */
	bool (*list_in_use)(void *self, const struct dnsbl *);
	void (*list_error)(void *self, const struct dnsbl *);
	/* A RCPT begins: DNS_RCPT_MS for all that its verdict needs.  May be NULL. */
	void (*at_rcpt)(struct message *);
	/* The message is whole: from here on DNS_END_MS for all that its verdict needs. */
	void (*at_end)(struct message *);
	/* It will never be: what SPF has at RCPT and at the end it has at once. */
	void (*without_end)(struct message *);
	/* DKIM: every field in order, the end of the header with all author domains that will be
	 * judged (false: the body is not needed), the body in any parts, then the answer. */
	void (*dkim_header)(struct message *, struct slice name, struct slice value);
	bool (*dkim_end_of_headers)(
	    struct message *, const struct slice *authors, size_t author_count);
	void (*dkim_body)(struct message *, const char *bytes, size_t len);
	bool (*dkim_finish)(struct message *, struct dkim_answer *out);

	/* Transactions that were answered 451 because their recipients disagree: remembered by a
	 * number that stands for sender, client and recipient, for a day. */
	void (*split_note)(void *self, uint64_t key);
	bool (*split_known)(void *self, uint64_t key);

	/* The name of this host, for an MTA that does not tell its own (macro j): what a forged
	 * Authentication-Results would name.  Empty: not known. */
	struct slice host_name;

	/* IDNA for names of the session. */
	const struct idna *idna;
};

#endif
