#ifndef EDGE_HISTORY_HISTORY_BACKTEST_H
#define EDGE_HISTORY_HISTORY_BACKTEST_H
/*
 * history_backtest: a change of rules, decided again for what a directory has recorded (SPEC 10).
 *
 *     struct history_backtest ask = {.before = running, .after = changed, .now = time(NULL), …};
 *     b = history_backtest(reader, &ask, &told, why);
 *     ... backtest_end(b) ...  backtest_free(&b);
 *
 * Fast: of each segment every distinct client, name and address is judged once, whether the change
 * touches it (core/change/rules_touch.h); of rows the few columns are read that say of what message
 * they are, and the rest of them only where a message is touched.  Full: every row.  Both give the
 * same figures; rows that are damaged are counted by the fast way where what it reads of them is
 * whole.
 *
 * Two threads divide the time, each with a segment of either half, up to 100 MB.  They yield to
 * mail.
 */
#include "core/change/backtest.h"
#include "edge/history/history_find.h"

struct history_backtest {
	const struct ruleset *before, *after;
	int64_t now; /* seconds: when rules have expired */
	const struct idna *idna;
	int64_t since_ms, until_ms; /* until_ms 0: to the last row */
	bool full;
	int64_t budget_ms; /* 0: as long as it takes */
};

struct history_backtest_told {
	struct history_scan scan;
	bool finished;   /* within the budget: otherwise the figures are too low */
	uint64_t about;  /* rows that there are of that time, about */
	double seconds;  /* that it took */
	bool everything; /* the change can touch every row, or full was asked for */
};

/* NULL and the reason in why[].  The rule sets are borrowed by the result. */
struct backtest *history_backtest(struct history_reader *, const struct history_backtest *,
    struct history_backtest_told *, char why[HISTORY_FIND_WHY_MAX]);

#endif
