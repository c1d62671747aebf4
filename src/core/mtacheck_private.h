#ifndef CORE_MTACHECK_PRIVATE_H
#define CORE_MTACHECK_PRIVATE_H
/* What the checks of both MTAs share. */
#include "core/mtacheck.h"

/* A verdict may wait 20 seconds for DNS (SPEC 8); the MTA must be a little more patient. */
enum { PATIENCE_SECONDS = 25 };

/* printf into the arena, as a string. */
const char *mtacheck_print(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "30s", "5m", "1h", or seconds; -1 when it is none of these. */
long mtacheck_seconds(struct slice);

#endif
