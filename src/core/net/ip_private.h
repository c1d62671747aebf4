#ifndef CORE_NET_IP_PRIVATE_H
#define CORE_NET_IP_PRIVATE_H
/* What networks (prefix.c) need of addresses (ip.c) and nobody else. */
#include "core/net/ip.h"

/* The address of either family at the beginning of text, mapped ones not yet folded: the place
 * behind it, or NULL.  What may follow, the end or a slash, is for the caller to decide. */
const char *ip_scan(struct slice text, struct ip *out);

/* IPv4-mapped IPv6 as the IPv4 that it is (RFC 4291 2.5.5.2), all else unchanged. */
struct ip ip_fold(struct ip);

/* Writes 0 to 999 in decimal; the place behind it. */
char *ip_put_decimal(char *at, unsigned value);

#endif
