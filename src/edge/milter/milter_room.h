#ifndef MILTER_ROOM_H
#define MILTER_ROOM_H
/*
 * milter_room: how many connections libmilter may have, so that each finds a thread.
 *
 * MILTER_TASKS_A_SESSION tasks for each (edge/milter/milter.h), of what the limits of the system
 * leave; they are looked at again while connections come, for what others use of them changes.
 *
 * libmilter does not say when it has closed a connection (its close callback comes for other
 * reasons, too).  So the inode of its socket is kept: when no room seems to be left, connections
 * whose descriptor is closed, or another file's, are forgotten.
 *
 * For the one thread that lets connections in.
 */
#include <stdbool.h>

void milter_room_start(void);

/* True when there is room for this connection, which is counted from now on. */
bool milter_room_enter(int fd);

#endif
