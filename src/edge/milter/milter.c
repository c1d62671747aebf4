#include "milter_private.h"

#include "edge/log/log.h"
#include "edge/milter/mtaclient.h"
#include "edge/os/unixsocket.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* Of a socket that is made again, until its group is set. */
enum { OWNER_MODE = 0600 };

/* Time for smfi_stop() to say that it stops, and for its listener to hear it. */
enum { STOP_KNOCK_MS = 50 };

/* Copies of our own, for the settings' belong to a generation that a reload may end. */
static char *listening, *socket_group;
static unsigned socket_mode;
static int listener = -1; /* libmilter's; -1 on TCP */

/* Guards the file of a unix socket: it is made again as long as the milter is not shut. */
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static bool shut, made_again;

const char *milter_open(const struct milter_settings *settings, char why[MILTER_WHY_MAX])
{
	listening = strdup(settings->socket);
	socket_group = strdup(settings->socket_group);
	socket_mode = settings->socket_mode;
	if (!listening || !socket_group) {
		snprintf(why, MILTER_WHY_MAX, "out of memory for the milter's socket");
		return why;
	}
	if (unixsocket_prepare(listening, why, MILTER_WHY_MAX))
		return why;
	if (smfi_register(milter_callbacks(settings)) != MI_SUCCESS ||
	    smfi_setconn(listening) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS) {
		snprintf(why, MILTER_WHY_MAX,
		    "cannot listen on milter.socket \"%s\": check the address, and that no other "
		    "process listens there",
		    listening);
		return why;
	}
	if (unixsocket_path(listening))
		listener = unixsocket_find_listener(unixsocket_path(listening));
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
	if (listener >= 0 && !shut)
		restored = unixsocket_restore(
		    listener, unixsocket_path(listening), OWNER_MODE, why, sizeof why);
	made_again |= restored;
	if (restored &&
	    !unixsocket_permit(listening, socket_mode, NULL, socket_group, why, sizeof why))
		log_warning("%s was deleted: created again", listening);
	pthread_mutex_unlock(&file_lock);
	if (why[0] && !failing)
		log_error("milter.socket: %s: restart susmilter to create it again", why);
	failing = why[0];
}

bool milter_run(void)
{
	bool served = smfi_main() == MI_SUCCESS;

	/* libmilter removes only the file that it made itself. */
	if (made_again)
		unlink(unixsocket_path(listening));
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

/* smfi_stop() waits until the listener looks up, which it does every five seconds or when somebody
 * connects; so somebody does. */
static void *knock(void *unused)
{
	char why[MTACLIENT_WHY_MAX];
	struct mtaclient *c;

	poll(NULL, 0, STOP_KNOCK_MS);
	c = mtaclient_open(listening, STOP_KNOCK_MS, why);
	mtaclient_close(&c);
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
