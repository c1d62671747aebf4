#ifndef EDGE_OS_UNIXSOCKET_H
#define EDGE_OS_UNIXSOCKET_H
/*
 * unixsocket: where the milter and the control socket listen on a path.
 *
 * A socket file outlives its process.  Before binding, one that nobody listens on is removed;
 * anything else that stands there (a file, a symbolic link, a living socket) is left alone and
 * said to be in the way, and so is a directory in which none can be made.
 */
#include "core/base/slice.h"

/* `spec` is libmilter's spelling; only unix:PATH, local:PATH and a bare PATH are looked at.
 * NULL, or the reason in why[size]. */
const char *unixsocket_prepare(const char *spec, char *why, size_t size);

/* Mode, owner and group ("" or NULL = leave) of a socket that is bound. */
const char *unixsocket_permit(
    const char *spec, unsigned mode, const char *user, const char *group, char *why, size_t size);

/* The path of a unix spec, or NULL. */
const char *unixsocket_path(const char *spec);

#endif
