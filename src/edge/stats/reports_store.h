#ifndef REPORTS_STORE_H
#define REPORTS_STORE_H
/*
 * The database of reports: tables, writing, and growing old.  Used by the thread of reports.c; one
 * thread at a time.
 */
#include "core/stats/tally.h"

struct store;

enum { STORE_WHY_MAX = 240 };

/* The file never becomes larger than max_bytes.  NULL and the reason. */
struct store *store_open(const char *path, size_t max_bytes, char why[STORE_WHY_MAX]);
void store_close(struct store **);

/* Adds all of the tally, or nothing: false and the reason. */
bool store_add(struct store *, struct tally *, char why[STORE_WHY_MAX]);

/* Deletes the oldest day when the file is as large as it may be; false when that is not so. */
bool store_make_room(struct store *);

/* Deletes what is older than this hour. */
bool store_expire(struct store *, int64_t hour, char why[STORE_WHY_MAX]);

#endif
