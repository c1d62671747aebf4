#include "core/net/prefix.h"

#include "ip_private.h"

#include <ctype.h>
#include <stdio.h>

/* The length of ::ffff:0:0/96, which holds the mapped addresses. */
#define MAPPED_LENGTH 96u

/* ---- bits ---------------------------------------------------------------------------- */

/* The first `length` bits set, as the upper and the lower half of 128. */
static uint64_t mask_hi(unsigned length)
{
	return length == 0 ? 0 : length >= 64 ? UINT64_MAX : UINT64_MAX << (64 - length);
}

static uint64_t mask_lo(unsigned length)
{
	return length <= 64 ? 0 : mask_hi(length - 64);
}

struct prefix prefix_of(const struct ip *ip, unsigned length)
{
	unsigned bits = ip_bits(ip->family);

	if (length > bits)
		length = bits;
	return (struct prefix){
	    .base = {ip->hi & mask_hi(length), ip->lo & mask_lo(length), ip->family},
	    .length = length,
	};
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
	return p->base.family == ip->family && ip->family != IP_NONE &&
	       ((p->base.hi ^ ip->hi) & mask_hi(p->length)) == 0 &&
	       ((p->base.lo ^ ip->lo) & mask_lo(p->length)) == 0;
}

struct ip prefix_last(const struct prefix *p)
{
	unsigned bits = ip_bits(p->base.family);

	return (struct ip){
	    .hi = p->base.hi | (mask_hi(bits) & ~mask_hi(p->length)),
	    .lo = p->base.lo | (mask_lo(bits) & ~mask_lo(p->length)),
	    .family = p->base.family,
	};
}

/* The widest network that begins exactly at first and does not reach beyond last. */
static struct prefix widest_from(const struct ip *first, const struct ip *last)
{
	struct prefix best = prefix_of(first, ip_bits(first->family));

	while (best.length > 0) {
		struct prefix wider = prefix_of(first, best.length - 1);
		struct ip end = prefix_last(&wider);

		if (!ip_equal(&wider.base, first) || ip_compare(&end, last) > 0)
			break;
		best = wider;
	}
	return best;
}

bool prefix_from_range(const struct ip *first, const struct ip *last,
    bool (*each)(void *context, const struct prefix *), void *context)
{
	struct ip at = *first;

	for (;;) {
		struct prefix p = widest_from(&at, last);

		if (!each(context, &p))
			return false;
		at = prefix_last(&p);
		if (ip_compare(&at, last) >= 0)
			return true;
		ip_next(&at);
	}
}

/* ---- order --------------------------------------------------------------------------- */

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && ip_equal(&a->base, &b->base);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = ip_compare(&a->base, &b->base);

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* ---- text ---------------------------------------------------------------------------- */

/* The likeliest mistake, for the one who made it; called only for what is no address. */
static const char *what_is_wrong(struct slice address)
{
	if (slice_find(address, '%') < address.len)
		return "a zone id (%) has no place in a network";
	if (slice_find(address, '[') < address.len || slice_find(address, ']') < address.len)
		return "write it without brackets";
	for (size_t i = 0; i < address.len; i++)
		if (!isxdigit((unsigned char)address.ptr[i]) && !strchr(":.", address.ptr[i]))
			return "neither IPv4 nor IPv6";
	if (slice_find(address, ':') < address.len)
		return "IPv6 is 8 groups of 1 to 4 hexadecimal digits, or fewer and one \"::\"";
	return "IPv4 is four numbers from 0 to 255 without leading zeros";
}

static const char *say_no_address(struct slice address, char *why)
{
	char shown[EXCERPT_MAX];

	snprintf(why, PREFIX_WHY_MAX, "\"%s\" is not an address: %s", slice_excerpt(address, shown),
	    what_is_wrong(address));
	return why;
}

static const char *say_host_bits(unsigned given, const struct prefix *meant, char *why)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(meant, text);
	snprintf(why, PREFIX_WHY_MAX, "host bits are set below /%u; did you mean %s?", given, text);
	return why;
}

/* "/LENGTH", or nothing, which means a host; false when it is neither. */
static bool read_length(struct slice text, unsigned bits, unsigned *out)
{
	uint64_t number = bits;

	if (text.len > 0) {
		struct slice digits = slice_skip(text, 1);
		bool zero_in_front = digits.len > 1 && digits.ptr[0] == '0';

		if (text.ptr[0] != '/' || zero_in_front || !slice_to_uint(digits, bits, &number))
			return false;
	}
	*out = (unsigned)number;
	return true;
}

/* The network around what the text says, and what it says; `given` is the length as written. */
static const char *read_prefix(struct slice text, struct prefix *out, struct ip *said,
    unsigned *given, char why[PREFIX_WHY_MAX])
{
	struct ip ip;
	const char *behind = ip_scan(text, &ip);
	unsigned bits, length;
	char shown[EXCERPT_MAX];

	if (!behind || (behind != text.ptr + text.len && *behind != '/')) {
		size_t slash = slice_find(text, '/');
		return say_no_address(slice_of(text.ptr, slash > 0 ? slash : text.len), why);
	}
	bits = ip_bits(ip.family);
	if (!read_length(slice_skip(text, (size_t)(behind - text.ptr)), bits, given)) {
		snprintf(why, PREFIX_WHY_MAX,
		    "\"%s\" is not a prefix length: an IPv%d network needs a number from 0 to %u",
		    slice_excerpt(slice_skip(text, (size_t)(behind - text.ptr) + 1), shown),
		    (int)ip.family, bits);
		return why;
	}
	length = *given;
	if (*given >= MAPPED_LENGTH) {
		ip = ip_fold(ip);
		length -= bits - ip_bits(ip.family);
	}
	*said = ip;
	*out = prefix_of(&ip, length);
	return NULL;
}

const char *prefix_parse(struct slice text, struct prefix *out, char why[PREFIX_WHY_MAX])
{
	unsigned given;
	struct ip said;
	struct prefix p;
	const char *wrong = read_prefix(text, &p, &said, &given, why);

	if (wrong)
		return wrong;
	if (!ip_equal(&p.base, &said))
		return say_host_bits(given, &p, why);
	*out = p;
	return NULL;
}

const char *prefix_parse_around(struct slice text, struct prefix *out, char why[PREFIX_WHY_MAX])
{
	unsigned given;
	struct ip said;

	return read_prefix(text, out, &said, &given, why);
}

size_t prefix_format(const struct prefix *p, char out[PREFIX_TEXT_MAX])
{
	size_t len = ip_format(&p->base, out);
	char *end = out + len;

	if (p->base.family == IP_NONE)
		return len;
	*end++ = '/';
	end = ip_put_decimal(end, p->length);
	*end = '\0';
	return (size_t)(end - out);
}
