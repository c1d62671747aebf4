#ifndef CORE_CHANGE_BACKTEST_H
#define CORE_CHANGE_BACKTEST_H
/*
 * backtest: what a change of the rules would have done to the mail that came (SPEC 10): every
 * recorded decision is decided again under both rule sets.
 *
 *     b = backtest_create(running, changed, now, idna);
 *     ... backtest_row(b, &row) for each row, in the order of their times ...
 *     const struct backtest_result *r = backtest_end(b);
 *
 * Counted are messages: SMTP transactions, ended or not.  Newly refused is one of which at least
 * one recipient passes before and not after; newly accepted the reverse.  A row that counts n
 * decisions counts for n messages.  Of a row that stands for a network, others than the recorded
 * one may have other senders: where the change hangs on more than the client's address, they are
 * unknown.
 *
 * A transaction is over BACKTEST_OPEN_SECONDS after its last row.
 *
 * Two ways that agree.  Full: backtest_row() of every row.  Fast: backtest_place() of every row,
 * which says whether the row itself is wanted, that is, whether its message has a row that the
 * change can touch (core/change/rules_touch.h); then backtest_row().
 *
 *     struct backtest_place place = { … .touched = …};
 *     if (backtest_wants_row(b, &place))
 *             ... the row is read as a whole ...  backtest_row(b, &row)
 *
 * What the fast way leaves out changes nothing.  Of a message, rows in front of the first that is
 * touched are left out as well.  That is sound for recipients, each of whom is judged by himself;
 * but the end of a message judges all of its recipients, and where it alone is touched (by From)
 * they are needed.  Their sessions are collected: backtest_late(), and one more walk, in which the
 * rows of these are all touched, is exact.
 *
 * Threads divide the history by time: each has a backtest of its own with backtest_part(), and the
 * parts are added.  One thread at a time for each.
 */
#include "core/base/top_k.h"
#include "core/change/replay_outcome.h"

struct backtest;

/* Longer than what clients take between two commands; memory is a few hundred bytes for each. */
enum { BACKTEST_OPEN_SECONDS = 600 };

enum { BACKTEST_SAMPLES = 20 };

/* By what changes are broken down. */
enum backtest_by {
	BACKTEST_BY_RULE, /* that refuses: after, or before */
	BACKTEST_BY_CLIENT,
	BACKTEST_BY_NETWORK, /* /24, /48 */
	BACKTEST_BY_SENDER_DOMAIN,
	BACKTEST_BY_RECIPIENT_DOMAIN,
	BACKTEST_BY
};

enum backtest_change { BACKTEST_REFUSED, BACKTEST_ACCEPTED, BACKTEST_CHANGES };

struct backtest_sample {
	enum backtest_change change;
	int64_t time_ms;
	bool proven;
	uint32_t run; /* of the row, and its number: what its id is made of */
	uint64_t number;
	bool refused_then;
	struct slice sender, recipient, rule, then; /* then: what was answered */
	struct ip client;
};

struct backtest_result {
	uint64_t rows, messages;
	uint64_t newly_refused, newly_refused_proven, newly_refused_unevaluated;
	uint64_t newly_accepted, accepted_at_rcpt, unknown;
	uint64_t refused_then; /* newly refused ones that were refused when they came, too */
	struct top_k *by[BACKTEST_CHANGES][BACKTEST_BY];
	struct backtest_sample sample[BACKTEST_SAMPLES];
	size_t samples;
	uint64_t decided; /* rows that were decided again */
	bool no_memory;   /* the figures are too low */
};

/* Borrows the rule sets.  NULL when out of memory. */
struct backtest *backtest_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now, const struct idna *);
void backtest_free(struct backtest **);

/* Before the first row: how the history that it comes from hashes local parts, where that is known
 * (history.local_parts = "hashed"); the local part is as rules compare it.  Without it more
 * verdicts are unknown. */
enum { BACKTEST_HASH_CHARS = 14 };
typedef void backtest_hash_fn(
    const void *context, struct slice local, char out[BACKTEST_HASH_CHARS]);
void backtest_hash_locals(struct backtest *, backtest_hash_fn *, const void *context);

/* Before the first row: only messages that begin from from_ms on and before until_ms are its own,
 * and only rows of that time are counted.  It wants the rows from BACKTEST_OPEN_SECONDS in front of
 * from_ms on, until backtest_wants() says no.  False when out of memory. */
bool backtest_part(struct backtest *, int64_t from_ms, int64_t until_ms);
bool backtest_wants(const struct backtest *, int64_t time_ms);

/* Of a row that backtest_wants_row() wanted, or of each. */
void backtest_row(struct backtest *, const struct decision_row *);

/* Of a row, what the fast way needs of all of them. */
struct backtest_place {
	uint64_t session; /* backtest_session() of it */
	uint32_t transaction;
	int64_t time_ms;
	uint64_t count;
	enum stage stage;
	bool refused, folded;
	bool touched;
};

/* Counts the row; true: it is wanted, and backtest_row() has to follow. */
bool backtest_wants_row(struct backtest *, const struct backtest_place *);

/* A row that comes soon: what it needs of the memory is asked for. */
void backtest_expect(const struct backtest *, uint64_t session, uint32_t transaction);

/* Sessions of which rows were left out that are needed; *count 0: the figures are right. */
const uint64_t *backtest_late(const struct backtest *, size_t *count);

/* Ids of sessions are random: 64 bits of a hash tell them apart. */
uint64_t backtest_session(struct slice session);

/* Adds the figures of a later part, which is ended, to those of an earlier one, which is. */
void backtest_add(struct backtest *, struct backtest *later);

/* Ends all transactions; valid until the backtest is freed. */
const struct backtest_result *backtest_end(struct backtest *);

/* The upper end of a 95 % interval (Wilson) for how many of all newly refused messages are proven,
 * by those that were evaluated. */
uint64_t backtest_proven_bound(const struct backtest_result *);

#endif
