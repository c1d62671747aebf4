#include "milter_door.h"
#include "milter_private.h"

#include "edge/log/log.h"
#include "edge/os/unixsocket.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a socket that is made again, until its group is set. */
enum { OWNER_MODE = 0600 };

/* Time for smfi_stop() to say that it stops, and for its listener to hear it. */
enum { STOP_KNOCK_MS = 50 };

/* Copies of our own, for the settings' belong to a generation that a reload may end. */
static char *listening, *socket_group;
static unsigned socket_mode;

/* Guards the file of a unix socket: it is made again as long as the milter is not shut. */
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static bool shut;

/* libmilter makes the file with every permission that the umask leaves. */
static bool open_socket(const struct milter_settings *settings)
{
	mode_t before = umask(0777 & ~settings->socket_mode);
	bool opened = smfi_register(milter_callbacks(settings)) == MI_SUCCESS &&
		      smfi_setconn(listening) == MI_SUCCESS && smfi_opensocket(false) == MI_SUCCESS;

	umask(before);
	return opened;
}

const char *milter_open(const struct milter_settings *settings, char why[MILTER_WHY_MAX])
{
	struct listeners *before;

	listening = strdup(settings->socket);
	socket_group = strdup(settings->socket_group);
	socket_mode = settings->socket_mode;
	if (!listening || !socket_group) {
		snprintf(why, MILTER_WHY_MAX, "out of memory for the milter's socket");
		return why;
	}
	if (unixsocket_prepare(listening, why, MILTER_WHY_MAX))
		return why;
	before = milter_door_listeners();
	if (!open_socket(settings)) {
		snprintf(why, MILTER_WHY_MAX,
		    "cannot listen on milter.socket \"%s\": check the address, and that no other "
		    "process listens there",
		    listening);
		free(before);
		return why;
	}
	if (!milter_door_open(before)) {
		snprintf(why, MILTER_WHY_MAX, "milter.socket \"%s\": no descriptors to listen with",
		    listening);
		return why;
	}
	return unixsocket_permit(listening, settings->socket_mode, settings->user,
	    settings->socket_group, why, MILTER_WHY_MAX);
}

const char *milter_socket(void)
{
	return listening;
}

/* The group is set by our own user, who may give the file to groups that he is in. */
void milter_restore_socket(void)
{
	static bool failing;
	char why[MILTER_WHY_MAX] = "";
	bool restored = false;

	pthread_mutex_lock(&file_lock);
	if (unixsocket_path(listening) && !shut)
		restored = unixsocket_restore(milter_door_listener(), unixsocket_path(listening),
		    OWNER_MODE, why, sizeof why);
	if (restored)
		milter_door_listen_again();
	if (restored &&
	    !unixsocket_permit(listening, socket_mode, NULL, socket_group, why, sizeof why))
		log_warning("%s was deleted: created again", listening);
	pthread_mutex_unlock(&file_lock);
	if (why[0] && !failing)
		log_error("milter.socket: %s: restart susmilter to create it again", why);
	failing = why[0];
}

void milter_close(void)
{
	if (milter_door_listener() >= 0 && unixsocket_path(listening))
		unlink(unixsocket_path(listening));
}

bool milter_run(void)
{
	bool served;

	milter_door_serve();
	served = smfi_main() == MI_SUCCESS;
	/* libmilter would, if the socket were still its own. */
	milter_close();
	return served;
}

/* Permissions that let our own user in, for the watchdog and the wake-up below, and no MTA. */
enum { SHUT_MODE = 0200 };

static void stop_restoring(void)
{
	pthread_mutex_lock(&file_lock);
	shut = true;
	pthread_mutex_unlock(&file_lock);
}

void milter_shut(void)
{
	char why[MILTER_WHY_MAX];
	const char *wrong;

	stop_restoring();
	wrong = unixsocket_permit(listening, SHUT_MODE, NULL, NULL, why, MILTER_WHY_MAX);
	if (wrong)
		log_warning("%s", wrong);
}

bool milter_knock(int *other_end)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return false;
	if (!milter_door_bring(ends[0])) {
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	if (other_end)
		*other_end = ends[1];
	else
		close(ends[1]);
	return true;
}

/* smfi_stop() waits until the listener looks up, which it does each second or when somebody
 * connects; so somebody does. */
static void *knock(void *unused)
{
	poll(NULL, 0, STOP_KNOCK_MS);
	milter_knock(NULL);
	return unused;
}

void milter_stop(void)
{
	pthread_t thread;
	bool knocks = pthread_create(&thread, NULL, knock, NULL) == 0;

	stop_restoring();
	smfi_stop();
	if (knocks)
		pthread_join(thread, NULL);
}
