#include "top_window.h"

#include <pthread.h>
#include <stdlib.h>

/* A sample a second, whoever measures it, and some room. */
enum { SAMPLES = TOP_WINDOW_MAX + 4, APART_US = 900000 };

struct sample {
	struct moment begin;
	int64_t took_us;
	uint64_t counts[TOP_RULES_MAX]; /* by number of the ring's rules, at its begin */
	size_t rules;                   /* that were known then */
	struct client_seen clients[TOP_CLIENTS_MAX];
	size_t client_count;
	uint64_t beyond;
};

static struct ring {
	struct rule_rate rules[TOP_RULES_MAX]; /* names only */
	size_t rule_count;
	struct sample samples[SAMPLES];
	size_t next;
} * ring;

/* Guards the ring; nothing is taken inside. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_same(const struct rule_rate *a, const struct rule_rate *b)
{
	return a->family == b->family && a->action == b->action && strcmp(a->rule, b->rule) == 0;
}

/* The number of a rule in the ring; TOP_RULES_MAX: it is full.  They mostly come in one order. */
static size_t number_of(const struct rule_rate *r, size_t guess, bool add)
{
	for (size_t n = 0; n < ring->rule_count; n++) {
		size_t i = (guess + n) % ring->rule_count;

		if (is_same(&ring->rules[i], r))
			return i;
	}
	if (!add || ring->rule_count == TOP_RULES_MAX)
		return TOP_RULES_MAX;
	ring->rules[ring->rule_count] = *r;
	return ring->rule_count++;
}

static void add(const struct top *t)
{
	const struct sample *last = &ring->samples[(ring->next + SAMPLES - 1) % SAMPLES];
	struct sample *s = &ring->samples[ring->next];

	if (last->took_us > 0 && t->before.us - last->begin.us < APART_US)
		return;
	*s = (struct sample){.begin = t->before,
	    .took_us = t->now.us - t->before.us,
	    .client_count = t->client_count,
	    .beyond = t->told.beyond};
	for (size_t i = 0; i < t->rule_count; i++) {
		size_t number = number_of(&t->rules[i], i, true);

		if (number < TOP_RULES_MAX)
			s->counts[number] = t->rules[i].before;
	}
	s->rules = ring->rule_count;
	memcpy(s->clients, t->clients, t->client_count * sizeof *s->clients);
	ring->next = (ring->next + 1) % SAMPLES;
}

void top_window_add(const struct top *t)
{
	pthread_mutex_lock(&lock);
	if (!ring)
		ring = calloc(1, sizeof *ring);
	if (ring)
		add(t);
	pthread_mutex_unlock(&lock);
}

/* ---- a wider page -------------------------------------------------------------------- */

static void begin_at(struct top *t, const struct sample *s)
{
	t->before = s->begin;
	t->seconds = (double)(t->now.us - t->before.us) / 1e6;
	for (size_t i = 0; i < t->rule_count; i++) {
		size_t number = number_of(&t->rules[i], i, false);

		t->rules[i].before = number < s->rules ? s->counts[number] : 0;
	}
}

static int by_client(const void *one, const void *other)
{
	const struct client_seen *a = one, *b = other;
	int order = ip_compare(&a->client, &b->client);

	if (order == 0)
		order = (a->action > b->action) - (a->action < b->action);
	return order ? order : (a->monitored > b->monitored) - (a->monitored < b->monitored);
}

static int by_count(const void *one, const void *other)
{
	const struct client_seen *a = one, *b = other;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return ip_compare(&a->client, &b->client);
}

/* One of each client and action, with their counts together. */
static size_t join(struct client_seen *all, size_t n)
{
	size_t kept = 0;

	if (n > 0)
		qsort(all, n, sizeof *all, by_client);
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && by_client(&all[kept - 1], &all[i]) == 0)
			all[kept - 1].count += all[i].count;
		else
			all[kept++] = all[i];
	}
	if (kept > 0)
		qsort(all, kept, sizeof *all, by_count);
	return kept;
}

static void join_clients(struct top *t, int64_t from_us)
{
	struct client_seen *all = malloc(SAMPLES * sizeof ring->samples[0].clients);
	size_t n = 0;

	if (!all)
		return;
	t->client_seconds = 0;
	t->told.beyond = 0;
	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &ring->samples[i];

		if (s->took_us == 0 || s->begin.us < from_us)
			continue;
		memcpy(all + n, s->clients, s->client_count * sizeof *all);
		n += s->client_count;
		t->client_seconds += (double)s->took_us / 1e6;
		t->told.beyond += s->beyond;
	}
	n = join(all, n);
	t->client_count = n < TOP_CLIENTS_MAX ? n : TOP_CLIENTS_MAX;
	memcpy(t->clients, all, t->client_count * sizeof *all);
	free(all);
}

static void widen(struct top *t, int64_t from_us)
{
	const struct sample *first = NULL;

	for (size_t i = 0; i < SAMPLES; i++) {
		const struct sample *s = &ring->samples[i];

		if (s->took_us > 0 && s->begin.us >= from_us &&
		    (!first || s->begin.us < first->begin.us))
			first = s;
	}
	if (!first)
		return;
	begin_at(t, first);
	join_clients(t, first->begin.us);
}

void top_window_widen(struct top *t, uint64_t window)
{
	/* A page takes a little more than its second. */
	const int64_t slack_us = 500000;

	pthread_mutex_lock(&lock);
	if (ring)
		widen(t, t->now.us - (int64_t)window * 1000000 - slack_us);
	pthread_mutex_unlock(&lock);
}
