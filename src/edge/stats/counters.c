#include "edge/stats/counters.h"

#include "core/base/fnv.h"
#include "core/change/decision_row.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Distinct (family, rule) pairs that are told apart: two generations of the largest table.  What
 * comes later is counted for its family without a rule. */
enum { SLOTS = 1 << 18, PAIRS_MAX = 131072 };

struct pair {
	enum family family;
	atomic_uint_fast64_t counts[ACTION_COUNT][2]; /* [1]: would */
	atomic_uint_fast64_t undecided;
	atomic_bool declared[ACTION_COUNT][2];
	size_t rule_len;
	char rule[];
};

struct histogram {
	atomic_uint_fast64_t bucket[COUNTERS_BUCKETS];
	atomic_uint_fast64_t sum_us;
};

struct counters {
	/* Guards adding a pair.  Slots are only ever filled, so readers need no lock. */
	pthread_mutex_t lock;
	unsigned pairs;
	_Atomic(struct pair *) slots[SLOTS];
	struct histogram latency[STAGE_END + 1];
	atomic_uint_fast64_t results[AUTH_METHOD_COUNT][COUNTERS_RESULTS];
	atomic_uint_fast64_t refused[REFUSED_COUNT];
};

const int64_t counters_bounds_us[COUNTERS_BUCKETS - 1] = {
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 50000, 250000, 1000000, 5000000, 20000000};

struct counters *counters_create(void)
{
	struct counters *c = calloc(1, sizeof *c);

	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void counters_free(struct counters **c)
{
	if (!*c)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		free((*c)->slots[i]);
	pthread_mutex_destroy(&(*c)->lock);
	free(*c);
	*c = NULL;
}

static unsigned slot_of(enum family family, struct slice rule)
{
	uint64_t h = fnv(FNV_START ^ (uint64_t)family, rule);

	return (unsigned)((h ^ h >> 31) % SLOTS);
}

static bool is_pair(const struct pair *p, enum family family, struct slice rule)
{
	return p->family == family && slice_equal(slice_of(p->rule, p->rule_len), rule);
}

/* The pair, or the free slot where it would stand. */
static struct pair *find(struct counters *c, enum family family, struct slice rule, unsigned *slot)
{
	struct pair *p;

	for (*slot = slot_of(family, rule); (p = atomic_load(&c->slots[*slot]));
	     *slot = (*slot + 1) % SLOTS)
		if (is_pair(p, family, rule))
			return p;
	return NULL;
}

static struct pair *add(struct counters *c, enum family family, struct slice rule)
{
	struct pair *p;
	unsigned slot;

	pthread_mutex_lock(&c->lock);
	p = find(c, family, rule, &slot);
	if (!p && (c->pairs < PAIRS_MAX || rule.len == 0)) {
		p = calloc(1, sizeof *p + rule.len + 1);
		if (p) {
			p->family = family;
			p->rule_len = rule.len;
			if (rule.len)
				memcpy(p->rule, rule.ptr, rule.len);
			c->pairs++;
			atomic_store(&c->slots[slot], p);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return p;
}

static void count_latency(struct histogram *h, int64_t took_us)
{
	unsigned i = 0;

	if (took_us < 0)
		took_us = 0;
	while (i < COUNTERS_BUCKETS - 1 && took_us > counters_bounds_us[i])
		i++;
	atomic_fetch_add_explicit(&h->bucket[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, (uint64_t)took_us, memory_order_relaxed);
}

/* The pair, added if need be; that of its family alone where there is no room. */
static struct pair *find_or_add(struct counters *c, enum family family, struct slice rule)
{
	unsigned slot;
	struct pair *p = find(c, family, rule, &slot);

	if (!p)
		p = add(c, family, rule);
	return p ? p : add(c, family, slice_of("", 0));
}

void counters_declare(
    struct counters *c, enum family family, struct slice rule, enum action action, bool monitored)
{
	struct pair *p = find_or_add(c, family, rule);

	if (p && p->rule_len == rule.len)
		atomic_store_explicit(&p->declared[action][monitored], true, memory_order_relaxed);
}

static enum refusal_proof proof_of(const struct record *r)
{
	struct decision_row_room room;
	struct decision_row row;

	if (r->stage != STAGE_END || r->facts->dmarc_state != FACT_KNOWN)
		return REFUSED_UNKNOWN;
	decision_row_of(r, &room, &row);
	return decision_row_is_proven(&row) ? REFUSED_PROVEN : REFUSED_UNPROVEN;
}

void counters_refused(struct counters *c, enum refusal_proof proof)
{
	atomic_fetch_add_explicit(&c->refused[proof], 1, memory_order_relaxed);
}

uint64_t counters_refusals(const struct counters *c, enum refusal_proof proof)
{
	return atomic_load((atomic_uint_fast64_t *)(uintptr_t)&c->refused[proof]);
}

void counters_count(struct counters *c, const struct record *r)
{
	const struct decision *d = &r->decision;
	const struct verdict *v = d->verdict;
	struct pair *p = find_or_add(c, v->family, d->rule);

	if (p)
		atomic_fetch_add_explicit(
		    &p->counts[d->action][v->monitored], 1, memory_order_relaxed);
	if (v->undecided && (p = find_or_add(c, v->undecided->family, v->undecided->name)))
		atomic_fetch_add_explicit(&p->undecided, 1, memory_order_relaxed);
	if (!v->monitored && (d->action == ACTION_REJECT || d->action == ACTION_TEMPFAIL))
		counters_refused(c, proof_of(r));
	if (r->stage != STAGE_END)
		count_latency(&c->latency[r->stage], r->took_us);
}

void counters_judged(struct counters *c, int64_t took_us)
{
	count_latency(&c->latency[STAGE_END], took_us);
}

void counters_authenticated(struct counters *c, enum auth_method method, int result)
{
	atomic_fetch_add_explicit(&c->results[method][result], 1, memory_order_relaxed);
}

uint64_t counters_results(const struct counters *c, enum auth_method method, int result)
{
	return atomic_load((atomic_uint_fast64_t *)(uintptr_t)&c->results[method][result]);
}

static int compare_pairs(const void *one, const void *other)
{
	const struct pair *a = *(const struct pair *const *)one;
	const struct pair *b = *(const struct pair *const *)other;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return slice_compare(slice_of(a->rule, a->rule_len), slice_of(b->rule, b->rule_len));
}

/* All pairs, sorted; freed by the caller.  NULL when out of memory. */
static struct pair **sorted_pairs(const struct counters *c, unsigned *count)
{
	struct pair **sorted = calloc(PAIRS_MAX + FAMILY_COUNT, sizeof(struct pair *));
	unsigned n = 0;

	for (unsigned i = 0; sorted && i < SLOTS && n < PAIRS_MAX + FAMILY_COUNT; i++) {
		struct pair *p = atomic_load((_Atomic(struct pair *) *)(uintptr_t)&c->slots[i]);
		if (p)
			sorted[n++] = p;
	}
	if (n > 0)
		qsort(sorted, n, sizeof(struct pair *), compare_pairs);
	*count = n;
	return sorted;
}

void counters_each_undecided(
    const struct counters *c, void (*each)(void *context, const struct counter *), void *context)
{
	unsigned n;
	struct pair **sorted = sorted_pairs(c, &n);

	for (unsigned i = 0; i < n; i++) {
		struct counter one = {
		    .family = sorted[i]->family,
		    .rule = slice_of(sorted[i]->rule, sorted[i]->rule_len),
		    .count = atomic_load(&sorted[i]->undecided),
		};
		if (one.count > 0)
			each(context, &one);
	}
	free(sorted);
}

static void each_counter(const struct counters *c, bool declared,
    void (*each)(void *context, const struct counter *), void *context)
{
	unsigned n;
	struct pair **sorted = sorted_pairs(c, &n);

	for (unsigned i = 0; i < n; i++)
		for (int action = 0; action < ACTION_COUNT; action++)
			for (int monitored = 0; monitored < 2; monitored++) {
				struct counter one = {
				    .family = sorted[i]->family,
				    .rule = slice_of(sorted[i]->rule, sorted[i]->rule_len),
				    .action = (enum action)action,
				    .monitored = monitored != 0,
				    .count = atomic_load(&sorted[i]->counts[action][monitored]),
				};
				if (one.count > 0 ||
				    (declared &&
					atomic_load(&sorted[i]->declared[action][monitored])))
					each(context, &one);
			}
	free(sorted);
}

void counters_each(
    const struct counters *c, void (*each)(void *context, const struct counter *), void *context)
{
	each_counter(c, false, each, context);
}

void counters_each_declared(
    const struct counters *c, void (*each)(void *context, const struct counter *), void *context)
{
	each_counter(c, true, each, context);
}

struct latency counters_latency(const struct counters *c, enum stage stage)
{
	struct histogram *h = (struct histogram *)(uintptr_t)&c->latency[stage];
	struct latency latency = {.sum_us = atomic_load(&h->sum_us)};

	for (int i = 0; i < COUNTERS_BUCKETS; i++) {
		latency.bucket[i] = atomic_load(&h->bucket[i]);
		latency.count += latency.bucket[i];
	}
	return latency;
}
