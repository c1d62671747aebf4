#ifndef EDGE_AUTH_DKIM_OPENDKIM_H
#define EDGE_AUTH_DKIM_OPENDKIM_H
/*
 * dkim_opendkim: the header hashes of DKIM signatures, by libopendkim.
 *
 *     struct dkim_opendkim *lib = dkim_opendkim_create();          // once; any number of threads
 *     struct dkim_header_hash want[2] = {{.field = 0}, {.field = 3}};
 *     if (!dkim_opendkim_hash(lib, fields, n, want, 2))
 *             ...                                                // out of memory
 *     if (want[0].done) ... want[0].digest ...                   // else it refused the field
 *
 * libopendkim selects the signed fields, canonicalises and hashes them; nothing else of it is used.
 * Its key look-up decodes hostile keys before their size is known, its verification takes
 * OpenSSL's decoder lock, and its body hash runs at 60 MB/s once for each variant.
 *
 * What it must be kept from, each found in 2.11.0~beta2-8+deb12u1:
 *  - writing a NULL behind an array of the header fields when h= names all of them and one more
 *    (dkim_canon_selecthdrs): a field that no h= can name is always there;
 *  - using freed memory after an allocation fails: it allocates in a region that is left by
 *    longjmp and dropped whole;
 *  - reading what it was not meant to read: fields that are not dkim_field.plain, which
 *    core/auth/dkim_header.h canonicalises, and "Name :", which it takes for "Name:".
 */
#include "core/auth/dkim_crypto.h"

struct dkim_opendkim;

/* NULL when out of memory. */
struct dkim_opendkim *dkim_opendkim_create(void);
void dkim_opendkim_free(struct dkim_opendkim **);

/*
 * Whether this build of the library does what the above relies on: a message of two signatures is
 * hashed as it should be, allocates and frees the same through the hooks, and takes nothing beside
 * them.  NULL, or what it does instead ("does not free …"): from then on it is not used, every
 * hash stays undone, and core/auth/dkim_header.h makes it.  Nobody else uses this one meanwhile;
 * threads that allocate much may make it distrust a sound library, which changes no result.
 */
const char *dkim_opendkim_probe(struct dkim_opendkim *);

/* As dkim_crypto.hash_headers. */
bool dkim_opendkim_hash(struct dkim_opendkim *, const struct slice *fields, size_t n,
    struct dkim_header_hash *want, size_t wanted);

#endif
