#include "history_pattern.h"

#include "history_address.h"

static bool has_wildcard(struct slice s)
{
	return slice_find(s, '*') < s.len || slice_find(s, '?') < s.len;
}

/* What stands behind the last wildcard. */
static struct slice tail_of(struct slice s)
{
	size_t from = s.len;

	while (from > 0 && s.ptr[from - 1] != '*' && s.ptr[from - 1] != '?')
		from--;
	return slice_skip(s, from);
}

struct history_pattern history_pattern_of_word(struct slice text)
{
	return (struct history_pattern){
	    .kind = text.len == 0        ? HISTORY_ANY
		    : has_wildcard(text) ? HISTORY_GLOB
					 : HISTORY_EXACT,
	    .text = text,
	    .tail = tail_of(text),
	};
}

struct history_pattern history_pattern_of(struct slice text, const struct history_key *key)
{
	struct history_pattern p = history_pattern_of_word(text);
	size_t at = slice_find_last(text, '@');

	if (p.kind != HISTORY_EXACT || slice_equal(text, SLICE("<>")))
		return p;
	if (at > 0 && at < text.len) {
		p.has_hashed = key != NULL;
		if (key)
			history_hash_local(key, slice_of(text.ptr, at), p.hashed);
		return p;
	}
	p.text = slice_skip(text, text.ptr[0] == '@' || text.ptr[0] == '.');
	p.kind = text.ptr[0] == '.' ? HISTORY_TREE : HISTORY_DOMAIN;
	return p;
}

struct history_pattern history_pattern_of_client(struct slice text)
{
	struct history_pattern p = history_pattern_of(text, NULL);
	char why[PREFIX_WHY_MAX];

	if (text.len > 0 && !prefix_parse(text, &p.network, why))
		p.kind = HISTORY_NETWORK;
	return p;
}

/* Most texts do not: they are not looked at from the front. */
static bool ends_in(struct slice text, struct slice tail)
{
	return tail.len == 0 ||
	       (text.len >= tail.len &&
		   slice_equal_nocase(slice_of(text.ptr + (text.len - tail.len), tail.len), tail));
}

/* Wildcards with one place to go back to: the last star. */
static bool glob_fits(struct slice pattern, struct slice text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.len &&
			   (pattern.ptr[p] == '?' ||
			       slice_lower(pattern.ptr[p]) == slice_lower(text.ptr[t]))) {
			p++;
			t++;
		} else if (star < SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

/* The name, or the domain of the address, is it, or lies below it. */
static bool domain_fits(const struct history_pattern *p, struct slice text)
{
	struct slice tail;
	char before;

	if (text.len < p->text.len)
		return false;
	tail = slice_skip(text, text.len - p->text.len);
	if (!slice_equal_nocase(p->text.len > 0 ? tail : slice_of(NULL, 0), p->text))
		return false;
	if (text.len == p->text.len)
		return true;
	before = text.ptr[text.len - p->text.len - 1];
	return before == '@' || (before == '.' && p->kind == HISTORY_TREE);
}

static bool exact_fits(const struct history_pattern *p, struct slice text)
{
	size_t at;

	if (slice_equal_nocase(text, p->text))
		return true;
	if (!p->has_hashed || text.len == 0 || text.ptr[0] != '~')
		return false;
	at = slice_find_last(p->text, '@');
	return slice_starts(text, slice_of(p->hashed, sizeof p->hashed)) &&
	       slice_equal_nocase(slice_skip(text, sizeof p->hashed), slice_skip(p->text, at));
}

static bool text_fits(const struct history_pattern *p, struct slice text)
{
	switch (p->kind) {
	case HISTORY_ANY:
		return true;
	case HISTORY_EXACT:
		return exact_fits(p, text);
	case HISTORY_DOMAIN:
	case HISTORY_TREE:
		return domain_fits(p, text);
	case HISTORY_GLOB:
		return ends_in(text, p->tail) && glob_fits(p->text, text);
	default:
		return false;
	}
}

bool history_pattern_fits(const struct history_pattern *p, struct slice text)
{
	char room[HISTORY_ADDRESS_MAX];
	struct slice folded;

	if (text_fits(p, text))
		return true;
	folded = history_address_folded(text, room);
	return folded.ptr != text.ptr && text_fits(p, folded);
}
