#include "core/rules/facts.h"

#include "edge/idn/idn.h"
#include "unit/unit.h"

static const struct {
	const char *label;
	struct slice text;
	bool idna;
	enum fact_state state;
	struct slice want_text, want_name;
} names[] = {
    {"nothing", SLICE_INIT(""), true, FACT_ABSENT, SLICE_INIT(""), SLICE_INIT("")},
    {"a name", SLICE_INIT("mx.example.org"), true, FACT_KNOWN, SLICE_INIT("mx.example.org"),
	SLICE_INIT("mx.example.org")},
    {"capitals and a dot", SLICE_INIT("MX.Example.ORG."), true, FACT_KNOWN,
	SLICE_INIT("mx.example.org"), SLICE_INIT("mx.example.org")},
    {"one label", SLICE_INIT("localhost"), true, FACT_KNOWN, SLICE_INIT("localhost"),
	SLICE_INIT("localhost")},
    {"a U-label",
	SLICE_INIT("B\xc3\xbc"
		   "cher.example"),
	true, FACT_KNOWN, SLICE_INIT("xn--bcher-kva.example"), SLICE_INIT("xn--bcher-kva.example")},
    {"a U-label without IDNA",
	SLICE_INIT("b\xc3\xbc"
		   "cher.example"),
	false, FACT_KNOWN,
	SLICE_INIT("b\xc3\xbc"
		   "cher.example"),
	SLICE_INIT("")},
    {"a literal", SLICE_INIT("[192.0.2.1]"), true, FACT_KNOWN, SLICE_INIT("[192.0.2.1]"),
	SLICE_INIT("")},
    {"junk stays as it is", SLICE_INIT("Foo Bar"), true, FACT_KNOWN, SLICE_INIT("Foo Bar"),
	SLICE_INIT("")},
    {"an empty label", SLICE_INIT("a..b"), true, FACT_KNOWN, SLICE_INIT("a..b"), SLICE_INIT("")},
};

START_TEST(of_names)
{
	struct arena *arena = arena_create(1 << 16);
	struct identity id =
	    identity_of_name(names[_i].text, names[_i].idna ? &idn_uts46 : NULL, arena);

	ck_assert_msg(id.state == names[_i].state && slice_equal(id.text, names[_i].want_text) &&
			  slice_equal(id.name, names[_i].want_name) && id.local.len == 0,
	    "%s: state %d, \"%.*s\", \"%.*s\"", names[_i].label, id.state, SLICE_ARG(id.text),
	    SLICE_ARG(id.name));
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *label;
	struct slice text, want_text, want_local, want_name;
} addresses[] = {
    {"an address", SLICE_INIT("<Al@Example.org>"), SLICE_INIT("Al@Example.org"), SLICE_INIT("al"),
	SLICE_INIT("example.org")},
    {"the null sender", SLICE_INIT("<>"), SLICE_INIT("<>"), SLICE_INIT(""), SLICE_INIT("")},
    {"without a domain", SLICE_INIT("Postmaster"), SLICE_INIT("Postmaster"),
	SLICE_INIT("postmaster"), SLICE_INIT("")},
};

START_TEST(of_addresses)
{
	struct arena *arena = arena_create(1 << 16);
	struct address a;
	struct identity id;

	ck_assert_ptr_null(address_parse(addresses[_i].text, &idn_uts46, arena, &a));
	id = identity_of_address(&a);
	ck_assert_int_eq(id.state, FACT_KNOWN);
	ck_assert_msg(slice_equal(id.text, addresses[_i].want_text) &&
			  slice_equal(id.local, addresses[_i].want_local) &&
			  slice_equal(id.name, addresses[_i].want_name),
	    "%s: \"%.*s\" \"%.*s\" \"%.*s\"", addresses[_i].label, SLICE_ARG(id.text),
	    SLICE_ARG(id.local), SLICE_ARG(id.name));
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *given;
	bool before;
	enum tls_version want;
} versions[] = {
    {"", false, TLS_UNKNOWN},
    {"", true, TLS_NONE},
    {"TLSv1", false, TLS_1_0},
    {"TLSv1.0", false, TLS_1_0},
    {"TLSv1.1", true, TLS_1_1},
    {"TLSv1.2", false, TLS_1_2},
    {"tlsv1.2", false, TLS_1_2},
    {"TLSv1.3", false, TLS_1_3},
    {"TLSv1.4", false, TLS_1_3},
    {"TLSv2", false, TLS_1_3},
    {"SSLv3", false, TLS_1_0},
    {"unknown", true, TLS_UNKNOWN},
};

START_TEST(reads_tls_versions)
{
	ck_assert_int_eq(
	    tls_version_of(slice_str(versions[_i].given), versions[_i].before), versions[_i].want);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("facts");
	TCase *tc = tcase_create("identities");

	tcase_add_loop_test(tc, of_names, 0, (int)ROWS(names));
	tcase_add_loop_test(tc, of_addresses, 0, (int)ROWS(addresses));
	tcase_add_loop_test(tc, reads_tls_versions, 0, (int)ROWS(versions));
	suite_add_tcase(s, tc);
	return s;
}
