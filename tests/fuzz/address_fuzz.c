/*
 * Any bytes as a mailbox and as a name.
 *
 * Insists that what comes out reads as the same again, and that junk is shown as it came.
 */
#include "core/name/address.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check_address(struct slice given, struct arena *arena)
{
	struct address a, again;

	if (address_parse(given, &idn_uts46, arena, &a)) {
		insist(a.text.ptr == given.ptr && a.text.len == given.len);
		insist(a.local.len == 0 && a.domain.len == 0 && !a.null);
		return;
	}
	insist(!address_parse(a.text, &idn_uts46, arena, &again) || arena_failed(arena));
	insist(arena_failed(arena) ||
	       (slice_equal(a.text, again.text) && slice_equal(a.sent, again.sent) &&
		   slice_equal(a.folded, again.folded) && slice_equal(a.composed, again.composed) &&
		   slice_equal(a.local, again.local) && slice_equal(a.domain, again.domain) &&
		   a.null == again.null));
	insist(!address_parse(a.folded, NULL, arena, &again) || arena_failed(arena));
	insist(arena_failed(arena) ||
	       (slice_equal(a.local, again.sent) && slice_equal(a.folded, again.folded)));
}

static void check_name(struct slice given, struct arena *arena)
{
	struct slice name, again;

	if (name_parse(given, &idn_uts46, arena, &name))
		return;
	insist(!name_parse(name, NULL, arena, &again) && again.ptr == name.ptr);
	insist(name.len > 0 && name.len <= NAME_MAX_OCTETS);
	insist(name_labels(name) <= (NAME_MAX_OCTETS + 1) / 2 && name_is_within(name, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice given = slice_of((const char *)data, size);
	struct arena *arena = arena_create(1 << 16);

	check_address(given, arena);
	check_name(given, arena);
	arena_free(&arena);
	return 0;
}
