/* Key records: what a key may be, and which of several flaws counts. */
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

/* As a library would find SPKI and BARE. */
static const struct dkim_key_numbers decoded = {1024, 17, true};

static enum dkim_result read_text(
    struct slice text, const struct dkim_field *field, struct dkim_key *key, struct slice *why)
{
	unsigned char room[DKIM_KEY_RECORD_MAX];

	dkim_key_parse(text, room, key);
	if (key->flaw == DKIM_KEY_FLAWLESS && key->algorithm == DKIM_RSA_SHA256)
		dkim_key_set_rsa(key, &decoded);
	return dkim_key_judge(key, field, arena, why);
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
    {"strict, below, of another type", "t=s; k=ed25519; p=" POINT, DKIM_RSA_SHA256, true,
	DKIM_PERMERROR, "the key does not allow an i= below d="},
    {"strict, below, only sha1", "t=s; h=sha1; p=" SPKI, DKIM_RSA_SHA256, true, DKIM_PERMERROR,
	"the key does not allow SHA-256"},
    {"strict, below, revoked", "t=s; p=", DKIM_RSA_SHA256, true, DKIM_PERMERROR,
	"the key does not allow an i= below d="},
    {"of another type, revoked", "k=ed25519; p=", DKIM_RSA_SHA256, false, DKIM_PERMERROR,
	"the key is of another type than the signature"},
    {"of another type, not base64", "p=!!!!", DKIM_ED25519_SHA256, false, DKIM_PERMERROR,
	"the key is of another type than the signature"},
};

START_TEST(reads)
{
	struct dkim_field field = {
	    .algorithm = rows[_i].algorithm, .identity_below = rows[_i].below};
	struct dkim_key key;
	struct slice why;
	enum dkim_result result = read_text(slice_str(rows[_i].text), &field, &key, &why);

	ck_assert_msg(result == rows[_i].result, "%s: %s: %.*s", rows[_i].label,
	    dkim_result_name(result), SLICE_ARG(why));
	ck_assert_msg(slice_equal(why, slice_str(rows[_i].reason)), "%s: %.*s", rows[_i].label,
	    SLICE_ARG(why));
}
END_TEST

START_TEST(decodes_p)
{
	unsigned char room[DKIM_KEY_RECORD_MAX];
	struct dkim_key key;
	struct slice octets = dkim_key_parse(SLICE("t=y; p=" BARE), room, &key);

	ck_assert_uint_eq(octets.len, 140);
	ck_assert_mem_eq(octets.ptr, "\x30\x81\x89\x02\x81\x81\x00\xc2", 8);
	ck_assert(key.testing && !key.strict);
	octets = dkim_key_parse(SLICE("k=ed25519; t=s; p=" POINT), room, &key);
	ck_assert_uint_eq(octets.len, DKIM_POINT_LEN);
	ck_assert_uint_eq(key.bits, 256);
	ck_assert(key.strict && !key.testing);
	octets = dkim_key_parse(SLICE("v=DKIM2; t=y; p=" POINT), room, &key);
	ck_assert_uint_eq(octets.len, 0);
	ck_assert(!key.testing);
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
	struct dns_record records[2] = {{.data = SLICE("p=" SPKI)}, {.data = SLICE("p=" SPKI)}};
	struct dns_answer answer = {
	    .status = answers[_i].status, .count = answers[_i].count, .records = records};
	struct slice record, why;
	enum dkim_result result = dkim_key_of_answer(&answer, &record, &why);

	ck_assert_msg(
	    result == answers[_i].result, "%s: %s", answers[_i].label, dkim_result_name(result));
	ck_assert_msg((why.len == 0) == (result == DKIM_NONE), "%s: reason", answers[_i].label);
	ck_assert_msg((record.len > 0) == (result == DKIM_NONE), "%s: text", answers[_i].label);
}
END_TEST

static const struct {
	const char *label;
	struct dkim_key_numbers numbers;
	enum dkim_result result;
	const char *reason;
} sizes[] = {
    {"1023", {1023, 17, true}, DKIM_POLICY, "the key has 1023 bits; accepted are 1024 to 4096"},
    {"1024", {1024, 17, true}, DKIM_NONE, ""},
    {"4096", {4096, 17, true}, DKIM_NONE, ""},
    {"4097", {4097, 17, true}, DKIM_POLICY, "the key has 4097 bits; accepted are 1024 to 4096"},
    {"no bit", {0, 17, true}, DKIM_POLICY, "the key has 0 bits; accepted are 1024 to 4096"},
    {"exponent of 2 bits", {2048, 2, true}, DKIM_NONE, ""},
    {"exponent of 32 bits", {2048, 32, true}, DKIM_NONE, ""},
    {"exponent of 33 bits", {2048, 33, true}, DKIM_POLICY,
	"the public exponent of the key is too large"},
    {"both too large", {8192, 8192, false}, DKIM_POLICY,
	"the key has 8192 bits; accepted are 1024 to 4096"},
    {"exponent 1", {2048, 1, true}, DKIM_PERMERROR, "the key is not an RSA key"},
    {"exponent 0", {2048, 0, false}, DKIM_PERMERROR, "the key is not an RSA key"},
    {"even", {2048, 17, false}, DKIM_PERMERROR, "the key is not an RSA key"},
};

START_TEST(bounds_keys)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key key = {.algorithm = DKIM_RSA_SHA256};
	struct slice why;
	enum dkim_result result;

	dkim_key_set_rsa(&key, &sizes[_i].numbers);
	result = dkim_key_judge(&key, &field, arena, &why);
	ck_assert_msg(result == sizes[_i].result, "%s: %s: %.*s", sizes[_i].label,
	    dkim_result_name(result), SLICE_ARG(why));
	ck_assert_msg(slice_equal(why, slice_str(sizes[_i].reason)), "%s: %.*s", sizes[_i].label,
	    SLICE_ARG(why));
	ck_assert_uint_eq(key.bits, sizes[_i].numbers.modulus_bits);
}
END_TEST

START_TEST(not_decoded)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key key = {.algorithm = DKIM_RSA_SHA256, .flaw = DKIM_KEY_FLAWLESS};
	struct slice why;

	dkim_key_set_rsa(&key, NULL);
	ck_assert_int_eq(dkim_key_judge(&key, &field, arena, &why), DKIM_PERMERROR);
	ck_assert(slice_equal(why, SLICE("the key is not an RSA key")));
}
END_TEST

START_TEST(long_records)
{
	struct dkim_field field = {.algorithm = DKIM_RSA_SHA256};
	struct dkim_key key;
	struct slice why, text = arena_printf(arena, "n=%*s; p=" SPKI, DKIM_KEY_RECORD_MAX, "x");

	ck_assert_int_eq(read_text(text, &field, &key, &why), DKIM_PERMERROR);
	ck_assert(slice_equal(why, SLICE("the key record is too long")));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_key");
	TCase *t = tcase_create("dkim_key");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, reads, 0, ROWS(rows));
	tcase_add_test(t, decodes_p);
	tcase_add_loop_test(t, maps_answers, 0, ROWS(answers));
	tcase_add_loop_test(t, bounds_keys, 0, ROWS(sizes));
	tcase_add_test(t, not_decoded);
	tcase_add_test(t, long_records);
	suite_add_tcase(s, t);
	return s;
}
