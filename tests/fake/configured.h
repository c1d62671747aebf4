#ifndef FAKE_CONFIGURED_H
#define FAKE_CONFIGURED_H
/*
 * configured: a configuration given as text, loaded from a scratch directory that is also the
 * working directory, so that messages begin "t.conf:3: ".
 *
 *     struct configured c;
 *     configured_load(&c, "mode = \"monitor\";\n");
 *     ck_assert_str_eq(c.lines, "");
 *     configured_free(&c);
 */
#include "edge/config/config.h"

enum { CONFIGURED_LINES_MAX = 16384 };

struct configured {
	struct diag *diag;
	struct config *config; /* NULL when there were errors */
	struct ruleset *rules;
	char lines[CONFIGURED_LINES_MAX]; /* errors, then "warning: …", a line each, as told */
};

void configured_load(struct configured *, const char *text);

/* As a reload beside `previous`. */
void configured_reload(struct configured *, const char *text, const struct config *previous);

/* Goes back to the checkout as well: the next case may run in the same process. */
void configured_free(struct configured *);

/* Writes another file of the directory. */
void configured_file(const char *name, const char *text);

/* Makes the scratch directory the working directory; returns what the path of the checkout is. */
const char *configured_enter(void);

#endif
