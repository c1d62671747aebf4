#ifndef EDGE_OS_STATEDIR_H
#define EDGE_OS_STATEDIR_H
/*
 * statedir: a directory in which the daemon keeps what it must know after a restart.
 *
 *     int dir = statedir_open("/var/lib/susmilter", "copies", true, why);
 *     statedir_write(dir, "index", text, why);     // the old file or the new one, never a half
 *     statedir_read(dir, "index", &text, why);
 *     close(dir);
 *
 * Files are 0640 and directories 0750, of the user that the daemon runs as.  A file is written
 * under another name, made durable and moved into its place; what a full disk leaves is removed at
 * once. Nothing here follows a link: others may not lead us elsewhere.
 */
#include "edge/os/textfile.h"

enum { STATEDIR_WHY_MAX = 200 };

/*
 * A descriptor of DIRECTORY/NAME; -1, errno, and the sentence.  With `make` both are made when they
 * are not there (but not what is above).
 */
int statedir_open(const char *directory, const char *name, bool make, char why[STATEDIR_WHY_MAX]);

bool statedir_write(int dir, const char *name, struct slice bytes, char why[STATEDIR_WHY_MAX]);

/* A new file, whose name counts for nothing until a file that is written names it: no half of it is
 * ever looked at, so that one step less will do. */
bool statedir_put(int dir, const char *name, struct slice bytes, char why[STATEDIR_WHY_MAX]);

/* As textfile_read(); errno is that of opening it. */
enum textfile_result statedir_read(
    int dir, const char *name, struct slice *out, char why[TEXTFILE_WHY_MAX]);

void statedir_remove(int dir, const char *name);

/* Removes every file that is not wanted. */
void statedir_sweep(int dir, bool (*wanted)(void *context, const char *name), void *context);

#endif
