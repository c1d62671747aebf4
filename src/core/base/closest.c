#include "core/base/closest.h"

/* Longer words are not compared: the name of a rule has at most as many. */
enum { LIKE_MAX = 64, LIKE_EDITS = 2 };

/* Letters to insert, delete or change to make b of a (Levenshtein). */
static unsigned count_edits(struct slice a, struct slice b)
{
	unsigned row[LIKE_MAX + 1], diagonal, above;

	if (a.len > LIKE_MAX || b.len > LIKE_MAX)
		return LIKE_MAX;
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b.len; j++) {
			unsigned best = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);

			above = row[j];
			best = above + 1 < best ? above + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			diagonal = above;
		}
	}
	return row[b.len];
}

struct closest closest_start(struct slice word)
{
	return (struct closest){.word = word, .edits = LIKE_EDITS + 1};
}

void closest_try(struct closest *c, struct slice known)
{
	unsigned n = count_edits(c->word, known);

	if (n >= c->edits || n >= c->word.len)
		return;
	c->edits = n;
	c->like = known;
}
