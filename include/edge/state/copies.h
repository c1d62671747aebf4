#ifndef EDGE_STATE_COPIES_H
#define EDGE_STATE_COPIES_H
/*
 * copies: the files of the generation that runs, and of the one before it, as the state directory
 * keeps them: for feeds that are not taken, and for `reload --previous`.
 *
 *     STATE/copies/index       what there is, and of which file each copy is
 *     STATE/copies/17          the bytes of one version of one file
 *
 * The index is replaced as a whole, behind the copies that it names, so that a crash leaves the old
 * state or the new one; copies that it does not name are removed.  A file that did not change since
 * the last generation is not written again.  The managed whitelist is not among them: it has its
 * own way back (`whitelist remove`), and an undo of rules must not lose an entry that was added
 * since.
 *
 *     copies_read(c, directory, why)                at the start
 *     … a generation goes live …
 *     copies_save(c, loaded, now, why)              it becomes CURRENT; what ran before, PREVIOUS
 *     copies_run(c, COPIES_PREVIOUS, why)           the generation before runs: so it does after a
 * restart
 *
 * A set whose files are larger than COPIES_BYTES_MAX together, or more than COPIES_FILES_MAX, is
 * not kept, but for its feeds.
 */
#include "edge/state/loaded.h"

/* Two sets of this size may lie in the state directory: lists of 30 million entries, or a few
 * databases. */
#define COPIES_BYTES_MAX ((size_t)512 << 20)

/* They are looked up one by one; nobody has as many lists. */
enum { COPIES_FILES_MAX = 10000 };

enum copies_set { COPIES_CURRENT, COPIES_PREVIOUS, COPIES_SETS };

struct copied_file {
	enum loaded_kind kind;
	const char *path;
	struct file_id id; /* of the file; its device is not kept */
	uint64_t number;   /* 0: the file was not there */
};

struct copied_set {
	bool there;
	bool whole;     /* every file has its copy */
	int64_t loaded; /* seconds since the epoch */
	struct copied_file *files;
	size_t file_count;
	struct loaded_feed *feeds; /* an array; taken, memory, id, modified, read, number */
	size_t feed_count;
};

struct copies {
	struct arena *arena;
	char *directory; /* the state directory; "" = none: nothing is kept */
	uint64_t next;   /* number of a copy */
	enum copies_set running;
	struct copied_set sets[COPIES_SETS];
};

enum { COPIES_WHY_MAX = 400 };

enum copies_result {
	COPIES_OK,
	COPIES_NONE,   /* nothing was ever kept there */
	COPIES_DENIED, /* we may not read it */
	COPIES_BROKEN, /* damaged, or not to be read otherwise */
};

/* What the directory has; always gives something, empty but for COPIES_OK.  NULL only when out of
 * memory.  `why` is a sentence where the result is DENIED or BROKEN. */
struct copies *copies_read(const char *directory, enum copies_result *, char why[COPIES_WHY_MAX]);
void copies_free(struct copies **);

/* NULL when out of memory. */
struct copies *copies_duplicate(const struct copies *);

/*
 * Keeps the files of a generation that is live, under `now`; feeds get their numbers.  What ran
 * before becomes PREVIOUS, unless all files are the same.  False when it could not be written: then
 * nothing changed, and `why` has the directory and the reason.
 */
bool copies_save(struct copies *, struct loaded *, int64_t now, char why[COPIES_WHY_MAX]);

/* Notes which set runs. */
bool copies_run(struct copies *, enum copies_set, char why[COPIES_WHY_MAX]);

/* The copy of a file in a set, or NULL. */
const struct copied_file *copies_find(const struct copies *, enum copies_set, const char *path);
const struct loaded_feed *copies_find_feed(
    const struct copies *, enum copies_set, const char *rule, const char *key, const char *path);

/* True when a file of the set, of these kinds, is another now. */
bool copies_changed(const struct copies *, enum copies_set, unsigned kinds);

/* The bytes of a copy; free with textfile_free(). */
enum textfile_result copies_open(
    const struct copies *, uint64_t number, struct slice *out, char why[TEXTFILE_WHY_MAX]);

#endif
