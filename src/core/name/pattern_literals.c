#include "core/name/pattern_literals.h"

/* Groups in groups: a person has written none deeper. */
enum { DEPTH_MAX = 24 };

/* Members of a class that are worth a string each: [Dd], [._-]. */
enum { CLASS_MAX = 4 };

/* What a part of a pattern can match: all of its strings where `exact`, or some string that it
 * always holds (`some`; count 0: none is known). */
struct part {
	bool exact;
	struct pattern_literals all, some;
};

struct reader {
	struct slice text;
	size_t at;
	unsigned depth;
	bool lost; /* something that is not understood */
	struct arena *arena;
};

static const struct part nothing_known = {.exact = false};

/* ---- sets of strings ----------------------------------------------------------------- */

static size_t shortest(const struct pattern_literals *l)
{
	size_t len = l->count ? SIZE_MAX : 0;

	for (unsigned i = 0; i < l->count; i++)
		len = l->literal[i].len < len ? l->literal[i].len : len;
	return len;
}

/* Takes the other set where it says more: longer strings, or as long and fewer. */
static void prefer(struct pattern_literals *best, const struct pattern_literals *other)
{
	size_t a = shortest(best), b = shortest(other);

	if (b > a || (b == a && b > 0 && other->count < best->count))
		*best = *other;
}

static bool add_string(struct pattern_literals *l, struct slice s)
{
	for (unsigned i = 0; i < l->count; i++)
		if (slice_equal(l->literal[i], s))
			return true;
	if (l->count == PATTERN_LITERALS_MAX)
		return false;
	l->literal[l->count++] = s;
	return true;
}

static bool add_all(struct pattern_literals *l, const struct pattern_literals *more)
{
	for (unsigned i = 0; i < more->count; i++)
		if (!add_string(l, more->literal[i]))
			return false;
	return true;
}

static struct part exactly(struct slice s)
{
	struct part p = {.exact = true, .all = {1, {s}}};

	if (s.len > 0)
		p.some = p.all;
	return p;
}

static struct slice joined(struct reader *r, struct slice a, struct slice b)
{
	char *to = arena_alloc(r->arena, a.len + b.len + 1);

	if (!to)
		return slice_of(NULL, 0);
	if (a.len > 0)
		memcpy(to, a.ptr, a.len);
	if (b.len > 0)
		memcpy(to + a.len, b.ptr, b.len);
	return slice_of(to, a.len + b.len);
}

/* Each string of *a with each of b behind it; false, and *a as it was, where they are too many. */
static bool append(struct reader *r, struct pattern_literals *a, const struct pattern_literals *b)
{
	struct pattern_literals product = {.count = 0};

	if (a->count * b->count > PATTERN_LITERALS_MAX)
		return false;
	for (unsigned i = 0; i < a->count; i++)
		for (unsigned k = 0; k < b->count; k++) {
			if (a->literal[i].len + b->literal[k].len > PATTERN_LITERAL_LEN_MAX)
				return false;
			add_string(&product, joined(r, a->literal[i], b->literal[k]));
		}
	*a = product;
	return true;
}

/* ---- reading ------------------------------------------------------------------------- */

static struct part read_alternatives(struct reader *);

static char peek(const struct reader *r)
{
	return r->at < r->text.len ? r->text.ptr[r->at] : '\0';
}

static bool take(struct reader *r, const char *what)
{
	if (!slice_starts(slice_skip(r->text, r->at), slice_str(what)))
		return false;
	r->at += strlen(what);
	return true;
}

static struct part give_up(struct reader *r)
{
	r->lost = true;
	return nothing_known;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return slice_lower(c) >= 'a' && slice_lower(c) <= 'z';
}

static struct part character(struct reader *r, char c)
{
	char *to = arena_alloc(r->arena, 1);

	if (!to)
		return give_up(r);
	*to = slice_lower(c);
	return exactly(slice_of(to, 1));
}

/* Behind a backslash. */
static struct part read_escape(struct reader *r)
{
	char c = peek(r);

	r->at++;
	if (c == '\0' || (unsigned char)c >= 0x80)
		return give_up(r);
	if (strchr("bBAzZG", c))
		return exactly(slice_of("", 0));
	if (strchr("dDwWsShHvVRX", c))
		return nothing_known;
	if (c >= '1' && c <= '9') {
		while (is_digit(peek(r)))
			r->at++;
		return nothing_known;
	}
	return is_letter(c) || is_digit(c) ? give_up(r) : character(r, c);
}

/* One member of a class, behind its bracket; -1: more than one character. */
static int read_member(struct reader *r)
{
	char c = peek(r);

	r->at++;
	if (c == '[' && strchr(":.=", peek(r)) && peek(r)) {
		const char end[] = {peek(r), ']', '\0'};

		while (r->at < r->text.len && !take(r, end))
			r->at++;
		return -1;
	}
	if (c == '\\') {
		c = peek(r);
		r->at++;
		if (is_letter(c) || is_digit(c)) {
			r->lost |= c == 'Q' || c == 'E' || c == 'c' || c == 'N';
			return -1;
		}
	}
	return (unsigned char)c < 0x80 ? (unsigned char)c : -1;
}

static struct part read_class(struct reader *r)
{
	bool negated = take(r, "^"), simple = !negated, first = true;
	struct part p = {.exact = true};

	while (!r->lost && (first || peek(r) != ']')) {
		int member = read_member(r);

		if (r->at > r->text.len || member == '\0')
			return give_up(r);
		/* A range, but for a hyphen at either end. */
		if (peek(r) == '-' && r->at + 1 < r->text.len && r->text.ptr[r->at + 1] != ']')
			simple = false;
		simple = simple && member > 0;
		if (simple)
			add_string(&p.all, character(r, (char)member).all.literal[0]);
		simple = simple && p.all.count <= CLASS_MAX;
		first = false;
	}
	r->at++;
	if (!simple || r->lost)
		return nothing_known;
	p.some = p.all;
	return p;
}

/* Options that change nothing here; x would make blanks and comments. */
static bool take_options(struct reader *r, char end)
{
	size_t at = r->at;

	while (peek(r) && strchr("ims-", peek(r)))
		r->at++;
	if (r->at > at && peek(r) == end) {
		r->at++;
		return true;
	}
	r->at = at;
	return false;
}

/* Behind the opening parenthesis. */
static struct part read_group(struct reader *r)
{
	bool looks = false;
	struct part p;

	if (peek(r) == '*')
		return give_up(r);
	if (take(r, "?")) {
		looks = take(r, "=") || take(r, "!") || take(r, "<=") || take(r, "<!");
		if (!looks && take_options(r, ')'))
			return exactly(slice_of("", 0));
		if (!looks && !take(r, ":") && !take(r, ">") && !take_options(r, ':'))
			return give_up(r);
	}
	p = read_alternatives(r);
	if (!take(r, ")"))
		return give_up(r);
	return looks ? exactly(slice_of("", 0)) : p;
}

static struct part read_atom(struct reader *r)
{
	char c = peek(r);

	r->at++;
	switch (c) {
	case '(':
		return read_group(r);
	case '[':
		return read_class(r);
	case '\\':
		return read_escape(r);
	case '.':
		return nothing_known;
	case '^':
	case '$':
		return exactly(slice_of("", 0));
	case '*':
	case '+':
	case '?':
	case '{':
	case '\0':
		return give_up(r);
	default:
		break;
	}
	if ((unsigned char)c < 0x80)
		return character(r, c);
	/* A quantifier behind it counts for the whole character. */
	while (((unsigned char)peek(r) & 0xc0) == 0x80)
		r->at++;
	return nothing_known;
}

/* ---- how often ----------------------------------------------------------------------- */

static unsigned read_number(struct reader *r)
{
	unsigned n = 0;

	while (is_digit(peek(r))) {
		n = n < 100000 ? n * 10 + (unsigned)(peek(r) - '0') : n;
		r->at++;
	}
	return n;
}

/* "{3}", "{1,3}", "{2,}", behind the brace; anything else is another thing in another PCRE2. */
static bool read_counts(struct reader *r, unsigned *least, unsigned *most)
{
	if (!is_digit(peek(r)))
		return false;
	*least = *most = read_number(r);
	if (take(r, ","))
		*most = is_digit(peek(r)) ? read_number(r) : UINT32_MAX;
	return take(r, "}");
}

/* The part that is there `least` to `most` times. */
static struct part repeated(struct part p, unsigned least, unsigned most)
{
	struct part out = nothing_known;

	if (least == 1 && most == 1)
		return p;
	if (least == 0 && most == 1 && p.exact && add_string(&p.all, slice_of("", 0))) {
		p.some.count = 0;
		return p;
	}
	if (least > 0)
		out.some = p.some;
	return out;
}

static struct part read_piece(struct reader *r)
{
	struct part p = read_atom(r);

	if (!r->lost && peek(r) && strchr("*+?{", peek(r))) {
		unsigned least = 0, most = UINT32_MAX;

		if (take(r, "+"))
			least = 1;
		else if (take(r, "?"))
			most = 1;
		else if (!take(r, "*") && !(take(r, "{") && read_counts(r, &least, &most)))
			return give_up(r);
		p = repeated(p, least, most);
		if (!take(r, "?"))
			take(r, "+");
	}
	return p;
}

/* ---- sequences and alternatives -------------------------------------------------------- */

static struct part read_sequence(struct reader *r)
{
	struct part whole = exactly(slice_of("", 0));
	struct pattern_literals run =
	    whole.all; /* all that the pieces since the last break match */

	while (!r->lost && r->at < r->text.len && peek(r) != '|' && peek(r) != ')') {
		struct part p = read_piece(r);

		if (p.exact && append(r, &run, &p.all))
			continue;
		whole.exact = false;
		prefer(&whole.some, &run);
		prefer(&whole.some, &p.some);
		run = p.exact ? p.all : exactly(slice_of("", 0)).all;
	}
	prefer(&whole.some, &run);
	whole.all = run;
	return whole;
}

static struct part read_alternatives(struct reader *r)
{
	struct part p;

	if (++r->depth > DEPTH_MAX)
		return give_up(r);
	p = read_sequence(r);
	while (!r->lost && take(r, "|")) {
		struct part other = read_sequence(r);

		p.exact = p.exact && other.exact && add_all(&p.all, &other.all);
		if (p.some.count == 0 || other.some.count == 0 || !add_all(&p.some, &other.some))
			p.some.count = 0;
	}
	r->depth--;
	return p;
}

void pattern_literals(struct slice pattern, struct arena *arena, struct pattern_literals *out)
{
	struct reader r = {.text = pattern, .arena = arena};
	struct part p = read_alternatives(&r);

	*out = p.some;
	if (r.lost || r.at < pattern.len || arena_failed(arena) || shortest(out) == 0)
		out->count = 0;
}
