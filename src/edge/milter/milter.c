#include "milter_private.h"

#include "edge/log/log.h"
#include "edge/milter/mtaclient.h"
#include "edge/os/unixsocket.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Time for smfi_stop() to say that it stops, and for its listener to hear it. */
enum { STOP_KNOCK_MS = 50 };

/* A copy of our own, for the settings' belongs to a generation that a reload may end. */
static char *listening;

const char *milter_open(const struct milter_settings *settings, char why[MILTER_WHY_MAX])
{
	listening = strdup(settings->socket);
	if (!listening) {
		snprintf(why, MILTER_WHY_MAX, "no memory for the milter's socket");
		return why;
	}
	if (unixsocket_prepare(listening, why, MILTER_WHY_MAX))
		return why;
	if (smfi_register(milter_callbacks(settings)) != MI_SUCCESS ||
	    smfi_setconn(listening) != MI_SUCCESS || smfi_opensocket(false) != MI_SUCCESS) {
		snprintf(why, MILTER_WHY_MAX,
		    "milter.socket \"%s\" cannot be opened: is the address right, and is nobody "
		    "else listening there?",
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

bool milter_run(void)
{
	return smfi_main() == MI_SUCCESS;
}

/* Permissions that let our own user in, for the watchdog and the wake-up below, and no MTA. */
enum { SHUT_MODE = 0200 };

void milter_shut(void)
{
	char why[MILTER_WHY_MAX];
	const char *wrong =
	    unixsocket_permit(listening, SHUT_MODE, NULL, NULL, why, MILTER_WHY_MAX);

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

	smfi_stop();
	if (knocks)
		pthread_join(thread, NULL);
}
