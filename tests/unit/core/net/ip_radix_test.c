/*
 * The trie against a dumb model: a list of entries that is gone through for every address.
 */
#include "core/net/ip_radix.h"
#include "fake/networks.h"
#include "src/core/net/ip_radix_private.h" /* to look up as older processors do, too */
#include "unit/unit.h"

#include <stdlib.h>

/* ---- memory that runs out ------------------------------------------------------------ */

/* The test is linked with --wrap: these stand in for the C library's. */
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_aligned_alloc(size_t, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_aligned_alloc(size_t, size_t);
void __wrap_free(void *);

static long allocations_left = -1; /* negative: without end */
static long allocations_live;

static bool may_allocate(void)
{
	if (allocations_left == 0)
		return false;
	if (allocations_left > 0)
		allocations_left--;
	return true;
}

static void *counted(void *p)
{
	allocations_live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? counted(__real_malloc(size)) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? counted(__real_calloc(n, size)) : NULL;
}

void *__wrap_realloc(void *p, size_t size)
{
	if (!may_allocate())
		return NULL;
	return p ? __real_realloc(p, size) : counted(__real_malloc(size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return may_allocate() ? counted(__real_aligned_alloc(alignment, size)) : NULL;
}

void __wrap_free(void *p)
{
	allocations_live -= p != NULL;
	__real_free(p);
}

/* ---- how values come about ----------------------------------------------------------- */

/* Depends on everything that combine is promised: the value around, the entries, their order. */
static uint32_t mix(void *context, uint32_t around, const struct ip_radix_entry *entries, size_t n)
{
	uint32_t modulus = *(const uint32_t *)context;
	uint32_t value = around + 1;

	for (size_t i = 0; i < n; i++)
		value = (value ^ entries[i].tag) * 0x01000193U + (value >> 15);
	return modulus ? value % modulus : value;
}

/* ---- the model ----------------------------------------------------------------------- */

struct model {
	const struct ip_radix_entry *entries; /* as they were given */
	size_t n;
	const struct ip_radix_combine *combine;
};

static uint32_t model_lookup(const struct model *m, const struct ip *ip)
{
	struct ip_radix_entry *around = malloc((m->n + 1) * sizeof *around);
	struct ip_radix_entry *same = malloc((m->n + 1) * sizeof *same);
	uint32_t value = m->combine->none;
	size_t found = 0;

	for (size_t i = 0; i < m->n; i++)
		if (prefix_contains(&m->entries[i].prefix, ip))
			around[found++] = m->entries[i];
	for (unsigned length = 0; length <= ip_bits(ip->family) && ip->family; length++) {
		size_t n = 0;

		for (size_t i = 0; i < found; i++)
			if (around[i].prefix.length == length)
				same[n++] = around[i];
		if (n > 0)
			value = m->combine->value(m->combine->context, value, same, n);
	}
	free(around);
	free(same);
	return value;
}

/* Asks as this processor does and as any other. */
static void ask(const struct ip_radix *t, const struct model *m, struct ip ip, const char *label)
{
	struct ip_radix plain = *t;
	uint32_t got = ip_radix_lookup(t, &ip), got_plain, want = model_lookup(m, &ip);
	char text[IP_TEXT_MAX];

	plain.modern = false;
	got_plain = ip_radix_lookup(&plain, &ip);
	if (got == want && got_plain == want)
		return;
	ip_format(&ip, text);
	ck_abort_msg("%s: %s is %u or %u, not %u", label, text, got, got_plain, want);
}

static struct ip step(struct ip ip, int by)
{
	uint64_t unit = ip.family == IP_V4 ? (uint64_t)1 << 32 : 1;

	if (ip.family == IP_V4) {
		ip.hi += by > 0 ? unit : -unit;
	} else {
		if (by > 0)
			ip.hi += ++ip.lo == 0;
		else
			ip.hi -= ip.lo-- == 0;
	}
	return ip;
}

static void ask_around(
    const struct ip_radix *t, const struct model *m, const struct prefix *p, const char *label)
{
	struct ip last = prefix_last(p);

	ask(t, m, step(p->base, -1), label); /* wraps around at the ends, which is fine */
	ask(t, m, p->base, label);
	ask(t, m, last, label);
	ask(t, m, step(last, 1), label);
}

static void ask_random(const struct ip_radix *t, const struct model *m, size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++) {
		const struct prefix *p = m->n ? &m->entries[networks_below(m->n)].prefix : NULL;
		struct ip v4 = {networks_random() << 32, 0, IP_V4};
		struct ip v6 = {networks_random(), networks_random(), IP_V6};

		ask(t, m, v4, label);
		ask(t, m, v6, label);
		if (!p)
			continue;
		v6 = prefix_last(p); /* somewhere inside or near */
		v6.hi ^= networks_below(4)
			     ? 0
			     : networks_random() & networks_random() & networks_random();
		v6.hi &= p->base.family == IP_V4 ? (uint64_t)UINT32_MAX << 32 : UINT64_MAX;
		v6.lo ^= p->base.family == IP_V4 ? 0 : networks_random() >> networks_below(64);
		ask(t, m, v6, label);
	}
}

/* ---- invariants of the runs ---------------------------------------------------------- */

struct runs_seen {
	const struct ip_radix *trie;
	const char *label;
	struct ip next; /* where the next run must start */
	uint32_t value; /* of the run before it */
	bool any;
	size_t n, families;
};

/* Not by ck_assert: it tells the parent process of every success, and these are millions. */
static void must(bool holds, const struct runs_seen *s, const char *what)
{
	if (!holds)
		ck_abort_msg("%s: run %zu: %s", s->label, s->n, what);
}

static void check_run(void *context, const struct ip *first, const struct ip *last, uint32_t value)
{
	struct runs_seen *s = context;

	if (!s->any || first->family != s->next.family) {
		must(
		    !s->any || (s->next.hi == 0 && s->next.lo == 0), s, "a family is not complete");
		s->next = (struct ip){0, 0, s->families++ == 0 ? IP_V4 : IP_V6};
	} else {
		must(value != s->value, s, "runs of one value are not joined");
	}
	must(ip_equal(first, &s->next), s, "a gap or an overlap");
	must(ip_compare(first, last) <= 0, s, "it ends before it begins");
	must(ip_radix_lookup(s->trie, first) == value, s, "its first address has another value");
	must(ip_radix_lookup(s->trie, last) == value, s, "its last address has another value");
	s->next = step(*last, 1);
	s->value = value;
	s->any = true;
	s->n++;
}

static size_t check_runs(const struct ip_radix *t, const char *label)
{
	struct runs_seen s = {.trie = t, .label = label};

	ip_radix_each_run(t, check_run, &s);
	ck_assert_msg(s.families == 2, "%s: a family is missing", label);
	ck_assert_msg(s.next.hi == 0 && s.next.lo == 0, "%s: the end is missing", label);
	return s.n;
}
/* ---- shapes of tables ---------------------------------------------------------------- */

static void nothing(struct networks *t, size_t n)
{
	(void)t;
	(void)n;
}

/* Must not say a word about IPv4. */
static void all_of_ipv6(struct networks *t, size_t n)
{
	networks_add(t, IP_V6, 0, 0, 0);
	(void)n;
}

static const struct shape {
	const char *label;
	void (*fill)(struct networks *, size_t n);
	size_t n;
	size_t bytes; /* the most that the trie may have; 0: not looked at */
} shapes[] = {
    {"empty", nothing, 0, 40 << 10},
    {"one of any", networks_any, 1, 40 << 10},
    {"any, 5", networks_any, 5, 0},
    {"any, 100", networks_any, 100, 64 << 10},
    {"any, 600", networks_any, 600, 0},
    {"crowded, 20", networks_crowded, 20, 0},
    {"crowded, 400", networks_crowded, 400, 0},
    {"routes, 100", networks_routes, 100, 64 << 10},
    {"routes, 700", networks_routes, 700, 0},
    {"alternating hosts", networks_alternating, 500, 0},
    {"subnets, 600", networks_subnets, 600, 0},
    {"nested", networks_nested, 0, 0},
    {"ends", networks_ends, 0, 0},
    {"duplicates", networks_duplicates, 40, 0},
    {"::/0 alone", all_of_ipv6, 0, 40 << 10},
    {"clusters", networks_clusters, 12, 0},
    {"seams", networks_seams, 2400, 0},
};

/* As many values as come; few, so that neighbours merge; hardly more than `none`. */
static uint32_t moduli[] = {0, 40, 3};

static const uint32_t nones[] = {0, UINT32_MAX, 2};

static struct ip_radix *build_copy(const struct networks *t, const struct ip_radix_combine *combine)
{
	struct ip_radix_entry *copy = malloc((t->n + 1) * sizeof *copy);
	struct ip_radix *trie;

	if (t->n)
		memcpy(copy, t->entries, t->n * sizeof *copy);
	trie = ip_radix_build(copy, t->n, combine);
	for (size_t i = 1; trie && i < t->n; i++)
		if (prefix_compare(&copy[i - 1].prefix, &copy[i].prefix) > 0)
			ck_abort_msg("entry %zu is not sorted", i);
	free(copy);
	return trie;
}

START_TEST(agrees_with_the_model)
{
	const struct shape *shape = &shapes[(size_t)_i / ROWS(moduli)];
	size_t variant = (size_t)_i % ROWS(moduli);
	struct ip_radix_combine combine = {mix, &moduli[variant], nones[variant]};
	struct networks table = {0};
	struct model model;
	struct ip_radix *trie;
	struct ip nowhere = {0};

	shape->fill(&table, shape->n);
	networks_shuffle(&table);
	model = (struct model){table.entries, table.n, &combine};
	trie = build_copy(&table, &combine);
	ck_assert_ptr_nonnull(trie);
	ask(trie, &model, nowhere, shape->label);
	for (size_t i = 0; i < table.n; i++)
		ask_around(trie, &model, &table.entries[i].prefix, shape->label);
	ask_random(trie, &model, 300, shape->label);
	ck_assert_msg(check_runs(trie, shape->label) <= 2 * table.n + 2, "%s", shape->label);
	ck_assert_msg(shape->bytes == 0 || ip_radix_bytes(trie) <= shape->bytes, "%s: %zu bytes",
	    shape->label, ip_radix_bytes(trie));
	ip_radix_free(&trie);
	ck_assert_ptr_null(trie);
	free(table.entries);
}
END_TEST

/* ---- large tables -------------------------------------------------------------------- */

/* Too large for the model at every edge: some of them, and the bytes that a prefix costs. */
static const struct shape large[] = {
    {"routes, 300k", networks_routes, 150000, 30},
    {"alternating hosts, 130k", networks_alternating, 65536, 30},
    {"70k /64s under one /32", networks_subnets, 70000, 60},
    {"any, 200k", networks_any, 100000, 60},
    {"clusters, 80k", networks_clusters, 2000, 60},
    {"crowded, 90k", networks_crowded, 30000, 40},
};

START_TEST(large_tables_stay_linear)
{
	const struct shape *shape = &large[_i];
	struct ip_radix_combine combine = {mix, &moduli[0], UINT32_MAX};
	struct networks table = {0};
	struct model model;
	struct ip_radix *trie;

	shape->fill(&table, shape->n);
	networks_shuffle(&table);
	trie = build_copy(&table, &combine);
	ck_assert_ptr_nonnull(trie);
	model = (struct model){table.entries, table.n, &combine};
	for (size_t i = 0; i < 100; i++)
		ask_around(
		    trie, &model, &table.entries[networks_below(table.n)].prefix, shape->label);
	ask_random(trie, &model, 50, shape->label);
	check_runs(trie, shape->label);
	ck_assert_msg(ip_radix_bytes(trie) <= table.n * shape->bytes,
	    "%s: %zu bytes for %zu entries", shape->label, ip_radix_bytes(trie), table.n);
	ip_radix_free(&trie);
	free(table.entries);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------- */

/* What building took and did not give back; Check's own allocations are none of our business. */
static long build_with(long allocations, struct networks *t, struct ip_radix **trie)
{
	struct ip_radix_combine combine = {mix, &moduli[0], 0};
	long live = allocations_live;

	allocations_left = allocations;
	*trie = ip_radix_build(t->entries, t->n, &combine);
	allocations_left = -1;
	return allocations_live - live;
}

START_TEST(out_of_memory_gives_null_and_leaks_nothing)
{
	struct networks table = {0};
	struct ip_radix *trie = NULL;
	long tries = 0, taken = 0, live;

	networks_any(&table, 3000);
	networks_clusters(&table, 20);
	for (; !trie; tries++) {
		ck_assert_int_eq(taken, 0);
		networks_shuffle(&table);
		taken = build_with(tries, &table, &trie);
	}
	ck_assert_int_gt(tries, 10);
	ck_assert_int_eq(taken, 1);
	live = allocations_live;
	ip_radix_free(&trie);
	ck_assert_int_eq(allocations_live - live, -1);
	free(table.entries);
}
END_TEST

START_TEST(free_of_null_is_harmless)
{
	struct ip_radix *none = NULL;

	ip_radix_free(&none);
	ck_assert_ptr_null(none);
}
END_TEST

/* ---- the example of the header ------------------------------------------------------- */

static uint32_t story(
    void *context, uint32_t around, const struct ip_radix_entry *entries, size_t n)
{
	unsigned *calls = context;

	ck_assert_uint_eq(n, 1);
	if ((*calls)++ == 0) {
		ck_assert_uint_eq(around, 99);
		ck_assert_uint_eq(entries[0].tag, 1);
		return 7;
	}
	ck_assert_uint_eq(around, 7);
	ck_assert_uint_eq(entries[0].tag, 2);
	return 9;
}

START_TEST(outer_before_inner)
{
	unsigned calls = 0;
	struct ip_radix_combine combine = {story, &calls, 99};
	struct ip_radix_entry entries[] = {
	    {{{(uint64_t)0x0a010000 << 32, 0, IP_V4}, 16}, 2},
	    {{{(uint64_t)0x0a000000 << 32, 0, IP_V4}, 8}, 1},
	};
	static const struct {
		uint32_t address, want;
	} rows[] = {
	    {0x0a010203, 9},
	    {0x0a020000, 7},
	    {0x0b000000, 99},
	};
	struct ip_radix *trie = ip_radix_build(entries, 2, &combine);

	ck_assert_uint_eq(calls, 2);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ip ip = {(uint64_t)rows[i].address << 32, 0, IP_V4};
		ck_assert_uint_eq(ip_radix_lookup(trie, &ip), rows[i].want);
	}
	ip_radix_free(&trie);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("ip_radix");
	TCase *model = tcase_create("model"), *memory = tcase_create("memory");

	tcase_set_timeout(model, 120);
	tcase_add_test(model, outer_before_inner);
	tcase_add_loop_test(model, agrees_with_the_model, 0, (int)(ROWS(shapes) * ROWS(moduli)));
	tcase_add_loop_test(model, large_tables_stay_linear, 0, (int)ROWS(large));
	tcase_set_timeout(memory, 120);
	tcase_add_test(memory, out_of_memory_gives_null_and_leaks_nothing);
	tcase_add_test(memory, free_of_null_is_harmless);
	suite_add_tcase(s, model);
	suite_add_tcase(s, memory);
	return s;
}
