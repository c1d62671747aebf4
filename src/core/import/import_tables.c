/* Postfix tables that are read from top to bottom, cidr: and pcre:, with their if … endif. */
#include "import_private.h"

/* ---- if … endif ------------------------------------------------------------------------ */

/* True when the line is one of these; `read` takes what stands behind "if", without its '!'. */
static bool condition_line(struct importer *i, struct slice line,
    bool (*read)(struct importer *, struct slice, struct import_condition *))
{
	struct slice rest = line, word = slice_word(&rest);
	struct import_condition c = {.known = false};

	if (slice_equal_nocase(word, SLICE("endif"))) {
		i->depth -= i->depth > 0;
		return true;
	}
	if (!slice_equal_nocase(word, SLICE("if")))
		return false;
	rest = slice_trim(rest);
	c.negated = slice_starts(rest, SLICE("!"));
	if (c.negated)
		rest = slice_trim(slice_skip(rest, 1));
	c.known = read(i, rest, &c);
	if (!c.known)
		import_leave(i, "the if is not understood: lines up to its endif are skipped");
	if (i->depth < IMPORT_DEPTH_MAX)
		i->conditions[i->depth] = c;
	i->depth++;
	return true;
}

/* False after it was said that the line is skipped. */
static bool conditions_known(struct importer *i)
{
	bool known = i->depth <= IMPORT_DEPTH_MAX;

	for (unsigned k = 0; known && k < i->depth; k++)
		known = i->conditions[k].known;
	if (!known)
		import_leave(i, "between an if that is not understood and its endif: skipped");
	return known;
}

/* ---- cidr: ----------------------------------------------------------------------------- */

static bool read_network(struct importer *i, struct slice text, struct import_condition *c)
{
	char why[PREFIX_WHY_MAX];
	struct slice network;

	return import_network(i, slice_trim(text), &network) &&
	       prefix_parse_around(network, &c->network, why) == NULL;
}

/* What is given of one entry: how often, and how its line has it. */
struct part {
	struct importer *importer;
	enum import_action action;
	struct slice text, comment;
	struct prefix whole;
	unsigned given;
};

static bool covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->length <= inner->length && prefix_contains(outer, &inner->base);
}

/* The network beside this one, with which it makes the next larger. */
static struct prefix sibling(const struct prefix *p)
{
	struct prefix other = *p;
	uint64_t *half = p->length > 64 ? &other.base.lo : &other.base.hi;

	*half ^= UINT64_C(1) << (64 - (p->length > 64 ? p->length - 64 : p->length));
	return other;
}

static void give_part(struct part *part, const struct prefix *p, unsigned condition);

/* All of p but `out`, which lies in it: on each length on the way the half that it is not in. */
static void give_without(
    struct part *part, const struct prefix *p, const struct prefix *out, unsigned condition)
{
	for (unsigned length = p->length + 1; length <= out->length; length++) {
		struct prefix on_the_way = prefix_of(&out->base, length);
		struct prefix beside = sibling(&on_the_way);

		give_part(part, &beside, condition);
	}
}

/* What of p the conditions from this one on leave. */
static void give_part(struct part *part, const struct prefix *p, unsigned condition)
{
	struct importer *i = part->importer;
	char text[PREFIX_TEXT_MAX];
	size_t len;

	for (; condition < i->depth; condition++) {
		const struct import_condition *c = &i->conditions[condition];
		bool inside = covers(&c->network, p), around = covers(p, &c->network);

		if (c->negated ? inside : !inside && !around)
			return;
		if (inside || !around)
			continue;
		if (c->negated)
			give_without(part, p, &c->network, condition + 1);
		else
			give_part(part, &c->network, condition + 1);
		return;
	}
	part->given++;
	if (prefix_equal(p, &part->whole)) {
		import_give(i, IMPORT_NETWORKS, part->action, part->text, part->comment);
		return;
	}
	i->note = "imported as what the if around it leaves of it";
	len = prefix_format(p, text);
	import_give(i, IMPORT_NETWORKS, part->action, arena_copy(i->arena, slice_of(text, len)),
	    part->comment);
}

static void cidr_entry(
    struct importer *i, enum import_action action, struct slice network, struct slice comment)
{
	struct part part = {.importer = i, .action = action, .text = network, .comment = comment};
	char why[PREFIX_WHY_MAX];

	if (i->depth == 0 || prefix_parse_around(network, &part.whole, why) != NULL) {
		if (i->depth == 0)
			import_give(i, IMPORT_NETWORKS, action, network, comment);
		else
			import_leave(i, "%s", why);
		return;
	}
	give_part(&part, &part.whole, 0);
	if (part.given == 0)
		import_leave(i, "never reached: the if around it lets none of it through");
}

void import_cidr_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), key, network;
	enum import_action action;

	if (rest.ptr[0] == '#' || line.ptr[0] == ' ' || line.ptr[0] == '\t' ||
	    condition_line(i, rest, read_network) || !conditions_known(i))
		return;
	key = slice_word(&rest);
	if (key.ptr[0] == '!')
		import_leave(
		    i, "a negated pattern matches all other addresses, which no list can express");
	else if (!import_read_action(i, rest, &action))
		return;
	else if (import_network(i, key, &network))
		cidr_entry(i, action, network, import_action_text(rest));
	else
		import_leave(i, "not a network");
}

/* ---- pcre: and regexp: ----------------------------------------------------------------- */

/* "/re/flags" off *rest; false, said or not, when it is none that we can take. */
static bool take_expression(
    struct importer *i, struct slice *rest, struct slice *re, const char **wrong)
{
	struct slice line = *rest, flags;
	char delimiter = line.len > 0 ? line.ptr[0] : '\0';
	size_t n = 1;

	*wrong = "not a pattern";
	if (line.len < 2 || !strchr("/!%&|~@,;:'\"", delimiter))
		return false;
	while (n < line.len && line.ptr[n] != delimiter)
		n += line.ptr[n] == '\\' ? 2 : 1;
	*wrong = "the pattern has no closing slash";
	if (n >= line.len)
		return false;
	*re = slice_of(line.ptr + 1, n - 1);
	*rest = slice_skip(line, n + 1);
	flags = slice_of(rest->ptr, 0);
	while (flags.len < rest->len && !strchr(" \t", rest->ptr[flags.len]))
		flags.len++;
	*rest = slice_skip(*rest, flags.len);
	for (size_t k = 0; k < flags.len; k++) {
		*wrong = "a flag of the pattern has no equivalent";
		if (!strchr("ims", flags.ptr[k]))
			return false;
		/* There it turns the ignoring of case off. */
		if (flags.ptr[k] == 'i')
			i->note = "patterns ignore case here";
	}
	*wrong = NULL;
	return true;
}

static bool read_expression(struct importer *i, struct slice text, struct import_condition *c)
{
	const char *wrong;

	return take_expression(i, &text, &c->expression, &wrong) && c->expression.len > 0;
}

/* The expression where all that is around it looks ahead, as each has the whole text to match in.
 */
static struct slice conditional(struct importer *i, struct slice re)
{
	struct slice looks = SLICE("^");

	if (i->depth == 0)
		return re;
	for (unsigned k = 0; k < i->depth; k++) {
		const struct import_condition *c = &i->conditions[k];

		looks = arena_printf(i->arena, "%.*s(?%c.*(?:%.*s))", SLICE_ARG(looks),
		    c->negated ? '!' : '=', SLICE_ARG(c->expression));
	}
	return arena_printf(i->arena, "%.*s.*(?:%.*s)", SLICE_ARG(looks), SLICE_ARG(re));
}

void import_pcre_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), re;
	enum import_action action;
	const char *wrong;

	if (rest.ptr[0] == '#' || line.ptr[0] == ' ' || line.ptr[0] == '\t' ||
	    condition_line(i, rest, read_expression) || !conditions_known(i))
		return;
	if (slice_starts(rest, SLICE("!/")))
		import_leave(
		    i, "a negated pattern matches all other names, which no list can express");
	else if (!take_expression(i, &rest, &re, &wrong))
		import_leave(i, "%s", wrong);
	else if (import_read_action(i, slice_trim(rest), &action))
		import_give_pattern(
		    i, action, conditional(i, re), import_action_text(slice_trim(rest)));
}
