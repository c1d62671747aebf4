#ifndef EDGE_CONFIG_MODES_H
#define EDGE_CONFIG_MODES_H
/*
 * modes: the modes of rules that `susmilterctl rule` sets beside the configuration.
 *
 *     STATE/rule-modes, a line for each rule:
 *     dialup monitor  # expires=2026-11-28T12:00:00Z by=root added=2026-11-28T11:00:00Z
 *
 * The lines are edited as those of the managed whitelist are (edge/managed/managed.h), and every
 * load reads them: the rule of the table has the mode with its end, and each decision compares the
 * two times itself (core/rules/rule.h).  So a mode ends on time whether or not anything is
 * reloaded, and one that ended while the daemon was down is over at the next start.
 *
 * A rule has one line at most; without one its mode is that of the configuration.  A line for a
 * rule that is gone does nothing and is warned of: it counts again if the rule comes back.
 */
#include "edge/config/config.h"
#include "edge/managed/managed.h"

/* The file that goes with this state directory, in the arena; "" where there is no directory. */
const char *modes_path(struct arena *, const char *state);

/* What stands before the comment of a line: "dialup monitor". */
struct slice modes_entry(struct arena *, struct slice rule, bool monitor);

/* Reads it again; false when it is no such line. */
bool modes_parse(struct slice entry, struct slice *rule, bool *monitor);

#endif
