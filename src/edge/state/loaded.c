#include "edge/state/loaded.h"

#include <stdlib.h>

/* Names of files: a hundred thousand lists. */
#define NAMES_MAX ((size_t)64 << 20)

struct loaded *loaded_create(void)
{
	struct loaded *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->last_feed = &l->feeds;
	pthread_mutex_init(&l->lock, NULL);
	l->arena = arena_create(NAMES_MAX);
	if (!l->arena)
		loaded_free(&l);
	return l;
}

static void free_text(struct slice *text, bool owned)
{
	if (owned)
		textfile_free(text);
	*text = slice_of(NULL, 0);
}

void loaded_free(struct loaded **loaded)
{
	struct loaded *l = *loaded;

	if (!l)
		return;
	for (struct loaded_file *f = l->files; f; f = f->next)
		free_text(&f->text, f->owned);
	for (struct loaded_feed *f = l->feeds; f; f = f->next)
		free_text(&f->text, f->owned);
	arena_free(&l->arena);
	pthread_mutex_destroy(&l->lock);
	free(l);
	*loaded = NULL;
}

struct loaded_file *loaded_find(const struct loaded *l, const char *path)
{
	for (struct loaded_file *f = l->files; f; f = f->next)
		if (strcmp(f->path, path) == 0)
			return f;
	return NULL;
}

struct loaded_file *loaded_add(struct loaded *l, const struct loaded_file *file)
{
	struct loaded_file *f = arena_alloc(l->arena, sizeof *f);

	if (!f)
		return NULL;
	*f = *file;
	f->path = arena_strdup(l->arena, slice_str(file->path));
	if (!f->path)
		return NULL;
	f->next = l->files;
	l->files = f;
	return f;
}

struct loaded_feed *loaded_add_feed(struct loaded *l, const struct loaded_feed *feed)
{
	struct loaded_feed *f = arena_alloc(l->arena, sizeof *f);

	if (!f)
		return NULL;
	*f = *feed;
	f->next = NULL;
	f->rule = arena_strdup(l->arena, slice_str(feed->rule));
	f->key = arena_strdup(l->arena, slice_str(feed->key));
	f->path = arena_strdup(l->arena, slice_str(feed->path));
	if (!f->rule || !f->key || !f->path)
		return NULL;
	*l->last_feed = f;
	l->last_feed = &f->next;
	return f;
}

bool loaded_recall(
    struct loaded *l, const struct loaded_feed *f, uint64_t *number, struct slice *text)
{
	char *copy = NULL;
	bool ok = true;

	pthread_mutex_lock(&l->lock);
	*number = f->number;
	if (f->number == 0 && text) {
		copy = f->text.ptr ? malloc(f->text.len + 1) : NULL;
		ok = copy != NULL;
		if (copy) {
			memcpy(copy, f->text.ptr, f->text.len);
			copy[f->text.len] = '\0';
			*text = slice_of(copy, f->text.len);
		}
	}
	pthread_mutex_unlock(&l->lock);
	return ok;
}

void loaded_set_number(struct loaded *l, struct loaded_feed *f, uint64_t number)
{
	pthread_mutex_lock(&l->lock);
	f->number = number;
	pthread_mutex_unlock(&l->lock);
}

struct loaded *loaded_names(const struct loaded *l)
{
	struct loaded *names = loaded_create();

	for (const struct loaded_file *f = l->files; names && f; f = f->next) {
		struct loaded_file name = {.path = f->path, .kind = f->kind, .id = f->id};

		if (!loaded_add(names, &name))
			loaded_free(&names);
	}
	return names;
}

bool loaded_changed(const struct loaded *l, unsigned kinds)
{
	struct file_id now;

	for (const struct loaded_file *f = l->files; f; f = f->next) {
		if ((kinds & 1u << f->kind) == 0)
			continue;
		file_id_take(f->path, &now);
		if (!file_id_equal(&f->id, &now))
			return true;
	}
	return false;
}

bool loaded_is_due(const struct loaded *l, int64_t now)
{
	for (const struct loaded_feed *f = l->feeds; f; f = f->next)
		if (f->shrunken && feed_is_due(&f->memory, now))
			return true;
	return false;
}

/* Unless a feed without a copy still points into it. */
static void release_file(struct loaded *l, struct loaded_file *file)
{
	for (struct loaded_feed *f = l->feeds; f; f = f->next)
		if (f->number == 0 && f->text.ptr == file->text.ptr)
			return;
	free_text(&file->text, file->owned);
}

void loaded_release(struct loaded *l)
{
	pthread_mutex_lock(&l->lock);
	for (struct loaded_feed *f = l->feeds; f; f = f->next)
		if (f->number != 0)
			free_text(&f->text, f->owned);
	for (struct loaded_file *f = l->files; f; f = f->next)
		if (f->text.ptr)
			release_file(l, f);
	pthread_mutex_unlock(&l->lock);
}
