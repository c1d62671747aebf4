#ifndef NAMEHASH_H
#define NAMEHASH_H
/*
 * namehash: a keyed hash of every suffix of a name in one pass, label by label from the right.
 *
 *     struct namehash h = namehash_start(SLICE("mx.example.com"));
 *     namehash_label(&h, key); namehash_sum(&h, key);     // "com"
 *     namehash_label(&h, key); namehash_sum(&h, key);     // "example.com"
 *     namehash_label(&h, key); namehash_sum(&h, key);     // "mx.example.com", h.done is true
 *
 * The table that uses it keeps no text: two names whose sums are equal are one name to it.  So the
 * sum has to be one for which the chance of that is known, for any two names that were chosen
 * without knowing the key.  It is, without assumptions about the names:
 *
 * 1. A label of n bytes becomes max(1, ceil(n/7)) blocks of seven bytes, the rightmost bytes first.
 *    The last block of a label says above its bytes how many it has, the others have zero there.
 *    So the blocks can be read back in one way only: no two names share them, "a.b" and "ab" or
 *    labels of different length included.
 * 2. The blocks are the coefficients of a polynomial over the integers modulo 2^61-1, evaluated at
 *    two secret points below 2^60.  Two different polynomials of degree d meet in at most d
 *    points, so both lanes are equal with a chance of at most (d / 2^60)^2: 2^-106 for the longest
 *    domain name (127 blocks), 2^-114 for one of eight blocks.
 * 3. The tag is the upper half of k0*a + k1*b + k2 modulo 2^128, with secret keys of 128 bits.
 *    Where the lanes a, b of two names differ at all, their tags are independent and uniform
 *    (vector multiply-shift of inputs of 64 bits), so equal with a chance of 2^-64.
 * 4. The place is k*a modulo 2^64 with another secret key, odd: its upper n bits are equal with a
 *    chance of at most 2 * 2^-n.  It knows nothing of the tag's keys.
 *
 * The keys are drawn from the seed by ChaCha20.  nametable.h says what follows for a look-up.
 * All functions are pure and safe in any thread.
 */
#include "core/base/slice.h"

__extension__ typedef unsigned __int128 namehash_wide;

/* Keeps a look-up's state in registers. */
#define NAMEHASH_INLINE static inline __attribute__((always_inline))

#define NAMEHASH_PRIME (((uint64_t)1 << 61) - 1)

struct namehash_key {
	uint64_t point[2];
	uint64_t place; /* odd */
	namehash_wide tag[3];
};

/* One suffix: what it is compared by, and where it is kept. */
struct namehash_sum {
	uint64_t tag;   /* never 0 */
	uint64_t place; /* its upper bits are the random ones */
};

struct namehash {
	const char *ptr;
	size_t rest;   /* bytes of the name that are still to come, until it is done */
	uint64_t head; /* the first eight bytes of the name */
	uint64_t lane[2];
	bool done; /* the label absorbed last was the leftmost one */
};

void namehash_key_init(struct namehash_key *, const unsigned char seed[32]);

/* Eight bytes, the first in the lowest bits. */
NAMEHASH_INLINE uint64_t namehash_load(const char *ptr)
{
	const unsigned char *p = (const unsigned char *)ptr;

	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/* The name is borrowed, and not empty. */
NAMEHASH_INLINE struct namehash namehash_start(struct slice name)
{
	struct namehash h = {.ptr = name.ptr, .rest = name.len, .lane = {1, 1}};

	if (name.len >= 8) {
		h.head = namehash_load(name.ptr);
	} else {
		for (size_t i = name.len; i-- > 0;)
			h.head = h.head << 8 | (unsigned char)name.ptr[i];
	}
	return h;
}

/* The eight bytes in front of what is done, the last in the highest bits; where the name has fewer,
 * a '.' stands in front of its first byte. */
NAMEHASH_INLINE uint64_t namehash_window(const struct namehash *h)
{
	if (h->rest >= 8)
		return namehash_load(h->ptr + h->rest - 8);
	return h->head << 8 * (7 - h->rest) << 8 | (uint64_t)'.' << 8 * (7 - h->rest);
}

/* How many bytes stand behind the last '.' in a window: 0 to 7, 8 without a '.'. */
NAMEHASH_INLINE unsigned namehash_behind_dot(uint64_t window)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f, dots = 0x2e2e2e2e2e2e2e2e;
	uint64_t x = window ^ dots;
	uint64_t zeros = ~(((x & low) + low) | x | low);

	return zeros ? (unsigned)__builtin_clzll(zeros) / 8 : 8;
}

/* block < 2^60 and point < 2^60, so lane < 2^63 + 2^61 after each step: nothing overflows, and
 * one folding modulo 2^61-1 is enough. */
NAMEHASH_INLINE void namehash_absorb(
    struct namehash *h, const struct namehash_key *key, uint64_t block)
{
	for (int i = 0; i < 2; i++) {
		namehash_wide product = (namehash_wide)(h->lane[i] + block) * key->point[i];

		h->lane[i] = ((uint64_t)product & NAMEHASH_PRIME) + (uint64_t)(product >> 61);
	}
}

/* Absorbs the next label; not to be called once h->done is true. */
NAMEHASH_INLINE void namehash_label(struct namehash *h, const struct namehash_key *key)
{
	uint64_t window = namehash_window(h);
	unsigned n;

	while ((n = namehash_behind_dot(window)) == 8) {
		namehash_absorb(h, key, window >> 8);
		h->rest -= 7;
		window = namehash_window(h);
	}
	namehash_absorb(h, key, window >> 8 >> (56 - 8 * n) | (uint64_t)(n + 1) << 56);
	h->done = n == h->rest;
	h->rest -= n + 1;
}

/* The suffix that begins with the label absorbed last. */
NAMEHASH_INLINE struct namehash_sum namehash_sum(
    const struct namehash *h, const struct namehash_key *key)
{
	uint64_t a = h->lane[0], b = h->lane[1];
	uint64_t tag = (uint64_t)((key->tag[0] * a + key->tag[1] * b + key->tag[2]) >> 64);

	return (struct namehash_sum){.tag = tag + (tag == 0), .place = key->place * a};
}

#endif
