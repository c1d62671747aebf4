/*
 * A list file, read as networks, as names and as addresses.
 *
 * Insists that entries lie inside the file, that names come out canonical, that a range is in
 * order, and that a reason fits its room.  Patterns are compiled and tried on the whole input.
 */
#include "core/name/entry.h"
#include "core/name/pattern.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check_pattern(struct slice text, struct slice subject)
{
	char why[PATTERN_WHY_MAX];
	struct pattern *p = pattern_compile(text, why);

	if (!p)
		return;
	pattern_match(p, subject);
	pattern_free(&p);
}

static void check_entry(const struct entry *e, struct arena *arena, struct slice file)
{
	struct slice again;

	if (e->kind == ENTRY_NETWORK && e->is_range)
		insist(e->first.family == e->last.family && ip_compare(&e->first, &e->last) < 0);
	else if (e->kind == ENTRY_NETWORK)
		insist(prefix_contains(&e->prefix, &e->prefix.base));
	if (e->name.len > 0)
		insist(!name_parse(e->name, NULL, arena, &again) && again.ptr == e->name.ptr);
	if (e->kind == ENTRY_PATTERN)
		check_pattern(e->text, file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice file = slice_of((const char *)data, size), rest = file, text;
	struct arena *arena = arena_create(1 << 16);
	char why[ENTRY_WHY_MAX];
	struct entry e;
	unsigned line = 0;

	while (entry_next_line(&rest, &line, &text)) {
		insist(text.len > 0 && text.ptr >= file.ptr &&
		       text.ptr + text.len <= file.ptr + file.len);
		for (unsigned accept = 0; accept <= ENTRY_ACCEPT_ADDRESSES; accept++) {
			const char *wrong = entry_parse(
			    text, (enum entry_accept)accept, &idn_uts46, arena, &e, why);

			if (wrong)
				insist(strlen(wrong) < ENTRY_WHY_MAX);
			else
				check_entry(&e, arena, file);
		}
	}
	arena_free(&arena);
	return 0;
}
