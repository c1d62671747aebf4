#include "unit/unit.h"

#include "edge/geo/geo.h"
#include "edge/os/textfile.h"
#include "fake/mmdb.h"
#include "fake/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char records[] = "192.0.2.0/24 64500 CN\n"
			      "198.51.100.0/25 64501 DE\n"
			      "203.0.113.7/32 - US\n"
			      "10.0.0.0/8 64502 -\n"
			      "2001:db8::/32 64500 CN\n"
			      "2001:db8:5::/48 64503 FR\n"
			      "2400::/12 - AU\n";

static const char records_v4[] = "192.0.2.0/24 64500 CN\n"
				 "0.0.0.0/1 64501 DE\n"
				 "255.255.255.255/32 64502 US\n";

/* What geo_each_network() says, as one text. */
struct told {
	char text[4096];
	size_t len;
	unsigned count, stop_after;
};

static bool tell(void *context, const struct prefix *prefix, const struct geo_place *place)
{
	struct told *told = context;
	char text[PREFIX_TEXT_MAX];

	prefix_format(prefix, text);
	if (told->len < sizeof told->text)
		told->len += (size_t)snprintf(told->text + told->len, sizeof told->text - told->len,
		    "%s %u %s\n", text, (unsigned)place->asn,
		    place->country[0] ? place->country : "-");
	return ++told->count != told->stop_after;
}

static struct geo_db *open_file(const char *path, char why[GEO_WHY_MAX])
{
	char wrong[TEXTFILE_WHY_MAX];
	struct geo_db *db;
	struct slice bytes;

	ck_assert_msg(textfile_read(path, &bytes, wrong) == TEXTFILE_OK, "%s %s", path, wrong);
	db = geo_open(bytes, why);
	textfile_free(&bytes);
	return db;
}

static struct geo_db *make(const char *name, const char *settings, const char *text)
{
	char why[GEO_WHY_MAX] = "";
	struct geo_db *db;

	ck_assert_msg(mmdb_write(scratch_path(name), settings, text), "mmdb.pl %s", settings);
	db = open_file(scratch_path(name), why);
	ck_assert_msg(db != NULL, "%s: %s", settings, why);
	return db;
}

/* ---- layouts ------------------------------------------------------------------------- */

static const char asn_networks[] = "10.0.0.0/8 64502 -\n"
				   "192.0.2.0/24 64500 -\n"
				   "198.51.100.0/25 64501 -\n";

static const struct {
	const char *label, *settings, *records, *want;
	bool exact; /* else the text begins so */
} layouts[] = {
    {"MaxMind ASN", "asn", records, asn_networks, false},
    {"MaxMind ASN, 32-bit records", "asn record_size=32", records, asn_networks, false},
    {"MaxMind ASN, 24-bit records, no mirrors", "asn record_size=24 alias=0", records, asn_networks,
	false},
    {"MaxMind country", "country", records,
	"192.0.2.0/24 0 CN\n198.51.100.0/25 0 DE\n203.0.113.7/32 0 US\n", false},
    {"flat", "flat", records,
	"10.0.0.0/8 64502 -\n192.0.2.0/24 64500 CN\n198.51.100.0/25 64501 DE\n"
	"203.0.113.7/32 0 US\n",
	false},
    {"IPinfo", "ipinfo", records,
	"10.0.0.0/8 64502 -\n192.0.2.0/24 64500 CN\n198.51.100.0/25 64501 DE\n"
	"203.0.113.7/32 0 US\n",
	false},
    {"neither AS nor country", "city", records, "", true},
    {"IPv4 only", "flat ip_version=4", records_v4,
	"0.0.0.0/1 64501 DE\n192.0.2.0/24 64500 CN\n255.255.255.255/32 64502 US\n", true},
    {"wider than all of IPv4", "flat alias=0", "::/32 64500 CN\n",
	"0.0.0.0/0 64500 CN\n::/32 64500 CN\n", true},
};

START_TEST(reads_layouts)
{
	struct told told = {.count = 0};
	char why[GEO_WHY_MAX] = "";
	struct geo_db *db = make("layout.mmdb", layouts[_i].settings, layouts[_i].records);

	ck_assert_msg(geo_each_network(db, tell, &told, why), "%s: %s", layouts[_i].label, why);
	if (!layouts[_i].exact)
		told.text[strlen(layouts[_i].want)] = '\0';
	ck_assert_msg(
	    strcmp(told.text, layouts[_i].want) == 0, "%s: got\n%s", layouts[_i].label, told.text);
	geo_free(&db);
	ck_assert_ptr_null(db);
}
END_TEST

/* 2002::/16 and ::ffff:0:0/96 lead to IPv4 as well: 3 networks of IPv4 and those of IPv6. */
START_TEST(mirrors_come_once)
{
	struct told told = {.count = 0};
	char why[GEO_WHY_MAX] = "";
	struct geo_db *db = make("mirror.mmdb", "asn", records);

	ck_assert(geo_each_network(db, tell, &told, why));
	ck_assert_ptr_nonnull(strstr(told.text, "\n2001:db8:5::/48 64503 -\n"));
	ck_assert_ptr_null(strstr(told.text, "2002:"));
	ck_assert_ptr_null(strstr(told.text, "ffff"));
	/* 2001:db8::/32 without its /48 is 16 networks */
	ck_assert_uint_eq(told.count, 3 + 1 + 16);
	geo_free(&db);
}
END_TEST

START_TEST(stops_when_told)
{
	struct told told = {.stop_after = 2};
	char why[GEO_WHY_MAX];
	struct geo_db *db = make("stop.mmdb", "asn", records);

	ck_assert(geo_each_network(db, tell, &told, why));
	ck_assert_uint_eq(told.count, 2);
	geo_free(&db);
}
END_TEST

/* ---- one address --------------------------------------------------------------------- */

static const struct {
	const char *ip;
	uint32_t asn;
	const char *country;
} lookups[] = {
    {"192.0.2.0", 64500, "CN"},
    {"192.0.2.255", 64500, "CN"},
    {"192.0.3.0", 0, ""},
    {"198.51.100.127", 64501, "DE"},
    {"198.51.100.128", 0, ""},
    {"203.0.113.7", 0, "US"},
    {"10.255.255.255", 64502, ""},
    {"2001:db8::1", 64500, "CN"},
    {"2001:db8:5:ffff::", 64503, "FR"},
    {"2001:db8:6::", 64500, "CN"},
    {"2001:db9::", 0, ""},
    {"::ffff:192.0.2.1", 64500, "CN"},
};

START_TEST(looks_up)
{
	struct geo_db *db = make("lookup.mmdb", "flat epoch=1234567890", records);
	struct ip none = {0, 0, IP_NONE};
	struct geo_place place = {0, ""};

	ck_assert_uint_eq(geo_built(db), 1234567890);
	ck_assert_str_eq(geo_type(db), "Test-flat");
	for (size_t i = 0; i < ROWS(lookups); i++) {
		struct ip ip;

		ck_assert(ip_parse(slice_str(lookups[i].ip), &ip));
		place = (struct geo_place){0, ""};
		geo_lookup(db, &ip, &place);
		ck_assert_msg(
		    place.asn == lookups[i].asn && strcmp(place.country, lookups[i].country) == 0,
		    "%s: %u %s", lookups[i].ip, (unsigned)place.asn, place.country);
	}
	place = (struct geo_place){0, ""};
	geo_lookup(db, &none, &place);
	ck_assert_uint_eq(place.asn, 0);
	geo_lookup(NULL, &none, &place);
	geo_free(&db);
}
END_TEST

START_TEST(adds_to_what_is_known)
{
	struct geo_db *asn = make("add-asn.mmdb", "asn", records);
	struct geo_db *country = make("add-country.mmdb", "country", records);
	struct geo_place place = {0, ""};
	struct ip ip;

	ck_assert(ip_parse(SLICE("192.0.2.1"), &ip));
	geo_lookup(asn, &ip, &place);
	geo_lookup(country, &ip, &place);
	ck_assert_uint_eq(place.asn, 64500);
	ck_assert_str_eq(place.country, "CN");
	geo_free(&asn);
	geo_free(&country);
}
END_TEST

/* ---- the walk and look-ups agree ----------------------------------------------------- */

struct collected {
	struct prefix networks[4096];
	struct geo_place places[4096];
	size_t count;
};

static bool collect(void *context, const struct prefix *prefix, const struct geo_place *place)
{
	struct collected *c = context;

	ck_assert_uint_lt(c->count, ROWS(c->networks));
	c->networks[c->count] = *prefix;
	c->places[c->count++] = *place;
	return true;
}

/* What the walk said of an address. */
static struct geo_place walked(const struct collected *c, const struct ip *ip)
{
	struct geo_place place = {0, ""};

	for (size_t i = 0; i < c->count; i++)
		if (prefix_contains(&c->networks[i], ip))
			place = c->places[i];
	return place;
}

/* Networks that lie in each other, on both sides of the roots, in both families. */
static void write_nested(char *text, size_t size)
{
	uint64_t state = 42;
	size_t len = 0;

	for (unsigned i = 0; i < 150; i++) {
		unsigned a, length, asn;

		state = state * 6364136223846793005u + 1442695040888963407u;
		a = (unsigned)(state >> 32);
		length = 4 + (unsigned)(state >> 20) % 29;
		asn = 1 + (unsigned)(state >> 16) % 5;
		if (i % 2)
			len += (size_t)snprintf(text + len, size - len, "2a00:%x::/%u %u -\n",
			    a & 0xff00u, 20 + length / 4, asn);
		else
			len += (size_t)snprintf(text + len, size - len, "%u.%u.%u.%u/%u %u -\n",
			    64 + (a >> 24) % 32, a >> 16 & 255, a >> 8 & 255, a & 255, length, asn);
	}
}

START_TEST(walk_agrees_with_lookups)
{
	static struct collected c;
	static char text[16384];
	char why[GEO_WHY_MAX] = "";
	struct geo_db *db;

	write_nested(text, sizeof text);
	db = make("nested.mmdb", "asn", text);
	ck_assert_msg(geo_each_network(db, collect, &c, why), "%s", why);
	ck_assert_uint_gt(c.count, 150);
	for (size_t i = 0; i < c.count; i++) {
		struct ip ends[4] = {c.networks[i].base, prefix_last(&c.networks[i]),
		    c.networks[i].base, prefix_last(&c.networks[i])};
		/* beside it: the next IPv4 address, and the next /64 of IPv6 */
		uint64_t step = ends[0].family == IP_V4 ? (uint64_t)1 << 32 : 1;

		ends[2].hi -= step;
		ends[3].hi += step;
		for (size_t k = 0; k < ROWS(ends); k++) {
			struct geo_place want = walked(&c, &ends[k]), got = {0, ""};
			geo_lookup(db, &ends[k], &got);
			ck_assert_uint_eq(got.asn, want.asn);
		}
	}
	geo_free(&db);
}
END_TEST

/* ---- files that are no databases ----------------------------------------------------- */

/* The databases of this program's setup, which tests damage copies of. */
static struct slice good;

static const char *open_bytes(struct slice bytes, char why[GEO_WHY_MAX])
{
	struct geo_db *db;
	struct told told = {.count = 0};

	scratch_write("damaged.mmdb", bytes);
	db = open_file(scratch_path("damaged.mmdb"), why);
	if (!db)
		return why;
	for (size_t i = 0; i < ROWS(lookups); i++) {
		struct geo_place place = {0, ""};
		struct ip ip;

		ip_parse(slice_str(lookups[i].ip), &ip);
		geo_lookup(db, &ip, &place);
	}
	if (geo_each_network(db, tell, &told, why))
		why = NULL;
	geo_free(&db);
	return why;
}

START_TEST(refuses_what_is_cut_short)
{
	char why[GEO_WHY_MAX];

	ck_assert_ptr_null(open_bytes(good, why));
	for (size_t len = 0; len < good.len; len++)
		ck_assert_msg(open_bytes(slice_of(good.ptr, len), why) != NULL,
		    "the first %zu of %zu bytes are taken", len, good.len);
}
END_TEST

START_TEST(refuses_what_lost_its_beginning)
{
	char why[GEO_WHY_MAX];

	/* what is left still ends in sound metadata */
	for (size_t from = 64; from < good.len; from += 7)
		ck_assert_msg(open_bytes(slice_skip(good, from), why) != NULL,
		    "without its first %zu of %zu bytes it is taken", from, good.len);
}
END_TEST

/* Any single byte wrong: an error or another answer, but no crash and no end of the walk. */
START_TEST(survives_wrong_bytes)
{
	static const unsigned char masks[] = {0x01, 0x80, 0xff, 0x55};
	char *bytes = malloc(good.len);
	char why[GEO_WHY_MAX];
	unsigned refused = 0;

	ck_assert_ptr_nonnull(bytes);
	for (size_t at = 0; at < good.len; at++) {
		memcpy(bytes, good.ptr, good.len);
		bytes[at] = (char)(bytes[at] ^ masks[at % ROWS(masks)]);
		refused += open_bytes(slice_of(bytes, good.len), why) != NULL;
	}
	ck_assert_uint_gt(refused, 50);
	free(bytes);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	char why[GEO_WHY_MAX];

	open_bytes(SLICE(""), why);
	ck_assert_msg(strncmp(why, "is not a complete MMDB", 22) == 0, "%s", why);
	open_bytes(SLICE("192.0.2.0/24\n"), why);
	ck_assert_msg(strncmp(why, "is not a complete MMDB", 22) == 0, "%s", why);
}
END_TEST

/* A download that overwrites the file in place must not pull the ground away. */
START_TEST(keeps_its_copy)
{
	struct geo_db *db = make("kept.mmdb", "flat", records);
	struct geo_place place = {0, ""};
	struct ip ip;

	ck_assert_int_eq(truncate(scratch_path("kept.mmdb"), 0), 0);
	ck_assert(ip_parse(SLICE("192.0.2.1"), &ip));
	geo_lookup(db, &ip, &place);
	ck_assert_uint_eq(place.asn, 64500);
	geo_free(&db);
}
END_TEST

static void setup(void)
{
	char why[TEXTFILE_WHY_MAX];

	ck_assert(mmdb_write(scratch_path("good.mmdb"), "flat", records));
	ck_assert_int_eq(textfile_read(scratch_path("good.mmdb"), &good, why), TEXTFILE_OK);
}

static void teardown(void)
{
	textfile_free(&good);
}

Suite *suite(void)
{
	Suite *s = suite_create("geo");
	TCase *layout = tcase_create("layouts"), *one = tcase_create("look-up");
	TCase *damaged = tcase_create("damaged");

	tcase_add_loop_test(layout, reads_layouts, 0, (int)ROWS(layouts));
	tcase_add_test(layout, mirrors_come_once);
	tcase_add_test(layout, stops_when_told);
	suite_add_tcase(s, layout);
	tcase_add_test(one, looks_up);
	tcase_add_test(one, adds_to_what_is_known);
	tcase_add_test(one, walk_agrees_with_lookups);
	suite_add_tcase(s, one);
	tcase_add_unchecked_fixture(damaged, setup, teardown);
	tcase_set_timeout(damaged, 60);
	tcase_add_test(damaged, refuses_what_is_cut_short);
	tcase_add_test(damaged, refuses_what_lost_its_beginning);
	tcase_add_test(damaged, survives_wrong_bytes);
	tcase_add_test(damaged, says_what_is_wrong);
	tcase_add_test(damaged, keeps_its_copy);
	suite_add_tcase(s, damaged);
	return s;
}
