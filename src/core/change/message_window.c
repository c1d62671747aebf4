#include "message_window.h"

#include "core/change/backtest.h"

#include <stdlib.h>

enum { SLOTS_FIRST = 1 << 12 };
#define OPEN_MS (BACKTEST_OPEN_SECONDS * INT64_C(1000))

/* Threads of the writer hand rows over a little out of order. */
enum { DISORDER_MS = 10000 };

/* Sixteen bytes: a busy host has a million of them open. */
struct seen_message {
	uint64_t key;
	uint32_t last_s;      /* since the epoch, of its last row */
	uint32_t weight : 27; /* the most that one of its rows stands for; 0: nobody's place */
	uint32_t flags : 4;
	uint32_t own : 1;
};

/* More than a host gets in the minute that a row stands for. */
enum { WEIGHT_MAX = (1 << 27) - 1, FLAGS_MAX = 15 };

struct message_window {
	int64_t from_ms, until_ms;
	int64_t last_own_ms;
	bool any_own;
	struct seen_message *slot;
	size_t slots, used; /* used: those that are over included */
	struct seen_message *last;
};

struct message_window *message_window_create(int64_t from_ms, int64_t until_ms)
{
	struct message_window *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	*w =
	    (struct message_window){.from_ms = from_ms, .until_ms = until_ms, .slots = SLOTS_FIRST};
	w->slot = calloc(w->slots, sizeof *w->slot);
	if (!w->slot)
		message_window_free(&w);
	return w;
}

void message_window_free(struct message_window **window)
{
	struct message_window *w = *window;

	if (!w)
		return;
	free(w->slot);
	free(w);
	*window = NULL;
}

static bool is_open(const struct seen_message *m, uint32_t now_s)
{
	return now_s <= m->last_s || now_s - m->last_s <= BACKTEST_OPEN_SECONDS;
}

/* The place of this key, or the free one where it belongs. */
static struct seen_message *place_of(struct message_window *w, uint64_t key)
{
	size_t i = key & (w->slots - 1);

	while (w->slot[i].weight > 0 && w->slot[i].key != key)
		i = (i + 1) & (w->slots - 1);
	return &w->slot[i];
}

/* Drops what is over; twice the places where most are not. */
static bool make_room(struct message_window *w, uint32_t now_s)
{
	struct seen_message *old = w->slot;
	size_t old_slots = w->slots, open = 0;

	if (w->used < w->slots / 4 * 3)
		return true;
	for (size_t i = 0; i < old_slots; i++)
		open += old[i].weight > 0 && is_open(&old[i], now_s);
	if (open > w->slots / 4)
		w->slots *= 2;
	w->slot = calloc(w->slots, sizeof *w->slot);
	if (!w->slot) {
		w->slot = old;
		w->slots = old_slots;
		return false;
	}
	w->used = open;
	for (size_t i = 0; i < old_slots; i++)
		if (old[i].weight > 0 && is_open(&old[i], now_s))
			*place_of(w, old[i].key) = old[i];
	free(old);
	return true;
}

struct message_seen message_window_take(struct message_window *w, uint64_t key, int64_t time_ms,
    uint64_t count, unsigned flags, bool *failed)
{
	uint32_t now_s = (uint32_t)(time_ms / 1000), weight = count > WEIGHT_MAX ? WEIGHT_MAX
							      : count > 0        ? (uint32_t)count
										 : 1;
	struct message_seen seen = {.more = 0};
	struct seen_message *m;

	if (!make_room(w, now_s)) {
		*failed = true;
		return seen;
	}
	m = place_of(w, key);
	w->used += m->weight == 0;
	if (m->weight == 0 || !is_open(m, now_s))
		*m = (struct seen_message){
		    .key = key, .own = time_ms >= w->from_ms && time_ms < w->until_ms};
	m->last_s = now_s;
	seen.own = m->own;
	seen.more = weight > m->weight ? weight - m->weight : 0;
	if (seen.more > 0)
		m->weight = weight & WEIGHT_MAX;
	m->flags = (m->flags | flags) & FLAGS_MAX;
	seen.weight = m->weight;
	seen.flags = m->flags;
	w->last = m;
	if (m->own) {
		w->any_own = true;
		w->last_own_ms = time_ms;
	}
	return seen;
}

void message_window_expect(const struct message_window *w, uint64_t key)
{
	__builtin_prefetch(&w->slot[key & (w->slots - 1)], 1);
}

void message_window_mark(struct message_window *w, unsigned flags)
{
	w->last->flags = (w->last->flags | flags) & FLAGS_MAX;
}

bool message_window_wants(const struct message_window *w, int64_t time_ms)
{
	return w->until_ms == INT64_MAX || time_ms < w->until_ms + DISORDER_MS ||
	       (w->any_own && time_ms - w->last_own_ms <= OPEN_MS + DISORDER_MS);
}
