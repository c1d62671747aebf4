#include "core/change/cidr_export.h"
#include "fake/configured.h"
#include "unit/unit.h"

#include <stdio.h>

enum { NOW = 1000000000 };

static const struct {
	const char *label, *conf, *wanted;
} cases[] = {
    {"a hole for the whitelist",
	"susranges = ({name=\"s\"; networks=[\"198.51.100.0/29\"];});\n"
	"whitelist = ({name=\"w\"; networks=[\"198.51.100.6\"];});\n",
	"198.51.100.0/30 198.51.100.4/31 198.51.100.7/32 "},
    {"neighbours of different rules are one network",
	"susranges = ({name=\"a\"; networks=[\"198.51.100.0/25\", \"2001:db8::/33\"];},\n"
	"{name=\"b\"; networks=[\"198.51.100.128/25\", \"2001:db8:8000::/33\"];});\n",
	"198.51.100.0/24 2001:db8::/32 "},
    {"taken out of the rule itself",
	"susranges = ({name=\"a\"; networks=[\"198.51.100.0/31\", \"!198.51.100.1\"];});\n",
	"198.51.100.0/32 "},
    {"rules with other keys, unless, monitor, expired refuse nothing by address alone",
	"susranges = ({name=\"a\"; networks=[\"192.0.2.0/30\"]; helo=[\"x\"];},\n"
	"{name=\"b\"; networks=[\"192.0.2.4/30\"]; unless={helo=[\"x\"];};},\n"
	"{name=\"c\"; networks=[\"192.0.2.8/30\"]; mode=\"monitor\";},\n"
	"{name=\"d\"; networks=[\"192.0.2.12/30\"]; expires=\"2001-01-01\";},\n"
	"{name=\"e\"; networks=[\"192.0.2.16/30\"];});\n",
	"192.0.2.16/30 "},
    {"a whitelist with conditions, and trusted networks, still excuse; other covers do not",
	"susranges = ({name=\"a\"; networks=[\"192.0.2.0/29\"];});\n"
	"trusted_networks = [\"192.0.2.0/31\"];\n"
	"whitelist = ({name=\"w\"; networks=[\"192.0.2.2/31\"]; helo=[\"x\"];},\n"
	"{name=\"v\"; networks=[\"192.0.2.4\"]; covers=[\"spf\"];});\n",
	"192.0.2.4/30 "},
    {"blocks are another family", "blocks = ({name=\"b\"; networks=[\"192.0.2.0/24\"];});\n", ""},
    {"nothing", "mode = \"enforce\";\n", ""},
};

struct said {
	char text[1024];
	size_t len;
};

static bool say(void *context, const struct prefix *p)
{
	struct said *s = context;
	char text[PREFIX_TEXT_MAX];

	prefix_format(p, text);
	s->len += (size_t)snprintf(s->text + s->len, sizeof s->text - s->len, "%s ", text);
	return true;
}

START_TEST(test_flatten)
{
	struct said said = {.len = 0};
	struct configured c;

	configured_load(&c, cases[_i].conf);
	ck_assert_msg(c.rules != NULL, "%s: %s", cases[_i].label, c.lines);
	ck_assert(cidr_export_each(c.rules, FAMILY_SUSRANGES, NOW, say, &said));
	ck_assert_msg(
	    strcmp(said.text, cases[_i].wanted) == 0, "%s: \"%s\"", cases[_i].label, said.text);
	configured_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("cidr_export");
	TCase *tc = tcase_create("all");

	configured_enter();
	tcase_add_loop_test(tc, test_flatten, 0, ROWS(cases));
	suite_add_tcase(s, tc);
	return s;
}
