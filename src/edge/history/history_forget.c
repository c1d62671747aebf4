#include "history_forget.h"

#include "history_address.h"
#include "history_directory.h"
#include "history_seal.h"

#include <errno.h>
#include <stdio.h>

/* What stands where something was erased. */
#define FORGOTTEN "(forgotten)"

/* ---- local parts that are not kept --------------------------------------------------- */

/* Where in the buffer the text of a row will be; the buffer may still move. */
struct piece {
	size_t at, len;
};

static bool append_local(const struct history_key *key, enum row_local_parts how,
    struct slice local, struct history_buffer *b)
{
	char hashed[HISTORY_HASHED_CHARS];

	if (how == ROW_LOCAL_NONE)
		return true;
	history_hash_local(key, local, hashed);
	return history_buffer_append(b, hashed, sizeof hashed);
}

static bool replace_local(const struct history_key *key, enum row_local_parts how,
    struct history_buffer *b, struct slice sent, struct piece *piece)
{
	char room[HISTORY_ADDRESS_MAX];
	struct slice text = history_address_folded(sent, room);
	size_t at = slice_find_last(text, '@');

	piece->at = b->len;
	if (!append_local(key, how, slice_of(text.ptr, at), b) ||
	    !history_buffer_append(b, text.ptr + at, text.len - at))
		return false;
	piece->len = b->len - piece->at;
	return true;
}

/* Whether a text of the row has a local part of somebody. */
static bool has_local(const struct decision_row *row, enum decision_text which)
{
	struct slice text = row->text[which];
	bool address = slice_find_last(text, '@') < text.len;

	return text.len > 0 && (which == ROW_AUTH ||
				   (address && (which == ROW_SENDER || which == ROW_FROM ||
						   which == ROW_RECIPIENT || which == ROW_ENTRY)));
}

bool history_forget_locals(const struct history_key *key, enum row_local_parts how,
    struct history_buffer *b, struct decision_row *row)
{
	struct piece piece[ROW_TEXTS];
	bool replaced[ROW_TEXTS] = {false};

	b->len = 0;
	for (int i = 0; i < ROW_TEXTS && how != ROW_LOCAL_FULL; i++) {
		replaced[i] = has_local(row, (enum decision_text)i);
		if (replaced[i] && !replace_local(key, how, b, row->text[i], &piece[i]))
			return false;
	}
	for (int i = 0; i < ROW_TEXTS; i++)
		if (replaced[i])
			row->text[i] = slice_of((const char *)b->bytes + piece[i].at, piece[i].len);
	return true;
}

/* ---- texts that are erased ----------------------------------------------------------- */

static struct slice erase(void *context, struct slice text)
{
	return history_pattern_fits(context, text) ? SLICE(FORGOTTEN) : text;
}

static bool has_text(const struct history_segment *s, const struct history_pattern *f)
{
	struct history_items_walk w = history_items_walk(&s->items);

	while (history_items_next(&w))
		if (w.kind == HISTORY_TEXT && history_pattern_fits(f, w.item))
			return true;
	return false;
}

/* 1: rewritten, 0: it has no such text, -1 and the reason. */
static int forget_file(struct history_coder *coder, int directory, const struct history_file *file,
    const struct history_pattern *f, char why[HISTORY_WHY_MAX])
{
	struct history_damage damage = {.rows = 0};
	struct history_rewrite without = {
	    .state = file->header.state, .text = erase, .context = (void *)(uintptr_t)f};
	struct history_segment *s =
	    history_segment_open(coder, directory, file->name, &damage, why);
	bool found;

	if (!s)
		return errno == ENOENT ? 0 : -1;
	if (!history_segment_load(s)) {
		snprintf(why, HISTORY_WHY_MAX, "%s: out of memory", file->name);
		history_segment_close(&s);
		return -1;
	}
	found = has_text(s, f);
	history_segment_close(&s);
	if (!found)
		return 0;
	return history_seal(coder, directory, file->name, &without, &damage, why) ? 1 : -1;
}

int history_forget_files(struct history_coder *coder, int directory,
    const struct history_pattern *f, char why[HISTORY_WHY_MAX])
{
	struct history_damage damage = {.rows = 0};
	struct history_files files;
	int rewritten = 0;

	if (!history_files_list(coder, directory, &files, &damage)) {
		snprintf(why, HISTORY_WHY_MAX, "%s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < files.count && rewritten >= 0; i++) {
		int n = forget_file(coder, directory, &files.file[i], f, why);

		rewritten = n < 0 ? -1 : rewritten + n;
	}
	history_files_free(&files);
	return rewritten;
}
