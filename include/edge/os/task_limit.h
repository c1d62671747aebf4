#ifndef EDGE_OS_TASK_LIMIT_H
#define EDGE_OS_TASK_LIMIT_H
/*
 * task_limit: how many tasks (threads and processes) a process may have before the kernel refuses
 * to create one more.
 *
 * Each of these can be the lowest:
 *     pids.max          of its control group and of every group above it (cgroup v2, and the
 *                       pids controller of v1); systemd's TasksMax=, a container's --pids-limit
 *     RLIMIT_NPROC      `ulimit -u`, LimitNPROC=: all tasks of the user, whatever they run; does
 *                       not count for root and CAP_SYS_ADMIN or CAP_SYS_RESOURCE
 *     kernel.threads-max  of the machine
 *
 * What other processes use of a limit is not there for us, so `room` is the limit less their tasks.
 * It changes when they come and go: for control groups, which a container shares with an MTA,
 * task_limit_again() looks again at the cost of a few small reads.
 *
 * What cannot be read (a sandbox may hide it) is taken for no limit.
 */
#include <sys/types.h>

/* Groups are rarely nested deeper than 6; paths of containers are long. */
enum { TASK_LIMIT_LEVELS = 12, TASK_LIMIT_PATH = 384, TASK_LIMIT_WHAT = TASK_LIMIT_PATH + 40 };

struct task_limit {
	unsigned room;              /* tasks of this process in all; UINT_MAX: no limit */
	unsigned limit;             /* the number that decides, of … */
	char what[TASK_LIMIT_WHAT]; /* "RLIMIT_NPROC", "pids.max of /sys/fs/cgroup/…" */
	const char *setting;        /* what raises it: "TasksMax=" */
	/* Of task_limit_again(). */
	const char *root;
	pid_t pid;
	unsigned fixed_room; /* of the limits that are no group's */
	int levels;
	char group[TASK_LIMIT_LEVELS][TASK_LIMIT_PATH];
};

/* The limits of `pid`.  root: "" but in tests, which have a /proc and /sys/fs/cgroup of their own
 * below it; it must stay as long as *out is used. */
void task_limit_read(const char *root, pid_t pid, struct task_limit *out);

/* The room now, as far as groups decide it; the other limits stay as they were read. */
void task_limit_again(struct task_limit *);

#endif
