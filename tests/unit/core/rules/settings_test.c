#include "core/rules/settings.h"

#include "unit/unit.h"

/* Each switch has a place of its own, and takes each of its values. */
START_TEST(sets_one_switch)
{
	const struct switch_option *o = &switch_options[_i];
	const unsigned n = (unsigned)_i;

	for (const struct word *w = o->words; w->word; w++) {
		struct switches s = {.susranges = true}, before = s;

		switch_set(&s, n, w->value);
		ck_assert_int_eq(switch_value(&s, n), w->value);
		ck_assert_str_eq(switch_word(&s, n), w->word);
		for (unsigned other = 0; other < SWITCH_COUNT; other++)
			if (other != n)
				ck_assert_int_eq(
				    switch_value(&s, other), switch_value(&before, other));
	}
}
END_TEST

START_TEST(bits_are_numbers)
{
	ck_assert_str_eq(switch_options[__builtin_ctz(SWITCH_SUSRANGES)].name, "susranges");
	ck_assert_str_eq(switch_options[__builtin_ctz(SWITCH_BLOCKS)].name, "blocks");
	ck_assert_str_eq(switch_options[__builtin_ctz(SWITCH_SPF)].name, "spf");
	ck_assert_str_eq(switch_options[__builtin_ctz(SWITCH_DMARC)].name, "dmarc");
	ck_assert_str_eq(switch_options[__builtin_ctz(SWITCH_FORWARDS)].name, "forwards");
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("settings");
	TCase *t = tcase_create("switches");

	tcase_add_loop_test(t, sets_one_switch, 0, SWITCH_COUNT);
	tcase_add_test(t, bits_are_numbers);
	suite_add_tcase(s, t);
	return s;
}
