#include "core/base/crc64.h"

#include <string.h>

/* x^64 + x^62 + x^57 + … + 1 of ECMA-182, its lowest coefficient in the highest bit. */
#define POLYNOMIAL UINT64_C(0xc96c5795d7870f42)

void crc64_init(struct crc64 *c)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		uint64_t sum = byte;

		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? POLYNOMIAL : 0);
		c->table[0][byte] = sum;
	}
	for (unsigned slice = 1; slice < 8; slice++)
		for (unsigned byte = 0; byte < 256; byte++) {
			uint64_t before = c->table[slice - 1][byte];

			c->table[slice][byte] = before >> 8 ^ c->table[0][before & 0xff];
		}
}

static uint64_t step(const struct crc64 *c, uint64_t sum, unsigned char byte)
{
	return sum >> 8 ^ c->table[0][(sum ^ byte) & 0xff];
}

/* Eight bytes in the order of the file, whatever the machine's is; one instruction on most. */
static uint64_t load8(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

static uint64_t step8(const struct crc64 *c, uint64_t sum, const unsigned char *at)
{
	sum ^= load8(at);
	return c->table[7][sum & 0xff] ^ c->table[6][sum >> 8 & 0xff] ^
	       c->table[5][sum >> 16 & 0xff] ^ c->table[4][sum >> 24 & 0xff] ^
	       c->table[3][sum >> 32 & 0xff] ^ c->table[2][sum >> 40 & 0xff] ^
	       c->table[1][sum >> 48 & 0xff] ^ c->table[0][sum >> 56];
}

uint64_t crc64(const struct crc64 *c, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t sum = UINT64_MAX;

	for (; len >= 8; len -= 8, at += 8)
		sum = step8(c, sum, at);
	for (; len > 0; len--, at++)
		sum = step(c, sum, *at);
	return ~sum;
}

bool crc64_repair(const struct crc64 *c, void *bytes, size_t len, uint64_t wanted)
{
	unsigned char *at = bytes;
	uint64_t syndrome = crc64(c, bytes, len) ^ wanted, flipped[8];

	if ((syndrome & (syndrome - 1)) == 0)
		return true; /* nothing is wrong, or one bit of the checksum itself */
	for (int bit = 0; bit < 8; bit++)
		flipped[bit] = c->table[0][1 << bit];
	for (size_t i = len; i-- > 0;)
		for (int bit = 0; bit < 8; bit++) {
			if (flipped[bit] == syndrome) {
				at[i] ^= (unsigned char)(1 << bit);
				return true;
			}
			flipped[bit] = step(c, flipped[bit], 0);
		}
	return false;
}
