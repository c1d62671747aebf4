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

struct eraser {
	const struct history_pattern *pattern;
	char room[DECISION_TEXT_MAX]; /* of the last text that was changed */
};

/* What stands between the names of a reply ("… from cash.example is …") or of signatures
 * ("pass:example.org"): blanks, bytes that stand for something else, and these. */
static bool is_between(char c)
{
	return (unsigned char)c <= ' ' || strchr(":;,()<>\"'", c);
}

static size_t word_length(struct slice s)
{
	size_t n = 0;

	while (n < s.len && !is_between(s.ptr[n]))
		n++;
	return n;
}

/* A word as a name or an address: a full stop behind it may be that of the sentence. */
static bool word_fits(const struct history_pattern *p, struct slice word)
{
	size_t n = word.len;

	if (n == 0 || history_pattern_fits(p, word))
		return n > 0;
	return word.ptr[n - 1] == '.' && history_pattern_fits(p, slice_of(word.ptr, n - 1));
}

/* The text without the words that fit; true when there was one. */
static bool erase_words(struct eraser *e, struct slice text, struct slice *out)
{
	size_t len = 0;
	bool erased = false;

	for (struct slice rest = text; rest.len > 0;) {
		struct slice piece = slice_of(rest.ptr, word_length(rest));
		bool fits = word_fits(e->pattern, piece);

		piece.len += piece.len == 0; /* what is between */
		rest = slice_skip(rest, piece.len);
		piece = fits ? SLICE(FORGOTTEN) : piece;
		erased |= fits;
		if (piece.len > sizeof e->room - len) {
			*out = SLICE(FORGOTTEN);
			return true;
		}
		memcpy(e->room + len, piece.ptr, piece.len);
		len += piece.len;
	}
	*out = slice_of(e->room, len);
	return erased;
}

static struct slice erase(void *context, struct slice text)
{
	struct eraser *e = context;
	struct slice left;

	if (history_pattern_fits(e->pattern, text))
		return SLICE(FORGOTTEN);
	return erase_words(e, text, &left) ? left : text;
}

static bool has_text(const struct history_segment *s, struct eraser *e)
{
	struct history_items_walk w = history_items_walk(&s->items);

	while (history_items_next(&w))
		if (w.kind == HISTORY_TEXT && erase(e, w.item).ptr != w.item.ptr)
			return true;
	return false;
}

/* 1: rewritten, 0: it has no such text, -1 and the reason. */
static int forget_file(struct history_coder *coder, int directory, const struct history_file *file,
    struct eraser *e, char why[HISTORY_WHY_MAX])
{
	struct history_damage damage = {.rows = 0};
	struct history_rewrite without = {.state = file->header.state, .text = erase, .context = e};
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
	found = has_text(s, e);
	history_segment_close(&s);
	if (!found)
		return 0;
	return history_seal(coder, directory, file->name, &without, &damage, why) ? 1 : -1;
}

int history_forget_files(struct history_coder *coder, int directory,
    const struct history_pattern *f, char why[HISTORY_WHY_MAX])
{
	struct history_damage damage = {.rows = 0};
	struct eraser eraser = {.pattern = f};
	struct history_files files;
	int rewritten = 0;

	if (!history_files_list(coder, directory, &files, &damage)) {
		snprintf(why, HISTORY_WHY_MAX, "%s", strerror(errno));
		return -1;
	}
	for (size_t i = 0; i < files.count && rewritten >= 0; i++) {
		int n = forget_file(coder, directory, &files.file[i], &eraser, why);

		rewritten = n < 0 ? -1 : rewritten + n;
	}
	history_files_free(&files);
	return rewritten;
}
