#include "core/stats/tally.h"

#include "core/base/hyperloglog.h"
#include "core/base/top_k.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIMIT = 4 << 20 };

/* What is said of a tally, as text in a stable order: domains come in that of the hash table. */
struct told {
	char lines[16][512];
	size_t count;
};

static void tell_key(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	char *line = context;
	size_t len = strlen(line);

	ck_assert_uint_eq(at_least, at_most);
	snprintf(line + len, 512 - len, " %.*s=%llu", SLICE_ARG(key), (unsigned long long)at_least);
}

static void tell(void *context, const struct tally_domain *d)
{
	struct told *t = context;
	char *line = t->lines[t->count++];

	ck_assert_uint_le(t->count, 16);
	snprintf(line, 512, "%.*s@%lld", SLICE_ARG(d->name), (long long)d->hour);
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int w = 0; w < 2; w++)
			if (d->totals[f][w] > 0)
				snprintf(line + strlen(line), 512 - strlen(line), " %s%s:%llu",
				    w ? "would-" : "", family_name((enum family)f),
				    (unsigned long long)d->totals[f][w]);
	for (int k = 0; k < TALLY_KINDS; k++)
		if (d->top[k])
			top_k_each(d->top[k], tell_key, line);
	ck_assert_ptr_null(d->recipients);
}

static int compare(const void *one, const void *other)
{
	return strcmp(one, other);
}

#define DE SLICE_INIT("a.de")
#define AT SLICE_INIT("a.at")

static const struct {
	const char *label;
	struct refusal refusals[4];
	size_t count;
	const char *want;
} rows[] = {
    {"none", {{.hour = 0}}, 0, ""},
    {"one", {{DE, 7, FAMILY_BLOCKS, false, {SLICE_INIT("u"), SLICE_INIT("r"), SLICE_INIT("c")}}}, 1,
	"a.de@7 blocks:1 u=1 r=1 c=1\n"},
    {"two of the same",
	{{DE, 7, FAMILY_SPF, false, {SLICE_INIT("u")}},
	    {DE, 7, FAMILY_SPF, false, {SLICE_INIT("u")}}},
	2, "a.de@7 spf:2 u=2\n"},
    {"hours are kept apart",
	{{DE, 7, FAMILY_SPF, false, {SLICE_INIT("u")}},
	    {DE, 8, FAMILY_SPF, false, {SLICE_INIT("u")}}},
	2, "a.de@7 spf:1 u=1\na.de@8 spf:1 u=1\n"},
    {"domains are kept apart",
	{{DE, 7, FAMILY_SPF, false, {SLICE_INIT("u")}},
	    {AT, 7, FAMILY_SPF, false, {SLICE_INIT("v")}}},
	2, "a.at@7 spf:1 v=1\na.de@7 spf:1 u=1\n"},
    {"families are kept apart",
	{{DE, 7, FAMILY_SPF, false, {SLICE_INIT("u")}},
	    {DE, 7, FAMILY_DMARC, false, {SLICE_INIT("v")}}},
	2, "a.de@7 spf:1 dmarc:1 u=1 v=1\n"},
    {"monitor mode is kept apart",
	{{DE, 7, FAMILY_SPF, true, {SLICE_INIT("u")}},
	    {DE, 7, FAMILY_SPF, false, {SLICE_INIT("u")}}},
	2, "a.de@7 spf:1 would-spf:1 u=2\n"},
    {"without keys", {{DE, 7, FAMILY_LIMITS, false, {SLICE_INIT("")}}}, 1, "a.de@7 limits:1\n"},
    {"no domain has no lists", {{SLICE_INIT(""), 7, FAMILY_SPF, false, {SLICE_INIT("u")}}}, 1,
	"@7 spf:1\n"},
};

START_TEST(counts)
{
	struct tally *t = tally_create(LIMIT);
	struct told told = {.count = 0};
	char text[2048] = "";

	for (size_t i = 0; i < rows[_i].count; i++)
		tally_count(t, &rows[_i].refusals[i]);
	tally_each(t, tell, &told);
	qsort(told.lines, told.count, sizeof told.lines[0], compare);
	for (size_t i = 0; i < told.count; i++)
		strcat(strcat(text, told.lines[i]), "\n");
	ck_assert_msg(strcmp(text, rows[_i].want) == 0, "%s: got\n%s", rows[_i].label, text);
	ck_assert_uint_eq(tally_total(t), rows[_i].count);
	tally_free(&t);
}
END_TEST

/* ---- more recipients than slots ------------------------------------------------------ */

static const unsigned recipients[] = {1, TALLY_TOP - 1, TALLY_TOP, TALLY_TOP + 1, 1000};

static void look(void *context, const struct tally_domain *d)
{
	unsigned n = *(const unsigned *)context;
	uint64_t about;

	ck_assert_uint_eq(d->totals[FAMILY_SPF][0], n);
	if (n <= TALLY_TOP) {
		ck_assert_ptr_null(d->recipients);
		return;
	}
	/* Those that have a slot are counted in, too. */
	ck_assert_ptr_nonnull(d->recipients);
	about = hyperloglog_estimate(d->recipients);
	ck_assert_msg(
	    about >= n * 9 / 10 && about <= n * 11 / 10, "%u: %llu", n, (unsigned long long)about);
}

START_TEST(estimates_recipients)
{
	struct tally *t = tally_create(LIMIT);
	unsigned n = recipients[_i];
	char text[16];

	for (unsigned i = 0; i < n; i++) {
		struct refusal r = {.domain = SLICE("a.de"), .hour = 1, .family = FAMILY_SPF};
		r.keys[TALLY_RECIPIENTS] =
		    slice_of(text, (size_t)snprintf(text, sizeof text, "u%u", i));
		tally_count(t, &r);
	}
	tally_each(t, look, &n);
	tally_free(&t);
}
END_TEST

/* ---- the limit ----------------------------------------------------------------------- */

static void sum(void *context, const struct tally_domain *d)
{
	uint64_t *of = context;

	of[d->name.len == 0] += d->totals[FAMILY_SPF][0];
}

/* Beyond the limit new domains are counted together, and known ones go on. */
START_TEST(counts_together)
{
	struct tally *t = tally_create(1);
	struct refusal r = {.domain = SLICE("a.de"), .hour = 1, .family = FAMILY_SPF};
	uint64_t of[2] = {0, 0};

	tally_count(t, &r);
	r.hour = 2;
	tally_count(t, &r);
	tally_each(t, sum, of);
	ck_assert_uint_eq(of[0], 0);
	ck_assert_uint_eq(of[1], 2);
	ck_assert_uint_gt(tally_bytes(t), 0);
	tally_free(&t);
	ck_assert_ptr_null(t);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("tally");
	TCase *tc = tcase_create("refusals");

	tcase_add_loop_test(tc, counts, 0, (int)ROWS(rows));
	tcase_add_loop_test(tc, estimates_recipients, 0, (int)ROWS(recipients));
	tcase_add_test(tc, counts_together);
	suite_add_tcase(s, tc);
	return s;
}
