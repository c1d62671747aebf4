#include "edge/dns/resolver_answer.h"

#include "core/auth/dnswire.h"

#include <stdlib.h>

static struct resolver_answer *allocate(enum dns_status status, size_t count, size_t bytes)
{
	size_t size = sizeof(struct resolver_answer) + count * sizeof(struct dns_record) + bytes;
	struct resolver_answer *a = malloc(size);

	if (!a)
		return resolver_answer_starved();
	*a = (struct resolver_answer){.status = status, .size = size, .count = count};
	atomic_init(&a->references, 1);
	return a;
}

struct resolver_answer *resolver_answer_records(
    enum dns_type type, const struct slice *rdata, size_t count)
{
	struct resolver_answer *a;
	size_t bytes = 0;
	char *room;

	for (size_t i = 0; i < count; i++)
		bytes += rdata[i].len;
	a = allocate(DNS_OK, count, bytes);
	if (a->starved)
		return a;
	room = (char *)&a->records[count];
	for (size_t i = 0; i < count; i++) {
		if (!dnswire_record(type, rdata[i], room, &a->records[i])) {
			resolver_answer_drop(a);
			return NULL;
		}
		room += rdata[i].len;
	}
	return a;
}

struct resolver_answer *resolver_answer_none(enum dns_status status)
{
	return allocate(status, 0, 0);
}

struct resolver_answer *resolver_answer_starved(void)
{
	/* Held once by itself, for ever. */
	static struct resolver_answer starved = {
	    .references = 1, .status = DNS_TEMP, .starved = true};

	return resolver_answer_hold(&starved);
}

struct resolver_answer *resolver_answer_hold(struct resolver_answer *a)
{
	if (a)
		atomic_fetch_add_explicit(&a->references, 1, memory_order_relaxed);
	return a;
}

void resolver_answer_drop(struct resolver_answer *a)
{
	if (a && atomic_fetch_sub_explicit(&a->references, 1, memory_order_acq_rel) == 1)
		free(a);
}

static const struct dns_record *copy_records(const struct resolver_answer *a, struct arena *arena)
{
	struct dns_record *records = arena_alloc(arena, a->count * sizeof *records);

	if (!records)
		return NULL;
	for (size_t i = 0; i < a->count; i++) {
		struct slice data = a->records[i].data;
		char *copy = arena_alloc(arena, data.len + 1);
		if (!copy)
			return NULL;
		memcpy(copy, data.ptr, data.len);
		copy[data.len] = '\0';
		records[i].data = slice_of(copy, data.len);
		records[i].preference = a->records[i].preference;
	}
	return records;
}

void resolver_answer_give(
    const struct resolver_answer *a, struct arena *arena, struct dns_answer *out)
{
	const struct dns_record *records = NULL;

	*out = (struct dns_answer){.status = DNS_TEMP};
	if (a && a->starved)
		arena_starve(arena);
	if (!a || (a->count && !(records = copy_records(a, arena))))
		return;
	*out = (struct dns_answer){.status = a->status,
	    .secure = a->secure,
	    .ttl = a->ttl,
	    .count = a->count,
	    .records = records};
}
