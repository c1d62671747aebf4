/* Entries that decided recorded mail: what tests/wire/stale_test.py does not reach: places, the
 * author, rows that do not count. */
#include "unit/unit.h"

#include "core/history/history_usage.h"

enum { NOW = 1000, AS_HERE = 64500, AS_ELSEWHERE = 64501, COUNTRY = 7 };

static const struct history_seed seed = {{1, 0x9e3779b97f4a7c15}};

/* The places of the rules' networks; whatever is not in them has none. */
static void place(void *context, const struct ip *ip, uint32_t *asn, uint32_t *country)
{
	struct prefix p;
	char why[PREFIX_WHY_MAX];

	(void)context;
	prefix_parse(SLICE("10.1.0.0/16"), &p, why);
	*asn = prefix_contains(&p, ip) ? AS_HERE : 0;
	*country = ip->family == IP_V4 ? COUNTRY : 0;
}

static const struct history_world world = {NULL, place, NULL};

static struct arena *arena; /* of the entries of a case */

static struct entry entry_of(const char *text, enum entry_accept accept)
{
	char why[ENTRY_WHY_MAX];
	struct entry e;

	ck_assert_ptr_null(entry_parse(slice_str(text), accept, NULL, arena, &e, why));
	return e;
}

static void add(struct ruleset_builder *b, unsigned rule, unsigned slot, const char *text)
{
	struct entry e = entry_of(text, slot == KEY_NETWORKS ? ENTRY_ACCEPT_NETWORKS
					: slot == KEY_LOGIN  ? ENTRY_ACCEPT_LOGINS
							     : ENTRY_ACCEPT_ADDRESSES);

	ruleset_add_entry(b, rule, slot, &e, (struct origin){"f", 1});
}

static void add_place(
    struct ruleset_builder *b, unsigned rule, enum member_rank rank, const char *network)
{
	char why[PREFIX_WHY_MAX];
	struct prefix p;

	ck_assert_ptr_null(prefix_parse(slice_str(network), &p, why));
	ruleset_add_geo(b, rule, KEY_NETWORKS, rank, false, &p);
}

enum { TRUSTED, FROM, FORMS, PLACES };

static struct ruleset *make_rules(void)
{
	static const struct origin where = {"f", 1};
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	const struct rule rules[] = {
	    [TRUSTED] = {.name = SLICE("trusted_networks"),
		.family = FAMILY_TRUSTED,
		.keys = 1u << KEY_NETWORKS,
		.where = where},
	    [FROM] = {.name = SLICE("from"),
		.family = FAMILY_BLOCKS,
		.keys = 1u << KEY_FROM,
		.where = where},
	    [FORMS] = {.name = SLICE("forms"),
		.family = FAMILY_BLOCKS,
		.keys = 1u << KEY_FROM | 1u << KEY_LOGIN,
		.applies = APPLIES_AUTHENTICATED,
		.where = where},
	    [PLACES] = {.name = SLICE("places"),
		.family = FAMILY_SUSRANGES,
		.keys = 1u << KEY_NETWORKS,
		.where = where},
	};
	struct ruleset *made;

	for (size_t i = 0; i < ROWS(rules); i++)
		ck_assert_uint_eq(ruleset_add_rule(b, &rules[i]), i);
	add(b, TRUSTED, KEY_NETWORKS, "192.0.2.0/24");
	add(b, FROM, KEY_FROM, "ceo@bank.example");
	add(b, FROM, KEY_FROM, "bank.example");
	add(b, FORMS, KEY_FROM, "bank.example");
	add(b, FORMS, KEY_LOGIN, "anna");
	add(b, FORMS, KEY_LOGIN, "/form[0-9]/");
	add(b, PLACES, KEY_NETWORKS, "10.1.1.0/24");
	add_place(b, PLACES, RANK_ASN, "10.1.0.0/16");
	add_place(b, PLACES, RANK_COUNTRY, "10.0.0.0/8");
	made = ruleset_finish(&b);
	ck_assert_ptr_nonnull(made);
	diag_free(&diag);
	return made;
}

/* What is asked of the usage: bits. */
enum {
	TRUSTED_NET = 1,
	FROM_CEO = 2,
	FROM_BANK = 4,
	NET_24 = 8,
	AS_IS = 16,
	COUNTRY_IS = 32,
	FORMS_BANK = 64,
	FORMS_ANNA = 128,
	FORMS_PATTERN = 256,
};

static const struct {
	const char *label, *client, *from;
	const char *login;
	bool folded;
	unsigned want;
} rows[] = {
    {"an entry before its AS", "10.1.1.9", NULL, NULL, false, NET_24},
    {"an AS before its country", "10.1.2.9", NULL, NULL, false, AS_IS},
    {"a country", "10.200.2.9", NULL, NULL, false, COUNTRY_IS},
    {"none", "198.51.100.1", NULL, NULL, false, 0},
    {"an author", "198.51.100.1", "CEO@bank.example", NULL, false, FROM_CEO},
    {"his domain", "198.51.100.1", "x@bank.example", NULL, false, FROM_BANK},
    {"a domain alone", "198.51.100.1", "bank.example", NULL, false, FROM_BANK},
    {"a trusted client's author", "192.0.2.1", "x@bank.example", NULL, false, TRUSTED_NET},
    {"who is logged in", "10.1.1.9", "x@bank.example", "Anna", false, FORMS_BANK | FORMS_ANNA},
    {"… from a trusted client", "192.0.2.1", "x@bank.example", "form7", false,
	FORMS_BANK | FORMS_PATTERN},
    {"a row for a whole network", "198.51.100.1", NULL, NULL, true, NET_24},
};

START_TEST(uses)
{
	struct ruleset *rules = (arena = arena_create(1 << 16), make_rules());
	struct history_usage *u = history_usage_create(rules, &seed, &world, NOW);
	struct decision_row row = {.count = 1, .family = FAMILY_SUSRANGES};
	struct entry trusted = entry_of("192.0.2.0/24", ENTRY_ACCEPT_NETWORKS),
		     ceo = entry_of("ceo@bank.example", ENTRY_ACCEPT_ADDRESSES),
		     bank = entry_of("bank.example", ENTRY_ACCEPT_ADDRESSES),
		     net = entry_of("10.1.1.0/24", ENTRY_ACCEPT_NETWORKS),
		     anna = entry_of("anna", ENTRY_ACCEPT_LOGINS),
		     pattern = entry_of("/form[0-9]/", ENTRY_ACCEPT_LOGINS);
	unsigned have = 0;

	ck_assert_ptr_nonnull(u);
	ck_assert(ip_parse(slice_str(rows[_i].client), &row.client));
	row.text[ROW_FROM] = slice_str(rows[_i].from);
	row.state[IDENTITY_FROM] = rows[_i].from ? FACT_KNOWN : FACT_ABSENT;
	row.auth_state = rows[_i].login ? FACT_KNOWN : FACT_ABSENT;
	row.text[ROW_AUTH] = slice_str(rows[_i].login);
	if (rows[_i].folded) {
		row.flags = ROW_FOLDED;
		row.has_network = true;
		row.network = net.prefix;
		row.text[ROW_RULE] = SLICE("places");
	}
	ck_assert(history_usage_add(u, &row) && history_usage_add(u, &row));
	have |= history_usage_has(u, TRUSTED, KEY_NETWORKS, &trusted) ? TRUSTED_NET : 0;
	have |= history_usage_has(u, FROM, KEY_FROM, &ceo) ? FROM_CEO : 0;
	have |= history_usage_has(u, FROM, KEY_FROM, &bank) ? FROM_BANK : 0;
	have |= history_usage_has(u, FORMS, KEY_FROM, &bank) ? FORMS_BANK : 0;
	have |= history_usage_has(u, FORMS, KEY_LOGIN, &anna) ? FORMS_ANNA : 0;
	have |= history_usage_has(u, FORMS, KEY_LOGIN, &pattern) ? FORMS_PATTERN : 0;
	have |= history_usage_has(u, PLACES, KEY_NETWORKS, &net) ? NET_24 : 0;
	have |=
	    history_usage_has_place(u, PLACES, KEY_NETWORKS, RANK_ASN, AS_HERE, false) ? AS_IS : 0;
	have |= history_usage_has_place(u, PLACES, KEY_NETWORKS, RANK_COUNTRY, COUNTRY, false)
		    ? COUNTRY_IS
		    : 0;
	ck_assert_msg(have == rows[_i].want, "%s: %x", rows[_i].label, have);
	ck_assert(!history_usage_has_place(u, PLACES, KEY_NETWORKS, RANK_ASN, AS_ELSEWHERE, false));
	ck_assert(!history_usage_has_place(u, PLACES, KEY_NETWORKS, RANK_ASN, AS_HERE, true));
	net.out = true;
	ck_assert(!history_usage_has(u, PLACES, KEY_NETWORKS, &net));
	ck_assert(!history_usage_has(u, PLACES, SLOT_UNLESS + KEY_NETWORKS, &net));
	history_usage_free(&u);
	ruleset_free(&rules);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_usage");
	TCase *t = tcase_create("rows");

	tcase_add_loop_test(t, uses, 0, (int)ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
