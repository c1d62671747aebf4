#ifndef CORE_AUTH_DKIM_HEADER_H
#define CORE_AUTH_DKIM_HEADER_H
/*
 * dkim_header: header canonicalization: the octets of a header that one signature signs (RFC 6376
 * 3.4.1, 3.4.2, 3.7, 5.4.2).
 *
 *     dkim_field_parse(value_of(fields[2]), idna, now, arena, &f);
 *     dkim_header_canon(&f, fields, n, 2, arena, hash_update, hash);
 *
 * Each name in h= selects the last field of that name that is not selected yet; a name without one
 * selects nothing, and an empty name never does.  Behind the selected fields stands the signature's
 * own field with an empty b=; it is never selected itself.
 *
 * libopendkim does the same for nearly all mail (edge/auth/dkim_opendkim.h).  This is for the
 * signatures that it refuses or misreads although they are right: see dkim_field.plain.
 */
#include "core/auth/dkim_field.h"

/* Called with len > 0; the bytes are borrowed for the call. */
typedef void dkim_header_sink(void *self, const char *bytes, size_t len);

/*
 * fields: the header in the order of the message, each "Name: value" with CRLF inside folds and
 * none at the end.  own: which of them `field` was parsed from, in place.  False when out of
 * memory; what the sink was given then is not complete.
 */
bool dkim_header_canon(const struct dkim_field *field, const struct slice *fields, size_t n,
    size_t own, struct arena *, dkim_header_sink *, void *self);

#endif
