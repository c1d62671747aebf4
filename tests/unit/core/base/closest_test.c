#include "unit/unit.h"

#include "core/base/closest.h"

static const char *const known[] = {"dialup", "dialups", "monster", "helo-list", "a", NULL};

static const struct {
	const char *label, *word, *want;
} cases[] = {
    {"two letters changed places", "dailup", "dialup"},
    {"one is missing", "dialu", "dialup"},
    {"one too many", "monsster", "monster"},
    {"two are other", "menstor", "monster"},
    {"three are other", "mensior", ""},
    {"the nearest counts", "dialupz", "dialup"},
    {"as many edits as letters", "b", ""},
    {"nothing", "", ""},
    {"itself", "helo-list", "helo-list"},
    {"a word that is too long",
	"dialupxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xxxxxxxxxxxx",
	""},
};

START_TEST(finds)
{
	struct closest c = closest_start(slice_str(cases[_i].word));

	for (const char *const *k = known; *k; k++)
		closest_try(&c, slice_str(*k));
	ck_assert_msg(slice_equal(c.like, slice_str(cases[_i].want)), "%s: \"%.*s\"",
	    cases[_i].label, SLICE_ARG(c.like));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("closest");
	TCase *t = tcase_create("closest");

	tcase_add_loop_test(t, finds, 0, (int)ROWS(cases));
	suite_add_tcase(s, t);
	return s;
}
