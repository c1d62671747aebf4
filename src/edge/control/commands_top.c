/*
 * top: one second of the daemon on one page: what is decided, how quickly, by which rules and for
 * which clients.  susmilterctl asks for a page as often as its terminal takes one, so that a slow
 * line shows fewer pages instead of old ones.
 */
#include "core/base/line.h"
#include "core/base/rfc3339.h"
#include "edge/config/config.h"
#include "edge/milter/milter.h"
#include "edge/stats/clients.h"
#include "watch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Of a page: a terminal of old, and larger than any. */
enum { COLUMNS = 80, COLUMNS_MIN = 40, COLUMNS_MAX = 400 };
enum { LINES = 24, LINES_MIN = 10, LINES_MAX = 300 };

/* Rules that are told apart, with their actions: those beyond are left out. */
enum { RULES_KEPT = 4096 };

/* What the columns beside a rule's name take. */
enum { BESIDE_RULE = 16 + 1 + 1 + 16 + 1 + 7 + 1 + 11, BESIDE_CLIENT = 39 + 1 + 1 + 16 + 1 + 7 };

struct rule_rate {
	const char *family, *action;
	char rule[CLIENTS_RULE_MAX];
	uint64_t before, now;
};

/* What is counted in the daemon, at one moment. */
struct moment {
	int64_t us; /* of the clock that never jumps */
	struct latency rcpt, end;
	struct resolver_stats dns;
	struct recorder_counts records;
};

struct top {
	struct request *req;
	uint64_t columns, lines, used;
	struct moment before, now;
	double seconds;
	struct rule_rate rules[RULES_KEPT];
	size_t rule_count;
	struct client_seen clients[LINES_MAX];
	size_t client_count;
	struct clients_told told;
};

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
	if (i == RULES_KEPT)
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
static bool watch_second(struct top *t)
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
	event = channel_wait(t->req->channel, -1, 1000);
	t->now = take_moment(t);
	t->client_count = clients_end(clients, &look, t->clients, LINES_MAX, &t->told);
	t->seconds = (double)(t->now.us - t->before.us) / 1e6;
	return event == CHANNEL_TIMEOUT;
}

static int by_rate(const void *one, const void *other)
{
	const struct rule_rate *a = one, *b = other;
	uint64_t x = a->now - a->before, y = b->now - b->before;

	if (x != y)
		return x < y ? 1 : -1;
	return (a->now < b->now) - (a->now > b->now);
}

/* ---- the page ------------------------------------------------------------------------ */

/* One line, cut where the screen ends. */
__attribute__((format(printf, 2, 3))) static void say(struct top *t, const char *format, ...)
{
	char text[4 * COLUMNS_MAX + 1];
	va_list arguments;
	size_t len = 0;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (uint64_t shown = 0; text[len]; len++)
		if (((unsigned char)text[len] & 0xc0) != 0x80 && shown++ == t->columns)
			break;
	channel_print(t->req->channel, "%.*s\n", (int)len, text);
	t->used++;
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
	const struct generation *g = table_pin(w->table);
	int64_t now = w->env.now_us(w->env.self);
	char age[AGE_MAX], time[RFC3339_TEXT_MAX];

	rfc3339_format(now / 1000000, time);
	say(t, "susmilter  %s  %s  generation %llu for %s  %u session%s", time + 11,
	    g->rules->settings.monitor ? "MONITOR: nothing is refused" : "enforce",
	    (unsigned long long)g->number, age_text((now - g->loaded_us) / 1000000, age),
	    milter_sessions(), milter_sessions() == 1 ? "" : "s");
	table_unpin(&g);
}

/* What is left for a rule's name; not so much that the eye loses the line. */
static int rule_width(const struct top *t, int beside)
{
	enum { WIDTH_MIN = 8, WIDTH_MAX = 40 };
	int width = (int)t->columns - beside;

	return width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
}

static void say_rules(struct top *t, size_t count)
{
	int width = rule_width(t, BESIDE_RULE);

	say(t, "%-16s %-*s %-16s %7s %11s", "FAMILY", width, "RULE", "ACTION", "/s", "ALL");
	for (size_t i = 0; i < count; i++)
		say(t, "%-16s %-*.*s %-16s %7.0f %11llu", t->rules[i].family, width, width,
		    t->rules[i].rule, t->rules[i].action,
		    rate(t, t->rules[i].before, t->rules[i].now),
		    (unsigned long long)t->rules[i].now);
}

static void say_clients(struct top *t, size_t count)
{
	int width = rule_width(t, BESIDE_CLIENT);
	char client[IP_TEXT_MAX];

	say(t, "%-39s %-*s %-16s %7s", "CLIENT", width, "RULE", "ACTION", "/s");
	for (size_t i = 0; i < count; i++) {
		const struct client_seen *c = &t->clients[i];
		say(t, "%-39.*s %-*.*s %-16s %7.0f", (int)ip_format(&c->client, client), client,
		    width, width, c->rule[0] ? c->rule : "-", action_word(c->action, c->monitored),
		    (double)c->count / t->seconds);
	}
	if (t->told.beyond > 0)
		say(t, "and %.0f/s from other clients", (double)t->told.beyond / t->seconds);
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

int command_top(struct request *req)
{
	struct top *t = calloc(1, sizeof *t);
	int status = STATUS_FAILED;

	if (!t) {
		channel_error(req->channel, "top: out of memory\n");
		return STATUS_FAILED;
	}
	t->req = req;
	if (!read_size(req, "columns", COLUMNS, COLUMNS_MIN, COLUMNS_MAX, &t->columns) ||
	    !read_size(req, "lines", LINES, LINES_MIN, LINES_MAX, &t->lines)) {
		free(t);
		return STATUS_USAGE;
	}
	table_unpin(&req->generation);
	if (watch_second(t)) {
		qsort(t->rules, t->rule_count, sizeof t->rules[0], by_rate);
		say_page(t);
		status = STATUS_OK;
	}
	free(t);
	return status;
}
