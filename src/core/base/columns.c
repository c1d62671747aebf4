#include "core/base/columns.h"

#include "core/base/line.h"

#include <string.h>

/* Columns of this rank and above are cut only when those that may be left out are. */
enum { WHOLE = 3 };

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

size_t columns_length(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += begins_character(*text);
	return n;
}

void columns_measure(struct column *c, const char *cell)
{
	size_t n = columns_length(cell);

	if (n > c->width)
		c->width = (unsigned)n;
}

/* Of all that are shown, with a blank between each two. */
static unsigned total_of(const struct column *c, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += c[i].width ? c[i].width + (sum > 0) : 0;
	return sum;
}

/* Takes what is too much from columns of this rank, down to their min (or to one). */
static void shrink(struct column *c, size_t n, unsigned width, unsigned rank, bool to_one)
{
	for (size_t i = 0; i < n; i++) {
		unsigned all = total_of(c, n), least = to_one || c[i].min == 0 ? 1 : c[i].min;

		if (all <= width || c[i].shrink != rank || c[i].width <= least)
			continue;
		c[i].width = c[i].width - least > all - width ? c[i].width - (all - width) : least;
	}
}

/* How narrow it can be without cutting columns that are to stay whole (the highest ranks). */
static unsigned least_of(const struct column *c, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		bool may = c[i].shrink > 0 && c[i].shrink < WHOLE && c[i].min < c[i].width;

		sum += c[i].width ? (may ? c[i].min : c[i].width) + (sum > 0) : 0;
	}
	return sum;
}

void columns_fit(struct column *c, size_t n, unsigned width)
{
	enum { RANKS = 8 };

	for (size_t i = 0; i < n; i++)
		columns_measure(&c[i], c[i].head);
	for (size_t i = 0; i < n; i++)
		c[i].width = c[i].hidden ? 0 : c[i].width;
	for (size_t i = n; i-- > 0;)
		if (c[i].optional && least_of(c, n) > width)
			c[i].width = 0;
	for (int to_one = 0; to_one < 2; to_one++)
		for (unsigned rank = 1; rank < RANKS; rank++)
			shrink(c, n, width, rank, to_one);
}

/* As much of the text as fits, and how many columns it takes. */
static size_t cut(const char *text, unsigned width, size_t *shown)
{
	size_t len = 0;

	for (*shown = 0; text[len]; len++)
		if (begins_character(text[len]) && (*shown)++ == width) {
			*shown = width;
			break;
		}
	return len;
}

static void append_cell(struct line *l, const struct column *c, const char *text)
{
	bool fits = columns_length(text) <= c->width;
	size_t shown, len = cut(text, fits ? c->width : c->width - 1, &shown);
	int blanks = (int)(c->width - shown - !fits);

	line_append(l, "%*s%.*s%s%*s", c->right ? blanks : 0, "", (int)len, text, fits ? "" : "~",
	    c->right ? 0 : blanks, "");
}

const char *columns_row(
    const struct column *c, size_t n, const char *const *cells, char text[COLUMNS_LINE_MAX])
{
	struct line l = line_start(text, COLUMNS_LINE_MAX);

	for (size_t i = 0; i < n; i++) {
		if (c[i].width == 0)
			continue;
		if (l.len > 0)
			line_append(&l, " ");
		append_cell(&l, &c[i], cells ? cells[i] : c[i].head);
	}
	while (l.len > 0 && text[l.len - 1] == ' ')
		text[--l.len] = '\0';
	return text;
}
