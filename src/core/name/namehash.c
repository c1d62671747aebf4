#include "namehash.h"

/* The ChaCha20 block function of RFC 8439 section 2.3, with a nonce of zeros. */

static uint32_t rotate(uint32_t x, int bits)
{
	return x << bits | x >> (32 - bits);
}

static void quarter_round(uint32_t *s, int a, int b, int c, int d)
{
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate(s[b] ^ s[c], 7);
}

static void block(uint64_t out[8], const unsigned char seed[32], uint32_t counter)
{
	uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint32_t s[16];

	for (int i = 0; i < 32; i++)
		start[4 + i / 4] |= (uint32_t)seed[i] << 8 * (i % 4);
	start[12] = counter;
	memcpy(s, start, sizeof s);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 4; i++)
			quarter_round(s, i, 4 + i, 8 + i, 12 + i);
		for (int i = 0; i < 4; i++)
			quarter_round(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (int i = 0; i < 8; i++)
		out[i] = (uint64_t)(s[2 * i] + start[2 * i]) |
			 (uint64_t)(s[2 * i + 1] + start[2 * i + 1]) << 32;
}

void namehash_key_init(struct namehash_key *key, const unsigned char seed[32])
{
	uint64_t words[16];

	block(words, seed, 0);
	block(words + 8, seed, 1);
	for (int i = 0; i < 2; i++)
		key->point[i] = words[i] >> 4;
	for (int i = 0; i < 3; i++)
		key->tag[i] = (namehash_wide)words[2 + 2 * i] << 64 | words[3 + 2 * i];
	key->place = words[8] | 1;
}
