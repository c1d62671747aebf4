#ifndef MILTER_DOOR_H
#define MILTER_DOOR_H
/*
 * milter_door: which connections libmilter gets to see, and when.
 *
 * libmilter starts a thread for each connection that is ready while no thread of its pool is idle.
 * Where none can be created (pids.max, ulimit -u) it forgets the connection: it stays open and is
 * never answered.  And a thread that reads the first half of a packet waits for the other half for
 * two hours.  So a connection waits at the door until its first packet is whole, and goes in only
 * while there is room for its threads:
 *
 *     MTA ── connect ──▶ door ── first packet whole, room ──────▶ libmilter
 *                         │ ├─── first packet whole, no room ──▶ 421 4.3.2 (milter_refusal.h)
 *                         │ └─── no whole packet in MILTER_FIRST_PACKET_SECONDS: closed
 *                         └──── nothing of this takes a thread
 *
 * Room is milter_room.h's.
 *
 * How: libmilter has no hook between accept(2) and its pool, and takes no descriptor.  It polls a
 * listening descriptor and calls accept(), which this file defines, as ELF has a program's function
 * found before the C library's.  The listening descriptor becomes an epoll instance of the real
 * listener and all who wait; accept(), called by the thread that runs smfi_main(), takes one step
 * and returns a connection that may go in, or fails with EAGAIN.  All else that calls accept() gets
 * the C library's.
 *
 * One door in a process, like libmilter.  Functions are for the thread that opens the milter, but
 * where it is said.
 */
#include "edge/milter/milter.h"

/* A negotiation comes at once; a busy machine takes a while to write it. */
enum { MILTER_FIRST_PACKET_SECONDS = 30 };

/* Takes the place of libmilter's listening socket: the one that is not in `before`, which
 * milter_door_listeners() made before libmilter opened it.  False when it cannot. */
struct listeners;
struct listeners *milter_door_listeners(void);
bool milter_door_open(struct listeners *before);

/* The thread that calls this is the one whose accept() is the door's. */
void milter_door_serve(void);

/* The real listener; -1 before it is open.  From any thread. */
int milter_door_listener(void);

/* To be called after another socket was put in its place, under the same number.  From any thread.
 */
void milter_door_listen_again(void);

/* A connection of our own, which goes in whatever room there is.  The descriptor is libmilter's
 * from now on; false when it cannot be taken.  From any thread. */
bool milter_door_bring(int fd);

#endif
