/* DKIM as the daemon runs it, on messages made by two independent signers. */
#include "unit/unit.h"

#include "fake/stage.h"

#include <time.h>

/* ---- both signers, all keys, all canonicalisations ----------------------------------- */

typedef struct slice signer(
    const struct signer_key *, const struct signing *, struct slice, struct arena *);

/* _i counts keys, canonicalisations and signers. */
START_TEST(signed_messages)
{
	static signer *const signers[] = {sign_by_opendkim, sign_by_dkimpy};
	static const unsigned bits[KEYS] = {512, 1024, 2048, 4096, 256};
	int key = KEY_1024 + _i / 8;
	struct signing how = stage_signing(key, false);
	struct slice message;
	struct dkim_answer a;
	const struct dkim_signature_result *r;

	how.relaxed_header = _i & 1;
	how.relaxed_body = _i & 2;
	/* OpenDKIM signs a simple header with ed25519 wrongly; python3-dkim refuses it, too. */
	message = signers[_i / 4 % 2 || (key == KEY_ED25519 && !how.relaxed_header)](
	    stage.keys[key], &how, SLICE(STAGE_MESSAGE), stage.arena);
	a = stage_play(message);
	ck_assert_uint_eq(a.count, 1);
	r = &a.signatures[0];
	ck_assert_msg(r->result == DKIM_PASS, "%s, %d: %s: %.*s", stage_selectors[key], _i,
	    dkim_result_name(r->result), SLICE_ARG(r->reason));
	ck_assert(dkim_counts(r));
	ck_assert(slice_equal(r->domain, SLICE("example.org")));
	ck_assert(slice_equal(r->selector, slice_str(stage_selectors[key])));
	ck_assert(slice_equal(r->identity, SLICE("@example.org")));
	ck_assert_uint_eq(r->bits, bits[key]);
	ck_assert_uint_eq(r->b_prefix.len, 8);
	ck_assert_uint_eq(counting_questions(&stage.counting), 1);
	stage_want("changed", stage_replaced(message, "this is it", "this is It"), DKIM_FAIL,
	    "the body was changed");
	stage_want("subject", stage_replaced(message, "subject ", "object "), DKIM_FAIL,
	    "the signature does not match the signed fields");
}
END_TEST

/* ---- one change each ----------------------------------------------------------------- */

static const struct {
	const char *label, *what, *with;
	enum dkim_result simple, relaxed;
	const char *reason; /* of what is no pass */
} changes[] = {
    {"nothing", "Hello", "Hello", DKIM_PASS, DKIM_PASS, ""},
    {"a word of the body", "Hello", "Hallo", DKIM_FAIL, DKIM_FAIL, STAGE_CHANGED_BODY},
    {"a line more", "this", "that\r\nthis", DKIM_FAIL, DKIM_FAIL, STAGE_CHANGED_BODY},
    {"blanks in a line of the body", "Hello  Bob", "Hello Bob", DKIM_FAIL, DKIM_PASS,
	STAGE_CHANGED_BODY},
    {"blanks at the end of a line", "Bob, \r\n", "Bob,\r\n", DKIM_FAIL, DKIM_PASS,
	STAGE_CHANGED_BODY},
    {"empty lines at the end", ".\r\n\r\n\r\n", ".\r\n", DKIM_PASS, DKIM_PASS, ""},
    {"a body that is cut", ".\r\n\r\n\r\n", "", DKIM_FAIL, DKIM_FAIL, STAGE_CHANGED_BODY},
    {"a signed field", "To: Bob", "To: Bab", DKIM_FAIL, DKIM_FAIL, STAGE_CHANGED_HEADER},
    {"folding of a signed field", "long\r\n\t subject", "long subject", DKIM_FAIL, DKIM_PASS,
	STAGE_CHANGED_HEADER},
    {"another fold", "Alice <", "Alice\r\n <", DKIM_FAIL, DKIM_PASS, STAGE_CHANGED_HEADER},
    {"blanks after the colon", "Subject:  a", "Subject: a", DKIM_FAIL, DKIM_PASS,
	STAGE_CHANGED_HEADER},
    {"case of a name", "\r\nSubject:", "\r\nSUBJECT:", DKIM_FAIL, DKIM_PASS, STAGE_CHANGED_HEADER},
    {"a signed field removed", "Date: Sat, 21 Nov 2026 03:00:00 +0000\r\n\r\n", "\r\n", DKIM_FAIL,
	DKIM_FAIL, STAGE_CHANGED_HEADER},
    {"an unsigned field", "by mx.example.net", "by mx.example.com", DKIM_PASS, DKIM_PASS, ""},
    {"an unsigned field more", "Received: ", "X-New: field\r\nReceived: ", DKIM_PASS, DKIM_PASS,
	""},
    {"the order of fields", "To: Bob <bob@example.net>\r\nSubject:  a  long\r\n\t subject \r\n",
	"Subject:  a  long\r\n\t subject \r\nTo: Bob <bob@example.net>\r\n", DKIM_PASS, DKIM_PASS,
	""},
    {"the signature itself", "d=example.org", "d=Example.org", DKIM_FAIL, DKIM_FAIL,
	STAGE_CHANGED_HEADER},
    {"another From behind", "To: Bob", "From: Eve <eve@example.com>\r\nTo: Bob", DKIM_FAIL,
	DKIM_FAIL, STAGE_CHANGED_HEADER},
    {"a blank in b=", "\tb=", "\tb= ", DKIM_PASS, DKIM_PASS, ""},
};

START_TEST(changed_messages)
{
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		enum dkim_result result = relaxed ? changes[_i].relaxed : changes[_i].simple;

		stage_want(changes[_i].label,
		    stage_replaced(
			stage_signed_by(KEY_2048, relaxed), changes[_i].what, changes[_i].with),
		    result, result == DKIM_PASS ? "" : changes[_i].reason);
	}
}
END_TEST

/* ---- keys ---------------------------------------------------------------------------- */

START_TEST(keys_in_the_dns)
{
	struct slice name = SLICE("rsa2048._domainkey.example.org");
	struct slice message = stage_signed_by(KEY_2048, true),
		     record = signer_key_record(stage.keys[KEY_2048], true, stage.arena);

	stage_empty_zone();
	stage_want("no name", message, DKIM_PERMERROR, "there is no key in the DNS");
	stage_publish(name.ptr, record);
	stage_want("bare RSAPublicKey", message, DKIM_PASS, "");
	stage_publish(name.ptr, record);
	stage_want("two records", message, DKIM_PERMERROR, "there are several key records");
	stage_empty_zone();
	zone_add_status(stage.zone, name, DNS_TXT, DNS_TEMP);
	stage_want("silence", message, DKIM_TEMPERROR, "the DNS gave no answer for the key");
	stage_empty_zone();
	stage_publish(name.ptr, SLICE("v=DKIM1; p="));
	stage_want("revoked", message, DKIM_PERMERROR, "the key is revoked");
	stage_empty_zone();
	stage_publish(name.ptr, signer_key_record(stage.keys[KEY_1024], false, stage.arena));
	stage_want("another key", message, DKIM_FAIL, STAGE_CHANGED_HEADER);
	stage_empty_zone();
	stage_publish(name.ptr, signer_key_record(stage.keys[KEY_ED25519], false, stage.arena));
	stage_want("of another type", message, DKIM_PERMERROR,
	    "the key is of another type than the signature");
}
END_TEST

START_TEST(testing_keys)
{
	struct slice message = stage_signed_by(KEY_2048, true);
	struct slice record = signer_key_record(stage.keys[KEY_2048], false, stage.arena);
	struct dkim_answer a;

	stage_empty_zone();
	stage_publish("rsa2048._domainkey.example.org",
	    arena_printf(stage.arena, "%.*s; t=y", SLICE_ARG(record)));
	a = stage_play(message);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert(a.signatures[0].testing);
}
END_TEST

START_TEST(identities)
{
	struct signing how = stage_signing(KEY_2048, true);
	struct slice message, record = signer_key_record(stage.keys[KEY_2048], false, stage.arena);

	how.identity = "alice@sub.example.org";
	message = sign_by_dkimpy(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena);
	stage_want("below", message, DKIM_PASS, "");
	stage_empty_zone();
	stage_publish("rsa2048._domainkey.example.org",
	    arena_printf(stage.arena, "%.*s; t=s", SLICE_ARG(record)));
	stage_want(
	    "below, not allowed", message, DKIM_PERMERROR, "the key does not allow an i= below d=");
	stage_want("same", stage_signed_by(KEY_2048, true), DKIM_PASS, "");
}
END_TEST

START_TEST(weak_signatures)
{
	struct signing how = stage_signing(KEY_2048, true);

	stage_want("512 bits", stage_signed_by(KEY_512, true), DKIM_POLICY,
	    "the key has 512 bits; accepted are 1024 to 4096");
	how.sha1 = true;
	stage_want("rsa-sha1 by OpenDKIM",
	    sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
	    DKIM_POLICY, "rsa-sha1 is not accepted (RFC 8301)");
	stage_want("rsa-sha1 by python3-dkim",
	    sign_by_dkimpy(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
	    DKIM_POLICY, "rsa-sha1 is not accepted (RFC 8301)");
}
END_TEST

START_TEST(times)
{
	struct signing how = stage_signing(KEY_2048, true);
	uint64_t now = (uint64_t)time(NULL);

	how.at = now - 3600;
	how.lifetime = 7200;
	stage_want("not yet",
	    sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
	    DKIM_PASS, "");
	how.lifetime = 600;
	stage_want("expired",
	    sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
	    DKIM_PERMERROR, "the signature has expired");
	how.at = now + 3600;
	stage_want("future",
	    sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
	    DKIM_PERMERROR, "the signature is from the future");
}
END_TEST

/* ---- l= ------------------------------------------------------------------------------ */

#define PARTLY "l= leaves a part of the body unsigned"

START_TEST(lengths)
{
	static signer *const signers[] = {sign_by_opendkim, sign_by_dkimpy};
	struct signing how = stage_signing(KEY_2048, _i & 1);
	struct slice message;
	struct dkim_answer a;

	how.length = 1000;
	message = signers[_i / 2](stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena);
	stage_want("all", message, DKIM_PASS, "");
	stage_want("more at the end",
	    stage_replaced(message, ".\r\n\r\n\r\n", ".\r\n\r\n\r\nbuy!\r\n"), DKIM_POLICY, PARTLY);
	a = stage_play(stage_replaced(message, ".\r\n\r\n\r\n", ".\r\n\r\n\r\nbuy!\r\n"));
	ck_assert(!a.signatures[0].body_covered);
	stage_want("inside", stage_replaced(message, "this is it", "this is It"), DKIM_FAIL,
	    STAGE_CHANGED_BODY);
	stage_want("shorter", stage_replaced(message, "this is it", "this"), DKIM_PERMERROR,
	    "l= is beyond the end of the body");
}
END_TEST

START_TEST(part_lengths)
{
	struct signing how = stage_signing(KEY_2048, true);

	for (how.length = 0; how.length <= 20; how.length += 5)
		stage_want("a part",
		    sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena),
		    DKIM_POLICY, PARTLY);
}
END_TEST

/* A key that does not come makes no signature count that could not count with it. */
START_TEST(part_without_key)
{
	struct signing how = stage_signing(KEY_2048, true);
	struct slice message;

	how.length = 10;
	message = sign_by_opendkim(stage.keys[KEY_2048], &how, SLICE(STAGE_MESSAGE), stage.arena);
	stage_empty_zone();
	zone_add_status(stage.zone, SLICE("rsa2048._domainkey.example.org"), DNS_TXT, DNS_TEMP);
	stage_want("a part", message, DKIM_POLICY, PARTLY);
}
END_TEST

/* Three lengths and both canonicalisations at once, each with its own hash. */
START_TEST(many_lengths)
{
	struct slice message = SLICE(STAGE_MESSAGE);
	struct dkim_answer a;

	for (int i = 0; i < 5; i++) {
		struct signing how = stage_signing(i == 3 ? KEY_ED25519 : KEY_2048, i & 1);

		how.length = i == 0 ? -1 : i * 8;
		message = sign_by_opendkim(
		    stage.keys[i == 3 ? KEY_ED25519 : KEY_2048], &how, message, stage.arena);
	}
	a = stage_play(message);
	ck_assert_uint_eq(a.count, 5);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(a.signatures[i].result, i == 4 ? DKIM_PASS : DKIM_POLICY);
		ck_assert(a.signatures[i].body_covered == (i == 4));
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim");
	TCase *t = tcase_create("dkim");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, stage_make_keys, stage_free_keys);
	tcase_add_checked_fixture(t, stage_setup, stage_teardown);
	tcase_add_loop_test(t, signed_messages, 0, (KEYS - KEY_1024) * 8);
	tcase_add_loop_test(t, changed_messages, 0, ROWS(changes));
	tcase_add_test(t, keys_in_the_dns);
	tcase_add_test(t, testing_keys);
	tcase_add_test(t, identities);
	tcase_add_test(t, weak_signatures);
	tcase_add_test(t, times);
	tcase_add_loop_test(t, lengths, 0, 4);
	tcase_add_test(t, part_lengths);
	tcase_add_test(t, part_without_key);
	tcase_add_test(t, many_lengths);
	suite_add_tcase(s, t);
	return s;
}
