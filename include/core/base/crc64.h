#ifndef CORE_BASE_CRC64_H
#define CORE_BASE_CRC64_H
/*
 * crc64: the checksum CRC-64/XZ (ECMA-182, reflected), and the repair of a flipped bit by it.
 *
 *     static struct crc64 c;                       // 16 KiB of tables, of whoever computes
 *     crc64_init(&c);
 *     uint64_t sum = crc64(&c, bytes, len);        // 995dc9bbdf1939fa of "123456789"
 *     ...
 *     if (crc64(&c, bytes, len) != sum && !crc64_repair(&c, bytes, len, sum))
 *             ...                                  // more than one bit is wrong
 *
 * A CRC is linear: one flipped bit changes it by a value that depends on the place of that bit
 * alone, so that the place can be found.  Pure; the tables may be shared once they are made.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "Slicing by 8": one table for each byte of a word. */
struct crc64 {
	uint64_t table[8][256];
};

void crc64_init(struct crc64 *);

uint64_t crc64(const struct crc64 *, const void *bytes, size_t len);

/*
 * Mends one bit, in the bytes or in the checksum `wanted`, which then are right; false, and nothing
 * is changed, when that is not what is wrong with them.  Bytes damaged in any other way are taken
 * for it once in 2^64 / bits.  Takes about 4 ns a byte.
 */
bool crc64_repair(const struct crc64 *, void *bytes, size_t len, uint64_t wanted);

#endif
