#include "core/base/top_k.h"

#include "core/base/fnv.h"

#include <stdlib.h>

struct slot {
	uint64_t hash; /* first: a search looks at little else */
	uint64_t count, error;
	char *key;
	size_t len;
};

struct top_k {
	unsigned slots, used, capacity;
	bool full;
	size_t key_bytes;
	struct slot *at;
};

struct top_k *top_k_create(unsigned slots)
{
	struct top_k *h = calloc(1, sizeof *h);

	if (h)
		h->slots = slots < TOP_K_SLOTS_MAX ? slots : TOP_K_SLOTS_MAX;
	return h;
}

void top_k_free(struct top_k **h)
{
	if (!*h)
		return;
	for (unsigned i = 0; i < (*h)->used; i++)
		free((*h)->at[i].key);
	free((*h)->at);
	free(*h);
	*h = NULL;
}

static struct slot *find_key(const struct top_k *h, struct slice key, uint64_t hash)
{
	for (unsigned i = 0; i < h->used; i++) {
		struct slot *s = &h->at[i];
		if (s->hash == hash && slice_equal(slice_of(s->key, s->len), key))
			return s;
	}
	return NULL;
}

static struct slot *rarest(const struct top_k *h)
{
	struct slot *s = h->at;

	for (unsigned i = 1; i < h->used; i++)
		if (h->at[i].count < s->count)
			s = &h->at[i];
	return s;
}

static bool put_key(struct top_k *h, struct slot *s, struct slice key, uint64_t hash)
{
	char *copy = malloc(key.len + 1);

	if (!copy)
		return false;
	if (key.len > 0)
		memcpy(copy, key.ptr, key.len);
	h->key_bytes += key.len;
	h->key_bytes -= s->len;
	free(s->key);
	s->key = copy;
	s->len = key.len;
	s->hash = hash;
	return true;
}

/* A slot that nobody has, or NULL when there is none or no memory. */
static struct slot *new_slot(struct top_k *h)
{
	if (h->used == h->slots)
		return NULL;
	if (h->used == h->capacity) {
		unsigned capacity = h->capacity ? h->capacity * 2 : 2;
		struct slot *at = realloc(h->at, capacity * sizeof *at);
		if (!at)
			return NULL;
		h->at = at;
		h->capacity = capacity;
	}
	h->at[h->used] = (struct slot){.key = NULL};
	return &h->at[h->used];
}

bool top_k_count(struct top_k *h, struct slice key, uint64_t n)
{
	struct slot *s;
	uint64_t hash;

	key.len = key.len < TOP_K_KEY_MAX ? key.len : TOP_K_KEY_MAX;
	hash = fnv(FNV_START, key);
	s = find_key(h, key, hash);
	if (s) {
		s->count += n;
		return true;
	}
	s = new_slot(h);
	if (s) {
		if (!put_key(h, s, key, hash))
			return false;
		h->used++;
	} else {
		if (h->used == 0)
			return false;
		s = rarest(h);
		if (!put_key(h, s, key, hash))
			return false;
		s->error = s->count;
		h->full = true;
	}
	s->count += n;
	return true;
}

void top_k_close(struct top_k *h)
{
	h->slots = h->used;
}

bool top_k_is_full(const struct top_k *h)
{
	return h->full;
}

size_t top_k_bytes(const struct top_k *h)
{
	/* Each key costs the allocator about this much besides. */
	enum { OVERHEAD = 24 };

	return sizeof *h + h->capacity * sizeof *h->at + h->key_bytes + h->used * OVERHEAD;
}

static int compare_slots(const void *one, const void *other)
{
	const struct slot *a = one, *b = other;
	uint64_t x = a->count - a->error, y = b->count - b->error;

	if (x != y)
		return x > y ? -1 : 1;
	return slice_compare(slice_of(a->key, a->len), slice_of(b->key, b->len));
}

void top_k_each(struct top_k *h,
    void (*each)(void *context, struct slice key, uint64_t at_least, uint64_t at_most),
    void *context)
{
	if (h->used > 0)
		qsort(h->at, h->used, sizeof *h->at, compare_slots);
	for (unsigned i = 0; i < h->used; i++) {
		const struct slot *s = &h->at[i];
		each(context, slice_of(s->key, s->len), s->count - s->error, s->count);
	}
}
