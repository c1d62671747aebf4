#include "core/stats/tally.h"

#include "core/base/fnv.h"
#include "core/base/top_k.h"

#include <stdlib.h>

/* Chains of the hash table: a quarter of a million domains make chains of four. */
enum { CHAINS = 1 << 16 };

struct tally_entry {
	struct tally_entry *next;
	struct tally_domain domain;
	struct hyperloglog *recipients;
	size_t bytes; /* as counted into the tally */
	char name[];
};

struct tally {
	size_t limit, bytes;
	uint64_t total;
	struct tally_entry *chains[CHAINS];
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

static void entry_free(struct tally_entry *e)
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
		for (struct tally_entry *e = (*t)->chains[i], *next; e; e = next) {
			next = e->next;
			entry_free(e);
		}
	free(*t);
	*t = NULL;
}

/* ---- domains ------------------------------------------------------------------------- */

static struct tally_entry **entry_chain(struct tally *t, struct slice name, int64_t hour)
{
	uint64_t h = fnv(FNV_START ^ (uint64_t)hour, name);

	return &t->chains[(h ^ h >> 32) & (CHAINS - 1)];
}

static size_t entry_bytes(const struct tally_entry *e)
{
	/* The entry, its name, and what the allocator adds. */
	size_t bytes = sizeof *e + e->domain.name.len + 32;

	for (int k = 0; k < TALLY_KINDS; k++)
		if (e->domain.top[k])
			bytes += top_k_bytes(e->domain.top[k]) + 16;
	return bytes + (e->recipients ? sizeof *e->recipients : 0);
}

static struct tally_entry *entry_add(struct tally_entry **chain, struct slice name, int64_t hour)
{
	struct tally_entry *e = calloc(1, sizeof *e + name.len + 1);

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
static struct tally_entry *entry_find_or_add(struct tally *t, struct slice name, int64_t hour)
{
	struct tally_entry **chain = entry_chain(t, name, hour), *e = *chain;

	while (e && (e->domain.hour != hour || !slice_equal(e->domain.name, name)))
		e = e->next;
	if (e)
		return e;
	if (t->bytes > t->limit && name.len > 0)
		return entry_find_or_add(t, slice_of("", 0), hour);
	return entry_add(chain, name, hour);
}

/* ---- counting ------------------------------------------------------------------------ */

static void add_to_hyperloglog(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	(void)at_least;
	(void)at_most;
	hyperloglog_add(context, key);
}

/* From the first recipient on that has no slot of its own any more. */
static void count_recipient(struct tally_entry *e, struct slice recipient)
{
	if (!e->recipients) {
		if (!top_k_is_full(e->domain.top[TALLY_RECIPIENTS]))
			return;
		e->recipients = calloc(1, sizeof *e->recipients);
		e->domain.recipients = e->recipients;
		if (e->recipients)
			top_k_each(
			    e->domain.top[TALLY_RECIPIENTS], add_to_hyperloglog, e->recipients);
	}
	if (e->recipients)
		hyperloglog_add(e->recipients, recipient);
}

/*
 * At the limit lists stop growing; keys that take the place of others may be longer, so that at
 * twice the limit they stay as they are.
 */
static void count_keys(struct tally *t, struct tally_entry *e, const struct refusal *r)
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
		count_recipient(e, r->keys[TALLY_RECIPIENTS]);
}

void tally_count(struct tally *t, const struct refusal *r)
{
	struct tally_entry *e = entry_find_or_add(t, r->domain, r->hour);
	size_t bytes;

	t->total++;
	if (!e)
		return;
	e->domain.totals[r->family][r->monitored]++;
	/* Known domains keep their lists, which are bounded; together under "" there are none. */
	if (e->domain.name.len > 0)
		count_keys(t, e, r);
	bytes = entry_bytes(e);
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
		for (struct tally_entry *e = t->chains[i]; e; e = e->next)
			each(context, &e->domain);
}
