/*
 * commands_suggest_test: `suggest ranges` and `suggest whitelist` on a history of 45 days: what
 * they print is a configuration that loads, and the JSON has the same figures.
 */
#include "edge/control/commands.h"
#include "edge/history/history.h"
#include "edge/os/textfile.h"
#include "fake/configured.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { DAYS = 45, ORGANIZATIONS = 12, FLUSH_MS = 30000 };

static struct history *history;

/* ---- the history --------------------------------------------------------------------- */

static struct identity known(const char *text)
{
	return (struct identity){.state = FACT_KNOWN, .text = slice_str(text)};
}

/* What became of one message of `sender`; with SPF alone it is refused by its range. */
static void record(int day, const char *client, const char *sender, int recipient,
    enum dmarc_verdict dmarc, bool refused)
{
	static const struct rule dialup = {
	    .name = SLICE_INIT("dialup"), .family = FAMILY_SUSRANGES};
	struct facts facts = {.auth_state = FACT_ABSENT};
	struct verdict verdict = {.kind = VERDICT_CONTINUE};
	struct record_number number;
	struct record r = {.facts = &facts, .decision = decision_of(&verdict), .stage = STAGE_END};
	char to[64];

	snprintf(to, sizeof to, "r%d@example.net", recipient);
	r.time_us = (time(NULL) - (DAYS - day) * INT64_C(86400)) * 1000000;
	ck_assert(ip_parse(slice_str(client), &facts.client));
	facts.id[IDENTITY_SENDER] = facts.id[IDENTITY_FROM] = known(sender);
	facts.id[IDENTITY_RECIPIENT] = known(to);
	if (refused) {
		r.stage = STAGE_RCPT;
		facts.spf_state = FACT_KNOWN;
		facts.spf.result = SPFR_PASS;
		verdict = (struct verdict){.kind = VERDICT_FINAL,
		    .action = ACTION_REJECT,
		    .family = FAMILY_SUSRANGES,
		    .reason = REASON_RULE,
		    .rule = &dialup};
	} else {
		facts.dmarc_state = FACT_KNOWN;
		facts.dmarc.verdict = dmarc;
	}
	ck_assert(history_number(history, &r, &number));
	r.number = &number;
	history_record(history, &r);
}

static void make_history(void)
{
	const struct history_settings settings = {.directory = scratch_path("history"),
	    .keep_days = 3650,
	    .max_bytes = UINT64_C(1) << 30,
	    .per_network_minute = 1000000};
	char sender[64], client[64];

	history = history_create(&settings);
	ck_assert_ptr_nonnull(history);
	for (int day = 0; day < DAYS; day++)
		for (int i = 0; i < ORGANIZATIONS; i++) {
			snprintf(sender, sizeof sender, "a@org%d.example", i);
			snprintf(client, sizeof client, "192.0.2.%d", i);
			record(day, client, sender, day, DMARC_V_PASS, false);
			snprintf(client, sizeof client, "198.51.100.%d", day + i);
			record(day, client, sender, day, DMARC_V_FAIL, false);
			snprintf(client, sizeof client, "203.0.%d.%d", 112 + i % 4, day);
			record(day, i == 3 ? "203.0.115.25" : client, sender, day,
			    i == 3 ? DMARC_V_PASS : DMARC_V_FAIL, false);
			if (i < 2)
				record(day, "100.64.1.7", "b@mx.partner.example", i + 2 * day,
				    DMARC_V_NONE, true);
		}
	history_flush(history, FLUSH_MS);
	ck_assert_uint_eq(history_counts(history).dropped + history_counts(history).failed, 0);
	history_free(&history);
}

/* ---- the commands -------------------------------------------------------------------- */

static char said[65536];

/* Runs one on that history; its output is in `said`. */
static int run(int (*command)(struct request *), const char *option, const char *value)
{
	int out = open(scratch_path("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	int err = open(scratch_path("err"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct request req = {
	    .json = json_pack("{s:s}", "history", scratch_path("history")),
	    .channel = channel_create(CHANNEL_PLAIN, STDIN_FILENO, out, err),
	    .arena = arena_create(COMMAND_ARENA_MAX),
	};
	int status;
	ssize_t n;

	if (option)
		json_object_set_new((json_t *)(uintptr_t)req.json, option,
		    value ? json_string(value) : json_true());
	status = command(&req);
	channel_free(&req.channel);
	arena_free(&req.arena);
	json_decref((json_t *)(uintptr_t)req.json);
	n = pread(out, said, sizeof said - 1, 0);
	ck_assert_int_ge(n, 0);
	said[n] = '\0';
	close(out);
	close(err);
	return status;
}

/* The output stands in a configuration, with this many warnings about its rules. */
static void loads(int warnings)
{
	struct configured c;

	configured_load(&c, said);
	ck_assert_msg(c.config != NULL, "%s\n%s", c.lines, said);
	for (const char *at = c.lines; (at = strstr(at, "\"suggested")); at++)
		warnings--;
	ck_assert_msg(warnings == 0, "%s\n%s", c.lines, said);
	configured_free(&c);
}

static void says(const char *text)
{
	ck_assert_msg(strstr(said, text) != NULL, "\"%s\" is not in\n%s", text, said);
}

START_TEST(ranges)
{
	make_history();
	ck_assert_int_eq(run(command_suggest_ranges, NULL, NULL), STATUS_OK);
	says("{ name = \"suggested-198-51-100-0-24\"; networks = [ \"198.51.100.0/24\" ]; "
	     "mode = \"monitor\"; expires = \"20");
	says("540 votes of 12 domains on 45 days, none against");
	says("precision at least 0.99; held out: 180 right");
	says("networks = [ \"203.0.112.0/22\", \"!203.0.115.25\" ]");
	says("2 candidates (2 shown)");
	says("345 right, 0 wrong, precision 1.0000");
	loads(0);
	ck_assert_int_eq(run(command_suggest_ranges, "count", "1"), STATUS_OK);
	says("2 candidates (1 shown)");
	ck_assert(!strstr(said, "203.0.112.0"));
	loads(0);
	ck_assert_int_eq(run(command_suggest_ranges, "count", "0"), STATUS_USAGE);
	ck_assert_int_eq(run(command_suggest_ranges, "since", "2d"), STATUS_OK);
	says("0 candidates");
}
END_TEST

START_TEST(ranges_as_json)
{
	json_t *o, *one;

	make_history();
	ck_assert_int_eq(run(command_suggest_ranges, "json", NULL), STATUS_OK);
	o = json_loads(said, 0, NULL);
	ck_assert_ptr_nonnull(o);
	one = json_array_get(json_object_get(o, "candidates"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(one, "value")), "203.0.112.0/22");
	ck_assert_str_eq(
	    json_string_value(json_array_get(json_object_get(one, "except"), 0)), "203.0.115.25");
	ck_assert_int_eq(json_integer_value(json_object_get(one, "votes")), 495);
	ck_assert_int_eq(
	    json_integer_value(json_object_get(json_object_get(o, "held_out"), "right")), 345);
	json_decref(o);
}
END_TEST

START_TEST(whitelist)
{
	json_t *o, *one;

	make_history();
	ck_assert_int_eq(run(command_suggest_whitelist, NULL, NULL), STATUS_OK);
	says("{ name = \"suggested-mx-partner-example\"; domains = [ \"mx.partner.example\" ]; "
	     "proof = [ \"spf\" ]; mode = \"monitor\"; expires = \"20");
	says("90 refused messages with proof, from 1 client and 1 domain, for 90 recipients");
	loads(1); /* a whitelist in monitor mode exempts nobody */
	ck_assert_int_eq(run(command_suggest_whitelist, "json", NULL), STATUS_OK);
	o = json_loads(said, 0, NULL);
	one = json_array_get(json_object_get(o, "candidates"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "value")), "mx.partner.example");
	ck_assert_int_eq(json_integer_value(json_object_get(one, "messages")), 90);
	json_decref(o);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("commands_suggest");
	TCase *t = tcase_create("suggest");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, ranges);
	tcase_add_test(t, ranges_as_json);
	tcase_add_test(t, whitelist);
	suite_add_tcase(s, t);
	return s;
}
