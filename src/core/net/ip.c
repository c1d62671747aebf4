#include "core/net/ip.h"

#include "ip_private.h"

#define V4_BITS 32u
#define V6_BITS 128u

/* ::ffff:0:0/96 as the two halves of an address: RFC 4291 2.5.5.2. */
#define MAPPED_LO   UINT64_C(0x0000ffff00000000)
#define MAPPED_MASK UINT64_C(0xffffffff00000000)

/* ---- bits ---------------------------------------------------------------------------- */

unsigned ip_bits(enum ip_family family)
{
	return family == IP_V4 ? V4_BITS : family == IP_V6 ? V6_BITS : 0;
}

static struct ip v4_of(uint32_t value)
{
	return (struct ip){.hi = (uint64_t)value << 32, .lo = 0, .family = IP_V4};
}

struct ip ip_fold(struct ip ip)
{
	if (ip.family == IP_V6 && ip.hi == 0 && (ip.lo & MAPPED_MASK) == MAPPED_LO)
		return v4_of((uint32_t)ip.lo);
	return ip;
}

/* ---- bytes --------------------------------------------------------------------------- */

static uint64_t load64(const unsigned char *bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static void store64(uint64_t value, unsigned char *bytes)
{
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (unsigned char)(value >> (56 - 8 * i));
}

struct ip ip_from_v4(const unsigned char bytes[4])
{
	return v4_of((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
		     bytes[3]);
}

struct ip ip_from_v6(const unsigned char bytes[16])
{
	return ip_fold((struct ip){load64(bytes), load64(bytes + 8), IP_V6});
}

size_t ip_to_bytes(const struct ip *ip, unsigned char bytes[16])
{
	unsigned char both[16];
	size_t n = ip_bits(ip->family) / 8;

	store64(ip->hi, both);
	store64(ip->lo, both + 8);
	memcpy(bytes, both, n);
	return n;
}

/* ---- order --------------------------------------------------------------------------- */

bool ip_equal(const struct ip *a, const struct ip *b)
{
	return a->hi == b->hi && a->lo == b->lo && a->family == b->family;
}

int ip_compare(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return (a->lo > b->lo) - (a->lo < b->lo);
}

bool ip_next(struct ip *ip)
{
	if (ip->family == IP_V4)
		ip->hi += UINT64_C(1) << 32;
	else if (++ip->lo == 0)
		ip->hi++;
	return ip->hi != 0 || ip->lo != 0;
}

/* ---- text in ------------------------------------------------------------------------- */

/*
 * The scanners read one address at p and return the place behind it, or NULL.  What may follow is
 * the caller's affair: the end, or a slash.
 */
static const char *scan_v4(const char *p, const char *end, uint32_t *out)
{
	uint32_t value = 0;

	for (int octet = 0; octet < 4; octet++) {
		if (octet > 0 && (p == end || *p++ != '.'))
			return NULL;
		const char *start = p;
		unsigned number = 0;
		while (p < end && p - start < 3 && (unsigned)(*p - '0') <= 9)
			number = number * 10 + (unsigned)(*p++ - '0');
		if (p == start || number > 255 || (*start == '0' && p - start > 1))
			return NULL;
		value = value << 8 | number;
	}
	*out = value;
	return p;
}

/* The value of a hexadecimal digit plus one: a table, since digit or letter cannot be predicted. */
/* clang-format off */
static const unsigned char hex_plus_one[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5,
    ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
/* clang-format on */

static unsigned hex_of(char c)
{
	return hex_plus_one[(unsigned char)c];
}

static bool is_hex(char c)
{
	return hex_of(c) != 0;
}

static const char *scan_group(const char *p, const char *end, uint16_t *out)
{
	const char *start = p;
	unsigned value = 0;

	for (unsigned digit; p < end && p - start < 4 && (digit = hex_of(*p)) != 0; p++)
		value = value << 4 | (digit - 1);
	*out = (uint16_t)value;
	return p;
}

static bool is_gap(const char *p, const char *end)
{
	return end - p >= 2 && p[0] == ':' && p[1] == ':';
}

/* groups[0..n) of which those from `gap` on belong at the end; gap > 8 means that there is none. */
static struct ip v6_of(const uint16_t *groups, unsigned n, unsigned gap)
{
	uint64_t half[2] = {0, 0};

	for (unsigned i = 0; i < n; i++) {
		unsigned at = i < gap ? i : i + 8 - n;
		half[at / 4] |= (uint64_t)groups[i] << (48 - 16 * (at % 4));
	}
	return (struct ip){half[0], half[1], IP_V6};
}

/* RFC 4291 2.2: up to 8 groups, one "::" for at least one, a dotted quad for the last two. */
static const char *scan_v6(const char *p, const char *end, struct ip *out)
{
	const unsigned none = 9;
	uint16_t groups[8];
	unsigned n = 0, gap = none;

	if (is_gap(p, end)) {
		gap = 0;
		p += 2;
	}
	while (n < 8 && p < end && is_hex(*p)) {
		const char *start = p;
		uint32_t quad;

		p = scan_group(p, end, &groups[n]);
		if (n <= 6 && p < end && *p == '.') {
			p = scan_v4(start, end, &quad);
			if (!p)
				return NULL;
			groups[n++] = (uint16_t)(quad >> 16);
			groups[n++] = (uint16_t)quad;
			break;
		}
		n++;
		if (gap == none && is_gap(p, end)) {
			gap = n;
			p += 2;
		} else if (n < 8 && end - p >= 2 && *p == ':' && is_hex(p[1])) {
			p++;
		} else {
			break;
		}
	}
	if (gap == none ? n != 8 : n == 8)
		return NULL;
	*out = v6_of(groups, n, gap);
	return p;
}

const char *ip_scan(struct slice text, struct ip *out)
{
	const char *p = text.ptr, *end, *behind;
	uint32_t quad;

	if (text.len == 0)
		return NULL;
	end = p + text.len;
	behind = scan_v4(p, end, &quad);
	if (!behind)
		return scan_v6(p, end, out);
	*out = (struct ip){(uint64_t)quad << 32, 0, IP_V4};
	return behind;
}

bool ip_parse(struct slice text, struct ip *out)
{
	struct ip ip;
	const char *behind = ip_scan(text, &ip);

	if (!behind || behind != text.ptr + text.len)
		return false;
	*out = ip_fold(ip);
	return true;
}

bool ip_parse_with_port(struct slice text, struct ip *out, uint16_t *port)
{
	size_t colon = slice_find_last(text, ':');
	struct slice host = slice_of(text.ptr, colon);
	uint64_t number;

	if (!slice_to_uint(slice_skip(text, colon + 1), UINT16_MAX, &number) || number == 0)
		return false;
	if (slice_starts(host, SLICE("[")) && slice_ends(host, SLICE("]")))
		host = slice_of(host.ptr + 1, host.len - 2);
	else if (slice_find(host, ':') < host.len)
		return false; /* the end of the address is ambiguous */
	*port = (uint16_t)number;
	return ip_parse(host, out);
}

/* ---- text out ------------------------------------------------------------------------ */

char *ip_put_decimal(char *at, unsigned value)
{
	if (value >= 100)
		*at++ = (char)('0' + value / 100);
	if (value >= 10)
		*at++ = (char)('0' + value / 10 % 10);
	*at++ = (char)('0' + value % 10);
	return at;
}

static char *put_v4(char *at, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		at = ip_put_decimal(at, value >> shift & 0xff);
		if (shift > 0)
			*at++ = '.';
	}
	return at;
}

static unsigned group_at(const struct ip *ip, unsigned i)
{
	return (unsigned)((i < 4 ? ip->hi : ip->lo) >> (48 - 16 * (i % 4))) & 0xffff;
}

/* The first of the longest runs of zero groups; *n is 0 when none has two (RFC 5952 4.2). */
static unsigned longest_gap(const struct ip *ip, unsigned *n)
{
	unsigned best = 0;

	*n = 0;
	for (unsigned i = 0, run = 0; i < 8; i++) {
		run = group_at(ip, i) == 0 ? run + 1 : 0;
		if (run >= 2 && run > *n) {
			*n = run;
			best = i + 1 - run;
		}
	}
	return best;
}

static char *put_v6(char *at, const struct ip *ip)
{
	static const char digits[] = "0123456789abcdef";
	unsigned n, gap = longest_gap(ip, &n);

	for (unsigned i = 0; i < 8; i++) {
		unsigned group = group_at(ip, i);

		if (n > 0 && i == gap) {
			*at++ = ':';
			if (i + n == 8)
				*at++ = ':';
			i += n - 1;
			continue;
		}
		if (i > 0)
			*at++ = ':';
		for (int shift = 12; shift >= 0; shift -= 4)
			if (shift == 0 || group >> shift != 0)
				*at++ = digits[group >> shift & 0xf];
	}
	return at;
}

size_t ip_format(const struct ip *ip, char out[IP_TEXT_MAX])
{
	static const char unknown[] = "unknown";
	char *end;

	if (ip->family == IP_NONE) {
		memcpy(out, unknown, sizeof unknown);
		return sizeof unknown - 1;
	}
	end = ip->family == IP_V4 ? put_v4(out, (uint32_t)(ip->hi >> 32)) : put_v6(out, ip);
	*end = '\0';
	return (size_t)(end - out);
}
