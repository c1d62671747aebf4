#ifndef EDGE_OS_UNIXSOCKET_H
#define EDGE_OS_UNIXSOCKET_H
/*
 * unixsocket: where the milter and the control socket listen on a path.
 *
 * A socket file outlives its process.  Before binding, one that nobody listens on is removed;
 * anything else at the path (a file, a symbolic link, a socket with a listener) is left alone and
 * reported, and so is a directory in which no socket can be created.
 *
 * Root does this in directories of others, at each start of a worker.  So no owner or mode is
 * changed by name: the file is opened without following links, must be a socket with one name, and
 * is changed through that descriptor.
 */
#include "core/base/slice.h"

#include <sys/types.h>

/* `spec` is libmilter's spelling; only unix:PATH, local:PATH and a bare PATH are looked at.
 * NULL, or the reason in why[size]. */
const char *unixsocket_prepare(const char *spec, char *why, size_t size);

/*
 * A socket that listens at `path` with this mode, which unixsocket_prepare() has cleared; never
 * with wider permissions in between.  -1 and the reason in why[size].
 */
int unixsocket_listen(const char *path, unsigned mode, char *why, size_t size);

/*
 * Listens again where the socket's file is gone: `fd` then is another socket, under the same
 * number, so that whoever accepts from it goes on without knowing.  True when it had to and could.
 * False with why[0] == 0 while the file is there; else the reason why it could not.
 */
bool unixsocket_restore(int fd, const char *path, unsigned mode, char *why, size_t size);

/* Mode, owner and group ("" or NULL = leave) of a socket that is bound. */
const char *unixsocket_permit(
    const char *spec, unsigned mode, const char *user, const char *group, char *why, size_t size);

/* Gives the file of a socket to this user and group. */
const char *unixsocket_give(const char *path, uid_t, gid_t, char *why, size_t size);

/* The path of a unix spec, or NULL. */
const char *unixsocket_path(const char *spec);

#endif
