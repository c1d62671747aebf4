#include "history_judge.h"

#include "core/change/backtest.h"

#include <stdlib.h>

/* Of one text: addresses of other scripts grow. */
enum { ARENA_MAX = 256 * 1024 };

/*
 * What is known of an item: of a text by identity, whether it was judged and what came of it; of a
 * client in the same bits, as if it were the text of its name; of a verdict its bits, and that they
 * are known.
 */
enum { TOUCHED_AT = 8, VERDICT_KNOWN = 8 };

/* Where a row has the text of an identity; a client's name is in the item of the client. */
static const enum history_column columns[IDENTITY_COUNT] = {
    [IDENTITY_CLIENT_NAME] = HISTORY_CLIENT,
    [IDENTITY_HELO] = HISTORY_HELO,
    [IDENTITY_SENDER] = HISTORY_SENDER,
    [IDENTITY_FROM] = HISTORY_FROM,
    [IDENTITY_RECIPIENT] = HISTORY_RECIPIENT,
};

bool history_judge_init(struct history_judge *j, const struct rules_touch *touch)
{
	*j = (struct history_judge){.touch = touch};
	if (!touch)
		return true;
	j->arena = arena_create(ARENA_MAX);
	j->row = malloc(HISTORY_BLOCK_ROWS * sizeof *j->row);
	j->identities = rules_touch_identities(touch);
	j->clients =
	    rules_touch_clients(touch) || (j->identities & 1U << IDENTITY_CLIENT_NAME) != 0;
	for (int i = IDENTITY_HELO; i < IDENTITY_COUNT; i++)
		if (j->identities >> i & 1)
			j->columns |= 1U << columns[i];
	if (j->clients)
		j->columns |= 1U << HISTORY_CLIENT;
	return j->arena && j->row;
}

void history_judge_free(struct history_judge *j)
{
	arena_free(&j->arena);
	history_buffer_free(&j->known);
	history_buffer_free(&j->sessions);
	free(j->row);
}

bool history_judge_segment(struct history_judge *j, struct history_segment *s)
{
	size_t end = s->items.end > HISTORY_ITEM_FIRST ? s->items.end : HISTORY_ITEM_FIRST;
	unsigned char *known, *sessions;

	j->known.len = j->sessions.len = 0;
	known = history_buffer_room(&j->known, end * sizeof(uint16_t));
	sessions = history_buffer_room(&j->sessions, end * sizeof(uint64_t));
	if (!known || !sessions)
		return false;
	memset(known, 0, end * sizeof(uint16_t));
	memset(sessions, 0, end * sizeof(uint64_t));
	j->items = &s->items;
	j->end = end;
	return true;
}

static uint16_t *known_of(struct history_judge *j, uint64_t item)
{
	return (uint16_t *)(void *)j->known.bytes + item;
}

/* ---- items --------------------------------------------------------------------------- */

/* A state has no text: only that of a text that is known may be an empty one. */
static bool judge_text(struct history_judge *j, uint64_t item, unsigned bit)
{
	struct slice text;
	bool touched;

	if (item < HISTORY_ITEM_FIRST && item != FACT_KNOWN)
		return false;
	/* What is missing is left to the row. */
	if (!history_items_text(j->items, item, &text))
		return true;
	touched = rules_touch_text(j->touch, text, bit, j->arena) != 0;
	arena_reset(j->arena);
	return touched;
}

static bool text_is_touched(struct history_judge *j, uint64_t item, enum identity_kind kind)
{
	unsigned bit = 1U << kind;
	uint16_t *known;

	if ((j->identities & bit) == 0 || item >= j->end)
		return (j->identities & bit) != 0;
	known = known_of(j, item);
	if ((*known & bit) == 0)
		*known =
		    (uint16_t)(*known | bit | (judge_text(j, item, bit) ? bit << TOUCHED_AT : 0));
	return (*known & bit << TOUCHED_AT) != 0;
}

static bool judge_client(struct history_judge *j, uint64_t item)
{
	struct decision_row row;
	enum history_item kind;
	struct slice text;
	uint64_t name;

	if (!history_items_get(j->items, item, &kind, &text) || kind != HISTORY_CLIENT_ITEM ||
	    !history_client_read(text, &row, &name))
		return true;
	return rules_touch_client(j->touch, &row.client) ||
	       ((j->identities & 1U << IDENTITY_CLIENT_NAME) != 0 &&
		   text_is_touched(j, name, IDENTITY_CLIENT_NAME));
}

static bool client_is_touched(struct history_judge *j, uint64_t item)
{
	unsigned bit = 1U << IDENTITY_CLIENT_NAME;
	uint16_t *known;

	if (item < HISTORY_ITEM_FIRST || item >= j->end)
		return true;
	known = known_of(j, item);
	if ((*known & bit) == 0)
		*known = (uint16_t)(*known | bit | (judge_client(j, item) ? bit << TOUCHED_AT : 0));
	return (*known & bit << TOUCHED_AT) != 0;
}

static unsigned judge_verdict(struct history_judge *j, uint64_t item)
{
	struct history_verdict_texts texts;
	struct decision_row row;
	enum history_item kind;
	struct slice text;

	if (!history_items_get(j->items, item, &kind, &text) || kind != HISTORY_VERDICT_ITEM ||
	    !history_verdict_read(text, &row, &texts))
		return 0;
	return (unsigned)row.stage | (decision_row_is_refusal(&row) ? JUDGED_REFUSED : 0);
}

static unsigned verdict_bits(struct history_judge *j, uint64_t item)
{
	uint16_t *known;

	if (item < HISTORY_ITEM_FIRST || item >= j->end)
		return 0;
	known = known_of(j, item);
	if ((*known & VERDICT_KNOWN) == 0)
		*known = (uint16_t)(VERDICT_KNOWN | judge_verdict(j, item));
	return *known & (JUDGED_STAGE | JUDGED_REFUSED);
}

static uint64_t session_of(struct history_judge *j, uint64_t item)
{
	struct slice text = slice_of(NULL, 0);
	enum history_item kind;
	uint64_t *session;

	if (item < HISTORY_ITEM_FIRST || item >= j->end)
		return backtest_session(text);
	session = (uint64_t *)(void *)j->sessions.bytes + item;
	if (*session == 0) {
		history_items_get(j->items, item, &kind, &text);
		*session = backtest_session(text);
	}
	return *session;
}

/* ---- rows ---------------------------------------------------------------------------- */

/* One column after the other: what one row waits for of the memory, others need, too. */
void history_judge_rows(struct history_judge *j, const struct history_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		j->row[i].session = session_of(j, rows->value[HISTORY_SESSION][i]);
	for (size_t i = 0; i < rows->count; i++)
		j->row[i].bits = verdict_bits(j, rows->value[HISTORY_VERDICT][i]);
	for (size_t i = 0; j->clients && i < rows->count; i++)
		if (client_is_touched(j, rows->value[HISTORY_CLIENT][i]))
			j->row[i].bits |= JUDGED_TOUCHED;
	for (int k = IDENTITY_HELO; k < IDENTITY_COUNT; k++)
		for (size_t i = 0; (j->identities >> k & 1) && i < rows->count; i++)
			if (text_is_touched(j, rows->value[columns[k]][i], (enum identity_kind)k))
				j->row[i].bits |= JUDGED_TOUCHED;
}
