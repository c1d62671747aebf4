#include "spf_piece.h"

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *take_digits(struct slice *body, unsigned *keep)
{
	unsigned value = 0;
	bool any = false;

	while (body->len && is_digit(body->ptr[0])) {
		if (value < SPF_KEEP_ALL)
			value = value * 10 + (unsigned)(body->ptr[0] - '0');
		any = true;
		*body = slice_skip(*body, 1);
	}
	if (any && value == 0)
		return "a macro keeps zero parts";
	*keep = any ? value : SPF_KEEP_ALL;
	return NULL;
}

/* macro-letter transformers *delimiter: what stands between the braces. */
static const char *parse_braces(struct slice body, struct spf_piece *out)
{
	const char *why;

	if (body.len == 0 || !is_one_of(slice_lower(body.ptr[0]), "slodiphcrtv"))
		return "unknown macro letter";
	out->letter = slice_lower(body.ptr[0]);
	out->url_escape = body.ptr[0] != out->letter;
	body = slice_skip(body, 1);
	if ((why = take_digits(&body, &out->keep)))
		return why;
	if (body.len && slice_lower(body.ptr[0]) == 'r') {
		out->reverse = true;
		body = slice_skip(body, 1);
	}
	for (size_t i = 0; i < body.len; i++)
		if (!is_one_of(body.ptr[i], ".-+,/_="))
			return "a macro has something other than digits, r and delimiters";
	out->delimiters = body.len ? body : SLICE(".");
	return NULL;
}

const char *spf_take_piece(struct slice *rest, struct spf_piece *out)
{
	size_t end = slice_find(*rest, '%');
	char follows;

	*out = (struct spf_piece){.literal = slice_of(rest->ptr, end)};
	if (end > 0) {
		*rest = slice_skip(*rest, end);
		return NULL;
	}
	out->is_expand = true;
	follows = rest->len > 1 ? rest->ptr[1] : '\0';
	if (follows == '{') {
		end = slice_find(*rest, '}');
		if (end == rest->len)
			return "a macro is not closed";
		struct slice body = slice_of(rest->ptr + 2, end - 2);
		*rest = slice_skip(*rest, end + 1);
		return parse_braces(body, out);
	}
	if (!is_one_of(follows, "%_-"))
		return "a % is not followed by {, %, _ or -";
	out->literal = follows == '%' ? SLICE("%") : follows == '_' ? SLICE(" ") : SLICE("%20");
	*rest = slice_skip(*rest, 2);
	return NULL;
}

/* toplabel: letters, digits and inner hyphens, not digits alone (RFC 7208 7.1). */
static bool is_toplabel(struct slice label)
{
	bool all_digits = true;

	if (label.len == 0 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		if (!is_digit(label.ptr[i]))
			all_digits = false;
		if (!is_digit(label.ptr[i]) && !is_alpha(label.ptr[i]) && label.ptr[i] != '-')
			return false;
	}
	return !all_digits;
}

/* domain-end: a macro, or "." toplabel [ "." ] within the last literal. */
static bool ends_as_domain(const struct spf_piece *last)
{
	struct slice text = last->literal;

	if (last->is_expand)
		return true;
	if (text.len && text.ptr[text.len - 1] == '.')
		text.len--;
	return slice_find_last(text, '.') < text.len && is_toplabel(slice_after_last(text, '.'));
}

static bool is_literal(struct slice text, bool blanks)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < (blanks ? 0x20 : 0x21) || text.ptr[i] > 0x7e)
			return false;
	return true;
}

const char *spf_macro_check(struct slice text, enum spf_macro_kind kind)
{
	struct spf_piece piece = {.is_expand = false};

	while (text.len) {
		const char *why = spf_take_piece(&text, &piece);
		if (why)
			return why;
		if (!piece.is_expand && !is_literal(piece.literal, kind == SPF_MACRO_EXPLANATION))
			return "a byte is not printable ASCII";
		if (kind == SPF_MACRO_DOMAIN && is_one_of(piece.letter, "crt"))
			return "the macros c, r and t are for explanations only";
	}
	if (kind == SPF_MACRO_DOMAIN && !ends_as_domain(&piece))
		return "a domain name is wanted: two labels, the last not numeric";
	return NULL;
}

bool spf_macro_uses(struct slice text, char letter)
{
	struct spf_piece piece;

	while (text.len && !spf_take_piece(&text, &piece))
		if (piece.letter == letter)
			return true;
	return false;
}
