#include "core/base/diag.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A line that says more than this says it badly; the rest is cut. */
#define LINE_MAX_BYTES 1024

enum { LEVELS = DIAG_WARNING + 1 };

struct message {
	struct message *next;
	enum diag_level level;
	char line[];
};

/* What was said of one file, kept or not.  Files are few: a configuration and its lists. */
struct file {
	struct file *next;
	size_t said[LEVELS];
	char name[];
};

struct diag {
	struct message *messages, **last_message;
	struct message **last_headline; /* in the same list */
	struct file *files, **last_file;
	struct file *latest; /* mostly the one that is asked for next */
	size_t total[LEVELS];
	bool out_of_memory;
};

struct diag *diag_create(void)
{
	struct diag *r = calloc(1, sizeof *r);

	if (r) {
		r->last_message = r->last_headline = &r->messages;
		r->last_file = &r->files;
	}
	return r;
}

void diag_free(struct diag **r)
{
	if (!*r)
		return;
	for (struct message *m = (*r)->messages, *next; m; m = next) {
		next = m->next;
		free(m);
	}
	for (struct file *f = (*r)->files, *next; f; f = next) {
		next = f->next;
		free(f);
	}
	free(*r);
	*r = NULL;
}

/* The counters of one file, made when it speaks for the first time; NULL when out of memory. */
static struct file *file_of(struct diag *r, const char *name)
{
	struct file *f = r->latest;
	size_t size = strlen(name) + 1;

	if (f && strcmp(f->name, name) == 0)
		return f;
	for (f = r->files; f && strcmp(f->name, name) != 0; f = f->next)
		;
	if (!f) {
		f = calloc(1, sizeof *f + size);
		if (!f)
			return NULL;
		memcpy(f->name, name, size);
		*r->last_file = f;
		r->last_file = &f->next;
	}
	r->latest = f;
	return f;
}

static bool keep_message(struct diag *r, enum diag_level level, bool headline, const char *line)
{
	size_t size = strlen(line) + 1;
	struct message *m = malloc(sizeof *m + size);

	if (!m)
		return false;
	m->level = level;
	memcpy(m->line, line, size);
	m->next = headline ? *r->last_headline : NULL;
	if (!headline || !m->next) {
		*r->last_message = m;
		r->last_message = &m->next;
	} else {
		*r->last_headline = m;
	}
	if (headline)
		r->last_headline = &m->next;
	return true;
}

/* "file:line: reason", cut to size. */
static void compose_line(
    char line[LINE_MAX_BYTES], struct origin at, const char *format, va_list args)
{
	int n = at.line > 0 ? snprintf(line, LINE_MAX_BYTES, "%s:%u: ", at.file, at.line)
			    : snprintf(line, LINE_MAX_BYTES, "%s: ", at.file);

	if (n >= 0 && n < LINE_MAX_BYTES)
		vsnprintf(line + n, LINE_MAX_BYTES - (size_t)n, format, args);
	/* a reason may quote what was read */
	text_mask_controls(line, strlen(line));
}

static void add_message(struct diag *r, enum diag_level level, bool headline, struct origin at,
    const char *format, va_list args)
{
	struct file *file = file_of(r, at.file);
	char line[LINE_MAX_BYTES];

	r->total[level]++;
	if (!file) {
		r->out_of_memory = true;
		return;
	}
	if (++file->said[level] > DIAG_PER_FILE)
		return;
	compose_line(line, at, format, args);
	if (!keep_message(r, level, headline, line))
		r->out_of_memory = true;
}

void diag_error(struct diag *r, struct origin at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_message(r, DIAG_ERROR, false, at, format, args);
	va_end(args);
}

void diag_warning(struct diag *r, struct origin at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_message(r, DIAG_WARNING, false, at, format, args);
	va_end(args);
}

void diag_headline(struct diag *r, struct origin at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_message(r, DIAG_WARNING, true, at, format, args);
	va_end(args);
}

size_t diag_errors(const struct diag *r)
{
	return r->total[DIAG_ERROR] + (r->out_of_memory ? 1 : 0);
}

size_t diag_warnings(const struct diag *r)
{
	return r->total[DIAG_WARNING];
}

static void tell_rest(const struct file *file, enum diag_level level,
    void (*each)(void *context, enum diag_level, const char *line), void *context)
{
	size_t more = file->said[level] > DIAG_PER_FILE ? file->said[level] - DIAG_PER_FILE : 0;
	char line[LINE_MAX_BYTES];

	if (more == 0)
		return;
	snprintf(line, sizeof line, "%s: %zu more %s%s not shown", file->name, more,
	    level == DIAG_ERROR ? "error" : "warning", more == 1 ? "" : "s");
	each(context, level, line);
}

void diag_each(const struct diag *r, void (*each)(void *context, enum diag_level, const char *line),
    void *context)
{
	for (const struct message *m = r->messages; m; m = m->next)
		each(context, m->level, m->line);
	for (const struct file *f = r->files; f; f = f->next) {
		tell_rest(f, DIAG_ERROR, each, context);
		tell_rest(f, DIAG_WARNING, each, context);
	}
	if (r->out_of_memory)
		each(context, DIAG_ERROR, "out of memory: this report is not complete");
}
