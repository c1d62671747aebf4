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
 * A transaction is open until its end, or for BACKTEST_OPEN_SECONDS.  One thread at a time.
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
	bool no_memory; /* the figures are too low */
};

/* Borrows the rule sets.  NULL when out of memory. */
struct backtest *backtest_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now, const struct idna *);
void backtest_free(struct backtest **);

void backtest_row(struct backtest *, const struct decision_row *);

/* Ends all transactions; valid until the backtest is freed. */
const struct backtest_result *backtest_end(struct backtest *);

/* The upper end of a 95 % interval (Wilson) for how many of all newly refused messages are proven,
 * by those that were evaluated. */
uint64_t backtest_proven_bound(const struct backtest_result *);

#endif
