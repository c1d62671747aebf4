#ifndef CTL_H
#define CTL_H
/*
 * The parts of susmilterctl: words → request → print.  It knows nothing of policy: what a command
 * does is in the daemon or, with -c, in the same function called here (edge/control/commands.h).
 *
 *     words     the command line → a command and its request, by the rows of the commands
 *     remote    the request → the control socket → what comes back, printed
 *     screen    a request that is asked again and again, on a terminal
 *     local     the request → the command's function, on a configuration file
 *     mail      the messages of an answer → sendmail(1)
 */
#include "edge/control/commands.h"

#define DEFAULT_SOCKET "/run/susmilter/control.sock"
#define DEFAULT_CONFIG "/etc/susmilter/susmilter.conf"

struct words {
	const struct command *command;
	json_t *request;
	const char *socket; /* DEFAULT_SOCKET unless --socket says otherwise */
	const char *config; /* -c; NULL: ask the daemon */
};

/*
 * Reads the command line.  False when there is nothing to do but exit with *status, because help
 * was asked for (and printed) or the words are wrong (and it was said how).
 */
bool words_read(int argc, char **argv, struct words *out, int *status);

/* Whether a directory of the history is given: then neither daemon nor table is needed. */
bool words_name_history(const struct words *);

/* Where what comes back goes: STDOUT_FILENO or STDERR_FILENO; false when it cannot. */
struct sink {
	bool (*print)(void *context, int fd, struct slice bytes);
	void *context;
};

/*
 * Asks the daemon; NULL: what it says is printed.  The exit status that it gives, or what kept it
 * from that: nobody listens there (errno says why), it does not begin to answer, or it ended in the
 * middle, or what it says cannot be written.  With the first two nothing was printed.
 */
enum { REMOTE_NOBODY = -1, REMOTE_SILENT = -2, REMOTE_LOST = -3, REMOTE_UNWRITTEN = -4 };
int remote_ask(const struct words *, const struct sink *);

/* Says that standard output has not all of the answer. */
void complain_unwritten(void);

/* Asks until it is interrupted, each time for a page of the screen; its exit status. */
int screen_run(const struct words *);

/* Says which of these it was, and what to do. */
void remote_complain(const struct words *, int status);

/* Runs the command here; its exit status. */
int local_run(const struct words *);

/* Runs the command, there or here, and hands the messages of its answer to sendmail(1); its exit
 * status, or STATUS_FAILED when one could not be handed over. */
int mail_run(const struct words *);

/* Asks the daemon, or runs the command here where that is what is wanted; its exit status. */
int run_command(const struct words *);

#endif
