#include "backtest_message.h"

#include "core/stats/decision_text.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 1 << 12 };

bool backtest_messages_create(struct backtest_messages *m)
{
	*m = (struct backtest_messages){.slots = SLOTS_FIRST};
	m->slot = calloc(m->slots, sizeof *m->slot);
	return m->slot;
}

static struct backtest_message **slot_of(const struct backtest_messages *m, uint64_t key)
{
	struct backtest_message **at = &m->slot[key & (m->slots - 1)];

	while (*at && (*at)->key != key)
		at = &(*at)->in_slot;
	return at;
}

/* Twice the slots; without memory chains only become longer. */
static void grow(struct backtest_messages *m)
{
	struct backtest_message **slot = calloc(m->slots * 2, sizeof *slot);

	if (!slot)
		return;
	free(m->slot);
	m->slot = slot;
	m->slots *= 2;
	for (struct backtest_message *one = m->oldest; one; one = one->newer) {
		one->in_slot = NULL;
		*slot_of(m, one->key) = one;
	}
}

static void put_newest(struct backtest_messages *m, struct backtest_message *one)
{
	one->older = m->newest;
	one->newer = NULL;
	*(m->newest ? &m->newest->newer : &m->oldest) = one;
	m->newest = one;
}

static void take_out(struct backtest_messages *m, struct backtest_message *one)
{
	*(one->older ? &one->older->newer : &m->oldest) = one->newer;
	*(one->newer ? &one->newer->older : &m->newest) = one->older;
}

struct backtest_message *backtest_messages_find(
    struct backtest_messages *m, uint64_t key, int64_t now_s)
{
	struct backtest_message **at, *one;

	if (m->count > m->slots)
		grow(m);
	at = slot_of(m, key);
	one = *at;
	if (one) {
		take_out(m, one);
	} else {
		one = calloc(1, sizeof *one);
		if (!one)
			return NULL;
		one->key = key;
		*at = one;
		m->count++;
	}
	one->last_s = now_s;
	put_newest(m, one);
	return one;
}

struct backtest_message *backtest_messages_expire(struct backtest_messages *m, int64_t before_s)
{
	struct backtest_message *one = m->oldest;

	if (!one || one->last_s >= before_s)
		return NULL;
	*slot_of(m, one->key) = one->in_slot;
	take_out(m, one);
	m->count--;
	return one;
}

/* ---- one message --------------------------------------------------------------------- */

/* Copies a text to *at, and moves *at behind it. */
static struct slice put(char **at, struct slice text)
{
	struct slice copy = slice_of(*at, text.len);

	if (text.len > 0)
		memcpy(*at, text.ptr, text.len);
	*at += text.len;
	return copy;
}

bool backtest_message_keep(struct backtest_message *m, enum fact_state state, struct slice address,
    const struct replay_outcome *outcome)
{
	struct backtest_recipient *r = malloc(sizeof *r + address.len);
	char *at;

	if (!r)
		return false;
	at = (char *)(r + 1);
	*r =
	    (struct backtest_recipient){.next = m->recipients, .outcome = *outcome, .state = state};
	r->address = put(&at, address);
	m->recipients = r;
	return true;
}

bool backtest_message_describe(struct backtest_message *m, const struct decision_row *row)
{
	struct slice then = slice_str(decision_row_action(row));
	size_t len = row->text[ROW_SENDER].len + row->text[ROW_RECIPIENT].len + then.len;
	char *at;

	if (m->about)
		return true;
	m->about = malloc(sizeof *m->about + len);
	if (!m->about)
		return false;
	at = (char *)(m->about + 1);
	*m->about = (struct backtest_about){.time_ms = row->time_ms,
	    .client = row->client,
	    .run = row->run,
	    .number = row->number,
	    .refused = decision_row_is_refusal(row)};
	m->about->sender = put(&at, row->text[ROW_SENDER]);
	m->about->recipient = put(&at, row->text[ROW_RECIPIENT]);
	m->about->then = put(&at, then);
	return true;
}

void backtest_message_free(struct backtest_message *m)
{
	while (m->recipients) {
		struct backtest_recipient *next = m->recipients->next;

		free(m->recipients);
		m->recipients = next;
	}
	free(m->about);
	free(m);
}

void backtest_messages_free(struct backtest_messages *m)
{
	struct backtest_message *one;

	while ((one = backtest_messages_expire(m, INT64_MAX)))
		backtest_message_free(one);
	free(m->slot);
	m->slot = NULL;
}
