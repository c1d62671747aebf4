/*
 * The index of the copies: lines of words, the path last.
 *
 *     susmilter copies 1
 *     next 18
 *     running current
 *     set current 1796033603 whole
 *     file config 12 1796030000.123456789 4096 131 /etc/susmilter/susmilter.conf
 *     absent list /etc/susmilter/lists/old.cidr
 *     feed dialup networks 14 1796030000.5 81920 132 1796030000 1796033603 5012 0 0 /var/lib/dialup
 *     end
 *
 * Of a feed: the copy, the version, when it was written and read, entries, and since when and how
 * often in a row it was found shrunken.  Control bytes and "%" in a path are written %41.
 */
#include "copies_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[LOADED_KINDS] = {
    [LOADED_CONFIG] = "config",
    [LOADED_LIST] = "list",
    [LOADED_FEED] = "feed",
    [LOADED_GEO] = "geo",
    [LOADED_MANAGED] = "managed",
};

static const char *const set_names[COPIES_SETS] = {"current", "previous"};

#define FIRST_LINE "susmilter copies 1"

/* ---- writing ------------------------------------------------------------------------- */

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c != 0x7f && c != '%';
}

static const char *escape(struct arena *arena, const char *path)
{
	char *out = arena_alloc(arena, strlen(path) * 3 + 1), *to = out;

	for (; out && *path; path++) {
		if (is_plain((unsigned char)*path))
			*to++ = *path;
		else
			to += sprintf(to, "%%%02x", (unsigned)(unsigned char)*path);
	}
	if (out)
		*to = '\0';
	return out ? out : "";
}

static void print_id(FILE *out, const struct file_id *id)
{
	fprintf(out, "%" PRId64 ".%" PRId64 " %" PRIu64 " %" PRIu64, id->seconds, id->nanoseconds,
	    id->size, id->inode);
}

static void print_set(
    FILE *out, const struct copied_set *set, const char *name, struct arena *arena)
{
	if (!set->there)
		return;
	fprintf(
	    out, "set %s %" PRId64 " %s\n", name, set->loaded, set->whole ? "whole" : "partial");
	for (size_t i = 0; i < set->file_count; i++) {
		const struct copied_file *f = &set->files[i];

		if (f->number == 0) {
			fprintf(out, "absent %s %s\n", kinds[f->kind], escape(arena, f->path));
			continue;
		}
		fprintf(out, "file %s %" PRIu64 " ", kinds[f->kind], f->number);
		print_id(out, &f->id);
		fprintf(out, " %s\n", escape(arena, f->path));
	}
	for (size_t i = 0; i < set->feed_count; i++) {
		const struct loaded_feed *f = &set->feeds[i];

		fprintf(out, "feed %s %s %" PRIu64 " ", f->rule, f->key, f->number);
		print_id(out, &f->id);
		fprintf(out, " %" PRId64 " %" PRId64 " %zu %" PRId64 " %u %s\n", f->modified,
		    f->read, f->memory.entries, f->memory.shrunk_at, f->memory.shrunk,
		    escape(arena, f->path));
	}
}

struct slice copies_format(const struct copies *c, struct arena *arena)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct slice copy = slice_of(NULL, 0);

	if (!out)
		return copy;
	fprintf(out, FIRST_LINE "\nnext %" PRIu64 "\nrunning %s\n", c->next, set_names[c->running]);
	for (int i = 0; i < COPIES_SETS; i++)
		print_set(out, &c->sets[i], set_names[i], arena);
	fprintf(out, "end\n");
	if (fclose(out) == 0 && !arena_failed(arena))
		copy = arena_copy(arena, slice_of(text, len));
	free(text);
	return copy;
}

/* ---- reading ------------------------------------------------------------------------- */

struct parser {
	struct copies *c;
	struct copied_set *set; /* NULL in front of the first */
	struct slice words;     /* of the line */
	bool ended;
	size_t file_room, feed_room;
};

static bool take_number(struct slice text, uint64_t *out)
{
	return slice_to_uint(text, INT64_MAX, out);
}

static bool next_number(struct parser *p, uint64_t *out)
{
	return take_number(slice_word(&p->words), out);
}

static bool next_time(struct parser *p, int64_t *out)
{
	struct slice word = slice_word(&p->words);
	bool negative = slice_starts(word, SLICE("-"));
	uint64_t n;

	if (!take_number(slice_skip(word, negative), &n))
		return false;
	*out = negative ? -(int64_t)n : (int64_t)n;
	return true;
}

/* Index of the word, or `count`. */
static unsigned next_word(struct parser *p, const char *const *words, unsigned count)
{
	struct slice word = slice_word(&p->words);
	unsigned i = 0;

	while (i < count && !slice_equal(word, slice_str(words[i])))
		i++;
	return i;
}

static const char *next_text(struct parser *p)
{
	struct slice word = slice_word(&p->words);

	return word.len > 0 ? arena_strdup(p->c->arena, word) : NULL;
}

/* A path, of which no byte may be NUL. */
static const char *next_path(struct parser *p)
{
	struct slice from = slice_word(&p->words);
	char *out = arena_alloc(p->c->arena, from.len + 1), *to = out;

	if (!out || from.len == 0)
		return NULL;
	while (from.len > 0) {
		int high = 0, low = 0;

		if (from.ptr[0] != '%') {
			*to++ = from.ptr[0];
			from = slice_skip(from, 1);
			continue;
		}
		if (from.len < 3 || (high = slice_hex_digit(from.ptr[1])) < 0 ||
		    (low = slice_hex_digit(from.ptr[2])) < 0 || high * 16 + low == 0)
			return NULL;
		*to++ = (char)(high * 16 + low);
		from = slice_skip(from, 3);
	}
	*to = '\0';
	return out;
}

static bool next_id(struct parser *p, struct file_id *id)
{
	struct slice fraction = slice_word(&p->words), whole = slice_cut(&fraction, '.');
	bool negative = slice_starts(whole, SLICE("-"));
	uint64_t seconds, nanoseconds;

	*id = (struct file_id){.there = true, .readable = true, .settled = true};
	if (!take_number(slice_skip(whole, negative), &seconds) ||
	    !take_number(fraction, &nanoseconds) || !next_number(p, &id->size) ||
	    !next_number(p, &id->inode))
		return false;
	id->seconds = negative ? -(int64_t)seconds : (int64_t)seconds;
	id->nanoseconds = (int64_t)nanoseconds;
	return true;
}

/* Room for one more in an array of the arena, which doubles. */
static void *grow(struct parser *p, void *array, size_t count, size_t *room, size_t size)
{
	void *bigger;

	if (count < *room)
		return array;
	*room = *room ? *room * 2 : 16;
	bigger = arena_calloc(p->c->arena, *room, size);
	if (bigger && count > 0)
		memcpy(bigger, array, count * size);
	return bigger;
}

static bool parse_set(struct parser *p)
{
	static const char *const states[] = {"whole", "partial"};
	unsigned which = next_word(p, set_names, COPIES_SETS), state;

	if (which == COPIES_SETS || p->c->sets[which].there)
		return false;
	p->set = &p->c->sets[which];
	p->file_room = p->feed_room = 0;
	if (!next_time(p, &p->set->loaded))
		return false;
	state = next_word(p, states, 2);
	p->set->there = true;
	p->set->whole = state == 0;
	return state < 2;
}

static bool parse_file(struct parser *p, bool there)
{
	struct copied_file f = {.id = {.settled = true}};
	unsigned kind = next_word(p, kinds, LOADED_KINDS);

	if (!p->set || kind == LOADED_KINDS)
		return false;
	f.kind = (enum loaded_kind)kind;
	if (there && (!next_number(p, &f.number) || f.number == 0 || !next_id(p, &f.id)))
		return false;
	f.path = next_path(p);
	p->set->files =
	    grow(p, p->set->files, p->set->file_count, &p->file_room, sizeof *p->set->files);
	if (!f.path || !p->set->files)
		return false;
	p->set->files[p->set->file_count++] = f;
	return true;
}

static bool parse_feed(struct parser *p)
{
	struct loaded_feed f = {.memory.known = true};
	uint64_t entries, shrunk;

	if (!p->set)
		return false;
	f.rule = next_text(p);
	f.key = next_text(p);
	if (!f.rule || !f.key || !next_number(p, &f.number) || f.number == 0 ||
	    !next_id(p, &f.id) || !next_time(p, &f.modified) || !next_time(p, &f.read) ||
	    !next_number(p, &entries) || !next_time(p, &f.memory.shrunk_at) ||
	    !next_number(p, &shrunk) || shrunk > UINT32_MAX)
		return false;
	f.memory.entries = (size_t)entries;
	f.memory.shrunk = (unsigned)shrunk;
	f.path = next_path(p);
	p->set->feeds =
	    grow(p, p->set->feeds, p->set->feed_count, &p->feed_room, sizeof *p->set->feeds);
	if (!f.path || !p->set->feeds)
		return false;
	p->set->feeds[p->set->feed_count++] = f;
	return true;
}

static bool parse_running(struct parser *p)
{
	unsigned which = next_word(p, set_names, COPIES_SETS);

	p->c->running = which == COPIES_PREVIOUS ? COPIES_PREVIOUS : COPIES_CURRENT;
	return which < COPIES_SETS;
}

static bool parse_line(struct parser *p)
{
	struct slice word = slice_word(&p->words);

	if (p->ended)
		return false;
	if (slice_equal(word, SLICE("next")))
		return next_number(p, &p->c->next) && p->c->next > 0;
	if (slice_equal(word, SLICE("running")))
		return parse_running(p);
	if (slice_equal(word, SLICE("set")))
		return parse_set(p);
	if (slice_equal(word, SLICE("file")))
		return parse_file(p, true);
	if (slice_equal(word, SLICE("absent")))
		return parse_file(p, false);
	if (slice_equal(word, SLICE("feed")))
		return parse_feed(p);
	p->ended = slice_equal(word, SLICE("end"));
	return p->ended;
}

bool copies_parse(struct copies *c, struct slice text)
{
	struct parser p = {.c = c};
	struct slice line = slice_cut(&text, '\n');

	/* Texts of it are C strings, and no path has a NUL. */
	if (!slice_equal(line, SLICE(FIRST_LINE)) || slice_find(text, '\0') < text.len)
		return false;
	while (text.len > 0) {
		p.words = slice_cut(&text, '\n');
		if (!parse_line(&p) || slice_word(&p.words).len > 0)
			return false;
	}
	return p.ended && c->sets[c->running].there;
}
