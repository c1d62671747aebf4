#include "edge/os/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

const char *privileges_drop(const char *user, char *why, size_t size)
{
	struct passwd *pw = user[0] ? getpwnam(user) : NULL;

	if (!user[0])
		return NULL;
	if (!pw) {
		snprintf(why, size, "milter.user \"%s\": there is no such user", user);
		return why;
	}
	if (pw->pw_uid == geteuid())
		return NULL;
	if (initgroups(user, pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0) {
		snprintf(why, size, "cannot become milter.user \"%s\": %s; start as root or as %s",
		    user, strerror(errno), user);
		return why;
	}
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return NULL;
}
