#ifndef EDGE_CONTROL_CHANNEL_H
#define EDGE_CONTROL_CHANNEL_H
/*
 * channel: the two directions between a command and whoever asked for it.
 *
 *     channel_print(c, "generation %llu\n", n);      // standard output of susmilterctl
 *     channel_error(c, "no such rule\n");         // its standard error
 *     channel_exit(c, 1);                            // its exit status
 *
 * A command does not know whether it runs in the daemon or, with -c, in susmilterctl itself.  On
 * the control socket what it says is framed, so that text of any length and kind comes through
 * as it is and the end of an answer is told from a lost connection: a line "out LENGTH",
 * "err LENGTH" or "exit STATUS", and behind the first two so many bytes.  The first is an empty
 * one, so that a command which takes its time is told from a daemon that hangs.  Input is lines in
 * both cases.
 *
 * Output is collected and sent in large pieces.  One thread at a time.
 */
#include "core/base/slice.h"

struct channel;

/* The longest line of input: a request, or a session of `explain --batch`. */
enum { CHANNEL_LINE_MAX = 64 * 1024 };

enum channel_kind { CHANNEL_FRAMED, CHANNEL_PLAIN };

/* Borrows the descriptors; framed: err is unused.  NULL when out of memory. */
struct channel *channel_create(enum channel_kind, int in, int out, int err);

/* Sends what is left and frees. */
void channel_free(struct channel **);

/*
 * The next line of input, without its line end; it stays until the next call.  Of a line longer
 * than CHANNEL_LINE_MAX the beginning is given and *cut is true.  False at the end.
 */
bool channel_line(struct channel *, struct slice *line, bool *cut);

/* Says at once that an answer will come. */
void channel_begin(struct channel *);

/* Buffered; false once the other side is gone, when nothing more needs to be said. */
bool channel_write(struct channel *, struct slice bytes);
bool channel_print(struct channel *, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool channel_error(struct channel *, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool channel_flush(struct channel *);

/*
 * Waits until `fd` can be read (fd -1: only waits), at most until `timeout_ms` are over (-1: for
 * ever).  Sends what is buffered first.
 */
enum channel_event { CHANNEL_READABLE, CHANNEL_TIMEOUT, CHANNEL_GONE };
enum channel_event channel_wait(struct channel *, int fd, int timeout_ms);

/* Whether the other side has closed the connection, as when susmilterctl was interrupted. */
bool channel_is_gone(struct channel *);

/* Ends the answer. */
bool channel_exit(struct channel *, int status);

#endif
