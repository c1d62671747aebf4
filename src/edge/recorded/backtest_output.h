#ifndef RECORDED_BACKTEST_OUTPUT_H
#define RECORDED_BACKTEST_OUTPUT_H
/*
 * backtest_output: what a change does to recorded mail, as text and as JSON (SPEC 10).
 */
#include "edge/control/commands.h"
#include "edge/history/history_backtest.h"

/* The whole of it; the reader gives the ids of the samples. */
json_t *backtest_json(struct history_reader *, const struct backtest_result *,
    const struct history_backtest_told *, int64_t since_ms);
void backtest_print(struct request *, struct history_reader *, const struct backtest_result *,
    const struct history_backtest_told *, int64_t since_ms);

#endif
