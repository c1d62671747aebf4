#ifndef EDGE_RECORDED_CHANGE_BACKTEST_H
#define EDGE_RECORDED_CHANGE_BACKTEST_H
/*
 * change_backtest: what a change of the rules does to the mail of the last 24 hours, for check and
 * reload, where a history is kept: within two seconds, or as far as it got by then.
 *
 * The reload is live before, and threads yield to mail.  It changes no exit status.
 */
#include "edge/control/commands.h"

void change_backtest_print(
    struct request *, const struct ruleset *before, const struct ruleset *after);

/* An object as that of `backtest --json`, or where time ran out one without figures but
 * "at_least"; null where no history is kept, or it cannot be read.  A new reference. */
json_t *change_backtest_json(
    struct request *, const struct ruleset *before, const struct ruleset *after);

#endif
