/*
 * top: rules and clients by rate.  Rules are counted exactly (edge/counters.h); clients from the
 * decisions that go by, of which a flood leaves some out.
 */
#include "edge/milter.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* How often it is drawn, and what fits on a screen of 24 lines. */
enum { SECOND_MS = 1000, RULES_SHOWN = 9, CLIENTS_SHOWN = 7 };

/* Rules and clients that are told apart: those beyond are left out until a second is quieter. */
enum { RULES_KEPT = 4096, CLIENTS_KEPT = 4096 };

struct rule_rate {
	const char *family, *action;
	char rule[64];
	uint64_t before, now;
};

struct client_rate {
	char client[48];
	char action[24];
	uint64_t seen;
};

struct top {
	struct watch watch;
	struct rule_rate rules[RULES_KEPT];
	size_t rule_count;
	struct client_rate clients[CLIENTS_KEPT]; /* open addressing by client and action */
	int64_t since_ms;
};

static int64_t now_ms(const struct asked *a)
{
	return a->worker->env.monotonic_us(a->worker->env.self) / 1000;
}

/* ---- counting ---------------------------------------------------------------------------------
 */

static struct rule_rate *find_rule(struct top *t, const struct counter *c)
{
	const char *family = c->family == FAMILY_NONE ? "-" : family_name(c->family);
	const char *action = counter_action(c);
	char rule[sizeof t->rules[0].rule];
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

static void take_record(struct top *t, const json_t *record)
{
	const char *client = record_text(record, "client"), *action = record_text(record, "action");
	size_t hash = 5381;

	if (client[0] == '\0')
		return;
	for (const char *c = client; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	hash += (unsigned char)action[0];
	for (size_t i = 0; i < CLIENTS_KEPT; i++) {
		struct client_rate *r = &t->clients[(hash + i) % CLIENTS_KEPT];
		if (r->seen == 0) {
			snprintf(r->client, sizeof r->client, "%s", client);
			snprintf(r->action, sizeof r->action, "%s", action);
		} else if (strcmp(r->client, client) != 0 || strcmp(r->action, action) != 0) {
			continue;
		}
		r->seen++;
		return;
	}
}

/* Takes decisions until the second is over; false when nobody looks any more. */
static bool watch_second(struct top *t, struct asked *a)
{
	int64_t end = t->since_ms + SECOND_MS;
	enum channel_event event = CHANNEL_TIMEOUT;
	json_t *record;

	memset(t->clients, 0, sizeof t->clients);
	for (int64_t left; (left = end - now_ms(a)) > 0;) {
		event = watch_next(&t->watch, (int)left, &record);
		if (event == CHANNEL_GONE)
			return false;
		if (event == CHANNEL_READABLE) {
			take_record(t, record);
			json_decref(record);
		}
	}
	for (size_t i = 0; i < t->rule_count; i++)
		t->rules[i].before = t->rules[i].now;
	counters_each(a->worker->counters, take_counter, t);
	return true;
}

/* ---- drawing ----------------------------------------------------------------------------------
 */

static int by_rate(const void *one, const void *other)
{
	const struct rule_rate *a = one, *b = other;
	uint64_t x = a->now - a->before, y = b->now - b->before;

	if (x != y)
		return x < y ? 1 : -1;
	return (a->now < b->now) - (a->now > b->now);
}

static int by_seen(const void *one, const void *other)
{
	const struct client_rate *a = one, *b = other;

	return (a->seen < b->seen) - (a->seen > b->seen);
}

static void draw_head(const struct top *t, struct asked *a, double seconds)
{
	const struct generation *g = table_pin(a->worker->table);
	uint64_t decisions = 0;

	for (size_t i = 0; i < t->rule_count; i++)
		decisions += t->rules[i].now - t->rules[i].before;
	channel_print(a->channel,
	    "susmilter: generation %llu%s, %u sessions, %.0f decisions a second\n\n",
	    (unsigned long long)g->number, g->rules->settings.monitor ? " (monitor)" : "",
	    milter_sessions(), (double)decisions / seconds);
	table_unpin(&g);
}

static void draw(struct top *t, struct asked *a, double seconds)
{
	qsort(t->rules, t->rule_count, sizeof t->rules[0], by_rate);
	qsort(t->clients, CLIENTS_KEPT, sizeof t->clients[0], by_seen);
	draw_head(t, a, seconds);
	channel_print(
	    a->channel, "%-16s %-25s %-16s %7s %11s\n", "FAMILY", "RULE", "ACTION", "/s", "ALL");
	for (size_t i = 0; i < t->rule_count && i < RULES_SHOWN; i++)
		channel_print(a->channel, "%-16s %-25.25s %-16s %7.0f %11llu\n", t->rules[i].family,
		    t->rules[i].rule, t->rules[i].action,
		    (double)(t->rules[i].now - t->rules[i].before) / seconds,
		    (unsigned long long)t->rules[i].now);
	channel_print(a->channel, "\n%-46s %-22s %7s\n", "CLIENT", "ACTION", "/s");
	for (size_t i = 0; i < CLIENTS_SHOWN && t->clients[i].seen > 0; i++)
		channel_print(a->channel, "%-46s %-22s %7.0f\n", t->clients[i].client,
		    t->clients[i].action, (double)t->clients[i].seen / seconds);
}

static void look(struct top *t, struct asked *a, bool once)
{
	counters_each(a->worker->counters, take_counter, t);
	do {
		int64_t start = t->since_ms = now_ms(a);

		if (!watch_second(t, a))
			return;
		if (!once)
			channel_print(a->channel, "\033[H\033[2J");
		draw(t, a, (double)(now_ms(a) - start) / SECOND_MS);
	} while (!once && channel_flush(a->channel));
}

int command_top(struct asked *a)
{
	struct top *t = calloc(1, sizeof *t);

	if (!t || !watch_start(&t->watch, a)) {
		free(t);
		return STATUS_FAILED;
	}
	table_unpin(&a->generation);
	look(t, a, asked_switch(a, "once"));
	watch_end(&t->watch);
	free(t);
	return STATUS_OK;
}
