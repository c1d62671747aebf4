/* What a backtest counts: messages whose fate changes, and sums of parts. */
#include "backtest_private.h"
#include "core/base/array.h"

#include <math.h>

/* ---- counting ------------------------------------------------------------------------ */

/* As domains are compared: rows have addresses as they were sent. */
static struct slice domain_of(struct backtest *b, struct slice text)
{
	struct address address;
	size_t at = slice_find_last(text, '@');

	if (!address_parse(text, b->idna, b->arena, &address) && address.domain.len > 0)
		return address.domain;
	return at < text.len ? slice_skip(text, at + 1) : text;
}

static void count_by(struct backtest *b, enum backtest_change change,
    const struct backtest_about *about, struct slice rule, uint64_t n)
{
	char client[IP_TEXT_MAX], network[PREFIX_TEXT_MAX];
	struct prefix p = prefix_of(&about->client, about->client.family == IP_V6 ? 48 : 24);
	const struct slice key[BACKTEST_BY] = {
	    [BACKTEST_BY_RULE] = rule,
	    [BACKTEST_BY_CLIENT] = slice_of(client, ip_format(&about->client, client)),
	    [BACKTEST_BY_NETWORK] = slice_of(network, prefix_format(&p, network)),
	    [BACKTEST_BY_SENDER_DOMAIN] = domain_of(b, about->sender),
	    [BACKTEST_BY_RECIPIENT_DOMAIN] = domain_of(b, about->recipient),
	};

	for (int by = 0; by < BACKTEST_BY; by++)
		b->result.no_memory |= !top_k_count(b->result.by[change][by], key[by], n);
	b->result.no_memory |= arena_failed(b->arena);
	arena_reset(b->arena);
}

static void keep_sample(struct backtest *b, enum backtest_change change,
    const struct backtest_message *m, struct slice rule)
{
	const struct backtest_about *about = m->about;

	if (b->result.samples == BACKTEST_SAMPLES)
		return;
	b->result.sample[b->result.samples++] = (struct backtest_sample){
	    .change = change,
	    .time_ms = about->time_ms,
	    .proven = m->proven,
	    .run = about->run,
	    .number = about->number,
	    .refused_then = about->refused,
	    .sender = arena_copy(b->samples, about->sender),
	    .recipient = arena_copy(b->samples, about->recipient),
	    .rule = arena_copy(b->samples, rule),
	    .then = arena_copy(b->samples, about->then),
	    .client = about->client,
	};
}

/* A message whose fate changes.  Of one that stands for a network, the others share no more than
 * the client's network: where the rule looks at more, their fate is not known. */
static void count_change(struct backtest *b, enum backtest_change change,
    const struct backtest_message *m, const struct verdict *by)
{
	struct backtest_result *r = &b->result;
	uint64_t n = m->weight;

	if (m->folded && !by->has_network) {
		r->unknown += n - 1;
		n = 1;
	}
	if (change == BACKTEST_REFUSED) {
		r->newly_refused += n;
		r->newly_refused_proven += m->proven ? n : 0;
		r->newly_refused_unevaluated += m->evaluated ? 0 : n;
		r->refused_then += m->refused_then ? n : 0;
	} else {
		r->newly_accepted += n;
	}
	r->accepted_at_rcpt += m->ended ? 0 : n;
	count_by(b, change, m->about, decision_of(by).cause, n);
	keep_sample(b, change, m, decision_of(by).cause);
}

void backtest_count_message(struct backtest *b, struct backtest_message *m)
{
	const struct backtest_recipient *refused = NULL, *accepted = NULL;
	bool unknown = false;

	arena_reset(b->arena);
	for (const struct backtest_recipient *r = m->recipients; r; r = r->next) {
		if (r->outcome.changed == CHANGED_UNKNOWN)
			unknown |= r->address.len > 0 || !m->has_rcpt;
		else if (r->outcome.changed == CHANGED_YES && r->outcome.before == OUTCOME_PASS)
			refused = r;
		else if (r->outcome.changed == CHANGED_YES)
			accepted = r;
	}
	if (refused)
		count_change(b, BACKTEST_REFUSED, m, &refused->outcome.after_verdict);
	if (accepted)
		count_change(b, BACKTEST_ACCEPTED, m, &accepted->outcome.before_verdict);
	if (unknown && !refused && !accepted)
		b->result.unknown += m->weight;
}

void backtest_add_late(struct backtest *b, uint64_t session)
{
	uint64_t *late = array_grow(b->late, &b->late_capacity, b->late_count + 1, sizeof *late);

	b->result.no_memory |= !late;
	if (!late)
		return;
	b->late = late;
	late[b->late_count++] = session;
}

/* ---- parts --------------------------------------------------------------------------- */

struct addition {
	struct backtest *to;
	struct top_k *table;
};

static void add_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct addition *a = context;

	(void)at_most;
	a->to->result.no_memory |= at_least > 0 && !top_k_count(a->table, key, at_least);
}

static void add_samples(struct backtest *to, const struct backtest_result *later)
{
	for (size_t i = 0; i < later->samples && to->result.samples < BACKTEST_SAMPLES; i++) {
		struct backtest_sample *s = &to->result.sample[to->result.samples++];

		*s = later->sample[i];
		s->sender = arena_copy(to->samples, s->sender);
		s->recipient = arena_copy(to->samples, s->recipient);
		s->rule = arena_copy(to->samples, s->rule);
		s->then = arena_copy(to->samples, s->then);
	}
}

void backtest_add(struct backtest *to, struct backtest *later)
{
	struct backtest_result *a = &to->result;
	const struct backtest_result *b = &later->result;

	a->rows += b->rows;
	a->messages += b->messages;
	a->newly_refused += b->newly_refused;
	a->newly_refused_proven += b->newly_refused_proven;
	a->newly_refused_unevaluated += b->newly_refused_unevaluated;
	a->newly_accepted += b->newly_accepted;
	a->accepted_at_rcpt += b->accepted_at_rcpt;
	a->unknown += b->unknown;
	a->refused_then += b->refused_then;
	a->decided += b->decided;
	a->no_memory |= b->no_memory;
	for (int c = 0; c < BACKTEST_CHANGES; c++)
		for (int by = 0; by < BACKTEST_BY; by++)
			top_k_each(b->by[c][by], add_key, &(struct addition){to, a->by[c][by]});
	add_samples(to, b);
	for (size_t i = 0; i < later->late_count; i++)
		backtest_add_late(to, later->late[i]);
}

uint64_t backtest_proven_bound(const struct backtest_result *r)
{
	const double z = 1.959964; /* of 95 % */
	double n = (double)(r->newly_refused - r->newly_refused_unevaluated), share, centre, width;

	if (r->newly_refused_unevaluated == 0)
		return r->newly_refused_proven;
	if (n < 1)
		return r->newly_refused;
	share = (double)r->newly_refused_proven / n;
	centre = share + z * z / (2 * n);
	width = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
	return (uint64_t)ceil(
	    (double)r->newly_refused * fmin(1, (centre + width) / (1 + z * z / n)));
}
