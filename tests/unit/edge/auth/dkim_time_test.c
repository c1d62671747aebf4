/*
 * dkim_time_test: whose time the keys take, in virtual time.
 */
#include "core/auth/dkim_verifier.h"
#include "edge/auth/dkim_library.h"
#include "edge/dns/zone.h"
#include "edge/idn/idn.h"
#include "fake/slowdns.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

enum { ARENA_BYTES = 1 << 20 };

#define BODY "Hello\r\n"

static const struct {
	const char *label;
	int foreign;      /* signatures of evil domains in front of the author's */
	bool aligned;     /* there is one of victim.example's */
	const char *slow; /* names that take their time */
	unsigned takes_ms;
	enum dkim_result first; /* of the one that was looked at first: the author's */
	unsigned waited_ms;
	const char *authors; /* between blanks; NULL: victim.example alone */
} rows[] = {
    {"the author's alone", 0, true, "evil.example", 4000, DKIM_PERMERROR, 0, NULL},
    {"slow ones of others before it", 4, true, "evil.example", 4000, DKIM_PERMERROR, 5000, NULL},
    {"silent ones of others before it", 4, true, "evil.example", 60000, DKIM_PERMERROR, 5000, NULL},
    {"eight of them", 8, true, "evil.example", 4000, DKIM_PERMERROR, 5000, NULL},
    {"the author's is slow", 0, true, "victim.example", 9000, DKIM_PERMERROR, 9000, NULL},
    {"the author's is silent", 0, true, "victim.example", 60000, DKIM_TEMPERROR, 10000, NULL},
    {"all are slow", 4, true, "example", 9000, DKIM_PERMERROR, 14000, NULL},
    {"others only", 4, false, "evil.example", 4000, DKIM_PERMERROR, 5000, NULL},
    {"one other, in time", 1, false, "evil.example", 4000, DKIM_PERMERROR, 4000, NULL},
    {"one other, too late", 1, false, "evil.example", 6000, DKIM_TEMPERROR, 5000, NULL},

    /* The author of the aligned signature stands beside others. */
    {"two authors", 8, true, "evil.example", 60000, DKIM_PERMERROR, 5000,
	"joe.example victim.example"},
    {"two authors, the aligned is slow", 8, true, "example", 9000, DKIM_PERMERROR, 14000,
	"joe.example victim.example"},
    {"the last of eight authors", 8, true, "example", 9000, DKIM_PERMERROR, 14000,
	"a.test b.test c.test d.test e.test f.test g.test victim.example"},
    {"no author is known", 0, true, "victim.example", 9000, DKIM_TEMPERROR, 5000, ""},
    /* Here the forger is an author, too: he spends what is the authors'. */
    {"an author's own, crowded by another's", 8, true, "evil.example", 4000, DKIM_PERMERROR, 10000,
	"victim.example evil.example"},
};

static void sign(struct dkim_verifier *v, const char *domain)
{
	char value[512];

	snprintf(value, sizeof value,
	    " v=1; a=rsa-sha256; d=%s; s=sel; h=from; "
	    "bh=Ba3gj8+xBPQLJTahTfzW6RbWQ/XPgESxkCi2B66PSQg=; b=bWFkZSB1cA==",
	    domain);
	dkim_verifier_header(v, SLICE("DKIM-Signature"), slice_str(value));
}

START_TEST(whose_time)
{
	struct arena *arena = arena_create(ARENA_BYTES);
	struct zone *zone = zone_create();
	struct slowdns slow = {
	    .below = zone_dns(zone), .slow = rows[_i].slow, .takes_ms = rows[_i].takes_ms};
	struct dns dns = slowdns_dns(&slow, 0); /* all else has spent what it had */
	struct dkim_crypto *library = dkim_library_create();
	struct dkim_verifier *v =
	    dkim_verifier_create(library, &dns, &idn_uts46, arena, 1800000000);
	struct dkim_answer answer;
	struct slice authors[8], rest;
	size_t author_count = 0;
	char domain[64];

	rest = slice_str(rows[_i].authors ? rows[_i].authors : "victim.example");
	while (rest.len > 0)
		authors[author_count++] = slice_cut(&rest, ' ');
	for (int i = 0; i < rows[_i].foreign; i++) {
		snprintf(domain, sizeof domain, "s%d.evil.example", i);
		sign(v, domain);
	}
	if (rows[_i].aligned)
		sign(v, "victim.example");
	dkim_verifier_header(v, SLICE("From"), SLICE(" x@victim.example"));
	ck_assert(dkim_verifier_end_of_headers(v, authors, author_count));
	dkim_verifier_body(v, BODY, strlen(BODY));
	dkim_verifier_finish(v, &answer);
	ck_assert_uint_gt(answer.count, 0);
	ck_assert_msg(answer.signatures[0].result == rows[_i].first, "%s: %s, %.*s", rows[_i].label,
	    dkim_result_name(answer.signatures[0].result), SLICE_ARG(answer.signatures[0].reason));
	ck_assert_msg(
	    slow.waited_ms == rows[_i].waited_ms, "%s: %u ms", rows[_i].label, slow.waited_ms);
	dkim_verifier_free(&v);
	dkim_library_free(&library);
	zone_free(&zone);
	arena_free(&arena);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_time");
	TCase *t = tcase_create("purses");

	tcase_add_loop_test(t, whose_time, 0, (int)ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
