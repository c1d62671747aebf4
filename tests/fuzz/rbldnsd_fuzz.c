/*
 * A zone file of rbldnsd, as what the first byte says it is.
 *
 * Insists that what is no entry has a reason, that a range is of one family and runs forwards, that
 * names are canonical, and that an answer is an address of IPv4.
 */
#include "core/rules/rbldnsd.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 1 << 20 };

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct rbldnsd_entry *e, enum rbldnsd_type type, struct arena *arena)
{
	struct slice again;

	insist(e->line > 0);
	if (e->wrong)
		return;
	insist(e->answer.family == IP_V4);
	if (type == RBLDNSD_DNSET) {
		insist(e->name.len > 0);
		insist(name_parse(e->name, &idn_uts46, arena, &again) == NULL);
		insist(slice_equal(again, e->name));
		return;
	}
	insist(e->name.len == 0);
	insist(e->first.family == (type == RBLDNSD_IP6TRIE ? IP_V6 : IP_V4));
	insist(e->last.family == e->first.family && ip_compare(&e->first, &e->last) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = size > 0 ? arena_create(ARENA_BYTES) : NULL;
	struct rbldnsd_reader r;
	enum rbldnsd_type type;
	struct rbldnsd_entry e;

	if (!arena)
		return 0;
	type = (enum rbldnsd_type)(data[0] & 3);
	r = rbldnsd_open(slice_of((const char *)data + 1, size - 1), type, &idn_uts46, arena);
	while (rbldnsd_next(&r, &e) && !arena_failed(arena))
		check(&e, type, arena);
	arena_free(&arena);
	return 0;
}
