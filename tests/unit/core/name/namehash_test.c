#include "src/core/name/namehash.h"

#include "unit/unit.h"

#include <stdlib.h>

static const unsigned char zeros[32];

START_TEST(keys_are_the_chacha20_stream)
{
	/* RFC 8439 appendix A.1, test vectors 1 and 2: key and nonce of zeros, blocks 0 and 1. */
	static const unsigned char stream[128] = {
	    0x76,
	    0xb8,
	    0xe0,
	    0xad,
	    0xa0,
	    0xf1,
	    0x3d,
	    0x90,
	    0x40,
	    0x5d,
	    0x6a,
	    0xe5,
	    0x53,
	    0x86,
	    0xbd,
	    0x28,
	    0xbd,
	    0xd2,
	    0x19,
	    0xb8,
	    0xa0,
	    0x8d,
	    0xed,
	    0x1a,
	    0xa8,
	    0x36,
	    0xef,
	    0xcc,
	    0x8b,
	    0x77,
	    0x0d,
	    0xc7,
	    0xda,
	    0x41,
	    0x59,
	    0x7c,
	    0x51,
	    0x57,
	    0x48,
	    0x8d,
	    0x77,
	    0x24,
	    0xe0,
	    0x3f,
	    0xb8,
	    0xd8,
	    0x4a,
	    0x37,
	    0x6a,
	    0x43,
	    0xb8,
	    0xf4,
	    0x15,
	    0x18,
	    0xa1,
	    0x1c,
	    0xc3,
	    0x87,
	    0xb6,
	    0x69,
	    0xb2,
	    0xee,
	    0x65,
	    0x86,
	    0x9f,
	    0x07,
	    0xe7,
	    0xbe,
	    0x55,
	    0x51,
	    0x38,
	    0x7a,
	    0x98,
	    0xba,
	    0x97,
	    0x7c,
	    0x73,
	    0x2d,
	    0x08,
	    0x0d,
	    0xcb,
	    0x0f,
	    0x29,
	    0xa0,
	    0x48,
	    0xe3,
	    0x65,
	    0x69,
	    0x12,
	    0xc6,
	    0x53,
	    0x3e,
	    0x32,
	    0xee,
	    0x7a,
	    0xed,
	    0x29,
	    0xb7,
	    0x21,
	    0x76,
	    0x9c,
	    0xe6,
	    0x4e,
	    0x43,
	    0xd5,
	    0x71,
	    0x33,
	    0xb0,
	    0x74,
	    0xd8,
	    0x39,
	    0xd5,
	    0x31,
	    0xed,
	    0x1f,
	    0x28,
	    0x51,
	    0x0a,
	    0xfb,
	    0x45,
	    0xac,
	    0xe1,
	    0x0a,
	    0x1f,
	    0x4b,
	    0x79,
	    0x4d,
	    0x6f,
	};
	struct namehash_key key;
	uint64_t words[9];

	for (int i = 0; i < 9; i++)
		words[i] = namehash_load((const char *)stream + 8 * i);
	namehash_key_init(&key, zeros);
	for (int i = 0; i < 2; i++)
		ck_assert_uint_eq(key.point[i], words[i] >> 4);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq((uint64_t)(key.tag[i] >> 64), words[2 + 2 * i]);
		ck_assert_uint_eq((uint64_t)key.tag[i], words[3 + 2 * i]);
	}
	ck_assert_uint_eq(key.place, words[8] | 1);
}
END_TEST

START_TEST(the_seed_matters_in_every_byte)
{
	struct namehash_key key, other;

	namehash_key_init(&key, zeros);
	for (int i = 0; i < 32; i++) {
		unsigned char seed[32] = {0};

		seed[i] = 1;
		namehash_key_init(&other, seed);
		ck_assert_uint_ne(key.point[0], other.point[0]);
		ck_assert_uint_ne((uint64_t)key.tag[0], (uint64_t)other.tag[0]);
	}
}
END_TEST

static struct namehash whole(const struct namehash_key *key, struct slice name)
{
	struct namehash h = namehash_start(name);

	do
		namehash_label(&h, key);
	while (!h.done);
	return h;
}

START_TEST(suffixes_hash_as_the_names_they_are)
{
	static const char text[] = "a.bb..cccccc.ddddddd.eeeeeeee.ffffffffffffff.ggggggggggggggg.h";
	struct slice name = slice_str(text), rest = name;
	struct namehash_sum from_right[16], from_left;
	struct namehash_key key;
	struct namehash h = namehash_start(name);
	size_t n = 0;

	namehash_key_init(&key, zeros);
	do {
		namehash_label(&h, &key);
		from_right[n++] = namehash_sum(&h, &key);
	} while (!h.done);
	ck_assert_uint_eq(n, 9);
	for (; n > 0; slice_cut(&rest, '.')) {
		h = whole(&key, rest);
		from_left = namehash_sum(&h, &key);
		n--;
		ck_assert_uint_eq(from_left.tag, from_right[n].tag);
		ck_assert_uint_eq(from_left.place, from_right[n].place);
	}
	ck_assert_ptr_null(rest.ptr);
}
END_TEST

START_TEST(no_tag_is_zero)
{
	/* Zero is what the table has where there is no name. */
	struct namehash_key key;
	struct namehash h;

	namehash_key_init(&key, zeros);
	memset(key.tag, 0, sizeof key.tag);
	h = whole(&key, SLICE("example.com"));
	ck_assert_uint_eq(namehash_sum(&h, &key).tag, 1);
}
END_TEST

static int by_lane(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(no_two_names_share_a_lane)
{
	/* All names of up to 16 bytes of 'a' and '.', and labels of 17 to 300 bytes of 'a' and NUL.
	 * In each lane alone a collision has a chance of about 10^-7; with both, none. */
	enum { SHORT = (1 << 17) - 2, LONG = 2 * 284 };
	uint64_t *lanes[2] = {
	    malloc((SHORT + LONG) * sizeof(uint64_t)), malloc((SHORT + LONG) * sizeof(uint64_t))};
	struct namehash_key key;
	struct namehash h;
	size_t n = 0;
	char text[300];

	namehash_key_init(&key, zeros);
	for (size_t len = 1; len <= 16; len++)
		for (unsigned bits = 0; bits < 1u << len; bits++, n++) {
			for (size_t i = 0; i < len; i++)
				text[i] = bits >> i & 1 ? '.' : 'a';
			h = whole(&key, slice_of(text, len));
			for (int lane = 0; lane < 2; lane++)
				lanes[lane][n] = h.lane[lane] % NAMEHASH_PRIME;
		}
	for (size_t len = 17; len <= 300; len++)
		for (int kind = 0; kind < 2; kind++, n++) {
			memset(text, "a\0"[kind], len);
			h = whole(&key, slice_of(text, len));
			for (int lane = 0; lane < 2; lane++)
				lanes[lane][n] = h.lane[lane] % NAMEHASH_PRIME;
		}
	ck_assert_uint_eq(n, SHORT + LONG);
	for (int lane = 0; lane < 2; lane++) {
		qsort(lanes[lane], n, sizeof(uint64_t), by_lane);
		for (size_t i = 1; i < n; i++)
			ck_assert_uint_ne(lanes[lane][i - 1], lanes[lane][i]);
		free(lanes[lane]);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("namehash");
	TCase *c = tcase_create("namehash");

	tcase_add_test(c, keys_are_the_chacha20_stream);
	tcase_add_test(c, the_seed_matters_in_every_byte);
	tcase_add_test(c, suffixes_hash_as_the_names_they_are);
	tcase_add_test(c, no_tag_is_zero);
	tcase_add_test(c, no_two_names_share_a_lane);
	suite_add_tcase(s, c);
	return s;
}
