/*
 * The From parser.  The input is the bodies of the From fields, separated by byte 0xfe.
 *
 * Beside the promises of the header, an independent and dumber reader is asked: it only knows
 * quotes, comments and backslashes, and every "@" that it sees outside them has to stand in front
 * of a domain that the parser names.  In a forgiven field it knows not even those: every plain name
 * with a dot behind an "@" is the author's.
 */
#include "core/mail/fromheader.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 4 };

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static bool is_listed(const struct fromheader *from, struct slice domain)
{
	for (size_t i = 0; i < from->domain_count; i++)
		if (slice_equal_nocase(from->domains[i], domain))
			return true;
	return from->more;
}

/* The bytes behind an "@" as far as they can belong to a name. */
static struct slice name_at(struct slice rest)
{
	size_t len = 0;

	while (len < rest.len && !strchr(" \t\r\n,;>()", rest.ptr[len]))
		len++;
	return slice_of(rest.ptr, len);
}

static void dumb_reader(struct slice field, const struct fromheader *from)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < field.len; i++) {
		char c = field.ptr[i];

		if (c == '\\')
			i++;
		else if (depth == 0 && c == '"')
			quoted = !quoted;
		else if (!quoted && c == '(')
			depth++;
		else if (!quoted && c == ')')
			depth--;
		else if (!quoted && depth == 0 && c == '@')
			insist(is_listed(from, name_at(slice_skip(field, i + 1))));
	}
	insist(!quoted && depth == 0);
}

static bool is_name_byte(char c)
{
	return (c >= '0' && c <= '9') || (slice_lower(c) >= 'a' && slice_lower(c) <= 'z') ||
	       c == '-' || c == '_' || c == '.';
}

static void dumber_reader(struct slice field, const struct fromheader *from)
{
	insist(slice_is_utf8(field));
	for (size_t i = 0; i < field.len; i++) {
		struct slice name = slice_trim(slice_skip(field, i + 1));
		size_t len = 0;

		if (field.ptr[i] != '@')
			continue;
		while (len < name.len && is_name_byte(name.ptr[len]))
			len++;
		while (len > 0 && name.ptr[len - 1] == '.')
			len--;
		name.len = len;
		while (slice_starts(name, SLICE(".")))
			name = slice_skip(name, 1);
		if (slice_find(name, '.') < name.len)
			insist(slice_equal_nocase(name, from->author.domain));
	}
}

static void check_promises(const struct fromheader *from, struct arena *arena)
{
	struct slice again;

	insist(from->domain_count <= FROM_DOMAINS_MAX);
	insist(!from->more || from->domain_count == FROM_DOMAINS_MAX);
	insist(from->kind == FROM_ONE || !from->forgiven);
	insist((from->why.len == 0) == (from->kind == FROM_ONE && !from->forgiven));
	insist(slice_is_printable_ascii(from->why));
	insist(from->kind != FROM_ONE || from->domain_count == 1);
	insist(from->kind != FROM_MANY || from->domain_count > 1);
	insist(from->kind != FROM_NONE || from->domain_count == 0);
	for (size_t i = 0; i < from->domain_count; i++) {
		insist(!name_parse(from->domains[i], NULL, arena, &again));
		insist(slice_equal(again, from->domains[i]));
		insist(from->kind != FROM_BAD || name_labels(again) > 1);
		for (size_t k = 0; k < i; k++)
			insist(!slice_equal(from->domains[i], from->domains[k]));
	}
}

/* An author, written as a field of its own, is read as the same author. */
static void check_author(const struct fromheader *from, struct arena *arena)
{
	struct fromheader again;

	if (from->kind != FROM_ONE && from->kind != FROM_MANY) {
		insist(from->author.text.len == 0);
		return;
	}
	insist(slice_equal(from->author.domain, from->domains[0]));
	fromheader_parse(&from->author.text, 1, NULL, arena, &again);
	insist(again.kind == FROM_ONE && !again.forgiven);
	insist(slice_equal(again.author.text, from->author.text));
	insist(slice_equal(again.author.local, from->author.local));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = {(const char *)data, size}, fields[FIELDS_MAX];
	struct arena *arena = arena_create(16 << 20);
	struct fromheader from;
	size_t count = 0;

	while (rest.ptr && count < FIELDS_MAX)
		fields[count++] = slice_cut(&rest, '\xfe');
	fromheader_parse(fields, count, NULL, arena, &from);
	insist(!arena_failed(arena));
	insist(count < 2 || from.kind == FROM_BAD);
	check_promises(&from, arena);
	check_author(&from, arena);
	if (from.forgiven)
		dumber_reader(fields[0], &from);
	else if (from.kind != FROM_BAD && count == 1)
		dumb_reader(fields[0], &from);
	arena_free(&arena);
	return 0;
}
