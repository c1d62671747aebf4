/* What of a configuration only the host can tell: who and what it names is there. */
#include "config_load.h"

#include "edge/os/unixsocket.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where an option stands; the whole file when it is not set in it. */
static struct origin where_is(
    const struct load *load, const struct config *config, const char *option)
{
	const struct setting *s = load->root ? setting_at(load->root, option) : NULL;

	return s ? load_where(load, s) : (struct origin){config->path, 0};
}

static void check_names(const struct load *load, const struct config *c, struct diag *diag)
{
	if (c->milter_user[0] && !getpwnam(c->milter_user))
		diag_error(diag, where_is(load, c, "milter.user"),
		    "milter.user \"%s\": there is no such user", c->milter_user);
	if (unixsocket_path(c->milter_socket) && c->milter_socket_group[0] &&
	    !getgrnam(c->milter_socket_group))
		diag_error(diag, where_is(load, c, "milter.socket_group"),
		    "milter.socket_group \"%s\": there is no such group", c->milter_socket_group);
	if (unixsocket_path(c->policy_socket) && c->policy_socket_group[0] &&
	    !getgrnam(c->policy_socket_group))
		diag_error(diag, where_is(load, c, "policy.socket_group"),
		    "policy.socket_group \"%s\": there is no such group", c->policy_socket_group);
}

/*
 * Whoever may connect can speak milter, and one macro packet with an odd number of strings ends a
 * worker (libmilter's smfi_getsymval): let it be the MTA alone.
 */
static void check_reach(const struct load *load, const struct config *c, struct diag *diag)
{
	bool tcp = !unixsocket_path(c->milter_socket);

	if (tcp)
		diag_warning(diag, where_is(load, c, "milter.socket"),
		    "milter.socket \"%s\" is TCP: any local account can speak milter to it, and "
		    "end a worker with one odd packet; use a unix socket",
		    c->milter_socket);
	else if (c->milter_socket_mode & S_IWOTH)
		diag_warning(diag, where_is(load, c, "milter.socket_mode"),
		    "milter.socket_mode \"0%o\" lets any local account speak milter, and end a "
		    "worker with one odd packet; use \"0660\"",
		    c->milter_socket_mode);
}

/* ---- what is written ----------------------------------------------------------------- */

static void directory_of(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		snprintf(out, PATH_MAX, ".");
	else
		snprintf(out, PATH_MAX, "%.*s", slash > path ? (int)(slash - path) : 1, path);
}

/* What is there has to grant `mode`; what is not, a place in its directory. */
static int try_path(const char *path, int mode)
{
	char directory[PATH_MAX];

	if (access(path, mode) == 0)
		return 0;
	if (errno != ENOENT)
		return errno;
	directory_of(path, directory);
	return access(directory, W_OK | X_OK) == 0 ? 0 : errno;
}

/* What opening the file to append to it would end with, as whoever we are; 0 = it would do. */
static int try_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return EISDIR;
	return try_path(path, W_OK);
}

/* The same of a directory, which is made where it is not there. */
static int try_directory(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return ENOTDIR;
	return try_path(path, W_OK | X_OK);
}

/* The same of a database, which has its journal beside it for a moment. */
static int try_database(const char *path)
{
	char directory[PATH_MAX];
	int error = try_file(path);

	directory_of(path, directory);
	return error || access(directory, W_OK | X_OK) == 0 ? error : errno;
}

typedef int try_fn(const char *path);

/* The same as another user, in a process that becomes that one; only root can. */
static int try_as(const struct passwd *pw, try_fn *try, const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (initgroups(pw->pw_name, pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 ||
		    setuid(pw->pw_uid) != 0)
			_exit(0); /* nothing was learnt */
		_exit(try(path));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status);
}

/* Somebody else's rights cannot be tried without root; whether there is a directory can be told. */
static int look_for_directory(const char *path)
{
	char directory[PATH_MAX];
	struct stat st;

	directory_of(path, directory);
	return stat(directory, &st) != 0 && errno == ENOENT ? ENOENT : 0;
}

static void check_written(const struct load *load, const struct config *c, struct diag *diag,
    const char *option, const char *path, try_fn *try, const char *without)
{
	/* The C library does not survive it when it has no memory for the first name. */
	const struct passwd *pw = c->milter_user[0] ? getpwnam(c->milter_user) : NULL;
	bool ourselves = !c->milter_user[0] || (pw && pw->pw_uid == geteuid());
	int error;

	if (!path[0])
		return;
	if (ourselves)
		error = try(path);
	else if (pw && geteuid() == 0)
		error = try_as(pw, try, path);
	else
		error = look_for_directory(path);
	if (error)
		diag_warning(diag, where_is(load, c, option),
		    "%s %s cannot be opened by %s, and without it %s: %s", option, path,
		    c->milter_user[0] ? c->milter_user : "us", without,
		    error == ENOENT ? "its directory does not exist" : strerror(error));
}

/* Reads the file once more for the lines; its errors are known already. */
static void check_with_lines(const struct config *config, struct diag *diag,
    void (*check)(const struct load *, const struct config *, struct diag *))
{
	struct load load = {.diag = diag_create(),
	    .arena = load_arena(),
	    .from = config->from,
	    .from_set = config->from_set};

	if (load.diag && load.arena) {
		load_tree(&load, config->path);
		check(&load, config, diag);
	}
	load_close(&load);
	diag_free(&load.diag);
}

static void check_all(const struct load *load, const struct config *c, struct diag *diag)
{
	check_names(load, c, diag);
	check_reach(load, c, diag);
	check_written(load, c, diag, "log.decisions", c->log_decisions, try_file, "nothing starts");
	check_written(load, c, diag, "history.directory", c->history_directory, try_directory,
	    "decisions are not kept");
	check_written(load, c, diag, "reports.database", c->reports_database, try_database,
	    "there are no reports");
}

static void look_for_denial(void *context, enum diag_level level, const char *line)
{
	bool *denied = context;

	*denied |= level == DIAG_ERROR && strstr(line, strerror(EACCES));
}

void config_warn_denied(const struct config *start, struct diag *diag)
{
	bool denied = false;

	diag_each(diag, look_for_denial, &denied);
	if (denied && start->milter_user[0])
		diag_warning(diag, (struct origin){start->path, 0},
		    "files are read by milter.user \"%s\", never by root: let it read them, for "
		    "example with chgrp to its group and chmod 640 (directories 750)",
		    start->milter_user);
}

void config_check_start(const struct config *config, struct diag *diag)
{
	check_with_lines(config, diag, check_all);
	config_check_resolver(config, diag);
}

void config_check_reach(const struct config *config, struct diag *diag)
{
	check_with_lines(config, diag, check_reach);
}
