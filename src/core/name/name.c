#include "core/name/name.h"

/* UTF-8 spends at most 4 bytes on a character, and each costs the name at least one octet. */
#define TEXT_MAX ((size_t)4 * NAME_MAX_OCTETS)

enum kind { BAD, PLAIN, UPPER, DOT, WIDE };

#define B BAD
#define P PLAIN
#define U UPPER
#define D DOT
static const unsigned char ascii_kind[128] = {
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, /* 0x00 */
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, /* 0x10 */
    B, B, B, B, B, B, B, B, B, B, B, B, B, P, D, B, /* 0x20: - . */
    P, P, P, P, P, P, P, P, P, P, B, B, B, B, B, B, /* 0x30: digits */
    B, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, /* 0x40 */
    U, U, U, U, U, U, U, U, U, U, U, B, B, B, B, P, /* 0x50: _ */
    B, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, /* 0x60 */
    P, P, P, P, P, P, P, P, P, P, P, B, B, B, B, B, /* 0x70 */
};
#undef B
#undef P
#undef U
#undef D

static enum kind kind_of(char c)
{
	return (unsigned char)c < 128 ? (enum kind)ascii_kind[(unsigned char)c] : WIDE;
}

static const char *why_bad(char c)
{
	switch (c) {
	case ' ':
	case '\t':
		return "not a name: a blank inside";
	case '@':
		return "not a name: character '@'";
	case '/':
		return "not a name: character '/'";
	case '*':
		return "not a name: '*' is allowed only in front, as in *.example.com";
	case '[':
	case ']':
		return "not a name: an address literal has none";
	case ':':
		return "not a name: character ':'";
	default:
		return "not a name: only letters, digits, '-', '_' and '.' are allowed";
	}
}

/* What one walk over the bytes tells: well formed as far as it is ASCII, and what is left to do. */
struct look {
	const char *wrong;
	bool upper, wide;
};

static struct look scan_name(struct slice s)
{
	struct look seen = {NULL, false, false};
	size_t start = 0;

	for (size_t i = 0; i <= s.len && !seen.wrong; i++) {
		enum kind kind = i < s.len ? kind_of(s.ptr[i]) : DOT;

		if (kind == PLAIN)
			continue;
		if (kind == UPPER) {
			seen.upper = true;
		} else if (kind == WIDE) {
			seen.wide = true;
		} else if (kind == BAD) {
			seen.wrong = why_bad(s.ptr[i]);
		} else {
			if (i == start)
				seen.wrong = "empty label";
			else if (i - start > NAME_LABEL_MAX && !seen.wide)
				seen.wrong = "label longer than 63 octets";
			start = i + 1;
		}
	}
	if (!seen.wrong && !seen.wide && s.len > NAME_MAX_OCTETS)
		seen.wrong = "name longer than 253 octets";
	return seen;
}

static struct slice without_last_dot(struct slice s)
{
	if (s.len > 1 && s.ptr[s.len - 1] == '.')
		s.len--;
	return s;
}

static const char *lowered(struct slice s, struct arena *arena, struct slice *out)
{
	char *copy = arena_strdup(arena, s);

	if (!copy)
		return "out of memory";
	for (size_t i = 0; i < s.len; i++)
		copy[i] = slice_lower(copy[i]);
	*out = slice_of(copy, s.len);
	return NULL;
}

static const char *converted(
    struct slice utf8, const struct idna *idna, struct arena *arena, struct slice *out)
{
	char ascii[NAME_MAX_OCTETS + 1]; /* a last dot of any script comes back as one more */
	struct slice name;
	struct look seen;

	name = slice_of(ascii, idna ? idna->to_ascii(utf8, ascii, sizeof ascii) : 0);
	if (name.len == 0)
		return idna && slice_is_utf8(utf8)
			   ? "not an internationalised name (IDNA 2008)"
			   : "not a name: bytes that are neither ASCII nor UTF-8";
	name = without_last_dot(name);
	seen = scan_name(name);
	if (seen.wrong || seen.wide)
		return seen.wrong ? seen.wrong : "not an internationalised name (IDNA 2008)";
	return lowered(name, arena, out);
}

const char *name_parse(
    struct slice text, const struct idna *idna, struct arena *arena, struct slice *out)
{
	struct slice name = without_last_dot(text);
	struct look seen;

	*out = slice_of(NULL, 0);
	if (name.len == 0)
		return "empty name";
	if (name.len > TEXT_MAX)
		return "name longer than 253 octets";
	seen = scan_name(name);
	if (seen.wrong)
		return seen.wrong;
	if (seen.wide)
		return converted(name, idna, arena, out);
	if (seen.upper)
		return lowered(name, arena, out);
	*out = name;
	return NULL;
}

bool name_has_bytes_label(struct slice name)
{
	for (; name.len > 0; name = name_parent(name))
		if (slice_starts(name, NAME_BYTES_LABEL))
			return true;
	return false;
}

unsigned name_labels(struct slice name)
{
	unsigned n = name.len > 0;

	for (size_t i = 0; i < name.len; i++)
		n += name.ptr[i] == '.';
	return n;
}

struct slice name_last_labels(struct slice name, unsigned n)
{
	size_t at = name.len;

	if (n == 0)
		return slice_skip(name, name.len);
	while (at > 0 && (name.ptr[at - 1] != '.' || --n > 0))
		at--;
	return slice_skip(name, at);
}

struct slice name_parent(struct slice name)
{
	return slice_skip(name, slice_find(name, '.') + 1);
}

bool name_is_within(struct slice name, struct slice ancestor)
{
	if (ancestor.len == 0 || !slice_ends(name, ancestor))
		return false;
	return name.len == ancestor.len || name.ptr[name.len - ancestor.len - 1] == '.';
}

struct slice idna_compose(const struct idna *idna, struct slice text, struct arena *arena)
{
	char *composed;
	size_t len = 0;

	while (len < text.len && (unsigned char)text.ptr[len] < 0x80)
		len++;
	if (!idna || !idna->compose || len == text.len)
		return text;
	composed = arena_alloc(arena, text.len * IDNA_GROWTH);
	len = composed ? idna->compose(text, composed, text.len * IDNA_GROWTH) : 0;
	return len > 0 ? slice_of(composed, len) : text;
}
