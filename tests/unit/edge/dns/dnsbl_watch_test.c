#include "edge/dns/dnsbl_watch.h"

#include "unit/unit.h"

/* No resolver: nothing answers, which changes nothing. */
static bool open_nothing(void *context, struct resolver_session *session)
{
	(void)context;
	(void)session;
	return false;
}

static void tell_nobody(void *context, bool in_use, const char *line)
{
	(void)context;
	(void)in_use;
	(void)line;
	ck_abort_msg("told: %s", line);
}

static struct dnsbl list_of(const char *name, const char *zone, bool has_test)
{
	return (struct dnsbl){.name = slice_str(name),
	    .zone = slice_str(zone),
	    .of = IDENTITY_COUNT,
	    .has_test = has_test,
	    .listed = SLICE("127.0.0.2"),
	    .unlisted = SLICE("127.0.0.1")};
}

struct seen {
	unsigned count;
	uint64_t errors;
};

static void see(void *context, const struct dnsbl_state *s)
{
	struct seen *seen = context;

	seen->count++;
	seen->errors += s->errors;
	ck_assert(s->in_use == !s->has_test);
	ck_assert(!s->tested);
}

START_TEST(knows_what_is_in_use)
{
	const struct dnsbl_watch_settings settings = {NULL, open_nothing, tell_nobody};
	struct dnsbl_watch *w = dnsbl_watch_create(&settings);
	struct dnsbl lists[] = {list_of("a", "a.test", true), list_of("b", "b.test", false),
	    list_of("file", "", false)};
	struct dnsbl other = list_of("b", "other.test", false);
	struct seen seen = {0, 0};

	ck_assert_ptr_nonnull(w);
	ck_assert(!dnsbl_watch_in_use(w, &lists[1]));
	dnsbl_watch_lists(w, lists, 3);
	ck_assert(!dnsbl_watch_in_use(w, &lists[0]));
	ck_assert(dnsbl_watch_in_use(w, &lists[1]));
	ck_assert(!dnsbl_watch_in_use(w, &other));
	dnsbl_watch_error(w, &lists[1]);
	dnsbl_watch_error(w, &other);
	/* A reload that leaves a list as it was keeps what is known of it. */
	dnsbl_watch_lists(w, lists + 1, 1);
	ck_assert(!dnsbl_watch_in_use(w, &lists[0]));
	ck_assert(dnsbl_watch_in_use(w, &lists[1]));
	dnsbl_watch_each(w, see, &seen);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.errors, 1);
	lists[1].answer_count = 1;
	dnsbl_watch_lists(w, lists, 2);
	seen = (struct seen){0, 0};
	dnsbl_watch_each(w, see, &seen);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_uint_eq(seen.errors, 0);
	dnsbl_watch_free(&w);
	ck_assert_ptr_null(w);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dnsbl_watch");
	TCase *t = tcase_create("lists");

	tcase_add_test(t, knows_what_is_in_use);
	suite_add_tcase(s, t);
	return s;
}
