#ifndef EDGE_STATE_LOADED_H
#define EDGE_STATE_LOADED_H
/*
 * loaded: the files that one load read, with what each of them was then.
 *
 *     a load reads susmilter.conf, what it includes, lists, feeds, databases
 *       → config->loaded (or, when it is refused, the request's `refused`)
 *     loaded_changed(config->loaded, LOADED_ALL)     // has one of them changed?  stat(2), no more
 *     copies_save(…, config->loaded, …)              // edge/config/copies.h keeps their bytes
 *     loaded_release(config->loaded)                 // then these are no longer needed
 *
 * Files that were looked for and not there are among them: one that appears is a change.
 *
 * The copies are written when the generation is live, and others look at it already: what changes
 * then, the texts and the numbers of copies, is guarded by a lock.  All else never changes.
 */
#include "core/base/arena.h"
#include "core/rules/feed.h"
#include "edge/os/file_id.h"

#include <pthread.h>

enum loaded_kind {
	LOADED_CONFIG,  /* the configuration and what it includes */
	LOADED_LIST,    /* "file:", domains_file */
	LOADED_FEED,    /* "feed:", as it stands; what of it is in use is in struct loaded_feed */
	LOADED_GEO,     /* an MMDB */
	LOADED_MANAGED, /* the whitelist that susmilterctl edits */
	LOADED_KINDS
};

/* Bits 1 << loaded_kind: all, and those that only administrators write. */
enum {
	LOADED_ALL = (1 << LOADED_KINDS) - 1,
	LOADED_ADMIN = 1 << LOADED_CONFIG | 1 << LOADED_LIST,
};

struct loaded_file {
	struct loaded_file *next;
	const char *path;
	enum loaded_kind kind;
	struct file_id id;
	/* what was read, until loaded_release(); of a database: inside of it */
	struct slice text;
	bool owned; /* the text is freed with textfile_free() */
};

enum { LOADED_WHY_MAX = 400 };

/* One "feed:PATH" in one key of one rule. */
struct loaded_feed {
	struct loaded_feed *next;
	const char *rule, *key, *path; /* key: "networks", "unless.helo" */
	bool taken;                    /* what stands in the file now is in use */
	bool shrunken;                 /* it is not, since too many of its entries are gone */
	char why[LOADED_WHY_MAX];      /* of one that is not taken */
	struct file_id id;             /* of the version in use */
	int64_t modified, read; /* when that was written, and first read: seconds since the epoch */
	struct feed_memory memory;
	size_t entries; /* in use; those that the configuration takes out are not */
	size_t left_out;
	uint64_t number;   /* of the copy of what is in use; 0: there is none yet */
	struct slice text; /* what is in use, unless there is a copy */
	bool owned;        /* as of a file */
};

struct loaded {
	/* Guards numbers and texts; nothing is taken inside. */
	pthread_mutex_t lock;
	struct arena *arena; /* names, and what stands in the lists */
	struct loaded_file *files;
	struct loaded_feed *feeds, **last_feed; /* in the order of the configuration */
};

/* NULL when out of memory. */
struct loaded *loaded_create(void);
void loaded_free(struct loaded **);

/* The file of this path, or NULL. */
struct loaded_file *loaded_find(const struct loaded *, const char *path);

/* Adds it; takes the text over when `owned`.  NULL when out of memory: the text is the caller's. */
struct loaded_file *loaded_add(struct loaded *, const struct loaded_file *);
struct loaded_feed *loaded_add_feed(struct loaded *, const struct loaded_feed *);

/* The number of a feed's copy; while there is none also its bytes, as a copy to be freed with
 * textfile_free(), unless `text` is NULL.  False when out of memory. */
bool loaded_recall(
    struct loaded *, const struct loaded_feed *, uint64_t *number, struct slice *text);

/* Notes the copy of a feed. */
void loaded_set_number(struct loaded *, struct loaded_feed *, uint64_t number);

/* The files alone, without their texts: for loaded_changed().  NULL when out of memory. */
struct loaded *loaded_names(const struct loaded *);

/* True when a file of these kinds is another than the one that was read.  Opens nothing. */
bool loaded_changed(const struct loaded *, unsigned kinds);

/* True when a feed that shrank should be looked at again, though nobody touched it. */
bool loaded_is_due(const struct loaded *, int64_t now);

/* Frees the texts, but for those of feeds that have no copy. */
void loaded_release(struct loaded *);

#endif
