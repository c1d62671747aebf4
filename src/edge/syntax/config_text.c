#include "edge/syntax/config_text.h"

#include "core/base/array.h"

#include <stdlib.h>

/* Depth is libconfig's own limit; deeper is a file that includes itself.  Files that include each
 * other several times would be read 10 to the power of that depth. */
enum { INCLUDE_DEPTH_MAX = 10, INCLUDES_MAX = 1000 };

/* One file while it is read. */
struct reader {
	struct config_text *out;
	struct diag *diag; /* NULL while only looking ahead */
	const struct config_reader *files;
	struct arena *names;
	struct slice rest;
	struct origin at; /* the line that `rest` begins in */
	unsigned depth;
	struct slice word;   /* the last bare word: the key, in front of a value */
	struct slice string; /* the last string, without its quotes */
	bool line_begins;    /* only blanks so far: an @include may stand here */
	bool after_string;   /* the last token was a string */
};

const char *config_path(struct arena *arena, const char *from, struct slice path)
{
	struct slice file = slice_str(from);
	size_t slash = slice_find_last(file, '/');

	if (slice_starts(path, SLICE("/")) || slash == file.len)
		return arena_strdup(arena, path);
	return arena_printf(
	    arena, "%.*s/%.*s", SLICE_ARG(slice_of(file.ptr, slash)), SLICE_ARG(path))
	    .ptr;
}

struct origin config_text_origin(const struct config_text *text, unsigned line)
{
	size_t i = line > 0 ? line - 1 : 0;

	if (i >= text->line_count)
		i = text->line_count - 1;
	return text->lines[i];
}

void config_text_free(struct config_text *text)
{
	free(text->bytes);
	free(text->lines);
	*text = (struct config_text){.bytes = NULL};
}

/* ---- writing ------------------------------------------------------------------------- */

static void put_char(struct config_text *t, char c, struct origin at)
{
	if (t->failed || !ARRAY_ROOM(t->bytes, t->capacity, t->len + 2) ||
	    !ARRAY_ROOM(t->lines, t->line_capacity, t->line_count + 1)) {
		t->failed = true;
		return;
	}
	if (t->len == 0 || t->bytes[t->len - 1] == '\n')
		t->lines[t->line_count++] = at;
	t->bytes[t->len++] = c;
	t->bytes[t->len] = '\0';
}

static void end_line(struct config_text *t, struct origin at)
{
	if (t->len > 0 && t->bytes[t->len - 1] != '\n')
		put_char(t, '\n', at);
}

/* ---- reading ------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\n';
}

/* Steps over one byte, counting lines. */
static char take_char(struct reader *r)
{
	char c = r->rest.ptr[0];

	r->at.line += c == '\n';
	r->rest = slice_skip(r->rest, 1);
	return c;
}

/* Steps over a comment that begins here, but not over the newline that ends it. */
static bool skip_comment(struct reader *r)
{
	struct origin begin = r->at;

	if (slice_starts(r->rest, SLICE("#")) || slice_starts(r->rest, SLICE("//"))) {
		r->rest = slice_skip(r->rest, slice_find(r->rest, '\n'));
		return true;
	}
	if (!slice_starts(r->rest, SLICE("/*")))
		return false;
	r->rest = slice_skip(r->rest, 2);
	while (r->rest.len > 0 && !slice_starts(r->rest, SLICE("*/")))
		take_char(r);
	if (r->rest.len == 0 && r->diag)
		diag_error(r->diag, begin, "this comment has no end: */ is missing");
	r->rest = slice_skip(r->rest, 2);
	return true;
}

static void copy_string(struct reader *r)
{
	const char *text = r->rest.ptr + 1;
	struct origin begin = r->at;
	bool escaped = false;

	put_char(r->out, take_char(r), begin);
	while (r->rest.len > 0) {
		char c = take_char(r);

		put_char(r->out, c, r->at);
		if (c == '"' && !escaped) {
			r->after_string = true;
			r->string = slice_of(text, (size_t)(r->rest.ptr - text) - 1);
			return;
		}
		escaped = c == '\\' && !escaped;
	}
	diag_error(r->diag, begin, "this string has no end: a quote is missing");
}

static void note_bracket(struct config_text *t, char c)
{
	if (strchr("[({", c)) {
		if (t->depth < NESTING_MAX)
			t->nesting[t->depth] = c;
		t->depth++;
	} else if (strchr("])}", c) && t->depth > 0) {
		t->depth--;
	}
}

/* Sentences are written as several strings on purpose. */
static bool is_prose(struct slice key)
{
	static const char *const keys[] = {"reply", "comment", "owner", "ticket", "help_url"};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (slice_equal(key, slice_str(keys[i])))
			return true;
	return false;
}

/* libconfig joins strings with nothing between them: [ ".icu" ".top" ] is ".icu.top". */
static void tell_joined(const struct reader *r, struct slice rest, struct origin at)
{
	const struct config_text *t = r->out;
	char innermost = t->depth > 0 && t->depth <= NESTING_MAX ? t->nesting[t->depth - 1] : '{';
	struct slice next = slice_skip(rest, 1);
	char one[EXCERPT_MAX], other[EXCERPT_MAX];

	if (t->only_roots || (innermost == '{' && is_prose(r->word)))
		return; /* root quotes nothing; who reads it as the user will say so */
	next.len = slice_find(next, '"');
	diag_warning(r->diag, at,
	    "\"%s\" and \"%s\" are read as one string: write a comma between them; from version "
	    "1.0 on this is an error",
	    slice_excerpt(r->string, one), slice_excerpt(next, other));
}

/* After a string: its separator is brought into the same line, over blanks and comments. */
static void pull_separator(struct reader *r)
{
	struct reader ahead = *r;

	r->after_string = false;
	ahead.diag = NULL;
	while (ahead.rest.len > 0) {
		if (is_blank(ahead.rest.ptr[0]))
			take_char(&ahead);
		else if (!skip_comment(&ahead))
			break;
	}
	if (slice_starts(ahead.rest, SLICE("\"")))
		tell_joined(r, ahead.rest, ahead.at);
	if (ahead.rest.len == 0 || !strchr(",)]", ahead.rest.ptr[0]) || ahead.at.line == r->at.line)
		return;
	r->rest = ahead.rest;
	put_char(r->out, r->rest.ptr[0], r->at);
	note_bracket(r->out, r->rest.ptr[0]);
	r->at = ahead.at;
	take_char(r);
	put_char(r->out, '\n', r->at);
}

static void read_file(const struct reader *from, const char *path, struct origin named_at);

/* `@include "PATH"` as the only thing in its line. */
static void include(struct reader *r)
{
	struct slice line = slice_of(r->rest.ptr, slice_find(r->rest, '\n'));
	struct slice word = slice_trim(slice_skip(line, strlen("@include")));
	struct slice path, behind;
	size_t quote;

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		word = slice_trim(slice_of(word.ptr, word.len - (word.len > 0)));
	r->rest = slice_skip(r->rest, line.len);
	quote = slice_starts(word, SLICE("\"")) ? slice_find(slice_skip(word, 1), '"') : word.len;
	path = slice_of(word.ptr ? word.ptr + 1 : NULL, quote);
	behind = slice_trim(slice_skip(word, quote + 2));
	if (quote + 1 >= word.len || path.len == 0 ||
	    (behind.len > 0 && behind.ptr[0] != '#' && behind.ptr[0] != '/')) {
		diag_error(r->diag, r->at, "an include is a line of its own: @include \"FILE\"");
		return;
	}
	end_line(r->out, r->at);
	read_file(r, config_path(r->names, r->at.file, path), r->at);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (slice_lower(c) >= 'a' && slice_lower(c) <= 'z') ||
	       (c != '\0' && strchr("_-+.*", c));
}

/* An integer that 32 bits do not hold. */
static bool is_large_integer(struct slice word)
{
	uint64_t value = 0;
	int base;

	if (slice_starts(word, SLICE("-")) || slice_starts(word, SLICE("+")))
		word = slice_skip(word, 1);
	base = slice_starts_nocase(word, SLICE("0x")) ? 16 : 10;
	word = slice_skip(word, base == 16 ? 2 : 0);
	for (size_t i = 0; i < word.len; i++) {
		int digit = slice_hex_digit(word.ptr[i]);

		if (digit < 0 || digit >= base)
			return false;
		if (value <= INT32_MAX)
			value = value * (unsigned)base + (unsigned)digit;
	}
	return value > INT32_MAX;
}

/* A bare word: a key or a number.  libconfig cuts integers to 32 bits unless they end in L. */
static bool copy_word(struct reader *r)
{
	struct slice word = {r->rest.ptr, 0};

	while (word.len < r->rest.len && is_word(word.ptr[word.len]))
		word.len++;
	for (size_t i = 0; i < word.len; i++)
		put_char(r->out, take_char(r), r->at);
	if (word.len > 0 && is_large_integer(word))
		put_char(r->out, 'L', r->at);
	if (word.len > 0)
		r->word = word;
	return word.len > 0;
}

static void read_token(struct reader *r)
{
	struct origin at = r->at;
	char c = r->rest.ptr[0];

	if (r->line_begins && slice_starts(r->rest, SLICE("@include"))) {
		include(r);
		return;
	}
	if (skip_comment(r)) {
		put_char(r->out, r->at.line == at.line ? ' ' : '\n', at);
		return;
	}
	if (!is_blank(c))
		r->line_begins = false;
	if (c == '"') {
		copy_string(r);
		pull_separator(r);
		return;
	}
	if (copy_word(r))
		return;
	note_bracket(r->out, c);
	put_char(r->out, c == '\r' ? ' ' : c, at);
	take_char(r);
	if (c == '\n')
		r->line_begins = true;
}

static void read_text(struct reader *r, const char *path, struct slice text)
{
	r->rest = slice_starts(text, SLICE("\xef\xbb\xbf")) ? slice_skip(text, 3) : text;
	if (slice_find(text, '\0') < text.len)
		diag_error(r->diag, (struct origin){path, 0}, "holds a NUL byte: not a text file");
	else
		while (r->rest.len > 0)
			read_token(r);
	end_line(r->out, r->at);
}

/* A file that another names; the outermost is named by a reader of depth 0 without a file. */
static void read_file(const struct reader *from, const char *path, struct origin named_at)
{
	struct config_text *out = from->out;
	struct diag *diag = from->diag;
	char why[TEXTFILE_WHY_MAX];
	enum textfile_result result;
	struct slice text;
	struct reader r = {
	    .out = out,
	    .diag = diag,
	    .files = from->files,
	    .names = from->names,
	    .at = {path, 1},
	    .depth = from->depth + 1,
	    .line_begins = true,
	};

	if (!path || out->includes > INCLUDES_MAX)
		return;
	if (out->includes++ == INCLUDES_MAX) {
		diag_error(diag, named_at,
		    "more than %d files are included: does one include itself?", (int)INCLUDES_MAX);
		return;
	}
	if (from->depth > INCLUDE_DEPTH_MAX) {
		diag_error(diag, named_at,
		    "more than %d files include each other: does one include itself?",
		    (int)INCLUDE_DEPTH_MAX);
		return;
	}
	result = r.files->read(
	    r.files->context, path, from->depth > 0 && r.files->only_roots, &text, why);
	if (result == TEXTFILE_FOREIGN)
		diag_warning(
		    diag, named_at, "%s %s: sockets and user are not taken from it", path, why);
	else if (result == TEXTFILE_OK)
		read_text(&r, path, text);
	else if (from->depth == 0)
		diag_error(diag, named_at, "%s", why);
	else
		diag_error(diag, named_at, "%s %s", path, why);
}

void config_text_read(struct config_text *text, const char *path, const struct config_reader *files,
    struct diag *diag, struct arena *names)
{
	struct reader outermost = {.out = text, .diag = diag, .files = files, .names = names};

	*text = (struct config_text){.bytes = NULL};
	read_file(&outermost, path, (struct origin){path, 0});
	put_char(text, '\n', (struct origin){path, 0});
	if (text->failed)
		diag_error(diag, (struct origin){path, 0}, "out of memory");
}
