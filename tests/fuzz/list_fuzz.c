/*
 * A list file, read as networks, as names and as addresses.
 *
 * Insists that entries lie inside the file, that names come out canonical, that a range is in
 * order, and that a reason fits its room.  Patterns are compiled and tried on the whole input.
 */
#include "core/name/list.h"
#include "core/name/pattern.h"
#include "edge/config/idn.h"

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

static void check_entry(const struct list_entry *e, struct arena *arena, struct slice file)
{
	struct slice again;

	if (e->kind == LIST_NETWORK && e->is_range)
		insist(e->first.family == e->last.family && ip_compare(&e->first, &e->last) < 0);
	else if (e->kind == LIST_NETWORK)
		insist(prefix_contains(&e->prefix, &e->prefix.base));
	if (e->name.len > 0)
		insist(!name_parse(e->name, NULL, arena, &again) && again.ptr == e->name.ptr);
	if (e->kind == LIST_PATTERN)
		check_pattern(e->text, file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice file = slice_of((const char *)data, size), rest = file, text;
	struct arena *arena = arena_create(1 << 16);
	char why[LIST_WHY_MAX];
	struct list_entry e;
	unsigned line = 0;

	while (list_next_line(&rest, &line, &text)) {
		insist(text.len > 0 && text.ptr >= file.ptr &&
		       text.ptr + text.len <= file.ptr + file.len);
		for (unsigned accept = 0; accept <= LIST_ACCEPT_ADDRESSES; accept++) {
			const char *wrong = list_parse_entry(
			    text, (enum list_accept)accept, &idn_uts46, arena, &e, why);

			if (wrong)
				insist(strlen(wrong) < LIST_WHY_MAX);
			else
				check_entry(&e, arena, file);
		}
	}
	arena_free(&arena);
	return 0;
}
