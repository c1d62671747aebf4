/*
 * suggest_whitelist_test: entries proposed for refused mail with proof: the domain before the
 * address, and what is not enough or speaks against it.
 */
#include "core/suggest/suggest_whitelist.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS    INT64_C(86400000)
#define FIRST_DAY INT64_C(20700)
enum { DAYS = 45 };

static struct suggest_whitelist *whitelist;

static void begin(void)
{
	whitelist = suggest_whitelist_create(UINT64_C(0x123456789abcdef), NULL);
	ck_assert_ptr_nonnull(whitelist);
}

static void end(void)
{
	suggest_whitelist_free(&whitelist);
}

enum what { SPF_PASSES, DKIM_PASSES, UNKNOWN_SPF, BLOCKED, DMARC_FAILS, WOULD };

static void mail(int day, const char *client, const char *sender, int recipient, enum what what)
{
	struct decision_row row = {.time_ms = (FIRST_DAY + day) * DAY_MS + 1000,
	    .count = 1,
	    .stage = what == DKIM_PASSES || what == DMARC_FAILS ? STAGE_END : STAGE_RCPT,
	    .auth_state = FACT_ABSENT,
	    .final = true,
	    .action = ACTION_REJECT,
	    .family = what == BLOCKED ? FAMILY_BLOCKS : FAMILY_SUSRANGES,
	    .reason = REASON_RULE,
	    .monitored = what == WOULD};
	char to[40];

	ck_assert(ip_parse(slice_str(client), &row.client));
	snprintf(to, sizeof to, "r%d@example.net", recipient);
	row.text[ROW_SENDER] = row.text[ROW_FROM] = slice_str(sender);
	row.text[ROW_RECIPIENT] = slice_str(to);
	row.spf_state = what == SPF_PASSES || what == WOULD ? FACT_KNOWN : FACT_UNKNOWN;
	row.spf = SPFR_PASS;
	if (what == DKIM_PASSES || what == DMARC_FAILS) {
		row.dmarc_state = FACT_KNOWN;
		row.dmarc = what == DKIM_PASSES ? DMARC_V_PASS : DMARC_V_FAIL;
	}
	suggest_whitelist_row(whitelist, &row);
}

static const char *found(void)
{
	static char line[2048];
	const struct suggest_entries *s = suggest_whitelist_find(whitelist);
	char address[IP_TEXT_MAX];

	ck_assert_ptr_nonnull(s);
	line[0] = '\0';
	for (size_t i = 0; i < s->count; i++) {
		const struct suggest_entry *e = &s->entry[i];

		ip_format(&e->address, address);
		snprintf(line + strlen(line), sizeof line - strlen(line), "%s%.*s%s(%u)",
		    i ? ", " : "", SLICE_ARG(e->domain), e->domain.len > 0 ? "" : address,
		    e->votes);
	}
	ck_assert_uint_eq(suggest_whitelist_lost(whitelist), 0);
	return line;
}

/* A domain from two clients, one a day each. */
START_TEST(a_domain)
{
	const struct suggest_entries *s;

	for (int day = 0; day < DAYS; day++) {
		mail(day, "198.51.100.7", "a@mx.one.example", day, SPF_PASSES);
		mail(day, "198.51.100.7", "b@MX.one.example", day, SPF_PASSES);
		mail(day, "198.51.100.8", "a@mx.one.example", day, WOULD);
		mail(day, "198.51.100.9", "c@other.example", day, UNKNOWN_SPF);
	}
	ck_assert_str_eq(found(), "mx.one.example(90)");
	s = suggest_whitelist_find(whitelist);
	ck_assert_uint_eq(s->entry[0].messages, 3 * DAYS);
	ck_assert_uint_eq(s->entry[0].days, DAYS);
	ck_assert_uint_eq(s->entry[0].recipients, DAYS);
	ck_assert_uint_eq(s->entry[0].clients, 2);
	ck_assert_uint_eq(s->entry[0].held_right, 30);
	ck_assert(!s->entry[0].claimed);
	ck_assert_uint_eq(s->unproven, DAYS);
}
END_TEST

START_TEST(not_enough)
{
	for (int day = 0; day < DAYS; day++) {
		mail(day, "198.51.100.1", "a@one-recipient.example", 1, SPF_PASSES);
		if (day < 2)
			mail(day, "198.51.100.2", "a@two-days.example", day, SPF_PASSES);
		for (int i = 0; i < 5 && day < 2; i++)
			mail(day, "198.51.100.3", "a@two-days-many.example", i, SPF_PASSES);
		if (day > 1) /* known for thirty days on the last thirteen, which are held out */
			mail(day, "198.51.100.4", "a@new.example", day, SPF_PASSES);
		mail(day, "198.51.100.5", "<>", day, SPF_PASSES);
	}
	ck_assert_str_eq(found(), "");
}
END_TEST

/* What blocks refused excludes domain and client; a forgery its client. */
START_TEST(counter_examples)
{
	for (int day = 0; day < DAYS; day++) {
		mail(day, "198.51.100.1", "a@blocked.example", day, SPF_PASSES);
		mail(day, "198.51.100.2", "a@forged.example", day, SPF_PASSES);
		mail(day, "198.51.100.3", "a@late.example", day, SPF_PASSES);
	}
	mail(DAYS, "203.0.113.1", "b@blocked.example", 1, BLOCKED);
	mail(DAYS, "203.0.113.1", "b@forged.example", 1, DMARC_FAILS);
	ck_assert_str_eq(found(), "forged.example(45), late.example(45)");
	ck_assert_uint_eq(suggest_whitelist_find(whitelist)->contradicted, 1);
}
END_TEST

/* Signatures pass and SPF does not: no domain can have it as its proof.  From the second client
 * comes a forgery, too. */
START_TEST(an_address)
{
	for (int day = 0; day < DAYS; day++) {
		mail(day, "198.51.100.2", "a@signed.example", day, DKIM_PASSES);
		mail(day, "198.51.100.3", "a@signed.example", day, DKIM_PASSES);
		if (day == 20)
			mail(day, "198.51.100.3", "a@bank.example", day, DMARC_FAILS);
	}
	ck_assert_str_eq(found(), "198.51.100.2(45)");
}
END_TEST

/* One client for many domains, of which none comes often. */
START_TEST(a_relay)
{
	char sender[64];

	for (int day = 0; day < DAYS; day++)
		for (int i = 0; i < 20; i++) {
			snprintf(sender, sizeof sender, "a@s%d.example", i);
			if (day < 2 || (i + day) % 20 == 0)
				mail(
				    day, "198.51.100.1", sender, i / 8 + 2 * (day % 2), SPF_PASSES);
		}
	ck_assert_str_eq(found(), "198.51.100.1(83)");
	ck_assert_uint_eq(suggest_whitelist_find(whitelist)->entry[0].domains, 20);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("suggest_whitelist");
	TCase *t = tcase_create("entries");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, a_domain);
	tcase_add_test(t, not_enough);
	tcase_add_test(t, counter_examples);
	tcase_add_test(t, an_address);
	tcase_add_test(t, a_relay);
	suite_add_tcase(s, t);
	return s;
}
