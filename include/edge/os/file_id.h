#ifndef EDGE_OS_FILE_ID_H
#define EDGE_OS_FILE_ID_H
/*
 * file_id: which version of a file was read, so that a look at its inode tells whether it must be
 * read again.
 *
 *     struct file_id id, now;
 *     file_read("lists/dialup.cidr", &text, &id, why);
 *     …
 *     file_id_take("lists/dialup.cidr", &now);          // one stat(2), nothing is opened
 *     if (!file_id_equal(&id, &now)) ...                // read it again
 *
 * Device, inode, size and time of modification (to the nanosecond) are compared, as make(1) and
 * rsync(1) do.  Two traps of that are closed here: a file that changed while it was read is not
 * settled, and equals nothing; and since the time is that of the kernel's last tick, a file that
 * was written in this tick is read only when the tick is over: a later change has another time.
 */
#include "edge/os/textfile.h"

struct file_id {
	bool there;    /* false: nothing of that name */
	bool readable; /* by us */
	bool settled;  /* it did not change while it was read */
	uint64_t device, inode, size;
	int64_t seconds, nanoseconds; /* of modification, since the epoch */
};

/* As it is now; follows links. */
void file_id_take(const char *path, struct file_id *);

/* False when one of them is not settled.  Two that are not there are equal. */
bool file_id_equal(const struct file_id *, const struct file_id *);

/* The same without the device, whose number may be another after a boot. */
bool file_id_same_file(const struct file_id *, const struct file_id *);

/* textfile_read(), and which version that was. */
enum textfile_result file_read(
    const char *path, struct slice *out, struct file_id *, char why[TEXTFILE_WHY_MAX]);

#endif
