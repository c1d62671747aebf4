#ifndef EDGE_LOG_RECORDFILE_H
#define EDGE_LOG_RECORDFILE_H
/*
 * recordfile: the decision log on disk: whole lines, appended, many to a write.
 *
 *     recordfile_open(&f, "/var/log/susmilter/decisions.jsonl");
 *     failed = recordfile_write(&f, lines, 64);
 *
 * A full disk cuts a line short at worst; the line is counted as failed, and the next one that is
 * written starts a line of its own.  Trouble is logged once, until a write succeeds again.
 *
 * One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

struct recordfile {
	int fd;          /* -1: none is open */
	bool wanted;     /* one should be */
	bool mid_line;   /* the file ends in the middle of a line */
	bool complained; /* since a write succeeded */
};

/* Lines of one write: 16 KiB of typical ones, and far below IOV_MAX. */
enum { RECORDFILE_BATCH_MAX = 64 };

/* Opens path for appending in place of what was open; "" opens none.  On failure none is open, and
 * errno tells why. */
bool recordfile_open(struct recordfile *, const char *path);
void recordfile_close(struct recordfile *);

/* Writes count (at most RECORDFILE_BATCH_MAX) lines, each with its newline; the number of those
 * that are not in the file whole. */
size_t recordfile_write(struct recordfile *, const struct iovec *lines, size_t count);

#endif
