#ifndef CORE_RULESET_BUILDER_H
#define CORE_RULESET_BUILDER_H
/*
 * The inside of a ruleset under construction, shared by ruleset_build.c, which takes entries in,
 * and ruleset_finish.c, which makes sets and tries of them.
 *
 * Every entry becomes one row of `entries` {member, tally, line} and one row of an array that a
 * trie is built from, tagged with the number of the first.
 */
#include "core/base/array.h"
#include "core/rules/ruleset.h"

struct rule_entry {
	uint32_t member;
	uint32_t tally; /* whose file it is from */
	uint32_t line;
};

/* The entries of one rule in one file, and how many of them do nothing: a line of the report. */
struct tally {
	unsigned rule; /* RULES_MAX: recipient domains */
	const char *file;
	size_t entries, duplicates, covered;
	uint32_t first_duplicate, first_covered; /* lines */
	uint32_t older; /* 1 + the tally of the same rule and another file, 0 = none */
};

struct names_in {
	struct name_radix_entry *at;
	size_t count, capacity;
};

/* The switches that a recipient domain gives, and all names above it. */
struct switch_layer {
	struct switches value;
	unsigned given; /* bits of enum switch_key */
	unsigned on;    /* of SWITCH_SUSRANGES and SWITCH_BLOCKS: some of the names says "on" */
};

struct ruleset_builder {
	struct ruleset *rules;
	struct diag *diag;
	struct arena *scratch; /* keys of addresses */
	struct rule_entry *entries;
	size_t entry_count, entry_capacity;
	struct ip_radix_entry *networks;
	size_t network_count, network_capacity;
	struct names_in names[KEY_COUNT], addresses[IDENTITY_COUNT], domains;
	size_t rule_capacity, pattern_capacity, header_capacity;
	struct switch_layer *layers;
	size_t layer_count, layer_capacity;
	struct switch_layer everywhere; /* of "*" */
	struct origin everywhere_at;    /* file NULL: it is not listed */
	struct tally *tallies;
	size_t tally_count, tally_capacity;
	uint32_t *newest; /* of each rule, and last of the domains: 1 + its newest tally */
	uint64_t *keys;   /* scratch of the combine callbacks, as is members */
	uint32_t *members;
	size_t key_capacity, member_capacity;
	struct survey *survey; /* NULL: nobody asked */
	unsigned char *marks;  /* for the survey: bits of enum mark, by tag */
	bool failed;
};

/* Where the entry of this tag stands. */
struct origin ruleset_origin(const struct ruleset_builder *, uint32_t tag);

/* ruleset_build.c: a name for ruleset_combine_domains(); layer 0 gives nothing. */
void ruleset_add_domain_name(struct ruleset_builder *, enum entry_kind kind, struct slice name,
    unsigned layer, struct origin where);

/* ruleset_domains.c: the values of a name of the trie are 1 + an index into layers, or 0. */
struct name_radix_values ruleset_combine_domains(
    void *builder, uint32_t above, const struct name_radix_entry *, size_t n);

/* When the trie is built: the switches of each layer. */
void ruleset_fill_switches(struct ruleset_builder *);

/* Makes room for one more and yields true when there is; else b->failed. */
#define ROOM(b, array, count, capacity)                                                            \
	(ARRAY_ROOM(array, capacity, (count) + 1) || ((b)->failed = true, false))

#endif
