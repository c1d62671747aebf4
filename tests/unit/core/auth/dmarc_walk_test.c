/* The tree walk (RFC 9989 4.10): which names it asks for and what it concludes. */
#include "unit/unit.h"

#include "core/auth/dmarc.h"

#include <stdio.h>

enum { LABELS = 20 };

/* What stands at one level in the model, by number of labels. */
enum content { NOTHING, PLAIN, SUFFIX, ORGANIZATION, DOUBLED, CONTENTS, MISSING = CONTENTS };

static const char *const texts[CONTENTS] = {
    [PLAIN] = "v=DMARC1; p=none",
    [SUFFIX] = "v=DMARC1; p=none; psd=y",
    [ORGANIZATION] = "v=DMARC1; p=none; psd=n",
    [DOUBLED] = "v=DMARC1; psd=n",
};

/* "l5.l4.l3.l2.l1" */
static struct slice name_of(unsigned labels, char *out, size_t cap)
{
	size_t len = 0;

	for (unsigned i = labels; i > 0; i--)
		len += (size_t)snprintf(out + len, cap - len, "l%u%s", i, i > 1 ? "." : "");
	return slice_of(out, len);
}

/* The answer for a level; `records` has room for two. */
static struct dns_answer answer_of(enum content content, struct dns_record *records)
{
	if (content == NOTHING || content == MISSING)
		return (struct dns_answer){.status = content == MISSING ? DNS_TEMP : DNS_NXDOMAIN};
	records[0].data = slice_str(texts[content]);
	records[1] = records[0];
	return (struct dns_answer){
	    .status = DNS_OK, .count = content == DOUBLED ? 2 : 1, .records = records};
}

/* ---- the questions, by length of the name -------------------------------------------- */

START_TEST(questions)
{
	char text[DMARC_QUESTION_MAX], start[100], want[100], rest[90];
	struct dns_answer nothing = {.status = DNS_NODATA};
	unsigned labels = (unsigned)_i, level = labels, asked = 0;
	struct dmarc_walk w;

	dmarc_walk_start(&w, name_of(labels, start, sizeof start));
	while (w.state == DMARC_WALK_ASK) {
		struct slice question = dmarc_walk_question(&w, text);

		name_of(level, rest, sizeof rest);
		snprintf(want, sizeof want, "_dmarc.%s", rest);
		ck_assert_msg(slice_equal(question, slice_str(want)), "%u labels: %.*s not %s",
		    labels, SLICE_ARG(question), want);
		level = level > 8 ? 7 : level - 1;
		asked++;
		dmarc_walk_answer(&w, &nothing);
	}
	ck_assert_uint_eq(level, 0);
	ck_assert_uint_eq(asked, labels < 8 ? labels : 8);
	ck_assert_uint_eq(w.asked, asked);
	ck_assert(slice_equal(dmarc_walk_organization(&w), slice_str(start)));
	ck_assert_ptr_null(dmarc_walk_policy(&w));
}
END_TEST

/* ---- the conclusions, against a model in the words of the RFC ------------------------ */

struct conclusion {
	unsigned organization, policy, asked; /* by number of labels; policy 0 = none */
};

static bool is_one_of(unsigned level, const unsigned *levels, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (levels[i] == level)
			return true;
	return false;
}

static struct conclusion model(const enum content levels[LABELS + 1], unsigned start)
{
	unsigned valid[8], n = 0, asked = 0;
	struct conclusion c = {.organization = start};

	for (unsigned level = start; level > 0; level = level > 8 ? 7 : level - 1) {
		enum content here = levels[level];

		asked++;
		if (here == PLAIN || here == SUFFIX || here == ORGANIZATION)
			valid[n++] = level;
		if (here == SUFFIX || here == ORGANIZATION)
			break;
	}
	c.asked = asked;
	for (unsigned i = 0; i < n; i++) {
		if (levels[valid[i]] == ORGANIZATION) {
			c.organization = valid[i];
			break;
		}
		if (levels[valid[i]] == SUFFIX && valid[i] != start) {
			c.organization = valid[i] + 1;
			break;
		}
		c.organization = valid[i];
	}
	c.policy = is_one_of(start, valid, n)            ? start
		   : is_one_of(c.organization, valid, n) ? c.organization
		   : n > 0                               ? valid[n - 1]
							 : 0;
	return c;
}

/* Walks to the end; `start` must outlive the walk. */
static void walk(struct dmarc_walk *w, struct slice start, const enum content levels[LABELS + 1])
{
	static struct dns_record records[CONTENTS + 1][2];

	dmarc_walk_start(w, start);
	while (w->state == DMARC_WALK_ASK) {
		enum content content = levels[name_labels(w->target)];
		struct dns_answer answer = answer_of(content, records[content]);

		dmarc_walk_answer(w, &answer);
	}
}

static void compare(const enum content levels[LABELS + 1], unsigned start)
{
	struct conclusion want = model(levels, start);
	char text[100];
	const struct dmarc_found *policy;
	struct dmarc_walk w;

	walk(&w, name_of(start, text, sizeof text), levels);
	policy = dmarc_walk_policy(&w);
	ck_assert_uint_eq(w.asked, want.asked);
	ck_assert_uint_eq(name_labels(dmarc_walk_organization(&w)), want.organization);
	ck_assert_uint_eq(policy ? name_labels(policy->domain) : 0, want.policy);
}

/* All contents of one and of two levels, for names of 1 to 20 labels. */
START_TEST(against_model)
{
	unsigned start = (unsigned)_i;

	for (unsigned a = 1; a <= start; a++)
		for (unsigned b = a; b <= start; b++)
			for (unsigned both = 0; both < CONTENTS * CONTENTS; both++) {
				enum content levels[LABELS + 1] = {NOTHING};

				levels[a] = (enum content)(both % CONTENTS);
				levels[b] = (enum content)(both / CONTENTS);
				compare(levels, start);
			}
}
END_TEST

START_TEST(against_model_at_random)
{
	unsigned seed = 1;

	for (unsigned round = 0; round < 20000; round++) {
		enum content levels[LABELS + 1] = {NOTHING};

		for (unsigned level = 1; level <= LABELS; level++) {
			seed = seed * 1103515245 + 12345;
			levels[level] = (enum content)((seed >> 16) % CONTENTS);
		}
		compare(levels, 1 + round % LABELS);
	}
}
END_TEST

/* ---- levels without an answer -------------------------------------------------------- */

enum { PAIR_LABELS = 5, COMPLETIONS = 40 };

/* A name of PAIR_LABELS labels, which has the last `shared` in common with any other. */
static struct slice side(unsigned shared, char letter, char out[2 * PAIR_LABELS + 1])
{
	for (unsigned i = 0; i < PAIR_LABELS; i++) {
		out[2 * i] = i < PAIR_LABELS - shared ? letter : 'z';
		out[2 * i + 1] = '.';
	}
	return slice_of(out, 2 * PAIR_LABELS - 1);
}

static unsigned next_random(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245 + 12345;
	return (*seed >> 16) % below;
}

/* What is missing gets any content, but a top level no record of an organization; the levels above
 * the fork are the same on both sides. */
static void complete(const enum content given[2][LABELS + 1], unsigned shared,
    enum content out[2][LABELS + 1], unsigned *seed)
{
	for (unsigned level = 1; level <= PAIR_LABELS; level++)
		for (int i = 0; i < 2; i++) {
			out[i][level] = given[i][level];
			if (given[i][level] == MISSING)
				out[i][level] = level > 1
						    ? (enum content)next_random(seed, CONTENTS)
						: next_random(seed, 2) ? SUFFIX
								       : NOTHING;
			if (i == 1 && level <= shared)
				out[1][level] = out[0][level];
		}
}

/* Certainty holds whatever the missing answers would have been; and so does the highest name. */
START_TEST(missing_levels)
{
	unsigned seed = (unsigned)_i + 1, certain = 0;

	for (unsigned round = 0; round < 3000; round++) {
		enum content given[2][LABELS + 1] = {{NOTHING}}, full[2][LABELS + 1] = {{NOTHING}};
		unsigned shared = 1 + next_random(&seed, PAIR_LABELS);
		char a[2 * PAIR_LABELS + 1], b[2 * PAIR_LABELS + 1];
		struct dmarc_walk w[2], all[2];
		enum dmarc_related related;

		for (unsigned level = 1; level <= PAIR_LABELS; level++)
			for (int i = 0; i < 2; i++)
				given[i][level] =
				    i == 1 && level <= shared
					? given[0][level]
					: (enum content)next_random(&seed, CONTENTS + 1);
		walk(&w[0], side(shared, 'a', a), given[0]);
		walk(&w[1], side(shared, 'b', b), given[1]);
		related = dmarc_walk_compare(&w[0], &w[1]);
		certain += related == DMARC_RELATED && w[0].first_missing.len > 0;
		for (unsigned i = 0; i < COMPLETIONS; i++) {
			bool is_same;

			complete((const enum content(*)[LABELS + 1]) given, shared, full, &seed);
			walk(&all[0], w[0].start, full[0]);
			walk(&all[1], w[1].start, full[1]);
			is_same = slice_equal(
			    dmarc_walk_organization(&all[0]), dmarc_walk_organization(&all[1]));
			ck_assert(related == DMARC_RELATED_UNKNOWN ||
				  is_same == (related == DMARC_RELATED));
			ck_assert(name_is_within(
			    dmarc_walk_organization(&all[0]), dmarc_walk_highest(&w[0])));
		}
	}
	ck_assert_uint_gt(certain, 10);
}
END_TEST

/* ---- answers that are none ----------------------------------------------------------- */

START_TEST(failures)
{
	struct dns_answer missing = {.status = DNS_TEMP}, refused = {.status = DNS_BADNAME};
	struct dmarc_walk w;

	dmarc_walk_start(&w, SLICE("a.example"));
	dmarc_walk_answer(&w, &missing);
	ck_assert_int_eq(w.state, DMARC_WALK_ASK);
	ck_assert(slice_equal(w.first_missing, SLICE("a.example")));
	dmarc_walk_start(&w, SLICE("a.example"));
	dmarc_walk_answer(&w, &refused);
	ck_assert_int_eq(w.state, DMARC_WALK_ASK);
	ck_assert(slice_equal(w.target, SLICE("example")));
}
END_TEST

START_TEST(no_names)
{
	char text[NAME_MAX_OCTETS + 1], question[DMARC_QUESTION_MAX];
	struct dmarc_walk w;

	memset(text, 'a', sizeof text);
	dmarc_walk_start(&w, slice_of(NULL, 0));
	ck_assert_int_eq(w.state, DMARC_WALK_DONE);
	dmarc_walk_start(&w, slice_of(text, sizeof text));
	ck_assert_int_eq(w.state, DMARC_WALK_DONE);
	dmarc_walk_start(&w, slice_of(text, NAME_MAX_OCTETS));
	ck_assert_int_eq(w.state, DMARC_WALK_ASK);
	ck_assert_uint_eq(dmarc_walk_question(&w, question).len, sizeof question);
}
END_TEST

/* Other TXT records at the name do not count. */
START_TEST(company)
{
	struct dns_record records[] = {{.data = SLICE("v=spf1 -all")},
	    {.data = SLICE("v=DMARC1; p=reject; psd=n")}, {.data = SLICE("hello")}};
	struct dns_answer answer = {.status = DNS_OK, .count = 3, .records = records};
	struct dmarc_walk w;

	dmarc_walk_start(&w, SLICE("a.example"));
	dmarc_walk_answer(&w, &answer);
	ck_assert_int_eq(w.state, DMARC_WALK_DONE);
	ck_assert_int_eq(dmarc_walk_policy(&w)->record.p, DMARC_P_REJECT);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dmarc_walk");
	TCase *t = tcase_create("dmarc_walk");

	tcase_add_loop_test(t, questions, 1, LABELS + 1);
	tcase_add_loop_test(t, against_model, 1, LABELS + 1);
	tcase_add_test(t, against_model_at_random);
	tcase_add_loop_test(t, missing_levels, 0, 4);
	tcase_add_test(t, failures);
	tcase_add_test(t, no_names);
	tcase_add_test(t, company);
	suite_add_tcase(s, t);
	return s;
}
