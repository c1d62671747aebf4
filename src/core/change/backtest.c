#include "core/change/backtest.h"

#include "backtest_message.h"
#include "core/base/array.h"
#include "core/change/rules_touch.h"
#include "hidden_locals.h"
#include "message_window.h"

#include <math.h>
#include <stdlib.h>

/* Memory for the facts of one row, and for all samples. */
#define ARENA_MAX ((size_t)4 << 20)

struct backtest {
	const struct ruleset *before, *after;
	int64_t now;
	const struct idna *idna;
	struct arena *arena, *samples;
	int64_t from_ms, until_ms; /* the part of the history that is its own */
	struct message_window *window;
	backtest_hash_fn *hash; /* NULL: hashes are not known */
	const void *hash_context;
	struct hidden_locals *hidden; /* these two only where a row hides a local part */
	struct rules_touch *touch;
	bool wanted; /* by backtest_wants_row(), which has counted the row that comes next */
	struct message_seen seen; /* the message of that row */
	uint64_t *late;
	size_t late_count, late_capacity;
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
	ok &= backtest_messages_create(&b->messages) && backtest_part(b, INT64_MIN, INT64_MAX);
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
	message_window_free(&b->window);
	hidden_locals_free(&b->hidden);
	rules_touch_free(&b->touch);
	free(b->late);
	for (int c = 0; c < BACKTEST_CHANGES; c++)
		for (int by = 0; by < BACKTEST_BY; by++)
			top_k_free(&b->result.by[c][by]);
	arena_free(&b->arena);
	arena_free(&b->samples);
	free(b);
	*backtest = NULL;
}

bool backtest_part(struct backtest *b, int64_t from_ms, int64_t until_ms)
{
	message_window_free(&b->window);
	b->from_ms = from_ms;
	b->until_ms = until_ms;
	b->window = message_window_create(from_ms, until_ms);
	return b->window;
}

bool backtest_wants(const struct backtest *b, int64_t time_ms)
{
	return message_window_wants(b->window, time_ms);
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

/* ---- hidden local parts -------------------------------------------------------------- */

static const enum identity_kind addresses[] = {IDENTITY_SENDER, IDENTITY_FROM, IDENTITY_RECIPIENT};

void backtest_hash_locals(struct backtest *b, backtest_hash_fn *hash, const void *context)
{
	b->hash = hash;
	b->hash_context = context;
}

static bool know_hidden(struct backtest *b)
{
	if (!b->hidden)
		b->hidden = hidden_locals_create(b->before, b->after, b->hash, b->hash_context);
	b->result.no_memory |= !b->hidden;
	return b->hidden;
}

/* Mailboxes that rules name take the place of their hashes. */
static void find_hidden(struct backtest *b, struct decision_row *row)
{
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct slice *text = &row->text[addresses[i]];

		if (hides_local(*text) && know_hidden(b))
			*text = hidden_locals_find(b->hidden, *text, b->arena);
	}
}

/* Whether a verdict may hang on a local part that is not kept. */
static bool hangs_on_hidden(struct backtest *b, const struct facts *facts)
{
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		const struct identity *id = &facts->id[addresses[i]];

		if (id->state == FACT_KNOWN && hides_local(id->text) &&
		    (!know_hidden(b) ||
			hidden_locals_matter(b->hidden, addresses[i], id->text, id->name)))
			return true;
	}
	return false;
}

/* Whether both rule sets look at these facts in the same way, whatever is hidden of them. */
static bool is_touched(struct backtest *b, const struct facts *facts)
{
	if (!b->touch)
		b->touch = rules_touch_create(b->before, b->after, b->now, b->idna);
	b->result.no_memory |= !b->touch;
	if (!b->touch || rules_touch_client(b->touch, &facts->client))
		return true;
	for (int i = 0; i < IDENTITY_COUNT; i++)
		if (facts->id[i].state == FACT_KNOWN &&
		    rules_touch_text(b->touch, facts->id[i].text, 1u << i, b->arena))
			return true;
	return false;
}

/* What becomes of such a recipient: not known, and a difference only where there may be one. */
static struct replay_outcome hidden_outcome(struct backtest *b, const struct facts *facts)
{
	return (struct replay_outcome){.before = OUTCOME_UNKNOWN,
	    .after = OUTCOME_UNKNOWN,
	    .changed = is_touched(b, facts) ? CHANGED_UNKNOWN : CHANGED_NO};
}

/* ---- verdicts ------------------------------------------------------------------------ */

/* A recipient at RCPT.  Mail that is not inbound passes. */
static struct replay_outcome at_rcpt(struct backtest *b, const struct facts *facts)
{
	bool before = is_judged(b->before, facts), after = is_judged(b->after, facts);
	struct replay_outcome o = {.before = OUTCOME_PASS, .after = OUTCOME_PASS};

	if ((before || after) && hangs_on_hidden(b, facts))
		return hidden_outcome(b, facts);
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

/* address: of the recipient, with its local part where that was found. */
static void take_rcpt(struct backtest *b, struct backtest_message *m,
    const struct decision_row *row, struct slice address, const struct facts *facts)
{
	struct replay_outcome o = at_rcpt(b, facts);

	m->has_rcpt = true;
	/* Refused by both: whatever its end is. */
	if (o.changed == CHANGED_NO && o.before == OUTCOME_REFUSED)
		return;
	b->result.no_memory |=
	    !backtest_message_keep(m, row->state[IDENTITY_RECIPIENT], address, &o) ||
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
	facts->header_state = FACT_FAILED; /* not recorded: rules that look at it are open */
	for (struct backtest_recipient *r = m->recipients; r; r = r->next) {
		struct replay_outcome end;

		facts->id[IDENTITY_RECIPIENT] =
		    replay_address(r->state, r->address, b->idna, b->arena);
		end = hangs_on_hidden(b, facts)
			  ? hidden_outcome(b, facts)
			  : replay_decide(b->before, b->after, facts, PHASE_END);
		add_end(&r->outcome, &end);
		if (r->outcome.changed != CHANGED_NO)
			b->result.no_memory |= !backtest_message_describe(m, row);
	}
	m->ended = true;
	m->proven = is_proven(row, facts);
	m->evaluated = row->dmarc_state == FACT_KNOWN;
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
		b->result.no_memory |=
		    !backtest_message_keep(m, FACT_UNKNOWN, slice_of(NULL, 0), &unknown) ||
		    !backtest_message_describe(m, row);
}

uint64_t backtest_session(struct slice session)
{
	uint64_t hash = session.len, part;

	for (; session.len > 0; session = slice_skip(session, sizeof part)) {
		part = 0;
		memcpy(&part, session.ptr, session.len < sizeof part ? session.len : sizeof part);
		hash = (hash ^ part) * UINT64_C(0xd6e8feb86659fd93);
		hash ^= hash >> 32;
	}
	return hash;
}

static uint64_t key_of(uint64_t session, uint32_t transaction)
{
	uint64_t key = (session ^ transaction) * UINT64_C(0x9e3779b97f4a7c15);

	return key ^ key >> 29;
}

void backtest_expect(const struct backtest *b, uint64_t session, uint32_t transaction)
{
	message_window_expect(b->window, key_of(session, transaction));
}

/* Counts a row; whether it belongs to a message of this part. */
static bool take_place(struct backtest *b, const struct backtest_place *row)
{
	unsigned flags = (row->refused ? MESSAGE_REFUSED : 0) | (row->folded ? MESSAGE_FOLDED : 0) |
			 (row->touched ? MESSAGE_TOUCHED : 0);

	b->result.rows += row->time_ms >= b->from_ms && row->time_ms < b->until_ms;
	if (row->stage == STAGE_CONNECT)
		return false;
	b->seen = message_window_take(b->window, key_of(row->session, row->transaction),
	    row->time_ms, row->count, flags, &b->result.no_memory);
	b->result.messages += b->seen.own ? b->seen.more : 0;
	return b->seen.own;
}

static void add_late(struct backtest *b, uint64_t session)
{
	uint64_t *late = array_grow(b->late, &b->late_capacity, b->late_count + 1, sizeof *late);

	b->result.no_memory |= !late;
	if (!late)
		return;
	b->late = late;
	late[b->late_count++] = session;
}

bool backtest_wants_row(struct backtest *b, const struct backtest_place *row)
{
	b->wanted = false;
	if (!take_place(b, row))
		return false;
	b->wanted = (b->seen.flags & MESSAGE_TOUCHED) != 0;
	if (!b->wanted)
		message_window_mark(b->window, MESSAGE_PASSED);
	else if (row->touched && row->stage == STAGE_END && (b->seen.flags & MESSAGE_PASSED))
		add_late(b, row->session);
	return b->wanted;
}

const uint64_t *backtest_late(const struct backtest *b, size_t *count)
{
	*count = b->late_count;
	return b->late;
}

static void end_messages(struct backtest *b, int64_t before_s)
{
	struct backtest_message *m;

	while ((m = backtest_messages_expire(&b->messages, before_s))) {
		count_message(b, m);
		backtest_message_free(m);
	}
}

void backtest_row(struct backtest *b, const struct decision_row *row)
{
	const struct backtest_place place = {.session = backtest_session(row->text[ROW_SESSION]),
	    .transaction = row->transaction,
	    .time_ms = row->time_ms,
	    .count = row->count,
	    .stage = row->stage,
	    .refused = decision_row_is_refusal(row),
	    .folded = (row->flags & ROW_FOLDED) != 0};
	struct decision_row found = *row;
	struct backtest_message *m;
	struct facts facts;

	if (!b->wanted && !take_place(b, &place))
		return;
	b->wanted = false;
	b->result.decided++;
	end_messages(b, row->time_ms / 1000 - BACKTEST_OPEN_SECONDS);
	arena_reset(b->arena);
	m = backtest_messages_find(
	    &b->messages, key_of(place.session, place.transaction), row->time_ms / 1000);
	find_hidden(b, &found);
	if (!m || !replay_facts(&found, b->now, b->idna, b->arena, &facts)) {
		b->result.no_memory = true;
		return;
	}
	m->weight = b->seen.weight;
	m->folded = (b->seen.flags & MESSAGE_FOLDED) != 0;
	m->refused_then = (b->seen.flags & MESSAGE_REFUSED) != 0;
	if (row->stage == STAGE_MAIL)
		take_mail(b, m, row, &facts);
	else if (row->stage == STAGE_RCPT || !m->has_rcpt)
		take_rcpt(b, m, row, found.text[ROW_RECIPIENT], &facts);
	if (row->stage == STAGE_END && !m->ended)
		take_end(b, m, row, &facts);
	b->result.no_memory |= arena_failed(b->arena);
}

const struct backtest_result *backtest_end(struct backtest *b)
{
	end_messages(b, INT64_MAX);
	return &b->result;
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
		add_late(to, later->late[i]);
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
