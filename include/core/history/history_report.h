#ifndef CORE_HISTORY_HISTORY_REPORT_H
#define CORE_HISTORY_HISTORY_REPORT_H
/*
 * history_report: what the history knows of the refusals for one recipient domain: the sender
 * domains, those that look legitimate first, and where there is no database of reports, all else.
 *
 *     r = history_report_create(weekly, since, until)      // weekly has learned:
 * core/history/weekly.h history_report_add(r, &row)                          // every row of that
 * recipient domain history_report_senders(r, arena, &report)            // into a report that is
 * there history_report_fill(r, arena, &report)               // or the whole of one
 *
 * Refusals that share a row with others of their network (core/history/history_fold.h) have no
 * recipient of their own and are in no domain's rows: totals from here are exact without floods
 * only, which is why the database of reports (edge/stats/reports.h) counts them by itself.
 *
 * One thread at a time.
 */
#include "core/base/arena.h"
#include "core/history/weekly.h"
#include "core/stats/domain_report.h"

struct history_report;

/* Times are seconds since the epoch.  The weekly is borrowed.  NULL when out of memory. */
struct history_report *history_report_create(const struct weekly *, int64_t since, int64_t until);
void history_report_free(struct history_report **);

/* False when out of memory. */
bool history_report_add(struct history_report *, const struct decision_row *);

/* Both give texts of the arena; false when out of memory. */
bool history_report_senders(struct history_report *, struct arena *, struct domain_report *);
bool history_report_fill(
    struct history_report *, struct slice domain, struct arena *, struct domain_report *);

#endif
