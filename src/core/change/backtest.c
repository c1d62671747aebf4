#include "core/change/backtest.h"

#include "backtest_message.h"

#include <math.h>
#include <stdlib.h>

/* Memory for the facts of one row, and for all samples. */
#define ARENA_MAX ((size_t)4 << 20)

struct backtest {
	const struct ruleset *before, *after;
	int64_t now;
	const struct idna *idna;
	struct arena *arena, *samples;
	struct backtest_messages messages;
	struct backtest_result result;
};

/* ---- life ---------------------------------------------------------------------------- */

struct backtest *backtest_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now, const struct idna *idna)
{
	struct backtest *b = calloc(1, sizeof *b);
	bool ok = b;

	if (!b)
		return NULL;
	*b = (struct backtest){.before = before, .after = after, .now = now, .idna = idna};
	b->arena = arena_create(ARENA_MAX);
	b->samples = arena_create(ARENA_MAX);
	for (int c = 0; c < BACKTEST_CHANGES; c++)
		for (int by = 0; by < BACKTEST_BY; by++)
			ok &= (b->result.by[c][by] = top_k_create(TOP_K_SLOTS_MAX)) != NULL;
	ok &= backtest_messages_create(&b->messages);
	if (!ok || !b->arena || !b->samples)
		backtest_free(&b);
	return b;
}

void backtest_free(struct backtest **backtest)
{
	struct backtest *b = *backtest;

	if (!b)
		return;
	backtest_messages_free(&b->messages);
	for (int c = 0; c < BACKTEST_CHANGES; c++)
		for (int by = 0; by < BACKTEST_BY; by++)
			top_k_free(&b->result.by[c][by]);
	arena_free(&b->arena);
	arena_free(&b->samples);
	free(b);
	*backtest = NULL;
}

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

/* Once for each message, when nothing more is to come.  No row is looked at meanwhile: its region
 * is free. */
static void count_message(struct backtest *b, struct backtest_message *m)
{
	const struct backtest_recipient *refused = NULL, *accepted = NULL;
	bool unknown = false;

	arena_reset(b->arena);
	b->result.messages += m->weight;
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

/* ---- rows ---------------------------------------------------------------------------- */

/* Whether the rules have a say: mail is inbound, or of a session that blocks may be for. */
static bool is_judged(const struct ruleset *rules, const struct facts *facts)
{
	return facts_are_authenticated(facts) ||
	       policy_decide(rules, facts, PHASE_MAIL).kind != VERDICT_FINAL;
}

/* A recipient at RCPT.  Mail that is not inbound passes. */
static struct replay_outcome at_rcpt(const struct backtest *b, const struct facts *facts)
{
	bool before = is_judged(b->before, facts), after = is_judged(b->after, facts);
	struct replay_outcome o = {.before = OUTCOME_PASS, .after = OUTCOME_PASS};

	if (before && after)
		return replay_decide(b->before, b->after, facts, PHASE_RCPT);
	if (before)
		o = replay_decide(b->before, b->before, facts, PHASE_RCPT);
	else if (after)
		o = replay_decide(b->after, b->after, facts, PHASE_RCPT);
	else
		return o;
	*(before ? &o.after : &o.before) = OUTCOME_PASS;
	o.changed = o.before == OUTCOME_UNKNOWN || o.after == OUTCOME_UNKNOWN ? CHANGED_UNKNOWN
		    : o.before != o.after                                     ? CHANGED_YES
									      : CHANGED_NO;
	return o;
}

/* What passes at RCPT may be refused at the end. */
static enum outcome_kind then_at_end(enum outcome_kind rcpt, enum outcome_kind end)
{
	if (rcpt == OUTCOME_REFUSED || end == OUTCOME_REFUSED)
		return OUTCOME_REFUSED;
	return rcpt == OUTCOME_PASS ? end : OUTCOME_UNKNOWN;
}

static void add_end(struct replay_outcome *o, const struct replay_outcome *end)
{
	enum outcome_kind before = then_at_end(o->before, end->before),
			  after = then_at_end(o->after, end->after);

	if (before != OUTCOME_UNKNOWN && after != OUTCOME_UNKNOWN)
		o->changed = before != after ? CHANGED_YES : CHANGED_NO;
	else if (o->changed != CHANGED_NO || end->changed != CHANGED_NO)
		o->changed = CHANGED_UNKNOWN;
	/* Which verdict refuses: that of RCPT where it did. */
	if (o->before != OUTCOME_REFUSED)
		o->before_verdict = end->before_verdict;
	if (o->after != OUTCOME_REFUSED)
		o->after_verdict = end->after_verdict;
	o->before = before;
	o->after = after;
}

static void take_rcpt(struct backtest *b, struct backtest_message *m,
    const struct decision_row *row, const struct facts *facts)
{
	struct replay_outcome o = at_rcpt(b, facts);

	m->has_rcpt = true;
	m->refused_then |= decision_row_is_refusal(row);
	/* Refused by both: whatever its end is. */
	if (o.changed == CHANGED_NO && o.before == OUTCOME_REFUSED)
		return;
	b->result.no_memory |= !backtest_message_keep(m, row->text[ROW_RECIPIENT], &o) ||
			       (o.changed != CHANGED_NO && !backtest_message_describe(m, row));
}

/* Whether the author was proven, by addresses as they are compared. */
static bool is_proven(const struct decision_row *row, const struct facts *facts)
{
	struct decision_row folded = *row;

	folded.text[ROW_SENDER] = facts->id[IDENTITY_SENDER].folded;
	folded.text[ROW_FROM] = facts->id[IDENTITY_FROM].folded;
	return decision_row_is_proven(&folded);
}

/* The end says for all recipients what the message is. */
static void take_end(struct backtest *b, struct backtest_message *m, const struct decision_row *row,
    struct facts *facts)
{
	if (!is_judged(b->before, facts) || !is_judged(b->after, facts))
		return;
	for (struct backtest_recipient *r = m->recipients; r; r = r->next) {
		struct replay_outcome end;

		facts->id[IDENTITY_RECIPIENT] =
		    replay_address(FACT_KNOWN, r->address, b->idna, b->arena);
		end = replay_decide(b->before, b->after, facts, PHASE_END);
		add_end(&r->outcome, &end);
		if (r->outcome.changed != CHANGED_NO)
			b->result.no_memory |= !backtest_message_describe(m, row);
	}
	m->ended = true;
	m->proven = is_proven(row, facts);
	m->evaluated = row->dmarc_state == FACT_KNOWN;
	m->refused_then |= decision_row_is_refusal(row);
}

/* Of an authenticated message recipients were recorded only where rules were for it. */
static bool is_unknown_at_mail(const struct backtest *b, const struct facts *facts)
{
	if (facts_are_authenticated(facts))
		return b->before->has_authenticated || b->after->has_authenticated;
	return is_judged(b->before, facts) != is_judged(b->after, facts);
}

/* Before MAIL there is no message, and of one that is not inbound no recipient is known. */
static void take_mail(struct backtest *b, struct backtest_message *m,
    const struct decision_row *row, const struct facts *facts)
{
	const struct replay_outcome unknown = {
	    .before = OUTCOME_UNKNOWN, .after = OUTCOME_UNKNOWN, .changed = CHANGED_UNKNOWN};

	if (is_unknown_at_mail(b, facts))
		b->result.no_memory |= !backtest_message_keep(m, slice_of(NULL, 0), &unknown) ||
				       !backtest_message_describe(m, row);
}

void backtest_row(struct backtest *b, const struct decision_row *row)
{
	struct backtest_message *m;
	struct facts facts;

	b->result.rows++;
	while ((m = backtest_messages_expire(
		    &b->messages, row->time_ms - BACKTEST_OPEN_SECONDS * INT64_C(1000)))) {
		count_message(b, m);
		backtest_message_free(m);
	}
	if (row->stage == STAGE_CONNECT)
		return;
	arena_reset(b->arena);
	m = backtest_messages_find(&b->messages, row);
	if (!m || !replay_facts(row, b->now, b->idna, b->arena, &facts)) {
		b->result.no_memory = true;
		return;
	}
	m->weight = row->count > m->weight ? row->count : m->weight;
	m->folded |= (row->flags & ROW_FOLDED) != 0;
	if (row->stage == STAGE_MAIL)
		take_mail(b, m, row, &facts);
	else if (row->stage == STAGE_RCPT || !m->has_rcpt)
		take_rcpt(b, m, row, &facts);
	if (row->stage == STAGE_END && !m->ended)
		take_end(b, m, row, &facts);
	b->result.no_memory |= arena_failed(b->arena);
}

const struct backtest_result *backtest_end(struct backtest *b)
{
	struct backtest_message *m;

	while ((m = backtest_messages_expire(&b->messages, INT64_MAX))) {
		count_message(b, m);
		backtest_message_free(m);
	}
	return &b->result;
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
