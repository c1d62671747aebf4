/* SPF without memory: each allocation of a check fails once, also those inside of libspf2. */
#include "unit/unit.h"

#include "lab/failmalloc.h"
#include "unit/spf_ask.h"

#include <malloc.h>
#include <string.h>

/* A sanitizer has an allocator of its own, which does not fail for us. */
#ifdef NO_FAILMALLOC
static struct failmalloc none, *failmalloc = &none;
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
#endif

/* What a check may lose when libspf2 gives up in the middle of it. */
enum { LOST_MAX = 32 * 1024 };

static const struct {
	const char *label, *zone, *client;
	enum spf_result result;
} rows[] = {
    {"ip4", "e.example TXT \"v=spf1 ip4:192.0.2.0/24 -all\"", "192.0.2.1", SPFR_PASS},
    {"fail", "e.example TXT \"v=spf1 ip4:192.0.2.0/28 -all\"", "192.0.2.99", SPFR_FAIL},
    {"explained",
	"e.example TXT \"v=spf1 -all exp=x.e.example\"\n"
	"x.e.example TXT \"%{i} is not one of %{d}'s\"",
	"192.0.2.1", SPFR_FAIL},
    {"softfail of IPv6", "e.example TXT \"v=spf1 ip6:2001:db8:1::/48 ~all\"", "2001:db8::1",
	SPFR_SOFTFAIL},
    {"a and mx",
	"e.example TXT \"v=spf1 a mx -all\"\ne.example A 192.0.2.7\ne.example MX 1 m.example\n"
	"e.example MX 2 n.example\nm.example A 192.0.2.8\nn.example A 192.0.2.1",
	"192.0.2.1", SPFR_PASS},
    {"through includes",
	"e.example TXT \"v=spf1 include:i.example include:j.example -all\"\n"
	"i.example TXT \"v=spf1 ip4:192.0.2.9 -all\"\nj.example TXT \"v=spf1 redirect=k.example\"\n"
	"k.example TXT \"v=spf1 ip4:192.0.2.1 -all\"",
	"192.0.2.1", SPFR_PASS},
    {"a fail behind includes",
	"e.example TXT \"v=spf1 include:i.example redirect=k.example\"\n"
	"i.example TXT \"v=spf1 ip4:192.0.2.9 -all\"\nk.example TXT \"v=spf1 mx -all\"\n"
	"k.example MX 1 m.example\nm.example A 192.0.2.8",
	"192.0.2.1", SPFR_FAIL},
    {"macros",
	"e.example TXT \"v=spf1 exists:%{ir}.%{l}.%{d2}._spf.e.example -all\"\n"
	"1.2.0.192.a.e.example._spf.e.example A 127.0.0.2",
	"192.0.2.1", SPFR_PASS},
    {"ptr", "e.example TXT \"v=spf1 ptr -all\"\n192.0.2.1 PTR a.e.example\na.e.example A 192.0.2.1",
	"192.0.2.1", SPFR_PASS},
    {"permerror", "e.example TXT \"v=spf1 include:nothing.example -all\"", "192.0.2.1",
	SPFR_PERMERROR},
    {"none", "e.example A 192.0.2.1", "192.0.2.1", SPFR_NONE},
};

/* A check without its n-th allocation is the same, or says that memory was short.  False when there
 * were fewer. */
static bool check_without(long n, int row)
{
	struct zone *z = zone_of(rows[row].zone);
	struct arena *arena = arena_create(1 << 20);
	struct dns dns = zone_dns(z);
	struct spf_query q = {.local = SLICE("a"),
	    .domain = SLICE("e.example"),
	    .helo = SLICE("h.example"),
	    .receiver = SLICE("in.example.net"),
	    .explain = true};
	long failed = failmalloc->failed;
	size_t before, after;
	struct spf_answer a;
	bool starved;

	ck_assert(ip_parse(slice_str(rows[row].client), &q.client));
	before = mallinfo2().uordblks;
	failmalloc->countdown = n;
	evaluator->evaluate(&dns, &q, arena, &a);
	failmalloc->countdown = 0;
	starved = arena_starved(arena);
	arena_free(&arena);
	after = mallinfo2().uordblks;
	zone_free(&z);
	ck_assert_msg(starved ? a.result == SPFR_TEMPERROR || a.result == rows[row].result
			      : a.result == rows[row].result,
	    "%s without allocation %ld (%s): %d", rows[row].label, n, failmalloc->caller, a.result);
	ck_assert_msg(after < before + LOST_MAX, "%s without allocation %ld (%s): %zu bytes lost",
	    rows[row].label, n, failmalloc->caller, after - before);
	return failmalloc->failed > failed;
}

START_TEST(answers_without_memory)
{
	long n = 1;

	while (CAN_FAIL && check_without(n, _i))
		n++;
	ck_assert_int_gt(n, (CAN_FAIL ? 3 : 0));
}
END_TEST

static void add_tests(TCase *t)
{
	tcase_add_loop_test(t, answers_without_memory, 0, (int)ROWS(rows));
}

Suite *suite(void)
{
	return suite_by_each("spf_memory", add_tests);
}
