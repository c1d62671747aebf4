#ifndef EDGE_MILTER_TLS_MEMORY_H
#define EDGE_MILTER_TLS_MEMORY_H
/*
 * tls_memory: which MTAs have given {tls_version} in some session.
 *
 * Postfix and Sendmail give it where a session has TLS, and neither gives anything where it has
 * none, just as an MTA that is told not to give it.  So its absence says something only of an MTA,
 * known by its name (macro j), that has given it before; after a start that takes its first session
 * with TLS.  The memory is fixed: of more MTAs than it holds nothing is remembered.
 *
 * One memory in a process; safe in any thread.
 */
#include "core/base/slice.h"

#include <stdbool.h>

/* Whether this MTA has given it; given: it does so now, which is remembered. */
bool tls_memory_gives(struct slice mta, bool given);

#endif
