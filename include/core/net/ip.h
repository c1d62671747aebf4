#ifndef CORE_NET_IP_H
#define CORE_NET_IP_H
/*
 * ip: an address as a value, in one canonical form.  Networks: core/net/prefix.h.
 *
 * Both families are kept left-aligned in 128 bits, so that "the first n bits" means the same for
 * both: 192.0.2.7 is hi = 0xc0000207'00000000, lo = 0.  IPv4-mapped IPv6 (::ffff:a.b.c.d,
 * RFC 4291 2.5.5.2) is folded to IPv4 wherever a value is made; no other transition format is
 * unwrapped.
 *
 * One strict grammar: dotted quad without leading zeros, RFC 4291 text without zone or brackets.
 * Pure functions, safe in any thread.
 */
#include "core/base/slice.h"

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

struct ip {
	uint64_t hi, lo;       /* left-aligned; an IPv4 address is the top 32 bits of hi */
	enum ip_family family; /* IP_NONE: no address (a unix-socket client) */
};

/* Room for the longest text and its NUL. */
enum { IP_TEXT_MAX = 46 };

/* From network byte order; 16 bytes that are IPv4-mapped become IPv4. */
struct ip ip_from_v4(const unsigned char bytes[4]);
struct ip ip_from_v6(const unsigned char bytes[16]);

/* To network byte order: 4 or 16 bytes are written, their number returned (0 for IP_NONE). */
size_t ip_to_bytes(const struct ip *, unsigned char bytes[16]);

/* False when the text is not an address of the strict grammar; *out is then unchanged. */
bool ip_parse(struct slice text, struct ip *out);

/* ADDRESS:PORT or [ADDRESS]:PORT, where IPv6 must have its brackets and the port is not 0. */
bool ip_parse_with_port(struct slice text, struct ip *out, uint16_t *port);

/* Canonical text (RFC 5952), NUL-terminated; returns its length.  IP_NONE gives "unknown". */
size_t ip_format(const struct ip *, char out[IP_TEXT_MAX]);

bool ip_equal(const struct ip *, const struct ip *);

/* Order of (family, address): <0, 0, >0. */
int ip_compare(const struct ip *, const struct ip *);

/* Steps to the address behind; false behind the last of its family. */
bool ip_next(struct ip *);

/* 32 or 128, 0 for IP_NONE. */
unsigned ip_bits(enum ip_family);

#endif
