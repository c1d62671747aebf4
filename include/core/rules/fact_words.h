#ifndef CORE_RULES_FACT_WORDS_H
#define CORE_RULES_FACT_WORDS_H
/*
 * fact_words: criteria whose entries are words: what one fact may be.
 *
 *     spf = [ "fail", "softfail" ]           // bits 1 << SPFR_FAIL | 1 << SPFR_SOFTFAIL of a rule
 *
 *     struct word_facts w = fact_words_row(KEY_SPF)->look(facts, rules);
 *     w.are & rule->words->in[0][0]          // some word of the rule is what the fact is
 *
 * A word holds, does not hold, or is unknown: then somebody can be asked (need), or the answer is
 * under way, or the message has to come first (late), or the answer was not to be had, and the
 * criterion is undecided (SPEC 3.1).
 *
 * A new criterion of this kind is a key (core/rules/rule.h), a row here, and a fact.
 */
#include "core/rules/facts.h"
#include "core/rules/rule.h"

struct ruleset;

/* The words that a rule names for each of its criteria, as bits by their number in the row. */
struct fact_words {
	uint64_t in[2][KEY_COUNT - KEY_LISTS + 1], out[2][KEY_COUNT - KEY_LISTS + 1]; /* [unless] */
};

/* What is known of the words of one criterion. */
struct word_facts {
	uint64_t are, unknown; /* bits of the words that hold, and of those that cannot be told */
	unsigned need;         /* bits of enum need that may tell them; 0: nobody can */
	uint64_t per_word;     /* words whose need is NEED_LIST(number), each by itself */
	bool under_way;        /* the answer may come later */
	bool late;             /* … with what the session has not shown yet */
	uint64_t late_words;   /* the same of single words */
};

struct fact_words_row {
	const char *const *words; /* by bit, ending in NULL; or NULL: names of dnsbls */
	bool late;                /* known at the end of the message, not before */
	struct word_facts (*look)(const struct facts *, const struct ruleset *);
};

/* The words of a key by number; empty behind the last. */
struct slice fact_word(const struct ruleset *, unsigned key, unsigned word);

/* Whether the rule asks a list about the author's domain, which the end of the message shows. */
bool fact_words_ask_author(const struct rule *, const struct ruleset *);

/* The row of a key; NULL for a key that is no list of words. */
const struct fact_words_row *fact_words_row(unsigned key);

#endif
