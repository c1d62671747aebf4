#include "core/policy/gather.h"

#include "edge/dns/zone.h"
#include "edge/idn/idn.h"
#include "fake/counting.h"
#include "fake/slowdns.h"
#include "unit/unit.h"

static const char zone_text[] = "_dmarc.example.org TXT \"v=DMARC1; p=reject\"\n"
				"_dmarc.mute.example ANY SERVFAIL\n";

/* An outside that counts how often it is asked. */
struct env {
	struct dns resolver;
	bool has_resolver, has_signatures, spf_slow;
	enum spf_result spf;
	struct dkim_signature_result signature;
	unsigned spf_asked, dkim_asked;
};

static const struct dns *give_dns(void *self)
{
	struct env *o = self;

	return o->has_resolver ? &o->resolver : NULL;
}

static bool give_spf(void *self, const struct spf_query *query, struct spf_answer *out)
{
	struct env *o = self;

	o->spf_asked++;
	*out = (struct spf_answer){.result = o->spf, .domain = spf_identity(query)};
	return !o->spf_slow;
}

static bool give_dkim(void *self, struct dkim_answer *out)
{
	struct env *o = self;

	o->dkim_asked++;
	*out = (struct dkim_answer){&o->signature, o->signature.result != DKIM_NONE, 0};
	return o->has_signatures;
}

static struct identity mailbox(const char *text, struct arena *arena)
{
	struct address a;

	address_parse(slice_str(text), &idn_uts46, arena, &a);
	return identity_of_address(&a);
}

static struct gather gather_from(struct env *o, struct facts *facts, struct arena *arena)
{
	return (struct gather){
	    .facts = facts,
	    .arena = arena,
	    .idna = &idn_uts46,
	    .receiver = SLICE("mx.example.net"),
	    .env = o,
	    .dns = give_dns,
	    .spf = give_spf,
	    .dkim = give_dkim,
	};
}

/* ---- SPF ----------------------------------------------------------------------------- */

static const struct {
	const char *label, *client, *sender;
	bool resolver;
	unsigned asked;
	enum fact_state state;
	enum spf_result result;
} spf_rows[] = {
    {"a sender", "192.0.2.1", "a@example.org", true, 1, FACT_KNOWN, SPFR_PASS},
    {"the null sender", "192.0.2.1", "<>", true, 1, FACT_KNOWN, SPFR_PASS},
    {"no address of the client", NULL, "a@example.org", true, 0, FACT_KNOWN, SPFR_NONE},
    {"an address literal", "192.0.2.1", "a@[192.0.2.1]", true, 0, FACT_KNOWN, SPFR_NONE},
    {"a sender without domain", "192.0.2.1", "postmaster", true, 0, FACT_KNOWN, SPFR_NONE},
    {"no resolver", "192.0.2.1", "a@example.org", false, 0, FACT_FAILED, SPFR_NONE},
    {"no resolver, and none needed", NULL, "a@example.org", false, 0, FACT_KNOWN, SPFR_NONE},
};

START_TEST(gathers_spf)
{
	struct arena *arena = arena_create(1 << 16);
	struct env o = {.has_resolver = spf_rows[_i].resolver, .spf = SPFR_PASS};
	struct facts f = {.now = 0};
	struct gather g = gather_from(&o, &f, arena);

	if (spf_rows[_i].client)
		ck_assert(ip_parse(slice_str(spf_rows[_i].client), &f.client));
	f.id[IDENTITY_SENDER] = mailbox(spf_rows[_i].sender, arena);
	f.id[IDENTITY_HELO] = identity_of_name(SLICE("mx.example.org"), NULL, arena);
	for (int twice = 0; twice < 2; twice++) {
		gather_facts(&g, NEED_SPF);
		ck_assert_msg(o.spf_asked == spf_rows[_i].asked &&
				  f.spf_state == spf_rows[_i].state &&
				  f.spf.result == spf_rows[_i].result,
		    "%s: asked %u, state %d, result %d", spf_rows[_i].label, o.spf_asked,
		    f.spf_state, f.spf.result);
	}
	ck_assert_uint_eq(o.dkim_asked, 0);
	ck_assert_int_eq(f.dkim_state, FACT_UNKNOWN);
	ck_assert_int_eq(f.dmarc_state, FACT_UNKNOWN);
	arena_free(&arena);
}
END_TEST

/* Under way is no answer, and none that is asked for a second time at RCPT; the end asks again. */
START_TEST(spf_under_way)
{
	struct arena *arena = arena_create(1 << 16);
	struct env o = {.has_resolver = true, .spf = SPFR_TEMPERROR, .spf_slow = true};
	struct facts f = {.now = 0};
	struct gather g = gather_from(&o, &f, arena);

	ck_assert(ip_parse(SLICE("192.0.2.1"), &f.client));
	f.id[IDENTITY_SENDER] = mailbox("a@example.org", arena);
	for (int twice = 0; twice < 2; twice++) {
		gather_facts(&g, NEED_SPF);
		ck_assert_int_eq(f.spf_state, FACT_UNDER_WAY);
		ck_assert_uint_eq(o.spf_asked, 1);
	}
	f.spf_state = FACT_UNKNOWN;
	o.spf_slow = false;
	o.spf = SPFR_FAIL;
	gather_facts(&g, NEED_SPF);
	ck_assert_int_eq(f.spf_state, FACT_KNOWN);
	ck_assert_int_eq(f.spf.result, SPFR_FAIL);
	arena_free(&arena);
}
END_TEST

START_TEST(asks_spf_of_what_was_said)
{
	struct arena *arena = arena_create(1 << 16);
	struct facts f = {.now = 1234};
	struct spf_query q;

	ck_assert(ip_parse(SLICE("192.0.2.1"), &f.client));
	f.id[IDENTITY_SENDER] = mailbox("Al+x@Example.ORG", arena);
	f.id[IDENTITY_HELO] = identity_of_name(SLICE("MX.example.org"), NULL, arena);
	q = gather_spf_query(&f, SLICE("mx.example.net"));
	ck_assert(ip_equal(&q.client, &f.client));
	ck_assert(slice_equal(q.helo, SLICE("mx.example.org")));
	ck_assert(slice_equal(q.local, SLICE("Al+x")));
	ck_assert(slice_equal(q.domain, SLICE("example.org")));
	ck_assert(slice_equal(q.receiver, SLICE("mx.example.net")));
	ck_assert_int_eq(q.now, 1234);
	arena_free(&arena);
}
END_TEST

/* ---- DKIM ---------------------------------------------------------------------------- */

START_TEST(gathers_dkim)
{
	for (int has = 0; has < 2; has++) {
		struct env o = {.has_signatures = has};
		struct facts f = {.now = 0};
		struct gather g = gather_from(&o, &f, NULL);

		gather_facts(&g, NEED_DKIM);
		gather_facts(&g, NEED_DKIM);
		ck_assert_uint_eq(o.dkim_asked, 1);
		ck_assert_int_eq(f.dkim_state, has ? FACT_KNOWN : FACT_FAILED);
		ck_assert_int_eq(f.spf_state, FACT_UNKNOWN);
	}
}
END_TEST

/* ---- DMARC --------------------------------------------------------------------------- */

#define ORG SLICE_INIT("example.org")
#define NET SLICE_INIT("example.net")

static const struct {
	const char *label, *from;
	enum spf_result spf; /* of sender a@example.org */
	struct dkim_signature_result signature;
	bool resolver, signatures;
	enum fact_state state;
	enum dmarc_verdict verdict; /* FACT_KNOWN */
} dmarc_rows[] = {
    {"nothing passed", "u@example.org", SPFR_FAIL, {.result = DKIM_NONE}, true, true, FACT_KNOWN,
	DMARC_V_FAIL},
    {"SPF passed", "u@example.org", SPFR_PASS, {.result = DKIM_NONE}, true, true, FACT_KNOWN,
	DMARC_V_PASS},
    {"SPF softly failed", "u@example.org", SPFR_SOFTFAIL, {.result = DKIM_NONE}, true, true,
	FACT_KNOWN, DMARC_V_FAIL},
    {"SPF got no answer", "u@example.org", SPFR_TEMPERROR, {.result = DKIM_NONE}, true, true,
	FACT_KNOWN, DMARC_V_TEMPERROR},
    {"a signature", "u@example.org", SPFR_FAIL,
	{.result = DKIM_PASS, .body_covered = true, .domain = ORG}, true, true, FACT_KNOWN,
	DMARC_V_PASS},
    {"a signature of somebody else", "u@example.org", SPFR_FAIL,
	{.result = DKIM_PASS, .body_covered = true, .domain = NET}, true, true, FACT_KNOWN,
	DMARC_V_FAIL},
    {"a signature of a part", "u@example.org", SPFR_FAIL, {.result = DKIM_PASS, .domain = ORG},
	true, true, FACT_KNOWN, DMARC_V_FAIL},
    {"a signature that does not match", "u@example.org", SPFR_FAIL,
	{.result = DKIM_FAIL, .body_covered = true, .domain = ORG}, true, true, FACT_KNOWN,
	DMARC_V_FAIL},
    {"a signature without its key", "u@example.org", SPFR_FAIL,
	{.result = DKIM_TEMPERROR, .domain = ORG}, true, true, FACT_KNOWN, DMARC_V_TEMPERROR},
    {"signatures that nobody could look at", "u@example.org", SPFR_FAIL, {.result = DKIM_NONE},
	true, false, FACT_KNOWN, DMARC_V_TEMPERROR},
    {"the same, and SPF passed", "u@example.org", SPFR_PASS, {.result = DKIM_NONE}, true, false,
	FACT_KNOWN, DMARC_V_PASS},
    {"no policy", "u@example.com", SPFR_FAIL, {.result = DKIM_NONE}, true, true, FACT_KNOWN,
	DMARC_V_NONE},
    {"no answer about the policy", "u@mute.example", SPFR_FAIL, {.result = DKIM_NONE}, true, true,
	FACT_KNOWN, DMARC_V_TEMPERROR},
    {"no resolver", "u@example.org", SPFR_PASS, {.result = DKIM_NONE}, false, true, FACT_FAILED,
	DMARC_V_NONE},
};

START_TEST(gathers_dmarc)
{
	struct arena *arena = arena_create(1 << 20);
	struct zone *zone = zone_create();
	char why[ZONE_WHY_MAX];
	struct counting counting;
	struct facts f = {.now = 0};
	struct env o = {
	    .resolver = counting_dns(&counting, zone_dns(zone)),
	    .has_resolver = dmarc_rows[_i].resolver,
	    .has_signatures = dmarc_rows[_i].signatures,
	    .spf = dmarc_rows[_i].spf,
	    .signature = dmarc_rows[_i].signature,
	};
	struct gather g = gather_from(&o, &f, arena);

	ck_assert_ptr_null(zone_load(zone, slice_str(zone_text), why));
	ck_assert(ip_parse(SLICE("192.0.2.1"), &f.client));
	f.id[IDENTITY_SENDER] = mailbox("a@example.org", arena);
	f.id[IDENTITY_FROM] = mailbox(dmarc_rows[_i].from, arena);
	for (int twice = 0; twice < 2; twice++) {
		unsigned before = counting_questions(&counting);

		gather_facts(&g, NEED_DMARC);
		ck_assert_msg(f.dmarc_state == dmarc_rows[_i].state &&
				  f.dmarc.verdict == dmarc_rows[_i].verdict,
		    "%s: state %d, verdict %d", dmarc_rows[_i].label, f.dmarc_state,
		    f.dmarc.verdict);
		ck_assert_uint_eq(o.spf_asked, dmarc_rows[_i].resolver);
		ck_assert_uint_eq(o.dkim_asked, dmarc_rows[_i].resolver);
		if (twice && f.dmarc_state == FACT_KNOWN)
			ck_assert_uint_eq(counting_questions(&counting), before);
	}
	zone_free(&zone);
	arena_free(&arena);
}
END_TEST

/* What was asked for is never unknown again, whatever is missing outside. */
/* DMARC has its own time, whatever the message has spent, and each author domain as much again. */
START_TEST(dmarc_has_its_own_time)
{
	struct arena *arena = arena_create(1 << 16);
	struct zone *zone = zone_create();
	char why[ZONE_WHY_MAX];
	const char *wrong = zone_load(zone, slice_str(zone_text), why);
	struct slowdns slow = {.below = zone_dns(zone), .slow = ".evil.example", .takes_ms = 4000};
	struct env o = {.has_resolver = true, .has_signatures = true, .spf = SPFR_NONE};
	struct facts f = {.spf_state = FACT_KNOWN};
	struct gather g = gather_from(&o, &f, arena);

	ck_assert_msg(!wrong, "%s", wrong);
	o.resolver = slowdns_dns(&slow, 0);
	f.id[IDENTITY_SENDER] = mailbox("a@example.net", arena);
	for (unsigned author = 1; author <= 3; author++) {
		f.id[IDENTITY_FROM] = mailbox("x@a.b.c.d.e.evil.example", arena);
		f.dmarc_state = FACT_UNKNOWN;
		gather_facts(&g, NEED_DMARC);
		ck_assert_int_eq(f.dmarc.verdict, DMARC_V_TEMPERROR);
		ck_assert_uint_eq(slow.waited_ms, author * DNS_DMARC_MS);
	}
	f.id[IDENTITY_FROM] = mailbox("x@example.org", arena);
	f.dmarc_state = FACT_UNKNOWN;
	gather_facts(&g, NEED_DMARC);
	ck_assert_int_eq(f.dmarc.verdict, DMARC_V_FAIL);
	ck_assert_int_eq(f.dmarc.policy, DMARC_P_REJECT);
	zone_free(&zone);
	arena_free(&arena);
}
END_TEST

START_TEST(leaves_nothing_unknown)
{
	struct arena *arena = arena_create(1 << 16);
	struct env o = {.has_resolver = false};
	struct facts f = {.now = 0};
	struct gather g = gather_from(&o, &f, arena);

	gather_facts(&g, NEED_SPF | NEED_DKIM | NEED_DMARC);
	ck_assert_int_ne(f.spf_state, FACT_UNKNOWN);
	ck_assert_int_ne(f.dkim_state, FACT_UNKNOWN);
	ck_assert_int_ne(f.dmarc_state, FACT_UNKNOWN);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("gather");
	TCase *tc = tcase_create("facts");

	tcase_add_loop_test(tc, gathers_spf, 0, (int)ROWS(spf_rows));
	tcase_add_test(tc, spf_under_way);
	tcase_add_test(tc, asks_spf_of_what_was_said);
	tcase_add_test(tc, gathers_dkim);
	tcase_add_loop_test(tc, gathers_dmarc, 0, (int)ROWS(dmarc_rows));
	tcase_add_test(tc, dmarc_has_its_own_time);
	tcase_add_test(tc, leaves_nothing_unknown);
	suite_add_tcase(s, tc);
	return s;
}
