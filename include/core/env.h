#ifndef CORE_ENV_H
#define CORE_ENV_H
/*
 * env: the outside world as a transaction sees it: small structs of function pointers.
 *
 * The daemon puts libraries and kernel facilities behind them, tests put fakes.  Every function
 * may be called from any thread; `self` is the implementation's own.
 */
#include "core/facts.h"
#include "core/reply.h"
#include "core/ruleset.h"

/* Where in the SMTP dialogue something was decided. */
enum stage { STAGE_CONNECT, STAGE_MAIL, STAGE_RCPT, STAGE_END };

/* One decision, for the log and the counters.  Everything is borrowed for the call. */
struct record {
	int64_t time_us;       /* microseconds since the epoch, UTC */
	int64_t took_us;       /* from the MTA's call to the verdict */
	struct slice token;    /* id of this decision */
	struct slice session;  /* id of the SMTP session */
	struct slice queue_id; /* empty when the MTA has not told it yet */
	uint64_t generation;
	enum stage stage;
	const struct ruleset *rules; /* NULL when no table was involved */
	const struct facts *facts;
	const struct verdict *verdict;
	const struct reply *reply; /* NULL: accepted without a word */
};

struct env {
	void *self;
	/* Microseconds since the epoch, and of a clock that never jumps. */
	int64_t (*now_us)(void *self);
	int64_t (*monotonic_us)(void *self);
	/* A new id that nobody can guess: TOKEN_CHARS characters [a-z2-7], no NUL. */
	void (*token)(void *self, char *out);
	/* asn and country of an address for the record; leaves them alone when not known. */
	void (*geo)(void *self, const struct ip *, uint32_t *asn, char country[3]);
	/* SPF of facts' sender or HELO: sets spf_state and spf. */
	void (*spf)(void *self, struct facts *, struct arena *);
	/* Takes what it needs of the record before it returns; never blocks. */
	void (*record)(void *self, const struct record *);
	/* IDNA for names of the session. */
	const struct idna *idna;
};

/* 80 bits in base 32: 16 characters survive being read over the telephone. */
enum { TOKEN_CHARS = 16 };

#endif
