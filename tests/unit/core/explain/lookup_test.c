/*
 * lookup_test: which entries know a value, by rows; of several, the one that match decides by.
 */
#include "core/explain/lookup.h"
#include "edge/idn/idn.h"
#include "unit/unit.h"

enum { SENDER_IN = 1 << IDENTITY_SENDER, HELO_IN = 1 << IDENTITY_HELO };

static const struct {
	const char *value;
	unsigned slot, in;
	const char *entry;
	bool fits;
} rows[] = {
    {"198.51.100.7", KEY_NETWORKS, 0, "198.51.100.0/24", true},
    {"198.51.100.7", KEY_NETWORKS, 0, "198.51.101.0/24", false},
    {"198.51.100.7", KEY_NETWORKS, 0, "!198.51.100.7", true},
    {"198.51.100.7", SLOT_UNLESS + KEY_NETWORKS, 0, "198.51.100.7-198.51.100.9", true},
    {"198.51.100.6", KEY_NETWORKS, 0, "198.51.100.7-198.51.100.9", false},
    {"198.51.100.0/25", KEY_NETWORKS, 0, "198.51.100.0/24", true},
    {"198.51.100.0/24", KEY_NETWORKS, 0, "198.51.100.0/24", true},
    {"198.51.100.0/24", KEY_NETWORKS, 0, "198.51.100.0/25", false},
    {"198.51.100.0/24", KEY_NETWORKS, 0, "198.51.100.1-198.51.100.255", false},
    {"::ffff:198.51.100.7", KEY_NETWORKS, 0, "198.51.100.0/24", true},
    {"2001:db8::1", KEY_NETWORKS, 0, "2001:db8::/32", true},
    {"2001:db8::1", KEY_NETWORKS, 0, "0.0.0.0/0", false},
    {"a.example.org", KEY_HELO, 0, "a.example.org", true},
    {"A.Example.ORG.", KEY_HELO, 0, "a.example.org", true},
    {"a.example.org", KEY_HELO, 0, ".example.org", true},
    {"example.org", KEY_HELO, 0, ".example.org", true},
    {"a.example.org", KEY_HELO, 0, "*.example.org", true},
    {"example.org", KEY_HELO, 0, "*.example.org", false},
    {"a.example.org", KEY_HELO, 0, "example.org", false},
    {"aexample.org", KEY_HELO, 0, ".example.org", false},
    {"mx7.example.org", KEY_CLIENT_NAME, 0, "/mx[0-9]+\\..*/", true},
    {"mx.example.org", KEY_CLIENT_NAME, 0, "/mx[0-9]+\\..*/", false},
    {"mx7.example.org", KEY_SENDER, 0, "/mx[0-9]+\\..*/", false},
    {"example.org", KEY_SENDER, 0, "example.org", true},
    {"example.org", KEY_SENDER, 0, "u@example.org", false},
    {"example.org", KEY_DOMAINS, HELO_IN, ".org", true},
    {"b\xc3\xbc"
     "cher.example",
	KEY_FROM, 0, "xn--bcher-kva.example", true},
    {"u@example.org", KEY_SENDER, 0, "U@example.org", true},
    {"u@example.org", KEY_SENDER, 0, "u@", true},
    {"u@example.org", KEY_SENDER, 0, "@example.org", true},
    {"u@example.org", KEY_SENDER, 0, ".org", true},
    {"u@example.org", KEY_SENDER, 0, "v@example.org", false},
    {"u@example.org", KEY_SENDER, 0, "u+*@example.org", false},
    {"u+x@example.org", KEY_RECIPIENT, 0, "u+*@example.org", true},
    {"u@example.org", KEY_SENDER, 0, "/u@.*/", true},
    {"u@example.org", KEY_HELO, 0, "example.org", false},
    {"u@example.org", KEY_DOMAINS, SENDER_IN, "example.org", true},
    {"u@example.org", KEY_DOMAINS, HELO_IN, "example.org", false},
    {"u@example.org", KEY_SENDER, 0, "<>", false},
    {"<>", KEY_SENDER, 0, "<>", true},
    {"<>", KEY_SENDER, 0, "u@", false},
    {"u@example.org", KEY_LOGIN, 0, "U@Example.org", true},
    {"u@example.org", KEY_LOGIN, 0, "example.org", false},
    {"alice", KEY_LOGIN, 0, "Alice", true},
    {"alice", KEY_LOGIN, 0, "/al.*/", true},
    {"alice", KEY_LOGIN, 0, "/al/", false},
    {"198.51.100.7", KEY_LOGIN, 0, "198.51.100.7", false},
};

START_TEST(knows_values)
{
	struct arena *arena = arena_create(1 << 20);
	char why[LOOKUP_WHY_MAX], entry_why[ENTRY_WHY_MAX];
	enum entry_accept accept = ENTRY_ACCEPT_ADDRESSES;
	const unsigned key = rows[_i].slot & (SLOT_UNLESS - 1);
	struct lookup l;
	struct entry e;

	if (key == KEY_NETWORKS)
		accept = ENTRY_ACCEPT_NETWORKS;
	else if (key == KEY_LOGIN)
		accept = ENTRY_ACCEPT_LOGINS;
	else if (key == KEY_DOMAINS || key == KEY_HELO || key == KEY_CLIENT_NAME)
		accept = ENTRY_ACCEPT_NAMES;
	ck_assert_msg(lookup_parse(slice_str(rows[_i].value), &idn_lenient, arena, &l, why) == NULL,
	    "%s", rows[_i].value);
	ck_assert_msg(entry_parse(slice_str(rows[_i].entry), accept, &idn_uts46, arena, &e,
			  entry_why) == NULL,
	    "%s", rows[_i].entry);
	ck_assert_msg(lookup_fits(&l, rows[_i].slot, rows[_i].in, &e) == rows[_i].fits, "%s in %s",
	    rows[_i].value, rows[_i].entry);
	arena_free(&arena);
}
END_TEST

static const char *const wrongs[] = {
    "", "198.51.100.7/24", "a..b", "1.2.3.4/33", "a b", "u@a..b", "2001:db8::g", "@"};

START_TEST(refuses_what_is_none)
{
	struct arena *arena = arena_create(1 << 20);
	char why[LOOKUP_WHY_MAX];
	struct lookup l;

	ck_assert_msg(lookup_parse(slice_str(wrongs[_i]), &idn_lenient, arena, &l, why) != NULL,
	    "\"%s\"", wrongs[_i]);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("lookup");
	TCase *t = tcase_create("values");

	tcase_add_loop_test(t, knows_values, 0, ROWS(rows));
	tcase_add_loop_test(t, refuses_what_is_none, 0, ROWS(wrongs));
	suite_add_tcase(s, t);
	return s;
}
