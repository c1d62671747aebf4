#ifndef TESTS_FAKE_NETNS_H
#define TESTS_FAKE_NETNS_H
/*
 * netns: a network of this process's own, for what listens on a fixed port or must not be loopback.
 *
 *     if (!netns_enter("192.0.2.53"))
 *             return;                      // it has said why
 *     server = dnsserver_start_at(zone, "192.0.2.53", 53);
 *
 * In it there is loopback, with that address of IPv4 besides its own, and no way out.  Works for
 * root and, where the kernel lets users have namespaces, for a process with a single thread.
 */
#include <stdbool.h>

/* False, with a line on stderr, where the kernel does not allow it. */
bool netns_enter(const char *address);

#endif
