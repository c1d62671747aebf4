/*
 * rule_summary_test: rules of one name are one row, and recorded decisions are counted for it.
 */
#include "core/change/rule_summary.h"
#include "fake/configured.h"
#include "unit/unit.h"

#define CONFIG                                                                                     \
	"managed_whitelist = \"managed\";\n"                                                       \
	"trusted_networks = [ \"192.0.2.0/24\", \"192.0.2.77\" ];\n"                               \
	"blocks = ( { name = \"b\"; domains = [ \".x.example\" ]; in = [ \"sender\" ];\n"          \
	"    unless = { sender = [ \"a@x.example\", \"/z+@.*/\" ]; }; expires = "                  \
	"\"2027-01-01T00:00:00Z\"; } );\n"                                                         \
	"susranges = ( { name = \"s\"; networks = [ \"file:s\" ]; mode = \"monitor\"; },\n"        \
	"              { name = \"a\"; networks = [ \"198.51.100.0/24\" ]; } );\n"

#define MANAGED                                                                                    \
	"203.0.113.1\n203.0.113.2 # expires=2027-02-01T00:00:00Z\n"                                \
	"203.0.113.3 # expires=2027-01-15T00:00:00Z\n.good.example\n"

static const struct {
	const char *rule;
	enum family family;
	size_t entries;
	int64_t expires;
} wanted[] = {
    {"trusted_networks", FAMILY_TRUSTED, 2, 0},
    {"exempt_recipients", FAMILY_EXEMPT, 2, 0},
    {"managed", FAMILY_WHITELIST, 4, 1799971200},
    {"b", FAMILY_BLOCKS, 3, 1798761600},
    {"s", FAMILY_SUSRANGES, 3, 0},
    {"a", FAMILY_SUSRANGES, 1, 0},
};

/* Rows of the history and the rule whose hits they are; NULL: none's. */
static const struct {
	const char *rule;
	enum family family;
	uint64_t count;
	int64_t time_ms, last_ms;
} decisions[] = {
    {"s", FAMILY_SUSRANGES, 1, 5000, 0},
    {"s", FAMILY_SUSRANGES, 1, 3000, 0},
    {"a", FAMILY_SUSRANGES, 70, 1000, 9000},
    {"a", FAMILY_BLOCKS, 1, 1000, 0}, /* another family's */
    {"gone", FAMILY_SUSRANGES, 1, 1000, 0},
    {"", FAMILY_SPF, 1, 1000, 0},
    {"managed", FAMILY_WHITELIST, 2, 4000, 0},
};

static const struct {
	const char *rule;
	uint64_t hits;
	int64_t last_ms;
} hits[] = {
    {"trusted_networks", 0, 0},
    {"exempt_recipients", 0, 0},
    {"managed", 2, 4000},
    {"b", 0, 0},
    {"s", 2, 5000},
    {"a", 70, 9000},
};

static struct rule_summary *load(struct configured *c, struct arena *arena)
{
	struct rule_summary *s;

	configured_file("managed", MANAGED);
	configured_file("s", "198.51.100.0/25\n198.51.101.0/24\n!198.51.100.7\n");
	configured_load(c, CONFIG);
	ck_assert_msg(c->config, "%s", c->lines);
	s = rule_summary_make(c->rules, arena);
	ck_assert_ptr_nonnull(s);
	return s;
}

START_TEST(one_row_for_each_name)
{
	struct arena *arena = arena_create(1 << 20);
	struct configured c;
	struct rule_summary *s = load(&c, arena);

	ck_assert_uint_eq(s->count, ROWS(wanted));
	for (size_t i = 0; i < s->count; i++) {
		const struct rule_summary_row *r = &s->rows[i];

		ck_assert_msg(slice_equal(r->rule->name, slice_str(wanted[i].rule)), "row %zu", i);
		ck_assert_msg(r->rule->family == wanted[i].family, "%s", wanted[i].rule);
		ck_assert_msg(
		    r->entries == wanted[i].entries, "%s: %zu entries", wanted[i].rule, r->entries);
		ck_assert_msg(r->expires == wanted[i].expires, "%s: %lld", wanted[i].rule,
		    (long long)r->expires);
	}
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

START_TEST(counts_decisions)
{
	struct arena *arena = arena_create(1 << 20);
	struct configured c;
	struct rule_summary *s = load(&c, arena);

	for (size_t i = 0; i < ROWS(decisions); i++) {
		struct decision_row row = {.family = decisions[i].family,
		    .count = decisions[i].count,
		    .time_ms = decisions[i].time_ms,
		    .last_ms = decisions[i].last_ms};

		row.text[ROW_RULE] = slice_str(decisions[i].rule);
		rule_summary_count(s, &row);
	}
	for (size_t i = 0; i < s->count; i++) {
		ck_assert_msg(s->rows[i].hits == hits[i].hits, "%s: %llu hits", hits[i].rule,
		    (unsigned long long)s->rows[i].hits);
		ck_assert_msg(s->rows[i].last_ms == hits[i].last_ms, "%s", hits[i].rule);
	}
	configured_free(&c);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("rule_summary");
	TCase *t = tcase_create("rules");

	tcase_add_test(t, one_row_for_each_name);
	tcase_add_test(t, counts_decisions);
	suite_add_tcase(s, t);
	return s;
}
