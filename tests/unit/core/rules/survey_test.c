#include "unit/unit.h"

#include "core/change/table_diff.h"
#include "core/rules/survey.h"

#include <math.h>
#include <stdio.h>

/*
 * Against a slow count: a small universe of addresses, random tables, and every question answered
 * by going through all entries for every address.
 */
enum { BITS = 9, UNIVERSE = 1 << BITS, RULES = 6, ENTRIES = 60, NOW = 1000 };

struct model_entry {
	unsigned rule, slot, length; /* length: bits inside the universe, 0 to BITS */
	unsigned base;
	bool out;
	enum member_rank rank;
};

struct model {
	struct rule rules[RULES];
	struct model_entry entries[ENTRIES];
	unsigned count;
	enum ip_family family;
};

/* ---- random tables ------------------------------------------------------------------- */

static uint64_t random_state;

static unsigned draw(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

static struct ip address_of(const struct model *m, unsigned number)
{
	if (m->family == IP_V4)
		return (struct ip){(uint64_t)(0x0a000000u | number) << 32, 0, IP_V4};
	return (struct ip){0x20010db800000000u, (uint64_t)number << 32, IP_V6};
}

static struct prefix prefix_of_entry(const struct model *m, const struct model_entry *e)
{
	struct ip ip = address_of(m, e->base);

	return prefix_of(&ip, (m->family == IP_V4 ? 32u : 96u) - BITS + e->length);
}

static bool conflicts(const struct model *m, const struct model_entry *e)
{
	for (unsigned i = 0; i < m->count; i++) {
		const struct model_entry *o = &m->entries[i];
		if (o->rule == e->rule && o->slot == e->slot && o->rank == e->rank &&
		    o->length == e->length && o->base == e->base && o->out != e->out)
			return true;
	}
	return false;
}

static void make_rules(struct model *m)
{
	static const enum family families[RULES] = {FAMILY_WHITELIST, FAMILY_WHITELIST,
	    FAMILY_BLOCKS, FAMILY_BLOCKS, FAMILY_SUSRANGES, FAMILY_SUSRANGES};
	static char names[RULES][4];

	for (unsigned i = 0; i < RULES; i++) {
		snprintf(names[i], sizeof names[i], "r%u", i);
		m->rules[i] = (struct rule){
		    .name = slice_str(names[i]),
		    .family = families[i],
		    .keys = 1u << KEY_NETWORKS | (draw(4) == 0 ? 1u << KEY_HELO : 0),
		    .unless = draw(4) == 0 ? 1u << KEY_NETWORKS : 0,
		    .covers = draw(3) == 0 ? 1u << FAMILY_BLOCKS
					   : 1u << FAMILY_BLOCKS | 1u << FAMILY_SUSRANGES,
		    .monitor = draw(6) == 0,
		    .expires = draw(6) == 0 ? NOW : 0,
		    .wide = true,
		    .where = {"t.conf", i + 1},
		};
	}
}

static void make_entries(struct model *m)
{
	unsigned wanted = 1 + draw(ENTRIES - 1);

	m->count = 0;
	while (m->count < wanted) {
		struct model_entry e = {.rule = draw(RULES), .length = draw(BITS + 1)};

		e.slot = m->rules[e.rule].unless && draw(2) ? SLOT_UNLESS : 0;
		e.base = draw(UNIVERSE) & ~((1u << (BITS - e.length)) - 1);
		e.out = draw(3) == 0;
		e.rank = draw(5) > 0 ? RANK_NETWORK : draw(2) ? RANK_ASN : RANK_COUNTRY;
		if (!conflicts(m, &e))
			m->entries[m->count++] = e;
	}
}

static void make_model(struct model *m, enum ip_family family)
{
	m->family = family;
	make_rules(m);
	make_entries(m);
}

static struct ruleset *build(const struct model *m, struct survey *survey)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct ruleset *rules;

	if (survey)
		ruleset_survey(b, survey);
	for (unsigned i = 0; i < RULES; i++)
		ck_assert_uint_eq(ruleset_add_rule(b, &m->rules[i]), i);
	for (unsigned i = 0; i < m->count; i++) {
		const struct model_entry *e = &m->entries[i];
		struct entry entry = {
		    .kind = ENTRY_NETWORK, .out = e->out, .prefix = prefix_of_entry(m, e)};

		if (e->rank == RANK_NETWORK)
			ruleset_add_entry(
			    b, e->rule, e->slot, &entry, (struct origin){"list", i + 1});
		else
			ruleset_add_geo(b, e->rule, e->slot, e->rank, e->out, &entry.prefix);
	}
	rules = ruleset_finish(&b);
	ck_assert_ptr_nonnull(rules);
	diag_free(&diag);
	return rules;
}

/* ---- the slow count ------------------------------------------------------------------ */

static bool holds(const struct model_entry *e, unsigned address)
{
	return address >> (BITS - e->length) == e->base >> (BITS - e->length);
}

/* The entry that decides a key at an address, `without` left out together with its equals; -1. */
static int decider(
    const struct model *m, unsigned rule, unsigned slot, unsigned address, int without)
{
	int best = -1;

	for (unsigned i = 0; i < m->count; i++) {
		const struct model_entry *e = &m->entries[i], *b = &m->entries[best < 0 ? 0 : best];

		if (e->rule != rule || e->slot != slot || !holds(e, address))
			continue;
		if (without >= 0 && e->rank == RANK_NETWORK &&
		    e->base == m->entries[without].base && e->length == m->entries[without].length)
			continue;
		if (best < 0 || e->rank > b->rank || (e->rank == b->rank && e->length > b->length))
			best = (int)i;
	}
	return best;
}

static bool is_in(
    const struct model *m, unsigned rule, unsigned slot, unsigned address, int without)
{
	int d = decider(m, rule, slot, address, without);

	return d >= 0 && !m->entries[d].out;
}

static bool unconditional(const struct rule *r)
{
	return r->keys == 1u << KEY_NETWORKS && !r->unless && !r->monitor && r->expires == 0;
}

static bool exempted(const struct model *m, enum family family, unsigned address)
{
	for (unsigned i = 0; i < RULES; i++)
		if (m->rules[i].family == FAMILY_WHITELIST && unconditional(&m->rules[i]) &&
		    m->rules[i].covers & 1u << family && is_in(m, i, 0, address, -1))
			return true;
	return false;
}

static bool refused_before(const struct model *m, unsigned rule, unsigned address)
{
	for (unsigned i = 0; i < rule; i++)
		if (m->rules[i].family == m->rules[rule].family && unconditional(&m->rules[i]) &&
		    is_in(m, i, 0, address, -1))
			return true;
	return false;
}

enum kind { USEFUL, DUPLICATE, COVERED, DEAD, SHADOWED };

static bool same_place(const struct model_entry *a, const struct model_entry *b)
{
	return a->rule == b->rule && a->slot == b->slot && a->rank == b->rank;
}

static bool is_duplicate(const struct model *m, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (same_place(&m->entries[k], &m->entries[i]) &&
		    m->entries[k].base == m->entries[i].base &&
		    m->entries[k].length == m->entries[i].length)
			return true;
	return false;
}

static bool is_covered(const struct model *m, unsigned i)
{
	const struct model_entry *e = &m->entries[i], *wider = NULL;

	for (unsigned k = 0; k < m->count; k++) {
		const struct model_entry *o = &m->entries[k];
		if (same_place(o, e) && o->length < e->length && holds(o, e->base) &&
		    (!wider || o->length > wider->length))
			wider = o;
	}
	return wider && wider->out == e->out;
}

static enum kind kind_of(const struct model *m, unsigned i)
{
	const struct model_entry *e = &m->entries[i];
	enum family family = m->rules[e->rule].family;
	bool decides = false, takes = !e->out, unexempted = family == FAMILY_WHITELIST;
	bool unshadowed = family == FAMILY_WHITELIST;

	if (is_duplicate(m, i))
		return DUPLICATE;
	if (is_covered(m, i))
		return COVERED;
	for (unsigned address = 0; address < UNIVERSE; address++) {
		int d = decider(m, e->rule, e->slot, address, -1);

		if (d < 0 || m->entries[d].rank != RANK_NETWORK || m->entries[d].base != e->base ||
		    m->entries[d].length != e->length)
			continue;
		decides = true;
		takes |= is_in(m, e->rule, e->slot, address, (int)i);
		unexempted |= !exempted(m, family, address);
		unshadowed |= !refused_before(m, e->rule, address);
	}
	return !decides || !takes || !unexempted ? DEAD : !unshadowed ? SHADOWED : USEFUL;
}

static void check_entries(const struct model *m, const struct survey *s, unsigned round)
{
	size_t want[RULES][5] = {{0}};
	size_t entries[RULES] = {0};

	for (unsigned i = 0; i < m->count; i++) {
		if (m->entries[i].rank != RANK_NETWORK)
			continue;
		entries[m->entries[i].rule]++;
		want[m->entries[i].rule][kind_of(m, i)]++;
	}
	for (unsigned i = 0; i < RULES; i++) {
		const struct survey_rule *r = &s->rules[i];
		ck_assert_msg(r->entries == entries[i] && r->duplicate == want[i][DUPLICATE] &&
				  r->covered == want[i][COVERED] && r->dead == want[i][DEAD] &&
				  r->shadowed == want[i][SHADOWED],
		    "round %u, rule %u: entries %zu/%zu duplicate %zu/%zu covered %zu/%zu dead "
		    "%zu/%zu "
		    "shadowed %zu/%zu",
		    round, i, r->entries, entries[i], r->duplicate, want[i][DUPLICATE], r->covered,
		    want[i][COVERED], r->dead, want[i][DEAD], r->shadowed, want[i][SHADOWED]);
	}
}

static void check_share(
    const struct model *m, uint64_t ipv4, double ipv6, unsigned want, const char *what)
{
	/* an address of the IPv6 universe stands for the 2^32 below it */
	double share = m->family == IP_V6 ? ldexp(want, 32 - 128) : 0;

	ck_assert_msg(ipv4 == (m->family == IP_V4 ? want : 0) && fabs(ipv6 - share) <= share * 1e-9,
	    "%s: %u addresses, got %llu and %g", what, want, (unsigned long long)ipv4, ipv6);
}

static void check_space(const struct model *m, const struct survey *s)
{
	unsigned by_rule[RULES] = {0}, by_family[FAMILY_COUNT] = {0};

	for (unsigned address = 0; address < UNIVERSE; address++) {
		unsigned families = 0;
		for (unsigned i = 0; i < RULES; i++) {
			if (!is_in(m, i, 0, address, -1))
				continue;
			by_rule[i]++;
			families |= 1u << m->rules[i].family;
		}
		for (unsigned i = 0; i < FAMILY_COUNT; i++)
			by_family[i] += families >> i & 1;
	}
	for (unsigned i = 0; i < RULES; i++)
		check_share(m, s->rules[i].ipv4, s->rules[i].ipv6, by_rule[i], "rule");
	for (unsigned i = 0; i < FAMILY_COUNT; i++)
		check_share(m, s->families[i].ipv4, s->families[i].ipv6, by_family[i], "family");
}

enum { ROUNDS = 400 };

START_TEST(agrees_with_a_slow_count)
{
	random_state = 20261121;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct survey *s = survey_create(NOW);
		struct ruleset *rules;
		struct model m;

		make_model(&m, round % 2 ? IP_V6 : IP_V4);
		rules = build(&m, s);
		check_entries(&m, s, round);
		check_space(&m, s);
		ruleset_free(&rules);
		survey_free(&s);
	}
}
END_TEST

/* ---- differences --------------------------------------------------------------------- */

static bool sus_refuses(const struct model *m, unsigned address)
{
	bool refused = false;

	for (unsigned i = 0; i < RULES; i++)
		refused |= m->rules[i].family == FAMILY_SUSRANGES && !m->rules[i].monitor &&
			   m->rules[i].expires == 0 && is_in(m, i, 0, address, -1);
	return refused && !exempted(m, FAMILY_SUSRANGES, address);
}

/* Examples must lie in what changed and none may be larger than the first. */
static void check_examples(
    const struct model *a, const struct model *b, const struct table_diff_change *c)
{
	const struct prefix *list = a->family == IP_V4 ? c->largest_v4 : c->largest_v6;
	unsigned count = a->family == IP_V4 ? c->largest_v4_count : c->largest_v6_count;

	for (unsigned address = 0; address < UNIVERSE; address++) {
		struct ip ip = address_of(a, address);
		for (unsigned i = 0; i < count; i++)
			ck_assert(!prefix_contains(&list[i], &ip) ||
				  (!sus_refuses(a, address) && sus_refuses(b, address)));
	}
	for (unsigned i = 1; i < count; i++)
		ck_assert_uint_le(list[i - 1].length, list[i].length);
}

START_TEST(finds_differences)
{
	random_state = 4711;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct model a, b;
		struct ruleset *before, *after;
		struct table_diff d;
		unsigned refused = 0, released = 0;

		make_model(&a, round % 2 ? IP_V6 : IP_V4);
		make_model(&b, a.family);
		before = build(&a, NULL);
		after = build(&b, NULL);
		ck_assert(table_diff_addresses(before, after, NOW, &d));
		for (unsigned i = 0; i < UNIVERSE; i++) {
			refused += !sus_refuses(&a, i) && sus_refuses(&b, i);
			released += sus_refuses(&a, i) && !sus_refuses(&b, i);
		}
		check_share(&a, d.refused.ipv4, d.refused.ipv6, refused, "refused");
		check_share(&a, d.released.ipv4, d.released.ipv6, released, "released");
		check_examples(&a, &b, &d.refused);
		check_examples(&b, &a, &d.released);
		ruleset_free(&before);
		ruleset_free(&after);
	}
}
END_TEST

/* ---- the ends of the address space --------------------------------------------------- */

static const struct {
	const char *before, *after;
	uint64_t refused4, released4;
	double refused6, released6;
	const char *largest; /* of what is refused now */
} whole[] = {
    {"", "0.0.0.0/0", (uint64_t)1 << 32, 0, 0, 0, "0.0.0.0/0"},
    {"", "::/0", 0, 0, 1, 0, "::/0"},
    {"::/0", "", 0, 0, 0, 1, NULL},
    {"0.0.0.0/0", "255.255.255.255/32", 0, UINT32_MAX, 0, 0, NULL},
    {"0.0.0.0/32", "0.0.0.0/0", UINT32_MAX, 0, 0, 0, "128.0.0.0/1"},
    {"8000::/1", "::/0", 0, 0, 0.5, 0, "::/1"},
    {"255.255.255.255/32", "255.255.255.255/32", 0, 0, 0, 0, NULL},
};

static struct ruleset *one_network(const char *text, struct survey *survey)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct rule rule = {.name = SLICE("r"),
	    .family = FAMILY_SUSRANGES,
	    .keys = 1u << KEY_NETWORKS,
	    .wide = true,
	    .where = {"t.conf", 1}};
	struct entry entry = {.kind = ENTRY_NETWORK};
	struct ruleset *rules;
	char why[PREFIX_WHY_MAX];

	ruleset_survey(b, survey);
	ruleset_add_rule(b, &rule);
	if (text[0]) {
		ck_assert_ptr_null(prefix_parse(slice_str(text), &entry.prefix, why));
		ruleset_add_entry(b, 0, 0, &entry, (struct origin){"list", 1});
	}
	rules = ruleset_finish(&b);
	ck_assert_ptr_nonnull(rules);
	diag_free(&diag);
	return rules;
}

START_TEST(knows_the_ends)
{
	struct survey *s = survey_create(NOW), *t = survey_create(NOW);
	struct ruleset *before = one_network(whole[_i].before, s);
	struct ruleset *after = one_network(whole[_i].after, t);
	struct table_diff d;
	char text[PREFIX_TEXT_MAX];

	ck_assert_uint_eq(t->rules[0].dead + t->rules[0].shadowed, 0);
	ck_assert(table_diff_addresses(before, after, NOW, &d));
	ck_assert_uint_eq(d.refused.ipv4, whole[_i].refused4);
	ck_assert_uint_eq(d.released.ipv4, whole[_i].released4);
	ck_assert(fabs(d.refused.ipv6 - whole[_i].refused6) < 1e-12);
	ck_assert(fabs(d.released.ipv6 - whole[_i].released6) < 1e-12);
	if (whole[_i].largest) {
		bool v4 = d.refused.largest_v4_count > 0;
		prefix_format(v4 ? &d.refused.largest_v4[0] : &d.refused.largest_v6[0], text);
		ck_assert_str_eq(text, whole[_i].largest);
	}
	ruleset_free(&before);
	ruleset_free(&after);
	survey_free(&s);
	survey_free(&t);
}
END_TEST

/* ---- more networks, one in the other, than is usual ------------------------------------ */

static void add_nested(struct ruleset_builder *b, const char *base, unsigned from, unsigned to)
{
	struct ip ip;

	ck_assert(ip_parse(slice_str(base), &ip));
	for (unsigned length = from; length <= to; length++) {
		struct entry e = {.kind = ENTRY_NETWORK,
		    .prefix = prefix_of(&ip, length),
		    .out = (length - from) % 2 == 1};
		ruleset_add_entry(b, 0, 0, &e, (struct origin){"list", length});
	}
}

/* The share of all addresses that are in when every second network takes out again. */
static double nested_share(unsigned from, unsigned to)
{
	double share = 0;

	for (unsigned length = from; length <= to; length++)
		share += ldexp((length - from) % 2 ? -1 : 1, -(int)length);
	return share;
}

/* Both families in one table, each entry the longest match of some address, one in the other as
 * deep as lengths go. */
START_TEST(nested)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct survey *s = survey_create(NOW);
	struct rule rule = {.name = SLICE("r"),
	    .family = FAMILY_SUSRANGES,
	    .keys = 1u << KEY_NETWORKS,
	    .wide = true,
	    .where = {"t.conf", 1}};
	struct ruleset *rules;

	ruleset_survey(b, s);
	ruleset_add_rule(b, &rule);
	add_nested(b, "255.255.255.255", 9, 31);
	add_nested(b, "::", 21, 127);
	add_nested(b, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 21, 127);
	rules = ruleset_finish(&b);
	ck_assert_ptr_nonnull(rules);
	ck_assert_uint_eq(s->rules[0].entries, 23 + 107 + 107);
	ck_assert_uint_eq(
	    s->rules[0].duplicate + s->rules[0].covered + s->rules[0].dead + s->rules[0].shadowed,
	    0);
	ck_assert_uint_eq(s->rules[0].ipv4, (uint64_t)ldexp(nested_share(9, 31), 32));
	ck_assert(fabs(s->rules[0].ipv6 - 2 * nested_share(21, 127)) < 1e-12);
	ck_assert_uint_eq(s->families[FAMILY_SUSRANGES].ipv4, s->rules[0].ipv4);
	ruleset_free(&rules);
	survey_free(&s);
	diag_free(&diag);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("survey");
	TCase *model = tcase_create("model"), *ends = tcase_create("ends");

	tcase_set_timeout(model, 120);
	tcase_add_test(model, agrees_with_a_slow_count);
	tcase_add_test(model, finds_differences);
	suite_add_tcase(s, model);
	tcase_add_loop_test(ends, knows_the_ends, 0, (int)ROWS(whole));
	tcase_add_test(ends, nested);
	suite_add_tcase(s, ends);
	return s;
}
