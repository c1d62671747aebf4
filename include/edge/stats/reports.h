#ifndef EDGE_STATS_REPORTS_H
#define EDGE_STATS_REPORTS_H
/*
 * reports: refusals by recipient domain and hour, kept in a database of SQLite.
 *
 *     milter threads: reports_count() → tally in memory → every minute, or when it is full, an own
 *     thread → one transaction in the database
 *     `susmilterctl report`: reports_read() → domain_report (core/stats/domain_report.h)
 *
 * Mail never waits for the database: counting takes a lock for a microsecond, and the thread works
 * on a tally that was put aside.  What cannot be written stays in the tally and is tried again a
 * minute later; when that one is full, and the database still broken, it is dropped and counted.
 * A broken database is told once, until it works again.
 *
 * Why not from the history alone (core/history/history_report.h), which has every decision: in a
 * flood it folds the refusals of a network into one row for each rule, so that an id is found and
 * the disk lasts, and then says how many there were but not to which domain.  Totals of a domain
 * would be short by just the refusals that its owner asks about; they are exact here, in bounded
 * memory, whatever the flood.  Without a database reports are made of the history, and say so.
 *
 * All functions but reports_read() are safe in any thread; that one in any, with its own database.
 */
#include "core/session/env.h"
#include "core/stats/domain_report.h"

struct reports;

struct reports_settings {
	const char *database; /* path, "" = no reports */
	unsigned keep_days;
	/* Of the file; 0 = REPORTS_BYTES_MAX.  At the bound the oldest day goes. */
	size_t max_bytes;
};

/* What the disk of a mail host can spare. */
#define REPORTS_BYTES_MAX ((size_t)1 << 30)

/* NULL when the thread cannot be started.  A database that cannot be opened is no reason. */
struct reports *reports_create(const struct reports_settings *);

/* Writes what there is, ends the thread and frees. */
void reports_free(struct reports **);

/* Counts the record if it is a refusal, or would have been one outside of monitor mode. */
void reports_count(struct reports *, const struct record *);

/* One refusal as it is: what reports_count() makes of a record. */
struct refusal;
void reports_add(struct reports *, const struct refusal *);

/* After a reload. */
void reports_configure(struct reports *, const struct reports_settings *);

/* Writes what was counted by now; returns when it is written, or could not be, or after timeout. */
void reports_flush(struct reports *, int timeout_ms);

struct reports_counts {
	uint64_t counted; /* refusals since the start */
	uint64_t written; /* of these, in the database */
	uint64_t lost;    /* could not be written for so long that there was no room */
	size_t bytes;     /* memory in use */
};
struct reports_counts reports_counts(struct reports *);

/* Counted, and neither written nor lost: less than a minute's, while the database works. */
uint64_t reports_waiting(const struct reports_counts *);

/* Calls `each` with every recipient domain that has refusals in that time, in order; false and the
 * reason in why[]. */
enum { REPORTS_WHY_MAX = 240 };
bool reports_each_domain(const char *database, int64_t since, int64_t until,
    bool (*each)(void *context, struct slice domain), void *context, char why[REPORTS_WHY_MAX]);

/* The refusals of a domain from `since` to `until` (seconds since the epoch, whole hours) from the
 * database; false and the reason in why[]. */
bool reports_read(const char *database, struct slice domain, int64_t since, int64_t until,
    struct arena *, struct domain_report *out, char why[REPORTS_WHY_MAX]);

#endif
