#ifndef EDGE_LOG_LOG_H
#define EDGE_LOG_LOG_H
/*
 * log: what the processes say about themselves, to syslog (facility mail) and, in the foreground,
 * to standard error.  Decisions about mail are not said here (edge/log/recorder.h).
 *
 * Safe in any thread after log_open().
 */
#include "core/base/diag.h"

/* Says to syslog and to standard error. */
void log_open(void);

/* From here on to syslog only; standard input, output and error become /dev/null. */
void log_detach(void);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line of a report, for diag_each(). */
void log_diag_line(void *unused, enum diag_level, const char *line);

#endif
