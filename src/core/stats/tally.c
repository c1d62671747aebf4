#include "core/stats/tally.h"

#include "core/base/fnv.h"
#include "core/base/top_k.h"

#include <stdlib.h>

/* Chains of the hash table: a quarter of a million domains make chains of four. */
enum { CHAINS = 1 << 16 };

struct domain_hour {
	struct domain_hour *next;
	struct tally_domain domain;
	struct hyperloglog *recipients;
	size_t bytes; /* as counted into the tally */
	char name[];
};

struct tally {
	size_t limit, bytes;
	uint64_t total;
	struct domain_hour *chains[CHAINS];
};

struct tally *tally_create(size_t limit)
{
	struct tally *t = calloc(1, sizeof *t);

	if (t) {
		t->limit = limit;
		t->bytes = sizeof *t;
	}
	return t;
}

static void free_entry(struct domain_hour *e)
{
	for (int k = 0; k < TALLY_KINDS; k++)
		top_k_free(&e->domain.top[k]);
	free(e->recipients);
	free(e);
}

void tally_free(struct tally **t)
{
	if (!*t)
		return;
	for (int i = 0; i < CHAINS; i++)
		for (struct domain_hour *e = (*t)->chains[i], *next; e; e = next) {
			next = e->next;
			free_entry(e);
		}
	free(*t);
	*t = NULL;
}

/* ---- domains ------------------------------------------------------------------------- */

static struct domain_hour **chain_of(struct tally *t, struct slice name, int64_t hour)
{
	uint64_t h = fnv(FNV_START ^ (uint64_t)hour, name);

	return &t->chains[(h ^ h >> 32) & (CHAINS - 1)];
}

static size_t bytes_of(const struct domain_hour *e)
{
	/* The entry, its name, and what the allocator adds. */
	size_t bytes = sizeof *e + e->domain.name.len + 32;

	for (int k = 0; k < TALLY_KINDS; k++)
		if (e->domain.top[k])
			bytes += top_k_bytes(e->domain.top[k]) + 16;
	return bytes + (e->recipients ? sizeof *e->recipients : 0);
}

static struct domain_hour *add(struct domain_hour **chain, struct slice name, int64_t hour)
{
	struct domain_hour *e = calloc(1, sizeof *e + name.len + 1);

	if (!e)
		return NULL;
	if (name.len > 0)
		memcpy(e->name, name.ptr, name.len);
	e->domain.name = slice_of(e->name, name.len);
	e->domain.hour = hour;
	e->next = *chain;
	*chain = e;
	return e;
}

/* The entry; that of "" when there is no room for another domain. */
static struct domain_hour *entry_of(struct tally *t, struct slice name, int64_t hour)
{
	struct domain_hour **chain = chain_of(t, name, hour), *e = *chain;

	while (e && (e->domain.hour != hour || !slice_equal(e->domain.name, name)))
		e = e->next;
	if (e)
		return e;
	if (t->bytes > t->limit && name.len > 0)
		return entry_of(t, slice_of("", 0), hour);
	return add(chain, name, hour);
}

/* ---- counting ------------------------------------------------------------------------ */

static void add_distinct(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	(void)at_least;
	(void)at_most;
	hyperloglog_add(context, key);
}

/* From the first recipient on that has no slot of its own any more. */
static void count_distinct(struct domain_hour *e, struct slice recipient)
{
	if (!e->recipients) {
		if (!top_k_is_full(e->domain.top[TALLY_RECIPIENTS]))
			return;
		e->recipients = calloc(1, sizeof *e->recipients);
		e->domain.recipients = e->recipients;
		if (e->recipients)
			top_k_each(e->domain.top[TALLY_RECIPIENTS], add_distinct, e->recipients);
	}
	if (e->recipients)
		hyperloglog_add(e->recipients, recipient);
}

/*
 * At the limit lists stop growing; keys that take the place of others may be longer, so that at
 * twice the limit they stay as they are.
 */
static void count_keys(struct tally *t, struct domain_hour *e, const struct refusal *r)
{
	if (t->bytes > 2 * t->limit)
		return;
	for (int k = 0; k < TALLY_KINDS; k++) {
		struct top_k **top = &e->domain.top[k];

		if (r->keys[k].len == 0)
			continue;
		if (!*top && t->bytes <= t->limit)
			*top = top_k_create(TALLY_TOP);
		if (*top && t->bytes > t->limit)
			top_k_close(*top);
		if (*top)
			top_k_count(*top, r->keys[k], 1);
	}
	if (r->keys[TALLY_RECIPIENTS].len > 0 && e->domain.top[TALLY_RECIPIENTS])
		count_distinct(e, r->keys[TALLY_RECIPIENTS]);
}

void tally_count(struct tally *t, const struct refusal *r)
{
	struct domain_hour *e = entry_of(t, r->domain, r->hour);
	size_t bytes;

	t->total++;
	if (!e)
		return;
	e->domain.totals[r->family][r->monitored]++;
	/* Known domains keep their lists, which are bounded; together under "" there are none. */
	if (e->domain.name.len > 0)
		count_keys(t, e, r);
	bytes = bytes_of(e);
	t->bytes += bytes - e->bytes;
	e->bytes = bytes;
}

uint64_t tally_total(const struct tally *t)
{
	return t->total;
}

size_t tally_bytes(const struct tally *t)
{
	return t->bytes;
}

void tally_each(
    struct tally *t, void (*each)(void *context, const struct tally_domain *), void *context)
{
	for (int i = 0; i < CHAINS; i++)
		for (struct domain_hour *e = t->chains[i]; e; e = e->next)
			each(context, &e->domain);
}
