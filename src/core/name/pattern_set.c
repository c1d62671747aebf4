#include "core/name/pattern_set.h"

#include "core/name/literal_set.h"
#include "core/name/pattern_literals.h"

#include <stdlib.h>

/* Patterns that a text may have a string of: beyond, all are tried. */
enum { CANDIDATES_MAX = 128 };

/* The strings of one pattern, while they are made. */
enum { SCRATCH_MAX = 1 << 20 };

struct pattern_set {
	struct pattern_member *members;
	size_t count;
	uint32_t *always; /* positions in members, ascending */
	size_t always_count;
	struct literal_set *literals; /* their ids are positions, too */
};

/* ---- building ------------------------------------------------------------------------ */

/* All strings of all patterns. */
struct collection {
	struct literal *literals;
	size_t count, capacity;
	char *text;
	size_t used, room;
	bool failed;
};

static bool grow(void **at, size_t *capacity, size_t needed, size_t size)
{
	size_t more = *capacity ? *capacity : 256;
	void *larger;

	while (more < needed)
		more *= 2;
	if (more == *capacity)
		return true;
	larger = realloc(*at, more * size);
	if (!larger)
		return false;
	*at = larger;
	*capacity = more;
	return true;
}

/* Texts are kept as places in one buffer, which may move until all are there. */
static void collect(struct collection *c, struct slice text, uint32_t id)
{
	void *literals = c->literals, *bytes = c->text;

	c->failed |= !grow(&literals, &c->capacity, c->count + 1, sizeof *c->literals);
	c->literals = literals;
	c->failed |= !grow(&bytes, &c->room, c->used + text.len, 1);
	c->text = bytes;
	if (c->failed)
		return;
	memcpy(c->text + c->used, text.ptr, text.len);
	c->literals[c->count++] = (struct literal){slice_of(NULL, text.len), id};
	c->used += text.len;
}

static void place_texts(struct collection *c)
{
	size_t at = 0;

	for (size_t i = 0; i < c->count; i++) {
		c->literals[i].text.ptr = c->text + at;
		at += c->literals[i].text.len;
	}
}

static void collect_all(struct pattern_set *s, struct collection *c, struct arena *scratch)
{
	for (size_t i = 0; i < s->count; i++) {
		struct pattern_literals found;

		arena_reset(scratch);
		pattern_literals(s->members[i].text, scratch, &found);
		for (unsigned k = 0; k < found.count; k++)
			collect(c, found.literal[k], (uint32_t)i);
		if (found.count == 0)
			s->always[s->always_count++] = (uint32_t)i;
	}
	place_texts(c);
}

struct pattern_set *pattern_set_build(const struct pattern_member *members, size_t count)
{
	struct pattern_set *s = calloc(1, sizeof *s);
	struct arena *scratch = arena_create(SCRATCH_MAX);
	struct collection c = {.failed = false};

	if (s && scratch) {
		s->members = calloc(count + 1, sizeof *s->members);
		s->always = calloc(count + 1, sizeof *s->always);
	}
	if (s && s->members && s->always) {
		s->count = count;
		if (count > 0)
			memcpy(s->members, members, count * sizeof *members);
		collect_all(s, &c, scratch);
		s->literals = c.failed ? NULL : literal_set_build(c.literals, c.count);
	}
	if (s && !s->literals)
		pattern_set_free(&s);
	free(c.literals);
	free(c.text);
	arena_free(&scratch);
	return s;
}

void pattern_set_free(struct pattern_set **s)
{
	if (!*s)
		return;
	literal_set_free(&(*s)->literals);
	free((*s)->members);
	free((*s)->always);
	free(*s);
	*s = NULL;
}

size_t pattern_set_always(const struct pattern_set *s)
{
	return s->always_count;
}

size_t pattern_set_bytes(const struct pattern_set *s)
{
	return sizeof *s + s->count * (sizeof *s->members + sizeof *s->always) +
	       literal_set_bytes(s->literals);
}

/* ---- matching ------------------------------------------------------------------------ */

/* What is tried, in ascending order. */
struct trial {
	const struct pattern_set *set;
	struct slice subject;
	uint32_t *hits;
	size_t max, found;
};

static void try(struct trial *t, size_t position)
{
	const struct pattern_member *m = &t->set->members[position];

	if (t->found <= t->max && pattern_match(m->pattern, t->subject) == PATTERN_YES) {
		if (t->found < t->max)
			t->hits[t->found] = m->id;
		t->found++;
	}
}

static void sort(uint32_t *ids, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		uint32_t id = ids[i];
		size_t k = i;

		for (; k > 0 && ids[k - 1] > id; k--)
			ids[k] = ids[k - 1];
		ids[k] = id;
	}
}

/* Those with a string in the text, and those without one, which are others. */
static void try_both(struct trial *t, const uint32_t *candidates, size_t count)
{
	const struct pattern_set *s = t->set;
	size_t a = 0, b = 0;

	while (a < count || b < s->always_count) {
		bool first = b == s->always_count || (a < count && candidates[a] < s->always[b]);

		try(t, first ? candidates[a++] : s->always[b++]);
	}
}

size_t pattern_set_match(
    const struct pattern_set *s, struct slice subject, uint32_t *hits, size_t max)
{
	struct trial t = {.set = s, .subject = subject, .hits = hits, .max = max};
	uint32_t candidates[CANDIDATES_MAX];
	size_t count = literal_set_find(s->literals, subject, candidates, CANDIDATES_MAX);

	if (count > CANDIDATES_MAX) {
		for (size_t i = 0; i < s->count; i++)
			try(&t, i);
		return t.found;
	}
	sort(candidates, count);
	try_both(&t, candidates, count);
	return t.found;
}
