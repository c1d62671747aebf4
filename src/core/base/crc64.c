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

static inline uint64_t step8(const struct crc64 *c, uint64_t sum, const unsigned char *at)
{
	sum ^= load8(at);
	return c->table[7][sum & 0xff] ^ c->table[6][sum >> 8 & 0xff] ^
	       c->table[5][sum >> 16 & 0xff] ^ c->table[4][sum >> 24 & 0xff] ^
	       c->table[3][sum >> 32 & 0xff] ^ c->table[2][sum >> 40 & 0xff] ^
	       c->table[1][sum >> 48 & 0xff] ^ c->table[0][sum >> 56];
}

/* ---- three parts side by side -------------------------------------------------------- */

/* The product of two polynomials, modulo that of the checksum. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
	uint64_t product = 0;

	for (; a != 0; a <<= 1) {
		if (a >> 63)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? POLYNOMIAL : 0);
	}
	return product;
}

/* What a sum is multiplied with by so many bytes that are 0: x^(8 * bytes). */
static uint64_t power_of(size_t bytes)
{
	uint64_t power = UINT64_C(1) << 63, square = UINT64_C(1) << (63 - 8);

	for (; bytes > 0; bytes >>= 1) {
		if (bytes & 1)
			power = multiply(power, square);
		square = multiply(square, square);
	}
	return power;
}

/* Below it joining the parts takes longer than it saves. */
enum { PARTS_MIN = 32 * 1024 };

/* A step waits for the one before it: those of three parts do not wait for each other. */
static uint64_t sum_parts(const struct crc64 *c, uint64_t sum, const unsigned char *at, size_t part)
{
	uint64_t second = 0, third = 0, power = power_of(part);

	for (size_t i = 0; i < part; i += 8) {
		sum = step8(c, sum, at + i);
		second = step8(c, second, at + part + i);
		third = step8(c, third, at + 2 * part + i);
	}
	return multiply(multiply(sum, power) ^ second, power) ^ third;
}

uint64_t crc64(const struct crc64 *c, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;
	uint64_t sum = UINT64_MAX;
	size_t part = len >= PARTS_MIN ? len / 3 & ~(size_t)7 : 0;

	if (part > 0)
		sum = sum_parts(c, sum, at, part);
	at += 3 * part;
	len -= 3 * part;
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
