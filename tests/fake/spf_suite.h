#ifndef TESTS_FAKE_SPF_SUITE_H
#define TESTS_FAKE_SPF_SUITE_H
/*
 * spf_suite: the public test suite of RFC 7208 (YAML, one document a scenario) as rows of C.
 *
 *     struct spf_suite *suite = spf_suite_load("../shared/data/spf/rfc7208-tests.yml");
 *     for (size_t i = 0; i < suite->count; i++) ... suite->cases[i] ...
 *     spf_suite_free(&suite);
 *
 * Zone data of type SPF stands for TXT wherever the name has no TXT of its own, as the suite asks.
 */
#include "core/auth/spf.h"
#include "edge/dns/zone.h"

struct spf_case {
	struct slice scenario, label;
	struct zone *zone; /* shared by the cases of a scenario */
	struct spf_query query;
	struct slice results[4];  /* any of these is right; the rest are empty */
	struct slice explanation; /* "DEFAULT": none published; empty: not asked */
};

struct spf_suite {
	struct arena *arena;
	struct spf_case *cases;
	size_t count;
	struct zone *zones[32];
	size_t zone_count;
};

/* NULL when the file cannot be read; a file that is not the suite ends the program. */
struct spf_suite *spf_suite_load(const char *path);
void spf_suite_free(struct spf_suite **);

/* Where the suite is: $SPF_SUITE, or below $SHARED or ../shared.  In the arena. */
const char *spf_suite_path(struct arena *);

#endif
