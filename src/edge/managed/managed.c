#include "edge/managed/managed.h"

#include "edge/os/textfile.h"
#include "edge/os/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- lines --------------------------------------------------------------------------- */

void managed_each(const struct managed_edit *e,
    void (*each)(void *context, const struct managed_line *), void *context)
{
	struct slice rest = e->fresh;
	struct managed_line line;

	while (rest.len > 0)
		if (managed_parse_line(slice_line(&rest), &line))
			each(context, &line);
}

/* True when both are the same network or name, however they are spelled. */
static bool same_entry(struct arena *arena, const struct entry *a, struct slice text)
{
	char why[ENTRY_WHY_MAX];
	struct entry b;

	if (managed_parse_entry(text, arena, &b, why) || a->kind != b.kind)
		return false;
	if (a->kind != ENTRY_NETWORK)
		return slice_equal(a->name, b.name);
	if (a->is_range != b.is_range)
		return false;
	return a->is_range ? ip_equal(&a->first, &b.first) && ip_equal(&a->last, &b.last)
			   : prefix_equal(&a->prefix, &b.prefix);
}

/* ---- edits --------------------------------------------------------------------------- */

/* Text under construction in the arena: never longer than the old one and a line more. */
struct text {
	char *at;
	size_t len;
};

static void put(struct text *t, struct slice s)
{
	if (t->at && s.len > 0)
		memcpy(t->at + t->len, s.ptr, s.len);
	t->len += t->at ? s.len : 0;
}

/* The lines that an edit is about. */
struct wanted {
	struct slice text;
	struct entry entry;
	bool valid;
	const struct managed_line *line; /* NULL: whatever sender and recipient they have */
};

static struct wanted wanted_lines(
    struct arena *arena, struct slice text, const struct managed_line *line)
{
	struct wanted w = {.text = text, .line = line};
	char why[ENTRY_WHY_MAX];

	w.valid = !managed_parse_entry(text, arena, &w.entry, why);
	return w;
}

static bool is_wanted(struct arena *arena, const struct wanted *w, const struct managed_line *l)
{
	if (w->line && (!slice_equal_nocase(w->line->sender, l->sender) ||
			   !slice_equal_nocase(w->line->recipient, l->recipient)))
		return false;
	return w->valid ? same_entry(arena, &w->entry, l->entry) : slice_equal(w->text, l->entry);
}

bool managed_find(
    const struct managed_edit *e, const struct managed_line *wanted, struct managed_line *found)
{
	struct wanted w = wanted_lines(e->arena, wanted->entry, wanted);
	struct slice rest = e->fresh;

	while (rest.len > 0)
		if (managed_parse_line(slice_line(&rest), found) && is_wanted(e->arena, &w, found))
			return true;
	return false;
}

/* Rewrites e->fresh: `line` (or nothing) replaces the matching ones, and expired lines are dropped.
 * True when there was one. */
static bool rewrite(struct managed_edit *e, const struct wanted *w, struct slice line, int64_t now)
{
	struct text t = {.at = arena_alloc(e->arena, e->fresh.len + line.len + 2)};
	struct slice rest = e->fresh;
	bool found = false;

	while (rest.len > 0) {
		struct slice old = slice_line(&rest);
		struct managed_line l;
		bool is_entry = managed_parse_line(old, &l);

		if (is_entry && is_wanted(e->arena, w, &l)) {
			put(&t, found ? slice_of(NULL, 0) : line);
			found = true;
		} else if (!is_entry || l.expires == 0 || l.expires > now) {
			put(&t, old);
			put(&t, SLICE("\n"));
		}
	}
	if (!found)
		put(&t, line);
	e->fresh = slice_of(t.at, t.len);
	return found;
}

void managed_add(
    struct managed_edit *e, const struct managed_line *line, int64_t now, bool *replaced)
{
	struct wanted w = wanted_lines(e->arena, line->entry, line);

	*replaced = rewrite(e, &w, managed_write_line(e->arena, line), now);
}

bool managed_remove(struct managed_edit *e, struct slice entry, int64_t now)
{
	struct wanted w = wanted_lines(e->arena, entry, NULL);

	return rewrite(e, &w, slice_of(NULL, 0), now);
}

/* ---- the file ------------------------------------------------------------------------ */

static bool fail(char why[MANAGED_WHY_MAX], const char *path, const char *what)
{
	snprintf(why, MANAGED_WHY_MAX, "%.256s: %s: %s", path, what, strerror(errno));
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool managed_read(
    struct managed_edit *e, const char *path, struct arena *arena, char why[MANAGED_WHY_MAX])
{
	char problem[TEXTFILE_WHY_MAX];
	struct slice text;

	*e = (struct managed_edit){.path = path, .arena = arena, .directory = -1, .lock = -1};
	switch (textfile_read(path, &text, problem)) {
	case TEXTFILE_OK:
		e->text = e->fresh = arena_copy(arena, text);
		textfile_free(&text);
		break;
	case TEXTFILE_MISSING:
		break;
	case TEXTFILE_BROKEN:
	case TEXTFILE_FOREIGN:
		snprintf(why, MANAGED_WHY_MAX, "%s: %s", path, problem);
		return false;
	}
	if (arena_failed(arena))
		snprintf(why, MANAGED_WHY_MAX, "%.256s: out of memory", path);
	return !arena_failed(arena);
}

/* The lock file, which only its owner can open; -1 and the reason. */
static int open_lock(int directory, const char *path, char why[MANAGED_WHY_MAX])
{
	char name[NAME_MAX + 1];
	struct stat st;
	int fd;

	snprintf(name, sizeof name, ".%s.lock", base_name(path));
	fd = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(why, MANAGED_WHY_MAX,
		    "%.200s: cannot be changed: the user that susmilter runs as must be able to "
		    "write to its directory and to %.150s in it: %s",
		    path, name, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == geteuid() || st.st_uid == 0) &&
	    ((st.st_mode & 077) == 0 || fchmod(fd, 0600) == 0))
		return fd;
	snprintf(why, MANAGED_WHY_MAX, "%.200s: %.150s beside it is not our lock file: remove it",
	    path, name);
	close(fd);
	return -1;
}

static bool wait_for_lock(
    int fd, const char *path, bool (*gone)(void *), void *context, char why[MANAGED_WHY_MAX])
{
	enum { STEP_MS = 20 };

	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(why, path, "cannot be locked");
		if (gone(context) || waited >= MANAGED_LOCK_SECONDS * 1000) {
			snprintf(why, MANAGED_WHY_MAX,
			    "%.256s: another change of this list did not end within %d seconds: "
			    "try again",
			    path, (int)MANAGED_LOCK_SECONDS);
			return false;
		}
		poll(NULL, 0, STEP_MS);
	}
	return true;
}

bool managed_begin(struct managed_edit *e, const char *path, struct arena *arena,
    bool (*gone)(void *context), void *context, char why[MANAGED_WHY_MAX])
{
	char folder[PATH_MAX];
	int directory, lock;

	*e = (struct managed_edit){.directory = -1, .lock = -1};
	snprintf(folder, sizeof folder, "%.*s", (int)(base_name(path) - path), path);
	directory = open(folder[0] ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return fail(why, folder, "the directory cannot be opened");
	lock = open_lock(directory, path, why);
	if (lock >= 0 && wait_for_lock(lock, path, gone, context, why) &&
	    managed_read(e, path, arena, why)) {
		e->directory = directory;
		e->lock = lock;
		return true;
	}
	close(directory);
	if (lock >= 0)
		close(lock);
	return false;
}

void managed_end(struct managed_edit *e)
{
	if (e->lock >= 0)
		close(e->lock);
	if (e->directory >= 0)
		close(e->directory);
	e->lock = e->directory = -1;
}

/* The text in a new file beside the old one, durable, with its owner and mode. */
static bool write_beside(
    struct managed_edit *e, struct slice text, const char *name, char why[MANAGED_WHY_MAX])
{
	int fd =
	    openat(e->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	struct stat old;
	bool ok;

	if (fd < 0)
		return fail(why, e->path,
		    "cannot be changed: the user that susmilter runs as must be able to write to "
		    "its directory");
	if (fstatat(e->directory, base_name(e->path), &old, 0) == 0 &&
	    (fchown(fd, old.st_uid, old.st_gid) != 0 || fchmod(fd, old.st_mode & 0777) != 0))
		fchmod(fd, 0644); /* somebody else's file becomes ours: at least it can be read */
	ok = write_all(fd, text) && fsync(fd) == 0;
	if (close(fd) != 0 || !ok) {
		fail(why, e->path, "the new lines cannot be written");
		unlinkat(e->directory, name, 0);
		return false;
	}
	return true;
}

static bool put_in_place(struct managed_edit *e, const char *name, char why[MANAGED_WHY_MAX])
{
	if (renameat(e->directory, name, e->directory, base_name(e->path)) != 0) {
		fail(why, e->path, "the new lines cannot be put into place");
		unlinkat(e->directory, name, 0);
		return false;
	}
	fsync(e->directory); /* some file systems cannot; then it is as durable as they get */
	return true;
}

/* Only one edit at a time: one name is enough, and what a crash left is written over. */
static const char *name_beside(const struct managed_edit *e, char out[NAME_MAX + 1])
{
	snprintf(out, NAME_MAX + 1, ".%s.new", base_name(e->path));
	return out;
}

bool managed_commit(struct managed_edit *e, managed_try_fn *try, char why[MANAGED_WHY_MAX])
{
	char buffer[NAME_MAX + 1], path[NAME_MAX + 64];
	const char *name = name_beside(e, buffer);

	if (arena_failed(e->arena)) {
		snprintf(why, MANAGED_WHY_MAX, "out of memory");
		return false;
	}
	if (!write_beside(e, e->fresh, name, why))
		return false;
	snprintf(path, sizeof path, "/proc/self/fd/%d/%s", e->directory, name);
	why[0] = '\0';
	if (try && !try(path, why)) {
		if (!why[0])
			fail(why, e->path, "cannot be checked");
		unlinkat(e->directory, name, 0);
		return false;
	}
	return put_in_place(e, name, why);
}

bool managed_undo(struct managed_edit *e, char why[MANAGED_WHY_MAX])
{
	char buffer[NAME_MAX + 1];
	const char *name = name_beside(e, buffer);

	if (e->text.ptr)
		return write_beside(e, e->text, name, why) && put_in_place(e, name, why);
	if (unlinkat(e->directory, base_name(e->path), 0) == 0 || errno == ENOENT)
		return true;
	return fail(why, e->path, "cannot be taken away again");
}
