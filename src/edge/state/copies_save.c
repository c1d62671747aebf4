/* A generation's files into the state directory. */
#include "copies_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct saving {
	const struct copies *old;
	struct copies *fresh; /* will take the place of old */
	int dir;
	char *why;
};

static bool report_errno(struct saving *s, const char *problem)
{
	snprintf(s->why, COPIES_WHY_MAX, "%.180s/" COPIES_NAME ": %s", s->old->directory, problem);
	return false;
}

/* A new copy; 0 after a failure. */
static uint64_t write_copy(struct saving *s, struct slice text)
{
	char problem[STATEDIR_WHY_MAX], name[COPY_NAME_MAX];

	if (!statedir_put(s->dir, copy_name(s->fresh->next, name), text, problem)) {
		report_errno(s, problem);
		return 0;
	}
	return s->fresh->next++;
}

/* ---- one set ------------------------------------------------------------------------- */

static bool is_copied(const struct loaded_file *f)
{
	return f->kind == LOADED_CONFIG || f->kind == LOADED_LIST || f->kind == LOADED_GEO;
}

static bool is_whole(const struct loaded *loaded)
{
	size_t sum = 0, files = 0;

	for (const struct loaded_file *f = loaded->files; f; f = f->next) {
		sum += is_copied(f) ? (size_t)f->id.size : 0;
		files += is_copied(f);
	}
	return sum <= COPIES_BYTES_MAX && files <= COPIES_FILES_MAX;
}

/* The copy that one of the old sets has of this version of the file; 0: none. */
static uint64_t known_copy(const struct saving *s, const struct loaded_file *file)
{
	for (int i = 0; i < COPIES_SETS; i++) {
		const struct copied_file *f = copies_find(s->old, (enum copies_set)i, file->path);

		if (f && f->number && file_id_same_file(&f->id, &file->id))
			return f->number;
	}
	return 0;
}

static bool save_file(struct saving *s, struct copied_set *set, const struct loaded_file *file)
{
	struct copied_file f = {file->kind, NULL, file->id, 0};

	f.path = arena_strdup(s->fresh->arena, slice_str(file->path));
	if (!f.path)
		return report_errno(s, "out of memory");
	if (file->id.there && set->whole) {
		f.number = known_copy(s, file);
		if (f.number == 0)
			f.number = write_copy(s, file->text);
		if (f.number == 0)
			return false;
	}
	set->files[set->file_count++] = f;
	return true;
}

static bool copy_feed(struct saving *s, struct copied_set *set, const struct loaded_feed *feed)
{
	struct loaded_feed f = *feed;

	f.next = NULL;
	f.text = slice_of(NULL, 0);
	f.owned = false;
	f.rule = arena_strdup(s->fresh->arena, slice_str(feed->rule));
	f.key = arena_strdup(s->fresh->arena, slice_str(feed->key));
	f.path = arena_strdup(s->fresh->arena, slice_str(feed->path));
	if (!f.rule || !f.key || !f.path)
		return report_errno(s, "out of memory");
	set->feeds[set->feed_count++] = f;
	return true;
}

static bool save_feed(struct saving *s, struct copied_set *set, const struct loaded_feed *feed)
{
	struct loaded_feed f = *feed;

	if (f.number == 0)
		f.number = write_copy(s, f.text);
	return f.number != 0 && copy_feed(s, set, &f);
}

/* Room for what was loaded; feeds first, which rules hang on. */
static bool save_set(struct saving *s, struct copied_set *set, const struct loaded *loaded)
{
	size_t files = 0, feeds = 0;

	for (const struct loaded_file *f = loaded->files; f; f = f->next)
		files += is_copied(f);
	for (const struct loaded_feed *f = loaded->feeds; f; f = f->next)
		feeds++;
	set->files = arena_calloc(s->fresh->arena, files + 1, sizeof *set->files);
	set->feeds = arena_calloc(s->fresh->arena, feeds + 1, sizeof *set->feeds);
	if (!set->files || !set->feeds)
		return report_errno(s, "out of memory");
	for (const struct loaded_feed *f = loaded->feeds; f; f = f->next)
		if (!save_feed(s, set, f))
			return false;
	for (const struct loaded_file *f = loaded->files; f; f = f->next)
		if (is_copied(f) && !save_file(s, set, f))
			return false;
	return true;
}

static bool copy_set(struct saving *s, struct copied_set *to, const struct copied_set *from)
{
	*to =
	    (struct copied_set){.there = from->there, .whole = from->whole, .loaded = from->loaded};
	to->files = arena_calloc(s->fresh->arena, from->file_count + 1, sizeof *to->files);
	to->feeds = arena_calloc(s->fresh->arena, from->feed_count + 1, sizeof *to->feeds);
	if (!to->files || !to->feeds)
		return report_errno(s, "out of memory");
	for (size_t i = 0; i < from->file_count; i++) {
		struct copied_file *f = &to->files[to->file_count++];

		*f = from->files[i];
		f->path = arena_strdup(s->fresh->arena, slice_str(from->files[i].path));
		if (!f->path)
			return report_errno(s, "out of memory");
	}
	for (size_t i = 0; i < from->feed_count; i++)
		if (!copy_feed(s, to, &from->feeds[i]))
			return false;
	return true;
}

struct copies *copies_duplicate(const struct copies *c)
{
	char why[COPIES_WHY_MAX];
	struct saving s = {.old = c, .fresh = copies_create(c->directory), .dir = -1, .why = why};

	if (!s.fresh)
		return NULL;
	s.fresh->next = c->next;
	s.fresh->running = c->running;
	for (int i = 0; i < COPIES_SETS; i++) {
		if (copy_set(&s, &s.fresh->sets[i], &c->sets[i]))
			continue;
		copies_free(&s.fresh);
		return NULL;
	}
	return s.fresh;
}

/* ---- two sets ------------------------------------------------------------------------ */

/* Every path of one set has in the other the same copy. */
static bool is_within(const struct copied_set *a, const struct copies *c, enum copies_set which)
{
	for (size_t i = 0; i < a->file_count; i++) {
		const struct copied_file *f = copies_find(c, which, a->files[i].path);

		if (!f || f->number != a->files[i].number)
			return false;
	}
	for (size_t i = 0; i < a->feed_count; i++) {
		const struct loaded_feed *f = &a->feeds[i],
					 *g = copies_find_feed(c, which, f->rule, f->key, f->path);

		if (!g || g->number != f->number)
			return false;
	}
	return true;
}

static bool same_files(const struct copies *c, enum copies_set which, const struct copied_set *b)
{
	const struct copied_set *a = &c->sets[which];

	return a->there && a->whole && b->whole && a->file_count == b->file_count &&
	       a->feed_count == b->feed_count && is_within(b, c, which);
}

static bool is_named(void *context, const char *name)
{
	const struct copies *c = context;
	uint64_t number;

	if (strcmp(name, COPIES_INDEX) == 0)
		return true;
	if (!slice_to_uint(slice_str(name), UINT64_MAX, &number))
		return false;
	for (int i = 0; i < COPIES_SETS; i++) {
		const struct copied_set *set = &c->sets[i];

		for (size_t k = 0; k < set->file_count; k++)
			if (set->files[k].number == number)
				return true;
		for (size_t k = 0; k < set->feed_count; k++)
			if (set->feeds[k].number == number)
				return true;
	}
	return false;
}

/* ---- saving -------------------------------------------------------------------------- */

/* The new state beside the old one. */
static bool compose(struct saving *s, const struct loaded *loaded, int64_t now)
{
	struct copied_set *current = &s->fresh->sets[COPIES_CURRENT];
	enum copies_set stays;

	*current = (struct copied_set){.there = true, .whole = is_whole(loaded), .loaded = now};
	if (!save_set(s, current, loaded))
		return false;
	/* What ran is the generation before; where nothing changed that stays what it was. */
	stays = same_files(s->old, s->old->running, current) && s->old->running == COPIES_CURRENT
		    ? COPIES_PREVIOUS
		    : s->old->running;
	return copy_set(s, &s->fresh->sets[COPIES_PREVIOUS], &s->old->sets[stays]);
}

static bool write_index(struct saving *s)
{
	struct slice text = copies_format(s->fresh, s->fresh->arena);
	char problem[STATEDIR_WHY_MAX] = "out of memory";

	return (text.len > 0 && statedir_write(s->dir, COPIES_INDEX, text, problem)) ||
	       report_errno(s, problem);
}

static void take_numbers(struct loaded *loaded, const struct copied_set *set)
{
	size_t i = 0;

	for (struct loaded_feed *f = loaded->feeds; f; f = f->next)
		loaded_set_number(loaded, f, set->feeds[i++].number);
}

/* Puts the fresh state in the place of the old one, or what is left of it away. */
static void conclude(struct copies *c, struct saving *s, bool ok)
{
	struct copies old = *c;

	if (ok) {
		*c = *s->fresh;
		*s->fresh = old;
	}
	if (s->dir >= 0) {
		statedir_sweep(s->dir, is_named, c);
		close(s->dir);
	}
	copies_free(&s->fresh);
}

static bool begin(struct saving *s, struct copies *c, char why[COPIES_WHY_MAX])
{
	char problem[STATEDIR_WHY_MAX];

	*s = (struct saving){.old = c, .dir = -1, .why = why};
	s->fresh = copies_create(c->directory);
	if (!s->fresh)
		return report_errno(s, "out of memory");
	s->fresh->next = c->next;
	s->dir = statedir_open(c->directory, COPIES_NAME, true, problem);
	return s->dir >= 0 || report_errno(s, problem);
}

bool copies_save(struct copies *c, struct loaded *loaded, int64_t now, char why[COPIES_WHY_MAX])
{
	struct saving s;
	bool ok;

	if (c->directory[0] == '\0')
		return true;
	ok = begin(&s, c, why) && compose(&s, loaded, now) && write_index(&s);
	if (ok)
		take_numbers(loaded, &s.fresh->sets[COPIES_CURRENT]);
	conclude(c, &s, ok);
	return ok;
}

bool copies_run(struct copies *c, enum copies_set which, char why[COPIES_WHY_MAX])
{
	enum copies_set before = c->running;
	struct arena *arena = arena_create(COPIES_STRINGS_MAX);
	struct saving s = {.old = c, .fresh = c, .dir = -1, .why = why};
	char problem[STATEDIR_WHY_MAX];
	struct slice text;
	bool ok;

	c->running = which;
	s.dir = statedir_open(c->directory, COPIES_NAME, true, problem);
	text = arena ? copies_format(c, arena) : slice_of(NULL, 0);
	ok = s.dir >= 0 && text.len > 0 && statedir_write(s.dir, COPIES_INDEX, text, problem);
	if (!ok) {
		report_errno(&s, s.dir >= 0 && text.len == 0 ? "out of memory" : problem);
		c->running = before;
	}
	if (s.dir >= 0)
		close(s.dir);
	arena_free(&arena);
	return ok;
}
