#include "copies_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct copies *copies_create(const char *directory)
{
	struct copies *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->next = 1;
	c->arena = arena_create(COPIES_STRINGS_MAX);
	c->directory = strdup(directory);
	if (!c->arena || !c->directory)
		copies_free(&c);
	return c;
}

void copies_free(struct copies **copies)
{
	if (!*copies)
		return;
	arena_free(&(*copies)->arena);
	free((*copies)->directory);
	free(*copies);
	*copies = NULL;
}

const char *copy_name(uint64_t number, char out[COPY_NAME_MAX])
{
	snprintf(out, COPY_NAME_MAX, "%" PRIu64, number);
	return out;
}

/* ---- reading ------------------------------------------------------------------------- */

static enum copies_result open_failed(int error)
{
	if (error == ENOENT || error == ENOTDIR)
		return COPIES_NONE;
	return error == EACCES || error == EPERM ? COPIES_DENIED : COPIES_BROKEN;
}

/* The text of the index. */
static enum copies_result read_index(
    const char *directory, struct slice *text, char why[COPIES_WHY_MAX])
{
	char problem[STATEDIR_WHY_MAX] = "", wrong[TEXTFILE_WHY_MAX] = "";
	enum textfile_result read;
	int dir = statedir_open(directory, COPIES_NAME, false, problem), error = errno;

	*text = slice_of(NULL, 0);
	if (dir < 0) {
		snprintf(why, COPIES_WHY_MAX, "%.150s/" COPIES_NAME ": %s", directory, problem);
		return open_failed(error);
	}
	read = statedir_read(dir, COPIES_INDEX, text, wrong);
	error = errno;
	close(dir);
	if (read == TEXTFILE_OK)
		return COPIES_OK;
	snprintf(
	    why, COPIES_WHY_MAX, "%.150s/" COPIES_NAME "/" COPIES_INDEX " %s", directory, wrong);
	if (read == TEXTFILE_MISSING)
		return COPIES_NONE;
	return open_failed(error) == COPIES_DENIED ? COPIES_DENIED : COPIES_BROKEN;
}

struct copies *copies_read(
    const char *directory, enum copies_result *result, char why[COPIES_WHY_MAX])
{
	struct copies *c = copies_create(directory);
	struct slice text = {NULL, 0};

	why[0] = '\0';
	*result = COPIES_NONE;
	if (!c || directory[0] == '\0')
		return c;
	*result = read_index(directory, &text, why);
	if (*result == COPIES_OK && !copies_parse(c, text)) {
		bool failed = arena_failed(c->arena);

		*result = COPIES_BROKEN;
		snprintf(why, COPIES_WHY_MAX, "%.150s/" COPIES_NAME "/" COPIES_INDEX " is damaged",
		    directory);
		copies_free(&c);
		c = failed ? NULL : copies_create(directory);
	}
	textfile_free(&text);
	return c;
}

/* ---- asking -------------------------------------------------------------------------- */

const struct copied_file *copies_find(
    const struct copies *c, enum copies_set which, const char *path)
{
	const struct copied_set *set = &c->sets[which];

	for (size_t i = 0; i < set->file_count; i++)
		if (strcmp(set->files[i].path, path) == 0)
			return &set->files[i];
	return NULL;
}

const struct loaded_feed *copies_find_feed(const struct copies *c, enum copies_set which,
    const char *rule, const char *key, const char *path)
{
	const struct copied_set *set = &c->sets[which];

	for (size_t i = 0; i < set->feed_count; i++)
		if (strcmp(set->feeds[i].rule, rule) == 0 && strcmp(set->feeds[i].key, key) == 0 &&
		    strcmp(set->feeds[i].path, path) == 0)
			return &set->feeds[i];
	return NULL;
}

bool copies_changed(const struct copies *c, enum copies_set which, unsigned wanted)
{
	const struct copied_set *set = &c->sets[which];
	struct file_id now;

	for (size_t i = 0; i < set->file_count; i++) {
		if ((wanted & 1u << set->files[i].kind) == 0)
			continue;
		file_id_take(set->files[i].path, &now);
		if (!file_id_same_file(&set->files[i].id, &now))
			return true;
	}
	return false;
}

enum textfile_result copies_open(
    const struct copies *c, uint64_t number, struct slice *out, char why[TEXTFILE_WHY_MAX])
{
	char problem[STATEDIR_WHY_MAX], name[COPY_NAME_MAX];
	enum textfile_result result;
	int dir = statedir_open(c->directory, COPIES_NAME, false, problem);

	*out = slice_of(NULL, 0);
	if (dir < 0) {
		snprintf(why, TEXTFILE_WHY_MAX, "%.150s", problem);
		return TEXTFILE_BROKEN;
	}
	result = statedir_read(dir, copy_name(number, name), out, why);
	close(dir);
	return result;
}
