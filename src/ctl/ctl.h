#ifndef CTL_H
#define CTL_H
/*
 * The parts of susmilterctl: words → request → print.  It knows nothing of policy: what a command
 * does is in the daemon or, with -c, in the same function called here (edge/commands.h).
 *
 *     words     the command line → a command and its request, by the rows of the commands
 *     remote    the request → the control socket → what comes back, printed
 *     local     the request → the command's function, on a configuration file
 */
#include "edge/commands.h"

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

/* Asks the daemon.  False: nobody listens there, and nothing was printed. */
bool remote_ask(const struct words *, int *status);

/* Says that nobody listens. */
void remote_complain(const struct words *);

/* Runs the command here; its exit status. */
int local_run(const struct words *);

#endif
