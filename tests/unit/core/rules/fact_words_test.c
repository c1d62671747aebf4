#include "core/rules/fact_words.h"

#include "core/rules/ruleset.h"
#include "unit/unit.h"

#define EXAMPLE                                                                                    \
	{                                                                                          \
		.state = FACT_KNOWN, .name = SLICE_INIT("x.example"),                              \
		.text = SLICE_INIT("x.example")                                                    \
	}
#define AUTHOR_WITH(...)                                                                           \
	{                                                                                          \
		.author_state = FACT_KNOWN, .author = FROM_ONE, .id = {[IDENTITY_FROM] = EXAMPLE}, \
		__VA_ARGS__                                                                        \
	}
#define AUTHOR AUTHOR_WITH(.now = 0)
#define SENDER_WITH(...)                                                                           \
	{                                                                                          \
		.id = {[IDENTITY_SENDER] = EXAMPLE}, __VA_ARGS__                                   \
	}
#define SENDER SENDER_WITH(.now = 0)

/* Each word in a rule by itself: matches, does not, or cannot be told. */
static const struct {
	const char *label;
	enum rule_key key;
	struct facts facts;
	const char *are, *unknown; /* blank-separated; "*": all others */
	unsigned need;
	bool under_way;
} rows[] = {
    {"SPF pass", KEY_SPF, {.spf_state = FACT_KNOWN, .spf = {.result = SPFR_PASS}}, "pass", "", 0,
	false},
    {"SPF not asked", KEY_SPF, {.spf_state = FACT_UNKNOWN}, "", "*", NEED_SPF, false},
    {"SPF under way", KEY_SPF, {.spf_state = FACT_UNDER_WAY}, "", "*", 0, true},
    {"SPF without resolver", KEY_SPF, {.spf_state = FACT_FAILED}, "temperror", "*", 0, false},
    {"SPF temperror", KEY_SPF, {.spf_state = FACT_KNOWN, .spf = {.result = SPFR_TEMPERROR}},
	"temperror", "*", 0, false},
    {"DMARC before the author is known", KEY_DMARC, {.author_state = FACT_UNKNOWN}, "", "*", 0,
	false},
    {"DMARC not asked", KEY_DMARC, AUTHOR, "", "*", NEED_DMARC, false},
    {"DMARC fails", KEY_DMARC,
	AUTHOR_WITH(.dmarc_state = FACT_KNOWN, .dmarc = {.verdict = DMARC_V_FAIL}), "fail", "", 0,
	false},
    {"DMARC temperror", KEY_DMARC,
	AUTHOR_WITH(.dmarc_state = FACT_KNOWN, .dmarc = {.verdict = DMARC_V_TEMPERROR}),
	"temperror", "*", 0, false},
    {"DKIM not asked", KEY_DKIM, AUTHOR, "", "*", NEED_DKIM, false},
    {"no signature", KEY_DKIM, AUTHOR_WITH(.dkim_state = FACT_KNOWN), "none", "", 0, false},
    {"DKIM without memory", KEY_DKIM, AUTHOR_WITH(.dkim_state = FACT_FAILED), "temperror", "*", 0,
	false},
    {"the domain of no sender", KEY_SENDER_DOMAIN,
	{.id = {[IDENTITY_SENDER] = {.state = FACT_ABSENT}}}, "", "", 0, false},
    {"a sender that is not told", KEY_SENDER_DOMAIN, {.now = 0}, "", "*", 0, false},
    {"the sender's domain", KEY_SENDER_DOMAIN, SENDER, "", "*", NEED_SENDER_DOMAIN, false},
    {"the sender's domain is missing", KEY_SENDER_DOMAIN,
	SENDER_WITH(.sender_dns = {FACT_KNOWN, 1, 0}), "missing", "", 0, false},
    {"half an answer", KEY_SENDER_DOMAIN, SENDER_WITH(.sender_dns = {FACT_KNOWN, 0, 2}), "",
	"null-mx", 0, false},
    {"no resolver", KEY_SENDER_DOMAIN, SENDER_WITH(.sender_dns = {FACT_FAILED, 0, 0}), "", "*", 0,
	false},
};

/* Whether the word stands in the list. */
static bool has_word(const char *list, const char *word)
{
	struct slice rest = slice_str(list);

	while (rest.len > 0)
		if (slice_equal(slice_word(&rest), slice_str(word)))
			return true;
	return false;
}

START_TEST(looks_at_facts)
{
	const struct ruleset rules = {.own_domains = NULL};
	const struct fact_words_row *row = fact_words_row(rows[_i].key);
	struct word_facts w = row->look(&rows[_i].facts, &rules);

	for (unsigned i = 0; row->words[i]; i++) {
		bool is = has_word(rows[_i].are, row->words[i]);
		bool open =
		    rows[_i].unknown[0] == '*' ? !is : has_word(rows[_i].unknown, row->words[i]);

		ck_assert_msg((w.are >> i & 1) == is, "%s: %s", rows[_i].label, row->words[i]);
		ck_assert_msg(
		    (w.unknown >> i & 1) == open, "%s: %s?", rows[_i].label, row->words[i]);
	}
	ck_assert_uint_eq(w.need, rows[_i].need);
	ck_assert(w.under_way == rows[_i].under_way);
}
END_TEST

START_TEST(knows_its_keys)
{
	ck_assert((fact_words_row((unsigned)_i) != NULL) ==
		  (_i >= KEY_LISTS && _i < KEY_COUNT && (KEYS_OF_HEADERS >> _i & 1) == 0));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("fact_words");
	TCase *t = tcase_create("words");

	tcase_add_loop_test(t, looks_at_facts, 0, ROWS(rows));
	tcase_add_loop_test(t, knows_its_keys, 0, KEY_COUNT + 1);
	suite_add_tcase(s, t);
	return s;
}
