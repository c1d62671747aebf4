#include "fromheader_names.h"

#include "fromheader_words.h"

enum {
	/* Longer text is read as it stands only, without copies.  RFC 5322 2.1.1 has 998 octets a
	 * line, and no author of a crooked field has four of them. */
	DECODED_MAX = 4096,
	/* How far from its "@" a name is looked for, comments included; beyond it is unclear. */
	REACH_MAX = 2048,
	/* A name as it is written may be longer than NAME_MAX_OCTETS by its UTF-8 form. */
	NAME_TEXT_MAX = 4 * NAME_MAX_OCTETS,
};

/* The ways to read: each bit is a question on which readers differ. */
enum {
	WIDE_SIGNS = 1,    /* wide "@" and full stops are the narrow ones; else they are letters */
	WIDE_BLANKS = 2,   /* wide and invisible blanks are blanks; else they are letters */
	SKIP_COMMENTS = 4, /* a comment is nothing; else its text counts, set off by blanks */
	JOIN = 8,          /* skipping: blanks are nothing even between words (a@x.example Jane);
			      else: ( and ) are nothing, too (a@x.example(Jane)) */
	WAYS = 16,
};

struct reader {
	struct slice text;
	size_t at, end;
	unsigned way;
	bool open; /* a comment began that does not end: looked for once only, it costs time */
	bool lost; /* and then another, or it may end beyond our reach, or there is a fold in it */
};

/* ---- characters ---------------------------------------------------------------------- */

enum { END = -1, NOTHING = -2 };

struct wide {
	struct slice utf8;
	int means;
};

/* Characters that programs show, or convert, as "@" and "." (U+FF20 U+FE6B; U+3002 U+FF0E U+FF61
 * U+FE52 U+2024). */
static const struct wide signs[] = {
    {SLICE_INIT("\xef\xbc\xa0"), '@'},
    {SLICE_INIT("\xef\xb9\xab"), '@'},
    {SLICE_INIT("\xe3\x80\x82"), '.'},
    {SLICE_INIT("\xef\xbc\x8e"), '.'},
    {SLICE_INIT("\xef\xbd\xa1"), '.'},
    {SLICE_INIT("\xef\xb9\x92"), '.'},
    {SLICE_INIT("\xe2\x80\xa4"), '.'},
};

/* U+00A0 U+3000 U+202F, and the invisible U+200B to U+200D, U+2060, U+FEFF, U+00AD. */
static const struct wide blanks[] = {
    {SLICE_INIT("\xc2\xa0"), ' '},
    {SLICE_INIT("\xe3\x80\x80"), ' '},
    {SLICE_INIT("\xe2\x80\xaf"), ' '},
    {SLICE_INIT("\xe2\x80\x8b"), NOTHING},
    {SLICE_INIT("\xe2\x80\x8c"), NOTHING},
    {SLICE_INIT("\xe2\x80\x8d"), NOTHING},
    {SLICE_INIT("\xe2\x81\xa0"), NOTHING},
    {SLICE_INIT("\xef\xbb\xbf"), NOTHING},
    {SLICE_INIT("\xc2\xad"), NOTHING},
};

static const struct wide *find_wide(struct slice s, const struct wide *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (slice_starts(s, table[i].utf8))
			return &table[i];
	return NULL;
}

/* The length of the comment that s begins with, 0 when it does not end. */
static size_t comment_length(struct slice s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* At a "(": the length of its comment where comments are skipped, else 0.  For some a line end also
 * ends a comment, folded or not. */
static size_t comment_here(struct reader *r, struct slice s)
{
	size_t len = 0;

	if (!(r->way & SKIP_COMMENTS))
		return 0;
	if (!r->open)
		len = comment_length(s);
	if (len == 0) {
		r->lost = r->lost || r->open || r->end < r->text.len;
		r->open = true;
	}
	if (len > 0)
		s.len = len;
	r->lost = r->lost || slice_find(s, '\r') < s.len || slice_find(s, '\n') < s.len;
	return len;
}

/* Takes what stands at r->at: a byte, ' ' for any blank, END, or NOTHING for what this way of
 * reading does not see (quotes, backslashes, control bytes, comments). */
static int take(struct reader *r)
{
	struct slice s = slice_of(r->text.ptr + r->at, r->end - r->at);
	const struct wide *wide = NULL;
	size_t comment;

	if (s.len == 0)
		return END;
	if (s.ptr[0] & 0x80) {
		if (r->way & WIDE_SIGNS)
			wide = find_wide(s, signs, sizeof signs / sizeof signs[0]);
		if (!wide && (r->way & WIDE_BLANKS))
			wide = find_wide(s, blanks, sizeof blanks / sizeof blanks[0]);
		r->at += wide ? wide->utf8.len : 1;
		return wide ? wide->means : (unsigned char)s.ptr[0];
	}
	comment = s.ptr[0] == '(' ? comment_here(r, s) : 0;
	r->at += comment ? comment : 1;
	if (comment || s.ptr[0] == '"' || s.ptr[0] == '\\')
		return NOTHING;
	if ((s.ptr[0] == '(' || s.ptr[0] == ')') && (r->way & JOIN))
		return !(r->way & SKIP_COMMENTS) ? NOTHING : s.ptr[0] == '(' ? ';' : ' ';
	if (strchr(" \t\r\n()", s.ptr[0]) && s.ptr[0])
		return ' ';
	return s.ptr[0] < ' ' || s.ptr[0] == 0x7f ? NOTHING : s.ptr[0];
}

static int peek(const struct reader *r)
{
	struct reader copy = *r;

	return take(&copy);
}

static void skip_blanks(struct reader *r)
{
	for (int c = peek(r); c == ' ' || c == NOTHING; c = peek(r))
		take(r);
}

/* ---- one name ------------------------------------------------------------------------ */

/* What no reader takes into a name. */
static bool ends_label(int c)
{
	return c == END || c == ' ' || (c > 0 && c < 0x80 && strchr(".,;<>@", c));
}

/* One label, or what stands for it; false when there is no room. */
static bool take_label(struct reader *r, char *name, size_t *len)
{
	for (int c = peek(r); !ends_label(c); c = peek(r)) {
		take(r);
		if (c == NOTHING)
			continue;
		if (*len == NAME_TEXT_MAX)
			return false;
		name[(*len)++] = (char)c;
	}
	return true;
}

/* Labels and dots behind an "@"; false when there is no room, or not all could be looked at. */
static bool take_name(struct reader *r, char *name, size_t *len)
{
	bool join = (r->way & JOIN) && (r->way & SKIP_COMMENTS);
	struct reader behind;
	int next;

	*len = 0;
	skip_blanks(r);
	for (;;) {
		if (!take_label(r, name, len))
			return false;
		behind = *r;
		skip_blanks(&behind);
		next = peek(&behind);
		if (next != '.' && (!join || ends_label(next)))
			break;
		*r = behind;
		if (next != '.')
			continue;
		if (*len == NAME_TEXT_MAX)
			return false;
		name[(*len)++] = '.';
		take(r);
		skip_blanks(r);
	}
	return !behind.lost && (behind.at < behind.end || behind.end == behind.text.len);
}

static bool is_punctuation(char c)
{
	return !(c & 0x80) && c != '-' && c != '_' && !(c >= '0' && c <= '9') &&
	       !(slice_lower(c) >= 'a' && slice_lower(c) <= 'z');
}

/* Without the quotes and dots of prose: 'joe@example.org', joe@example.org... */
static struct slice without_punctuation(struct slice s)
{
	for (;;) {
		if (s.len > 0 && is_punctuation(s.ptr[0]))
			s = slice_skip(s, 1);
		else if (s.len > 0 && is_punctuation(s.ptr[s.len - 1]))
			s.len--;
		else
			return s;
	}
}

static bool is_listed(const struct from_names *names, struct slice name)
{
	for (size_t i = 0; i < names->count; i++)
		if (slice_equal(names->domains[i], name))
			return true;
	return false;
}

/* Adds a copy of a canonical name unless it is there already. */
static void add_name(struct from_names *out, struct slice name, struct arena *arena)
{
	struct slice copy;

	if (is_listed(out, name))
		return;
	if (out->count == FROM_DOMAINS_MAX) {
		out->more = true;
		return;
	}
	copy = arena_copy(arena, name);
	if (copy.len > 0)
		out->domains[out->count++] = copy;
}

/* A "[" begins an address literal, for some readers up to its "]" wherever that stands; only one
 * word without a dot between the two is none. */
static bool is_literal(struct slice name)
{
	size_t open = slice_find(name, '[');

	if (open == name.len)
		return false;
	return open > 0 || name.ptr[name.len - 1] != ']' || slice_find(name, '.') < name.len;
}

/* A name that is only made by joining is not worth to be judged; that it can be seen is enough. */
static void keep_name(struct slice name, unsigned way, const struct idna *idna, struct arena *arena,
    struct from_names *out)
{
	struct slice canonical, behind;

	if (is_literal(name)) {
		out->unclear = true;
		return;
	}
	/* Some take the colon of a group or route into the name. */
	behind = slice_skip(name, slice_find(name, ':'));
	out->unclear = out->unclear || without_punctuation(behind).len > 0;
	name = without_punctuation(slice_of(name.ptr, name.len - behind.len));
	if (slice_find(name, '.') == name.len)
		return;
	if (name_parse(name, idna, arena, &canonical))
		out->unclear = true;
	else if (!(way & JOIN))
		add_name(out, canonical, arena);
	else if (!is_listed(out, canonical))
		out->unclear = true;
}

/* ---- the text ------------------------------------------------------------------------ */

/* Takes up to and including the next "@"; false when there is none. */
static bool find_at(struct reader *r)
{
	while (r->at < r->end) {
		char c = r->text.ptr[r->at];

		if (c == '@' || (c & 0x80 && r->way & WIDE_SIGNS)) {
			if (take(r) == '@')
				return true;
		} else {
			r->at++;
		}
	}
	return false;
}

static void collect_one_way(struct slice text, unsigned way, const struct idna *idna,
    struct arena *arena, struct from_names *out)
{
	struct reader r = {.text = text, .way = way & WIDE_SIGNS, .end = text.len};
	size_t found = 0, len;
	char name[NAME_TEXT_MAX];

	while (find_at(&r) && !out->more) {
		struct reader behind = r;

		behind.way = way;
		if (behind.end - behind.at > REACH_MAX)
			behind.end = behind.at + REACH_MAX;
		if (found++ == FROM_ADDRESSES_MAX) {
			out->unclear = true;
			return;
		}
		/* With a comment right behind its "@" an address has one name more for some. */
		if (slice_starts(slice_skip(text, r.at), SLICE("(")))
			out->unclear = true;
		if (!take_name(&behind, name, &len))
			out->unclear = true;
		keep_name(slice_of(name, len), way, idna, arena, out);
	}
}

static void collect_all_ways(
    struct slice text, const struct idna *idna, struct arena *arena, struct from_names *out)
{
	for (unsigned way = 0; way < WAYS; way++)
		collect_one_way(text, way, idna, arena, out);
}

/* With its words decoded. */
static void collect_decoded(
    struct slice text, const struct idna *idna, struct arena *arena, struct from_names *out)
{
	struct slice decoded;

	if (!fromheader_decode_words(text, arena, &decoded))
		out->unclear = true;
	if (decoded.ptr != text.ptr)
		collect_all_ways(decoded, idna, arena, out);
}

/* Without quotes and backslashes: "=\?utf-8?q?…?=" is a word for who decodes afterwards. */
static struct slice unquoted(struct slice text, struct arena *arena)
{
	char *bytes = arena_alloc(arena, text.len + 1);
	size_t n = 0;

	for (size_t i = 0; bytes && i < text.len; i++)
		if (text.ptr[i] != '"' && text.ptr[i] != '\\')
			bytes[n++] = text.ptr[i];
	return slice_of(bytes, n);
}

void from_names_collect(
    struct slice text, const struct idna *idna, struct arena *arena, struct from_names *out)
{
	if (text.len == 0)
		return;
	collect_all_ways(text, idna, arena, out);
	if (text.len > DECODED_MAX) {
		out->unclear = true;
		return;
	}
	collect_decoded(text, idna, arena, out);
	collect_decoded(unquoted(text, arena), idna, arena, out);
}
