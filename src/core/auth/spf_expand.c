/* The expansion half of core/auth/spf_macro.h; spf_macro.c has the grammar. */
#include "spf_piece.h"

#include "core/name/name.h"

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

static bool is_delimiter(const struct spf_piece *piece, char c)
{
	return slice_find(piece->delimiters, c) < piece->delimiters.len;
}

/* The last `keep` parts in their order. */
static void put_forward(struct sink *sink, const struct spf_piece *piece, struct slice value)
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
static void put_reversed(struct sink *sink, const struct spf_piece *piece, struct slice value)
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
	struct spf_piece piece;

	while (text.len && !spf_take_piece(&text, &piece)) {
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
