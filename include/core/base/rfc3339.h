#ifndef CORE_BASE_RFC3339_H
#define CORE_BASE_RFC3339_H
/*
 * rfc3339: points in time as text, UTC, to the second.
 *
 *     rfc3339_parse(SLICE("2026-11-28T12:00:00Z"), &t)        t = 1795867200
 *     rfc3339_parse(SLICE("2026-11-28t14:00:00+02:00"), &t)   the same
 *     rfc3339_parse(SLICE("2026-11-28"), &t)                  2026-11-29T00:00:00Z: its end
 *
 * Pure functions; time is an input everywhere in core.
 */
#include "core/base/slice.h"

enum { RFC3339_TEXT_MAX = 32 };

/*
 * Seconds since the epoch of an RFC 3339 date-time (fractions of a second are cut, a leap second
 * counts as the second after it) or of the first second after a full-date.  False when the text is
 * neither, or names a day that does not exist.
 */
bool rfc3339_parse(struct slice text, int64_t *seconds);

/* "2026-11-28T12:00:00Z", NUL-terminated; returns its length.  Years 0000 to 9999 only; what is
 * outside is shown as the nearest of these. */
size_t rfc3339_format(int64_t seconds, char out[RFC3339_TEXT_MAX]);

#endif
