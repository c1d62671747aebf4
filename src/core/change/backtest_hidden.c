/* A backtest of rows whose local parts are not kept (hidden_locals.h). */
#include "backtest_private.h"
#include "core/change/rules_touch.h"
#include "hidden_locals.h"

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

void backtest_find_hidden(struct backtest *b, struct decision_row *row)
{
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct slice *text = &row->text[addresses[i]];

		if (hides_local(*text) && know_hidden(b))
			*text = hidden_locals_find(b->hidden, *text, b->arena);
	}
}

bool backtest_hangs_on_hidden(struct backtest *b, const struct facts *facts)
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

struct replay_outcome backtest_hidden_outcome(struct backtest *b, const struct facts *facts)
{
	return (struct replay_outcome){.before = OUTCOME_UNKNOWN,
	    .after = OUTCOME_UNKNOWN,
	    .changed = is_touched(b, facts) ? CHANGED_UNKNOWN : CHANGED_NO};
}
