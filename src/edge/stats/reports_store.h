#ifndef REPORTS_STORE_H
#define REPORTS_STORE_H
/*
 * The database of reports: tables, writing, and growing old.  Used by the thread of reports.c; one
 * thread at a time.
 */
#include "core/stats/tally.h"

struct store;

enum { STORE_WHY_MAX = 240, STORE_NAME_MAX = 4096 };

/* The file never becomes larger than max_bytes.  NULL and the reason; *damaged: SQLite says that
 * the file is broken, or is no database, and store_set_aside() makes way for another. */
struct store *store_open(
    const char *path, size_t max_bytes, bool *damaged, char why[STORE_WHY_MAX]);
void store_close(struct store **);

/* Whether the last thing that failed did so because the file is damaged. */
bool store_is_damaged(const struct store *);

/* Gives a damaged file, which is closed, a name that says when: PATH.damaged-20270630T120000Z.
 * False, and the reason. */
bool store_set_aside(const char *path, char name[STORE_NAME_MAX], char why[STORE_WHY_MAX]);

/* Adds all of the tally, or nothing: false and the reason. */
bool store_add(struct store *, struct tally *, char why[STORE_WHY_MAX]);

/* Deletes the oldest day when the file is as large as it may be; false when that is not so. */
bool store_make_room(struct store *);

/* Deletes what is older than this hour. */
bool store_expire(struct store *, int64_t hour, char why[STORE_WHY_MAX]);

#endif
