/*
 * crc64_test: the published check values of CRC-64/XZ, against a bit-by-bit computation, and each
 * flipped bit found again.
 */
#include "core/base/crc64.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

static struct crc64 c;

static const struct {
	const char *text;
	uint64_t sum;
} rows[] = {
    {"", 0}, {"123456789", UINT64_C(0x995dc9bbdf1939fa)}, /* the check value of the catalogue */
};

START_TEST(values)
{
	crc64_init(&c);
	ck_assert_uint_eq(crc64(&c, rows[_i].text, strlen(rows[_i].text)), rows[_i].sum);
}
END_TEST

static uint64_t slowly(const unsigned char *at, size_t len)
{
	uint64_t sum = UINT64_MAX;

	for (; len > 0; len--, at++) {
		sum ^= *at;
		for (int bit = 0; bit < 8; bit++)
			sum = sum >> 1 ^ (sum & 1 ? UINT64_C(0xc96c5795d7870f42) : 0);
	}
	return ~sum;
}

START_TEST(every_length)
{
	unsigned char bytes[100];

	crc64_init(&c);
	srandom(7);
	for (size_t len = 0; len <= sizeof bytes; len++) {
		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)random();
		ck_assert_uint_eq(crc64(&c, bytes, len), slowly(bytes, len));
	}
}
END_TEST

/* Long ones are summed in three parts. */
START_TEST(long_ones)
{
	enum { LEN = 32 * 1024, MORE = 40 };
	static unsigned char bytes[LEN + MORE];

	crc64_init(&c);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)random();
	for (size_t len = LEN - 2; len <= sizeof bytes; len++)
		ck_assert_uint_eq(crc64(&c, bytes, len), slowly(bytes, len));
}
END_TEST

START_TEST(one_bit_is_mended)
{
	unsigned char bytes[300], damaged[300];
	uint64_t sum;

	crc64_init(&c);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)random();
	sum = crc64(&c, bytes, sizeof bytes);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		memcpy(damaged, bytes, sizeof bytes);
		damaged[bit / 8] ^= (unsigned char)(1 << bit % 8);
		ck_assert(crc64_repair(&c, damaged, sizeof damaged, sum));
		ck_assert_mem_eq(damaged, bytes, sizeof bytes);
	}
	for (int bit = 0; bit < 64; bit++) {
		ck_assert(crc64_repair(&c, damaged, sizeof damaged, sum ^ UINT64_C(1) << bit));
		ck_assert_mem_eq(damaged, bytes, sizeof bytes);
	}
}
END_TEST

START_TEST(more_is_not)
{
	unsigned char bytes[300] = {1}, damaged[300];
	uint64_t sum;

	crc64_init(&c);
	sum = crc64(&c, bytes, sizeof bytes);
	for (int i = 0; i < 10000; i++) {
		unsigned char before[300];

		memcpy(damaged, bytes, sizeof bytes);
		for (int flips = 2 + i % 20; flips > 0; flips--)
			damaged[(size_t)random() % sizeof damaged] ^=
			    (unsigned char)(1 << random() % 8);
		if (memcmp(damaged, bytes, sizeof bytes) == 0)
			continue;
		memcpy(before, damaged, sizeof before);
		if (crc64_repair(&c, damaged, sizeof damaged, sum))
			ck_assert_mem_eq(damaged, bytes, sizeof bytes); /* flips undid each other */
		else
			ck_assert_mem_eq(damaged, before, sizeof before);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("crc64");
	TCase *t = tcase_create("sums");

	tcase_add_loop_test(t, values, 0, ROWS(rows));
	tcase_add_test(t, every_length);
	tcase_add_test(t, long_ones);
	tcase_add_test(t, one_bit_is_mended);
	tcase_add_test(t, more_is_not);
	suite_add_tcase(s, t);
	return s;
}
