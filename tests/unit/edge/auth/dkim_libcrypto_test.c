/* Keys as libcrypto decodes them: both forms, sizes, DER that strangers write; SHA-256. */
#include "unit/unit.h"

#include "edge/auth/dkim_libcrypto.h"

#include <stdio.h>

/* One RSA key of 1,024 bits, as SubjectPublicKeyInfo and bare. */
#define BARE                                                                                       \
	"MIGJAoGBAMK0qirXBQES7mWQbOXH4knhzAcGUH5bgC7gMslun+KbFIol2b/"                              \
	"4p1T7iTFIRlCNcp0Nj1mOCkHiz98aAw"                                                          \
	"KxbeKLUu5Y2db6ZY2fkEOPJXubS1EVnH4nWvYo844v31vE/"                                          \
	"jkcLfESynmH31MQTpC2rPGs8h2sGLOCttBzF4li4RX3"                                              \
	"AgMBAAE="
#define SPKI                                                                                       \
	"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCtKoq1wUBEu5lkGzlx+JJ4cwHBlB+W4Au4DLJbp/imxSKJdm/" \
	"+K"                                                                                       \
	"dU+4kxSEZQjXKdDY9ZjgpB4s/"                                                                \
	"fGgMCsW3ii1LuWNnW+mWNn5BDjyV7m0tRFZx+J1r2KPOOL99bxP45HC3xEsp5h99T"                        \
	"EE6QtqzxrPIdrBizgrbQcxeJYuEV9wIDAQAB"
#define POINT "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static struct arena *arena;
static struct dkim_libcrypto *lib;

static void setup(void)
{
	arena = arena_create(1 << 20);
	lib = dkim_libcrypto_create();
}

static void teardown(void)
{
	dkim_libcrypto_free(&lib);
	arena_free(&arena);
}

static enum dkim_result read_text(struct slice text, struct dkim_key *key, struct slice *why)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};

	ck_assert(dkim_libcrypto_key_read(lib, text, key));
	ck_assert_msg(
	    (key->public_key != NULL) == (key->flaw == DKIM_KEY_FLAWLESS), "%.*s", SLICE_ARG(text));
	return dkim_key_judge(key, &field, arena, why);
}

START_TEST(both_forms)
{
	static const char *const texts[] = {"t=y; p=" SPKI, "p=" BARE};
	struct dkim_key key;
	struct slice why;

	ck_assert_int_eq(read_text(slice_str(texts[_i]), &key, &why), DKIM_NONE);
	ck_assert_uint_eq(key.bits, 1024);
	ck_assert_int_eq(
	    dkim_libcrypto_verify(&key, (const unsigned char *)BARE, SLICE("x")), DKIM_MISMATCH);
	dkim_libcrypto_key_drop(&key);
	ck_assert_ptr_null(key.public_key);
}
END_TEST

START_TEST(points)
{
	struct dkim_key key;

	ck_assert(dkim_libcrypto_key_read(lib, SLICE("k=ed25519; p=" POINT), &key));
	ck_assert_int_eq(key.flaw, DKIM_KEY_FLAWLESS);
	ck_assert_int_eq(
	    dkim_libcrypto_verify(&key, (const unsigned char *)BARE, SLICE("x")), DKIM_MISMATCH);
	dkim_libcrypto_key_drop(&key);
}
END_TEST

/* A made-up key: modulus and exponent of so many bits, the top and the lowest bit set. */
static struct slice number(unsigned bits, bool even)
{
	size_t len = (bits + 7) / 8;
	char *n = arena_calloc(arena, 1, len);

	n[0] = (char)(1 << ((bits - 1) % 8));
	n[len - 1] = (char)(n[len - 1] | !even);
	return slice_of(n, len);
}

static struct slice der(int tag, struct slice a, struct slice b)
{
	size_t len = a.len + b.len;
	char *out = arena_alloc(arena, len + 4);

	out[0] = (char)tag;
	out[1] = (char)0x82;
	out[2] = (char)(len >> 8);
	out[3] = (char)len;
	memcpy(out + 4, a.ptr, a.len);
	if (b.len)
		memcpy(out + 4 + a.len, b.ptr, b.len);
	return slice_of(out, len + 4);
}

static struct slice integer(struct slice n)
{
	bool high = (unsigned char)n.ptr[0] >= 0x80;

	return der(0x02, high ? slice_of("\0", 1) : slice_of("", 0), n);
}

static struct slice base64(struct slice bytes)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = arena_alloc(arena, bytes.len * 2 + 4);
	size_t n = 0;

	for (size_t bit = 0; bit < bytes.len * 8; bit += 6) {
		unsigned value = 0;

		for (size_t i = bit; i < bit + 6; i++)
			value =
			    value << 1 | (i < bytes.len * 8 && bytes.ptr[i / 8] >> (7 - i % 8) & 1);
		out[n++] = digits[value];
	}
	return slice_of(out, n);
}

static const struct {
	const char *label;
	unsigned modulus, exponent;
	bool even_modulus, even_exponent;
	enum dkim_result result;
} sizes[] = {
    {"512", 512, 17, false, false, DKIM_POLICY},
    {"1023", 1023, 17, false, false, DKIM_POLICY},
    {"1024", 1024, 17, false, false, DKIM_NONE},
    {"2048", 2048, 17, false, false, DKIM_NONE},
    {"4096", 4096, 17, false, false, DKIM_NONE},
    {"4097", 4097, 17, false, false, DKIM_POLICY},
    {"16384", 16384, 17, false, false, DKIM_POLICY},
    {"one bit", 1, 17, false, false, DKIM_POLICY},
    {"exponent 3", 2048, 2, false, false, DKIM_NONE},
    {"exponent of 32 bits", 2048, 32, false, false, DKIM_NONE},
    {"exponent of 33 bits", 2048, 33, false, false, DKIM_POLICY},
    {"exponent as large as the key", 2800, 2800, false, false, DKIM_POLICY},
    {"exponent 1", 2048, 1, false, false, DKIM_PERMERROR},
    {"even modulus", 2048, 17, true, false, DKIM_PERMERROR},
    {"even exponent", 2048, 17, false, true, DKIM_PERMERROR},
};

START_TEST(bounds_keys)
{
	struct slice der_key = der(0x30, integer(number(sizes[_i].modulus, sizes[_i].even_modulus)),
	    integer(number(sizes[_i].exponent, sizes[_i].even_exponent)));
	struct slice text = base64(der_key), why;
	struct dkim_key key;
	enum dkim_result result =
	    read_text(arena_printf(arena, "p=%.*s", SLICE_ARG(text)), &key, &why);

	ck_assert_msg(result == sizes[_i].result, "%s: %s: %.*s", sizes[_i].label,
	    dkim_result_name(result), SLICE_ARG(why));
	ck_assert_msg(key.bits == sizes[_i].modulus, "%s: %u bits", sizes[_i].label, key.bits);
	dkim_libcrypto_key_drop(&key);
}
END_TEST

static const struct {
	const char *label;
	struct slice bytes;
} broken[] = {
    {"empty modulus", SLICE_INIT("\x30\x05\x02\x00\x02\x01\x03")},
    {"no exponent", SLICE_INIT("\x30\x03\x02\x01\x03")},
    {"something behind", SLICE_INIT("\x30\x06\x02\x01\x03\x02\x01\x03\x00")},
    {"something inside", SLICE_INIT("\x30\x07\x02\x01\x03\x02\x01\x03\x00")},
    {"length beyond the end", SLICE_INIT("\x30\x7f\x02\x01\x03\x02\x01\x03")},
    {"no algorithm", SLICE_INIT("\x30\x09\x30\x03\x02\x01\x05\x03\x02\x00\x01")},
    {"an algorithm that is no sequence", SLICE_INIT("\x30\x07\x02\x01\x05\x03\x02\x00\x01")},
    {"a key that is no string", SLICE_INIT("\x30\x08\x30\x03\x02\x01\x05\x02\x01\x05")},
    {"RSA without a key",
	SLICE_INIT(
	    "\x30\x12\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x01\x00")},
    {"RSA with parameters",
	SLICE_INIT(
	    "\x30\x1b\x30\x0e\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x02\x01\x05\x03\x09\x00"
	    "\x30\x06\x02\x01\x03\x02\x01\x03")},
    {"other algorithm",
	SLICE_INIT(
	    "\x30\x14\x30\x07\x06\x03\x2b\x65\x70\x05\x00\x03\x09\x00\x30\x06\x02\x01\x03\x02"
	    "\x01\x03")},
    {"unused bits",
	SLICE_INIT(
	    "\x30\x1a\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x09\x01"
	    "\x30\x06\x02\x01\x03\x02\x01\x03")},
};

START_TEST(refuses_broken_der)
{
	struct slice text = base64(broken[_i].bytes), why;
	struct dkim_key key;

	ck_assert_msg(read_text(arena_printf(arena, "p=%.*s", SLICE_ARG(text)), &key, &why) ==
			      DKIM_PERMERROR &&
			  slice_equal(why, SLICE("the key is not an RSA key")),
	    "%s: %.*s", broken[_i].label, SLICE_ARG(why));
	ck_assert_ptr_null(key.public_key);
}
END_TEST

/* What is BER but not DER is read as it is meant, as by all who verify with libcrypto. */
static const struct {
	const char *label;
	struct slice bytes;
	unsigned bits;
} lenient[] = {
    {"negative modulus", SLICE_INIT("\x30\x06\x02\x01\x80\x02\x01\x03"), 8},
    {"zero modulus", SLICE_INIT("\x30\x06\x02\x01\x00\x02\x01\x03"), 0},
    {"indefinite length", SLICE_INIT("\x30\x80\x02\x01\x03\x02\x01\x03\x00\x00"), 2},
    {"length of length", SLICE_INIT("\x30\x84\x00\x00\x00\x06\x02\x01\x03\x02\x01\x03"), 2},
};

START_TEST(reads_ber)
{
	struct slice text = base64(lenient[_i].bytes), why;
	struct dkim_key key;

	ck_assert_int_eq(
	    read_text(arena_printf(arena, "p=%.*s", SLICE_ARG(text)), &key, &why), DKIM_POLICY);
	ck_assert_msg(key.flaw == DKIM_KEY_SIZE && key.bits == lenient[_i].bits, "%s: %.*s",
	    lenient[_i].label, SLICE_ARG(why));
}
END_TEST

static void assert_digest(const unsigned char *digest, const char *want)
{
	char text[2 * DKIM_HASH_LEN + 1];

	for (size_t i = 0; i < DKIM_HASH_LEN; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
	ck_assert_str_eq(text, want);
}

/* FIPS 180-4's examples: of nothing, of "abc", of "abc" by way of "ab". */
START_TEST(digests)
{
	static const char nothing[] =
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const char abc[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct dkim_hash *hash = dkim_libcrypto_hash_create(lib);
	unsigned char digest[DKIM_HASH_LEN];

	ck_assert(dkim_libcrypto_hash_digest(hash, digest));
	assert_digest(digest, nothing);
	ck_assert(dkim_libcrypto_hash_update(hash, "ab", 2));
	ck_assert(dkim_libcrypto_hash_digest(hash, digest));
	ck_assert(dkim_libcrypto_hash_update(hash, "c", 1));
	ck_assert(dkim_libcrypto_hash_finish(&hash, digest));
	assert_digest(digest, abc);
	ck_assert_ptr_null(hash);
	dkim_libcrypto_hash_free(&hash);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_libcrypto");
	TCase *t = tcase_create("dkim_libcrypto");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, both_forms, 0, 2);
	tcase_add_test(t, points);
	tcase_add_loop_test(t, bounds_keys, 0, ROWS(sizes));
	tcase_add_loop_test(t, refuses_broken_der, 0, ROWS(broken));
	tcase_add_loop_test(t, reads_ber, 0, ROWS(lenient));
	tcase_add_test(t, digests);
	suite_add_tcase(s, t);
	return s;
}
