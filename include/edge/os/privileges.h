#ifndef EDGE_OS_PRIVILEGES_H
#define EDGE_OS_PRIVILEGES_H
/*
 * privileges: from root to the user of the configuration, once the sockets are open.
 */
#include <stddef.h>

enum { PRIVILEGES_WHY_MAX = 200 };

/*
 * Becomes `user` with its groups and no way back; "" or one's own name changes nothing.  NULL, or
 * the reason in why[size].  Not root and another user named: that is an error.
 */
const char *privileges_drop(const char *user, char *why, size_t size);

#endif
