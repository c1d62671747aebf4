/* From fields that break the grammar: whether one author stands in them all the same. */
#include "fromheader_names.h"
#include "fromheader_parser.h"

/* Valid UTF-8 without control bytes, those of folding and tabs aside. */
static bool is_clean(struct slice field)
{
	for (size_t i = 0; i < field.len; i++) {
		unsigned char c = (unsigned char)field.ptr[i];
		char next = i + 1 < field.len ? field.ptr[i + 1] : ' ';

		if (c == '\n' && next != ' ' && next != '\t')
			return false;
		if (c == '\r' && next != '\n')
			return false;
		if ((c < ' ' && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
			return false;
	}
	return slice_is_utf8(field);
}

static size_t count_byte(struct slice s, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == c;
	return n;
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!strchr(" \t\r\n", s.ptr[i]))
			return false;
	return true;
}

/* Where an address without brackets may touch other text. */
static bool is_edge(int c)
{
	return c == RFC5322_END || strchr(" \t\r\n,;:", c);
}

/* What does not end.  It is only a character then, and as it costs time to find out, so are all
 * behind it. */
struct unended {
	bool quote, comment;
};

/* Takes a quoted string, a comment, or what some take for an address literal. */
static bool take_enclosed(struct rfc5322 *s, struct unended *unended)
{
	struct rfc5322 tried = *s;
	int c = rfc5322_peek(s);
	bool *failed = c == '"' ? &unended->quote : &unended->comment;

	if (c == '[') {
		size_t end = slice_find(slice_skip(s->text, s->at), ']');
		s->at += s->at + end < s->text.len ? end + 1 : 1;
		return true;
	}
	if ((c != '"' && c != '(') || *failed)
		return false;
	if (c == '"')
		rfc5322_quoted(&tried);
	else
		rfc5322_skip(&tried);
	*failed = tried.wrong != NULL;
	if (!*failed)
		*s = tried;
	return !*failed;
}

/* No other "@" at all, no wide one (0xef is its first byte) and no encoded one either. */
static bool has_one_at(struct slice s)
{
	return count_byte(s, '@') == 1 && count_byte(s, '\xef') == 0 && count_byte(s, '?') == 0;
}

/*
 * Behind the address: whether text without its closing sign is unambiguous.  A quoted string
 * takes in what is outside for some and the address for others: in front of the address that does
 * no harm when the address has the only "@" and nothing follows it, behind the address it always
 * may.  A comment does no harm when there is no other, which some would join to it.
 */
static bool is_unambiguous(struct rfc5322 s, struct unended unended)
{
	if (unended.quote)
		return has_one_at(s.text) && is_blank(slice_skip(s.text, s.at));
	while (s.at < s.text.len && !unended.quote)
		if (!take_enclosed(&s, &unended))
			s.at++;
	return !unended.quote && (!unended.comment || count_byte(s.text, '(') == 1);
}

/* A dot-atom, or a quoted string without a blank or a second "@" (SPEC 4.9): what readers agree on
 * in a well-formed field they may not agree on beside something crooked. */
static bool is_strict_local(struct slice local)
{
	char last = '.';

	if (local.ptr[0] == '"')
		return count_byte(local, '@') == 0 && count_byte(local, ' ') == 0 &&
		       count_byte(local, '\t') == 0;
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] == '.' && last == '.')
			return false;
		last = local.ptr[i];
	}
	return last != '.';
}

/* At a "<": local@domain> and nothing else. */
static bool take_strict_angle(struct from_parser *p)
{
	struct slice local;

	rfc5322_take(&p->s, '<');
	if (!from_take_word(p, &local) || rfc5322_peek(&p->s) != '@' || !is_strict_local(local))
		return false;
	from_take_address(p, local);
	return rfc5322_take(&p->s, '>');
}

/* At the first byte of a word: local@domain between edges. */
static bool take_strict_bare(struct from_parser *p)
{
	struct from_parser tried = *p;
	struct slice local;

	if (!from_take_word(&tried, &local) || rfc5322_peek(&tried.s) != '@' ||
	    !is_strict_local(local))
		return false;
	from_take_address(&tried, local);
	*p = tried;
	return !p->s.wrong && is_edge(rfc5322_peek(&p->s));
}

static bool take_strict(struct from_parser *p, bool angle)
{
	size_t at = p->s.at;

	if (angle)
		return p->s.text.ptr[at] == '<' && take_strict_angle(p);
	return (at == 0 || is_edge((unsigned char)p->s.text.ptr[at - 1])) && take_strict_bare(p);
}

/*
 * Finds the one address, outside quotes and comments; the field holds one pair of brackets, or no
 * bracket and one "@".  Its place in the field is `from` to p->s.at.
 */
static bool find_address(struct from_parser *p, struct slice field, bool angle, size_t *from)
{
	struct unended unended = {.quote = false};

	p->s = (struct rfc5322){.text = field};
	while (p->s.at < field.len && !p->s.wrong) {
		*from = p->s.at;
		if (take_strict(p, angle))
			return is_unambiguous(p->s, unended);
		if (!take_enclosed(&p->s, &unended))
			p->s.at++;
	}
	return false;
}

static bool names_only(const struct from_names *names, struct slice domain)
{
	return !names->unclear && !names->more &&
	       (names->count == 0 || (names->count == 1 && slice_equal(names->domains[0], domain)));
}

/* The field without its address, for who throws that away and joins the rest. */
static void collect_outside(
    struct from_parser *p, struct slice field, size_t from, struct from_names *names)
{
	struct slice before = slice_of(field.ptr, from), after = slice_skip(field, p->s.at);
	char *joined = arena_alloc(p->arena, field.len + 1);

	if (!joined)
		return;
	memcpy(joined, before.ptr, before.len);
	memcpy(joined + before.len, after.ptr, after.len);
	from_names_collect(slice_of(joined, before.len + after.len), p->idna, p->arena, names);
}

/*
 * Whether a field that breaks the grammar has one author all the same: one well-formed address,
 * and no other name that any reader could see.  Fills *p->out then.
 */
static bool forgive(struct from_parser *p, struct slice field, struct from_names *names)
{
	size_t left = count_byte(field, '<'), right = count_byte(field, '>'), from;

	*p->out = (struct fromheader){.kind = FROM_ONE, .forgiven = true};
	p->addresses = 0;
	if (names->unclear || names->more || names->count > 1)
		return false;
	if (left != right || left > 1 || (left == 0 && count_byte(field, '@') != 1))
		return false;
	if (!is_clean(field) || !find_address(p, field, left == 1, &from))
		return false;
	if (left == 1)
		collect_outside(p, field, from, names);
	return names_only(names, p->out->author.domain);
}

void from_judge_crooked(
    struct from_parser *p, const struct slice *fields, size_t count, struct slice why)
{
	struct from_names names = {.count = 0};

	for (size_t i = 0; i < count; i++)
		from_names_collect(fields[i], p->idna, p->arena, &names);
	if (count == 1 && forgive(p, fields[0], &names) && !arena_failed(p->arena)) {
		p->out->why = why;
		return;
	}
	*p->out = (struct fromheader){.kind = FROM_BAD, .why = why, .more = names.more};
	p->out->domain_count = names.count;
	memcpy(p->out->domains, names.domains, sizeof names.domains);
}
