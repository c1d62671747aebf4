/*
 * The conditions under which Sendmail considers a socket safe (its safefile(), seen on 8.17.1): no
 * directory of the path may be writable by everyone, sticky or not, nor by its group unless
 * DontBlameSendmail has GroupWritableDirPathSafe; the socket is no link; and RunAsUser can read and
 * write it.  An unsafe one keeps the whole Sendmail from starting.
 */
#include "edge/doctor/doctor.h"

#include "edge/os/textfile.h"
#include "edge/os/unixsocket.h"

#include <grp.h>
#include <stdio.h>
#include <sys/un.h>

static const char LENIENT[] = "GroupWritableDirPathSafe";

static bool contains_word(struct slice text, const char *wanted)
{
	while (text.len > 0) {
		size_t n = 0;

		while (n < text.len && !strchr(", \t\n", text.ptr[n]))
			n++;
		if (slice_equal_nocase(slice_of(text.ptr, n), slice_str(wanted)))
			return true;
		text = slice_skip(text, n + 1);
	}
	return false;
}

/* Whether others than the owner may write to a directory of the path; adds a finding if so. */
static bool is_open_to_others(
    struct doctor *d, const char *directory, const struct stat *st, bool lenient)
{
	char change[300];

	if (!(st->st_mode & S_IWOTH) && (lenient || !(st->st_mode & S_IWGRP)))
		return false;
	snprintf(change, sizeof change, "chmod go-w %s", directory);
	doctor_add_finding(d, FINDING_WRONG, change,
	    "%s (mode %04o) is writable by %s: Sendmail considers the socket unsafe and does not "
	    "start",
	    directory, (unsigned)st->st_mode & 07777,
	    st->st_mode & S_IWOTH ? "everyone" : "its group");
	return true;
}

/* USER or USER:GROUP, by name; false when Sendmail stays root or there is no such user. */
static bool find_run_as_user(struct doctor *d, struct slice user, struct passwd *out)
{
	const char *name = arena_strdup(d->arena, slice_trim(slice_cut(&user, ':')));
	const char *group = arena_strdup(d->arena, slice_trim(user));
	const struct passwd *who = name && name[0] ? getpwnam(name) : NULL;
	const struct group *g = group && group[0] ? getgrnam(group) : NULL;

	if (!who)
		return false;
	*out = *who;
	if (g)
		out->pw_gid = g->gr_gid;
	return true;
}

/* Checks each directory of the path, then the socket; false when there was a problem. */
static bool check_path(struct doctor *d, const char *path, const struct passwd *who, bool lenient)
{
	char part[sizeof((struct sockaddr_un *)0)->sun_path + 1];
	struct stat st;

	for (size_t i = 1;; i++) {
		bool last = path[i] == '\0';

		if (!last && path[i] != '/')
			continue;
		snprintf(part, sizeof part, "%.*s", (int)i, path);
		if ((last ? lstat(part, &st) : stat(part, &st)) != 0)
			return true; /* no socket: the test session reports it */
		if (!last && is_open_to_others(d, part, &st, lenient))
			return false;
		if (last && S_ISLNK(st.st_mode)) {
			doctor_add_finding(d, FINDING_WRONG,
			    "write the path of the socket itself in both files",
			    "%s is a symbolic link: Sendmail considers it unsafe and does not "
			    "start",
			    part);
			return false;
		}
		if (who && !doctor_allows(&st, who, last ? 6 : 1)) {
			doctor_add_finding(d, FINDING_WRONG,
			    "milter = { socket_group = \"…\"; } with a group of that user, and the "
			    "socket's directory open to that group",
			    "RunAsUser=%s may not use %s (mode %04o, uid %u, gid %u): Sendmail "
			    "considers the socket unsafe and does not start",
			    who->pw_name, part, (unsigned)st.st_mode & 07777, (unsigned)st.st_uid,
			    (unsigned)st.st_gid);
			return false;
		}
		if (last)
			return true;
	}
}

static void check_socket(struct doctor *d, struct slice cf)
{
	const char *path = unixsocket_path(d->config->milter_socket);
	struct slice user, lenient;
	struct passwd who;
	bool other;

	if (!path || path[0] != '/')
		return;
	mtacheck_sendmail_trust(cf, d->arena, &user, &lenient);
	other = find_run_as_user(d, user, &who);
	if (check_path(d, path, other ? &who : NULL, contains_word(lenient, LENIENT)))
		doctor_add_finding(
		    d, FINDING_GOOD, NULL, "Sendmail considers the socket %s safe", path);
}

/* A change of sendmail.mc has no effect until sendmail.cf is rebuilt. */
static void check_age(struct doctor *d, const char *cf)
{
	char mc[4096], change[300];
	size_t len = strlen(cf);
	struct stat made, source;

	if (len < 3 || len >= sizeof mc || strcmp(cf + len - 3, ".cf") != 0)
		return;
	snprintf(mc, sizeof mc, "%.*s.mc", (int)len - 3, cf);
	if (stat(cf, &made) != 0 || stat(mc, &source) != 0)
		return;
	if (source.st_mtime <= made.st_mtime)
		return;
	snprintf(change, sizeof change, "make -C %.*s && systemctl restart sendmail",
	    (int)(strrchr(cf, '/') ? strrchr(cf, '/') - cf : 1), strrchr(cf, '/') ? cf : ".");
	doctor_add_finding(
	    d, FINDING_WRONG, change, "%s is newer than %s: its changes are not in effect", mc, cf);
}

bool doctor_sendmail(struct doctor *d, const char *cf, bool must)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text;
	enum textfile_result result = textfile_read(cf, &text, why);

	if (result == TEXTFILE_MISSING && !must)
		return false;
	if (result != TEXTFILE_OK) {
		doctor_add_finding(d, FINDING_WRONG, NULL, "%s: %s", cf, why);
		return true;
	}
	doctor_add_finding(d, FINDING_NOTE, NULL, "Sendmail with %s:", cf);
	mtacheck_sendmail(text, d->config->milter_socket, d->arena, &d->findings);
	check_socket(d, text);
	check_age(d, cf);
	textfile_free(&text);
	return true;
}
