#ifndef CORE_NET_PREFIX_H
#define CORE_NET_PREFIX_H
/*
 * prefix: a network as a value: the first `length` bits of an address (RFC 4632, RFC 4291 2.3).
 *
 *     struct prefix p;
 *     const char *wrong = prefix_parse(SLICE("192.0.2.7/24"), &p, why);
 *     // "host bits are set below /24; did you mean 192.0.2.0/24?"
 *
 * IPv4-mapped networks are folded as addresses are: ::ffff:192.0.2.0/120 is 192.0.2.0/24.
 * Pure functions, safe in any thread.
 */
#include "core/net/ip.h"

struct prefix {
	struct ip base;  /* all bits below length are zero */
	unsigned length; /* 0 to 32 or 0 to 128, in bits of its own family */
};

/* Room for the longest text and its NUL. */
enum { PREFIX_TEXT_MAX = 50 };

/*
 * Parses "ADDRESS" (a host) or "ADDRESS/LENGTH".  Returns NULL and fills *out, or the reason as a
 * phrase for the operator; it lives in `why`, a buffer of the caller's.
 */
enum { PREFIX_WHY_MAX = 160 };
const char *prefix_parse(struct slice text, struct prefix *out, char why[PREFIX_WHY_MAX]);

/* The same, but host bits below the length are cleared: "192.0.2.7/24" is 192.0.2.0/24. */
const char *prefix_parse_around(struct slice text, struct prefix *out, char why[PREFIX_WHY_MAX]);

/* The network of `length` bits that ip lies in; length is cut to the family's bits. */
struct prefix prefix_of(const struct ip *ip, unsigned length);

size_t prefix_format(const struct prefix *, char out[PREFIX_TEXT_MAX]);

bool prefix_contains(const struct prefix *, const struct ip *);
bool prefix_equal(const struct prefix *, const struct prefix *);

/* Order of (family, base, length): a network stands in front of all that it contains. */
int prefix_compare(const struct prefix *, const struct prefix *);

/* The highest address inside. */
struct ip prefix_last(const struct prefix *);

/*
 * Cuts the inclusive range first..last (one family, first <= last) into the fewest networks.
 * Calls `each` for every one in order and stops when it returns false.
 */
bool prefix_from_range(const struct ip *first, const struct ip *last,
    bool (*each)(void *context, const struct prefix *), void *context);

#endif
