#ifndef CORE_BASE_DIAG_H
#define CORE_BASE_DIAG_H
/*
 * diag: diagnostics, what a check of the configuration has to say, in the order in which it was
 * found.
 *
 * Every message is one line "file:line: reason" for the person who must act.  Checking goes on
 * after the first error, so that one run shows all of them; at most DIAG_PER_FILE errors of one
 * file are kept and the rest are counted ("lists/a.cidr: 1204 more errors not shown"), and
 * likewise for warnings.
 *
 *     diag_error(r, (struct origin){"susmilter.conf", 12}, "unknown key \"sokcet\"");
 *     if (diag_errors(r)) ...                         // the table is not built
 *
 * One thread at a time.  Out of memory is itself reported and counts as an error.
 */
#include "core/base/slice.h"

struct diag;

/* Where something was said.  file is borrowed (diag copies it); line 0 = the whole file. */
struct origin {
	const char *file;
	unsigned line;
};

/* 50 lines of one file fill a screen twice; more of the same kind teaches nothing. */
enum { DIAG_PER_FILE = 50 };

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag *diag_create(void);
void diag_free(struct diag **);

void diag_error(struct diag *, struct origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(struct diag *, struct origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A warning that is told before all else, behind earlier ones of its kind. */
void diag_headline(struct diag *, struct origin, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Exact counts, also of what was not kept. */
size_t diag_errors(const struct diag *);
size_t diag_warnings(const struct diag *);

/* Calls `each` with every kept line ("file:line: reason", no newline) in order, then with the
 * "N more" lines. */
void diag_each(const struct diag *, void (*each)(void *context, enum diag_level, const char *line),
    void *context);

#endif
