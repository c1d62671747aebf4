/* DKIM as the daemon runs it, on messages made by two independent signers. */
#include "unit/unit.h"

#include "edge/dkim.h"
#include "fake/signer.h"
#include "fake/zone.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define MESSAGE                                                                                    \
	"Received: from mx.example.org\r\n\tby mx.example.net; Sat, 21 Nov 2026 03:00:00 "         \
	"+0000\r\n"                                                                                \
	"From: Alice <alice@example.org>\r\n"                                                      \
	"To: Bob <bob@example.net>\r\n"                                                            \
	"Subject:  a  long\r\n\t subject \r\n"                                                     \
	"Date: Sat, 21 Nov 2026 03:00:00 +0000\r\n"                                                \
	"\r\n"                                                                                     \
	"Hello  Bob, \r\n\r\n\tthis is it.\r\n.\r\n\r\n\r\n"

#define SIGNED_FIELDS "from:to:subject:date"

enum { KEY_512, KEY_1024, KEY_2048, KEY_4096, KEY_ED25519, KEYS };

static struct signer_key *keys[KEYS];
static const char *const selectors[KEYS] = {"rsa512", "rsa1024", "rsa2048", "rsa4096", "ed25519"};

static struct arena *arena;
static struct zone *zone;
static struct dkim_library *library;

static void make_keys(void)
{
	static const unsigned bits[KEYS] = {512, 1024, 2048, 4096, 0};

	for (size_t i = 0; i < KEYS; i++)
		keys[i] = signer_key_create(bits[i]);
}

static void free_keys(void)
{
	for (size_t i = 0; i < KEYS; i++)
		signer_key_free(&keys[i]);
}

static void publish(const char *name, struct slice record)
{
	ck_assert(zone_add(zone, slice_str(name), DNS_TXT, record, 0));
}

static void setup(void)
{
	arena = arena_create((size_t)64 << 20);
	zone = zone_create();
	library = dkim_library_create();
	for (size_t i = 0; i < KEYS; i++)
		publish(arena_printf(arena, "%s._domainkey.example.org", selectors[i]).ptr,
		    signer_key_record(keys[i], false, arena));
}

static void teardown(void)
{
	dkim_library_free(&library);
	zone_free(&zone);
	arena_free(&arena);
}

/* ---- playing a message ---------------------------------------------------------------------- */

static size_t find(struct slice text, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= text.len; i++)
		if (memcmp(text.ptr + i, what, n) == 0)
			return i;
	return text.len;
}

static struct slice replaced(struct slice text, const char *what, const char *with)
{
	size_t at = find(text, what);
	struct slice tail = slice_skip(text, at + strlen(what));
	struct slice out;

	ck_assert_msg(at < text.len, "\"%s\" is not there to be replaced", what);
	out = slice_of(
	    arena_alloc(arena, text.len + strlen(with)), text.len - strlen(what) + strlen(with));
	memcpy((char *)(uintptr_t)out.ptr, text.ptr, at);
	memcpy((char *)(uintptr_t)out.ptr + at, with, strlen(with));
	memcpy((char *)(uintptr_t)out.ptr + at + strlen(with), tail.ptr, tail.len);
	return out;
}

static struct slice prefixed(const char *front, struct slice text)
{
	char *out = arena_alloc(arena, strlen(front) + text.len + 1);

	memcpy(out, front, strlen(front));
	memcpy(out + strlen(front), text.ptr, text.len);
	return slice_of(out, strlen(front) + text.len);
}

/* One field as a milter gets it: folds have lost their CR. */
static void give_field(struct dkim_verifier *v, struct slice field)
{
	static _Thread_local char value[65536];
	size_t colon = slice_find(field, ':'), n = 0;

	if (field.len > sizeof value)
		abort();
	for (size_t i = colon + 1; i < field.len; i++)
		if (field.ptr[i] != '\r')
			value[n++] = field.ptr[i];
	dkim_verifier_header(v, slice_of(field.ptr, colon), slice_of(value, n));
}

/* Up to the empty line; returns the body. */
static struct slice give_header(struct dkim_verifier *v, struct slice message)
{
	size_t start = 0;

	for (size_t i = 0; i + 1 < message.len; i++) {
		bool end = message.ptr[i] == '\r' && message.ptr[i + 1] == '\n';

		if (end && i == start)
			return slice_skip(message, i + 2);
		if (end && message.ptr[i + 2] != ' ' && message.ptr[i + 2] != '\t') {
			give_field(v, slice_of(message.ptr + start, i - start));
			start = i + 2;
		}
	}
	return slice_of(NULL, 0);
}

static void play_at(
    struct slice message, const char *from, struct arena *a, uint64_t now, struct dkim_answer *out)
{
	struct dns dns = zone_dns(zone);
	struct dkim_verifier *v = dkim_verifier_create(library, &dns, a, now);
	struct slice body;

	*out = (struct dkim_answer){.count = 0};
	if (!v)
		return;
	body = give_header(v, message);
	if (dkim_verifier_end_of_headers(v, slice_str(from)))
		for (size_t i = 0; i < body.len; i += 7)
			dkim_verifier_body(v, body.ptr + i, body.len - i < 7 ? body.len - i : 7);
	dkim_verifier_finish(v, out);
	dkim_verifier_free(&v);
}

static struct dkim_answer play(struct slice message)
{
	struct dkim_answer answer;

	play_at(message, "example.org", arena, (uint64_t)time(NULL), &answer);
	return answer;
}

static void want(
    const char *label, struct slice message, enum dkim_result result, const char *reason)
{
	struct dkim_answer a = play(message);

	ck_assert_msg(a.count >= 1, "%s: not signed", label);
	ck_assert_msg(a.signatures[0].result == result, "%s: %s: %.*s", label,
	    dkim_result_name(a.signatures[0].result), SLICE_ARG(a.signatures[0].reason));
	ck_assert_msg(slice_equal(a.signatures[0].reason, slice_str(reason)), "%s: %.*s", label,
	    SLICE_ARG(a.signatures[0].reason));
	ck_assert_msg(dkim_counts(&a.signatures[0]) == (result == DKIM_PASS), "%s: counts", label);
}

static struct signing how_to_sign(int key, bool relaxed)
{
	return (struct signing){
	    .domain = "example.org",
	    .selector = selectors[key],
	    .fields = SIGNED_FIELDS,
	    .relaxed_header = relaxed,
	    .relaxed_body = relaxed,
	    .length = -1,
	};
}

static struct slice signed_by(int key, bool relaxed)
{
	struct signing how = how_to_sign(key, relaxed);

	return sign_by_opendkim(keys[key], &how, SLICE(MESSAGE), arena);
}

/* ---- both signers, all keys, all canonicalisations ------------------------------------------ */

typedef struct slice signer(
    const struct signer_key *, const struct signing *, struct slice, struct arena *);

/* _i counts keys, canonicalisations and signers. */
START_TEST(signed_messages)
{
	static signer *const signers[] = {sign_by_opendkim, sign_by_dkimpy};
	static const unsigned bits[KEYS] = {512, 1024, 2048, 4096, 256};
	int key = KEY_1024 + _i / 8;
	struct signing how = how_to_sign(key, false);
	struct slice message;
	struct dkim_answer a;
	const struct dkim_signature_result *r;

	how.relaxed_header = _i & 1;
	how.relaxed_body = _i & 2;
	/* OpenDKIM signs a simple header with ed25519 wrongly; python3-dkim refuses it, too. */
	message = signers[_i / 4 % 2 || (key == KEY_ED25519 && !how.relaxed_header)](
	    keys[key], &how, SLICE(MESSAGE), arena);
	a = play(message);
	ck_assert_uint_eq(a.count, 1);
	r = &a.signatures[0];
	ck_assert_msg(r->result == DKIM_PASS, "%s, %d: %s: %.*s", selectors[key], _i,
	    dkim_result_name(r->result), SLICE_ARG(r->reason));
	ck_assert(dkim_counts(r));
	ck_assert(slice_equal(r->domain, SLICE("example.org")));
	ck_assert(slice_equal(r->selector, slice_str(selectors[key])));
	ck_assert(slice_equal(r->identity, SLICE("@example.org")));
	ck_assert_uint_eq(r->bits, bits[key]);
	ck_assert_uint_eq(r->b_prefix.len, 8);
	ck_assert_uint_eq(zone_questions(zone), 1);
	want("changed", replaced(message, "this is it", "this is It"), DKIM_FAIL,
	    "the body was changed");
	want("subject", replaced(message, "subject ", "object "), DKIM_FAIL,
	    "the signature does not match the signed fields");
}
END_TEST

/* ---- one change each ------------------------------------------------------------------------ */

#define CHANGED_BODY   "the body was changed"
#define CHANGED_HEADER "the signature does not match the signed fields"

static const struct {
	const char *label, *what, *with;
	enum dkim_result simple, relaxed;
	const char *reason; /* of what is no pass */
} changes[] = {
    {"nothing", "Hello", "Hello", DKIM_PASS, DKIM_PASS, ""},
    {"a word of the body", "Hello", "Hallo", DKIM_FAIL, DKIM_FAIL, CHANGED_BODY},
    {"a line more", "this", "that\r\nthis", DKIM_FAIL, DKIM_FAIL, CHANGED_BODY},
    {"blanks in a line of the body", "Hello  Bob", "Hello Bob", DKIM_FAIL, DKIM_PASS, CHANGED_BODY},
    {"blanks at the end of a line", "Bob, \r\n", "Bob,\r\n", DKIM_FAIL, DKIM_PASS, CHANGED_BODY},
    {"empty lines at the end", ".\r\n\r\n\r\n", ".\r\n", DKIM_PASS, DKIM_PASS, ""},
    {"a body that is cut", ".\r\n\r\n\r\n", "", DKIM_FAIL, DKIM_FAIL, CHANGED_BODY},
    {"a signed field", "To: Bob", "To: Bab", DKIM_FAIL, DKIM_FAIL, CHANGED_HEADER},
    {"folding of a signed field", "long\r\n\t subject", "long subject", DKIM_FAIL, DKIM_PASS,
	CHANGED_HEADER},
    {"another fold", "Alice <", "Alice\r\n <", DKIM_FAIL, DKIM_PASS, CHANGED_HEADER},
    {"blanks after the colon", "Subject:  a", "Subject: a", DKIM_FAIL, DKIM_PASS, CHANGED_HEADER},
    {"case of a name", "\r\nSubject:", "\r\nSUBJECT:", DKIM_FAIL, DKIM_PASS, CHANGED_HEADER},
    {"a signed field removed", "Date: Sat, 21 Nov 2026 03:00:00 +0000\r\n\r\n", "\r\n", DKIM_FAIL,
	DKIM_FAIL, CHANGED_HEADER},
    {"an unsigned field", "by mx.example.net", "by mx.example.com", DKIM_PASS, DKIM_PASS, ""},
    {"an unsigned field more", "Received: ", "X-New: field\r\nReceived: ", DKIM_PASS, DKIM_PASS,
	""},
    {"the order of fields", "To: Bob <bob@example.net>\r\nSubject:  a  long\r\n\t subject \r\n",
	"Subject:  a  long\r\n\t subject \r\nTo: Bob <bob@example.net>\r\n", DKIM_PASS, DKIM_PASS,
	""},
    {"the signature itself", "d=example.org", "d=Example.org", DKIM_FAIL, DKIM_FAIL,
	CHANGED_HEADER},
    {"another From behind", "To: Bob", "From: Eve <eve@example.com>\r\nTo: Bob", DKIM_FAIL,
	DKIM_FAIL, CHANGED_HEADER},
    {"a blank in b=", "\tb=", "\tb= ", DKIM_PASS, DKIM_PASS, ""},
};

START_TEST(changed_messages)
{
	for (int relaxed = 0; relaxed < 2; relaxed++) {
		enum dkim_result result = relaxed ? changes[_i].relaxed : changes[_i].simple;

		want(changes[_i].label,
		    replaced(signed_by(KEY_2048, relaxed), changes[_i].what, changes[_i].with),
		    result, result == DKIM_PASS ? "" : changes[_i].reason);
	}
}
END_TEST

/* ---- keys ----------------------------------------------------------------------------------- */

START_TEST(keys_in_the_dns)
{
	struct slice name = SLICE("rsa2048._domainkey.example.org");
	struct slice message = signed_by(KEY_2048, true),
		     record = signer_key_record(keys[KEY_2048], true, arena);

	zone_free(&zone);
	zone = zone_create();
	want("no name", message, DKIM_PERMERROR, "there is no key in the DNS");
	publish(name.ptr, record);
	want("bare RSAPublicKey", message, DKIM_PASS, "");
	publish(name.ptr, record);
	want("two records", message, DKIM_PERMERROR, "there are several key records");
	zone_free(&zone);
	zone = zone_create();
	zone_add_status(zone, name, DNS_TXT, DNS_TEMP);
	want("silence", message, DKIM_TEMPERROR, "the DNS gave no answer for the key");
	zone_free(&zone);
	zone = zone_create();
	publish(name.ptr, SLICE("v=DKIM1; p="));
	want("revoked", message, DKIM_PERMERROR, "the key is revoked");
	zone_free(&zone);
	zone = zone_create();
	publish(name.ptr, signer_key_record(keys[KEY_1024], false, arena));
	want("another key", message, DKIM_FAIL, CHANGED_HEADER);
	zone_free(&zone);
	zone = zone_create();
	publish(name.ptr, signer_key_record(keys[KEY_ED25519], false, arena));
	want("of another type", message, DKIM_PERMERROR,
	    "the key is of another type than the signature");
}
END_TEST

START_TEST(testing_keys)
{
	struct slice message = signed_by(KEY_2048, true);
	struct slice record = signer_key_record(keys[KEY_2048], false, arena);
	struct dkim_answer a;

	zone_free(&zone);
	zone = zone_create();
	publish(
	    "rsa2048._domainkey.example.org", arena_printf(arena, "%.*s; t=y", SLICE_ARG(record)));
	a = play(message);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert(a.signatures[0].testing);
}
END_TEST

START_TEST(identities)
{
	struct signing how = how_to_sign(KEY_2048, true);
	struct slice message, record = signer_key_record(keys[KEY_2048], false, arena);

	how.identity = "alice@sub.example.org";
	message = sign_by_dkimpy(keys[KEY_2048], &how, SLICE(MESSAGE), arena);
	want("below", message, DKIM_PASS, "");
	zone_free(&zone);
	zone = zone_create();
	publish(
	    "rsa2048._domainkey.example.org", arena_printf(arena, "%.*s; t=s", SLICE_ARG(record)));
	want(
	    "below, not allowed", message, DKIM_PERMERROR, "the key does not allow an i= below d=");
	want("same", signed_by(KEY_2048, true), DKIM_PASS, "");
}
END_TEST

START_TEST(weak_signatures)
{
	struct signing how = how_to_sign(KEY_2048, true);

	want("512 bits", signed_by(KEY_512, true), DKIM_POLICY,
	    "the key has 512 bits; accepted are 1024 to 4096");
	how.sha1 = true;
	want("rsa-sha1 by OpenDKIM", sign_by_opendkim(keys[KEY_2048], &how, SLICE(MESSAGE), arena),
	    DKIM_POLICY, "rsa-sha1 is not accepted (RFC 8301)");
	want("rsa-sha1 by python3-dkim",
	    sign_by_dkimpy(keys[KEY_2048], &how, SLICE(MESSAGE), arena), DKIM_POLICY,
	    "rsa-sha1 is not accepted (RFC 8301)");
}
END_TEST

START_TEST(times)
{
	struct signing how = how_to_sign(KEY_2048, true);
	uint64_t now = (uint64_t)time(NULL);

	how.at = now - 3600;
	how.lifetime = 7200;
	want("not yet", sign_by_opendkim(keys[KEY_2048], &how, SLICE(MESSAGE), arena), DKIM_PASS,
	    "");
	how.lifetime = 600;
	want("expired", sign_by_opendkim(keys[KEY_2048], &how, SLICE(MESSAGE), arena),
	    DKIM_PERMERROR, "the signature has expired");
	how.at = now + 3600;
	want("future", sign_by_opendkim(keys[KEY_2048], &how, SLICE(MESSAGE), arena),
	    DKIM_PERMERROR, "the signature is from the future");
}
END_TEST

/* ---- l= ------------------------------------------------------------------------------------- */

#define PARTLY "l= leaves a part of the body unsigned"

START_TEST(lengths)
{
	static signer *const signers[] = {sign_by_opendkim, sign_by_dkimpy};
	struct signing how = how_to_sign(KEY_2048, _i & 1);
	struct slice message;
	struct dkim_answer a;

	how.length = 1000;
	message = signers[_i / 2](keys[KEY_2048], &how, SLICE(MESSAGE), arena);
	want("all", message, DKIM_PASS, "");
	want("more at the end", replaced(message, ".\r\n\r\n\r\n", ".\r\n\r\n\r\nbuy!\r\n"),
	    DKIM_POLICY, PARTLY);
	a = play(replaced(message, ".\r\n\r\n\r\n", ".\r\n\r\n\r\nbuy!\r\n"));
	ck_assert(!a.signatures[0].body_covered);
	want("inside", replaced(message, "this is it", "this is It"), DKIM_FAIL, CHANGED_BODY);
	want("shorter", replaced(message, "this is it", "this"), DKIM_PERMERROR,
	    "l= is beyond the end of the body");
}
END_TEST

START_TEST(part_lengths)
{
	struct signing how = how_to_sign(KEY_2048, true);

	for (how.length = 0; how.length <= 20; how.length += 5)
		want("a part", sign_by_opendkim(keys[KEY_2048], &how, SLICE(MESSAGE), arena),
		    DKIM_POLICY, PARTLY);
}
END_TEST

/* Three lengths and both canonicalisations at once, each with its own hash. */
START_TEST(many_lengths)
{
	struct slice message = SLICE(MESSAGE);
	struct dkim_answer a;

	for (int i = 0; i < 5; i++) {
		struct signing how = how_to_sign(i == 3 ? KEY_ED25519 : KEY_2048, i & 1);

		how.length = i == 0 ? -1 : i * 8;
		message =
		    sign_by_opendkim(keys[i == 3 ? KEY_ED25519 : KEY_2048], &how, message, arena);
	}
	a = play(message);
	ck_assert_uint_eq(a.count, 5);
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(a.signatures[i].result, i == 4 ? DKIM_PASS : DKIM_POLICY);
		ck_assert(a.signatures[i].body_covered == (i == 4));
	}
}
END_TEST

/* ---- several signatures --------------------------------------------------------------------- */

START_TEST(dual_signatures)
{
	struct signing ed25519 = how_to_sign(KEY_ED25519, true), rsa = how_to_sign(KEY_2048, false);
	struct slice message = sign_by_dkimpy(keys[KEY_ED25519], &ed25519, SLICE(MESSAGE), arena);
	struct dkim_answer a = play(sign_by_opendkim(keys[KEY_2048], &rsa, message, arena));

	ck_assert_uint_eq(a.count, 2);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert(slice_equal(a.signatures[0].algorithm, SLICE("rsa-sha256")));
	ck_assert_int_eq(a.signatures[1].result, DKIM_PASS);
	ck_assert(slice_equal(a.signatures[1].algorithm, SLICE("ed25519-sha256")));
	ck_assert_uint_eq(zone_questions(zone), 2);
}
END_TEST

/* The second signer signs the field of the first, too. */
START_TEST(signed_signatures)
{
	struct signing first = how_to_sign(KEY_1024, true), second = how_to_sign(KEY_2048, true);
	struct slice message;
	struct dkim_answer a;

	second.fields = "from:dkim-signature:subject";
	message = sign_by_opendkim(keys[KEY_1024], &first, SLICE(MESSAGE), arena);
	message = sign_by_opendkim(keys[KEY_2048], &second, message, arena);
	a = play(message);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert_int_eq(a.signatures[1].result, DKIM_PASS);
	want("the inner one is gone", replaced(message, "\r\nDKIM-Signature:", "\r\nX-Signature:"),
	    DKIM_FAIL, CHANGED_HEADER);
	want("the inner one is broken", replaced(message, "s=rsa1024;", ""), DKIM_NEUTRAL,
	    "it signs DKIM-Signature fields, some of them unread");
	first.sha1 = true;
	message = sign_by_opendkim(keys[KEY_1024], &first, SLICE(MESSAGE), arena);
	want("the inner one is not accepted",
	    sign_by_opendkim(keys[KEY_2048], &second, message, arena), DKIM_PASS, "");
}
END_TEST

START_TEST(aligned_ones_first)
{
	struct slice message = signed_by(KEY_2048, true);
	struct signing other = how_to_sign(KEY_1024, true);
	struct dkim_answer a;

	other.domain = "example.com";
	for (int i = 0; i < 7; i++)
		message = sign_by_opendkim(keys[KEY_1024], &other, message, arena);
	a = play(message);
	ck_assert_uint_eq(a.count, DKIM_VERIFIED_MAX);
	ck_assert_uint_eq(a.not_looked_at, 3);
	ck_assert(slice_equal(a.signatures[0].domain, SLICE("example.org")));
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	ck_assert_int_eq(a.signatures[1].result, DKIM_PERMERROR);
	ck_assert_uint_le(zone_questions(zone), DKIM_VERIFIED_MAX);
	ck_assert_uint_le(zone_hinted(zone, SLICE("rsa1024._domainkey.example.com"), DNS_TXT), 9);
	ck_assert_uint_eq(zone_hinted(zone, SLICE("rsa2048._domainkey.example.org"), DNS_TXT), 1);
}
END_TEST

START_TEST(broken_ones_beside)
{
	struct slice message = prefixed("DKIM-Signature: v=1; a=rsa-sha256; hello\r\n"
					"dkim-signature:\r\n"
					"DKIM-Signature: v=1; v=1\r\n",
	    signed_by(KEY_2048, true));
	struct dkim_answer a = play(message);

	ck_assert_uint_eq(a.count, 4);
	ck_assert_int_eq(a.signatures[0].result, DKIM_PASS);
	for (size_t i = 1; i < 4; i++)
		ck_assert_int_eq(a.signatures[i].result, DKIM_PERMERROR);
}
END_TEST

START_TEST(oversigned_fields)
{
	struct signing how = how_to_sign(KEY_2048, true);
	struct slice message;

	/* Every field of the message and one more: libopendkim alone writes behind its array. */
	how.fields = "received:from:to:subject:date:from:subject:dkim-signature";
	message = sign_by_opendkim(keys[KEY_2048], &how, SLICE(MESSAGE), arena);
	want("as signed", message, DKIM_PASS, "");
	want("another From in front", prefixed("From: eve@example.com\r\n", message), DKIM_FAIL,
	    CHANGED_HEADER);
	how.fields = "from:from:to:cc:cc:x:y:z:date:subject:subject:subject";
	want("as signed by python3-dkim",
	    sign_by_dkimpy(keys[KEY_2048], &how, SLICE(MESSAGE), arena), DKIM_PASS, "");
}
END_TEST

/* ---- what strangers may send ---------------------------------------------------------------- */

START_TEST(unsigned_messages)
{
	struct dns dns = zone_dns(zone);
	struct dkim_verifier *v = dkim_verifier_create(library, &dns, arena, 1);
	struct dkim_answer a;

	give_header(v, SLICE(MESSAGE));
	ck_assert(!dkim_verifier_end_of_headers(v, SLICE("example.org")));
	dkim_verifier_finish(v, &a);
	ck_assert_uint_eq(a.count, 0);
	dkim_verifier_free(&v);
	v = dkim_verifier_create(library, &dns, arena, 1);
	ck_assert(!dkim_verifier_end_of_headers(v, SLICE("")));
	dkim_verifier_finish(v, &a);
	ck_assert_uint_eq(a.count, 0);
	dkim_verifier_free(&v);
	ck_assert_uint_eq(zone_questions(zone), 0);
}
END_TEST

static const struct {
	const char *label, *what, *with, *reason;
	enum dkim_result result;
} hostile[] = {
    {"b= with a blank in front of the equal sign",
	"\tb=", "\tb =", "b= is written in a way that libopendkim misreads", DKIM_NEUTRAL},
    {"a tag that ends in b",
	"\tb=", "\txb=1; b=", "b= is written in a way that libopendkim misreads", DKIM_NEUTRAL},
    {"b= that is not base64", "\tb=", "\tb=!", "b= is not base64", DKIM_PERMERROR},
    {"b= that is too long", "\tb=", "\tb=AAAA", CHANGED_HEADER, DKIM_FAIL},
    {"no From", "From: Alice", "X-From: Alice", CHANGED_HEADER, DKIM_FAIL},
    {"a From that nobody can parse", "Alice <alice@example.org>", "(((((\"<<<>,;:@@",
	CHANGED_HEADER, DKIM_FAIL},
    {"a field without a name", "To: Bob", ": x\r\nTo: Bob", "", DKIM_PASS},
    {"a name with 8 bits", "To: Bob", "X-\xff: x\r\nTo: Bob", "", DKIM_PASS},
    {"a semicolon in a name", "To: Bob", "X;y: x\r\nTo: Bob", "", DKIM_PASS},
    {"the name that is never signed", "To: Bob", "no name: x\r\nTo: Bob", "", DKIM_PASS},
    {"an empty value", "To: Bob", "X-Empty:\r\nTo: Bob", "", DKIM_PASS},
};

START_TEST(hostile_fields)
{
	want(hostile[_i].label,
	    replaced(signed_by(KEY_2048, true), hostile[_i].what, hostile[_i].with),
	    hostile[_i].result, hostile[_i].reason);
}
END_TEST

START_TEST(nul_in_a_field)
{
	struct slice message = signed_by(KEY_2048, true);
	size_t at = find(message, "Alice <");
	char *copy = arena_strdup(arena, message);

	copy[at + 2] = 0;
	want("NUL", slice_of(copy, message.len), DKIM_PERMERROR, "a header field holds a NUL");
}
END_TEST

START_TEST(a_field_beyond_all_memory)
{
	size_t len = (size_t)12 << 20;
	struct slice message = signed_by(KEY_2048, true), value;
	struct dns dns = zone_dns(zone);
	struct dkim_verifier *v = dkim_verifier_create(library, &dns, arena, (uint64_t)time(NULL));
	struct dkim_answer a;
	char *large = arena_alloc(arena, len);

	memset(large, 'x', len);
	value = slice_of(large, len);
	give_header(v, message);
	dkim_verifier_header(v, SLICE("X-Large"), value);
	ck_assert(!dkim_verifier_end_of_headers(v, SLICE("example.org")));
	dkim_verifier_finish(v, &a);
	ck_assert_uint_eq(a.count, 1);
	ck_assert_int_eq(a.signatures[0].result, DKIM_TEMPERROR);
	dkim_verifier_free(&v);
}
END_TEST

/* Every limit of the arena gives temperror or the right result, and nothing else. */
START_TEST(small_arenas)
{
	struct slice message = signed_by(KEY_2048, true);
	size_t passed = 0;

	for (size_t limit = 0; limit < 16384; limit += 97) {
		struct arena *small = arena_create(limit);
		struct dkim_answer a;

		play_at(message, "example.org", small, (uint64_t)time(NULL), &a);
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

/* ---- allocations that fail ------------------------------------------------------------------ */

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
	struct slice message = signed_by(KEY_2048, true);
	bool passed = false;

	for (long n = 0; n < 200 && !passed; n++) {
		struct arena *own = arena_create(1 << 20);
		struct dkim_answer a;

		allocations = n;
		play_at(message, "example.org", own, (uint64_t)time(NULL), &a);
		allocations = -1;
		passed = a.count == 1 && a.signatures[0].result == DKIM_PASS;
		ck_assert_msg(passed || a.count == 0 || a.signatures[0].result == DKIM_TEMPERROR,
		    "allocation %ld: %s", n, dkim_result_name(a.signatures[0].result));
		arena_free(&own);
	}
	ck_assert(passed);
	for (long n = 0; n < 2; n++) {
		struct dkim_library *lib;

		allocations = n;
		lib = dkim_library_create();
		allocations = -1;
		ck_assert_ptr_null(lib);
	}
}
END_TEST

/* ---- threads -------------------------------------------------------------------------------- */

enum { THREADS = 4, MESSAGES = 60 };

static struct slice thread_messages[3];

static void *verify_many(void *self)
{
	size_t *passes = self;

	for (int i = 0; i < MESSAGES; i++) {
		struct arena *own = arena_create(1 << 20);
		struct dkim_answer a;

		play_at(thread_messages[i % 3], "example.org", own, (uint64_t)time(NULL), &a);
		*passes += a.count == 1 && a.signatures[0].result == DKIM_PASS;
		arena_free(&own);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t thread[THREADS];
	size_t passes[THREADS] = {0};

	thread_messages[0] = signed_by(KEY_1024, false);
	thread_messages[1] = signed_by(KEY_2048, true);
	thread_messages[2] = signed_by(KEY_ED25519, true);
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
	Suite *s = suite_create("dkim");
	TCase *t = tcase_create("dkim");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, make_keys, free_keys);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, signed_messages, 0, (KEYS - KEY_1024) * 8);
	tcase_add_loop_test(t, changed_messages, 0, ROWS(changes));
	tcase_add_test(t, keys_in_the_dns);
	tcase_add_test(t, testing_keys);
	tcase_add_test(t, identities);
	tcase_add_test(t, weak_signatures);
	tcase_add_test(t, times);
	tcase_add_loop_test(t, lengths, 0, 4);
	tcase_add_test(t, part_lengths);
	tcase_add_test(t, many_lengths);
	tcase_add_test(t, dual_signatures);
	tcase_add_test(t, signed_signatures);
	tcase_add_test(t, aligned_ones_first);
	tcase_add_test(t, broken_ones_beside);
	tcase_add_test(t, oversigned_fields);
	tcase_add_test(t, unsigned_messages);
	tcase_add_loop_test(t, hostile_fields, 0, ROWS(hostile));
	tcase_add_test(t, nul_in_a_field);
	tcase_add_test(t, a_field_beyond_all_memory);
	tcase_add_test(t, small_arenas);
	tcase_add_test(t, failing_allocations);
	tcase_add_test(t, threads);
	suite_add_tcase(s, t);
	return s;
}
