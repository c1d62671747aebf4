#ifndef EDGE_OS_NOTIFY_H
#define EDGE_OS_NOTIFY_H
/*
 * notify: sends the unit's state to systemd (the protocol of sd_notify(3): one datagram, no
 * library).
 *
 * Without NOTIFY_SOCKET in the environment every call does nothing.  Only the supervisor speaks:
 * it is the unit's main process.
 */

/* `state` as sd_notify knows it: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". */
void notify(const char *state);

/* What may stand behind "STATUS=", with its NUL: a line of `systemctl status`, and room for the
 * error of a reload. */
enum { NOTIFY_STATUS_MAX = 640 };

#endif
