#include "core/base/word.h"

#include "core/base/line.h"

const struct word *word_find(const struct word *words, struct slice text)
{
	for (; words->word; words++)
		if (slice_equal(text, slice_str(words->word)))
			return words;
	return NULL;
}

const char *word_of(const struct word *words, int value)
{
	for (; words->word; words++)
		if (words->value == value)
			return words->word;
	return "";
}

unsigned word_bits(const struct word *words, struct slice text)
{
	unsigned bits = 0;

	while (text.ptr) {
		const struct word *w = word_find(words, slice_trim(slice_cut(&text, ',')));

		if (!w)
			return 0;
		bits |= 1u << w->value;
	}
	return bits;
}

void word_append_bits(
    struct line *l, const struct word *words, unsigned bits, const char *separator)
{
	const char *before = "";

	for (; words->word; words++) {
		if (!(bits >> words->value & 1))
			continue;
		line_append(l, "%s%s", before, words->word);
		before = separator;
	}
}
