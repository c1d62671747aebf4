#ifndef CORE_BASE_REPORT_H
#define CORE_BASE_REPORT_H
/*
 * report: what a check of the configuration has to say, in the order in which it was found.
 *
 * Every message is one line "file:line: reason" for the person who must act.  A report goes on
 * after the first error, so that one run shows all of them; at most REPORT_PER_FILE errors of one
 * file are kept and the rest are counted ("lists/a.cidr: 1204 more errors not shown"), and
 * likewise for warnings.
 *
 *     report_error(r, (struct origin){"susmilter.conf", 12}, "unknown key \"sokcet\"");
 *     if (report_errors(r)) ...                         // the table is not built
 *
 * One thread at a time.  Out of memory is itself reported and counts as an error.
 */
#include "core/base/slice.h"

struct report;

/* Where something was said.  file is borrowed (a report copies it); line 0 = the whole file. */
struct origin {
	const char *file;
	unsigned line;
};

/* 50 lines of one file fill a screen twice; more of the same kind teaches nothing. */
enum { REPORT_PER_FILE = 50 };

enum report_level { REPORT_ERROR, REPORT_WARNING };

struct report *report_create(void);
void report_free(struct report **);

void report_error(struct report *, struct origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning(struct report *, struct origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Exact counts, also of what was not kept. */
size_t report_errors(const struct report *);
size_t report_warnings(const struct report *);

/* Calls `each` with every kept line ("file:line: reason", no newline) in order, then with the
 * "N more" lines. */
void report_each(const struct report *,
    void (*each)(void *context, enum report_level, const char *line), void *context);

#endif
