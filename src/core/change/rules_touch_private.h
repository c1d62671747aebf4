#ifndef CORE_CHANGE_RULES_TOUCH_PRIVATE_H
#define CORE_CHANGE_RULES_TOUCH_PRIVATE_H
/*
 * The parts of rules_touch: rules_touch.c answers, rules_touch_sets.c pairs rules and gives sets
 * of members numbers that both tables share, rules_touch_changes.c finds where these differ.
 */
#include "core/change/rules_touch.h"

/* Numbers of sets: equal ones decide alike in both tables. */
struct touch_sets {
	uint32_t *before, *after; /* by number of the set there */
	/* By number of the rule: of the pair, or TOUCH_INERT. */
	uint32_t *before_rule, *after_rule;
};

/* A rule that decides nothing. */
#define TOUCH_INERT UINT32_MAX

struct touch_range {
	struct ip first, last;
};

/* Sorted, and none beside another. */
struct touch_ranges {
	struct touch_range *at;
	size_t count, capacity;
};

struct rules_touch {
	const struct ruleset *before, *after;
	const struct idna *idna;
	struct arena *arena;
	bool everything;
	unsigned identities;
	struct touch_sets sets;
	struct touch_ranges clients;
	/* Names whose members differ: value 1; NULL where none does. */
	struct name_radix *names[KEY_COUNT], *addresses[IDENTITY_COUNT], *domains;
	unsigned domains_in;
	/* Of addresses that differ: their domains, and whether one is of any. */
	struct name_radix *address_domains[IDENTITY_COUNT];
	bool address_anywhere[IDENTITY_COUNT];
	/* Patterns that only one of the tables has, by identity. */
	const struct pattern **patterns[IDENTITY_COUNT];
	size_t pattern_count[IDENTITY_COUNT];
};

/* False when out of memory, or when there are too many. */
bool touch_sets_make(struct rules_touch *, int64_t now);

/* These fill clients; names, addresses and domains; patterns.  False when out of memory. */
bool touch_networks(struct rules_touch *);
bool touch_names(struct rules_touch *);
bool touch_patterns(struct rules_touch *);

#endif
