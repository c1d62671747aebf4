/* DKIM-Signature fields: what is read, what is refused before any work, which are chosen. */
#include "unit/unit.h"

#include "core/auth/dkim_field.h"

#include <stdio.h>

#define HASH "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define REST "; h=from; bh=" HASH "; b=AAAA"
#define NOW  1000000

static struct arena *arena;

static void setup(void)
{
	arena = arena_create(1 << 20);
}

static void teardown(void)
{
	arena_free(&arena);
}

static const struct {
	const char *label, *value;
	enum dkim_result result;
	const char *reason;
} rows[] = {
    {"least", "v=1; a=rsa-sha256; d=example.org; s=a" REST, DKIM_NONE, NULL},
    {"ed25519", "v=1; a=ed25519-sha256; d=example.org; s=a" REST, DKIM_NONE, NULL},
    {"folded", " v=1;\n\ta=rsa-sha256;\r\n d=example.org; s=a" REST, DKIM_NONE, NULL},
    {"all tags",
	"v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; i=x=20y@a.example.org; l=7; "
	"q=x:dns/txt;"
	" s=a.b; t=999999; x=1000001; z=From:x" REST,
	DKIM_NONE, NULL},
    {"unknown tag", "v=1; a=rsa-sha256; d=example.org; s=a; foo=bar" REST, DKIM_NONE, NULL},
    {"upper case", "v=1; a=RSA-SHA256; c=Relaxed; d=EXAMPLE.ORG; s=A" REST, DKIM_NONE, NULL},
    {"rsa-sha1", "v=1; a=rsa-sha1; d=example.org; s=a" REST, DKIM_POLICY,
	"rsa-sha1 is not accepted (RFC 8301)"},
    {"no tags", "hello", DKIM_PERMERROR, "tag without an equal sign"},
    {"empty", "", DKIM_PERMERROR, "empty tag"},
    {"no version", "a=rsa-sha256; d=example.org; s=a" REST, DKIM_PERMERROR,
	"the version tag v= is missing"},
    {"version 2", "v=2; a=rsa-sha256; d=example.org; s=a" REST, DKIM_PERMERROR,
	"unknown version in v="},
    {"no domain", "v=1; a=rsa-sha256; s=a" REST, DKIM_PERMERROR, "the domain tag d= is missing"},
    {"bad domain", "v=1; a=rsa-sha256; d=a..b; s=a" REST, DKIM_PERMERROR,
	"d= is not a domain name"},
    {"blank in the domain", "v=1; a=rsa-sha256; d=example. org; s=a" REST, DKIM_PERMERROR,
	"d= is not a domain name"},
    {"no selector", "v=1; a=rsa-sha256; d=example.org" REST, DKIM_PERMERROR,
	"the selector tag s= is missing"},
    {"bad selector", "v=1; a=rsa-sha256; d=example.org; s=a*b" REST, DKIM_PERMERROR,
	"s= is not a selector"},
    {"identity elsewhere", "v=1; a=rsa-sha256; d=example.org; s=a; i=@example.com" REST,
	DKIM_PERMERROR, "i= is outside of the domain in d="},
    {"identity above", "v=1; a=rsa-sha256; d=a.example.org; s=a; i=@example.org" REST,
	DKIM_PERMERROR, "i= is outside of the domain in d="},
    {"identity alike", "v=1; a=rsa-sha256; d=example.org; s=a; i=@badexample.org" REST,
	DKIM_PERMERROR, "i= is outside of the domain in d="},
    {"identity without @", "v=1; a=rsa-sha256; d=example.org; s=a; i=example.org" REST,
	DKIM_PERMERROR, "i= is not an identity"},
    {"no algorithm", "v=1; d=example.org; s=a" REST, DKIM_PERMERROR,
	"the algorithm tag a= is missing"},
    {"unknown algorithm", "v=1; a=rsa-md5; d=example.org; s=a" REST, DKIM_PERMERROR,
	"unknown algorithm in a="},
    {"unknown canonicalization", "v=1; a=rsa-sha256; c=nofws; d=example.org; s=a" REST,
	DKIM_PERMERROR, "unknown canonicalization in c="},
    {"unknown body canonicalization", "v=1; a=rsa-sha256; c=simple/x; d=example.org; s=a" REST,
	DKIM_PERMERROR, "unknown canonicalization in c="},
    {"half a canonicalization", "v=1; a=rsa-sha256; c=simple/; d=example.org; s=a" REST,
	DKIM_PERMERROR, "unknown canonicalization in c="},
    {"From not signed", "v=1; a=rsa-sha256; d=example.org; s=a; h=to:subject; bh=" HASH "; b=AAAA",
	DKIM_PERMERROR, "the From field is not signed"},
    {"no list", "v=1; a=rsa-sha256; d=example.org; s=a; bh=" HASH "; b=AAAA", DKIM_PERMERROR,
	"the list of signed fields h= is missing"},
    {"hole in the list", "v=1; a=rsa-sha256; d=example.org; s=a; h=from::to:; bh=" HASH "; b=AAAA",
	DKIM_NONE, NULL},
    {"only holes in the list", "v=1; a=rsa-sha256; d=example.org; s=a; h=:; bh=" HASH "; b=AAAA",
	DKIM_PERMERROR, "the From field is not signed"},
    {"UTF-8 in the list",
	"v=1; a=rsa-sha256; d=example.org; s=a; h=from:b\xc3\xbc; bh=" HASH "; b=AAAA",
	DKIM_PERMERROR, "h= is not a list of header fields"},
    {"UTF-8 in an unknown tag", "v=1; a=rsa-sha256; d=example.org; s=a; note=\xc3\xbc" REST,
	DKIM_NONE, NULL},
    {"UTF-8 in b=", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; bh=" HASH "; b=\xc3\xbc",
	DKIM_PERMERROR, "b= is not base64"},
    {"UTF-8 in bh=", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; bh=\xc3\xbc; b=AAAA",
	DKIM_PERMERROR, "bh= is not a SHA-256 hash"},
    {"UTF-8 in a=", "v=1; a=rsa-sha256\xc3\xbc; d=example.org; s=a" REST, DKIM_PERMERROR,
	"unknown algorithm in a="},
    {"Latin-1", "v=1; a=rsa-sha256; d=example.org; s=a; note=\xfc" REST, DKIM_PERMERROR,
	"control character or invalid UTF-8 in a tag"},
    {"a U-label without IDNA",
	"v=1; a=rsa-sha256; d=b\xc3\xbc"
	"cher.example; s=a" REST,
	DKIM_PERMERROR, "d= is not a domain name"},
    {"blank in the list", "v=1; a=rsa-sha256; d=example.org; s=a; h=from:t o; bh=" HASH "; b=AAAA",
	DKIM_PERMERROR, "h= is not a list of header fields"},
    {"other query method", "v=1; a=rsa-sha256; d=example.org; s=a; q=http" REST, DKIM_PERMERROR,
	"unknown query method in q="},
    {"negative length", "v=1; a=rsa-sha256; d=example.org; s=a; l=-1" REST, DKIM_PERMERROR,
	"l= is not a number of octets"},
    {"huge length", "v=1; a=rsa-sha256; d=example.org; s=a; l=9223372036854775808" REST,
	DKIM_PERMERROR, "l= is not a number of octets"},
    {"no body hash", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; b=AAAA", DKIM_PERMERROR,
	"the body hash tag bh= is missing"},
    {"short body hash", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; bh=AAAA; b=AAAA",
	DKIM_PERMERROR, "bh= is not a SHA-256 hash"},
    {"long body hash", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; bh=" HASH "AAAA; b=AAAA",
	DKIM_PERMERROR, "bh= is not a SHA-256 hash"},
    {"no signature", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; bh=" HASH, DKIM_PERMERROR,
	"the signature tag b= is missing"},
    {"empty signature", "v=1; a=rsa-sha256; d=example.org; s=a; h=from; b=; bh=" HASH,
	DKIM_PERMERROR, "the signature tag b= is missing"},
    {"two signatures", "v=1; a=rsa-sha256; d=example.org; s=a; b=AAAA" REST, DKIM_PERMERROR,
	"a tag stands twice"},
    {"bad time", "v=1; a=rsa-sha256; d=example.org; s=a; t=now" REST, DKIM_PERMERROR,
	"t= is not a time"},
    {"bad end", "v=1; a=rsa-sha256; d=example.org; s=a; x=" REST, DKIM_PERMERROR,
	"x= is not a time"},
    {"from the future", "v=1; a=rsa-sha256; d=example.org; s=a; t=1000301" REST, DKIM_PERMERROR,
	"the signature is from the future"},
    {"within the drift", "v=1; a=rsa-sha256; d=example.org; s=a; t=1000300" REST, DKIM_NONE, NULL},
    {"expired", "v=1; a=rsa-sha256; d=example.org; s=a; x=999700" REST, DKIM_PERMERROR,
	"the signature has expired"},
    {"expired within the drift", "v=1; a=rsa-sha256; d=example.org; s=a; x=999701" REST, DKIM_NONE,
	NULL},
    {"expires before it starts", "v=1; a=rsa-sha256; d=example.org; s=a; t=999999; x=999999" REST,
	DKIM_PERMERROR, "the signature expires before it starts"},
};

START_TEST(judges)
{
	struct dkim_field f;

	dkim_field_parse(slice_str(rows[_i].value), NULL, NOW, arena, &f);
	ck_assert_msg(f.result == rows[_i].result, "%s: %s, %s", rows[_i].label,
	    dkim_result_name(f.result), f.reason ? f.reason : "");
	ck_assert_msg(
	    !f.reason == !rows[_i].reason && (!f.reason || !strcmp(f.reason, rows[_i].reason)),
	    "%s: %s", rows[_i].label, f.reason ? f.reason : "no reason");
}
END_TEST

START_TEST(reads)
{
	struct dkim_field f;

	dkim_field_parse(SLICE("v=1; a=Ed25519-sha256; c=simple/relaxed; d=Example.ORG; i=x @\n "
			       "a.example.org; l=7;"
			       " s=A.b; h=From : dkim-Signature; bh=" HASH "; b=AA\n\tAA"),
	    NULL, NOW, arena, &f);
	ck_assert_int_eq(f.result, DKIM_NONE);
	ck_assert(slice_equal(f.domain, SLICE("example.org")));
	ck_assert(slice_equal(f.selector, SLICE("a.b")));
	ck_assert(slice_equal(f.identity, SLICE("x@a.example.org")));
	ck_assert(slice_equal(f.algorithm_name, SLICE("Ed25519-sha256")));
	ck_assert_int_eq(f.algorithm, DKIM_ED25519_SHA256);
	ck_assert(f.relaxed_body && f.identity_below && !f.plain);
	ck_assert(f.has_length && f.length == 7);
	ck_assert_int_eq(f.body_hash[0], 0xe3);
	ck_assert(slice_equal(f.key_name, SLICE("a.b._domainkey.example.org")));
	ck_assert(slice_equal(dkim_field_result(&f, arena).b_prefix, SLICE("AAAA")));
}
END_TEST

/* Not IDNA, but as good for a test: 0xc3 0xbc becomes "ue". */
static size_t to_ascii(struct slice utf8, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < utf8.len && n + 2 <= cap; i++) {
		bool wide = utf8.ptr[i] == '\xc3';

		out[n++] = wide ? 'u' : utf8.ptr[i];
		if (wide)
			out[n++] = 'e';
		i += wide;
	}
	return n;
}

static const struct {
	const char *label, *i, *identity; /* identity NULL: refused */
	bool below;
} identities[] = {
    {"the same domain", "@b\xc3\xbc.example", "@bue.example", false},
    {"its A-label", "a@bue.example", "a@bue.example", false},
    {"below", "a@x.b\xc3\xbc.example", "a@x.bue.example", true},
    {"beside", "a@b\xc3\xbc\xc3\xbc.example", NULL, false},
    {"a local part", "\xc3\xbc@bue.example", "=C3=BC@bue.example", false},
    {"a quoted local part", "=C3=bc@bue.example", "=C3=BC@bue.example", false},
    {"a quoted at sign", "joe=40bue.example", "joe@bue.example", false},
    {"a quoted at sign in the local part", "joe=40x@bue.example", "joe=40x@bue.example", false},
    {"an at sign in the local part", "joe@x@bue.example", "joe=40x@bue.example", false},
    {"a quoted at sign in front of another domain", "joe@bue.example=40x.example", NULL, false},
    {"a quoted domain", "joe@b=C3=BC.exam=\r\n ple", NULL, false},
    {"a quoted letter", "joe@bue.ex=61mple", "joe@bue.example", false},
    {"quoted blank and semicolon", "a=20=3B=3D@bue.example", "a=20=3B=3D@bue.example", false},
    {"half a quotation", "a=4@bue.example", "a=3D4@bue.example", false},
    {"no quotation", "a=GG@bue.example", "a=3DGG@bue.example", false},
    {"a quotation at the end", "a@bue.example=", NULL, false},
    {"a NUL", "a=00@bue.example", "a=00@bue.example", false},
    {"nothing", "", NULL, false},
};

START_TEST(reads_u_labels)
{
	static const struct idna idna = {.to_ascii = to_ascii, .fold_local = NULL};
	struct slice value = arena_printf(arena,
	    "v=1; a=rsa-sha256; d=B\xc3\xbc.example; s=a.\xc3\xbc; i=%s" REST, identities[_i].i);
	struct dkim_field f;

	dkim_field_parse(value, &idna, NOW, arena, &f);
	ck_assert(slice_equal(f.selector, SLICE("a.ue")));
	if (!identities[_i].identity) {
		ck_assert_msg(f.result == DKIM_PERMERROR, "%s: %.*s", identities[_i].label,
		    SLICE_ARG(f.identity));
		return;
	}
	ck_assert_msg(f.result == DKIM_NONE, "%s: %s", identities[_i].label, f.reason);
	ck_assert(!f.plain && f.identity_below == identities[_i].below);
	ck_assert_msg(slice_equal(f.identity, slice_str(identities[_i].identity)), "%s: %.*s",
	    identities[_i].label, SLICE_ARG(f.identity));
}
END_TEST

START_TEST(defaults)
{
	struct dkim_field f;

	dkim_field_parse(SLICE("v=1; a=rsa-sha256; d=example.org; s=a" REST), NULL, NOW, arena, &f);
	ck_assert(slice_equal(f.identity, SLICE("@example.org")));
	ck_assert(!f.relaxed_body && !f.identity_below && !f.has_length && f.plain);
}
END_TEST

static const struct {
	const char *label, *tags;
	bool plain;
} plain_rows[] = {
    {"plain", "b=AAAA", true},
    {"blanks behind", "b= AAAA", true},
    {"blank in front of the equal sign", "b =AAAA", false},
    {"another tag ends in b", "b=AAAA; xb=1", false},
    {"another tag begins with b", "b=AAAA; bx=1", true},
    {"UTF-8 in an unknown tag", "b=AAAA; note=\xc3\xbc", false},
    {"an empty name in h=", "b=AAAA; h=from:to:", false},
    {"DKIM-Signature in h=", "b=AAAA; h=from:DKIM-Signature", false},
    {"names in h=", "b=AAAA; h=from:to", true},
};

START_TEST(tells_what_libopendkim_misreads)
{
	struct dkim_field f;
	struct slice value =
	    arena_printf(arena, "v=1; a=rsa-sha256; d=example.org; s=a; bh=" HASH "; %s%s",
		plain_rows[_i].tags, strstr(plain_rows[_i].tags, "h=") ? "" : "; h=from");

	dkim_field_parse(value, NULL, NOW, arena, &f);
	ck_assert_int_eq(f.result, DKIM_NONE);
	ck_assert_msg(f.plain == plain_rows[_i].plain, "%s", plain_rows[_i].label);
}
END_TEST

START_TEST(limits)
{
	static char names[DKIM_FIELD_MAX + 1];
	struct dkim_field f;
	size_t n = (size_t)sprintf(
	    names, "v=1; a=rsa-sha256; d=example.org; s=a; bh=" HASH "; b=AAAA; h=from");

	for (int i = 1; i < DKIM_SIGNED_NAMES_MAX; i++) {
		dkim_field_parse(slice_of(names, n), NULL, NOW, arena, &f);
		ck_assert_int_eq(f.result, DKIM_NONE);
		ck_assert(f.plain == (i <= DKIM_PLAIN_NAMES_MAX));
		n += (size_t)sprintf(names + n, ":x");
	}
	dkim_field_parse(slice_of(names, n), NULL, NOW, arena, &f);
	ck_assert_int_eq(f.result, DKIM_NONE);
	n += (size_t)sprintf(names + n, ":x");
	dkim_field_parse(slice_of(names, n), NULL, NOW, arena, &f);
	ck_assert_str_eq(f.reason, "the list of signed fields h= is too long");
	memset(names, 'x', sizeof names);
	dkim_field_parse(slice_of(names, DKIM_FIELD_MAX), NULL, NOW, arena, &f);
	ck_assert_str_eq(f.reason, "tag without an equal sign");
	dkim_field_parse(slice_of(names, DKIM_FIELD_MAX + 1), NULL, NOW, arena, &f);
	ck_assert_str_eq(f.reason, "the DKIM-Signature field is too long");
}
END_TEST

START_TEST(names_are_bounded)
{
	struct dkim_field f;
	char label[64];

	memset(label, 'a', 63);
	label[63] = 0;
	dkim_field_parse(arena_printf(arena, "v=1; a=rsa-sha256; d=%s.%s; s=%s.%s" REST, label,
			     label, label, label),
	    NULL, NOW, arena, &f);
	ck_assert_str_eq(f.reason, "s= and d= together are longer than a name can be");
}
END_TEST

START_TEST(out_of_memory)
{
	struct arena *small = arena_create(8);
	struct dkim_field f;

	dkim_field_parse(SLICE("v=1; a=rsa-sha256; d=EXAMPLE.ORG; s=a" REST), NULL, NOW, small, &f);
	ck_assert_int_eq(f.result, DKIM_TEMPERROR);
	arena_free(&small);
}
END_TEST

START_TEST(a_broken_field_keeps_its_domain)
{
	struct dkim_field f;

	dkim_field_parse(SLICE("v=2; a=rsa-sha256; d=example.org; s=a" REST), NULL, NOW, arena, &f);
	ck_assert_int_eq(f.result, DKIM_PERMERROR);
	ck_assert(slice_equal(dkim_field_result(&f, arena).domain, SLICE("example.org")));
}
END_TEST

/* One letter a field: e equal, b below, a above, o beside, z elsewhere, s rsa-sha1, x broken.
 * from: the author domains, between blanks. */
static const struct {
	const char *label, *fields, *from, *chosen;
} choices[] = {
    {"none", "", "sub.example.org", ""},
    {"in order", "oo", "sub.example.org", "01"},
    {"aligned first", "ooooooe", "sub.example.org", "60123"},
    {"equal before related", "abe", "sub.example.org", "201"},
    {"beside before strangers", "zzzzzoa", "sub.example.org", "65012"},
    {"broken last", "xoxso", "sub.example.org", "14023"},
    {"broken ones count", "xxxxxx", "sub.example.org", "01234"},
    {"no author", "eao", "", "012"},
    {"never more than five", "eeeeeeeeee", "sub.example.org", "01234"},
    {"aligned with a second author", "ooooooz", "bank.example sub.example.net", "60123"},
    {"aligned with the eighth", "ooooooz",
	"a.example b.example c.example d.example e.example f.example g.example example.net",
	"60123"},
    {"one author's many, another's one", "eeeeeez", "sub.example.org example.net", "06123"},
    {"the same, authors turned round", "eeeeeez", "example.net sub.example.org", "60123"},
    {"near ones and another's", "ababaz", "sub.example.org example.net", "05123"},
    {"one that is of both", "zzae", "sub.example.org example.org", "3201"},
    {"several authors, all others'", "zzzzzz", "a.example b.example", "01234"},
    {"several authors, broken last", "xseo", "bank.example sub.example.org", "2301"},
    {"never more than five for several", "ezezezez", "sub.example.org example.net", "01234"},
};

START_TEST(chooses)
{
	static const char *const values[128] = {
	    ['e'] = "v=1; a=rsa-sha256; d=sub.example.org; s=a" REST,
	    ['b'] = "v=1; a=rsa-sha256; d=x.sub.example.org; s=a" REST,
	    ['a'] = "v=1; a=rsa-sha256; d=example.org; s=a" REST,
	    ['o'] = "v=1; a=rsa-sha256; d=badsub.example.org; s=a" REST,
	    ['z'] = "v=1; a=rsa-sha256; d=example.net; s=a" REST,
	    ['s'] = "v=1; a=rsa-sha1; d=sub.example.org; s=a" REST,
	    ['x'] = "v=1; d=sub.example.org",
	};
	struct dkim_field fields[16];
	size_t n = strlen(choices[_i].fields), chosen[DKIM_VERIFIED_MAX], count, author_count = 0;
	struct slice authors[8], rest = slice_str(choices[_i].from);
	char got[DKIM_VERIFIED_MAX + 1] = "";

	for (size_t i = 0; i < n; i++)
		dkim_field_parse(slice_str(values[(unsigned char)choices[_i].fields[i]]), NULL, NOW,
		    arena, &fields[i]);
	while (rest.len > 0)
		authors[author_count++] = slice_cut(&rest, ' ');
	count = dkim_field_choose(fields, n, authors, author_count, chosen);
	for (size_t i = 0; i < count; i++)
		got[i] = (char)('0' + chosen[i]);
	ck_assert_msg(!strcmp(got, choices[_i].chosen), "%s: %s", choices[_i].label, got);
}
END_TEST

static const struct {
	const char *label;
	bool has_length, same_hash;
	uint64_t length, octets;
	enum dkim_result result;
	bool covered;
} bodies[] = {
    {"whole", false, true, 0, 100, DKIM_NONE, true},
    {"changed", false, false, 0, 100, DKIM_FAIL, false},
    {"l= over all", true, true, 100, 100, DKIM_NONE, true},
    {"l= over a part", true, true, 99, 100, DKIM_NONE, false},
    {"l= over nothing", true, true, 0, 100, DKIM_NONE, false},
    {"l= over nothing of nothing", true, true, 0, 0, DKIM_NONE, true},
    {"l= over a changed part", true, false, 99, 100, DKIM_FAIL, false},
    {"l= beyond the end", true, true, 101, 100, DKIM_PERMERROR, false},
};

START_TEST(checks_bodies)
{
	struct dkim_field f = {.has_length = bodies[_i].has_length, .length = bodies[_i].length};
	unsigned char hash[DKIM_HASH_LEN] = {0};
	const char *reason = NULL;
	bool covered;
	enum dkim_result result;

	hash[DKIM_HASH_LEN - 1] = !bodies[_i].same_hash;
	result = dkim_field_check_body(&f, hash, bodies[_i].octets, &covered, &reason);
	ck_assert_msg(
	    result == bodies[_i].result, "%s: %s", bodies[_i].label, dkim_result_name(result));
	ck_assert_msg(covered == bodies[_i].covered, "%s: covered", bodies[_i].label);
	ck_assert_msg(!reason == (result == DKIM_NONE), "%s: reason", bodies[_i].label);
	ck_assert_int_ne(
	    dkim_field_check_body(&f, NULL, bodies[_i].octets, &covered, &reason), DKIM_NONE);
}
END_TEST

START_TEST(prefixes)
{
	struct dkim_signature_result r[4] = {
	    {.b_prefix = SLICE("abcdefghijkl")},
	    {.b_prefix = SLICE("abcdefghijxx")},
	    {.b_prefix = SLICE("zzzzzzzzzzzz")},
	    {.b_prefix = SLICE("abc")},
	};

	dkim_shorten_prefixes(r, 4);
	ck_assert(slice_equal(r[0].b_prefix, SLICE("abcdefghijk")));
	ck_assert(slice_equal(r[1].b_prefix, SLICE("abcdefghijx")));
	ck_assert(slice_equal(r[2].b_prefix, SLICE("zzzzzzzz")));
	ck_assert(slice_equal(r[3].b_prefix, SLICE("abc")));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_field");
	TCase *t = tcase_create("dkim_field");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, judges, 0, ROWS(rows));
	tcase_add_test(t, reads);
	tcase_add_loop_test(t, reads_u_labels, 0, ROWS(identities));
	tcase_add_test(t, defaults);
	tcase_add_loop_test(t, tells_what_libopendkim_misreads, 0, ROWS(plain_rows));
	tcase_add_test(t, limits);
	tcase_add_test(t, names_are_bounded);
	tcase_add_test(t, out_of_memory);
	tcase_add_test(t, a_broken_field_keeps_its_domain);
	tcase_add_loop_test(t, chooses, 0, ROWS(choices));
	tcase_add_loop_test(t, checks_bodies, 0, ROWS(bodies));
	tcase_add_test(t, prefixes);
	suite_add_tcase(s, t);
	return s;
}
