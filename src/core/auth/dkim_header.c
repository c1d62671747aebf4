#include "core/auth/dkim_header.h"

#include "core/auth/taglist.h"

/* Canonical octets on their way to the sink. */
struct writer {
	bool relaxed;
	dkim_header_sink *sink;
	void *self;
	bool started; /* relaxed: something of the value was written */
	bool blank;   /* relaxed: white space seen, not yet written */
	size_t len;
	char bytes[512]; /* so that the sink is not called for each octet */
};

static void flush_bytes(struct writer *w)
{
	if (w->len > 0)
		w->sink(w->self, w->bytes, w->len);
	w->len = 0;
}

static void write_byte(struct writer *w, char c)
{
	if (w->len == sizeof w->bytes)
		flush_bytes(w);
	w->bytes[w->len++] = c;
}

static void write_simple(struct writer *w, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		write_byte(w, text.ptr[i]);
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(struct slice text, size_t i)
{
	return text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
}

/* Unfolded, blanks between words as one, none at either end.  A value may come in parts. */
static void write_relaxed(struct writer *w, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (is_line_end(text, i)) {
			i++;
		} else if (is_white(text.ptr[i])) {
			w->blank = true;
		} else {
			if (w->blank && w->started)
				write_byte(w, ' ');
			w->blank = false;
			w->started = true;
			write_byte(w, text.ptr[i]);
		}
	}
}

/* The name in lower case, and what is behind the colon; returns what of it is left to write. */
static struct slice write_relaxed_name(struct writer *w, struct slice field)
{
	size_t colon = slice_find(field, ':');
	struct slice name = slice_trim(slice_of(field.ptr, colon));

	for (size_t i = 0; i < name.len; i++)
		write_byte(w, slice_lower(name.ptr[i]));
	write_byte(w, ':');
	w->started = w->blank = false;
	return slice_skip(field, colon + 1);
}

/* One field of which a part in the middle may be left out. */
static void write_field(struct writer *w, struct slice front, struct slice back)
{
	if (w->relaxed) {
		write_relaxed(w, write_relaxed_name(w, front));
		write_relaxed(w, back);
	} else {
		write_simple(w, front);
		write_simple(w, back);
	}
}

/* "Name:", with blanks in front of the colon or without, in either case. */
static bool is_named(struct slice field, struct slice name)
{
	size_t i = name.len;

	if (field.len <= name.len || !slice_equal_nocase(slice_of(field.ptr, name.len), name))
		return false;
	while (i < field.len && is_white(field.ptr[i]))
		i++;
	return i < field.len && field.ptr[i] == ':';
}

/* The last one of that name which is not taken; n when there is none. */
static size_t select_field(
    const struct slice *fields, size_t n, const bool *taken, struct slice name)
{
	for (size_t i = n; i > 0; i--)
		if (!taken[i - 1] && is_named(fields[i - 1], name))
			return i - 1;
	return n;
}

static void write_selected(
    struct writer *w, struct slice names, const struct slice *fields, size_t n, bool *taken)
{
	struct slice name;

	while (taglist_element(&names, &name)) {
		size_t at = name.len > 0 ? select_field(fields, n, taken, name) : n;

		if (at == n)
			continue;
		taken[at] = true;
		write_field(w, fields[at], slice_of(NULL, 0));
		write_simple(w, SLICE("\r\n"));
	}
}

/* RFC 6376 3.7: without the value of b= and the blanks around it, and without a line end. */
static void write_own(struct writer *w, struct slice text, struct slice signature)
{
	size_t start = (size_t)(signature.ptr - text.ptr), end = start + signature.len;

	while (text.ptr[start - 1] != '=')
		start--;
	end += slice_find(slice_skip(text, end), ';');
	write_field(w, slice_of(text.ptr, start), slice_skip(text, end));
}

bool dkim_header_canon(const struct dkim_field *field, const struct slice *fields, size_t n,
    size_t own, struct arena *arena, dkim_header_sink *sink, void *self)
{
	struct writer w = {.relaxed = field->relaxed_header, .sink = sink, .self = self};
	bool *taken = arena_calloc(arena, n, sizeof *taken);

	if (!taken)
		return false;
	taken[own] = true;
	write_selected(&w, field->signed_names, fields, n, taken);
	write_own(&w, fields[own], field->signature);
	flush_bytes(&w);
	return true;
}
