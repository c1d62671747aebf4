#ifndef CORE_NAME_PATTERN_H
#define CORE_NAME_PATTERN_H
/*
 * pattern: one regular expression over a whole identity.  The only file of core that knows PCRE2.
 *
 * Case-insensitive, UTF where the subject is valid UTF-8 (invalid bytes never match), no JIT,
 * bounded by match, depth and heap limits so that no subject can make a verdict slow.  The
 * expression must match the identity from its first to its last byte.
 *
 * Compiled once while a generation is built, then const and safe in every thread.
 */
#include "core/base/slice.h"

struct pattern;

enum { PATTERN_WHY_MAX = 200 };

enum pattern_result {
	PATTERN_NO,
	PATTERN_YES,
	PATTERN_BROKEN, /* a limit was hit or memory ran out: not a match, but worth a log line */
};

/* `text` is without its slashes.  NULL: the reason is in why ("… at character 12"). */
struct pattern *pattern_compile(struct slice text, char why[PATTERN_WHY_MAX]);
void pattern_free(struct pattern **);

enum pattern_result pattern_match(const struct pattern *, struct slice subject);

#endif
