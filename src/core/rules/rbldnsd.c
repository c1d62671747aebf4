#include "core/rules/rbldnsd.h"

/* The usual answer (RFC 5782 2.1). */
static const unsigned char usual[4] = {127, 0, 0, 2};

struct rbldnsd_reader rbldnsd_open(
    struct slice text, enum rbldnsd_type type, const struct idna *idna, struct arena *arena)
{
	return (struct rbldnsd_reader){.type = type,
	    .rest = text,
	    .fallback = ip_from_v4(usual),
	    .idna = idna,
	    .arena = arena};
}

/* ---- addresses ----------------------------------------------------------------------- */

enum { OCTETS = 4 };

/* One to four octets with dots between; the number of them, 0 when it is none. */
static unsigned parse_octets(struct slice text, unsigned char out[OCTETS])
{
	unsigned n = 0;
	uint64_t octet;

	do {
		struct slice one = slice_cut(&text, '.');

		if (n == OCTETS || one.len > 3 || !slice_to_uint(one, 255, &octet))
			return 0;
		out[n++] = (unsigned char)octet;
	} while (text.ptr);
	return n;
}

static void fill(unsigned char octets[OCTETS], unsigned n, unsigned char with)
{
	for (unsigned i = n; i < OCTETS; i++)
		octets[i] = with;
}

/* The end of a range may be written with its last octets only: "198.51.100.1-9", "127.16-31". */
static bool parse_end(
    struct slice text, const unsigned char first[OCTETS], unsigned n, unsigned char out[OCTETS])
{
	unsigned char tail[OCTETS];
	unsigned m = parse_octets(text, tail);

	if (m == 0)
		return false;
	if (m > n)
		n = m;
	memcpy(out, first, OCTETS);
	memcpy(out + n - m, tail, m);
	fill(out, n, 255);
	return true;
}

/* The bits behind a network's length, which have to be zero in its base. */
static const char *network_of(
    struct ip *first, struct slice digits, unsigned bits, struct rbldnsd_entry *e)
{
	struct prefix p;
	uint64_t length;

	if (!slice_to_uint(digits, bits, &length))
		return "is not a network: its length is wrong";
	p = prefix_of(first, (unsigned)length);
	if (!ip_equal(&p.base, first))
		return "is not a network: bits are set behind its length";
	e->first = p.base;
	e->last = prefix_last(&p);
	return NULL;
}

static const char *parse_v4(struct slice text, bool ranges, struct rbldnsd_entry *e)
{
	unsigned char first[OCTETS], last[OCTETS];
	bool is_network = slice_find(text, '/') < text.len;
	bool is_range = slice_find(text, '-') < text.len;
	struct slice behind = text, head = slice_cut(&behind, is_network ? '/' : '-');
	unsigned n = parse_octets(head, first);

	if (n == 0 || (is_network && is_range) || (is_range && !ranges))
		return "is not an IPv4 address, prefix, network or range";
	fill(first, n, 0);
	e->first = ip_from_v4(first);
	if (is_network)
		return network_of(&e->first, behind, 32, e);
	memcpy(last, first, OCTETS);
	fill(last, n, 255);
	if (is_range && !parse_end(behind, first, n, last))
		return "is not a range: its end is no address";
	e->last = ip_from_v4(last);
	return ip_compare(&e->first, &e->last) <= 0 ? NULL : "is a range whose end lies before it";
}

/* "2001:db8:1" is a prefix of whole groups: 2001:db8:1::/48. */
static const char *parse_v6(struct slice text, struct rbldnsd_entry *e)
{
	enum { ADDRESS_MAX = 64, GROUPS = 8 };
	struct slice behind = text, head = slice_cut(&behind, '/');
	bool short_form = slice_find(head, ':') < head.len;
	char room[ADDRESS_MAX];
	unsigned groups = 1;
	struct prefix p;

	for (size_t i = 0; i + 1 < head.len; i++) {
		groups += head.ptr[i] == ':';
		short_form &= head.ptr[i] != ':' || head.ptr[i + 1] != ':';
	}
	if (head.len > ADDRESS_MAX - 3)
		return "is not an IPv6 address or network";
	if (groups < GROUPS && (short_form || slice_find(head, ':') == head.len)) {
		memcpy(room, head.ptr, head.len);
		memcpy(room + head.len, "::", 2);
		head = slice_of(room, head.len + 2);
	} else {
		groups = GROUPS;
	}
	if (!ip_parse(head, &e->first) || e->first.family != IP_V6)
		return "is not an IPv6 address or network";
	if (behind.ptr)
		return network_of(&e->first, behind, 128, e);
	p = prefix_of(&e->first, groups * 16);
	e->last = prefix_last(&p);
	return NULL;
}

/* ---- names --------------------------------------------------------------------------- */

static const char *parse_name(
    const struct rbldnsd_reader *r, struct slice text, struct rbldnsd_entry *e)
{
	e->form = RBLDNSD_NAME;
	if (slice_starts(text, SLICE("*.")))
		e->form = RBLDNSD_BELOW;
	else if (slice_starts(text, SLICE(".")))
		e->form = RBLDNSD_TREE;
	text = slice_skip(text, e->form == RBLDNSD_BELOW ? 2 : e->form == RBLDNSD_TREE);
	if (name_parse(text, r->idna, r->arena, &e->name) != NULL || e->name.len == 0)
		return "is not a name";
	return NULL;
}

/* ---- lines --------------------------------------------------------------------------- */

/* ":127.0.0.4:text", ":4:text" for 127.0.0.4, or a text alone; false: it begins with a colon and is
 * none of these. */
static bool parse_answer(struct slice text, const struct ip *fallback, struct ip *out)
{
	struct slice address;
	uint64_t last;

	*out = *fallback;
	if (!slice_starts(text, SLICE(":")))
		return true;
	text = slice_skip(text, 1);
	address = slice_trim(slice_cut(&text, ':'));
	if (address.len == 0)
		return true;
	if (address.len <= 3 && slice_to_uint(address, 255, &last)) {
		const unsigned char bytes[4] = {127, 0, 0, (unsigned char)last};

		*out = ip_from_v4(bytes);
		return true;
	}
	return ip_parse(address, out) && out->family == IP_V4;
}

/* Lines for the server; *wrong where one cannot be passed over. */
static bool is_for_server(struct slice line, const char **wrong)
{
	*wrong = NULL;
	if (!slice_starts(line, SLICE("$")))
		return false;
	if (slice_starts_nocase(line, SLICE("$DATASET")))
		*wrong = "begins another list ($DATASET): give each list a file of its own";
	return true;
}

static const char *parse_entry(struct rbldnsd_reader *r, struct slice line, struct rbldnsd_entry *e)
{
	struct slice text;

	e->out = slice_starts(line, SLICE("!"));
	line = slice_trim(slice_skip(line, e->out));
	text = slice_word(&line);
	if (!parse_answer(slice_trim(line), &r->fallback, &e->answer))
		return "has an answer that is no address";
	switch (r->type) {
	case RBLDNSD_IP4SET:
	case RBLDNSD_IP4TRIE:
		return parse_v4(text, r->type == RBLDNSD_IP4SET, e);
	case RBLDNSD_IP6TRIE:
		return parse_v6(text, e);
	default:
		return parse_name(r, text, e);
	}
}

static struct slice next_line(struct rbldnsd_reader *r)
{
	struct slice line = slice_cut(&r->rest, '\n');

	r->line++;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return slice_trim(line);
}

bool rbldnsd_next(struct rbldnsd_reader *r, struct rbldnsd_entry *e)
{
	while (r->rest.ptr) {
		struct slice line = next_line(r);

		*e = (struct rbldnsd_entry){.line = r->line};
		if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
			continue;
		if (is_for_server(line, &e->wrong)) {
			if (e->wrong)
				return true;
			continue;
		}
		if (line.ptr[0] == ':') {
			if (parse_answer(line, &r->fallback, &r->fallback))
				continue;
			e->wrong = "has a default answer that is no address";
			return true;
		}
		e->wrong = parse_entry(r, line, e);
		return true;
	}
	return false;
}
