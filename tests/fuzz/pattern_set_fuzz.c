/*
 * Patterns and texts, separated by line ends: the text is the last line.  A set of the patterns
 * that compile has to say of the text what PCRE2 says of each.
 */
#include "core/name/pattern_set.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATTERNS_MAX = 8 };

static void insist(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = {(const char *)data, size}, subject = slice_after_last(rest, '\n');
	struct pattern *patterns[PATTERNS_MAX];
	struct pattern_member members[PATTERNS_MAX];
	uint32_t hits[PATTERNS_MAX];
	char why[PATTERN_WHY_MAX];
	uint32_t count = 0;
	struct pattern_set *set;
	size_t found, at = 0;

	rest.len -= subject.len;
	while (rest.len > 0 && count < PATTERNS_MAX) {
		struct slice text = slice_cut(&rest, '\n');

		patterns[count] = pattern_compile(text, why);
		if (!patterns[count])
			continue;
		members[count] = (struct pattern_member){count, text, patterns[count]};
		count++;
	}
	set = pattern_set_build(members, count);
	insist(set && pattern_set_always(set) <= count);
	found = pattern_set_match(set, subject, hits, PATTERNS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		bool matches = pattern_match(patterns[i], subject) == PATTERN_YES;

		insist(matches == (at < found && hits[at] == i));
		at += matches;
	}
	insist(at == found);
	pattern_set_free(&set);
	for (uint32_t i = 0; i < count; i++)
		pattern_free(&patterns[i]);
	return 0;
}
