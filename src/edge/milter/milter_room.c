#include "milter_room.h"

#include "edge/log/log.h"
#include "edge/milter/milter.h"
#include "edge/os/monotonic.h"
#include "edge/os/task_limit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The limits are looked at ten times a second at most, and so is who has left. */
#define LOOK_NS (MONOTONIC_SECOND / 10)

/* A flood of sessions is told once a minute. */
#define TELL_NS (60 * MONOTONIC_SECOND)

enum { NOTED_MIN = 64 };

/* A connection that libmilter has: the number of its descriptor may be somebody else's by now, the
 * inode of its socket is not. */
struct inside {
	int fd;
	ino_t inode;
};

static struct inside *inside; /* in no order, connections that are closed among them */
static unsigned noted, noted_max;
static struct task_limit granted;
static unsigned room; /* connections that libmilter may have */
static int64_t looked_ns, swept_ns, told_ns;

/* ---- who is inside ---------------------------------------------------------------------- */

/* Forgets the connections that libmilter has closed. */
static void forget_closed(void)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < noted; i++) {
		struct stat st;
		if (fstat(inside[i].fd, &st) == 0 && st.st_ino == inside[i].inode)
			inside[kept++] = inside[i];
	}
	/* Where somebody had left, others may leave at once. */
	if (kept == noted)
		swept_ns = monotonic_now();
	noted = kept;
}

/* Makes place for one more; who has left is forgotten first, which costs little beside so many
 * connections. */
static bool grow(void)
{
	unsigned more = noted_max ? 2 * noted_max : NOTED_MIN;
	struct inside *larger;

	forget_closed();
	if (noted < noted_max / 2)
		return true;
	larger = realloc(inside, more * sizeof *larger);
	if (!larger)
		return noted < noted_max;
	inside = larger;
	noted_max = more;
	return true;
}

static bool note(int fd)
{
	struct stat st;

	if ((noted == noted_max && !grow()) || fstat(fd, &st) != 0)
		return false;
	inside[noted++] = (struct inside){fd, st.st_ino};
	return true;
}

/* ---- how many -------------------------------------------------------------------------- */

unsigned milter_room(unsigned tasks)
{
	if (tasks == UINT_MAX)
		return UINT_MAX;
	if (tasks < MILTER_TASKS_BESIDES + MILTER_TASKS_A_SESSION)
		return 1;
	return (tasks - MILTER_TASKS_BESIDES) / MILTER_TASKS_A_SESSION;
}

unsigned milter_tasks(unsigned sessions)
{
	return sessions * MILTER_TASKS_A_SESSION + MILTER_TASKS_BESIDES;
}

const char *milter_lacks_tasks(unsigned sessions, char why[MILTER_WHY_MAX])
{
	struct task_limit t;
	unsigned enough_for;

	task_limit_read("", getpid(), &t);
	enough_for = milter_room(t.room);
	if (enough_for >= sessions)
		return NULL;
	snprintf(why, MILTER_WHY_MAX,
	    "milter.max_sessions is %u, and there are threads for %u sessions: others are answered "
	    "421; raise %s from %u to %u (%s), or lower max_sessions",
	    sessions, enough_for, t.what, t.limit, t.limit + milter_tasks(sessions) - t.room,
	    t.setting);
	return why;
}

/* ---- whether there is room ---------------------------------------------------------------- */

static void look_at_limits(int64_t now)
{
	if (now - looked_ns < LOOK_NS)
		return;
	looked_ns = now;
	task_limit_again(&granted);
	room = milter_room(granted.room);
}

static void tell_full(int64_t now)
{
	if (told_ns && now - told_ns < TELL_NS)
		return;
	told_ns = now;
	log_warning(
	    "no threads for more than %u sessions: further ones are answered 421 (%s is %u: "
	    "raise it, %s)",
	    room, granted.what, granted.limit, granted.setting);
}

void milter_room_start(void)
{
	task_limit_read("", getpid(), &granted);
	room = milter_room(granted.room);
}

bool milter_room_enter(int fd)
{
	int64_t now = monotonic_now();

	look_at_limits(now);
	if (noted >= room && now - swept_ns >= LOOK_NS)
		forget_closed();
	if (noted < room)
		return note(fd);
	tell_full(now);
	return false;
}
