/*
 * The trie against a dumb model: a list of entries that is gone through for every address.
 */
#include "../../src/core/iptrie_private.h" /* to look up as older processors do, too */
#include "core/iptrie.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- memory that runs out ------------------------------------------------------------------ */

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

/* ---- random tables ------------------------------------------------------------------------- */

static uint64_t seed = 1;

static uint64_t random64(void) /* splitmix64 */
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return random64() % n;
}

struct table {
	struct iptrie_entry *entries;
	size_t n, room;
};

static void add(struct table *t, enum ip_family family, uint64_t hi, uint64_t lo, unsigned length)
{
	struct ip ip = {hi, lo, family};

	if (family == IP_V4) {
		ip.hi &= (uint64_t)UINT32_MAX << 32;
		ip.lo = 0;
	}
	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->entries = realloc(t->entries, t->room * sizeof *t->entries);
		if (!t->entries)
			abort();
	}
	t->entries[t->n].prefix = prefix_of(&ip, length);
	t->entries[t->n].tag = (uint32_t)t->n;
	t->n++;
}

static void add4(struct table *t, uint32_t address, unsigned length)
{
	add(t, IP_V4, (uint64_t)address << 32, 0, length);
}

static void shuffle(struct table *t)
{
	for (size_t i = t->n; i > 1; i--) {
		size_t j = below(i);
		struct iptrie_entry e = t->entries[i - 1];
		t->entries[i - 1] = t->entries[j];
		t->entries[j] = e;
	}
}

/* ---- how values come about ------------------------------------------------------------------ */

/* Depends on everything that combine is promised: the value around, the entries, their order. */
static uint32_t mix(void *context, uint32_t around, const struct iptrie_entry *entries, size_t n)
{
	uint32_t modulus = *(const uint32_t *)context;
	uint32_t value = around + 1;

	for (size_t i = 0; i < n; i++)
		value = (value ^ entries[i].tag) * 0x01000193U + (value >> 15);
	return modulus ? value % modulus : value;
}

/* ---- the model ------------------------------------------------------------------------------ */

struct model {
	const struct iptrie_entry *entries; /* as they were given */
	size_t n;
	const struct iptrie_combine *combine;
};

static uint32_t model_lookup(const struct model *m, const struct ip *ip)
{
	struct iptrie_entry *same = malloc((m->n + 1) * sizeof *same);
	uint64_t lengths[3] = {0, 0, 0};
	uint32_t value = m->combine->none;

	for (size_t i = 0; i < m->n; i++)
		if (prefix_contains(&m->entries[i].prefix, ip))
			lengths[m->entries[i].prefix.length / 64] |=
			    (uint64_t)1 << m->entries[i].prefix.length % 64;
	for (unsigned length = 0; length <= ip_bits(ip->family) && ip->family; length++) {
		size_t n = 0;

		if (!(lengths[length / 64] >> length % 64 & 1))
			continue;
		for (size_t i = 0; i < m->n; i++)
			if (m->entries[i].prefix.length == length &&
			    prefix_contains(&m->entries[i].prefix, ip))
				same[n++] = m->entries[i];
		value = m->combine->value(m->combine->context, value, same, n);
	}
	free(same);
	return value;
}

/* Asks as this processor does and as any other. */
static void ask(const struct iptrie *t, const struct model *m, struct ip ip, const char *label)
{
	struct iptrie plain = *t;
	uint32_t got = iptrie_lookup(t, &ip), got_plain, want = model_lookup(m, &ip);
	char text[IP_TEXT_MAX];

	plain.modern = false;
	got_plain = iptrie_lookup(&plain, &ip);
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
    const struct iptrie *t, const struct model *m, const struct prefix *p, const char *label)
{
	struct ip last = prefix_last(p);

	ask(t, m, step(p->base, -1), label); /* wraps around at the ends, which is fine */
	ask(t, m, p->base, label);
	ask(t, m, last, label);
	ask(t, m, step(last, 1), label);
}

static void ask_random(const struct iptrie *t, const struct model *m, size_t n, const char *label)
{
	for (size_t i = 0; i < n; i++) {
		const struct prefix *p = m->n ? &m->entries[below(m->n)].prefix : NULL;
		struct ip v4 = {random64() << 32, 0, IP_V4};
		struct ip v6 = {random64(), random64(), IP_V6};

		ask(t, m, v4, label);
		ask(t, m, v6, label);
		if (!p)
			continue;
		v6 = prefix_last(p); /* somewhere inside or near */
		v6.hi ^= below(4) ? 0 : random64() & random64() & random64();
		v6.hi &= p->base.family == IP_V4 ? (uint64_t)UINT32_MAX << 32 : UINT64_MAX;
		v6.lo ^= p->base.family == IP_V4 ? 0 : random64() >> below(64);
		ask(t, m, v6, label);
	}
}

/* ---- invariants of the runs ------------------------------------------------------------------ */

struct runs_seen {
	const struct iptrie *trie;
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
	must(iptrie_lookup(s->trie, first) == value, s, "its first address has another value");
	must(iptrie_lookup(s->trie, last) == value, s, "its last address has another value");
	s->next = step(*last, 1);
	s->value = value;
	s->any = true;
	s->n++;
}

static size_t check_runs(const struct iptrie *t, const char *label)
{
	struct runs_seen s = {.trie = t, .label = label};

	iptrie_each_run(t, check_run, &s);
	ck_assert_msg(s.families == 2, "%s: a family is missing", label);
	ck_assert_msg(s.next.hi == 0 && s.next.lo == 0, "%s: the end is missing", label);
	return s.n;
}

/* ---- shapes of tables ------------------------------------------------------------------------ */

static void shape_empty(struct table *t, size_t n)
{
	(void)t;
	(void)n;
}

static void shape_any(struct table *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, (uint32_t)random64(), (unsigned)below(33));
		add(t, IP_V6, random64(), random64(), (unsigned)below(129));
	}
}

/* Few bits differ: nested, touching and equal networks everywhere. */
static void shape_crowded(struct table *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, 0xc6336400U | (uint32_t)below(1024), 16 + (unsigned)below(17));
		add(t, IP_V6, 0x20010db800000000 | below(16) << (below(2) * 16),
		    below(2) * below(256), 32 + (unsigned)below(97));
		add(t, IP_V6, 0x20010db800000000 | below(2), UINT64_MAX << below(8),
		    60 + (unsigned)below(69));
	}
}

static void shape_routes(struct table *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, (uint32_t)below(1 << 30), below(10) < 6 ? 24 : 12 + (unsigned)below(13));
		add(t, IP_V6, 0x2000000000000000 | random64() >> (3 + below(12)), 0,
		    below(10) < 5 ? 48 : 20 + (unsigned)below(45));
	}
}

static void shape_alternating(struct table *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, 0xac100000U | (uint32_t)i << 1, 32);
		add(t, IP_V6, 0x20010db8000000aa, i << 1, 128);
	}
}

static void shape_subnets(struct table *t, size_t n) /* many /64s under one /32, some with a host */
{
	for (size_t i = 0; i < n; i++) {
		add(t, IP_V6, 0x20010db800000000 | below(n + n / 2), 0, 64);
		if (i % 8 == 0)
			add(t, IP_V6, 0x20010db800000000 | below(n + n / 2), random64(), 128);
	}
}

static void shape_nested(struct table *t, size_t n)
{
	for (unsigned length = 0; length <= 128; length++) {
		add(t, IP_V6, UINT64_MAX, UINT64_MAX, length);
		add(t, IP_V6, 0x20010db85555aaaa, 0x5555aaaa5555aaaa, length);
		add(t, IP_V6, 0, 0, length);
		if (length > 32)
			continue;
		add4(t, UINT32_MAX, length);
		add4(t, 0x5555aaaaU, length);
		add4(t, 0, length);
	}
	(void)n;
}

static void shape_ends(struct table *t, size_t n)
{
	for (unsigned i = 0; i < 4; i++) {
		add4(t, i & 1 ? UINT32_MAX : 0, i & 2 ? 32 : 1);
		add(t, IP_V6, i & 1 ? UINT64_MAX : 0, i & 1 ? UINT64_MAX : 0, i & 2 ? 128 : 64);
		add(t, IP_V6, i & 1 ? UINT64_MAX : 0, i & 1 ? UINT64_MAX : 0, i & 2 ? 65 : 63);
	}
	add(t, IP_V6, 0, UINT64_MAX, 128);
	add(t, IP_V6, 1, 0, 128);
	(void)n;
}

static void shape_duplicates(struct table *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add4(t, (uint32_t)below(3) << 24, 8 * (unsigned)below(3));
		add(t, IP_V6, below(3) << 60, 0, (unsigned)below(3) * 64);
	}
}

static void shape_v6_everything(struct table *t, size_t n) /* must not say a word about IPv4 */
{
	add(t, IP_V6, 0, 0, 0);
	(void)n;
}

static void shape_clusters(struct table *t, size_t n) /* deep, far apart, each more than a node */
{
	for (size_t i = 0; i < n; i++) {
		uint64_t hi = 0x2a00000000000000 | (random64() >> 12 & ~(uint64_t)0xff);
		uint64_t lo = random64() & ~(uint64_t)0xff;

		for (uint64_t k = 0; k < 20; k++) {
			add(t, IP_V6, hi | k << 1, 0, 64);
			add(t, IP_V6, hi, lo | k << 1, 128);
		}
	}
}

/* Single addresses on both sides of where tables, blocks and /64s meet, in well-filled tables. */
static void shape_seams(struct table *t, size_t n)
{
	static const uint64_t seams[] = {
	    0x2010000000000000, 0x2010010000000000, 0x2010000100000000, 0x2010000000000001};

	for (size_t i = 0; i < n; i++)
		add(t, IP_V6, (i & 1 ? 0x2000000000000000 : 0x2010000000000000) | random64() >> 12,
		    0, i & 2 ? 48 : 64);
	for (size_t i = 0; i < ROWS(seams); i++) {
		add(t, IP_V6, seams[i] - 1, UINT64_MAX, 128);
		add(t, IP_V6, seams[i] - 1, UINT64_MAX - 9, 128);
		add(t, IP_V6, seams[i] - 1, 0, 64);
		add(t, IP_V6, seams[i], 0, i & 1 ? 64 : 128);
		add(t, IP_V6, seams[i], 7, 128);
	}
}

static const struct shape {
	const char *label;
	void (*fill)(struct table *, size_t n);
	size_t n;
	size_t bytes; /* the most that the trie may have; 0: not looked at */
} shapes[] = {
    {"empty", shape_empty, 0, 40 << 10},
    {"one of any", shape_any, 1, 40 << 10},
    {"any, 5", shape_any, 5, 0},
    {"any, 100", shape_any, 100, 64 << 10},
    {"any, 600", shape_any, 600, 0},
    {"crowded, 20", shape_crowded, 20, 0},
    {"crowded, 400", shape_crowded, 400, 0},
    {"routes, 100", shape_routes, 100, 64 << 10},
    {"routes, 700", shape_routes, 700, 0},
    {"alternating hosts", shape_alternating, 500, 0},
    {"subnets, 600", shape_subnets, 600, 0},
    {"nested", shape_nested, 0, 0},
    {"ends", shape_ends, 0, 0},
    {"duplicates", shape_duplicates, 40, 0},
    {"::/0 alone", shape_v6_everything, 0, 40 << 10},
    {"clusters", shape_clusters, 12, 0},
    {"seams", shape_seams, 2400, 0},
};

/* As many values as come; few, so that neighbours merge; hardly more than `none`. */
static uint32_t moduli[] = {0, 40, 3};

static const uint32_t nones[] = {0, UINT32_MAX, 2};

static struct iptrie *build_copy(const struct table *t, const struct iptrie_combine *combine)
{
	struct iptrie_entry *copy = malloc((t->n + 1) * sizeof *copy);
	struct iptrie *trie;

	if (t->n)
		memcpy(copy, t->entries, t->n * sizeof *copy);
	trie = iptrie_build(copy, t->n, combine);
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
	struct iptrie_combine combine = {mix, &moduli[variant], nones[variant]};
	struct table table = {0};
	struct model model;
	struct iptrie *trie;
	struct ip nowhere = {0};

	shape->fill(&table, shape->n);
	shuffle(&table);
	model = (struct model){table.entries, table.n, &combine};
	trie = build_copy(&table, &combine);
	ck_assert_ptr_nonnull(trie);
	ask(trie, &model, nowhere, shape->label);
	for (size_t i = 0; i < table.n; i++)
		ask_around(trie, &model, &table.entries[i].prefix, shape->label);
	ask_random(trie, &model, 300, shape->label);
	ck_assert_msg(check_runs(trie, shape->label) <= 2 * table.n + 2, "%s", shape->label);
	ck_assert_msg(shape->bytes == 0 || iptrie_bytes(trie) <= shape->bytes, "%s: %zu bytes",
	    shape->label, iptrie_bytes(trie));
	iptrie_free(&trie);
	ck_assert_ptr_null(trie);
	free(table.entries);
}
END_TEST

/* ---- large tables ---------------------------------------------------------------------------- */

/* Too large for the model at every edge: some of them, and the bytes that a prefix costs. */
static const struct shape large[] = {
    {"routes, 300k", shape_routes, 150000, 30},
    {"alternating hosts, 130k", shape_alternating, 65536, 30},
    {"70k /64s under one /32", shape_subnets, 70000, 60},
    {"any, 200k", shape_any, 100000, 60},
    {"clusters, 80k", shape_clusters, 2000, 60},
    {"crowded, 90k", shape_crowded, 30000, 40},
};

START_TEST(large_tables_stay_linear)
{
	const struct shape *shape = &large[_i];
	struct iptrie_combine combine = {mix, &moduli[0], UINT32_MAX};
	struct table table = {0};
	struct model model;
	struct iptrie *trie;

	shape->fill(&table, shape->n);
	shuffle(&table);
	trie = build_copy(&table, &combine);
	ck_assert_ptr_nonnull(trie);
	model = (struct model){table.entries, table.n, &combine};
	for (size_t i = 0; i < 100; i++)
		ask_around(trie, &model, &table.entries[below(table.n)].prefix, shape->label);
	ask_random(trie, &model, 50, shape->label);
	check_runs(trie, shape->label);
	ck_assert_msg(iptrie_bytes(trie) <= table.n * shape->bytes, "%s: %zu bytes for %zu entries",
	    shape->label, iptrie_bytes(trie), table.n);
	iptrie_free(&trie);
	free(table.entries);
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------- */

/* What building took and did not give back; Check's own allocations are none of our business. */
static long build_with(long allocations, struct table *t, struct iptrie **trie)
{
	struct iptrie_combine combine = {mix, &moduli[0], 0};
	long live = allocations_live;

	allocations_left = allocations;
	*trie = iptrie_build(t->entries, t->n, &combine);
	allocations_left = -1;
	return allocations_live - live;
}

START_TEST(out_of_memory_gives_null_and_leaks_nothing)
{
	struct table table = {0};
	struct iptrie *trie = NULL;
	long tries = 0, taken = 0, live;

	shape_any(&table, 3000);
	shape_clusters(&table, 20);
	for (; !trie; tries++) {
		ck_assert_int_eq(taken, 0);
		shuffle(&table);
		taken = build_with(tries, &table, &trie);
	}
	ck_assert_int_gt(tries, 10);
	ck_assert_int_eq(taken, 1);
	live = allocations_live;
	iptrie_free(&trie);
	ck_assert_int_eq(allocations_live - live, -1);
	free(table.entries);
}
END_TEST

START_TEST(free_of_null_is_harmless)
{
	struct iptrie *none = NULL;

	iptrie_free(&none);
	ck_assert_ptr_null(none);
}
END_TEST

/* ---- the example of the header -----------------------------------------------------------------
 */

static uint32_t story(void *context, uint32_t around, const struct iptrie_entry *entries, size_t n)
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
	struct iptrie_combine combine = {story, &calls, 99};
	struct iptrie_entry entries[] = {
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
	struct iptrie *trie = iptrie_build(entries, 2, &combine);

	ck_assert_uint_eq(calls, 2);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct ip ip = {(uint64_t)rows[i].address << 32, 0, IP_V4};
		ck_assert_uint_eq(iptrie_lookup(trie, &ip), rows[i].want);
	}
	iptrie_free(&trie);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("iptrie");
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
