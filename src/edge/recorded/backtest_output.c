#include "backtest_output.h"

#include "core/base/rfc3339.h"

#include <stdio.h>

/* Lines of a table for people. */
enum { LINES_SHOWN = 5 };

static const char *const change_names[BACKTEST_CHANGES] = {
    [BACKTEST_REFUSED] = "newly_refused",
    [BACKTEST_ACCEPTED] = "newly_accepted",
};

static const char *const by_names[BACKTEST_BY] = {
    [BACKTEST_BY_RULE] = "rule",
    [BACKTEST_BY_CLIENT] = "client",
    [BACKTEST_BY_NETWORK] = "network",
    [BACKTEST_BY_SENDER_DOMAIN] = "sender_domain",
    [BACKTEST_BY_RECIPIENT_DOMAIN] = "recipient_domain",
};

/* ---- as JSON ------------------------------------------------------------------------- */

static void add_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	(void)at_most;
	json_array_append_new(context,
	    json_pack("{s:o, s:I}", "key", json_from_slice(key), "messages", (json_int_t)at_least));
}

static json_t *tables_json(const struct backtest_result *r, enum backtest_change change)
{
	json_t *tables = json_object();

	for (int by = 0; by < BACKTEST_BY; by++) {
		json_t *keys = json_array();

		top_k_each(r->by[change][by], add_key, keys);
		json_object_set_new(tables, by_names[by], keys);
	}
	return tables;
}

/* One object for each rule, with both figures. */
struct rules_json {
	json_t *list;
	const char *figure;
};

static void add_rule(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct rules_json *to = context;
	json_t *one = NULL;
	size_t i;

	(void)at_most;
	json_array_foreach(to->list, i,
	    one) if (slice_equal(slice_str(json_string_value(json_object_get(one, "rule"))),
			 key)) break;
	if (i == json_array_size(to->list)) {
		one = json_pack("{s:o, s:i, s:i}", "rule", json_from_slice(key), "newly_refused", 0,
		    "newly_accepted", 0);
		json_array_append_new(to->list, one);
	}
	json_object_set_new(one, to->figure, json_integer((json_int_t)at_least));
}

static json_t *rules_json(const struct backtest_result *r)
{
	json_t *list = json_array();

	for (int change = 0; change < BACKTEST_CHANGES; change++) {
		struct rules_json to = {list, change_names[change]};

		top_k_each(r->by[change][BACKTEST_BY_RULE], add_rule, &to);
	}
	return list;
}

/* The id of a sample as text; "" without a key. */
static const char *id_of(
    struct history_reader *reader, const struct backtest_sample *s, char out[TOKEN_CHARS + 1])
{
	out[TOKEN_CHARS] = '\0';
	if (!history_row_id(reader, s->refused_then, s->run, s->number, out))
		out[0] = '\0';
	return out;
}

static json_t *samples_json(struct history_reader *reader, const struct backtest_result *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->samples; i++) {
		const struct backtest_sample *s = &r->sample[i];
		char at[RFC3339_TEXT_MAX], client[IP_TEXT_MAX], id[TOKEN_CHARS + 1];

		rfc3339_format(s->time_ms / 1000, at);
		ip_format(&s->client, client);
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "change",
			      change_names[s->change], "time", at, "id", id_of(reader, s, id),
			      "client", client, "sender", json_from_slice(s->sender), "recipient",
			      json_from_slice(s->recipient), "rule", json_from_slice(s->rule),
			      "then", json_from_slice(s->then), "proven", s->proven));
	}
	return list;
}

json_t *backtest_json(struct history_reader *reader, const struct backtest_result *r,
    const struct history_backtest_told *told, int64_t since_ms)
{
	char at[RFC3339_TEXT_MAX];
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
	    "rows", (json_int_t)r->rows, "messages", (json_int_t)r->messages, "newly_refused",
	    (json_int_t)r->newly_refused, "newly_refused_proven",
	    (json_int_t)r->newly_refused_proven, "newly_refused_unevaluated",
	    (json_int_t)r->newly_refused_unevaluated, "newly_refused_proven_bound",
	    (json_int_t)backtest_proven_bound(r), "refused_then", (json_int_t)r->refused_then,
	    "newly_accepted", (json_int_t)r->newly_accepted, "accepted_at_rcpt",
	    (json_int_t)r->accepted_at_rcpt, "unknown", (json_int_t)r->unknown, "decided",
	    (json_int_t)r->decided, "seconds", told->seconds);

	rfc3339_format(since_ms / 1000, at);
	json_object_set_new(o, "since", json_string(at));
	json_object_set_new(o, "rules", rules_json(r));
	for (int change = 0; change < BACKTEST_CHANGES; change++) {
		char key[64];

		snprintf(key, sizeof key, "%s_by", change_names[change]);
		json_object_set_new(o, key, tables_json(r, (enum backtest_change)change));
	}
	json_object_set_new(o, "samples", samples_json(reader, r));
	return o;
}

/* ---- for people ---------------------------------------------------------------------- */

struct table {
	struct request *asked;
	unsigned lines;
};

static void print_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct table *t = context;
	char plain[PLAIN_MAX];

	(void)at_most;
	if (t->lines++ < LINES_SHOWN)
		channel_print(t->asked->channel, "    %10llu  %s\n", (unsigned long long)at_least,
		    plain_text(key.len > 0 ? arena_strdup(t->asked->arena, key) : "-", plain));
}

static void print_tables(
    struct request *req, const struct backtest_result *r, enum backtest_change change)
{
	static const char *const titles[BACKTEST_BY] = {
	    "by rule", "by client", "by network", "by sender domain", "by recipient domain"};

	for (int by = 0; by < BACKTEST_BY; by++) {
		struct table t = {req, 0};

		channel_print(req->channel, "  %s\n", titles[by]);
		top_k_each(r->by[change][by], print_key, &t);
	}
}

static void print_samples(
    struct request *req, struct history_reader *reader, const struct backtest_result *r)
{
	for (size_t i = 0; i < r->samples; i++) {
		const struct backtest_sample *s = &r->sample[i];
		char at[RFC3339_TEXT_MAX], client[IP_TEXT_MAX], line[PLAIN_MAX],
		    id[TOKEN_CHARS + 1];
		struct slice text;

		rfc3339_format(s->time_ms / 1000, at);
		ip_format(&s->client, client);
		text = arena_printf(req->arena, "%s %s %.*s -> %.*s %.*s %s, then %.*s%s", at,
		    client, SLICE_ARG(s->sender), SLICE_ARG(s->recipient), SLICE_ARG(s->rule),
		    id_of(reader, s, id), SLICE_ARG(s->then), s->proven ? ", proven" : "");
		if (text.ptr)
			channel_print(req->channel, "%s  %s\n",
			    s->change == BACKTEST_REFUSED ? "refused " : "accepted",
			    plain_text(text.ptr, line));
	}
}

void backtest_print(struct request *req, struct history_reader *reader,
    const struct backtest_result *r, const struct history_backtest_told *told, int64_t since_ms)
{
	char at[RFC3339_TEXT_MAX];

	rfc3339_format(since_ms / 1000, at);
	channel_print(req->channel,
	    "%llu messages (%llu rows) since %s; %llu rows can be touched, %.2f s\n",
	    (unsigned long long)r->messages, (unsigned long long)r->rows, at,
	    (unsigned long long)r->decided, told->seconds);
	channel_print(req->channel,
	    "newly refused   %llu, of them %llu proven, %llu not evaluated, %llu refused then, "
	    "too\n",
	    (unsigned long long)r->newly_refused, (unsigned long long)r->newly_refused_proven,
	    (unsigned long long)r->newly_refused_unevaluated, (unsigned long long)r->refused_then);
	if (r->newly_refused > 0)
		print_tables(req, r, BACKTEST_REFUSED);
	channel_print(
	    req->channel, "newly accepted  %llu\n", (unsigned long long)r->newly_accepted);
	if (r->newly_accepted > 0)
		print_tables(req, r, BACKTEST_ACCEPTED);
	channel_print(req->channel,
	    "%llu of these by RCPT alone: their end is not on record\n"
	    "unknown         %llu: they hang on an answer that nobody asked for\n",
	    (unsigned long long)r->accepted_at_rcpt, (unsigned long long)r->unknown);
	print_samples(req, reader, r);
}
