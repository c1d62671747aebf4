#include "core/net/ip.h"

#define V4_BITS 32u
#define V6_BITS 128u

/* ::ffff:0:0/96 as the two halves of an address: RFC 4291 2.5.5.2. */
#define MAPPED_LO   UINT64_C(0x0000ffff00000000)
#define MAPPED_MASK UINT64_C(0xffffffff00000000)

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

unsigned ip_bits(enum ip_family family)
{
	return family == IP_V4 ? V4_BITS : family == IP_V6 ? V6_BITS : 0;
}

static struct ip v4_of(uint32_t value)
{
	return (struct ip){.hi = (uint64_t)value << 32, .lo = 0, .family = IP_V4};
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
	uint64_t hi = load64(bytes), lo = load64(bytes + 8);

	if (hi == 0 && (lo & MAPPED_MASK) == MAPPED_LO)
		return v4_of((uint32_t)lo);
	return (struct ip){hi, lo, IP_V6};
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

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->length == b->length && ip_equal(&a->base, &b->base);
}

int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int order = ip_compare(&a->base, &b->base);

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

/* ---- networks ------------------------------------------------------------------------ */

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
