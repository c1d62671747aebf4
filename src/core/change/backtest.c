#include "backtest_private.h"
#include "core/change/rules_touch.h"
#include "hidden_locals.h"

#include <stdlib.h>

/* Memory for the facts of one row, and for all samples. */
#define ARENA_MAX ((size_t)4 << 20)

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

/* ---- verdicts ------------------------------------------------------------------------ */

/* Whether the rules have a say: mail is inbound, or of a session that blocks may be for. */
static bool is_judged(const struct ruleset *rules, const struct facts *facts)
{
	return facts_are_authenticated(facts) ||
	       policy_decide(rules, facts, PHASE_MAIL).kind != VERDICT_FINAL;
}

/* A recipient at RCPT.  Mail that is not inbound passes. */
static struct replay_outcome at_rcpt(struct backtest *b, const struct facts *facts)
{
	bool before = is_judged(b->before, facts), after = is_judged(b->after, facts);
	struct replay_outcome o = {.before = OUTCOME_PASS, .after = OUTCOME_PASS};

	if ((before || after) && backtest_hangs_on_hidden(b, facts))
		return backtest_hidden_outcome(b, facts);
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
		end = backtest_hangs_on_hidden(b, facts)
			  ? backtest_hidden_outcome(b, facts)
			  : replay_decide(b->before, b->after, facts, PHASE_END);
		add_end(&r->outcome, &end);
		if (r->outcome.changed != CHANGED_NO)
			b->result.no_memory |= !backtest_message_describe(m, row);
	}
	m->ended = true;
	m->proven = is_proven(row, facts);
	m->evaluated = row->dmarc_state == FACT_KNOWN;
}

/* Of an authenticated message recipients were recorded only where rules were for it: where both
 * tables have some, there were none to record. */
static bool is_unknown_at_mail(const struct backtest *b, const struct facts *facts)
{
	if (facts_are_authenticated(facts))
		return b->before->has_authenticated != b->after->has_authenticated;
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

/* ---- rows ---------------------------------------------------------------------------- */

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

bool backtest_wants_row(struct backtest *b, const struct backtest_place *row)
{
	b->wanted = false;
	if (!take_place(b, row))
		return false;
	b->wanted = (b->seen.flags & MESSAGE_TOUCHED) != 0;
	if (!b->wanted)
		message_window_mark(b->window, MESSAGE_PASSED);
	else if (row->touched && row->stage == STAGE_END && (b->seen.flags & MESSAGE_PASSED))
		backtest_add_late(b, row->session);
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
		backtest_count_message(b, m);
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
	backtest_find_hidden(b, &found);
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
