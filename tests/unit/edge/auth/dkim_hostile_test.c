/* DKIM with several signatures, with fields that strangers make up, without memory, in threads. */
#include "unit/unit.h"

#include "fake/stage.h"

#include <pthread.h>
#include <time.h>

/* ---- several signatures -------------------------------------------------------------- */

START_TEST(dual_signatures)
{
	struct signing ed25519 = stage_signing(KEY_ED25519, true),
		       rsa = stage_signing(KEY_2048, false);
	struct slice message =
	    sign_by_dkimpy(stage.keys[KEY_ED25519], &ed25519, SLICE(STAGE_MESSAGE), stage.arena);
	struct dkim_answer a =
	    stage_play(sign_by_opendkim(stage.keys[KEY_2048], &rsa, message, stage.arena));

	ck_assert_uint_eq(a.count, 2);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert(slice_equal(a.signatures[0].algorithm, SLICE("rsa-sha256")));
	ck_assert_int_eq(a.signatures[1].result, DKIM_PASS);
	ck_assert(slice_equal(a.signatures[1].algorithm, SLICE("ed25519-sha256")));
	ck_assert_uint_eq(counting_questions(&stage.counting), 2);
}
END_TEST

/* The second signer signs the field of the first, too. */
START_TEST(signed_signatures)
{
	struct signing first = stage_signing(KEY_1024, true),
		       second = stage_signing(KEY_2048, true);
	struct slice message;
	struct dkim_answer a;

	second.fields = "from:dkim-signature:subject";
	message = sign_by_opendkim(stage.keys[KEY_1024], &first, SLICE(STAGE_MESSAGE), stage.arena);
	message = sign_by_opendkim(stage.keys[KEY_2048], &second, message, stage.arena);
	a = stage_play(message);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert_int_eq(a.signatures[1].result, DKIM_PASS);
	stage_want("the inner one is gone",
	    stage_replaced(message, "\r\nDKIM-Signature:", "\r\nX-Signature:"), DKIM_FAIL,
	    STAGE_CHANGED_HEADER);
	stage_want("the inner one is broken", stage_replaced(message, "s=rsa1024;", ""), DKIM_FAIL,
	    STAGE_CHANGED_HEADER);
	first.sha1 = true;
	message = sign_by_opendkim(stage.keys[KEY_1024], &first, SLICE(STAGE_MESSAGE), stage.arena);
	stage_want("the inner one is not accepted",
	    sign_by_opendkim(stage.keys[KEY_2048], &second, message, stage.arena), DKIM_PASS, "");
}
END_TEST

START_TEST(aligned_ones_first)
{
	struct slice message = stage_signed_by(KEY_2048, true);
	struct signing other = stage_signing(KEY_1024, true);
	struct dkim_answer a;

	other.domain = "example.com";
	for (int i = 0; i < 7; i++)
		message = sign_by_opendkim(stage.keys[KEY_1024], &other, message, stage.arena);
	a = stage_play(message);
	ck_assert_uint_eq(a.count, DKIM_VERIFIED_MAX);
	ck_assert_uint_eq(a.not_looked_at, 3);
	ck_assert(slice_equal(a.signatures[0].domain, SLICE("example.org")));
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert_int_eq(a.signatures[1].result, DKIM_PERMERROR);
	ck_assert_uint_le(counting_questions(&stage.counting), DKIM_VERIFIED_MAX);
	ck_assert_uint_le(
	    counting_hinted(&stage.counting, SLICE("rsa1024._domainkey.example.com"), DNS_TXT), 9);
	ck_assert_uint_eq(
	    counting_hinted(&stage.counting, SLICE("rsa2048._domainkey.example.org"), DNS_TXT), 1);
}
END_TEST

START_TEST(broken_ones_beside)
{
	struct slice message = stage_prefixed("DKIM-Signature: v=1; a=rsa-sha256; hello\r\n"
					      "dkim-signature:\r\n"
					      "DKIM-Signature: v=1; v=1\r\n",
	    stage_signed_by(KEY_2048, true));
	struct dkim_answer a = stage_play(message);

	ck_assert_uint_eq(a.count, 4);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	for (size_t i = 1; i < 4; i++)
		ck_assert_int_eq(a.signatures[i].result, DKIM_PERMERROR);
}
END_TEST

START_TEST(oversigned_fields)
{
	struct signing how = stage_signing(KEY_2048, true);
	struct slice message;

	/* Every field of the message and one more: libopendkim alone writes behind its array. */
	how.fields = "received:from:to:subject:date:from:subject:dkim-signature";
	message = sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena);
	stage_want("as signed", message, DKIM_PASS, "");
	stage_want("another From in front", stage_prefixed("From: eve@example.com\r\n", message),
	    DKIM_FAIL, STAGE_CHANGED_HEADER);
	how.fields = "from:from:to:cc:cc:x:y:z:date:subject:subject:subject";
	stage_want("as signed by python3-dkim",
	    sign_by_dkimpy(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
	    DKIM_PASS, "");
}
END_TEST

static const struct slice author = SLICE_INIT("example.org");

/* ---- what strangers may send --------------------------------------------------------- */

START_TEST(unsigned_messages)
{
	struct dkim_verifier *v =
	    dkim_verifier_create(stage.library, &stage.dns, &idn_uts46, stage.arena, 1);
	struct dkim_answer a;

	stage_give_header(v, SLICE(STAGE_MESSAGE));
	ck_assert(!dkim_verifier_end_of_headers(v, &author, 1));
	dkim_verifier_finish(v, &a);
	ck_assert_uint_eq(a.count, 0);
	dkim_verifier_free(&v);
	v = dkim_verifier_create(stage.library, &stage.dns, &idn_uts46, stage.arena, 1);
	ck_assert(!dkim_verifier_end_of_headers(v, NULL, 0));
	dkim_verifier_finish(v, &a);
	ck_assert_uint_eq(a.count, 0);
	dkim_verifier_free(&v);
	ck_assert_uint_eq(counting_questions(&stage.counting), 0);
}
END_TEST

/* Of signatures that may be aligned the walk is hinted; of others, and of the author's own, not. */
START_TEST(walks_are_hinted)
{
	static const struct slice authors[] = {
	    SLICE_INIT("bank.example"), SLICE_INIT("a.example.org")};
	struct dkim_verifier *v = dkim_verifier_create(
	    stage.library, &stage.dns, &idn_uts46, stage.arena, (uint64_t)time(NULL));
	struct dkim_answer a;

	stage_give_header(v, stage_signed_by(KEY_2048, true));
	ck_assert(dkim_verifier_end_of_headers(v, authors, 2));
	ck_assert_uint_eq(
	    counting_hinted(&stage.counting, SLICE("_dmarc.example.org"), DNS_TXT), 1);
	ck_assert_uint_eq(counting_hinted(&stage.counting, SLICE("_dmarc.org"), DNS_TXT), 1);
	dkim_verifier_finish(v, &a);
	dkim_verifier_free(&v);
	v = dkim_verifier_create(
	    stage.library, &stage.dns, &idn_uts46, stage.arena, (uint64_t)time(NULL));
	stage_give_header(v, stage_signed_by(KEY_2048, true));
	ck_assert(dkim_verifier_end_of_headers(v, &authors[0], 1));
	dkim_verifier_free(&v);
	v = dkim_verifier_create(
	    stage.library, &stage.dns, &idn_uts46, stage.arena, (uint64_t)time(NULL));
	stage_give_header(v, stage_signed_by(KEY_2048, true));
	ck_assert(dkim_verifier_end_of_headers(v, &author, 1));
	dkim_verifier_free(&v);
	ck_assert_uint_eq(
	    counting_hinted(&stage.counting, SLICE("_dmarc.example.org"), DNS_TXT), 1);
}
END_TEST

static const struct {
	const char *label, *what, *with, *reason;
	enum dkim_result result;
} hostile[] = {
    {"b= with a blank in front of the equal sign", "\tb=", "\tb =", STAGE_CHANGED_HEADER,
	DKIM_FAIL},
    {"a tag that ends in b", "\tb=", "\txb=1; b=", STAGE_CHANGED_HEADER, DKIM_FAIL},
    {"b= that is not base64", "\tb=", "\tb=!", "b= is not base64", DKIM_PERMERROR},
    {"b= that is too long", "\tb=", "\tb=AAAA", STAGE_CHANGED_HEADER, DKIM_FAIL},
    {"no From", "From: Alice", "X-From: Alice", STAGE_CHANGED_HEADER, DKIM_FAIL},
    {"a From that nobody can parse", "Alice <alice@example.org>", "(((((\"<<<>,;:@@",
	STAGE_CHANGED_HEADER, DKIM_FAIL},
    {"a field without a name", "To: Bob", ": x\r\nTo: Bob", "", DKIM_PASS},
    {"a name with 8 bits", "To: Bob", "X-\xff: x\r\nTo: Bob", "", DKIM_PASS},
    {"a semicolon in a name", "To: Bob", "X;y: x\r\nTo: Bob", "", DKIM_PASS},
    {"the name that is never signed", "To: Bob", "no name: x\r\nTo: Bob", "", DKIM_PASS},
    {"an empty value", "To: Bob", "X-Empty:\r\nTo: Bob", "", DKIM_PASS},
};

START_TEST(hostile_fields)
{
	stage_want(hostile[_i].label,
	    stage_replaced(stage_signed_by(KEY_2048, true), hostile[_i].what, hostile[_i].with),
	    hostile[_i].result, hostile[_i].reason);
}
END_TEST

START_TEST(nul_in_a_field)
{
	struct slice message = stage_signed_by(KEY_2048, true);
	size_t at = stage_find(message, "Alice <");
	char *copy = arena_strdup(stage.arena, message);

	copy[at + 2] = 0;
	stage_want(
	    "NUL", slice_of(copy, message.len), DKIM_PERMERROR, "a header field holds a NUL");
}
END_TEST

START_TEST(a_field_beyond_all_memory)
{
	size_t len = (size_t)12 << 20;
	struct slice message = stage_signed_by(KEY_2048, true), value;
	struct dkim_verifier *v = dkim_verifier_create(
	    stage.library, &stage.dns, &idn_uts46, stage.arena, (uint64_t)time(NULL));
	struct dkim_answer a;
	char *large = arena_alloc(stage.arena, len);

	memset(large, 'x', len);
	value = slice_of(large, len);
	stage_give_header(v, message);
	dkim_verifier_header(v, SLICE("X-Large"), value);
	ck_assert(!dkim_verifier_end_of_headers(v, &author, 1));
	dkim_verifier_finish(v, &a);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_int_eq(a.signatures[0].result, DKIM_TEMPERROR);
	dkim_verifier_free(&v);
}
END_TEST

/* Every limit of the arena gives temperror or the right result, and nothing else. */
START_TEST(small_arenas)
{
	struct slice message = stage_signed_by(KEY_2048, true);
	size_t passed = 0;

	for (size_t limit = 0; limit < 16384; limit += 97) {
		struct arena *small = arena_create(limit);
		struct dkim_answer a;

		stage_play_at(message, "example.org", small, (uint64_t)time(NULL), &a);
		ck_assert_uint_eq(a.count, 1);
		ck_assert_msg(
		    a.signatures[0].result == DKIM_TEMPERROR || a.signatures[0].result == DKIM_PASS,
		    "with %zu: %s", limit, dkim_result_name(a.signatures[0].result));
		passed += a.signatures[0].result == DKIM_PASS;
		arena_free(&small);
	}
	ck_assert_uint_gt(passed, 0);
}
END_TEST

/* ---- allocations that fail ----------------------------------------------------------- */

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);

/* How many allocations of this program succeed before one fails; negative: all. */
static _Thread_local long allocations = -1;

static bool fails(void)
{
	return allocations >= 0 && allocations-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

START_TEST(failing_allocations)
{
	struct slice message = stage_signed_by(KEY_2048, true);
	bool passed = false;

	for (long n = 0; n < 200 && !passed; n++) {
		struct arena *own = arena_create(1 << 20);
		struct dkim_answer a;

		allocations = n;
		stage_play_at(message, "example.org", own, (uint64_t)time(NULL), &a);
		allocations = -1;
		passed = a.count == 1 && a.signatures[0].result == DKIM_PASS;
		ck_assert_msg(passed || a.count == 0 || a.signatures[0].result == DKIM_TEMPERROR,
		    "allocation %ld: %s", n, dkim_result_name(a.signatures[0].result));
		arena_free(&own);
	}
	ck_assert(passed);
	for (long n = 0; n < 4; n++) {
		struct dkim_crypto *lib;

		allocations = n;
		lib = dkim_library_create();
		allocations = -1;
		ck_assert_ptr_null(lib);
	}
}
END_TEST

/* ---- threads ------------------------------------------------------------------------- */

enum { THREADS = 4, MESSAGES = 60 };

static struct slice thread_messages[3];

static void *verify_many(void *self)
{
	size_t *passes = self;

	for (int i = 0; i < MESSAGES; i++) {
		struct arena *own = arena_create(1 << 20);
		struct dkim_answer a;

		stage_play_at(thread_messages[i % 3], "example.org", own, (uint64_t)time(NULL), &a);
		*passes += a.count == 1 && a.signatures[0].result == DKIM_PASS;
		arena_free(&own);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t thread[THREADS];
	size_t passes[THREADS] = {0};

	thread_messages[0] = stage_signed_by(KEY_1024, false);
	thread_messages[1] = stage_signed_by(KEY_2048, true);
	thread_messages[2] = stage_signed_by(KEY_ED25519, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, verify_many, &passes[i]);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_uint_eq(passes[i], MESSAGES);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_hostile");
	TCase *t = tcase_create("dkim_hostile");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, stage_make_keys, stage_free_keys);
	tcase_add_checked_fixture(t, stage_setup, stage_teardown);
	tcase_add_test(t, dual_signatures);
	tcase_add_test(t, signed_signatures);
	tcase_add_test(t, aligned_ones_first);
	tcase_add_test(t, broken_ones_beside);
	tcase_add_test(t, oversigned_fields);
	tcase_add_test(t, unsigned_messages);
	tcase_add_test(t, walks_are_hinted);
	tcase_add_loop_test(t, hostile_fields, 0, ROWS(hostile));
	tcase_add_test(t, nul_in_a_field);
	tcase_add_test(t, a_field_beyond_all_memory);
	tcase_add_test(t, small_arenas);
	tcase_add_test(t, failing_allocations);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return s;
}
