#include "edge/log/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

static atomic_bool to_stderr = true;

/* True when standard error goes to systemd's journal, where the same line comes from syslog, too.
 * The variable may be inherited: what it names tells if it is still meant (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

void log_open(void)
{
	openlog("susmilter", LOG_PID | LOG_NDELAY, LOG_MAIL);
	if (stderr_is_journal())
		to_stderr = false;
}

void log_detach(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	to_stderr = false;
	for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

__attribute__((format(printf, 2, 0))) static void say(
    int priority, const char *format, va_list args)
{
	char line[2048];

	vsnprintf(line, sizeof line, format, args);
	syslog(priority, "%s", line);
	if (to_stderr)
		fprintf(stderr, "susmilter: %s\n", line);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_ERR, format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_WARNING, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_INFO, format, args);
	va_end(args);
}

void log_diag_line(void *unused, enum diag_level level, const char *line)
{
	(void)unused;
	if (level == DIAG_ERROR)
		log_error("%s", line);
	else
		log_warning("%s", line);
}
