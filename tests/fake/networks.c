#include "fake/networks.h"

#include <stdlib.h>

static uint64_t seed = 1;

uint64_t networks_random(void) /* splitmix64 */
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t networks_below(uint64_t n)
{
	return networks_random() % n;
}

void networks_add(
    struct networks *t, enum ip_family family, uint64_t hi, uint64_t lo, unsigned length)
{
	struct ip ip = {hi, lo, family};

	if (family == IP_V4) {
		ip.hi &= (uint64_t)UINT32_MAX << 32;
		ip.lo = 0;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->entries = realloc(t->entries, t->room * sizeof *t->entries);
		if (!t->entries)
			abort();
	}
	t->entries[t->n].prefix = prefix_of(&ip, length);
	t->entries[t->n].tag = (uint32_t)t->n;
	t->n++;
}

static void add4(struct networks *t, uint32_t address, unsigned length)
{
	networks_add(t, IP_V4, (uint64_t)address << 32, 0, length);
}

void networks_shuffle(struct networks *t)
{
	for (size_t i = t->n; i > 1; i--) {
		size_t j = networks_below(i);
		struct ip_radix_entry e = t->entries[i - 1];
		t->entries[i - 1] = t->entries[j];
		t->entries[j] = e;
	}
}

void networks_any(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, (uint32_t)networks_random(), (unsigned)networks_below(33));
		networks_add(
		    t, IP_V6, networks_random(), networks_random(), (unsigned)networks_below(129));
	}
}

void networks_crowded(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, 0xc6336400U | (uint32_t)networks_below(1024),
		    16 + (unsigned)networks_below(17));
		networks_add(t, IP_V6,
		    0x20010db800000000 | networks_below(16) << (networks_below(2) * 16),
		    networks_below(2) * networks_below(256), 32 + (unsigned)networks_below(97));
		networks_add(t, IP_V6, 0x20010db800000000 | networks_below(2),
		    UINT64_MAX << networks_below(8), 60 + (unsigned)networks_below(69));
	}
}

void networks_routes(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, (uint32_t)networks_below(1 << 30),
		    networks_below(10) < 6 ? 24 : 12 + (unsigned)networks_below(13));
		networks_add(t, IP_V6,
		    0x2000000000000000 | networks_random() >> (3 + networks_below(12)), 0,
		    networks_below(10) < 5 ? 48 : 20 + (unsigned)networks_below(45));
	}
}

void networks_alternating(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, 0xac100000U | (uint32_t)i << 1, 32);
		networks_add(t, IP_V6, 0x20010db8000000aa, i << 1, 128);
	}
}

void networks_subnets(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		networks_add(t, IP_V6, 0x20010db800000000 | networks_below(n + n / 2), 0, 64);
		if (i % 8 == 0)
			networks_add(t, IP_V6, 0x20010db800000000 | networks_below(n + n / 2),
			    networks_random(), 128);
	}
}

void networks_nested(struct networks *t, size_t n)
{
	for (unsigned length = 0; length <= 128; length++) {
		networks_add(t, IP_V6, UINT64_MAX, UINT64_MAX, length);
		networks_add(t, IP_V6, 0x20010db85555aaaa, 0x5555aaaa5555aaaa, length);
		networks_add(t, IP_V6, 0, 0, length);
		if (length > 32)
			continue;
		add4(t, UINT32_MAX, length);
		add4(t, 0x5555aaaaU, length);
		add4(t, 0, length);
	}
	(void)n;
}

void networks_ends(struct networks *t, size_t n)
{
	for (unsigned i = 0; i < 4; i++) {
		add4(t, i & 1 ? UINT32_MAX : 0, i & 2 ? 32 : 1);
		networks_add(
		    t, IP_V6, i & 1 ? UINT64_MAX : 0, i & 1 ? UINT64_MAX : 0, i & 2 ? 128 : 64);
		networks_add(
		    t, IP_V6, i & 1 ? UINT64_MAX : 0, i & 1 ? UINT64_MAX : 0, i & 2 ? 65 : 63);
	}
	networks_add(t, IP_V6, 0, UINT64_MAX, 128);
	networks_add(t, IP_V6, 1, 0, 128);
	(void)n;
}

void networks_duplicates(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, (uint32_t)networks_below(3) << 24, 8 * (unsigned)networks_below(3));
		networks_add(
		    t, IP_V6, networks_below(3) << 60, 0, (unsigned)networks_below(3) * 64);
	}
}

void networks_clusters(struct networks *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t hi = 0x2a00000000000000 | (networks_random() >> 12 & ~(uint64_t)0xff);
		uint64_t lo = networks_random() & ~(uint64_t)0xff;

		for (uint64_t k = 0; k < 20; k++) {
			networks_add(t, IP_V6, hi | k << 1, 0, 64);
			networks_add(t, IP_V6, hi, lo | k << 1, 128);
		}
	}
}

void networks_seams(struct networks *t, size_t n)
{
	static const uint64_t seams[] = {
	    0x2010000000000000, 0x2010010000000000, 0x2010000100000000, 0x2010000000000001};

	for (size_t i = 0; i < n; i++)
		networks_add(t, IP_V6,
		    (i & 1 ? 0x2000000000000000 : 0x2010000000000000) | networks_random() >> 12, 0,
		    i & 2 ? 48 : 64);
	for (size_t i = 0; i < sizeof seams / sizeof *seams; i++) {
		networks_add(t, IP_V6, seams[i] - 1, UINT64_MAX, 128);
		networks_add(t, IP_V6, seams[i] - 1, UINT64_MAX - 9, 128);
		networks_add(t, IP_V6, seams[i] - 1, 0, 64);
		networks_add(t, IP_V6, seams[i], 0, i & 1 ? 64 : 128);
		networks_add(t, IP_V6, seams[i], 7, 128);
	}
}
