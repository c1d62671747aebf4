#include "reports_store.h"

#include "core/base/top_k.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PAGE = 4096 };

#define SETTINGS                                                                                   \
	"PRAGMA page_size=4096; PRAGMA journal_mode=DELETE; PRAGMA synchronous=NORMAL;"            \
	"PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY;"

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS domains(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE IF NOT EXISTS totals(domain INTEGER, hour INTEGER, family INTEGER,"
    " would INTEGER, count INTEGER, PRIMARY KEY(domain, hour, family, would)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS tops(domain INTEGER, hour INTEGER, kind INTEGER, key TEXT,"
    " count INTEGER, PRIMARY KEY(domain, hour, kind, key)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS recipients(domain INTEGER, hour INTEGER, registers BLOB,"
    " PRIMARY KEY(domain, hour)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS totals_by_hour ON totals(hour);"
    "CREATE INDEX IF NOT EXISTS tops_by_hour ON tops(hour);";

enum query {
	ADD_DOMAIN,
	FIND_DOMAIN,
	ADD_TOTAL,
	ADD_TOP,
	CUT_TOP,
	GET_SKETCH,
	PUT_SKETCH,
	QUERIES
};

static const char *const texts[QUERIES] = {
    [ADD_DOMAIN] = "INSERT OR IGNORE INTO domains(name) VALUES(?1)",
    [FIND_DOMAIN] = "SELECT id FROM domains WHERE name=?1",
    [ADD_TOTAL] = "INSERT INTO totals VALUES(?1,?2,?3,?4,?5) "
		  "ON CONFLICT DO UPDATE SET count=count+excluded.count",
    [ADD_TOP] = "INSERT INTO tops VALUES(?1,?2,?3,?4,?5) "
		"ON CONFLICT DO UPDATE SET count=count+excluded.count",
    [CUT_TOP] = "DELETE FROM tops WHERE domain=?1 AND hour=?2 AND kind=?3 AND key IN (SELECT key "
		"FROM tops WHERE domain=?1 AND hour=?2 AND kind=?3 ORDER BY count DESC, key LIMIT "
		"-1 OFFSET ?4)",
    [GET_SKETCH] = "SELECT registers FROM recipients WHERE domain=?1 AND hour=?2",
    [PUT_SKETCH] = "INSERT OR REPLACE INTO recipients VALUES(?1,?2,?3)",
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *queries[QUERIES];
	sqlite3_int64 max_pages;
	/* of one transaction */
	sqlite3_int64 domain;
	int64_t hour;
	enum tally_kind kind;
	bool failed, damaged;
	char problem[STORE_WHY_MAX]; /* the first */
};

/* ---- opening ------------------------------------------------------------------------- */

static bool prepare(struct store *s)
{
	char limit[64];

	snprintf(limit, sizeof limit, "PRAGMA max_page_count=%lld", (long long)s->max_pages);
	if (sqlite3_exec(s->db, SETTINGS, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db, limit, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return false;
	for (int q = 0; q < QUERIES; q++)
		if (sqlite3_prepare_v2(s->db, texts[q], -1, &s->queries[q], NULL) != SQLITE_OK)
			return false;
	return true;
}

static bool says_damaged(sqlite3 *db)
{
	int code = sqlite3_errcode(db);

	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool store_is_damaged(const struct store *s)
{
	return s->damaged;
}

/* The rollback journal belongs to the file: it would be played into the next one. */
static void rename_journal(const char *from, const char *to)
{
	char old[STORE_NAME_MAX + 16], fresh[STORE_NAME_MAX + 16];

	snprintf(old, sizeof old, "%s-journal", from);
	snprintf(fresh, sizeof fresh, "%s-journal", to);
	rename(old, fresh);
}

bool store_set_aside(const char *path, char name[STORE_NAME_MAX], char why[STORE_WHY_MAX])
{
	time_t now = time(NULL);
	char when[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &tm);
	if (snprintf(name, STORE_NAME_MAX, "%s.damaged-%s", path, when) < STORE_NAME_MAX &&
	    rename(path, name) == 0) {
		rename_journal(path, name);
		return true;
	}
	snprintf(why, STORE_WHY_MAX, "reports.database %.120s is damaged and cannot be renamed: %s",
	    path, strerror(errno));
	return false;
}

struct store *store_open(const char *path, size_t max_bytes, bool *damaged, char why[STORE_WHY_MAX])
{
	/* A reader holds it for moments. */
	enum { TIMEOUT_MS = 5000 };
	struct store *s = calloc(1, sizeof *s);
	bool good = false;

	if (s)
		good = sqlite3_open_v2(path, &s->db,
			   SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			   NULL) == SQLITE_OK;
	if (good) {
		s->max_pages = (sqlite3_int64)(max_bytes / PAGE);
		sqlite3_busy_timeout(s->db, TIMEOUT_MS);
		good = prepare(s);
		/* It names people: the group may read it, others not. */
		chmod(path, 0640);
	}
	if (good)
		return s;
	*damaged = s && s->db && says_damaged(s->db);
	snprintf(why, STORE_WHY_MAX, "reports.database %s: %s", path,
	    s && s->db ? sqlite3_errmsg(s->db) : "out of memory");
	store_close(&s);
	return NULL;
}

void store_close(struct store **s)
{
	if (!*s)
		return;
	for (int q = 0; q < QUERIES; q++)
		sqlite3_finalize((*s)->queries[q]);
	sqlite3_close((*s)->db);
	free(*s);
	*s = NULL;
}

/* ---- writing ------------------------------------------------------------------------- */

static void bind_text(sqlite3_stmt *q, int at, struct slice text)
{
	sqlite3_bind_text(q, at, text.ptr ? text.ptr : "", (int)text.len, SQLITE_STATIC);
}

/* Notes what is wrong, before another call makes SQLite forget it. */
static void report_error(struct store *s)
{
	if (!s->failed)
		s->damaged = says_damaged(s->db);
	if (!s->failed)
		snprintf(s->problem, sizeof s->problem, "reports.database %s: %s",
		    sqlite3_db_filename(s->db, "main"), sqlite3_errmsg(s->db));
	s->failed = true;
}

/* Statements without rows and parameters. */
static void execute(struct store *s, const char *text)
{
	if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
		report_error(s);
}

/* Runs a query that has no rows, and makes it ready for the next. */
static void run(struct store *s, enum query which)
{
	sqlite3_stmt *q = s->queries[which];

	if (sqlite3_step(q) != SQLITE_DONE)
		report_error(s);
	sqlite3_reset(q);
}

static void bind_place(struct store *s, enum query which)
{
	sqlite3_bind_int64(s->queries[which], 1, s->domain);
	sqlite3_bind_int64(s->queries[which], 2, s->hour);
}

static void find_domain(struct store *s, struct slice name)
{
	sqlite3_stmt *q = s->queries[FIND_DOMAIN];

	bind_text(s->queries[ADD_DOMAIN], 1, name);
	run(s, ADD_DOMAIN);
	bind_text(q, 1, name);
	if (sqlite3_step(q) == SQLITE_ROW)
		s->domain = sqlite3_column_int64(q, 0);
	else
		report_error(s);
	sqlite3_reset(q);
}

static void add_totals(struct store *s, const struct tally_domain *d)
{
	sqlite3_stmt *q = s->queries[ADD_TOTAL];

	for (int family = 0; family < FAMILY_COUNT; family++)
		for (int monitored = 0; monitored < 2; monitored++) {
			if (d->totals[family][monitored] == 0)
				continue;
			bind_place(s, ADD_TOTAL);
			sqlite3_bind_int(q, 3, family);
			sqlite3_bind_int(q, 4, monitored);
			sqlite3_bind_int64(q, 5, (sqlite3_int64)d->totals[family][monitored]);
			run(s, ADD_TOTAL);
		}
}

/* Of keys that may have come by their slot by chance, only what is certain is kept. */
static void add_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct store *s = context;
	sqlite3_stmt *q = s->queries[ADD_TOP];

	if (at_least * 2 < at_most)
		return;
	bind_place(s, ADD_TOP);
	sqlite3_bind_int(q, 3, (int)s->kind);
	bind_text(q, 4, key);
	sqlite3_bind_int64(q, 5, (sqlite3_int64)at_least);
	run(s, ADD_TOP);
}

static void add_tops(struct store *s, const struct tally_domain *d)
{
	for (int kind = 0; kind < TALLY_KINDS; kind++) {
		if (!d->top[kind])
			continue;
		s->kind = (enum tally_kind)kind;
		top_k_each(d->top[kind], add_key, s);
		bind_place(s, CUT_TOP);
		sqlite3_bind_int(s->queries[CUT_TOP], 3, kind);
		sqlite3_bind_int(s->queries[CUT_TOP], 4, TALLY_TOP);
		run(s, CUT_TOP);
	}
}

static void add_recipients(struct store *s, const struct hyperloglog *fresh)
{
	sqlite3_stmt *get = s->queries[GET_SKETCH], *put = s->queries[PUT_SKETCH];
	struct hyperloglog all = *fresh;

	bind_place(s, GET_SKETCH);
	if (sqlite3_step(get) == SQLITE_ROW && sqlite3_column_bytes(get, 0) == sizeof all) {
		struct hyperloglog before;
		memcpy(&before, sqlite3_column_blob(get, 0), sizeof before);
		hyperloglog_merge(&all, &before);
	}
	sqlite3_reset(get);
	bind_place(s, PUT_SKETCH);
	sqlite3_bind_blob(put, 3, &all, sizeof all, SQLITE_TRANSIENT);
	run(s, PUT_SKETCH);
}

static void add_domain(void *context, const struct tally_domain *d)
{
	struct store *s = context;

	if (s->failed)
		return;
	s->hour = d->hour;
	find_domain(s, d->name);
	add_totals(s, d);
	add_tops(s, d);
	if (d->recipients)
		add_recipients(s, d->recipients);
}

/* Ends the transaction one way or the other. */
static bool finish(struct store *s, char *why)
{
	if (!s->failed)
		execute(s, "COMMIT");
	if (!s->failed)
		return true;
	snprintf(why, STORE_WHY_MAX, "%s", s->problem);
	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

bool store_add(struct store *s, struct tally *tally, char why[STORE_WHY_MAX])
{
	s->failed = false;
	execute(s, "BEGIN IMMEDIATE");
	if (!s->failed)
		tally_each(tally, add_domain, s);
	return finish(s, why);
}

bool store_expire(struct store *s, int64_t hour, char why[STORE_WHY_MAX])
{
	char text[600];

	snprintf(text, sizeof text,
	    "BEGIN IMMEDIATE; DELETE FROM totals WHERE hour<%lld; DELETE FROM tops WHERE "
	    "hour<%lld; DELETE FROM recipients WHERE hour<%lld; DELETE FROM domains WHERE id NOT "
	    "IN (SELECT domain FROM totals)",
	    (long long)hour, (long long)hour, (long long)hour);
	s->failed = false;
	execute(s, text);
	return finish(s, why);
}

/* The first column of the first row; -1 when there is none. */
static int64_t number_of(struct store *s, const char *text)
{
	sqlite3_stmt *q = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(s->db, text, -1, &q, NULL) == SQLITE_OK &&
	    sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return n;
}

bool store_make_room(struct store *s)
{
	/* A transaction that did not fit has been rolled back, with the pages that it had added. */
	enum { NEARLY = 8 };
	char why[STORE_WHY_MAX];
	int64_t oldest;

	if (number_of(s, "PRAGMA page_count") < s->max_pages - s->max_pages / NEARLY)
		return false;
	oldest = number_of(s, "SELECT min(hour) FROM totals");
	return oldest >= 0 && store_expire(s, oldest + 24, why);
}
