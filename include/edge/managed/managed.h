#ifndef EDGE_MANAGED_MANAGED_H
#define EDGE_MANAGED_MANAGED_H
/*
 * managed: the whitelist that susmilterctl edits: what a line of it says, and how it is changed.
 *
 *     198.51.100.7  # expires=2026-11-28T12:00:00Z covers=susranges by=root
 *         added=2026-11-21T12:00:00Z owner=jo comment=their new mail server     (in one line)
 *     mail.example.org  # owner=jo
 *
 * covers= names the families from which it exempts; without it a line means susranges and blocks,
 * as all lines of 0.1 do.  proof=spf, proof=client_name or both with a comma: a name without it
 * has both; an address takes proof=spf, and then sender= is the name that must have passed SPF.
 * sender= and recipient= narrow the entry to them, and belong to it: the same address with another
 * recipient= is another line.  by= and added= say who added it first, and when.
 *
 * Whatever happens in the middle of an edit, the file holds the old lines or the new ones: they
 * are written beside it, checked by the loader itself, made durable, and moved into its place.
 * Only one edit at a time goes on, across processes: it holds a lock on `.NAME.lock` beside the
 * list, a file of mode 0600, so that nobody else can hold it; it stays there.  Whoever only reads
 * needs no lock, since the file is replaced as a whole.
 *
 *     struct managed_edit e;
 *     if (!managed_begin(&e, path, arena, gone, context, why)) ...
 *     managed_add(&e, &line, now);              // or managed_remove()
 *     if (!managed_commit(&e, config_try_managed, why)) ...      // the loader's sentence
 *     if (the table does not load) managed_undo(&e, why);
 *     managed_end(&e);
 */
#include "core/base/arena.h"
#include "core/name/entry.h"
#include "core/rules/rule.h"

enum { MANAGED_WHY_MAX = 600 };

/* One line in its parts; empty slices and 0 for what it does not say. */
struct managed_line {
	struct slice entry;
	int64_t expires; /* seconds since the epoch; 0 = never */
	unsigned covers; /* bits 1 << family; 0 = not said */
	unsigned proof;  /* bits of enum proof; 0 = not said */
	struct slice sender, recipient;
	struct slice by;
	int64_t added; /* seconds since the epoch; 0 = not known */
	struct slice owner, comment;
};

/* NULL and the entry, or the reason: an address or a name, neither taken out nor a pattern. */
const char *managed_parse_entry(
    struct slice text, struct arena *, struct entry *out, char why[ENTRY_WHY_MAX]);

/* Reads what stands behind the entry, from the `#` on.  NULL, or what is wrong with it. */
const char *managed_parse_words(struct slice words, struct managed_line *);

/* What does not fit together: proof and what the entry is.  NULL when all does. */
const char *managed_check(const struct managed_line *, bool is_network);

/* A line of the file with an entry; false for blank lines and comments. */
bool managed_parse_line(struct slice text, struct managed_line *);

/* The line as text, with its end, in the arena. */
struct slice managed_write_line(struct arena *, const struct managed_line *);

struct managed_edit {
	const char *path;
	bool modes; /* its lines are those of edge/config/modes.h: nothing of them is checked */
	struct arena *arena;
	int directory;      /* of the list */
	int lock;           /* held while the edit lasts */
	struct slice text;  /* of the file as it was; {NULL, 0}: there was none */
	struct slice fresh; /* as it will be */
};

/* Only reads, for managed_each(); false, and the reason.  Nothing to end. */
bool managed_read(
    struct managed_edit *, const char *path, struct arena *, char why[MANAGED_WHY_MAX]);

/*
 * Locks and reads; false, and the reason.  Waits for another edit for at most MANAGED_LOCK_SECONDS,
 * and no longer when gone(context) says that nobody waits for this one any more.
 */
enum { MANAGED_LOCK_SECONDS = 10 }; /* an edit checks and reloads: a few seconds with large lists */
bool managed_begin(struct managed_edit *, const char *path, struct arena *,
    bool (*gone)(void *context), void *context, char why[MANAGED_WHY_MAX]);

/* Calls `each` with every line that holds an entry. */
void managed_each(const struct managed_edit *,
    void (*each)(void *context, const struct managed_line *), void *context);

/* The line of the same entry, sender and recipient; false: there is none. */
bool managed_find(
    const struct managed_edit *, const struct managed_line *wanted, struct managed_line *found);

/* Puts the line into the place of one with the same entry, sender and recipient, or at the end;
 * drops lines that have expired.  *replaced: there was one. */
void managed_add(struct managed_edit *, const struct managed_line *, int64_t now, bool *replaced);

/* Takes all lines of the entry out, and lines that have expired.  False when it is not there. */
bool managed_remove(struct managed_edit *, struct slice entry, int64_t now);

/* Reads a list as the daemon will: false, and what is wrong with it, or "" when it was not read. */
typedef bool managed_try_fn(const char *path, char why[MANAGED_WHY_MAX]);

/* Tries the new lines, without a function nothing of them, and puts them into place; false, and
 * the reason, when nothing changed. */
bool managed_commit(struct managed_edit *, managed_try_fn *try, char why[MANAGED_WHY_MAX]);

/* Puts the old lines back. */
bool managed_undo(struct managed_edit *, char why[MANAGED_WHY_MAX]);

/* Unlocks.  The slices stay in the arena. */
void managed_end(struct managed_edit *);

#endif
