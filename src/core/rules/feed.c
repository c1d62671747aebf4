#include "core/rules/feed.h"

#include <stdio.h>

struct feed_reader feed_reader(struct slice text)
{
	return (struct feed_reader){text, 0};
}

/* ---- one line ------------------------------------------------------------------------ */

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
			return true;
	return false;
}

static enum feed_fault unreadable(struct feed_line *l, const char *why)
{
	if (why != l->why)
		snprintf(l->why, sizeof l->why, "%s", why);
	return FEED_UNREADABLE;
}

static unsigned shortest(const struct feed_terms *terms, enum ip_family family)
{
	return family == IP_V4 ? terms->shortest_v4 : terms->shortest_v6;
}

/* A network whose host bits may be set; a range goes by the grammar of all lists. */
static enum feed_fault read_network(struct feed_line *l, const struct feed_terms *terms)
{
	const char *wrong =
	    entry_parse(l->text, terms->accept, terms->idna, terms->arena, &l->entry, l->why);
	struct prefix around;
	char why[PREFIX_WHY_MAX];
	unsigned least;

	if (!wrong)
		return FEED_NO_FAULT;
	if (slice_find(l->text, '-') < l->text.len || prefix_parse_around(l->text, &around, why))
		return unreadable(l, wrong);
	least = around.base.family == IP_V4 ? FEED_HOST_BITS_V4 : FEED_HOST_BITS_V6;
	if (around.length < least)
		return unreadable(l, wrong);
	l->entry = (struct entry){.kind = ENTRY_NETWORK, .prefix = around};
	return FEED_NO_FAULT;
}

struct cut {
	struct feed_line *l;
	const struct feed_terms *terms;
	bool wide;
};

static bool take_piece(void *context, const struct prefix *p)
{
	struct cut *cut = context;
	const struct feed_terms *terms = cut->terms;
	struct feed_line *l = cut->l;

	if (p->length < shortest(terms, p->base.family)) {
		cut->wide = true;
		return false;
	}
	if (!terms->exceptions || !feed_exceptions_network(terms->exceptions, p))
		l->pieces[l->piece_count++] = *p;
	return true;
}

static enum feed_fault take_network(struct feed_line *l, const struct feed_terms *terms)
{
	enum feed_fault fault = read_network(l, terms);
	struct cut cut = {l, terms, false};

	if (fault != FEED_NO_FAULT)
		return fault;
	if (l->entry.is_range)
		prefix_from_range(&l->entry.first, &l->entry.last, take_piece, &cut);
	else
		take_piece(&cut, &l->entry.prefix);
	if (cut.wide)
		return FEED_WIDE;
	return l->piece_count > 0 ? FEED_NO_FAULT : FEED_EXCEPTED;
}

static bool is_wide_name(const struct entry *e, const struct feed_terms *terms)
{
	if ((e->kind != ENTRY_TREE && e->kind != ENTRY_BELOW) || name_labels(e->name) != 1)
		return false;
	return terms->no_top_level || (terms->is_large && terms->is_large(terms->context, e->name));
}

static enum feed_fault take_name(struct feed_line *l, const struct feed_terms *terms)
{
	const char *wrong =
	    entry_parse(l->text, terms->accept, terms->idna, terms->arena, &l->entry, l->why);

	if (wrong)
		return unreadable(l, wrong);
	if (is_wide_name(&l->entry, terms))
		return FEED_WIDE_NAME;
	if (terms->exceptions && feed_exceptions_name(terms->exceptions, &l->entry))
		return FEED_EXCEPTED;
	return FEED_NO_FAULT;
}

static enum feed_fault take_number(struct feed_line *l, const struct feed_terms *terms)
{
	if (!terms->number(l->text, &l->number))
		return unreadable(l, "neither an AS number nor a country, whichever the key wants");
	if (terms->exceptions && feed_exceptions_number(terms->exceptions, l->number))
		return FEED_EXCEPTED;
	return FEED_NO_FAULT;
}

static enum feed_fault take_line(struct feed_line *l, const struct feed_terms *terms, bool ended)
{
	char shown[EXCERPT_MAX];

	if (!ended)
		return FEED_NO_END;
	if (l->text.len > FEED_LINE_MAX)
		return unreadable(l, "longer than any entry");
	if (has_control(l->text)) {
		snprintf(l->why, sizeof l->why, "\"%s\" has control characters",
		    slice_excerpt(l->text, shown));
		return FEED_UNREADABLE;
	}
	if (slice_starts(l->text, SLICE("!")))
		return FEED_SIGN;
	if (slice_starts(l->text, SLICE("file:")) || slice_starts(l->text, SLICE("feed:")))
		return FEED_FILE;
	if (slice_starts(l->text, SLICE("/")))
		return FEED_PATTERN;
	if (terms->number)
		return take_number(l, terms);
	return terms->accept == ENTRY_ACCEPT_NETWORKS ? take_network(l, terms)
						      : take_name(l, terms);
}

bool feed_next(struct feed_reader *r, const struct feed_terms *terms, struct feed_line *out)
{
	if (!entry_next_line(&r->rest, &r->line, &out->text))
		return false;
	out->line = r->line;
	out->piece_count = 0;
	out->why[0] = '\0';
	/* slice_cut() leaves no pointer behind a part that no line end ended. */
	out->fault = take_line(out, terms, r->rest.ptr != NULL);
	return true;
}

/* ---- the whole ----------------------------------------------------------------------- */

void feed_count(struct feed_counts *c, const struct feed_line *l)
{
	size_t n = c->faults[l->fault]++;

	if (n < FEED_EXAMPLES)
		c->examples[l->fault][n] = l->line;
	if (l->fault == FEED_NO_FAULT || l->fault == FEED_EXCEPTED)
		c->entries++;
	else
		c->bad++;
	if (l->fault == FEED_UNREADABLE && n == 0)
		snprintf(c->why, sizeof c->why, "%s", l->why);
}

static bool is_too_bad(const struct feed_counts *c)
{
	return c->bad >= FEED_BAD_LINES && c->bad * 100 > (c->entries + c->bad) * FEED_BAD_PERCENT;
}

static bool is_shrunken(
    const struct feed_counts *c, const struct feed_limits *limits, const struct feed_memory *m)
{
	return m->known && c->entries < m->entries &&
	       (m->entries - c->entries) * 100 > m->entries * limits->max_shrink;
}

/* Notes one more load that found it shrunken; true when that is enough. */
static bool has_been_so_long(struct feed_memory *m, int64_t now)
{
	/* A clock that was set back starts the count again. */
	if (m->shrunk == 0 || now < m->shrunk_at) {
		m->shrunk_at = now;
		m->shrunk = 0;
	}
	m->shrunk++;
	return m->shrunk >= FEED_SHRUNK_RELOADS && now - m->shrunk_at >= FEED_SHRUNK_SECONDS;
}

enum feed_verdict feed_judge(
    const struct feed_counts *c, const struct feed_limits *limits, struct feed_memory *m)
{
	enum feed_verdict verdict = FEED_TAKEN;

	if (is_too_bad(c))
		verdict = FEED_TOO_BAD;
	else if (c->entries == 0 && !limits->may_be_empty)
		verdict = FEED_EMPTY;
	else if (is_shrunken(c, limits, m) && !limits->take && !has_been_so_long(m, limits->now))
		return FEED_SHRUNKEN;
	m->shrunk = 0;
	m->shrunk_at = 0;
	if (verdict == FEED_TAKEN) {
		m->known = true;
		m->entries = c->entries;
	}
	return verdict;
}

bool feed_is_due(const struct feed_memory *m, int64_t now)
{
	return m->shrunk > 0 &&
	       now - m->shrunk_at >= (m->shrunk < FEED_SHRUNK_RELOADS
					     ? (int64_t)m->shrunk * (FEED_SHRUNK_SECONDS / 2)
					     : FEED_SHRUNK_SECONDS);
}
