#include "fake/counting.h"

#include <stdlib.h>

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct counting *c = self;

	dns_lookup(&c->below, name, type, arena, out);
	if (out->status == DNS_BADNAME)
		return;
	pthread_mutex_lock(&c->lock);
	c->questions++;
	pthread_mutex_unlock(&c->lock);
}

/* What is known of a hint; for a new one the room behind the last. */
static struct counted_hint *find(struct counting *c, struct slice name, enum dns_type type)
{
	struct counted_hint *h = c->hints;

	while (h < c->hints + c->hint_count &&
	       (h->type != type || !slice_equal_nocase(slice_of(h->name, h->len), name)))
		h++;
	return h;
}

static void note(struct counting *c, struct slice name, enum dns_type type)
{
	struct counted_hint *h = find(c, name, type);

	if (h == c->hints + c->hint_count) {
		if (c->hint_count == COUNTING_HINTS_MAX)
			abort();
		c->hint_count++;
		*h = (struct counted_hint){.len = name.len, .type = type};
		memcpy(h->name, name.ptr, name.len);
	}
	h->times++;
}

static void hint(void *self, struct slice name, enum dns_type type)
{
	struct counting *c = self;

	pthread_mutex_lock(&c->lock);
	if (name.len > 0 && name.len <= sizeof c->hints[0].name)
		note(c, name, type);
	pthread_mutex_unlock(&c->lock);
	dns_hint(&c->below, name, type);
}

struct dns counting_dns(struct counting *c, struct dns below)
{
	c->below = below;
	c->questions = c->hint_count = 0;
	pthread_mutex_init(&c->lock, NULL);
	return (struct dns){.self = c, .lookup = lookup, .hint = hint};
}

unsigned counting_questions(struct counting *c)
{
	unsigned n;

	pthread_mutex_lock(&c->lock);
	n = c->questions;
	pthread_mutex_unlock(&c->lock);
	return n;
}

unsigned counting_hinted(struct counting *c, struct slice name, enum dns_type type)
{
	const struct counted_hint *h;
	unsigned n;

	pthread_mutex_lock(&c->lock);
	h = find(c, name, type);
	n = h < c->hints + c->hint_count ? h->times : 0;
	pthread_mutex_unlock(&c->lock);
	return n;
}
