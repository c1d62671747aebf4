#ifndef CORE_POLICY_SURVEY_TEXT_H
#define CORE_POLICY_SURVEY_TEXT_H
/*
 * survey_text: a survey as lines to read.
 *
 *     susranges: 1193046528 IPv4 addresses (27.778 %), 0 % of IPv6
 *       dialup: 3 entries (0 duplicate, 1 covered, 0 dead, 0 shadowed); 1193046528 IPv4 …
 *     susranges would newly refuse 256 IPv4 addresses (below 0.001 %), 0 % of IPv6: 198.51.100.0/24
 *     susranges would no longer refuse 16 IPv4 addresses (below 0.001 %), …: 203.0.113.0/28
 *
 * Lines carry no newline and live as long as the call.
 */
#include "core/policy/survey.h"

void survey_text(const struct survey *, const struct ruleset *,
    void (*each)(void *context, const char *line), void *context);

/* Says "susranges refuses the same addresses" when nothing changed. */
void survey_difference_text(
    const struct survey_difference *, void (*each)(void *context, const char *line), void *context);

#endif
