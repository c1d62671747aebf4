#ifndef EDGE_AUTH_DKIM_LIBRARY_H
#define EDGE_AUTH_DKIM_LIBRARY_H
/*
 * dkim_library: core/auth/dkim_crypto.h by libopendkim and libcrypto.
 *
 *     struct dkim_crypto *crypto = dkim_library_create();        // once; any number of threads
 *     wrong = dkim_library_probe(crypto);
 *     struct dkim_verifier *v = dkim_verifier_create(crypto, &dns, &idn_uts46, arena, now);
 *     dkim_library_free(&crypto);                                // after the last verifier
 */
#include "core/auth/dkim_crypto.h"

/* NULL when out of memory. */
struct dkim_crypto *dkim_library_create(void);
/* Probes libopendkim (dkim_opendkim_probe()).  NULL, or what is wrong with it: DKIM then does
 * without.  Before anybody else uses this one. */
const char *dkim_library_probe(struct dkim_crypto *);

void dkim_library_free(struct dkim_crypto **);

#endif
