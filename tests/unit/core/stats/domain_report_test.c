#include "core/stats/domain_report.h"

#include "unit/unit.h"

#include <stdio.h>

/* A full list. */
enum { MANY = TALLY_TOP, TEXT = 64 * 1024 };

static void put(void *context, const char *piece)
{
	char *text = context;
	size_t len = strlen(text);

	ck_assert_uint_lt(len + strlen(piece), TEXT);
	strcpy(text + len, piece);
}

static const struct domain_report_key few[] = {{SLICE_INIT("a"), 1000}, {SLICE_INIT("b"), 200}};

/* Keys of counts 1000, 999, …, or all of one refusal. */
static struct domain_report_key many[MANY], flood[MANY];

static void fill(void)
{
	for (int i = 0; i < MANY; i++) {
		many[i] = (struct domain_report_key){SLICE("k"), (uint64_t)(1000 - i)};
		flood[i] = (struct domain_report_key){SLICE("k"), i < 3 ? 500 : 1};
	}
}

/* A terminal erases, names its window and colours, in one byte or two; ü and a no-break space. */
static const struct domain_report_key hostile[] = {{SLICE_INIT("a\x1b[2J\x07\t\x7f\xc2\x9b"
							       "31m\xc2\x80\xc3\xbc\xc2\xa0z"),
    7}};

#define RANGE .domain = SLICE_INIT("example.org"), .since = 480000, .until = 480024

/* hours 480000 to 480024 are 2024-10-04 00:00 to 2024-10-05 00:00 */
static const struct {
	const char *label;
	struct domain_report report;
	const char *want;
} texts[] = {
    {"nothing", {RANGE}, "example.org, 2024-10-04 00:00 to 2024-10-05 00:00 UTC: 0 refused\n"},
    {"refused", {RANGE, .totals = {[FAMILY_BLOCKS] = {1200, 0}}, .top = {few}, .top_count = {2}},
	"example.org, 2024-10-04 00:00 to 2024-10-05 00:00 UTC: 1,200 refused\n"
	"\nReasons\n         1,200  blocked names and networks\n"
	"\nRecipients\n         1,000  a\n           200  b\n"
	"\nRules\n         1,200  others\n\nClients\n         1,200  others\n"},
    {"what a terminal would obey",
	{RANGE, .totals = {[FAMILY_BLOCKS] = {7, 0}}, .top = {hostile}, .top_count = {1}},
	"example.org, 2024-10-04 00:00 to 2024-10-05 00:00 UTC: 7 refused\n"
	"\nReasons\n             7  blocked names and networks\n"
	"\nRecipients\n             7  a?[2J?????31m??\xc3\xbc\xc2\xa0z\n"
	"\nRules\n             7  others\n\nClients\n             7  others\n"},
    {"would have been refused",
	{RANGE, .totals = {[FAMILY_SPF] = {0, 999}, [FAMILY_DMARC] = {1, 1000000}}},
	"example.org, 2024-10-04 00:00 to 2024-10-05 00:00 UTC: 1 refused; 1,000,999 more "
	"would have been (monitor mode)\n"
	"\nReasons\n"
	"           999  failed SPF: the sender's domain does not allow this client (monitor mode: "
	"accepted)\n"
	"             1  failed DMARC: the author's domain asks for rejection\n"
	"     1,000,000  failed DMARC: the author's domain asks for rejection (monitor mode: "
	"accepted)\n"
	"\nRecipients\n     1,001,000  others\n\nRules\n     1,001,000  others\n"
	"\nClients\n     1,001,000  others\n"},
    {"clients that are not known",
	{RANGE, .totals = {[FAMILY_SUSRANGES] = {1500, 0}}, .top = {few, few, few},
	    .top_count = {2, 2, 2}},
	"example.org, 2024-10-04 00:00 to 2024-10-05 00:00 UTC: 1,500 refused\n"
	"\nReasons\n         1,500  networks that must authenticate\n"
	"\nRecipients\n         1,000  a\n           200  b\n           300  others\n"
	"\nRules\n         1,000  a\n           200  b\n           300  others\n"
	"\nClients\n         1,000  a\n           200  b\n           300  others\n"},
};

START_TEST(writes_text)
{
	static char text[TEXT];

	text[0] = '\0';
	domain_report_text(&texts[_i].report, put, text);
	ck_assert_msg(strcmp(text, texts[_i].want) == 0, "%s: got\n%s", texts[_i].label, text);
}
END_TEST

/* ---- what a list leaves out ---------------------------------------------------------- */

static const struct {
	const char *label;
	const struct domain_report_key *keys;
	size_t count;
	uint64_t total, recipients;
	unsigned shown;
	const char *others; /* its line under Recipients, NULL: none */
} lists[] = {
    {"all are listed", few, 2, 1200, 0, 2, NULL},
    {"more are not listed", few, 2, 1201, 0, 2, "1  others"},
    {"a few more are known", many, 20, 30000, 0, 15, "15,105  5 others"},
    {"just as many as are shown", many, 15, 14895, 0, 15, NULL},
    {"a flood", many, MANY, 900000, 9015, 15, "885,105  to about 9,000 more recipients"},
    {"one more is known", many, 16, 15880, 0, 15, "985  1 other"},
    {"about one more", many, MANY, 14896, 16, 15, "1  to about 1 more recipient"},
    {"an estimate above what there is", many, MANY, 14900, 9015, 15,
	"5  to about 5 more recipients"},
    {"a flood with three who matter", flood, MANY, 100000, 50003, 3,
	"98,500  to about 50,000 more recipients"},
    {"a flood of which nobody matters", flood + 3, MANY - 3, 100000, 0, 15, "99,985  46 others"},
};

static unsigned lines_of(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from), *end = strstr(text, to);
	unsigned n = 0;

	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_nonnull(end);
	for (at += strlen(from); at < end; at++)
		n += *at == '\n';
	return n;
}

START_TEST(tells_what_is_left_out)
{
	static char text[TEXT];
	char want[128];
	struct domain_report d = {
	    RANGE,
	    .totals = {[FAMILY_BLOCKS] = {lists[_i].total, 0}},
	    .top = {lists[_i].keys},
	    .top_count = {lists[_i].count},
	    .recipients = lists[_i].recipients,
	};

	fill();
	text[0] = '\0';
	domain_report_text(&d, put, text);
	ck_assert_msg(lines_of(text, "\nRecipients\n", "\n\nRules\n") + 1 ==
			  lists[_i].shown + (lists[_i].others != NULL),
	    "%s: got\n%s", lists[_i].label, text);
	snprintf(want, sizeof want, " %s\n\nRules", lists[_i].others ? lists[_i].others : "");
	ck_assert_msg(
	    !lists[_i].others || strstr(text, want), "%s: got\n%s", lists[_i].label, text);
}
END_TEST

/* ---- the page ------------------------------------------------------------------------ */

static const struct {
	const char *label, *want;
} pieces[] = {
    {"a whole page", "<!DOCTYPE html>"},
    {"to its end", "</html>"},
    {"its domain", "example.org"},
    {"its number", "1,200"},
    {"what came from outside is escaped", "&#60;xmp&#62;&#38;&#34;"},
    {"where kinds are named", "Recipients"},
};

static const char *const absent[] = {"<xmp", "<script", "http:", "https:", "src="};

START_TEST(writes_a_page)
{
	static const struct domain_report_key keys[] = {{SLICE_INIT("<xmp>&\""), 1200}};
	static const struct domain_report_hour hours[] = {{480001, 1200, 0}};
	static char text[TEXT];
	struct domain_report d = {RANGE, .totals = {[FAMILY_BLOCKS] = {1200, 0}},
	    .top = {keys, keys, keys}, .top_count = {1, 1, 1}, .hours = hours, .hour_count = 1};

	text[0] = '\0';
	domain_report_html(&d, 480024 * 3600LL, put, text);
	for (size_t i = 0; i < ROWS(pieces); i++)
		ck_assert_msg(strstr(text, pieces[i].want), "%s", pieces[i].label);
	for (size_t i = 0; i < ROWS(absent); i++)
		ck_assert_msg(!strstr(text, absent[i]), "%s", absent[i]);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("domain_report");
	TCase *tc = tcase_create("renderings");

	tcase_add_loop_test(tc, writes_text, 0, (int)ROWS(texts));
	tcase_add_loop_test(tc, tells_what_is_left_out, 0, (int)ROWS(lists));
	tcase_add_test(tc, writes_a_page);
	suite_add_tcase(s, tc);
	return s;
}
