/*
 * top: one second of the daemon on one page: what is decided, how quickly, by which rules and for
 * which clients.  susmilterctl asks for a page as often as its terminal takes one, so that a slow
 * line shows fewer pages instead of old ones.
 */
#include "core/base/columns.h"
#include "core/base/line.h"
#include "core/base/rfc3339.h"
#include "edge/config/config.h"
#include "edge/control/watch.h"
#include "edge/geo/geo.h"
#include "edge/milter/milter.h"
#include "top_window.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Of a page: a terminal of old, and larger than any. */
enum { INDENT = 11 }; /* below the first word of a line */
enum { COLUMNS = 80, COLUMNS_MIN = 40, COLUMNS_MAX = 400 };
enum { LINES = 24, LINES_MIN = 10, LINES_MAX = TOP_CLIENTS_MAX };

/* How long a page looks back; longer ones are announced. */
enum { WINDOW = 1, WINDOW_MAX = TOP_WINDOW_MAX, QUIET_SECONDS = 3 };

/* ---- counting ------------------------------------------------------------------------ */

static struct rule_rate *find_rule(struct top *t, const struct counter *c)
{
	const char *family = c->family == FAMILY_NONE ? "-" : family_name(c->family);
	const char *action = action_word(c->action, c->monitored);
	char rule[CLIENTS_RULE_MAX];
	size_t i = 0;

	snprintf(rule, sizeof rule, "%.*s", SLICE_ARG(c->rule.len > 0 ? c->rule : SLICE("-")));
	while (i < t->rule_count && (t->rules[i].family != family || t->rules[i].action != action ||
					strcmp(t->rules[i].rule, rule) != 0))
		i++;
	if (i == TOP_RULES_MAX)
		return NULL;
	if (i == t->rule_count) {
		t->rules[t->rule_count++] = (struct rule_rate){family, action, "", 0, 0};
		memcpy(t->rules[i].rule, rule, sizeof rule);
	}
	return &t->rules[i];
}

static void take_counter(void *context, const struct counter *c)
{
	struct rule_rate *r = find_rule(context, c);

	if (r)
		r->now = c->count;
}

static struct moment take_moment(struct top *t)
{
	struct worker *w = t->req->worker;
	struct moment m = {
	    .us = w->env.monotonic_us(w->env.self),
	    .rcpt = counters_latency(w->counters, STAGE_RCPT),
	    .end = counters_latency(w->counters, STAGE_END),
	    .records = recorder_counts(w->recorder),
	};

	pthread_mutex_lock(&w->resolver_lock);
	if (w->resolver)
		resolver_stats(w->resolver, &m.dns);
	pthread_mutex_unlock(&w->resolver_lock);
	for (size_t i = 0; i < t->rule_count; i++)
		t->rules[i].before = t->rules[i].now;
	counters_each(w->counters, take_counter, t);
	return m;
}

/* False after a complaint, or when nobody listens any more. */
static bool watch_a_while(struct top *t)
{
	struct clients *clients = t->req->worker->clients;
	struct clients_look *look = clients_begin(clients);
	enum channel_event event;

	if (!look) {
		channel_error(
		    t->req->channel, "too many tail and top commands are running: end one first\n");
		return false;
	}
	t->before = take_moment(t);
	event = channel_wait(t->req->channel, -1, (int)(1000 * t->wait));
	t->now = take_moment(t);
	t->client_count = clients_end(clients, &look, t->clients, TOP_CLIENTS_MAX, &t->told);
	t->seconds = t->client_seconds = (double)(t->now.us - t->before.us) / 1e6;
	return event == CHANNEL_TIMEOUT;
}

static int compare_names(const struct rule_rate *a, const struct rule_rate *b)
{
	int order = strcmp(a->rule, b->rule);

	return order ? order : strcmp(a->action, b->action);
}

static int by_rate(const void *one, const void *other)
{
	const struct rule_rate *a = one, *b = other;
	uint64_t x = a->now - a->before, y = b->now - b->before;

	if (x != y)
		return x < y ? 1 : -1;
	return a->now != b->now ? (a->now < b->now) - (a->now > b->now) : compare_names(a, b);
}

static int by_all(const void *one, const void *other)
{
	const struct rule_rate *a = one, *b = other;

	return a->now != b->now ? (a->now < b->now) - (a->now > b->now) : compare_names(a, b);
}

static int by_name(const void *one, const void *other)
{
	return compare_names(one, other);
}

static int by_address(const void *one, const void *other)
{
	const struct client_seen *a = one, *b = other;
	int order = ip_compare(&a->client, &b->client);

	return order ? order : strcmp(a->rule, b->rule);
}

/* Clients come busiest first. */
static void sort(struct top *t)
{
	int (*order)(const void *, const void *) = strcmp(t->sort, "name") == 0  ? by_name
						   : strcmp(t->sort, "all") == 0 ? by_all
										 : by_rate;

	qsort(t->rules, t->rule_count, sizeof t->rules[0], order);
	if (order == by_name && t->client_count > 0)
		qsort(t->clients, t->client_count, sizeof t->clients[0], by_address);
}

/* ---- the page ------------------------------------------------------------------------ */

static void say_line(struct top *t, struct slice text)
{
	if (t->used < t->lines)
		channel_print(t->req->channel, "%.*s\n", SLICE_ARG(text));
	t->used++;
}

/* As many bytes as fit into the columns; at a blank, where one is not too far in front. */
static size_t fitting(struct slice s, uint64_t columns)
{
	size_t n = 0, blank = 0;

	for (uint64_t shown = 0; n < s.len; n++) {
		if (((unsigned char)s.ptr[n] & 0xc0) != 0x80 && shown++ == columns)
			return blank > 0 ? blank : n;
		if (s.ptr[n] == ' ' && n > INDENT)
			blank = n;
	}
	return n;
}

/* One line, and where the screen is too narrow for it further ones, indented. */
__attribute__((format(printf, 2, 3))) static void say(struct top *t, const char *format, ...)
{
	char text[4 * COLUMNS_MAX + 1], further[sizeof text + INDENT];
	va_list arguments;
	struct slice rest;
	size_t n;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	rest = slice_str(text);
	n = fitting(rest, t->columns);
	say_line(t, slice_of(rest.ptr, n));
	while ((rest = slice_trim(slice_skip(rest, n))).len > 0) {
		int len =
		    snprintf(further, sizeof further, "%*s%.*s", (int)INDENT, "", SLICE_ARG(rest));

		n = fitting(slice_of(further, (size_t)len), t->columns);
		say_line(t, slice_of(further, n));
		n -= INDENT;
	}
}

/* A resolver that a reload replaced counts from nothing. */
static double rate(const struct top *t, uint64_t before, uint64_t now)
{
	return now > before ? (double)(now - before) / t->seconds : 0;
}

/* "72 accept, 39 reject": the actions of this second, most frequent first. */
static void say_decisions(struct top *t)
{
	struct {
		const char *action;
		uint64_t count;
	} sums[2 * ACTION_COUNT] = {{NULL, 0}};
	char text[COLUMNS_MAX];
	struct line l = line_start(text, sizeof text);
	uint64_t all = 0;

	for (size_t i = 0; i < t->rule_count; i++) {
		uint64_t n = t->rules[i].now - t->rules[i].before;
		size_t k = 0;
		while (sums[k].action && sums[k].action != t->rules[i].action)
			k++;
		sums[k].action = t->rules[i].action;
		sums[k].count += n;
		all += n;
	}
	for (size_t k = 0; k < sizeof sums / sizeof sums[0] && sums[k].action; k++)
		if (sums[k].count > 0)
			line_append(&l, "%s%.0f %s", l.len > 0 ? ", " : ": ",
			    (double)sums[k].count / t->seconds, sums[k].action);
	say(t, "decisions  %.0f/s%s", (double)all / t->seconds, text);
}

/* "2.5 ms": what 99 % of those between two moments took at most. */
enum { LATENCY_TEXT_MAX = 24 };
static const char *latency_text(
    const struct latency *before, const struct latency *now, char out[LATENCY_TEXT_MAX])
{
	uint64_t all = now->count - before->count, below = 0;
	int i = 0;

	if (all == 0)
		return "-";
	while ((below += now->bucket[i] - before->bucket[i]) * 100 < all * 99)
		i++;
	if (i < COUNTERS_BUCKETS - 1)
		snprintf(out, LATENCY_TEXT_MAX, "%g ms", (double)counters_bounds_us[i] / 1e3);
	else
		snprintf(out, LATENCY_TEXT_MAX, "over %g s",
		    (double)counters_bounds_us[COUNTERS_BUCKETS - 2] / 1e6);
	return out;
}

static void say_work(struct top *t)
{
	char rcpt[LATENCY_TEXT_MAX], end[LATENCY_TEXT_MAX];
	const struct moment *b = &t->before, *n = &t->now;

	say(t, "latency    p99 %s at RCPT, %s at end of message; %.0f messages/s",
	    latency_text(&b->rcpt, &n->rcpt, rcpt), latency_text(&b->end, &n->end, end),
	    rate(t, b->end.count, n->end.count));
	say(t, "DNS        %.0f/s cached, %.0f/s queried, %.0f timed out; %llu in flight",
	    rate(t, b->dns.cached, n->dns.cached), rate(t, b->dns.asked, n->dns.asked),
	    rate(t, b->dns.expired, n->dns.expired), (unsigned long long)n->dns.in_flight);
}

/* "/etc/susmilter/susmilter.conf:7: …" is too long for a line. */
static const char *without_folder(const char *error)
{
	size_t path = strcspn(error, ":");

	while (path > 0 && error[path - 1] != '/')
		path--;
	return error + path;
}

/* Only what somebody must do something about. */
static void say_trouble(struct top *t)
{
	struct reload_status reload = worker_reload_status(t->req->worker);
	uint64_t dropped = t->now.records.dropped - t->before.records.dropped;
	uint64_t failed = t->now.records.failed - t->before.records.failed;

	if (reload.at_us != 0 && !reload.ok)
		say(t, "! reload refused: %s", without_folder(reload.first_error));
	if (!t->now.dns.running)
		say(t, "! the resolver is not running: no SPF, DKIM or DMARC");
	if (dropped + failed > 0)
		say(t, "! decision records lost: %llu dropped, %llu failed in the last second",
		    (unsigned long long)dropped, (unsigned long long)failed);
}

static void say_head(struct top *t)
{
	const struct worker *w = t->req->worker;
	const struct generation *g = t->generation;
	int64_t now = w->env.now_us(w->env.self);
	char age[AGE_MAX], time[RFC3339_TEXT_MAX];

	rfc3339_format(now / 1000000, time);
	say(t, "susmilter  %s  last %.0f s  %s  generation %llu for %s  %u session%s", time + 11,
	    t->seconds, g->rules->settings.monitor ? "MONITOR: nothing is refused" : "enforce",
	    (unsigned long long)g->number, age_text((now - g->loaded_us) / 1000000, age),
	    milter_sessions(), milter_sessions() == 1 ? "" : "s");
}

/* ---- tables --------------------------------------------------------------------------- */

enum { RULE_COLUMNS = 5, CLIENT_COLUMNS = 6, CELL_MAX = 72 };

static void say_row(
    struct top *t, const struct column *columns, size_t n, char cells[][CELL_MAX], bool heads)
{
	const char *at[CLIENT_COLUMNS];
	char line[COLUMNS_LINE_MAX];

	for (size_t i = 0; i < n; i++)
		at[i] = cells[i];
	say_line(t, slice_str(columns_row(columns, n, heads ? NULL : at, line)));
}

static void rule_cells(const struct top *t, size_t i, char cells[][CELL_MAX])
{
	const struct rule_rate *r = &t->rules[i];

	snprintf(cells[0], CELL_MAX, "%s", r->family);
	snprintf(cells[1], CELL_MAX, "%s", r->rule);
	snprintf(cells[2], CELL_MAX, "%s", r->action);
	snprintf(cells[3], CELL_MAX, "%.0f", rate(t, r->before, r->now));
	snprintf(cells[4], CELL_MAX, "%llu", (unsigned long long)r->now);
}

/* What an address belongs to, as the databases of the generation have it. */
static void client_cells(const struct top *t, size_t i, char cells[][CELL_MAX])
{
	const struct client_seen *c = &t->clients[i];
	struct geo_place place = {.asn = 0};

	geo_lookup(t->generation->config->geo_asn_db, &c->client, &place);
	geo_lookup(t->generation->config->geo_country_db, &c->client, &place);
	ip_format(&c->client, cells[0]);
	snprintf(cells[1], CELL_MAX, place.asn ? "AS%u" : "-", place.asn);
	snprintf(cells[2], CELL_MAX, "%s", place.country[0] ? place.country : "-");
	snprintf(cells[3], CELL_MAX, "%s", c->rule[0] ? c->rule : "-");
	snprintf(cells[4], CELL_MAX, "%s", action_word(c->action, c->monitored));
	snprintf(cells[5], CELL_MAX, "%.0f", (double)c->count / t->client_seconds);
}

/* The rows of a table, measured and then written. */
static void say_table(struct top *t, struct column *columns, size_t n, size_t rows,
    void (*cells_of)(const struct top *, size_t row, char cells[][CELL_MAX]))
{
	char cells[CLIENT_COLUMNS][CELL_MAX] = {""};

	for (size_t i = 0; i < rows; i++) {
		cells_of(t, i, cells);
		for (size_t k = 0; k < n; k++)
			columns_measure(&columns[k], cells[k]);
	}
	columns_fit(columns, n, (unsigned)t->columns);
	say_row(t, columns, n, cells, true);
	for (size_t i = 0; i < rows; i++) {
		cells_of(t, i, cells);
		say_row(t, columns, n, cells, false);
	}
}

static void say_rules(struct top *t, size_t count)
{
	struct column columns[RULE_COLUMNS] = {
	    {.head = "FAMILY", .min = 8, .shrink = 3},
	    {.head = "RULE", .min = 8, .shrink = 1},
	    {.head = "ACTION", .min = 8, .shrink = 2},
	    {.head = "/s", .right = true},
	    {.head = "ALL", .right = true},
	};

	say_table(t, columns, RULE_COLUMNS, count, rule_cells);
}

static void say_clients(struct top *t, size_t count)
{
	const struct config *config = t->generation->config;
	struct column columns[CLIENT_COLUMNS] = {
	    {.head = "CLIENT", .min = 15, .shrink = 3},
	    {.head = "AS", .optional = true},
	    {.head = "CC", .optional = true},
	    {.head = "RULE", .min = 8, .shrink = 1},
	    {.head = "ACTION", .min = 8, .shrink = 2},
	    {.head = "/s", .right = true},
	};

	if (!config->geo_asn_db && !config->geo_country_db)
		columns[1].hidden = columns[2].hidden = true;
	say_table(t, columns, CLIENT_COLUMNS, count, client_cells);
	if (t->told.beyond > 0)
		say(t, "and %.0f/s from other clients", (double)t->told.beyond / t->client_seconds);
}

static void say_page(struct top *t)
{
	size_t left, rules, clients;

	say_head(t);
	say_decisions(t);
	say_work(t);
	say_trouble(t);
	say(t, "%s", "");
	/* Two heads, a blank line, and perhaps the others; who needs less than half gives it. */
	left = t->used + 4 < t->lines ? (size_t)(t->lines - t->used - 4) : 0;
	clients = t->client_count < left / 2 ? t->client_count : left / 2;
	rules = t->rule_count < left - clients ? t->rule_count : left - clients;
	clients = t->client_count < left - rules ? t->client_count : left - rules;
	say_rules(t, rules);
	say(t, "%s", "");
	say_clients(t, clients);
}

/* ---- the command --------------------------------------------------------------------- */

static bool read_size(struct request *req, const char *key, uint64_t fallback, uint64_t min,
    uint64_t max, uint64_t *out)
{
	const char *text = request_text(req, key);

	*out = fallback;
	if (text && (!slice_to_uint(slice_str(text), UINT32_MAX, out) || *out == 0)) {
		channel_error(req->channel, "top: --%s must be at least 1\n", key);
		return false;
	}
	*out = *out < min ? min : *out > max ? max : *out;
	return true;
}

/* ---- JSON ------------------------------------------------------------------------------ */

static json_t *rules_json(const struct top *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->rule_count; i++) {
		const struct rule_rate *r = &t->rules[i];

		json_array_append_new(
		    list, json_pack("{s:s, s:o, s:s, s:f, s:I}", "family", r->family, "rule",
			      json_from_slice(slice_str(r->rule)), "action", r->action, "rate",
			      rate(t, r->before, r->now), "all", (json_int_t)r->now));
	}
	return list;
}

static json_t *clients_json(const struct top *t)
{
	json_t *list = json_array();

	for (size_t i = 0; i < t->client_count; i++) {
		char cells[CLIENT_COLUMNS][CELL_MAX];
		json_t *o;

		client_cells(t, i, cells);
		o = json_pack("{s:s, s:o, s:s, s:f}", "client", cells[0], "rule",
		    json_from_slice(slice_str(cells[3])), "action", cells[4], "rate",
		    (double)t->clients[i].count / t->client_seconds);
		if (cells[1][0] == 'A')
			json_object_set_new(o, "asn", json_integer(atoll(cells[1] + 2)));
		if (cells[2][0] != '-')
			json_object_set_new(o, "country", json_string(cells[2]));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *top_json(const struct top *t)
{
	const struct worker *w = t->req->worker;
	char time[RFC3339_TEXT_MAX];

	rfc3339_format(w->env.now_us(w->env.self) / 1000000, time);
	return json_pack("{s:s, s:f, s:s, s:I, s:i, s:f, s:o, s:o}", "time", time, "seconds",
	    t->seconds, "mode", t->generation->rules->settings.monitor ? "monitor" : "enforce",
	    "generation", (json_int_t)t->generation->number, "sessions", (int)milter_sessions(),
	    "messages", rate(t, t->before.end.count, t->now.end.count), "rules", rules_json(t),
	    "clients", clients_json(t));
}

static bool read_words(struct request *req, struct top *t)
{
	bool once = request_switch(req, "once") || request_switch(req, "json");

	t->sort = request_text(req, "sort");
	if (!t->sort)
		t->sort = "rate";
	if (strcmp(t->sort, "rate") != 0 && strcmp(t->sort, "all") != 0 &&
	    strcmp(t->sort, "name") != 0) {
		channel_error(req->channel, "top: --sort must be rate, all or name\n");
		return false;
	}
	if (!read_size(req, "columns", COLUMNS, COLUMNS_MIN, COLUMNS_MAX, &t->columns) ||
	    !read_size(req, "lines", LINES, LINES_MIN, LINES_MAX, &t->lines) ||
	    !read_size(req, "window", WINDOW, WINDOW, WINDOW_MAX, &t->window))
		return false;
	/* One sample measures all of its window. */
	t->wait = once ? (double)t->window : 1;
	if (once)
		t->window = 1;
	return true;
}

static int show(struct top *t)
{
	int status = STATUS_OK;

	if (t->window > 1) {
		top_window_add(t);
		top_window_widen(t, t->window);
	}
	sort(t);
	t->generation = table_pin(t->req->worker->table);
	if (request_switch(t->req, "json"))
		status = request_print_json(t->req, top_json(t));
	else
		say_page(t);
	table_unpin(&t->generation);
	return status;
}

int command_top(struct request *req)
{
	struct top *t = calloc(1, sizeof *t);
	int status = STATUS_FAILED;

	if (!t) {
		channel_error(req->channel, "top: out of memory\n");
		return STATUS_FAILED;
	}
	t->req = req;
	if (!read_words(req, t)) {
		free(t);
		return STATUS_USAGE;
	}
	table_unpin(&req->generation);
	/* Who hears nothing for long takes the daemon for dead. */
	if (t->wait > QUIET_SECONDS)
		channel_error(req->channel, "measuring for %.0f seconds\n", t->wait);
	if (watch_a_while(t))
		status = show(t);
	free(t);
	return status;
}
