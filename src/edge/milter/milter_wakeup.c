#include "edge/milter/milter_wakeup.h"

#include "edge/milter/mtaclient.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Time-out of the negotiation: connecting is all that is needed.  The answer stands behind whatever
 * the thread found first, and the next wake-up must not wait for that. */
enum { ANSWER_MS = 1 };

static sem_t asked;
static atomic_bool wanted; /* `asked` was posted for a wake-up that is still to come */

static void *wakeup_thread(void *spec)
{
	for (;;) {
		char why[MTACLIENT_WHY_MAX];
		struct mtaclient *c;

		while (sem_wait(&asked) != 0 && errno == EINTR)
			;
		poll(NULL, 0, MILTER_WAKEUP_MS);
		/* Before the wake-up: who asks from here on may have come too late for this one. */
		atomic_store(&wanted, false);
		c = mtaclient_open(spec, ANSWER_MS, why);
		mtaclient_close(&c);
	}
	return NULL;
}

bool milter_wakeup_start(const char *spec)
{
	char *copy = strdup(spec);
	pthread_t thread;

	if (!copy || sem_init(&asked, 0, 0) != 0 ||
	    pthread_create(&thread, NULL, wakeup_thread, copy) != 0) {
		free(copy);
		return false;
	}
	pthread_detach(thread);
	return true;
}

void milter_wakeup_soon(void)
{
	if (!atomic_exchange(&wanted, true))
		sem_post(&asked);
}
