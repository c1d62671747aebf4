#ifndef CORE_RULES_SURVEY_TEXT_H
#define CORE_RULES_SURVEY_TEXT_H
/*
 * survey_text: a survey as lines to read.
 *
 *     susranges: 1193046528 IPv4 addresses (27.778 %), 0 % of IPv6
 *       dialup: 3 entries (0 duplicate, 1 covered, 0 dead, 0 shadowed); 1193046528 IPv4 …
 *
 * Lines carry no newline and live as long as the call.
 */
#include "core/base/line.h"
#include "core/rules/survey.h"

/* Of a line, with the longest name of a rule and its numbers. */
enum { SURVEY_LINE_MAX = 512 };

void survey_text(const struct survey *, const struct ruleset *,
    void (*each)(void *context, const char *line), void *context);

/* "1193046528 IPv4 addresses (27.778 %), 0 % of IPv6" */
void survey_append_space(struct line *, uint64_t ipv4, double ipv6);

#endif
