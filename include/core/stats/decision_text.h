#ifndef CORE_STATS_DECISION_TEXT_H
#define CORE_STATS_DECISION_TEXT_H
/*
 * decision_text: one decision as text: a JSON object and a syslog line (SPEC 6).
 *
 *     {"time":"2026-11-21T03:45:31.123456Z","id":"k3…","stage":"rcpt","client":"198.51.100.7",…}
 *     4bXyZ: reject: RCPT from unknown[198.51.100.7]: 550 5.7.1 Unauthenticated …; from=<a@b>
 *         to=<c@d> helo=<x> rule=dialup family=susranges network=198.51.100.0/24 id=k3…
 *
 * Records above the limit of a minute (SPEC 6) are reported by one such pair with "suppressed".
 *
 * Absent facts are left out.  Nothing that a client sent can break out of its field: bytes that
 * are not printable are escaped.  Pure; writes only into the buffers given.
 */
#include "core/session/env.h"

/* A JSON line with every field at its longest, and below what one write to a pipe keeps whole. */
enum { RECORD_JSON_MAX = 4096, RECORD_LINE_MAX = 2048 };

struct slice record_json(const struct record *, char out[RECORD_JSON_MAX]);
struct slice record_line(const struct record *, char out[RECORD_LINE_MAX]);

/* The lines of one recipient and rule that a minute left out; both empty for those of many pairs.
 * time_us: since the epoch. */
struct suppressed {
	int64_t time_us;
	struct slice recipient, rule;
	uint64_t lines;
};
struct slice suppressed_json(const struct suppressed *, char out[RECORD_JSON_MAX]);
struct slice suppressed_line(const struct suppressed *, char out[RECORD_LINE_MAX]);

/* "connect", "mail", "rcpt", "end": static strings. */
const char *stage_name(enum stage);

#endif
