#include "edge/milter/milter.h"
#include "edge/os/task_limit.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define V2  "29 1 0:25 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
#define V1  "30 1 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
#define CPU "31 1 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
#define STATUS(uid, caps, threads)                                                                 \
	"Name:\tx\nUid:\t" uid "\t0\t0\t0\nThreads:\t" threads "\nCapEff:\t" caps "\n"
#define LIMITS(n)                                                                                  \
	"Limit  Soft Limit  Hard Limit  Units\nMax processes             " n " " n " processes\n"

/* A system in which process 7 has two threads, and what it may have; files are PATH, TEXT. */
static const struct {
	const char *label, *files[20];
	unsigned room, limit;
	const char *what, *setting;
} rows[] = {
    {"nothing is known", {0}, UINT_MAX, UINT_MAX, "", ""},
    {"v2",
	{"proc/7/mountinfo", CPU V2, "proc/7/cgroup", "0::/system.slice/s.service\n",
	    "sys/fs/cgroup/system.slice/s.service/pids.max", "100\n",
	    "sys/fs/cgroup/system.slice/s.service/pids.current", "12\n"},
	90, 100, "pids.max of ", "TasksMax="},
    {"a group above decides",
	{"proc/7/mountinfo", V2, "proc/7/cgroup", "0::/a/b/c\n", "sys/fs/cgroup/a/b/c/pids.max",
	    "max\n", "sys/fs/cgroup/a/pids.max", "60\n", "sys/fs/cgroup/a/pids.current", "40\n",
	    "sys/fs/cgroup/a/b/pids.max", "50\n", "sys/fs/cgroup/a/b/pids.current", "2\n"},
	22, 60, "pids.max of ", "TasksMax="},
    {"v1, and v2 without the controller",
	{"proc/7/mountinfo", CPU V1 V2, "proc/7/cgroup", "8:pids:/x\n2:cpu,cpuacct:/y\n0::/z\n",
	    "sys/fs/cgroup/pids/x/pids.max", "30\n", "sys/fs/cgroup/pids/x/pids.current", "2\n",
	    "sys/fs/cgroup/pids/y/pids.max", "3\n"},
	30, 30, "pids.max of ", "TasksMax="},
    {"a container sees its own group as the top",
	{"proc/7/mountinfo", "29 1 0:25 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup ro\n",
	    "proc/7/cgroup", "0::/docker/abc/d\n", "sys/fs/cgroup/pids.max", "512\n",
	    "sys/fs/cgroup/pids.current", "112\n", "sys/fs/cgroup/d/pids.max", "max\n"},
	402, 512, "pids.max of ", "TasksMax="},
    {"a group outside of what is mounted",
	{"proc/7/mountinfo", V2, "proc/7/cgroup", "0::/../../other\n", "sys/fs/cgroup/pids.max",
	    "64\n", "sys/fs/cgroup/pids.current", "64\n"},
	2, 64, "pids.max of ", "TasksMax="},
    {"less than there is",
	{"proc/7/mountinfo", V2, "proc/7/cgroup", "0::/\n", "sys/fs/cgroup/pids.max", "10\n",
	    "sys/fs/cgroup/pids.current", "64\n"},
	0, 10, "pids.max of ", "TasksMax="},
    {"all tasks of the user",
	{"proc/7/limits", LIMITS("200"), "proc/7/status", STATUS("105", "0", "2"), "proc/8/status",
	    STATUS("105", "0", "30"), "proc/9/status", STATUS("0", "0", "500")},
	170, 200, "RLIMIT_NPROC", "LimitNPROC="},
    {"not of root",
	{"proc/7/limits", LIMITS("200"), "proc/7/status", STATUS("0", "1ffffffffff", "2")},
	UINT_MAX, UINT_MAX, "", ""},
    {"not with CAP_SYS_RESOURCE",
	{"proc/7/limits", LIMITS("200"), "proc/7/status", STATUS("105", "1000000", "2")}, UINT_MAX,
	UINT_MAX, "", ""},
    {"no limit for the user",
	{"proc/7/limits", LIMITS("unlimited"), "proc/7/status", STATUS("105", "0", "2")}, UINT_MAX,
	UINT_MAX, "", ""},
    {"the machine", {"proc/sys/kernel/threads-max", "1000\n", "proc/loadavg", "0 0 0 3/402 77\n"},
	600, 1000, "kernel.threads-max", "kernel.threads-max"},
    {"the lowest of all",
	{"proc/7/mountinfo", V2, "proc/7/cgroup", "0::/a\n", "sys/fs/cgroup/a/pids.max", "400\n",
	    "sys/fs/cgroup/a/pids.current", "2\n", "proc/7/limits", LIMITS("300"), "proc/7/status",
	    STATUS("105", "0", "2"), "proc/sys/kernel/threads-max", "1000\n", "proc/loadavg",
	    "0 0 0 3/402 77\n"},
	300, 300, "RLIMIT_NPROC", "LimitNPROC="},
};

static const char *make_system(const char *const *files)
{
	static char root[300];

	scratch_write("proc/7/task/1/x", SLICE(""));
	scratch_write("proc/7/task/2/x", SLICE(""));
	for (; files[0]; files += 2)
		scratch_write(files[0], slice_str(files[1]));
	snprintf(root, sizeof root, "%s", scratch_path("proc"));
	*strrchr(root, '/') = '\0';
	return root;
}

START_TEST(test_read)
{
	const char *root = make_system(rows[_i].files);
	struct task_limit t;

	task_limit_read(root, 7, &t);
	ck_assert_msg(t.room == rows[_i].room && t.limit == rows[_i].limit,
	    "%s: %u of %u, not %u of %u", rows[_i].label, t.room, t.limit, rows[_i].room,
	    rows[_i].limit);
	ck_assert_msg(strncmp(t.what, rows[_i].what, strlen(rows[_i].what)) == 0 &&
			  (rows[_i].what[0] || !t.what[0]),
	    "%s: %s", rows[_i].label, t.what);
	ck_assert_str_eq(t.setting, rows[_i].setting);
	task_limit_again(&t);
	ck_assert_uint_eq(t.room, rows[_i].room);
}
END_TEST

/* Neighbours come, and an administrator raises the limit. */
START_TEST(test_again)
{
	const char *const files[] = {"proc/7/mountinfo", V2, "proc/7/cgroup", "0::/a/b\n",
	    "sys/fs/cgroup/a/pids.max", "max\n", "sys/fs/cgroup/a/b/pids.max", "50\n",
	    "sys/fs/cgroup/a/b/pids.current", "2\n", NULL};
	struct task_limit t;

	task_limit_read(make_system(files), 7, &t);
	ck_assert_uint_eq(t.room, 50);
	scratch_write("sys/fs/cgroup/a/b/pids.current", SLICE("32\n"));
	task_limit_again(&t);
	ck_assert_uint_eq(t.room, 20);
	scratch_write("sys/fs/cgroup/a/b/pids.max", SLICE("200\n"));
	task_limit_again(&t);
	ck_assert_uint_eq(t.room, 170);
	scratch_write("sys/fs/cgroup/a/pids.max", SLICE("100\n"));
	scratch_write("sys/fs/cgroup/a/pids.current", SLICE("42\n"));
	task_limit_again(&t);
	ck_assert_uint_eq(t.room, 60);
}
END_TEST

START_TEST(test_sessions)
{
	ck_assert_uint_eq(milter_room(UINT_MAX), UINT_MAX);
	ck_assert_uint_eq(milter_room(0), 1);
	for (unsigned sessions = 1; sessions < 100000; sessions = sessions * 3 + 1) {
		ck_assert_uint_eq(milter_room(milter_tasks(sessions)), sessions);
		ck_assert_uint_le(
		    milter_room(milter_tasks(sessions) - 1), sessions > 1 ? sessions - 1 : 1);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("task_limit");
	TCase *c = tcase_create("task_limit");

	tcase_add_loop_test(c, test_read, 0, (int)ROWS(rows));
	tcase_add_test(c, test_again);
	tcase_add_test(c, test_sessions);
	suite_add_tcase(s, c);
	return s;
}
