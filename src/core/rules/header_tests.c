#include "core/rules/header_tests.h"

#include <stdio.h>

/* Printable ASCII but the colon (RFC 5322 2.2). */
static bool is_field_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~' || name.ptr[i] == ':')
			return false;
	return name.len > 0 && name.len < HEADER_NAME_MAX;
}

static const char *parse_pattern(struct slice text, struct header_entry *out)
{
	text = slice_trim(text);
	if (text.len < 3 || text.ptr[0] != '/' || text.ptr[text.len - 1] != '/')
		return "behind the colon stands a pattern: \"Subject: /.*word.*/\"";
	out->pattern = slice_of(text.ptr + 1, text.len - 2);
	for (size_t i = 0; i < out->pattern.len; i++) {
		if (out->pattern.ptr[i] == '/')
			return "a slash inside of a pattern is written \\/";
		i += out->pattern.ptr[i] == '\\';
		if (i == out->pattern.len)
			return "the pattern has no closing slash";
	}
	return NULL;
}

const char *header_entry_parse(struct slice text, const struct idna *idna, struct arena *arena,
    struct header_entry *out, char why[HEADER_ENTRY_WHY_MAX])
{
	struct slice pattern, name = text;
	char shown[EXCERPT_MAX];
	const char *wrong = NULL;

	*out = (struct header_entry){.absent = slice_starts(text, SLICE("!")), .text = text};
	name = slice_trim(slice_skip(name, out->absent));
	pattern = name;
	out->name = slice_trim(slice_cut(&pattern, ':'));
	if (!is_field_name(out->name))
		wrong = "not the name of a header field";
	else if (pattern.ptr && out->absent)
		wrong =
		    "! says that there is no such field, whatever its value: leave the pattern out";
	else if (pattern.ptr)
		wrong = parse_pattern(pattern, out);
	if (wrong) {
		snprintf(
		    why, HEADER_ENTRY_WHY_MAX, "\"%s\": %s", slice_excerpt(text, shown), wrong);
		return why;
	}
	out->pattern = idna_compose(idna, out->pattern, arena);
	return NULL;
}

/* Values of one field on which a pattern may hit its limit before the others are left out: a sender
 * has 1,000 fields to make us work with. */
enum { BROKEN_MAX = 8 };

enum pattern_result header_test_ask(const struct header_test *t, const struct header_field *fields)
{
	unsigned broken = 0;
	bool there = false;

	for (const struct header_field *f = fields; f && broken < BROKEN_MAX; f = f->next) {
		enum pattern_result one;

		if (!slice_equal(f->name, t->name))
			continue;
		there = true;
		if (!t->pattern)
			break;
		one = pattern_match(t->pattern, f->value);
		if (one == PATTERN_YES)
			return PATTERN_YES;
		broken += one == PATTERN_BROKEN;
	}
	if (t->pattern)
		return broken > 0 ? PATTERN_BROKEN : PATTERN_NO;
	return there != t->absent ? PATTERN_YES : PATTERN_NO;
}

struct slice header_name_fold(struct slice name, char folded[HEADER_NAME_MAX])
{
	if (name.len > HEADER_NAME_MAX)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < name.len; i++)
		folded[i] = slice_lower(name.ptr[i]);
	return slice_of(folded, name.len);
}
