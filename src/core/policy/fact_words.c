#include "core/policy/fact_words.h"

/* ---- SPF ----------------------------------------------------------------------------- */

static const char *const spf_words[] = {
    [SPFR_NONE] = "none",
    [SPFR_NEUTRAL] = "neutral",
    [SPFR_PASS] = "pass",
    [SPFR_FAIL] = "fail",
    [SPFR_SOFTFAIL] = "softfail",
    [SPFR_TEMPERROR] = "temperror",
    [SPFR_PERMERROR] = "permerror",
    NULL,
};

static uint64_t word_bit(unsigned word)
{
	return UINT64_C(1) << word;
}

/* Who names the word temperror has an answer; all else an answer that did not come leaves open. */
static struct word_facts temperror(unsigned word)
{
	return (struct word_facts){.are = word_bit(word), .unknown = ~word_bit(word)};
}

static struct word_facts look_at_spf(const struct facts *facts)
{
	bool known = facts->spf_state == FACT_KNOWN;

	if (facts->spf_state == FACT_UNKNOWN || facts->spf_state == FACT_UNDER_WAY)
		return (struct word_facts){.unknown = ~UINT64_C(0),
		    .need = facts->spf_state == FACT_UNKNOWN ? NEED_SPF : 0,
		    .under_way = facts->spf_state == FACT_UNDER_WAY};
	if (!known || facts->spf.result == SPFR_TEMPERROR)
		return temperror(SPFR_TEMPERROR);
	return (struct word_facts){.are = word_bit(facts->spf.result)};
}

/* ---- the rows ------------------------------------------------------------------------ */

static const struct fact_words_row rows[KEY_COUNT] = {
    [KEY_SPF] = {spf_words, false, look_at_spf},
};

const struct fact_words_row *fact_words_row(unsigned key)
{
	return key < KEY_COUNT && rows[key].words ? &rows[key] : NULL;
}
