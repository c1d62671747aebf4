#include "bench/routes.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t routes_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t routes_below(uint64_t *state, size_t n)
{
	return (size_t)(((routes_random(state) >> 32) * n) >> 32);
}

/* ---- a set that knows what it has ---------------------------------------------------- */

/* Every table here fits: at most half of the slots are used. */
enum { SLOTS = 1 << 21 };

struct set {
	struct routes routes;
	uint32_t *slots; /* index into entries plus 1; 0 is free */
	uint64_t random;
	uint32_t values;
	enum ip_family family;
};

static void set_open(struct set *s, uint64_t seed, uint32_t values)
{
	*s = (struct set){.random = seed, .values = values};
	s->routes.entries = malloc(SLOTS / 2 * sizeof *s->routes.entries);
	s->slots = calloc(SLOTS, sizeof *s->slots);
	if (!s->routes.entries || !s->slots) {
		fputs("routes: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
}

/* False when the set has that network already, or is full. */
static bool set_add(struct set *s, enum ip_family family, uint64_t hi, uint64_t lo, unsigned length)
{
	struct ip ip = {hi, lo, family};
	struct prefix p = prefix_of(&ip, length);
	uint64_t h = (p.base.hi ^ p.base.lo * 3 ^ length) * 0x9e3779b97f4a7c15;
	size_t at = h >> 43;

	for (; s->slots[at]; at = (at + 1) % SLOTS)
		if (prefix_equal(&s->routes.entries[s->slots[at] - 1].prefix, &p))
			return false;
	if (s->routes.n == SLOTS / 2)
		return false;
	s->routes.entries[s->routes.n].prefix = p;
	s->routes.entries[s->routes.n].tag = 1 + (uint32_t)routes_below(&s->random, s->values);
	s->slots[at] = (uint32_t)++s->routes.n;
	return true;
}

static int by_prefix(const void *a, const void *b)
{
	const struct ip_radix_entry *x = a, *y = b;

	return prefix_compare(&x->prefix, &y->prefix);
}

static struct routes set_close(struct set *s)
{
	free(s->slots);
	qsort(s->routes.entries, s->routes.n, sizeof *s->routes.entries, by_prefix);
	return s->routes;
}

void routes_free(struct routes *r)
{
	free(r->entries);
	*r = (struct routes){0};
}

struct routes routes_join(const struct routes *a, const struct routes *b)
{
	struct routes r = {malloc((a->n + b->n + 1) * sizeof *r.entries), a->n + b->n};

	if (!r.entries)
		exit(EXIT_FAILURE);
	memcpy(r.entries, a->entries, a->n * sizeof *r.entries);
	memcpy(r.entries + a->n, b->entries, b->n * sizeof *r.entries);
	qsort(r.entries, r.n, sizeof *r.entries, by_prefix);
	return r;
}

/* ---- holders of blocks --------------------------------------------------------------- */

struct block {
	uint64_t hi;
	unsigned length;
};

/* Holders by size, the greatest first: few announce very much, most announce little. */
struct holders {
	struct block *list;
	size_t n;
};

static const struct block *any_holder(struct set *s, const struct holders *h)
{
	double u = (double)(routes_random(&s->random) >> 11) * 0x1p-53;

	return &h->list[(size_t)((double)h->n * u * u)];
}

static void shuffle(struct set *s, struct holders *h)
{
	for (size_t i = h->n; i > 1; i--) {
		size_t j = routes_below(&s->random, i);
		struct block b = h->list[i - 1];
		h->list[i - 1] = h->list[j];
		h->list[j] = b;
	}
}

/* A share of a table: so many networks of one length. */
struct share {
	unsigned length;
	unsigned n;
};

/* Announces networks of that length out of holders' blocks, in rows of neighbours. */
static void announce(
    struct set *s, const struct holders *holders, const struct share *share, unsigned row)
{
	unsigned left = share->n;

	for (unsigned long tries = 0; left > 0 && tries < 100ul * share->n; tries++) {
		const struct block *b = any_holder(s, holders);
		uint64_t unit = (uint64_t)1 << (64 - share->length), end;
		uint64_t hi = b->hi;

		if (b->length > share->length)
			continue;
		end = b->hi + (((uint64_t)1 << (64 - b->length)) - 1);
		if (b->length < share->length)
			hi |= routes_random(&s->random) >> b->length & ~(unit - 1);
		do {
			left -= set_add(s, s->family, hi, 0, share->length);
			hi += unit;
		} while (left > 0 && hi <= end && hi != 0 && routes_below(&s->random, row) != 0);
	}
}

/* ---- IPv4 ---------------------------------------------------------------------------- */

static const struct share ipv4[] = {{8, 16}, {9, 13}, {10, 37}, {11, 97}, {12, 289}, {13, 570},
    {14, 1170}, {15, 2000}, {16, 13400}, {17, 8100}, {18, 13500}, {19, 24500}, {20, 43500},
    {21, 50500}, {22, 107500}, {23, 96500}, {24, 539000}, {25, 100}, {26, 80}, {27, 60}, {28, 70},
    {29, 90}, {30, 50}, {31, 10}, {32, 100}};

enum { HOLDERS4 = 60000, ROW4 = 5 };

/* Blocks side by side with some gaps, from 1.0.0.0 to 223.255.255.255. */
static struct holders holders4(struct set *s)
{
	struct holders h = {malloc(HOLDERS4 * sizeof *h.list), 0};
	uint64_t at = 0x01000000, end = 0xe0000000;

	while (h.list && h.n < HOLDERS4 && at < end) {
		unsigned length = 12 + (unsigned)routes_below(&s->random, 11);
		uint64_t size;

		if (length < 16 && routes_below(&s->random, 3) != 0)
			length += 5;
		size = (uint64_t)1 << (32 - length);
		at = (at + size - 1) & ~(size - 1);
		if (routes_below(&s->random, 8) != 0)
			h.list[h.n++] = (struct block){at << 32, length};
		at += size;
	}
	shuffle(s, &h);
	return h;
}

/* Short ones are holders' own; they lie where they like. */
struct routes routes_ipv4(uint64_t seed, uint32_t values)
{
	struct set s;
	struct holders h, all = {&(struct block){0, 1}, 1};

	set_open(&s, seed, values);
	s.family = IP_V4;
	h = holders4(&s);
	for (size_t i = 0; i < sizeof ipv4 / sizeof *ipv4; i++)
		announce(&s, ipv4[i].length < 16 ? &all : &h, &ipv4[i], ROW4);
	free(h.list);
	return set_close(&s);
}

/* ---- IPv6 ---------------------------------------------------------------------------- */

static const struct share ipv6[] = {{20, 40}, {22, 30}, {24, 60}, {26, 40}, {28, 250}, {29, 4600},
    {30, 900}, {31, 400}, {32, 22400}, {33, 3200}, {34, 1900}, {35, 900}, {36, 5800}, {37, 500},
    {38, 1200}, {39, 500}, {40, 12800}, {41, 500}, {42, 2400}, {43, 500}, {44, 14400}, {45, 1600},
    {46, 4200}, {47, 3300}, {48, 75200}, {52, 60}, {56, 400}, {60, 60}, {64, 450}};

/* What registries hand out: from..to of /32s, each block of that length, every step-th of them. */
static const struct region {
	uint32_t from, to;
	unsigned length, step;
} regions[] = {
    {0x20010200, 0x20010fff, 32, 1}, /* the first years */
    {0x24000000, 0x240fffff, 32, 160},
    {0x26000000, 0x260fffff, 32, 190},
    {0x2a000000, 0x2a0affff, 29, 10},
    {0x2a0b0000, 0x2a14ffff, 29, 9},
    {0x28000000, 0x2803ffff, 32, 60},
    {0x28040000, 0x2804ffff, 32, 8},
    {0x2c0f0000, 0x2c0fffff, 32, 45},
};

/* Blocks that are handed out in /48s to users directly: they hold thousands each. */
static const struct block direct[] = {{0x2001067c00000000, 32}, {0x2001067c00000000, 32},
    {0x2620000000000000, 24}, {0x2620010000000000, 25}, {0x20010df000000000, 29},
    {0x200107f800000000, 32}, {0x200143f800000000, 29}};

enum { HOLDERS6 = 1 << 16, ROW6 = 4, DIRECT_OF_6 = 7 };

static struct holders holders6(struct set *s)
{
	struct holders h = {malloc(HOLDERS6 * sizeof *h.list), 0};

	for (size_t i = 0; h.list && i < sizeof regions / sizeof *regions; i++) {
		const struct region *r = &regions[i];
		uint64_t size = (uint64_t)1 << (32 - r->length);

		for (uint64_t at = r->from; at <= r->to && h.n < HOLDERS6;) {
			h.list[h.n++] = (struct block){at << 32, r->length};
			at += size * (1 + routes_below(&s->random, 2 * r->step - 1) / size);
		}
	}
	shuffle(s, &h);
	return h;
}

struct routes routes_ipv6(uint64_t seed, uint32_t values)
{
	struct set s;
	struct holders h,
	    users = {(struct block *)(uintptr_t)direct, sizeof direct / sizeof *direct};
	struct holders all = {&(struct block){0x2000000000000000, 4}, 1};

	set_open(&s, seed, values);
	s.family = IP_V6;
	h = holders6(&s);
	for (size_t i = 0; i < sizeof ipv6 / sizeof *ipv6; i++) {
		struct share rest = ipv6[i];

		if (rest.length == 48) { /* one in seven is a user's own */
			struct share own = {48, rest.n / DIRECT_OF_6};
			announce(&s, &users, &own, ROW6);
			rest.n -= own.n;
		}
		announce(&s, rest.length < 29 ? &all : &h, &rest, ROW6);
	}
	free(h.list);
	return set_close(&s);
}

/* ---- mail lists ---------------------------------------------------------------------- */

enum { HOSTS6 = 200000 };

struct routes routes_hosts6(uint64_t seed, uint32_t values)
{
	struct set s;
	struct holders h;

	set_open(&s, seed, values);
	h = holders6(&s);
	while (s.routes.n < HOSTS6) {
		uint64_t kind = routes_below(&s.random, 100);
		uint64_t net = any_holder(&s, &h)->hi;
		uint64_t lo = routes_random(&s.random);

		/* Some sites, some networks of each, most with small numbers. */
		net |= routes_below(&s.random, 1 + routes_below(&s.random, 64))
		       << 16 << routes_below(&s.random, 3) * 4;
		net |= routes_random(&s.random) & 0xffff >> routes_below(&s.random, 16);
		if (routes_below(&s.random, 2))
			lo &= 0xffff;
		if (kind < 90)
			set_add(&s, IP_V6, net, lo, kind < 62 ? 64 : 128);
		else
			set_add(&s, IP_V6, net, 0, 32 + (unsigned)routes_below(&s.random, 8) * 4);
	}
	free(h.list);
	return set_close(&s);
}

struct routes routes_small(uint64_t seed, uint32_t values)
{
	struct set s;

	set_open(&s, seed, values);
	while (s.routes.n < 140)
		set_add(&s, IP_V4, routes_random(&s.random), 0,
		    8 + (unsigned)routes_below(&s.random, 25));
	while (s.routes.n < 200)
		set_add(&s, IP_V6, 0x2000000000000000 | routes_random(&s.random) >> 3,
		    routes_random(&s.random), 20 + (unsigned)routes_below(&s.random, 12) * 4);
	return set_close(&s);
}

struct routes routes_read(const char *path)
{
	struct routes r = {0};
	size_t room = 0, cleared = 0;
	char line[128], why[PREFIX_WHY_MAX];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof line, f)) {
		struct prefix p;
		struct slice text = slice_trim(slice_of(line, strcspn(line, "\r\n"))),
			     address = text, bits = text;
		uint64_t length;
		struct ip ip;

		address = slice_cut(&bits, '/');
		if (prefix_parse(text, &p, why) != NULL) {
			if (!ip_parse(address, &ip) ||
			    !slice_to_uint(bits, ip_bits(ip.family), &length))
				continue;
			p = prefix_of(&ip, (unsigned)length);
			cleared++;
		}
		if (r.n == room) {
			room = room ? 2 * room : 1024;
			r.entries = realloc(r.entries, room * sizeof *r.entries);
			if (!r.entries)
				exit(EXIT_FAILURE);
		}
		r.entries[r.n++] = (struct ip_radix_entry){p, 1};
	}
	if (f)
		fclose(f);
	if (cleared > 0)
		printf("%s: %zu networks had host bits, which are cleared\n", path, cleared);
	return r;
}
