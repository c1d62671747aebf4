#include "history_scan.h"

#include "core/stats/decision_text.h"
#include "history_filter.h"

#include <stdio.h>

static const enum history_column key_columns[HISTORY_KEYS] = {
    [HISTORY_KEY_CLIENT] = HISTORY_CLIENT,
    [HISTORY_KEY_HELO] = HISTORY_HELO,
    [HISTORY_KEY_SENDER] = HISTORY_SENDER,
    [HISTORY_KEY_FROM] = HISTORY_FROM,
    [HISTORY_KEY_RECIPIENT] = HISTORY_RECIPIENT,
    [HISTORY_KEY_VERDICT] = HISTORY_VERDICT,
};

void history_keys_of(
    const struct history_query *q, const struct history_key *key, struct history_keys *out)
{
	*out = (struct history_keys){
	    .pattern =
		{
		    [HISTORY_KEY_CLIENT] = history_pattern_of_client(q->client),
		    [HISTORY_KEY_HELO] = history_pattern_of(q->helo, NULL),
		    [HISTORY_KEY_SENDER] = history_pattern_of(q->sender, key),
		    [HISTORY_KEY_FROM] = history_pattern_of(q->from, key),
		    [HISTORY_KEY_RECIPIENT] = history_pattern_of(q->recipient, key),
		    [HISTORY_KEY_VERDICT] = history_pattern_of_word(q->rule),
		},
	    .action = q->action,
	    .since_ms = q->since_ms,
	    .until_ms = q->until_ms ? q->until_ms : INT64_MAX,
	};
	for (int k = 0; k < HISTORY_KEYS; k++)
		if (out->pattern[k].kind != HISTORY_ANY)
			out->used |= 1U << k;
	if (q->action.len > 0)
		out->used |= 1U << HISTORY_KEY_VERDICT;
}

/* ---- the filter ---------------------------------------------------------------------- */

/* Of a name or an address that is asked for as a whole. */
static bool may_have_text(
    struct history_segment *s, enum history_key_kind kind, const struct history_pattern *p)
{
	bool name = kind == HISTORY_KEY_CLIENT || kind == HISTORY_KEY_HELO;
	char key[HISTORY_FILTER_KEY_MAX];
	int n;

	if (p->kind == HISTORY_EXACT && p->has_hashed) {
		size_t at = slice_find_last(p->text, '@');

		n = snprintf(key, sizeof key, "%.*s%.*s", (int)sizeof p->hashed, p->hashed,
		    SLICE_ARG(slice_skip(p->text, at)));
		if (history_segment_may_have(
			s, slice_of(key, (size_t)n < sizeof key ? (size_t)n : 0)))
			return true;
	}
	if (p->kind == HISTORY_EXACT || name)
		return history_segment_may_have(s, p->text);
	n = snprintf(key, sizeof key, "@%.*s", SLICE_ARG(p->text));
	return (size_t)n >= sizeof key || history_segment_may_have(s, slice_of(key, (size_t)n)) ||
	       history_segment_may_have(s, p->text);
}

/* Whether no filter says that a key has no row here. */
static bool may_have(struct history_segment *s, const struct history_keys *keys)
{
	for (int k = 0; k < HISTORY_KEY_VERDICT; k++) {
		const struct history_pattern *p = &keys->pattern[k];
		char text[IP_TEXT_MAX];

		if (p->kind == HISTORY_NETWORK &&
		    p->network.length == ip_bits(p->network.base.family)) {
			if (!history_segment_may_have(
				s, slice_of(text, ip_format(&p->network.base, text))))
				return false;
		} else if ((p->kind == HISTORY_EXACT || p->kind == HISTORY_DOMAIN) &&
			   !may_have_text(s, (enum history_key_kind)k, p)) {
			return false;
		}
	}
	return true;
}

/* ---- items --------------------------------------------------------------------------- */

static bool client_fits(
    struct history_segment *s, const struct history_pattern *p, struct slice item)
{
	struct decision_row row = {.count = 0};

	if (!history_client_unpack(&s->items, item, &row))
		return false;
	if (p->kind == HISTORY_NETWORK)
		return prefix_contains(&p->network, &row.client);
	return row.state[IDENTITY_CLIENT_NAME] == FACT_KNOWN &&
	       history_pattern_fits(p, row.text[ROW_CLIENT_NAME]);
}

static bool verdict_fits(
    struct history_segment *s, const struct history_keys *keys, struct slice item)
{
	struct decision_row row = {.count = 0};

	if (!history_verdict_unpack(&s->items, item, &row))
		return false;
	return (keys->action.len == 0 ||
		   slice_equal_nocase(keys->action, slice_str(decision_row_action(&row)))) &&
	       history_pattern_fits(&keys->pattern[HISTORY_KEY_VERDICT], row.text[ROW_RULE]);
}

/* Keys that look at a text. */
enum {
	TEXT_KEYS = 1 << HISTORY_KEY_HELO | 1 << HISTORY_KEY_SENDER | 1 << HISTORY_KEY_FROM |
		    1 << HISTORY_KEY_RECIPIENT
};

/* The bits of the keys that an item fits. */
static unsigned judge(struct history_segment *s, const struct history_keys *keys,
    enum history_item kind, struct slice item)
{
	unsigned bits = 0, left = keys->used & TEXT_KEYS;

	switch (kind) {
	case HISTORY_TEXT:
		for (int k = 0; left >> k > 0; k++)
			if (left >> k & 1)
				bits |= (unsigned)history_pattern_fits(&keys->pattern[k], item)
					<< k;
		return bits;
	case HISTORY_CLIENT_ITEM:
		return keys->used & 1U << HISTORY_KEY_CLIENT &&
			       client_fits(s, &keys->pattern[HISTORY_KEY_CLIENT], item)
			   ? 1U << HISTORY_KEY_CLIENT
			   : 0;
	case HISTORY_VERDICT_ITEM:
		return keys->used & 1U << HISTORY_KEY_VERDICT && verdict_fits(s, keys, item)
			   ? 1U << HISTORY_KEY_VERDICT
			   : 0;
	default:
		return 0;
	}
}

/* A byte for each item; *found: the keys that any of them fits. */
static bool judge_items(struct history_segment *s, const struct history_keys *keys,
    struct history_buffer *judged, unsigned *found)
{
	struct history_items_walk w = history_items_walk(&s->items);
	unsigned char *byte;

	judged->len = 0;
	*found = 0;
	byte = history_buffer_room(judged, s->items.end + 1);
	if (!byte)
		return false;
	memset(byte, 0, s->items.end + 1);
	while (history_items_next(&w)) {
		byte[w.number] = (unsigned char)judge(s, keys, w.kind, w.item);
		*found |= byte[w.number];
	}
	return true;
}

/* ---- rows ---------------------------------------------------------------------------- */

struct scan {
	struct history_segment *s;
	const struct history_keys *keys;
	const unsigned char *judged;
	struct history_rows *rows;
	history_hit_fn *hit;
	void *context;
};

static unsigned columns_of(const struct history_keys *keys)
{
	unsigned columns = 1U << HISTORY_TIME;

	for (int k = 0; k < HISTORY_KEYS; k++)
		if (keys->used >> k & 1)
			columns |= 1U << key_columns[k];
	return columns;
}

static bool row_fits(const struct scan *scan, size_t i)
{
	const struct history_keys *keys = scan->keys;
	int64_t time = (int64_t)scan->rows->value[HISTORY_TIME][i];

	for (int k = 0; k < HISTORY_KEYS; k++) {
		uint64_t item;

		if (!(keys->used >> k & 1))
			continue;
		item = scan->rows->value[key_columns[k]][i];
		if (item >= scan->s->items.end || !(scan->judged[item] >> k & 1))
			return false;
	}
	return time >= keys->since_ms && time < keys->until_ms;
}

static bool any_fits(const struct scan *scan)
{
	for (size_t i = 0; i < scan->rows->count; i++)
		if (row_fits(scan, i))
			return true;
	return false;
}

/* From the newest; false: no more are wanted. */
static bool give_rows(const struct scan *scan)
{
	for (size_t i = scan->rows->count; i-- > 0;) {
		uint64_t values[HISTORY_COLUMNS];
		struct decision_row row;

		if (!row_fits(scan, i))
			continue;
		history_rows_values(scan->rows, i, values);
		if (!history_row_unpack(&scan->s->items, values, &row)) {
			scan->s->damage->rows++;
			continue;
		}
		history_segment_count(scan->s, &row);
		if (!scan->hit(scan->context, scan->s, &row))
			return false;
	}
	return true;
}

/* The columns of the keys first; all of them only where a row fits. */
static bool scan_block(const struct scan *scan, size_t block)
{
	const struct history_block *b = &scan->s->blocks[block];
	unsigned columns = columns_of(scan->keys);

	if (b->max_ms < scan->keys->since_ms || b->min_ms >= scan->keys->until_ms)
		return true;
	if (!history_segment_rows(scan->s, block, columns, scan->rows) || !any_fits(scan))
		return true;
	return !history_segment_rows(scan->s, block, HISTORY_ALL_COLUMNS & ~columns, scan->rows) ||
	       give_rows(scan);
}

bool history_scan_segment(struct history_segment *s, const struct history_keys *keys,
    struct history_buffer *judged, struct history_rows *rows, uint64_t *scanned,
    history_hit_fn *hit, void *context)
{
	struct scan scan = {s, keys, NULL, rows, hit, context};
	unsigned found;

	if (!may_have(s, keys))
		return true;
	if (!history_segment_load(s) || !judge_items(s, keys, judged, &found))
		return false;
	scan.judged = judged->bytes;
	if ((found & keys->used) != keys->used)
		return true;
	for (size_t b = s->block_count; b-- > 0;) {
		if (s->blocks[b].type != HISTORY_ROWS)
			continue;
		*scanned += s->blocks[b].count;
		if (!scan_block(&scan, b))
			break;
	}
	return true;
}
