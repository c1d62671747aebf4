/* Signatures that are right and spelled in a way that libopendkim, or a strict reader, refuses. */
#include "unit/unit.h"

#include "fake/stage.h"

#include <stdio.h>
#include <time.h>

#define START "DKIM-Signature: v=1; a=rsa-sha256; "
#define ASCII "d=example.org; s=rsa2048; "
#define NAMES "h=from:to:subject; "
#define END   "bh=@BODY@; b=@SIGNATURE@"
#define BUECHER                                                                                    \
	"b\xc3\xbc"                                                                                \
	"cher.example"

static const struct {
	const char *label, *field, *domain, *identity;
} rows[] = {
    {"plain", START ASCII NAMES END, "example.org", "@example.org"},
    /* RFC 8616 */
    {"U-labels in d=", START "d=" BUECHER "; s=rsa2048; " NAMES END, "xn--bcher-kva.example",
	"@xn--bcher-kva.example"},
    {"the A-label of it", START "d=XN--bcher-kva.example; s=rsa2048; " NAMES END,
	"xn--bcher-kva.example", "@xn--bcher-kva.example"},
    {"capitals and decomposed U-labels",
	START "d=Bu\xcc\x88"
	      "CHER.example; s=rsa2048; " NAMES END,
	"xn--bcher-kva.example", "@xn--bcher-kva.example"},
    {"a U-label in s=", START "d=example.org; s=schl\xc3\xbcssel; " NAMES END, "example.org",
	"@example.org"},
    {"U-labels in i=", START "d=xn--bcher-kva.example; s=rsa2048; i=@" BUECHER "; " NAMES END,
	"xn--bcher-kva.example", "@xn--bcher-kva.example"},
    {"U-labels in i= below d=",
	START "d=" BUECHER "; s=rsa2048; i=a@m\xc3\xbc." BUECHER "; " NAMES END,
	"xn--bcher-kva.example", "a@xn--m-eha.xn--bcher-kva.example"},
    {"a local part in UTF-8", START ASCII "i=j\xc3\xbcrgen@example.org; " NAMES END, "example.org",
	"j=C3=BCrgen@example.org"},
    {"the same, quoted", START ASCII "i=j=C3=BCrgen@example.org; " NAMES END, "example.org",
	"j=C3=BCrgen@example.org"},
    {"UTF-8 in an unknown tag", START ASCII "x_note=gr\xc3\xbc\xc3\x9f dich; " NAMES END,
	"example.org", "@example.org"},
    /* Spelling. */
    {"b and a blank", START ASCII NAMES "bh=@BODY@; b = @SIGNATURE@", "example.org",
	"@example.org"},
    {"b in the middle", START "b=@SIGNATURE@ ; " ASCII NAMES "bh=@BODY@;", "example.org",
	"@example.org"},
    {"an unknown tag that ends in b", START "xb=1; " ASCII NAMES END, "example.org",
	"@example.org"},
    {"and one behind", START ASCII NAMES END "; xb=1", "example.org", "@example.org"},
    {"a quoted at sign", START ASCII "i=joe=40example.org; " NAMES END, "example.org",
	"joe@example.org"},
    {"an empty name at the end of h=", START ASCII "h=from:to:subject:; " END, "example.org",
	"@example.org"},
    {"q= in capitals", START ASCII "q=DNS/TXT; " NAMES END, "example.org", "@example.org"},
    {"h= with DKIM-Signature, of which there is no other",
	START ASCII "h=from:to:DKIM-Signature; " END, "example.org", "@example.org"},
    {"blanks around every tag",
	START
	" d = example.org ;\r\n\ts = rsa2048 ; h = from : to ; bh = @BODY@ ; b = @SIGNATURE@ ; ",
	"example.org", "@example.org"},
};

static struct slice sign_odd(const char *field, bool relaxed, struct slice message)
{
	const char *canon = relaxed ? "; c=relaxed/relaxed" : "; c=simple/simple";
	char *whole = arena_strdup(stage.arena,
	    arena_printf(stage.arena, "%.*s%s%s", (int)(sizeof "DKIM-Signature: v=1" - 1), field,
		canon, field + sizeof "DKIM-Signature: v=1" - 1));

	return sign_by_template(stage.keys[KEY_2048], whole, message, stage.arena);
}

static void publish_idn_keys(void)
{
	struct slice record = signer_key_record(stage.keys[KEY_2048], false, stage.arena);

	record = arena_printf(
	    stage.arena, "%.*s; n=Schl\xc3\xbcssel f\xc3\xbcr alle", SLICE_ARG(record));
	stage_publish("rsa2048._domainkey.xn--bcher-kva.example", record);
	stage_publish("xn--schlssel-95a._domainkey.example.org", record);
}

START_TEST(odd_signatures)
{
	publish_idn_keys();
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		struct slice message = sign_odd(rows[_i].field, relaxed, SLICE(STAGE_MESSAGE));
		struct dkim_answer a = stage_play(message);

		ck_assert_uint_eq(a.count, 1);
		ck_assert_msg(a.signatures[0].result == DKIM_PASS, "%s, %d: %s: %.*s",
		    rows[_i].label, relaxed, dkim_result_name(a.signatures[0].result),
		    SLICE_ARG(a.signatures[0].reason));
		ck_assert(dkim_counts(&a.signatures[0]));
		ck_assert_msg(slice_equal(a.signatures[0].domain, slice_str(rows[_i].domain)),
		    "%s: d=%.*s", rows[_i].label, SLICE_ARG(a.signatures[0].domain));
		ck_assert_msg(slice_equal(a.signatures[0].identity, slice_str(rows[_i].identity)),
		    "%s: i=%.*s", rows[_i].label, SLICE_ARG(a.signatures[0].identity));
		stage_want(rows[_i].label, stage_replaced(message, "To: Bob", "To: Bab"), DKIM_FAIL,
		    STAGE_CHANGED_HEADER);
		stage_want(rows[_i].label, stage_replaced(message, "this is it", "this is It"),
		    DKIM_FAIL, STAGE_CHANGED_BODY);
	}
}
END_TEST

/* Text that nobody signed is not mended by its meaning: the hash is over what stands there. */
START_TEST(other_spelling_of_a_name)
{
	struct slice message;

	publish_idn_keys();
	message =
	    sign_odd(START "d=" BUECHER "; s=rsa2048; " NAMES END, true, SLICE(STAGE_MESSAGE));
	stage_want("as signed", message, DKIM_PASS, "");
	stage_want("its A-label", stage_replaced(message, BUECHER, "xn--bcher-kva.example"),
	    DKIM_FAIL, STAGE_CHANGED_HEADER);
	stage_want("no name", stage_replaced(message, BUECHER, "b\xc3\xbc..example"),
	    DKIM_PERMERROR, "d= is not a domain name");
	stage_want("no UTF-8", stage_replaced(message, BUECHER, "b\xfc.example"), DKIM_PERMERROR,
	    "control character or invalid UTF-8 in a tag");
}
END_TEST

/* "From : x", in simple form with its blank. */
START_TEST(blanks_in_front_of_a_colon)
{
	struct slice spaced =
	    stage_replaced(stage_replaced(SLICE(STAGE_MESSAGE), "From: Alice", "From : Alice"),
		"Subject:", "Subject\t:");

	for (int relaxed = 0; relaxed < 2; relaxed++) {
		struct slice message = sign_odd(START ASCII NAMES END, relaxed, spaced);

		stage_want("as signed", message, DKIM_PASS, "");
		stage_want("without the blank", stage_replaced(message, "From :", "From:"),
		    relaxed ? DKIM_PASS : DKIM_FAIL, relaxed ? "" : STAGE_CHANGED_HEADER);
		stage_want("changed", stage_replaced(message, "Alice", "Alise"), DKIM_FAIL,
		    STAGE_CHANGED_HEADER);
	}
}
END_TEST

/* _i: names in h=, beyond what libopendkim is given, and beyond what it cuts. */
START_TEST(long_lists_of_names)
{
	static const size_t counts[] = {200, 257, 600, 1024};
	static char field[DKIM_VERIFIED_MAX * 4096];
	size_t n = (size_t)sprintf(field, START ASCII "h=from:to");
	struct slice message;

	for (size_t i = 2; i + 1 < counts[_i]; i++)
		n += (size_t)sprintf(field + n, i % 8 ? ":x-%zu" : ":\r\n\tx-%zu", i);
	sprintf(field + n, ":subject; " END);
	message = sign_odd(field, _i & 1, SLICE(STAGE_MESSAGE));
	stage_want("as signed", message, DKIM_PASS, "");
	stage_want("the last name counts", stage_replaced(message, "long", "lung"), DKIM_FAIL,
	    STAGE_CHANGED_HEADER);
}
END_TEST

/* More signatures than are verified, and malformed ones, all signed by the last signer. */
START_TEST(signed_signatures_beside_others)
{
	struct slice message = SLICE(STAGE_MESSAGE);

	for (int i = 0; i < 7; i++)
		message = stage_prefixed(
		    i % 2 ? "DKIM-Signature: v=1; hello\r\n"
			  : "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=x; h=from; "
			    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n",
		    message);
	message = sign_odd(
	    START ASCII "h=from:dkim-signature:dkim-signature:dkim-signature; " END, true, message);
	stage_want("as signed", message, DKIM_PASS, "");
	stage_want("a malformed one above those three changed",
	    stage_replaced(message, "hello", "hallo"), DKIM_PASS, "");
	message = sign_odd(START ASCII "h=from:dkim-signature:dkim-signature:dkim-signature:"
				       "dkim-signature:dkim-signature:dkim-signature:"
				       "dkim-signature:dkim-signature; " END,
	    true, message);
	stage_want("eight others", message, DKIM_PASS, "");
	stage_want("one of them changed", stage_replaced(message, "hello", "hallo"), DKIM_FAIL,
	    STAGE_CHANGED_HEADER);
}
END_TEST

/* Every limit of the arena gives temperror or the right result, and nothing else. */
START_TEST(small_arenas)
{
	struct slice message = sign_odd(START ASCII "xb=1; i=j\xc3\xbcrgen@example.org; " NAMES END,
	    true, SLICE(STAGE_MESSAGE));
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

Suite *suite(void)
{
	Suite *s = suite_create("dkim_odd");
	TCase *t = tcase_create("dkim_odd");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, stage_make_keys, stage_free_keys);
	tcase_add_checked_fixture(t, stage_setup, stage_teardown);
	tcase_add_loop_test(t, odd_signatures, 0, ROWS(rows));
	tcase_add_test(t, other_spelling_of_a_name);
	tcase_add_test(t, blanks_in_front_of_a_colon);
	tcase_add_loop_test(t, long_lists_of_names, 0, 4);
	tcase_add_test(t, signed_signatures_beside_others);
	tcase_add_test(t, small_arenas);
	suite_add_tcase(s, t);
	return s;
}
