/* Key records: what a key may be, and what is refused before a crypto library sees it. */
#include "unit/unit.h"

#include "core/auth/dkim_key.h"

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

static void setup(void)
{
	arena = arena_create(1 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

static enum dkim_result read_text(
    struct slice text, const struct dkim_field *field, struct dkim_key *record, struct slice *why)
{
	struct dns_record one = {.data = text};
	struct dns_answer answer = {.status = DNS_OK, .count = 1, .records = &one};

	return dkim_key_read(&answer, field, arena, record, why);
}

static const struct {
	const char *label, *text;
	enum dkim_algorithm algorithm; /* of the signature */
	bool below;                    /* i= is below d= */
	enum dkim_result result;
	const char *reason;
} rows[] = {
    {"spki", "v=DKIM1; k=rsa; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_NONE, ""},
    {"bare", "v=DKIM1; k=rsa; p=" BARE, DKIM_RSA_SHA256, false, DKIM_NONE, ""},
    {"least", "p=" SPKI, DKIM_RSA_SHA256, false, DKIM_NONE, ""},
    {"ed25519", "v=DKIM1; k=ed25519; p=" POINT, DKIM_ED25519_SHA256, false, DKIM_NONE, ""},
    {"all tags", "v=DKIM1; g=*; h=sha1:sha256; k=rsa; n=hello; s=*:x; t=y:x; p=" SPKI,
	DKIM_RSA_SHA256, true, DKIM_NONE, ""},
    {"for email", "s=email; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_NONE, ""},
    {"closed by a semicolon", "p=" SPKI ";", DKIM_RSA_SHA256, false, DKIM_NONE, ""},
    {"strict, same domain", "t=s; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_NONE, ""},
    {"strict, below", "t=y:s; p=" SPKI, DKIM_RSA_SHA256, true, DKIM_PERMERROR,
	"the key does not allow an i= below d="},
    {"revoked", "v=DKIM1; p=", DKIM_RSA_SHA256, false, DKIM_PERMERROR, "the key is revoked"},
    {"no key", "v=DKIM1; k=rsa", DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key record has no key"},
    {"other version", "v=DKIM2; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key record has an unknown version"},
    {"other text", "v=spf1 -all", DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key record has an unknown version"},
    {"no tags", "hello", DKIM_RSA_SHA256, false, DKIM_PERMERROR, "the key record is malformed"},
    {"empty", "", DKIM_RSA_SHA256, false, DKIM_PERMERROR, "the key record is malformed"},
    {"two keys", "p=" SPKI "; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key record is malformed"},
    {"only sha1", "h=sha1; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key does not allow SHA-256"},
    {"other service", "s=tlsrpt; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key is not for email"},
    {"unknown type", "k=dsa; p=" SPKI, DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key is of an unknown type"},
    {"ed25519 key, rsa signature", "k=ed25519; p=" POINT, DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key is of another type than the signature"},
    {"rsa key, ed25519 signature", "p=" SPKI, DKIM_ED25519_SHA256, false, DKIM_PERMERROR,
	"the key is of another type than the signature"},
    {"short point", "k=ed25519; p=AAAA", DKIM_ED25519_SHA256, false, DKIM_PERMERROR,
	"the key is not an ed25519 key"},
    {"not base64", "p=!!!!", DKIM_RSA_SHA256, false, DKIM_PERMERROR, "the key is not base64"},
    {"not DER", "p=AAAA", DKIM_RSA_SHA256, false, DKIM_PERMERROR, "the key is not an RSA key"},
    {"cut DER", "p=MIGJAoGBAMK0qirXBQES", DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key is not an RSA key"},
};

START_TEST(reads)
{
	struct dkim_field field = {
	    .algorithm = rows[_i].algorithm, .identity_below = rows[_i].below};
	struct dkim_key record;
	struct slice why;
	enum dkim_result result = read_text(slice_str(rows[_i].text), &field, &record, &why);

	ck_assert_msg(result == rows[_i].result, "%s: %s: %.*s", rows[_i].label,
	    dkim_result_name(result), SLICE_ARG(why));
	ck_assert_msg(slice_equal(why, slice_str(rows[_i].reason)), "%s: %.*s", rows[_i].label,
	    SLICE_ARG(why));
}
END_TEST

START_TEST(both_forms_are_one_key)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key a, b;
	struct slice why;

	ck_assert_int_eq(read_text(SLICE("t=y; p=" SPKI), &field, &a, &why), DKIM_NONE);
	ck_assert_int_eq(read_text(SLICE("p=" BARE), &field, &b, &why), DKIM_NONE);
	ck_assert(slice_equal(a.modulus, b.modulus) && slice_equal(a.exponent, b.exponent));
	ck_assert_uint_eq(a.bits, 1024);
	ck_assert_uint_eq(a.modulus.len, 128);
	ck_assert(slice_equal(a.exponent, SLICE("\x01\x00\x01")));
	ck_assert(a.testing && !b.testing);
}
END_TEST

static const struct {
	const char *label;
	enum dns_status status;
	size_t count;
	enum dkim_result result;
} answers[] = {
    {"time-out", DNS_TEMP, 0, DKIM_TEMPERROR},
    {"no name", DNS_NXDOMAIN, 0, DKIM_PERMERROR},
    {"no TXT", DNS_NODATA, 0, DKIM_PERMERROR},
    {"not a name", DNS_BADNAME, 0, DKIM_PERMERROR},
    {"one", DNS_OK, 1, DKIM_NONE},
    {"two", DNS_OK, 2, DKIM_PERMERROR},
};

START_TEST(maps_answers)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dns_record records[2] = {{.data = SLICE("p=" SPKI)}, {.data = SLICE("p=" SPKI)}};
	struct dns_answer answer = {
	    .status = answers[_i].status, .count = answers[_i].count, .records = records};
	struct dkim_key record;
	struct slice why;
	enum dkim_result result = dkim_key_read(&answer, &field, arena, &record, &why);

	ck_assert_msg(
	    result == answers[_i].result, "%s: %s", answers[_i].label, dkim_result_name(result));
	ck_assert_msg((why.len == 0) == (result == DKIM_NONE), "%s: reason", answers[_i].label);
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
	struct slice key = der(0x30, integer(number(sizes[_i].modulus, sizes[_i].even_modulus)),
	    integer(number(sizes[_i].exponent, sizes[_i].even_exponent)));
	struct slice text = base64(key), why;
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key record;
	enum dkim_result result =
	    read_text(arena_printf(arena, "p=%.*s", SLICE_ARG(text)), &field, &record, &why);

	ck_assert_msg(result == sizes[_i].result, "%s: %s: %.*s", sizes[_i].label,
	    dkim_result_name(result), SLICE_ARG(why));
	ck_assert_msg(
	    record.bits == sizes[_i].modulus, "%s: %u bits", sizes[_i].label, record.bits);
}
END_TEST

static const struct {
	const char *label;
	struct slice bytes;
} broken[] = {
    {"negative modulus", SLICE_INIT("\x30\x06\x02\x01\x80\x02\x01\x03")},
    {"zero modulus", SLICE_INIT("\x30\x06\x02\x01\x00\x02\x01\x03")},
    {"empty modulus", SLICE_INIT("\x30\x05\x02\x00\x02\x01\x03")},
    {"no exponent", SLICE_INIT("\x30\x03\x02\x01\x03")},
    {"something behind", SLICE_INIT("\x30\x06\x02\x01\x03\x02\x01\x03\x00")},
    {"something inside", SLICE_INIT("\x30\x07\x02\x01\x03\x02\x01\x03\x00")},
    {"indefinite length", SLICE_INIT("\x30\x80\x02\x01\x03\x02\x01\x03\x00\x00")},
    {"length of length", SLICE_INIT("\x30\x84\x00\x00\x00\x06\x02\x01\x03\x02\x01\x03")},
    {"length beyond the end", SLICE_INIT("\x30\x7f\x02\x01\x03\x02\x01\x03")},
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
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key record;

	ck_assert_msg(read_text(arena_printf(arena, "p=%.*s", SLICE_ARG(text)), &field, &record,
			  &why) == DKIM_PERMERROR &&
			  slice_equal(why, SLICE("the key is not an RSA key")),
	    "%s: %.*s", broken[_i].label, SLICE_ARG(why));
}
END_TEST

START_TEST(long_records)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key record;
	struct slice why, text = arena_printf(arena, "n=%*s; p=" SPKI, DKIM_KEY_RECORD_MAX, "x");

	ck_assert_int_eq(read_text(text, &field, &record, &why), DKIM_PERMERROR);
	ck_assert(slice_equal(why, SLICE("the key record is too long")));
}
END_TEST

START_TEST(out_of_memory)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key record;
	struct slice why;

	arena_free(&arena);
	arena = arena_create(16);
	ck_assert_int_eq(read_text(SLICE("p=" SPKI), &field, &record, &why), DKIM_TEMPERROR);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_key");
	TCase *t = tcase_create("dkim_key");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, reads, 0, ROWS(rows));
	tcase_add_test(t, both_forms_are_one_key);
	tcase_add_loop_test(t, maps_answers, 0, ROWS(answers));
	tcase_add_loop_test(t, bounds_keys, 0, ROWS(sizes));
	tcase_add_loop_test(t, refuses_broken_der, 0, ROWS(broken));
	tcase_add_test(t, long_records);
	tcase_add_test(t, out_of_memory);
	suite_add_tcase(s, t);
	return s;
}
