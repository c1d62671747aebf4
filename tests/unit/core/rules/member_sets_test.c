#include "unit/unit.h"

#include "core/rules/member_sets.h"
#include "core/rules/rule.h"

/* Sets as plain sorted arrays, changed one member at a time. */
enum { MATCHERS = 12, SETS = 1500 };

struct plain {
	uint32_t members[MATCHERS];
	size_t count;
};

static uint64_t random_state = 1;

static unsigned draw(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

static void plain_apply(struct plain *p, uint32_t member, bool ranked)
{
	size_t at = 0;

	while (at < p->count && member_matcher(p->members[at]) < member_matcher(member))
		at++;
	if (at < p->count && member_matcher(p->members[at]) == member_matcher(member)) {
		if (!ranked || member_rank(member) >= member_rank(p->members[at]))
			p->members[at] = member;
		return;
	}
	for (size_t i = p->count++; i > at; i--)
		p->members[i] = p->members[i - 1];
	p->members[at] = member;
}

static uint32_t random_member(void)
{
	return member_make(draw(3), draw(4) * 2, draw(2), draw(3), draw(4));
}

static void check_same(const struct member_sets *sets, uint32_t id, const struct plain *p)
{
	size_t n;
	const uint32_t *members = member_sets_get(sets, id, &n);

	ck_assert_uint_eq(n, p->count);
	ck_assert(n == 0 || memcmp(members, p->members, n * sizeof *members) == 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t found;
		ck_assert(member_sets_find(sets, id, member_matcher(members[i]), &found));
		ck_assert_uint_eq(found, members[i]);
	}
}

START_TEST(agrees_with_plain_arrays)
{
	static struct plain plain[SETS];
	static uint32_t ids[SETS];
	struct member_sets *sets = member_sets_create();
	uint32_t found;

	ck_assert_ptr_nonnull(sets);
	plain[0].count = 0;
	ids[0] = 0;
	for (unsigned i = 1; i < SETS; i++) {
		unsigned base = draw(i);
		uint32_t members[3] = {random_member(), random_member(), random_member()};
		size_t n = draw(4);
		bool ranked = draw(2);

		plain[i] = plain[base];
		for (size_t k = 0; k < n; k++)
			plain_apply(&plain[i], members[k], ranked);
		ids[i] = member_sets_apply(sets, ids[base], members, n, ranked);
	}
	ck_assert(!member_sets_failed(sets));
	member_sets_freeze(sets);
	for (unsigned i = 0; i < SETS; i++) {
		check_same(sets, ids[i], &plain[i]);
		ck_assert_uint_lt(ids[i], member_sets_count(sets));
	}
	/* equal sets, and only these, have equal numbers */
	for (unsigned i = 0; i < SETS; i += 7)
		for (unsigned k = 0; k < SETS; k += 3) {
			bool same = plain[i].count == plain[k].count &&
				    memcmp(plain[i].members, plain[k].members,
					plain[i].count * sizeof(uint32_t)) == 0;
			ck_assert((ids[i] == ids[k]) == same);
		}
	ck_assert(!member_sets_find(sets, 0, 0, &found));
	ck_assert_uint_gt(member_sets_bytes(sets), 0);
	member_sets_free(&sets);
	ck_assert_ptr_null(sets);
}
END_TEST

/* ---- the words themselves ------------------------------------------------------------ */

START_TEST(members_keep_their_parts)
{
	static const struct {
		unsigned rule, slot;
		bool out;
		unsigned rank, depth;
	} rows[] = {{0, 0, false, 0, 0}, {RULES_MAX - 1, SLOT_UNLESS + KEY_DOMAINS, true, 3, 255},
	    {1, KEY_FROM, false, RANK_NETWORK, 128}, {256, SLOT_UNLESS, true, FORM_BELOW, 127}};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint32_t m = member_make(
		    rows[i].rule, rows[i].slot, rows[i].out, rows[i].rank, rows[i].depth);

		ck_assert_uint_eq(member_rule(m), rows[i].rule);
		ck_assert_uint_eq(member_slot(m), rows[i].slot);
		ck_assert(member_out(m) == rows[i].out);
		ck_assert_uint_eq(member_rank(m), rows[i].rank);
		ck_assert_uint_eq(member_depth(m), rows[i].depth);
		ck_assert_uint_eq(member_matcher(m), rows[i].rule << 4 | (rows[i].slot & 7) |
							 (rows[i].slot >= SLOT_UNLESS ? 8U : 0U));
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("sets");
	TCase *all = tcase_create("sets");

	tcase_add_test(all, agrees_with_plain_arrays);
	tcase_add_test(all, members_keep_their_parts);
	suite_add_tcase(s, all);
	return s;
}
