#include "edge/table/table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The public part first, so that a pointer to it is a pointer to the whole. */
struct held {
	struct generation generation;
	atomic_uint references; /* the table's own and one for each pin */
	struct table *table;
};

struct table {
	/* Guards `current` and the moment between reading it and counting the pin.  Nothing else is
	 * taken while it is held. */
	pthread_mutex_t lock;
	struct held *current;
	uint64_t last_number;
	atomic_uint retained;
};

struct table *table_create(void)
{
	struct table *t = calloc(1, sizeof *t);

	if (t)
		pthread_mutex_init(&t->lock, NULL);
	return t;
}

static void release(struct held *h)
{
	if (!h || atomic_fetch_sub(&h->references, 1) != 1)
		return;
	atomic_fetch_sub(&h->table->retained, 1);
	ruleset_free(&h->generation.rules);
	config_free(&h->generation.config);
	free(h);
}

uint64_t table_publish(
    struct table *t, struct ruleset *rules, struct config *config, int64_t now_us)
{
	struct held *fresh = calloc(1, sizeof *fresh), *old;
	uint64_t number;

	if (!fresh)
		return 0;
	fresh->generation = (struct generation){
	    .loaded_us = now_us,
	    .rules = rules,
	    .config = config,
	    .bytes = ruleset_bytes(rules),
	};
	atomic_init(&fresh->references, 1);
	fresh->table = t;
	atomic_fetch_add(&t->retained, 1);
	pthread_mutex_lock(&t->lock);
	number = fresh->generation.number = ++t->last_number;
	old = t->current;
	/* The swap: later pins see the new generation, earlier ones keep theirs. */
	t->current = fresh;
	pthread_mutex_unlock(&t->lock);
	release(old);
	return number;
}

const struct generation *table_pin(struct table *t)
{
	struct held *h;

	pthread_mutex_lock(&t->lock);
	h = t->current;
	if (h)
		atomic_fetch_add(&h->references, 1);
	pthread_mutex_unlock(&t->lock);
	return h ? &h->generation : NULL;
}

void table_unpin(const struct generation **g)
{
	if (*g)
		release((struct held *)(uintptr_t)*g);
	*g = NULL;
}

unsigned table_retained(struct table *t)
{
	return atomic_load(&t->retained);
}
