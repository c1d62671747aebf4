#include "edge/doors/both_doors.h"

#include "unit/unit.h"

#include <stdio.h>

static struct both_doors *both;

static void setup(void)
{
	both = both_doors_create();
	ck_assert_ptr_nonnull(both);
}

static void teardown(void)
{
	both_doors_free(&both);
}

static struct facts client_at(unsigned port, enum door door)
{
	static const unsigned char address[4] = {192, 0, 2, 7};

	return (struct facts){
	    .client = ip_from_v4(address), .client_port = (uint16_t)port, .door = door};
}

/* What becomes of one recipient; `seconds` since the first. */
struct decided {
	enum door door;
	const char *sender, *recipient;
	unsigned port;
	enum action action;
	int64_t seconds;
	bool elsewhere;
};

static bool elsewhere(const struct decided *d)
{
	struct facts f = client_at(d->port, d->door);
	struct verdict v = {.kind = VERDICT_FINAL, .action = d->action};
	const struct record r = {.time_us = (1000 + d->seconds) * 1000000,
	    .stage = STAGE_RCPT,
	    .facts = &f,
	    .decision = decision_of(&v)};

	f.id[IDENTITY_SENDER].folded = slice_str(d->sender);
	f.id[IDENTITY_RECIPIENT].folded = slice_str(d->recipient);
	return both_doors_elsewhere(both, &r);
}

#define NO  ACTION_REJECT
#define YES ACTION_ACCEPT
#define A   "a@example.org", "b@example.net"

static const struct {
	const char *label;
	bool milter_session;
	struct decided steps[6];
} cases[] = {
    {"Postfix, accepted: the milter's is recorded", true,
	{{DOOR_POLICY, A, 4025, YES, 0, true}, {DOOR_MILTER, A, 4025, YES, 0, false}}},
    {"Postfix, refused: the milter never sees it", true,
	{{DOOR_POLICY, A, 4025, NO, 0, false}, {DOOR_POLICY, A, 4025, NO, 1, false}}},
    {"refused by both", true,
	{{DOOR_POLICY, A, 4025, NO, 0, false}, {DOOR_MILTER, A, 4025, NO, 1, true},
	    {DOOR_POLICY, A, 4025, NO, 2, false}, {DOOR_MILTER, A, 4025, NO, 2, true}}},
    {"the milter's came first", false,
	{{DOOR_MILTER, A, 4025, YES, 0, false}, {DOOR_POLICY, A, 4025, YES, 1, true},
	    {DOOR_MILTER, A, 4025, YES, 2, false}}},
    {"a second recipient counts by itself", false,
	{{DOOR_POLICY, A, 4025, YES, 0, false},
	    {DOOR_MILTER, "a@example.org", "c@example.net", 4025, YES, 0, false}}},
    {"so does another sender", false,
	{{DOOR_POLICY, A, 4025, YES, 0, false},
	    {DOOR_MILTER, "b@example.org", "b@example.net", 4025, YES, 0, false}}},
    {"so does another port", false,
	{{DOOR_POLICY, A, 4025, YES, 0, false}, {DOOR_MILTER, A, 4026, YES, 0, false}}},
    {"one door alone counts all", false,
	{{DOOR_POLICY, A, 4025, YES, 0, false}, {DOOR_POLICY, A, 4025, YES, 0, false}}},
    {"without a port both count", false,
	{{DOOR_POLICY, A, 0, YES, 0, false}, {DOOR_MILTER, A, 0, YES, 0, false}}},
    {"accepted by one and refused by the other", false,
	{{DOOR_POLICY, A, 4025, YES, 0, false}, {DOOR_MILTER, A, 4025, NO, 0, false}}},
    {"too long ago", false,
	{{DOOR_POLICY, A, 4025, NO, 0, false}, {DOOR_MILTER, A, 4025, NO, 61, false}}},
    {"the clock was set back", false,
	{{DOOR_POLICY, A, 4025, NO, 5, false}, {DOOR_MILTER, A, 4025, NO, 0, false}}},
};

START_TEST(each_counts_once)
{
	struct facts f = client_at(4025, DOOR_MILTER);

	if (cases[_i].milter_session)
		both_doors_connected(both, &f, true);
	for (unsigned i = 0; i < ROWS(cases[0].steps) && cases[_i].steps[i].sender; i++)
		ck_assert_msg(elsewhere(&cases[_i].steps[i]) == cases[_i].steps[i].elsewhere,
		    "%s, step %u", cases[_i].label, i + 1);
}
END_TEST

START_TEST(a_session_that_has_ended_is_none)
{
	const struct decided policy = {DOOR_POLICY, A, 4025, YES, 0, false};
	struct facts f = client_at(4025, DOOR_MILTER), other = client_at(4025, DOOR_POLICY);

	both_doors_connected(both, &f, true);
	both_doors_connected(both, &f, true);
	both_doors_connected(both, &f, false);
	ck_assert(elsewhere(&policy));
	both_doors_connected(both, &f, false);
	both_doors_connected(both, &other, true); /* is no milter's */
	ck_assert(!elsewhere(&policy));
}
END_TEST

START_TEST(a_flood_costs_only_double_counts)
{
	char sender[32];

	for (int i = 0; i < 100000; i++) {
		struct decided d = {DOOR_POLICY, sender, "b@example.net", 4025, NO, 0, false};

		snprintf(sender, sizeof sender, "%d@example.org", i);
		ck_assert(!elsewhere(&d));
		d.door = DOOR_MILTER;
		ck_assert(elsewhere(&d));
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("both_doors");
	TCase *t = tcase_create("both_doors");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_counts_once, 0, ROWS(cases));
	tcase_add_test(t, a_session_that_has_ended_is_none);
	tcase_add_test(t, a_flood_costs_only_double_counts);
	suite_add_tcase(s, t);
	return s;
}
