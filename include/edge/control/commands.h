#ifndef EDGE_CONTROL_COMMANDS_H
#define EDGE_CONTROL_COMMANDS_H
/*
 * commands: what can be asked of susmilter, one row a command.
 *
 * A row has everything that is known of its command: its words, arguments and options (from which
 * susmilterctl reads its command line and writes --help), who may ask, and the function that
 * answers.  The same function answers in the daemon, over the control socket, and in susmilterctl
 * itself where -c names a configuration and no daemon is wanted:
 *
 *     {"command":"explain","client":"198.51.100.7","recipient":"b@example.org"}
 *         → commands_find() → may this peer? → run(&request) → lines, and an exit status
 */
#include "core/base/arena.h"
#include "edge/control/channel.h"
#include "edge/worker/worker.h"

#include <jansson.h>

enum command_flag {
	COMMAND_ADMIN = 1,     /* only root and the daemon's own user may ask */
	COMMAND_OFFLINE = 2,   /* runs on a file with -c, too */
	COMMAND_EITHER = 4,    /* runs without a daemon when there is none */
	COMMAND_NO_TABLE = 8,  /* needs no table to start with */
	COMMAND_LOCAL = 32,    /* runs only in susmilterctl, with the rights of whoever asks */
	COMMAND_INPUT = 16,    /* reads standard input with --batch, a file with --message */
	COMMAND_HISTORY = 128, /* runs in susmilterctl, without a table, with --history */
	COMMAND_MAIL = 256,    /* with --to its answer is messages, for sendmail(1) */
	COMMAND_LIVE = 64,     /* asked again and again, for a screen, unless --once is there */
};

/* STATUS_SHORT: done, but what it was done on is less than asked for. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_SHORT = 3 };

struct command_option {
	const char *name;  /* "--client"; its key in the request: without "--", '-' → '_' */
	const char *value; /* what stands for its value in help; NULL: the option is a switch */
	const char *help;  /* NULL: for tests, not shown */
};

/* One question, with all that an answer may need.  Borrowed for the call. */
struct request {
	const json_t *json;
	struct worker *worker;               /* NULL: in susmilterctl */
	const struct generation *generation; /* NULL: none was loaded, or none is needed */
	const char *config_path;             /* of the daemon, or as given with -c */
	bool admin;
	unsigned uid; /* of whoever asks */
	struct channel *channel;
	struct arena *arena; /* what must last to the end of the answer */
};

struct command {
	const char *words;                    /* "whitelist add" */
	const char *arguments;                /* "ENTRY", "[FILE]", "" */
	const char *help;                     /* one line */
	const struct command_option *options; /* ends in a row without name; NULL: none */
	unsigned flags;
	int (*run)(struct request *);
};

/* All commands, in the order of --help; the last has no words. */
extern const struct command commands[];

/* The command of these words, or NULL. */
const struct command *commands_find(const char *words);

/* Memory of one answer: what an explanation of a full table needs, with room. */
#define COMMAND_ARENA_MAX ((size_t)256 << 20)

/* ---- for the functions of commands --------------------------------------------------- */

/* A string of the request; NULL when it is not there.  A switch is there as "true". */
const char *request_text(const struct request *, const char *key);
bool request_switch(const struct request *, const char *key);

/* The n-th argument behind the words, or NULL. */
const char *request_argument(const struct request *, size_t n);

/* Prints a JSON value on a line of its own and drops the reference to it: STATUS_OK.  STATUS_FAILED
 * after a complaint when there was no memory for all of it; NULL is that, too. */
int request_print_json(struct request *, json_t *);

/* A JSON string of bytes that may be no text. */
json_t *json_from_slice(struct slice);

/* RFC 3339, of seconds since the epoch; null for 0. */
json_t *json_from_time(int64_t seconds);

/* What a stranger wrote, safe for a terminal: control bytes become '?', what is too long is cut.
 * Returns out. */
enum { PLAIN_MAX = 1024 };
const char *plain_text(const char *text, char out[PLAIN_MAX]);

/* "3d 4h", "12m 5s": the two largest units; room for any two numbers of 64 bits.  Returns out. */
enum { AGE_MAX = 48 };
const char *age_text(int64_t seconds, char out[AGE_MAX]);

/* "30m", "12h", "7d", "4w", "1y" in seconds; 0 when it is none of these, or over ten years. */
int64_t span_of(const char *text);

/* Prints all lines of diag to standard error. */
void request_print_diag(struct request *, const struct diag *);

/* ---- the groups ---------------------------------------------------------------------- */

/* commands_status.c */
int command_status(struct request *);
int command_stats(struct request *);

/* commands_feeds.c: the feeds of a generation, for status and reload. */
json_t *feeds_json(const struct loaded *, int64_t now);
void feeds_print(struct request *, const struct loaded *, int64_t now);

/* "files", or "copy" of those of an earlier generation. */
json_t *source_json(const struct config *);

/*
 * change_output.c: the whole difference between two rule tables (SPEC 10): enforcement first, then
 * settings, rules, entries, recipient domains, address space; last what it does to the mail of the
 * last 24 hours (change_backtest.h), in the object as "backtest".  A new reference; null after a
 * complaint.
 */
void change_print(struct request *, const struct ruleset *before, const struct ruleset *after);
json_t *change_json(struct request *, const struct ruleset *before, const struct ruleset *after);
void source_print(struct request *, const struct config *);

/* commands_load.c */
int command_check(struct request *);
int command_reload(struct request *);

/* commands_rule.c: modes of rules that are set beside the configuration, and those in force. */
int command_rule(struct request *);
json_t *overrides_json(const struct ruleset *, int64_t now);
void overrides_print(struct request *, const struct ruleset *, int64_t now);

/* commands_explain.c, commands_decision.c */
int command_explain(struct request *);
int explain_decision(struct request *, const char *token);

/* commands_message.c: the steps of what was looked up, to be told behind the verdict. */
struct explain_steps {
	struct arena *arena;
	struct explain_step *first, *last;
};

/* Reads the message from the input and decides the question by it; false after a complaint. */
struct session_query;
bool explain_message(struct request *, struct session_query *, struct explain_steps *);

/* Decides the question without a message: SPF is asked of the DNS, as the daemon does, where the
 * verdict hangs on it and client and sender are given. */
void explain_session(struct request *, struct session_query *, struct explain_steps *);

void explain_print_steps(struct request *, const struct explain_steps *);

/* The record of a decision, by its id; a new reference.  NULL after a complaint. */
json_t *request_decision(struct request *, const char *token);

/* commands_whitelist.c */
int command_whitelist_add(struct request *);
int command_whitelist_remove(struct request *);
int command_whitelist_list(struct request *);

/* commands_watch.c, commands_top.c */
int command_tail(struct request *);
int command_top(struct request *);

/* commands_import.c, commands_export.c */
int command_import(struct request *);
int command_export(struct request *);

/* commands_doctor.c */
int command_doctor(struct request *);

/* commands_report.c */
int command_report(struct request *);

/* commands_lookup.c */
int command_lookup(struct request *);

/* commands_rules.c */
int command_rules(struct request *);

/* commands_stale.c */
int command_stale(struct request *);

/* commands_digest.c */
int command_digest(struct request *);

/* commands_backtest.c */
int command_backtest(struct request *);

/* commands_suggest.c, commands_suggest_whitelist.c */
int command_suggest_ranges(struct request *);
int command_suggest_whitelist(struct request *);

/* commands_audit.c */
int command_audit_domains(struct request *);

/* commands_find.c, commands_history.c */
int command_find(struct request *);
int command_history_export(struct request *);
int command_history_forget(struct request *);

#endif
