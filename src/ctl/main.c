/* susmilterctl: asks a running susmilter, or reads its configuration without one (SPEC 7). */
#include "ctl.h"

#include "edge/control/json_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A message to explain is the input of its command; false after a complaint. */
static bool open_message(const struct words *words)
{
	const char *path = json_string_value(json_object_get(words->request, "message"));
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		errno = EISDIR;
	else if (!path || (fd >= 0 && dup2(fd, STDIN_FILENO) >= 0))
		return true;
	fprintf(stderr, "susmilterctl: %s: %s\n", path, strerror(errno));
	return false;
}

static int ask(const struct words *words)
{
	int status = remote_ask(words, NULL);

	if (status >= 0)
		return status;
	if (status == REMOTE_NOBODY && (words->command->flags & COMMAND_EITHER))
		return local_run(words);
	remote_complain(words, status);
	return STATUS_FAILED;
}

/* Colours, for a command that has them: on a terminal that has some, unless somebody wants none
 * (no-color.org). */
static void want_color(const struct words *words)
{
	const char *none = getenv("NO_COLOR"), *kind = getenv("TERM");
	bool terminal = isatty(STDOUT_FILENO) && kind && kind[0] && strcmp(kind, "dumb") != 0;

	for (const struct command_option *o = words->command->options; o && o->name; o++)
		if (strcmp(o->name, "--color") == 0 && terminal && !(none && none[0]))
			json_object_set_new(words->request, "color", json_true());
}

int run_command(const struct words *words)
{
	if (words->config || (words->command->flags & COMMAND_LOCAL) || words_name_history(words))
		return local_run(words);
	return ask(words);
}

int main(int argc, char **argv)
{
	struct words words;
	int status;

	json_memory_watch();
	if (!words_read(argc, argv, &words, &status)) {
		json_decref(words.request);
		return status;
	}
	want_color(&words);
	if (json_memory_failed()) {
		fprintf(stderr, "susmilterctl: out of memory\n");
		status = STATUS_FAILED;
	} else if (!open_message(&words)) {
		status = STATUS_USAGE;
	} else if ((words.command->flags & COMMAND_MAIL) && json_object_get(words.request, "to")) {
		status = mail_run(&words);
	} else if ((words.command->flags & COMMAND_LIVE) &&
		   !json_object_get(words.request, "once") &&
		   !json_object_get(words.request, "json")) {
		status = screen_run(&words);
	} else {
		status = run_command(&words);
	}
	json_decref(words.request);
	return status;
}
