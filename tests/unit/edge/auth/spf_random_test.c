/*
 * Both evaluators in a random DNS: they agree in all that they say.
 *
 * Every question has its answer by a seed, the name and the type alone, so that the same DNS can be
 * asked twice, in any order.
 */
#include "unit/unit.h"

#include "core/auth/dnswire.h"
#include "fake/spf_both.h"

enum { WORLDS = 10000 };

struct world {
	uint64_t seed;
	struct ip client;
};

/* ---- chance (splitmix64) ------------------------------------------------------------- */

static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned limit)
{
	return (unsigned)(next(state) % limit);
}

static uint64_t chance_of(const struct world *w, struct slice name, enum dns_type type)
{
	uint64_t state = w->seed ^ (uint64_t)type << 32;

	for (size_t i = 0; i < name.len; i++)
		state = next(&state) ^ (unsigned char)slice_lower(name.ptr[i]);
	return state;
}

#define ANY(state, table) (table)[below(state, ROWS(table))]

/* ---- records ------------------------------------------------------------------------- */

static const char *const qualifiers[] = {"", "", "+", "-", "~", "?"};

static const char *const dns_terms[] = {"a", "a:h.x", "a/24", "a:h.x/25//65", "A/31//127", "a//64",
    "a:g.x/0", "a//0", "mx", "mx:g.x", "mx/28", "mx/9//33", "MX:h.x/30//0", "mx/0", "ptr",
    "ptr:a.x", "ptr:%{d1r}", "exists:%{ir}.%{v}.l.x", "exists:%{p}.x", "exists:%{l1r+-}.%{d2}",
    "exists:%{S}.x", "exists:%{h}.l.x", "exists:%{d200}.%{d1}.x", "include:b.x", "include:c.x",
    "include:%{d}.x", "include:%{l}.x", "include:%{p2}.y.x", "include:a.x"};

static const char *const other_terms[] = {"ip4:192.0.2.1", "ip4:192.0.2.0/25", "ip4:192.0.3.0/22",
    "ip4:198.51.100.0/24", "ip6:2001:db8::/40", "ip6:2001:db8::1", "ip6:::ffff:0:0/80", "ip6:::/0",
    "ip4:0.0.0.0/0", "all", "all", "m.-_9=%{c}", "exp=e.x", "exp=%{l}.e.x"};

static const char *const wrong_terms[] = {"a:", "all:x", "a/33", "ip4:1.2.3", "b:c", "include",
    "mx:%{c}.x", "exp=%{t}.x", "redirect=a.x redirect=a.x", "a:x.1"};

static const char *const ends[] = {
    "-all", "-all", "~all", "?all", "", "redirect=d.x", "redirect=%{d}.z.x", "redirect=a.x"};

static const char *const texts[] = {"not SPF", "%{i} may not send for %{d}", "%{p} by %{S}",
    "%{c} %{r} %{t}%%%_%-", "%{broken", "%{L1R.-}", "8\377bit"};

static struct slice spf_record(uint64_t *state, struct arena *arena)
{
	struct slice text = SLICE("v=spf1");
	unsigned terms = below(state, 6);

	for (unsigned i = 0; i < terms; i++) {
		unsigned kind = below(state, 100);
		const char *term = kind < 60   ? ANY(state, dns_terms)
				   : kind < 99 ? ANY(state, other_terms)
					       : ANY(state, wrong_terms);

		text = arena_printf(arena, "%.*s %s%s", SLICE_ARG(text),
		    strchr(term, '=') ? "" : ANY(state, qualifiers), term);
	}
	return arena_printf(arena, "%.*s %s", SLICE_ARG(text), ANY(state, ends));
}

/* The client's address, or another by one bit. */
static struct slice address(
    const struct world *w, enum dns_type type, uint64_t *state, struct arena *arena)
{
	unsigned char bytes[16] = {0};
	size_t len = ip_to_bytes(&w->client, bytes);
	unsigned bit = below(state, (unsigned)len * 10);

	if (bit < 8 * len)
		bytes[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
	return arena_copy(arena, slice_of((const char *)bytes, type == DNS_A ? 4 : 16));
}

static struct dns_record record(
    const struct world *w, enum dns_type type, uint64_t *state, struct arena *arena)
{
	static const char *const hosts[] = {
	    "h.x", "g.x", "a.x", "m.a.x", "n.a.x", "x", "", "f.b.x", "a.h.x", "i.x", "j.x", "k.x"};
	struct dns_record r = {.preference = (uint16_t)below(state, 3)};

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		r.data = address(w, type, state, arena);
		break;
	case DNS_TXT:
		r.data = below(state, 8) ? spf_record(state, arena) : slice_str(ANY(state, texts));
		break;
	default:
		r.data = slice_str(ANY(state, hosts));
		break;
	}
	return r;
}

static unsigned count_of(enum dns_type type, uint64_t *state)
{
	if (type == DNS_TXT)
		return below(state, 30) ? 1 : 2;
	return 1 + below(state, below(state, 20) ? 4 : 13);
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	const struct world *w = self;
	uint64_t state = chance_of(w, name, type);
	unsigned status = below(&state, 100);
	char question[DNSWIRE_QUESTION_MAX];
	struct dns_record *records;

	*out = (struct dns_answer){.status = dnswire_question(name, question) == 0 ? DNS_BADNAME
					     : status < 3                          ? DNS_TEMP
					     : status < 8                          ? DNS_NXDOMAIN
					     : status < 14                         ? DNS_NODATA
										   : DNS_OK};
	if (out->status != DNS_OK)
		return;
	out->count = count_of(type, &state);
	records = arena_calloc(arena, out->count, sizeof *records);
	ck_assert_ptr_nonnull(records);
	for (size_t i = 0; i < out->count; i++)
		records[i] = record(w, type, &state, arena);
	out->records = records;
}

/* ---- the test ------------------------------------------------------------------------ */

static struct spf_query query_of(struct world *w)
{
	static const char *const clients[] = {
	    "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1", "127.0.0.1", "::1", "::2:0:1"};
	static const char *const locals[] = {"user", "strong-bad+tag", "", "a..b", "b\303\266se"};
	uint64_t state = w->seed;
	struct spf_query q = {.helo = SLICE("a.x"),
	    .receiver = SLICE("in.example.net"),
	    .now = 1234567890,
	    .explain = true};

	ck_assert(ip_parse(slice_str(ANY(&state, clients)), &w->client));
	q.client = w->client;
	q.local = slice_str(ANY(&state, locals));
	if (below(&state, 10))
		q.domain = SLICE("m.a.x");
	return q;
}

START_TEST(agree)
{
	unsigned results[SPFR_PERMERROR + 1] = {0}, explained = 0;

	for (uint64_t seed = 0; seed < WORLDS; seed++) {
		struct world world = {.seed = seed * 0x2545f4914f6cdd1d};
		struct dns dns = {.self = &world, .lookup = lookup};
		struct arena *arena = arena_create(1 << 20);
		struct spf_query query = query_of(&world);
		struct spf_answer a;

		spf_both(&dns, &query, arena, &a);
		results[a.result]++;
		explained += a.explanation.len > 0;
		arena_free(&arena);
	}
	/* It is a world in which everything happens. */
	for (int i = SPFR_NONE; i <= SPFR_PERMERROR; i++)
		ck_assert_msg(results[i] > WORLDS / 50, "%s: only %u",
		    spf_result_text((enum spf_result)i), results[i]);
	ck_assert_uint_gt(explained, WORLDS / 200);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("spf_random");
	TCase *t = tcase_create("spf_random");

	tcase_add_test(t, agree);
	suite_add_tcase(s, t);
	return s;
}
