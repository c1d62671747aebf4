#include "core/base/top_k.h"

#include "core/base/hyperloglog.h"
#include "core/stats/tally.h"
#include "unit/unit.h"

#include <stdio.h>

static uint64_t random_state = 1;

static unsigned draw(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

static struct slice number(unsigned n, char text[16])
{
	return slice_of(text, (size_t)snprintf(text, 16, "u%u", n));
}

/* ---- heavy --------------------------------------------------------------------------- */

enum { KEYS = 2000 };

struct model {
	uint64_t counts[KEYS];
	uint64_t last, listed;
	bool seen[KEYS];
	bool exact;
};

static void compare(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	struct model *m = context;
	uint64_t n;

	ck_assert(slice_to_uint(slice_skip(key, 1), KEYS - 1, &n));
	ck_assert(!m->seen[n]);
	m->seen[n] = true;
	m->listed++;
	ck_assert_uint_le(at_least, m->counts[n]);
	ck_assert_uint_ge(at_most, m->counts[n]);
	ck_assert_uint_le(at_least, m->last);
	m->last = at_least;
	if (m->exact)
		ck_assert_uint_eq(at_least, at_most);
}

static const struct {
	const char *label;
	unsigned slots, keys, rounds;
	bool skewed, full;
} floods[] = {
    {"fewer keys than slots", 100, 100, 50000, false, false},
    {"one key more", 100, 101, 50000, false, true},
    {"many keys, some frequent", 64, KEYS, 200000, true, true},
    {"many keys, all the same", 64, KEYS, 200000, false, true},
    {"one slot", 1, KEYS, 10000, true, true},
};

/* Against a table of all keys: bounds hold, and none of the frequent ones is missing. */
START_TEST(test_bounds)
{
	struct top_k *h = top_k_create(floods[_i].slots);
	struct model m = {.last = UINT64_MAX, .exact = !floods[_i].full};

	for (unsigned i = 0; i < floods[_i].rounds; i++) {
		char text[16];
		unsigned n = draw(floods[_i].keys);
		if (floods[_i].skewed && draw(2))
			n = draw(1 + n / 100);
		m.counts[n]++;
		ck_assert(top_k_count(h, number(n, text), 1));
	}
	ck_assert_int_eq(top_k_is_full(h), floods[_i].full);
	top_k_each(h, compare, &m);
	ck_assert_uint_le(m.listed, floods[_i].slots);
	for (unsigned n = 0; n < floods[_i].keys; n++)
		if (m.counts[n] > floods[_i].rounds / floods[_i].slots)
			ck_assert_msg(m.seen[n], "%s: u%u is missing", floods[_i].label, n);
	ck_assert_uint_lt(top_k_bytes(h), 400 + floods[_i].slots * 100 * 2);
	top_k_free(&h);
	ck_assert_ptr_null(h);
}
END_TEST

static void take_length(void *context, struct slice key, uint64_t at_least, uint64_t at_most)
{
	(void)at_least;
	(void)at_most;
	*(size_t *)context = key.len;
}

START_TEST(test_long_and_empty_keys)
{
	struct top_k *h = top_k_create(4);
	char text[1000];
	size_t len = 1;

	ck_assert(top_k_count(h, slice_of(NULL, 0), 1));
	top_k_each(h, take_length, &len);
	ck_assert_uint_eq(len, 0);
	memset(text, 'a', sizeof text);
	ck_assert(top_k_count(h, slice_of(text, sizeof text), 5));
	ck_assert(top_k_count(h, slice_of(text, TOP_K_KEY_MAX), 5));
	top_k_free(&h);
	h = top_k_create(4);
	top_k_close(h);
	ck_assert(!top_k_count(h, SLICE("a"), 1)); /* closed before it had any */
	top_k_free(&h);
}
END_TEST

/* ---- distinct ------------------------------------------------------------------------ */

START_TEST(test_distinct)
{
	static const unsigned sizes[] = {0, 1, 10, 100, 1000, 5000, 100000, 1000000};

	for (size_t i = 0; i < ROWS(sizes); i++) {
		struct hyperloglog one = {{0}}, other = {{0}};
		double estimate;

		for (unsigned n = 0; n < sizes[i]; n++) {
			char text[16];
			hyperloglog_add(n % 2 ? &one : &other, number(n, text));
			hyperloglog_add(&one, number(n / 2, text));
		}
		hyperloglog_merge(&one, &other);
		estimate = (double)hyperloglog_estimate(&one);
		ck_assert_msg(estimate >= sizes[i] * .88 && estimate <= sizes[i] * 1.12, "%u: %.0f",
		    sizes[i], estimate);
	}
}
END_TEST

/* ---- tally --------------------------------------------------------------------------- */

struct sum {
	uint64_t all, unnamed, domains, sketches;
};

static void add_up(void *context, const struct tally_domain *d)
{
	struct sum *s = context;

	s->domains++;
	s->sketches += d->recipients != NULL;
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int w = 0; w < 2; w++) {
			s->all += d->totals[f][w];
			s->unnamed += d->name.len == 0 ? d->totals[f][w] : 0;
		}
}

static const struct {
	const char *label;
	unsigned domains, recipients;
	bool unnamed;
} tallies[] = {
    {"one domain, a catch-all", 1, 1000000, false},
    {"a hundred domains", 100, 1000000, false},
    {"a hundred thousand domains", 100000, 10, true},
};

/* Whatever comes: nothing is uncounted, and memory stays below twice the limit. */
START_TEST(test_tally)
{
	enum { LIMIT = 4 << 20, COUNT = 300000 };
	struct tally *t = tally_create(LIMIT);
	struct sum sum = {0, 0, 0, 0};
	static char long_key[200];

	memset(long_key, 'x', sizeof long_key);
	for (unsigned i = 0; i < COUNT; i++) {
		char domain[32], recipient[32 + sizeof long_key];
		struct refusal r = {
		    .hour = 100 + i / 200000, .family = FAMILY_SUSRANGES, .monitored = i % 3 == 0};

		r.domain = slice_of(domain, (size_t)snprintf(domain, sizeof domain, "d%u.example",
						draw(tallies[_i].domains)));
		r.keys[TALLY_RECIPIENTS] =
		    slice_of(recipient, (size_t)snprintf(recipient, sizeof recipient, "u%u@%.*s",
					    draw(tallies[_i].recipients),
					    i > COUNT / 2 ? (int)sizeof long_key : 3, long_key));
		r.keys[TALLY_RULES] = SLICE("susranges s");
		tally_count(t, &r);
	}
	tally_each(t, add_up, &sum);
	ck_assert_uint_eq(tally_total(t), COUNT);
	ck_assert_uint_eq(sum.all, COUNT);
	ck_assert_msg((sum.unnamed > 0) == tallies[_i].unnamed, "%s: %llu", tallies[_i].label,
	    (unsigned long long)sum.unnamed);
	ck_assert_uint_le(tally_bytes(t), 2 * LIMIT + 4096);
	if (tallies[_i].domains == 1)
		ck_assert_uint_eq(sum.sketches, 2);
	tally_free(&t);
	ck_assert_ptr_null(t);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("top_k");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_bounds, 0, ROWS(floods));
	tcase_add_test(tc, test_long_and_empty_keys);
	tcase_add_test(tc, test_distinct);
	tcase_add_loop_test(tc, test_tally, 0, ROWS(tallies));
	suite_add_tcase(s, tc);
	return s;
}
