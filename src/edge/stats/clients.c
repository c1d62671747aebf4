#include "edge/stats/clients.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Slots of a look: twice as many as are used, so that few are tried. */
enum { SLOTS = 2 * CLIENTS_MAX };

struct clients_look {
	struct clients_told told;
	struct client_seen slots[SLOTS]; /* count 0 = free */
};

struct clients {
	atomic_uint looking;
	/* Guards the looks and what is in them.  Nothing else is taken while it is held. */
	pthread_mutex_t lock;
	struct clients_look *looks[CLIENTS_LOOKS_MAX]; /* NULL = free */
};

struct clients *clients_create(void)
{
	struct clients *c = calloc(1, sizeof *c);

	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void clients_free(struct clients **clients)
{
	if (!*clients)
		return;
	pthread_mutex_destroy(&(*clients)->lock);
	free(*clients);
	*clients = NULL;
}

/* ---- counting ------------------------------------------------------------------------ */

static size_t slot_of(const struct client_seen *key)
{
	uint64_t h = key->client.hi * 0x9e3779b97f4a7c15u ^ key->client.lo;

	h = (h ^ (uint64_t)key->action << 1 ^ key->monitored) * 0x9e3779b97f4a7c15u;
	return (size_t)(h >> 32) % SLOTS;
}

static bool same(const struct client_seen *a, const struct client_seen *b)
{
	return ip_equal(&a->client, &b->client) && a->action == b->action &&
	       a->monitored == b->monitored;
}

static void count_in(struct clients_look *look, const struct client_seen *key)
{
	size_t i = slot_of(key);

	while (look->slots[i].count > 0 && !same(&look->slots[i], key))
		i = (i + 1) % SLOTS;
	if (look->slots[i].count == 0) {
		if (look->told.pairs == CLIENTS_MAX) {
			look->told.beyond++;
			return;
		}
		look->told.pairs++;
		look->slots[i] = *key;
	}
	look->slots[i].count++;
}

static struct client_seen key_of(const struct record *r)
{
	const struct decision *d = &r->decision;
	struct client_seen key = {
	    .client = r->facts->client,
	    .action = d->action,
	    .monitored = d->verdict->monitored,
	};

	if (d->verdict->family != FAMILY_NONE)
		snprintf(key.rule, sizeof key.rule, "%.*s", SLICE_ARG(d->cause));
	return key;
}

void clients_count(struct clients *c, const struct record *r)
{
	struct client_seen key;

	if (atomic_load_explicit(&c->looking, memory_order_relaxed) == 0)
		return;
	key = key_of(r);
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < CLIENTS_LOOKS_MAX; i++)
		if (c->looks[i])
			count_in(c->looks[i], &key);
	pthread_mutex_unlock(&c->lock);
}

/* ---- looking ------------------------------------------------------------------------- */

struct clients_look *clients_begin(struct clients *c)
{
	struct clients_look *look = calloc(1, sizeof *look);
	size_t i = 0;

	if (!look)
		return NULL;
	pthread_mutex_lock(&c->lock);
	while (i < CLIENTS_LOOKS_MAX && c->looks[i])
		i++;
	if (i < CLIENTS_LOOKS_MAX) {
		c->looks[i] = look;
		atomic_fetch_add(&c->looking, 1);
	}
	pthread_mutex_unlock(&c->lock);
	if (i < CLIENTS_LOOKS_MAX)
		return look;
	free(look);
	return NULL;
}

static int by_count(const void *one, const void *other)
{
	const struct client_seen *a = one, *b = other;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	/* In the same order from one second to the next. */
	return ip_compare(&a->client, &b->client);
}

size_t clients_end(struct clients *c, struct clients_look **looking, struct client_seen *out,
    size_t max, struct clients_told *told)
{
	struct clients_look *look = *looking;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < CLIENTS_LOOKS_MAX; i++)
		if (c->looks[i] == look)
			c->looks[i] = NULL;
	atomic_fetch_sub(&c->looking, 1);
	pthread_mutex_unlock(&c->lock);
	*told = look->told;
	qsort(look->slots, SLOTS, sizeof look->slots[0], by_count);
	if (max > told->pairs)
		max = told->pairs;
	memcpy(out, look->slots, max * sizeof *out);
	free(look);
	*looking = NULL;
	return max;
}
