#ifndef CONFIG_RULE_PARSER_H
#define CONFIG_RULE_PARSER_H
/*
 * rule_parser: a rule while its group is read: its attributes (config_attributes.c) first, since
 * its lists (config_rules.c) depend on them.
 */
#include "config_load.h"

struct rule_parser {
	struct load *load;
	struct rule rule;
	struct list_limits limits;
	unsigned found[SLOT_UNLESS + KEY_COUNT]; /* by slot: bits of enum entries_found */
};

/* What `domains` looks at when `in` does not say; in an `unless` only what RCPT knows, unless the
 * rule waits for the end of the message anyway (SPEC 3.1): an exemption by From would have it wait.
 */
enum {
	IN_AT_RCPT = 1 << IDENTITY_SENDER | 1 << IDENTITY_HELO | 1 << IDENTITY_CLIENT_NAME,
	IN_DEFAULT = IN_AT_RCPT | 1 << IDENTITY_FROM
};

/* All keys that a group may have: a rule, or its `unless`. */
void rule_parser_check_keys(const struct rule_parser *, const struct setting *group, bool unless);

/* name, mode, expires, …: everything but criteria. */
void rule_parser_attributes(struct rule_parser *, const struct setting *group);

/* The same of `unless`: only `in`. */
void rule_parser_unless(struct rule_parser *, const struct setting *unless);

/* Warns of a rule that can never act, or only later than its author may think (config_warnings.c);
 * when its entries are read. */
void rule_parser_warn(const struct rule_parser *);

#endif
