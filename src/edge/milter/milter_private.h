#ifndef MILTER_PRIVATE_H
#define MILTER_PRIVATE_H
/* What milter.c, the socket and its life, needs of milter_connection.c, which answers on it. */
#include "edge/milter/milter.h"

#include <libmilter/mfapi.h>

/* What a client is told that libmilter has no thread for, recorded like any other session too many.
 */
void milter_refuse(const struct ip *client, struct reply *out);

/* What libmilter is to call; once, before it runs. */
struct smfiDesc milter_callbacks(const struct milter_settings *);

#endif
