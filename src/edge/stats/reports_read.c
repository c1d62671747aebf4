#include "edge/stats/reports.h"

#include <sqlite3.h>
#include <stdio.h>

/* One reading: the queries all begin with the domain and the hours. */
struct reading {
	sqlite3 *db;
	struct slice domain;
	int64_t since, until;
	struct arena *arena;
	struct domain_report *out;
	bool failed;
};

static sqlite3_stmt *ask(struct reading *r, const char *text)
{
	sqlite3_stmt *q = NULL;

	if (r->failed || sqlite3_prepare_v2(r->db, text, -1, &q, NULL) != SQLITE_OK) {
		r->failed = true;
		return NULL;
	}
	sqlite3_bind_text(q, 1, r->domain.ptr, (int)r->domain.len, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, r->since);
	sqlite3_bind_int64(q, 3, r->until);
	return q;
}

static bool next_row(struct reading *r, sqlite3_stmt *q)
{
	int result = q ? sqlite3_step(q) : SQLITE_DONE;

	if (result == SQLITE_ROW)
		return true;
	r->failed |= result != SQLITE_DONE;
	sqlite3_finalize(q);
	return false;
}

#define OF_DOMAIN "domain=(SELECT id FROM domains WHERE name=?1) AND hour>=?2 AND hour<?3 "

static void read_totals(struct reading *r)
{
	sqlite3_stmt *q =
	    ask(r, "SELECT family, would, sum(count) FROM totals WHERE " OF_DOMAIN "GROUP BY 1, 2");

	while (next_row(r, q)) {
		int family = sqlite3_column_int(q, 0), monitored = sqlite3_column_int(q, 1);
		if (family >= 0 && family < FAMILY_COUNT && monitored >= 0 && monitored < 2)
			r->out->totals[family][monitored] = (uint64_t)sqlite3_column_int64(q, 2);
	}
}

static void read_hours(struct reading *r)
{
	size_t room = (size_t)(r->until - r->since);
	struct domain_report_hour *hours = arena_calloc(r->arena, room, sizeof *hours);
	sqlite3_stmt *q = ask(r, "SELECT hour, would, sum(count) FROM totals WHERE " OF_DOMAIN
				 "GROUP BY 1, 2 ORDER BY 1");
	size_t n = 0;

	r->failed |= !hours;
	while (next_row(r, q)) {
		int64_t hour = sqlite3_column_int64(q, 0);
		uint64_t count = (uint64_t)sqlite3_column_int64(q, 2);

		if (!hours || (n == room && hours[n - 1].hour != hour))
			continue;
		if (n == 0 || hours[n - 1].hour != hour)
			hours[n++].hour = hour;
		*(sqlite3_column_int(q, 1) ? &hours[n - 1].monitored : &hours[n - 1].refused) =
		    count;
	}
	r->out->hours = hours;
	r->out->hour_count = n;
}

static void read_top(struct reading *r, enum tally_kind kind)
{
	struct domain_report_key *keys = arena_calloc(r->arena, TALLY_TOP, sizeof *keys);
	sqlite3_stmt *q = ask(r, "SELECT key, sum(count) FROM tops WHERE " OF_DOMAIN
				 "AND kind=?4 GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?5");
	size_t n = 0;

	r->failed |= !keys;
	if (q) {
		sqlite3_bind_int(q, 4, (int)kind);
		sqlite3_bind_int(q, 5, TALLY_TOP);
	}
	while (next_row(r, q)) {
		struct slice key = slice_of(
		    (const char *)sqlite3_column_text(q, 0), (size_t)sqlite3_column_bytes(q, 0));

		if (!slice_is_utf8(key))
			key = SLICE("(not text)");
		if (keys && n < TALLY_TOP)
			keys[n++] = (struct domain_report_key){
			    arena_copy(r->arena, key), (uint64_t)sqlite3_column_int64(q, 1)};
	}
	r->out->top[kind] = keys;
	r->out->top_count[kind] = n;
}

/* How many different recipients: only where some hour could not list them all. */
static void read_recipients(struct reading *r)
{
	struct hyperloglog all = {{0}}, one;
	sqlite3_stmt *q = ask(r, "SELECT registers FROM recipients WHERE " OF_DOMAIN);
	bool some = false;

	while (next_row(r, q)) {
		if (sqlite3_column_bytes(q, 0) != sizeof one)
			continue;
		memcpy(&one, sqlite3_column_blob(q, 0), sizeof one);
		hyperloglog_merge(&all, &one);
		some = true;
	}
	for (size_t i = 0; some && i < r->out->top_count[TALLY_RECIPIENTS]; i++)
		hyperloglog_add(&all, r->out->top[TALLY_RECIPIENTS][i].key);
	r->out->recipients = some ? hyperloglog_estimate(&all) : 0;
}

static void read_all(struct reading *r)
{
	read_totals(r);
	read_hours(r);
	for (int kind = 0; kind < TALLY_KINDS; kind++)
		read_top(r, (enum tally_kind)kind);
	read_recipients(r);
}

static bool open_database(struct reading *r, const char *database)
{
	enum { TIMEOUT_MS = 2000 };

	if (sqlite3_open_v2(database, &r->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return false;
	sqlite3_busy_timeout(r->db, TIMEOUT_MS);
	return true;
}

/* False, and the reason, when something failed. */
static bool close_database(struct reading *r, const char *database, char why[REPORTS_WHY_MAX])
{
	if (r->failed)
		snprintf(why, REPORTS_WHY_MAX, "%s: %s", database,
		    r->db ? sqlite3_errmsg(r->db) : "out of memory");
	sqlite3_close(r->db);
	return !r->failed;
}

bool reports_read(const char *database, struct slice domain, int64_t since, int64_t until,
    struct arena *arena, struct domain_report *out, char why[REPORTS_WHY_MAX])
{
	struct reading r = {
	    .domain = domain,
	    .since = since / 3600,
	    .until = until / 3600,
	    .arena = arena,
	    .out = out,
	};

	*out = (struct domain_report){.domain = domain, .since = r.since, .until = r.until};
	if (open_database(&r, database))
		read_all(&r);
	else
		r.failed = true;
	return close_database(&r, database, why);
}

bool reports_each_domain(const char *database, int64_t since, int64_t until,
    bool (*each)(void *context, struct slice domain), void *context, char why[REPORTS_WHY_MAX])
{
	struct reading r = {.since = since / 3600, .until = until / 3600};
	sqlite3_stmt *q;

	if (!open_database(&r, database))
		r.failed = true;
	q = ask(&r, "SELECT DISTINCT name FROM totals JOIN domains ON domain=id "
		    "WHERE name<>ifnull(?1,'') AND hour>=?2 AND hour<?3 ORDER BY 1");
	while (next_row(&r, q)) {
		const char *name = (const char *)sqlite3_column_text(q, 0);

		if (name && name[0] && !each(context, slice_str(name))) {
			sqlite3_finalize(q);
			break;
		}
	}
	return close_database(&r, database, why);
}
