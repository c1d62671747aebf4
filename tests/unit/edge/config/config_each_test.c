/*
 * config_each_test: every entry of the files is visited with its rule, key and place, and each
 * recipient domain with what it gives.
 */
#include "edge/geo/geo.h"
#include "fake/configured.h"
#include "fake/mmdb.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <stdio.h>

static const char config[] = "managed_whitelist = \"managed\";\n"
			     "geo = { asn = \"asn.mmdb\"; country = \"country.mmdb\"; };\n"
			     "whitelist = ( { name = \"w\"; networks = \"192.0.2.1\"; } );\n"
			     "susranges = ( { name = \"as\"; asn = [ \"64500\", \"!AS64501\" ];\n"
			     "  country = \"DE\"; networks = [ \"file:n\", \"feed:f\" ];\n"
			     "  unless = { helo = [ \"a.example\" ]; country = \"FR\"; }; } );\n"
			     "domains = ( { name = \".org\"; spf = \"off\"; } );\n"
			     "domains_file = \"d\";\n";

static const char wanted[] =
    "trusted_networks trusted_networks 0 networks 127.0.0.0/8 t.conf:0\n"
    "trusted_networks trusted_networks 0 networks ::1 t.conf:0\n"
    "exempt_recipients exempt_recipients 5 recipient postmaster@ t.conf:0\n"
    "exempt_recipients exempt_recipients 5 recipient abuse@ t.conf:0\n"
    "whitelist w 0 networks 192.0.2.1 t.conf:3\n"
    "whitelist managed 0 networks 192.0.2.9 managed:2 unnamed\n"
    "whitelist managed 6 domains x.example managed:2 unnamed\n"
    "susranges as 0 networks 198.51.100.2 f:1 feed\n"
    "susranges as 0 networks 198.51.100.1 n:2\n"
    "susranges as 0 asn 64500 t.conf:4 here\n"
    "susranges as 0 asn !AS64501 t.conf:4\n"
    "susranges as 0 country DE t.conf:5 here\n"
    "susranges as 32 country FR t.conf:6\n"
    "susranges as 34 helo a.example t.conf:6\n"
    "domain org spf=off t.conf:7\n"
    "domain example.net blocks=off d:1\n";

struct seen {
	char text[4096];
	size_t len;
};

static void see_entry(void *context, const struct config_entry *e)
{
	const struct geo_place place = {64500, "DE"};
	struct seen *s = context;

	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len,
	    "%s %.*s %u %s %.*s %s:%u%s%s%s\n", family_name(e->family), SLICE_ARG(e->name), e->slot,
	    e->key, SLICE_ARG(e->text), e->where.file, e->where.line, e->feed ? " feed" : "",
	    e->rule ? "" : " unnamed", !e->entry && config_entry_is_of(e, &place) ? " here" : "");
}

static void see_domain(void *context, const struct config_domain *d)
{
	struct seen *s = context;

	for (unsigned n = 0; n < SWITCH_COUNT; n++)
		if (d->given >> n & 1)
			s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len,
			    "domain %.*s %s=%s %s:%u\n", SLICE_ARG(d->name), switch_options[n].name,
			    switch_word(&d->switches, n), d->where.file, d->where.line);
}

START_TEST(visits_all)
{
	struct seen seen = {.len = 0};
	const struct config_visitor visitor = {see_entry, see_domain, &seen};
	struct diag *diag = diag_create();
	struct configured c;

	ck_assert(mmdb_write(scratch_path("asn.mmdb"), "asn epoch=1700000000",
	    "203.0.113.0/24 64500 -\n"
	    "203.0.114.0/24 64501 -\n"));
	ck_assert(mmdb_write(scratch_path("country.mmdb"), "country epoch=1700000000",
	    "203.0.113.0/24 0 DE\n203.0.114.0/24 0 FR\n"));
	configured_file("n", "# list\n198.51.100.1\n");
	configured_file("f", "198.51.100.2\n");
	configured_file("d", "example.net blocks=off\n");
	configured_file("managed", "# ours\n192.0.2.9 # proof=spf sender=x.example owner=jo\n");
	configured_load(&c, config);
	ck_assert_msg(c.config, "%s", c.lines);
	ck_assert(config_each_entry(c.config, c.rules, &visitor, diag));
	ck_assert_str_eq(seen.text, wanted);
	diag_free(&diag);
	configured_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("config_each");
	TCase *t = tcase_create("files");

	tcase_add_test(t, visits_all);
	suite_add_tcase(s, t);
	return s;
}
