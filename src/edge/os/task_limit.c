#include "edge/os/task_limit.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest line of mountinfo that is understood. */
enum { LINE_MAX_BYTES = 4096 };

/* Capabilities (linux/capability.h) with which RLIMIT_NPROC does not count. */
enum { SYS_ADMIN_BIT = 21, SYS_RESOURCE_BIT = 24 };

/* ---- small files of the kernel --------------------------------------------------------- */

static FILE *open_file(const char *root, const char *path)
{
	char whole[LINE_MAX_BYTES];
	int n = snprintf(whole, sizeof whole, "%s%s", root, path);

	return n > 0 && (size_t)n < sizeof whole ? fopen(whole, "re") : NULL;
}

static FILE *open_of_process(const char *root, pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	return open_file(root, path);
}

/* The number in a file of one line; UINT_MAX for "max", and where there is none. */
static unsigned number_in(const char *directory, const char *name)
{
	char path[TASK_LIMIT_PATH + 16];
	unsigned value = UINT_MAX;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	f = fopen(path, "re");
	if (!f)
		return UINT_MAX;
	if (fscanf(f, "%u", &value) != 1)
		value = UINT_MAX;
	fclose(f);
	return value;
}

static unsigned threads_of(const char *root, pid_t pid)
{
	char path[TASK_LIMIT_PATH];
	const struct dirent *entry;
	unsigned threads = 0;
	DIR *all;

	snprintf(path, sizeof path, "%s/proc/%ld/task", root, (long)pid);
	all = opendir(path);
	while (all && (entry = readdir(all)))
		threads += entry->d_name[0] != '.';
	if (all)
		closedir(all);
	return threads;
}

/* Lowers the room to what `limit` leaves beside the tasks of others. */
static void lower(struct task_limit *t, unsigned limit, unsigned others, const char *what,
    const char *group, const char *setting)
{
	unsigned room = limit > others ? limit - others : 0;

	if (limit == UINT_MAX || room >= t->room)
		return;
	t->room = room;
	t->limit = limit;
	t->setting = setting;
	snprintf(t->what, sizeof t->what, "%s%s", what, group);
}

/* ---- control groups -------------------------------------------------------------------- */

/* One line of mountinfo (proc_pid_mountinfo(5)), as far as it is looked at. */
struct mount {
	char root[TASK_LIMIT_PATH], point[TASK_LIMIT_PATH], type[32], options[512];
};

static bool read_mount(const char *line, struct mount *m)
{
	const char *rest = strstr(line, " - ");

	return rest && sscanf(line, "%*s %*s %*s %383s %383s", m->root, m->point) == 2 &&
	       sscanf(rest, " - %31s %*s %511s", m->type, m->options) == 2;
}

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ',') && (p[len] == ',' || p[len] == '\0'))
			return true;
	return false;
}

/* The path of the process in one hierarchy: `controller` is "" for v2.  False: not in it. */
static bool group_of(
    const char *root, pid_t pid, const char *controller, char path[static LINE_MAX_BYTES])
{
	char line[LINE_MAX_BYTES];
	FILE *f = open_of_process(root, pid, "cgroup");
	bool found = false;

	while (f && !found && fgets(line, sizeof line, f)) {
		char *list = strchr(line, ':'), *name = list ? strchr(list + 1, ':') : NULL;
		if (!name)
			continue;
		*name++ = '\0';
		name[strcspn(name, "\n")] = '\0';
		found = controller[0] ? has_word(list + 1, controller) : list[1] == '\0';
		if (found)
			snprintf(path, LINE_MAX_BYTES, "%s", name);
	}
	if (f)
		fclose(f);
	return found;
}

/* Of the group at `path`, below the mount, and of all above it. */
static void add_levels(
    struct task_limit *t, const char *root, const struct mount *m, const char *path)
{
	size_t cut = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
	char directory[2 * LINE_MAX_BYTES];
	size_t top;

	/* Outside of what is mounted, as seen from another namespace: only the top can be read. */
	if (strncmp(path, m->root, cut) != 0 || strstr(path, "/.."))
		path = "";
	else
		path += cut;
	top = (size_t)snprintf(directory, sizeof directory, "%s%s", root, m->point);
	snprintf(directory + top, sizeof directory - top, "%s", path);
	for (;;) {
		size_t len = strlen(directory);
		while (len > top && directory[len - 1] == '/')
			directory[--len] = '\0';
		if (len < TASK_LIMIT_PATH && t->levels < TASK_LIMIT_LEVELS)
			memcpy(t->group[t->levels++], directory, len + 1);
		if (len <= top)
			return;
		*strrchr(directory, '/') = '\0';
	}
}

static void find_groups(struct task_limit *t, const char *root)
{
	char line[LINE_MAX_BYTES], path[LINE_MAX_BYTES];
	FILE *f = open_of_process(root, t->pid, "mountinfo");
	struct mount m;

	while (f && fgets(line, sizeof line, f)) {
		bool v2;
		if (!read_mount(line, &m))
			continue;
		v2 = strcmp(m.type, "cgroup2") == 0;
		if (!v2 && !(strcmp(m.type, "cgroup") == 0 && has_word(m.options, "pids")))
			continue;
		if (group_of(root, t->pid, v2 ? "" : "pids", path))
			add_levels(t, root, &m, path);
	}
	if (f)
		fclose(f);
}

static void lower_to_groups(struct task_limit *t, unsigned ours)
{
	for (int i = 0; i < t->levels; i++) {
		unsigned limit = number_in(t->group[i], "pids.max");
		unsigned used;
		if (limit == UINT_MAX)
			continue;
		used = number_in(t->group[i], "pids.current");
		lower(t, limit, used != UINT_MAX && used > ours ? used - ours : 0, "pids.max of ",
		    t->group[i], "TasksMax=");
	}
}

/* ---- the user and the machine ------------------------------------------------------------ */

/* Of /proc/PID/status what counts here. */
struct status {
	unsigned uid, threads;
	unsigned long long capabilities;
};

static bool read_status(const char *root, pid_t pid, struct status *s)
{
	char line[256];
	FILE *f = open_of_process(root, pid, "status");
	int found = 0;

	*s = (struct status){.uid = 0};
	while (f && fgets(line, sizeof line, f))
		found += sscanf(line, "Uid: %u", &s->uid) == 1 ||
			 sscanf(line, "Threads: %u", &s->threads) == 1 ||
			 sscanf(line, "CapEff: %llx", &s->capabilities) == 1;
	if (f)
		fclose(f);
	return found >= 2; /* CapEff is not needed of others */
}

static unsigned tasks_of_user(const char *root, unsigned uid)
{
	char path[TASK_LIMIT_PATH];
	const struct dirent *entry;
	unsigned tasks = 0;
	struct status s;
	DIR *processes;

	snprintf(path, sizeof path, "%s/proc", root);
	processes = opendir(path);
	while (processes && (entry = readdir(processes))) {
		long pid = strtol(entry->d_name, NULL, 10);
		if (pid > 0 && read_status(root, (pid_t)pid, &s) && s.uid == uid)
			tasks += s.threads;
	}
	if (processes)
		closedir(processes);
	return tasks;
}

static void lower_to_user(struct task_limit *t, const char *root, unsigned ours)
{
	const unsigned long long exempt = 1ULL << SYS_ADMIN_BIT | 1ULL << SYS_RESOURCE_BIT;
	FILE *f = open_of_process(root, t->pid, "limits");
	unsigned limit = UINT_MAX, used;
	char line[256];
	struct status s;

	while (f && limit == UINT_MAX && fgets(line, sizeof line, f))
		if (sscanf(line, "Max processes %u", &limit) != 1)
			limit = UINT_MAX;
	if (f)
		fclose(f);
	if (limit == UINT_MAX || !read_status(root, t->pid, &s) || s.uid == 0 ||
	    (s.capabilities & exempt) != 0)
		return;
	used = tasks_of_user(root, s.uid);
	lower(
	    t, limit, used > ours ? used - ours : 0, "RLIMIT_NPROC (ulimit -u)", "", "LimitNPROC=");
}

static void lower_to_machine(struct task_limit *t, const char *root, unsigned ours)
{
	unsigned limit = UINT_MAX, used = 0;
	FILE *f = open_file(root, "/proc/sys/kernel/threads-max");

	if (f && fscanf(f, "%u", &limit) != 1)
		limit = UINT_MAX;
	if (f)
		fclose(f);
	f = open_file(root, "/proc/loadavg");
	if (f && fscanf(f, "%*s %*s %*s %*u/%u", &used) != 1)
		used = 0;
	if (f)
		fclose(f);
	lower(t, limit, used > ours ? used - ours : 0, "kernel.threads-max", "",
	    "kernel.threads-max");
}

/* ---- public ------------------------------------------------------------------------------ */

void task_limit_read(const char *root, pid_t pid, struct task_limit *out)
{
	unsigned ours = threads_of(root, pid);

	*out = (struct task_limit){
	    .room = UINT_MAX, .limit = UINT_MAX, .setting = "", .root = root, .pid = pid};
	lower_to_user(out, root, ours);
	lower_to_machine(out, root, ours);
	out->fixed_room = out->room;
	find_groups(out, root);
	lower_to_groups(out, ours);
}

void task_limit_again(struct task_limit *t)
{
	t->room = t->fixed_room;
	lower_to_groups(t, threads_of(t->root, t->pid));
}
