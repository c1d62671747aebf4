#include "core/auth/spf_macro.h"

#include "core/name/name.h"

/* ---- the grammar (RFC 7208 7.1) --------------------------------------------------------- */

/* The transformers count in DIGITs without limit; more parts than this no value has. */
enum { KEEP_ALL = 100000 };

/* One step of a macro-string: a run of literal bytes, or a macro-expand. */
struct piece {
	struct slice literal; /* when letter is 0; for %% %_ %- what it stands for */
	bool is_expand;       /* written with a %: may end a domain-spec */
	char letter;          /* in lower case */
	bool url_escape;      /* the letter was in upper case */
	bool reverse;
	unsigned keep;           /* number of right-hand parts */
	struct slice delimiters; /* "." when none are given */
};

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
		if (value < KEEP_ALL)
			value = value * 10 + (unsigned)(body->ptr[0] - '0');
		any = true;
		*body = slice_skip(*body, 1);
	}
	if (any && value == 0)
		return "a macro keeps zero parts";
	*keep = any ? value : KEEP_ALL;
	return NULL;
}

/* macro-letter transformers *delimiter: what stands between the braces. */
static const char *parse_braces(struct slice body, struct piece *out)
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

/* Takes one piece off a text that is not empty; NULL or what is wrong with it. */
static const char *take_piece(struct slice *rest, struct piece *out)
{
	size_t end = slice_find(*rest, '%');
	char follows;

	*out = (struct piece){.literal = slice_of(rest->ptr, end)};
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

/* toplabel: letters, digits and inner hyphens, not digits alone. */
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
static bool ends_as_domain(const struct piece *last)
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
	struct piece piece = {.is_expand = false};

	while (text.len) {
		const char *why = take_piece(&text, &piece);
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
	struct piece piece;

	while (text.len && !take_piece(&text, &piece))
		if (piece.letter == letter)
			return true;
	return false;
}

/* ---- the expansion (RFC 7208 7.2, 7.3) -------------------------------------------------- */

/*
 * Where expanded bytes go.  A name keeps its tail (in a ring), an explanation its head: either way
 * memory is fixed and every byte is touched once.
 */
struct sink {
	char bytes[512];
	size_t total; /* bytes that came, kept or not */
	bool tail;
};

_Static_assert((int)SPF_EXPLANATION_MAX <= 512, "an explanation fits into the sink");
_Static_assert((int)NAME_MAX_OCTETS + 1 <= 512, "a name and the dot before it fit into the sink");

static void put(struct sink *sink, char c)
{
	if (sink->tail || sink->total < sizeof sink->bytes)
		sink->bytes[sink->total % sizeof sink->bytes] = c;
	sink->total++;
}

/* RFC 3986 2.3 */
static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

static void put_value_byte(struct sink *sink, char c, bool url_escape)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char byte = (unsigned char)c;

	if (!url_escape || is_unreserved(c)) {
		put(sink, c);
		return;
	}
	put(sink, '%');
	put(sink, hex[byte >> 4]);
	put(sink, hex[byte & 15]);
}

static bool is_delimiter(const struct piece *piece, char c)
{
	return slice_find(piece->delimiters, c) < piece->delimiters.len;
}

/* The last `keep` parts in their order. */
static void put_forward(struct sink *sink, const struct piece *piece, struct slice value)
{
	size_t start = value.len;

	for (unsigned parts = 0; start > 0; start--)
		if (is_delimiter(piece, value.ptr[start - 1]) && ++parts == piece->keep)
			break;
	for (size_t i = start; i < value.len; i++) {
		bool splits = is_delimiter(piece, value.ptr[i]);
		put_value_byte(sink, splits ? '.' : value.ptr[i], piece->url_escape);
	}
}

/* The first `keep` parts, last of them first: the right-hand ones once reversed. */
static void put_reversed(struct sink *sink, const struct piece *piece, struct slice value)
{
	size_t end = 0;

	for (unsigned parts = 0; end < value.len; end++)
		if (is_delimiter(piece, value.ptr[end]) && ++parts == piece->keep)
			break;
	for (;;) {
		size_t start = end;
		while (start > 0 && !is_delimiter(piece, value.ptr[start - 1]))
			start--;
		for (size_t i = start; i < end; i++)
			put_value_byte(sink, value.ptr[i], piece->url_escape);
		if (start == 0)
			return;
		put(sink, '.');
		end = start - 1;
	}
}

/* Room for 32 nibbles with dots, for any address and any time. */
enum { VALUE_TEXT_MAX = 80 };

/* RFC 7208 7.3: IPv4 as usual, IPv6 as dotted nibbles. */
static struct slice dotted(const struct ip *ip, char out[VALUE_TEXT_MAX])
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char bytes[16];
	size_t n = 0;

	if (ip->family != IP_V6)
		return slice_of(out, ip_format(ip, out));
	ip_to_bytes(ip, bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		out[n++] = hex[bytes[i] >> 4];
		out[n++] = '.';
		out[n++] = hex[bytes[i] & 15];
		out[n++] = '.';
	}
	return slice_of(out, n - 1);
}

static struct slice decimal(int64_t number, char out[VALUE_TEXT_MAX])
{
	size_t at = VALUE_TEXT_MAX;
	uint64_t rest = number > 0 ? (uint64_t)number : 0;

	do {
		out[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	return slice_of(out + at, VALUE_TEXT_MAX - at);
}

static struct slice value_of(char letter, const struct spf_macro_values *values,
    struct slice sender, char out[VALUE_TEXT_MAX])
{
	switch (letter) {
	case 's':
		return sender;
	case 'l':
		return values->local;
	case 'o':
		return values->sender_domain;
	case 'd':
		return values->domain;
	case 'i':
		return dotted(&values->client, out);
	case 'p':
		return values->client_name;
	case 'v':
		return values->client.family == IP_V6 ? SLICE("ip6") : SLICE("in-addr");
	case 'h':
		return values->helo;
	case 'c':
		return slice_of(out, ip_format(&values->client, out));
	case 'r':
		return values->receiver;
	default:
		return decimal(values->now, out);
	}
}

static struct slice join_sender(const struct spf_macro_values *values, struct arena *arena)
{
	size_t len = values->local.len + 1 + values->sender_domain.len;
	char *at = arena_alloc(arena, len);

	if (!at)
		return slice_of(NULL, 0);
	if (values->local.len)
		memcpy(at, values->local.ptr, values->local.len);
	at[values->local.len] = '@';
	if (values->sender_domain.len)
		memcpy(at + values->local.len + 1, values->sender_domain.ptr,
		    values->sender_domain.len);
	return slice_of(at, len);
}

static bool expand(struct slice text, const struct spf_macro_values *values, struct arena *arena,
    struct sink *sink)
{
	struct slice sender = join_sender(values, arena);
	struct piece piece;

	while (text.len && !take_piece(&text, &piece)) {
		char out[VALUE_TEXT_MAX];
		if (piece.letter == '\0') {
			for (size_t i = 0; i < piece.literal.len; i++)
				put(sink, piece.literal.ptr[i]);
		} else {
			struct slice value = value_of(piece.letter, values, sender, out);
			(piece.reverse ? put_reversed : put_forward)(sink, &piece, value);
		}
	}
	return sender.ptr != NULL;
}

struct slice spf_macro_name(
    struct slice text, const struct spf_macro_values *values, struct arena *arena)
{
	struct sink sink = {.tail = true};
	char name[NAME_MAX_OCTETS + 1];
	size_t len, from = 0;

	if (!expand(text, values, arena, &sink))
		return slice_of(NULL, 0);
	if (sink.total && sink.bytes[(sink.total - 1) % sizeof sink.bytes] == '.')
		sink.total--;
	len = sink.total < sizeof name ? sink.total : sizeof name;
	for (size_t i = 0; i < len; i++)
		name[i] = slice_lower(sink.bytes[(sink.total - len + i) % sizeof sink.bytes]);
	if (len > NAME_MAX_OCTETS)
		from = slice_find(slice_of(name, len), '.') + 1;
	return arena_copy(arena, slice_skip(slice_of(name, len), from));
}

struct slice spf_macro_explanation(
    struct slice text, const struct spf_macro_values *values, struct arena *arena)
{
	struct sink sink = {.tail = false};

	if (!expand(text, values, arena, &sink))
		return slice_of(NULL, 0);
	return arena_copy(
	    arena, slice_of(sink.bytes,
		       sink.total < SPF_EXPLANATION_MAX ? sink.total : SPF_EXPLANATION_MAX));
}
