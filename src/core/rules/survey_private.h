#ifndef CORE_SURVEY_PRIVATE_H
#define CORE_SURVEY_PRIVATE_H
/*
 * What survey.c (address space) and survey_entries.c (entries of a builder) share, and what
 * ruleset_finish() calls.
 */
#include "core/rules/survey.h"

/* Fills ipv4 and ipv6 of rules and families. */
void survey_address_space(struct survey *, const struct ruleset *);

/* What ruleset_finish() has found of an entry already, in ruleset_builder.marks. */
enum mark { MARK_DUPLICATE = 1, MARK_COVERED = 2 };

/* Counts entries.  The tries are built, the builder's networks are in order.  False when out of
 * memory. */
bool survey_entries(struct survey *, const struct ruleset_builder *);

/* Behind it: whitelist entries that no rule makes necessary.  False when out of memory. */
bool survey_needless(struct survey *, const struct ruleset_builder *);

#endif
