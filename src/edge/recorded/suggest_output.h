#ifndef RECORDED_SUGGEST_OUTPUT_H
#define RECORDED_SUGGEST_OUTPUT_H
/*
 * suggest_output: what `suggest ranges` and `suggest whitelist` have in common: their options, the
 * rows of the history, and how figures and rules are told.
 *
 *     struct suggest_run run;
 *     if (!suggest_begin(req, &run))
 *             return run.status;
 *     if (suggest_read(&run, take_row, context)) ...
 *     suggest_end();
 *
 * Text is a configuration: rules in monitor mode, and all else in comments.  One runs at a time in
 * a process, since each takes some 200 MB for a large history.
 */
#include "edge/control/commands.h"
#include "edge/recorded/history_source.h"

/* Of a rule, made of an address or a name. */
enum { SUGGEST_RULE_MAX = 300, SUGGEST_CLAIM_MAX = 64 };

struct suggest_run {
	struct request *req;
	int status;    /* why it did not begin */
	uint64_t seed; /* of tables of strangers' names */
	size_t most;   /* candidates that are shown */
	struct history_scan scan;
	/* of the result */
	size_t candidates, contradicted, shown;
	uint64_t right, wrong; /* on the days that were held out */
	uint64_t lost;
};

/* False after a complaint. */
bool suggest_begin(struct request *, struct suggest_run *);
void suggest_end(void);

/* All rows, in the order of their times; false after a complaint. */
bool suggest_read(struct suggest_run *, history_row_fn *each, void *context);

/* Takes the list over. */
json_t *suggest_json(const struct suggest_run *, json_t *candidates);

/* As comments. */
void suggest_print(const struct suggest_run *);

/* "suggested-198-51-100-0-24"; returns out. */
const char *suggest_rule(const char *text, char out[SUGGEST_RULE_MAX]);

/* "mode = "monitor"; expires = …; }", and a comma unless it is the last. */
void suggest_print_end(const struct suggest_run *, bool last);

/* "precision at least 0.99", or why it is not claimed; returns out. */
const char *suggest_claim(bool claimed, double bound, char out[SUGGEST_CLAIM_MAX]);

/* Without room for every domain counter-examples would be missing: then nothing is proposed. */
#define SUGGEST_NO_ROOM                                                                            \
	"suggest: out of memory, or accepted mail of more domains than are counted: "              \
	"ask for less with --since\n"

#endif
