#ifndef EDGE_SYNTAX_CONFIG_TEXT_H
#define EDGE_SYNTAX_CONFIG_TEXT_H
/*
 * config_text: a configuration file and all that it includes as one text, and where each line of
 * that text comes from.
 *
 *     susmilter.conf: 1 mode = "monitor";            lines 1 → susmilter.conf:1
 *                     2 @include "rules/cn.conf"           2 → rules/cn.conf:1
 *                     3 log = { };                         3 → susmilter.conf:3
 *
 * libconfig has an @include of its own, but resolves it against one directory for all files,
 * ends the process when it is given a directory, and notes for the last string in a list the
 * line of the token behind it.  So it is given text in which comments and includes are resolved
 * and a string is followed by its separator in the same line.  Integers beyond 32 bits, which it
 * would cut, get its "L"; strings that it would join for want of a comma are warned of.
 */
#include "core/base/arena.h"
#include "core/base/diag.h"
#include "edge/os/textfile.h"

/* Deeper brackets than any configuration has are counted, not known. */
enum { NESTING_MAX = 32 };

struct config_text {
	char *bytes; /* NUL-terminated */
	size_t len, capacity;
	struct origin *lines;
	size_t line_count, line_capacity;
	bool only_roots;
	unsigned includes;         /* files read so far */
	char nesting[NESTING_MAX]; /* the brackets that are open */
	unsigned depth;
	bool failed; /* out of memory */
};

/* How a file is read; its text stays the reader's. */
struct config_reader {
	/* `roots`: a file that is not root's, or that others can write to, is FOREIGN */
	enum textfile_result (*read)(void *context, const char *path, bool roots, struct slice *out,
	    char why[TEXTFILE_WHY_MAX]);
	void *context;
	bool only_roots; /* of included files */
};

/* Reads everything; what is wrong goes to diag.  Names of files live in `names`.  Free it
 * with config_text_free() in any case. */
void config_text_read(struct config_text *, const char *path, const struct config_reader *,
    struct diag *, struct arena *names);
void config_text_free(struct config_text *);

/* The origin of a line of the text, counted from 1. */
struct origin config_text_origin(const struct config_text *, unsigned line);

/* `path` as it is named in the file `from`: relative to that file's directory. */
const char *config_path(struct arena *, const char *from, struct slice path);

#endif
