#ifndef FAKE_MIXED_RULES_H
#define FAKE_MIXED_RULES_H
/*
 * mixed_rules: configurations by chance, with every criterion, and small changes of them.
 *
 *     mixed_rules_draw(&m, seed);
 *     mixed_rules_text(&m, text)          // for configured_load(); now and then it is refused
 *     mixed_rules_change(&m, seed, 10)    // about a tenth of its parts differ
 *
 * Names, addresses and networks are those of mixed_rows.h.
 */
#include <stdint.h>

enum { MIXED_RULES = 14, MIXED_RULES_TEXT_MAX = 32768 };

struct mixed_rules {
	uint64_t settings[8]; /* mode, spf, dmarc, trusted, exempt, domains */
	struct {
		uint64_t shape;   /* whether there is one, its keys and attributes */
		uint64_t entries; /* of its lists */
		uint32_t variant; /* a bit for each entry: which of two it is */
	} rule[MIXED_RULES];
};

void mixed_rules_draw(struct mixed_rules *, uint64_t seed);

/* Each part with a chance of per_cent. */
void mixed_rules_change(struct mixed_rules *, uint64_t seed, unsigned per_cent);

void mixed_rules_text(const struct mixed_rules *, char text[MIXED_RULES_TEXT_MAX]);

#endif
