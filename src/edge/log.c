#include "edge/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <syslog.h>
#include <unistd.h>

static atomic_bool to_stderr = true;

void log_open(void)
{
	openlog("susmilter", LOG_PID | LOG_NDELAY, LOG_MAIL);
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
