#include "core/history/history_report.h"

#include "core/base/top_k.h"

#include <stdlib.h>

/* Senders that look legitimate and are told apart, and of the others those that are most. */
enum { LEGITIMATE_MAX = 256, SLOTS = 128 };

struct sender {
	char domain[TOP_K_KEY_MAX + 1];
	uint64_t count;
	unsigned why;
};

struct history_report {
	const struct weekly *weekly;
	int64_t since, until; /* hours since the epoch */
	uint64_t totals[FAMILY_COUNT][2];
	struct domain_report_hour *hours; /* of each hour, also without refusals */
	struct top_k *top[TALLY_KINDS], *senders;
	struct sender legitimate[LEGITIMATE_MAX];
	size_t legitimate_count;
};

struct history_report *history_report_create(const struct weekly *w, int64_t since, int64_t until)
{
	struct history_report *r = calloc(1, sizeof *r);
	bool ok;

	if (!r)
		return NULL;
	r->weekly = w;
	r->since = since / 3600;
	r->until = until / 3600 + 1;
	r->hours = calloc((size_t)(r->until - r->since), sizeof *r->hours);
	r->senders = top_k_create(SLOTS);
	ok = r->hours && r->senders;
	for (int kind = 0; kind < TALLY_KINDS; kind++) {
		r->top[kind] = top_k_create(TOP_K_SLOTS_MAX);
		ok &= r->top[kind] != NULL;
	}
	if (!ok)
		history_report_free(&r);
	return r;
}

void history_report_free(struct history_report **report)
{
	struct history_report *r = *report;

	if (!r)
		return;
	for (int kind = 0; kind < TALLY_KINDS; kind++)
		top_k_free(&r->top[kind]);
	top_k_free(&r->senders);
	free(r->hours);
	free(r);
	*report = NULL;
}

/* ---- counting ------------------------------------------------------------------------ */

static struct sender *find_legitimate(struct history_report *r, struct slice domain)
{
	struct sender *s;

	for (size_t i = 0; i < r->legitimate_count; i++)
		if (slice_equal(slice_str(r->legitimate[i].domain), domain))
			return &r->legitimate[i];
	if (r->legitimate_count == LEGITIMATE_MAX)
		return NULL;
	s = &r->legitimate[r->legitimate_count++];
	memcpy(s->domain, domain.ptr, domain.len);
	return s;
}

/* In lower case, cut as the lists cut. */
static struct slice sender_domain(const struct decision_row *row, char room[TOP_K_KEY_MAX])
{
	struct slice address = row->text[ROW_SENDER];
	struct slice domain = slice_skip(address, slice_find_last(address, '@') + 1);
	size_t n = domain.len < TOP_K_KEY_MAX ? domain.len : TOP_K_KEY_MAX;

	for (size_t i = 0; i < n; i++)
		room[i] = slice_lower(domain.ptr[i]);
	return slice_of(room, n);
}

static bool count_sender(struct history_report *r, const struct decision_row *row)
{
	unsigned why = row->monitored ? 0 : weekly_why(r->weekly, row);
	char room[TOP_K_KEY_MAX];
	struct slice domain = sender_domain(row, room);
	struct sender *s;

	if (domain.len == 0)
		domain = SLICE("<>");
	s = why ? find_legitimate(r, domain) : NULL;
	if (!s)
		return top_k_count(r->senders, domain, row->count);
	s->count += row->count;
	s->why |= why;
	return true;
}

static bool count_keys(struct history_report *r, const struct decision_row *row)
{
	char client[IP_TEXT_MAX], rule[DECISION_TEXT_MAX + 32];
	struct slice keys[TALLY_KINDS] = {[TALLY_RECIPIENTS] = row->text[ROW_RECIPIENT]};
	bool ok = true;

	keys[TALLY_CLIENTS] = slice_of(client, ip_format(&row->client, client));
	keys[TALLY_RULES] = slice_str(family_name(row->family));
	if (row->text[ROW_RULE].len > 0) {
		struct slice name = row->text[ROW_RULE];
		size_t n = keys[TALLY_RULES].len;

		memcpy(rule, keys[TALLY_RULES].ptr, n);
		rule[n++] = ' ';
		memcpy(rule + n, name.ptr, name.len < DECISION_TEXT_MAX ? name.len : 0);
		keys[TALLY_RULES] =
		    slice_of(rule, n + (name.len < DECISION_TEXT_MAX ? name.len : 0));
	}
	for (int kind = 0; kind < TALLY_KINDS; kind++)
		if (keys[kind].len > 0)
			ok &= top_k_count(r->top[kind], keys[kind], row->count);
	return ok;
}

bool history_report_add(struct history_report *r, const struct decision_row *row)
{
	int64_t hour = row->time_ms / 1000 / 3600;
	struct domain_report_hour *h;

	if (!row->final || (row->action != ACTION_REJECT && row->action != ACTION_TEMPFAIL) ||
	    hour < r->since || hour >= r->until)
		return true;
	h = &r->hours[hour - r->since];
	h->hour = hour;
	*(row->monitored ? &h->monitored : &h->refused) += row->count;
	r->totals[row->family][row->monitored] += row->count;
	return count_keys(r, row) && count_sender(r, row);
}

/* ---- the report ---------------------------------------------------------------------- */

struct filling {
	struct arena *arena;
	struct domain_report_sender *senders;
	struct domain_report_key *keys;
	size_t count, most;
};

static void take_sender(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct filling *f = context;

	(void)at_most;
	if (f->count < f->most)
		f->senders[f->count++] = (struct domain_report_sender){
		    .domain = arena_copy(f->arena, key), .count = at_least};
}

static int compare_senders(const void *one, const void *other)
{
	const struct sender *a = one, *b = other;
	int x = weekly_weight(a->why), y = weekly_weight(b->why);

	if (x != y)
		return y - x;
	return (a->count < b->count) - (a->count > b->count);
}

bool history_report_senders(
    struct history_report *r, struct arena *arena, struct domain_report *out)
{
	struct filling f = {.arena = arena, .most = r->legitimate_count + SLOTS};

	f.senders = arena_calloc(arena, f.most + 1, sizeof *f.senders);
	if (!f.senders)
		return false;
	qsort(r->legitimate, r->legitimate_count, sizeof *r->legitimate, compare_senders);
	for (size_t i = 0; i < r->legitimate_count; i++) {
		const struct sender *s = &r->legitimate[i];

		f.senders[f.count++] =
		    (struct domain_report_sender){.domain = arena_copy(arena, slice_str(s->domain)),
			.count = s->count,
			.proven = (s->why & (WEEKLY_PROVEN_SELF | WEEKLY_PROVEN_DOMAIN)) != 0,
			.known = (s->why & WEEKLY_KNOWN) != 0};
	}
	top_k_each(r->senders, take_sender, &f);
	out->senders = f.senders;
	out->sender_count = f.count;
	return !arena_failed(arena);
}

static void take_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct filling *f = context;

	(void)at_most;
	if (f->count < f->most)
		f->keys[f->count++] =
		    (struct domain_report_key){arena_copy(f->arena, key), at_least};
}

bool history_report_fill(
    struct history_report *r, struct slice domain, struct arena *arena, struct domain_report *out)
{
	size_t hours = (size_t)(r->until - r->since), kept = 0;
	struct domain_report_hour *list = arena_calloc(arena, hours + 1, sizeof *list);

	*out = (struct domain_report){.domain = domain, .since = r->since, .until = r->until};
	memcpy(out->totals, r->totals, sizeof out->totals);
	for (size_t i = 0; list && i < hours; i++)
		if (r->hours[i].refused + r->hours[i].monitored > 0)
			list[kept++] = r->hours[i];
	out->hours = list;
	out->hour_count = kept;
	for (int kind = 0; list && kind < TALLY_KINDS; kind++) {
		struct filling f = {.arena = arena, .most = TALLY_TOP};

		f.keys = arena_calloc(arena, TALLY_TOP + 1, sizeof *f.keys);
		if (!f.keys)
			return false;
		top_k_each(r->top[kind], take_key, &f);
		out->top[kind] = f.keys;
		out->top_count[kind] = f.count;
	}
	return list && !arena_failed(arena) && history_report_senders(r, arena, out);
}
