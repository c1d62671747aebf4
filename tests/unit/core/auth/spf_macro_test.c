#include "unit/unit.h"

#include "core/auth/spf_macro.h"

/* RFC 7208 7.4 and then some. */
static const struct {
	const char *text, *ip, *want;
} names[] = {
    {"%{s}.x.y", "192.0.2.3", "strong-bad@email.example.com.x.y"},
    {"%{o}", "192.0.2.3", "email.example.com"},
    {"%{d}", "192.0.2.3", "email.example.com"},
    {"%{d4}", "192.0.2.3", "email.example.com"},
    {"%{d3}", "192.0.2.3", "email.example.com"},
    {"%{d2}", "192.0.2.3", "example.com"},
    {"%{d1}", "192.0.2.3", "com"},
    {"%{dr}", "192.0.2.3", "com.example.email"},
    {"%{d2r}", "192.0.2.3", "example.email"},
    {"%{l}", "192.0.2.3", "strong-bad"},
    {"%{l-}", "192.0.2.3", "strong.bad"},
    {"%{lr}", "192.0.2.3", "strong-bad"},
    {"%{lr-}", "192.0.2.3", "bad.strong"},
    {"%{l1r-}", "192.0.2.3", "strong"},
    {"%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr._spf.example.com"},
    {"%{lr-}.lp._spf.%{d2}", "192.0.2.3", "bad.strong.lp._spf.example.com"},
    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "192.0.2.3",
	"bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "192.0.2.3",
	"3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"%{d2}.trusted-domains.example.net", "192.0.2.3", "example.com.trusted-domains.example.net"},
    {"%{ir}.%{v}._spf.%{d2}", "2001:db8::cb01",
	"1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
    /* Two labels asked of three parts that an operator forgets: nothing is lost. */
    {"%{h2}", "192.0.2.3", "mx.example"},
    {"%{h3}", "192.0.2.3", "mx.example"},
    {"%{d200}", "192.0.2.3", "email.example.com"},
    {"%{d99999999999999999999}", "192.0.2.3", "email.example.com"},
    {"%{D2}.x", "192.0.2.3", "example.com.x"},
    {"%{S}.x", "192.0.2.3", "strong-bad%40email.example.com.x"},
    {"%{L,/+=_-}.x", "192.0.2.3", "strong.bad.x"},
    {"a%%b%_c%-d.example", "192.0.2.3", "a%b c%20d.example"},
    {"%{p}", "192.0.2.3", "unknown"},
    {"%{d}.x.", "192.0.2.3", "email.example.com.x"},
    {"MiXed.Example", "192.0.2.3", "mixed.example"},
};

static struct spf_macro_values values_for(const char *ip)
{
	struct spf_macro_values v = {
	    .local = SLICE("strong-bad"),
	    .sender_domain = SLICE("email.example.com"),
	    .domain = SLICE("email.example.com"),
	    .client_name = SLICE("unknown"),
	    .helo = SLICE("mx.example"),
	    .receiver = SLICE("in.example.net"),
	    .now = 1234567890,
	};
	ck_assert(ip_parse(slice_str(ip), &v.client));
	return v;
}

START_TEST(expands_names)
{
	struct arena *arena = arena_create(1 << 16);
	struct spf_macro_values v = values_for(names[_i].ip);
	struct slice text = slice_str(names[_i].text), got;

	ck_assert_msg(!spf_macro_check(text, SPF_MACRO_DOMAIN), "%s: refused", names[_i].text);
	got = spf_macro_name(text, &v, arena);
	ck_assert_msg(slice_equal(got, slice_str(names[_i].want)), "%s: %.*s", names[_i].text,
	    SLICE_ARG(got));
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *local, *text, *want;
} splits[] = {
    {"a.b-c+d,e/f_g=h", "%{l.-+,/_=}", "a.b.c.d.e.f.g.h"},
    {"a.b-c+d,e/f_g=h", "%{l2-}", "a.b.c+d,e/f_g=h"},
    {"a.b-c+d,e/f_g=h", "%{lr=_}", "h.g.a.b-c+d,e/f"},
    {"a..b", "%{l}", "a..b"},
    {"a..b", "%{lr}", "b..a"},
    {"a..b", "%{l2}", ".b"},
    {".a.", "%{lr}x", ".a.x"},
    {"!*'()|", "%{L}", "%21%2a%27%28%29%7c"},
    {"A~z._-", "%{L}", "a~z._-"},
    {"", "%{l}x%{lr}", "x"},
    {"-", "%{l-}y", ".y"},
};

START_TEST(split_memory_values)
{
	struct arena *arena = arena_create(1 << 16);
	struct spf_macro_values v = values_for("192.0.2.3");
	struct slice got;

	v.local = slice_str(splits[_i].local);
	got = spf_macro_name(slice_str(splits[_i].text), &v, arena);
	ck_assert_msg(slice_equal(got, slice_str(splits[_i].want)), "%s of %s: %.*s",
	    splits[_i].text, splits[_i].local, SLICE_ARG(got));
	arena_free(&arena);
}
END_TEST

static const struct {
	const char *label;
	struct slice text;
	enum spf_macro_kind kind;
	bool good;
} checks[] = {
    {"one label", SLICE_INIT("example"), SPF_MACRO_DOMAIN, false},
    {"two labels", SLICE_INIT("a.example"), SPF_MACRO_DOMAIN, true},
    {"numeric top", SLICE_INIT("a.123"), SPF_MACRO_DOMAIN, false},
    {"mixed top", SLICE_INIT("a.1b3"), SPF_MACRO_DOMAIN, true},
    {"hyphen in front", SLICE_INIT("a.-b"), SPF_MACRO_DOMAIN, false},
    {"hyphen behind", SLICE_INIT("a.b-"), SPF_MACRO_DOMAIN, false},
    {"underscore in top", SLICE_INIT("a.b_c"), SPF_MACRO_DOMAIN, false},
    {"xn top", SLICE_INIT("a.xn--zckzah"), SPF_MACRO_DOMAIN, true},
    {"trailing dot", SLICE_INIT("a.b."), SPF_MACRO_DOMAIN, true},
    {"two trailing dots", SLICE_INIT("a.b.."), SPF_MACRO_DOMAIN, false},
    {"empty", SLICE_INIT(""), SPF_MACRO_DOMAIN, false},
    {"odd bytes before the top", SLICE_INIT("a$/:@!.b"), SPF_MACRO_DOMAIN, true},
    {"ends in a macro", SLICE_INIT("a%{d}"), SPF_MACRO_DOMAIN, true},
    {"ends in %%", SLICE_INIT("a%%"), SPF_MACRO_DOMAIN, true},
    {"macro and half a name", SLICE_INIT("%{d}com"), SPF_MACRO_DOMAIN, false},
    {"macro and a name", SLICE_INIT("%{d}.com"), SPF_MACRO_DOMAIN, true},
    {"unknown letter", SLICE_INIT("%{x}.com"), SPF_MACRO_DOMAIN, false},
    {"no letter", SLICE_INIT("%{}.com"), SPF_MACRO_DOMAIN, false},
    {"not closed", SLICE_INIT("%{d.com"), SPF_MACRO_DOMAIN, false},
    {"zero parts", SLICE_INIT("%{d0}"), SPF_MACRO_DOMAIN, false},
    {"leading zero", SLICE_INIT("%{d02}"), SPF_MACRO_DOMAIN, true},
    {"bar is no delimiter", SLICE_INIT("%{d|}"), SPF_MACRO_DOMAIN, false},
    {"all delimiters", SLICE_INIT("%{d2r.-+,/_=}"), SPF_MACRO_DOMAIN, true},
    {"r before digits", SLICE_INIT("%{dr2}"), SPF_MACRO_DOMAIN, false},
    {"percent at the end", SLICE_INIT("a.b%"), SPF_MACRO_DOMAIN, false},
    {"percent and letter", SLICE_INIT("%a.b"), SPF_MACRO_DOMAIN, false},
    {"c in a name", SLICE_INIT("%{c}.b"), SPF_MACRO_DOMAIN, false},
    {"R in a name", SLICE_INIT("%{R}.b"), SPF_MACRO_DOMAIN, false},
    {"t in a name", SLICE_INIT("%{t}.b"), SPF_MACRO_DOMAIN, false},
    {"blank in a name", SLICE_INIT("a b.c"), SPF_MACRO_DOMAIN, false},
    {"NUL in a name", SLICE_INIT("a\0b.c"), SPF_MACRO_DOMAIN, false},
    {"NUL behind %", SLICE_INIT("a%\0.c"), SPF_MACRO_DOMAIN, false},
    {"NUL as letter", SLICE_INIT("a%{\0}.c"), SPF_MACRO_DOMAIN, false},
    {"NUL as delimiter", SLICE_INIT("a%{d\0}.c"), SPF_MACRO_DOMAIN, false},
    {"8 bits", SLICE_INIT("b\374cher.example"), SPF_MACRO_DOMAIN, false},
    {"DEL", SLICE_INIT("a\177.example"), SPF_MACRO_DOMAIN, false},
    {"modifier may be empty", SLICE_INIT(""), SPF_MACRO_MODIFIER, true},
    {"modifier may be one label", SLICE_INIT("x%{c}"), SPF_MACRO_MODIFIER, true},
    {"modifier has no blank", SLICE_INIT("x y"), SPF_MACRO_MODIFIER, false},
    {"modifier macro broken", SLICE_INIT("%{"), SPF_MACRO_MODIFIER, false},
    {"explanation", SLICE_INIT("See http://x/%{S}?%{c} %{t} %{r}."), SPF_MACRO_EXPLANATION, true},
    {"explanation, tab", SLICE_INIT("a\tb"), SPF_MACRO_EXPLANATION, false},
    {"explanation, line feed", SLICE_INIT("a\r\nb"), SPF_MACRO_EXPLANATION, false},
    {"explanation, 8 bits", SLICE_INIT("Gr\374n"), SPF_MACRO_EXPLANATION, false},
};

START_TEST(checks_grammar)
{
	const char *why = spf_macro_check(checks[_i].text, checks[_i].kind);

	ck_assert_msg(
	    (why == NULL) == checks[_i].good, "%s: %s", checks[_i].label, why ? why : "taken");
}
END_TEST

START_TEST(explains)
{
	struct arena *arena = arena_create(1 << 16);
	struct spf_macro_values v = values_for("2001:db8::1");
	struct slice got =
	    spf_macro_explanation(SLICE("%{c} %{i1} at %{t}%_for %{r}: %{L-}%%"), &v, arena);

	ck_assert_msg(
	    slice_equal(got, SLICE("2001:db8::1 1 at 1234567890 for in.example.net: strong.bad%")),
	    "%.*s", SLICE_ARG(got));
	ck_assert(spf_macro_uses(SLICE("a%{P}"), 'p'));
	ck_assert(!spf_macro_uses(SLICE("p%%{p}"), 'p'));
	arena_free(&arena);
}
END_TEST

/* RFC 7208 7.3: left labels go until 253 octets are left. */
START_TEST(cuts_names)
{
	static const struct {
		size_t first, rest; /* octets of the first label; octets of all behind its dot */
		size_t want;
	} rows[] = {{10, 242, 253}, {10, 243, 243}, {60, 250, 250}, {5, 253, 253}, {300, 100, 100},
	    {9, 100, 110}};
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct arena *arena = arena_create(1 << 16);
		struct spf_macro_values v = values_for("192.0.2.3");
		char text[700];
		size_t n = 0;
		struct slice got;
		while (n < rows[i].first)
			text[n++] = 'f';
		text[n++] = '.';
		/* The rest: labels of one octet, so that any cut inside would show. */
		for (size_t k = 0; k < rows[i].rest; k++)
			text[n++] = (k + rows[i].rest) % 2 ? 'x' : '.';
		if (text[rows[i].first + 1] == '.')
			text[rows[i].first + 1] = 'x';
		got = spf_macro_name(slice_of(text, n), &v, arena);
		ck_assert_msg(got.len == rows[i].want, "row %zu: %zu", i, got.len);
		ck_assert(slice_ends(slice_of(text, n), got));
		arena_free(&arena);
	}
}
END_TEST

/* Work and memory do not follow the product of a hostile record and a hostile sender. */
START_TEST(bounded)
{
	struct arena *arena = arena_create(1 << 14);
	struct spf_macro_values v = values_for("192.0.2.3");
	static char local[2000], text[4000];
	struct slice got;

	memset(local, 'y', sizeof local);
	for (size_t i = 0; i < sizeof text; i += 4)
		memcpy(text + i, i == 0 ? "%%%%" : "%{l}", 4);
	v.local = slice_of(local, sizeof local);
	ck_assert(!spf_macro_check(slice_of(text, sizeof text), SPF_MACRO_EXPLANATION));
	got = spf_macro_explanation(slice_of(text, sizeof text), &v, arena);
	ck_assert_uint_eq(got.len, SPF_EXPLANATION_MAX);
	ck_assert(slice_starts(got, SLICE("%%yyyy")));
	got = spf_macro_name(slice_of(text, sizeof text), &v, arena);
	ck_assert_uint_eq(got.len, 0);
	ck_assert_ptr_nonnull(got.ptr);
	ck_assert(!arena_failed(arena));
	arena_free(&arena);
}
END_TEST

START_TEST(out_of_memory)
{
	struct arena *arena = arena_create(16);
	struct spf_macro_values v = values_for("192.0.2.3");

	ck_assert_ptr_null(spf_macro_name(SLICE("%{s}"), &v, arena).ptr);
	ck_assert_ptr_null(spf_macro_explanation(SLICE("%{s}"), &v, arena).ptr);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("spf_macro");
	TCase *t = tcase_create("spf_macro");

	tcase_add_loop_test(t, expands_names, 0, ROWS(names));
	tcase_add_loop_test(t, split_memory_values, 0, ROWS(splits));
	tcase_add_loop_test(t, checks_grammar, 0, ROWS(checks));
	tcase_add_test(t, explains);
	tcase_add_test(t, cuts_names);
	tcase_add_test(t, bounded);
	tcase_add_test(t, out_of_memory);
	suite_add_tcase(s, t);
	return s;
}
