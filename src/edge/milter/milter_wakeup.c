#include "edge/milter/milter_wakeup.h"

#include "edge/milter/milter.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static sem_t asked;
static atomic_bool wanted; /* `asked` was posted for a wake-up that is still to come */

static void *wakeup_thread(void *unused)
{
	for (;;) {
		while (sem_wait(&asked) != 0 && errno == EINTR)
			;
		poll(NULL, 0, MILTER_WAKEUP_MS);
		/* Before the wake-up: who asks from here on may have come too late for this one. */
		atomic_store(&wanted, false);
		milter_knock(NULL);
	}
	return unused;
}

bool milter_wakeup_start(void)
{
	pthread_t thread;

	if (sem_init(&asked, 0, 0) != 0 || pthread_create(&thread, NULL, wakeup_thread, NULL) != 0)
		return false;
	pthread_detach(thread);
	return true;
}

void milter_wakeup_soon(void)
{
	if (!atomic_exchange(&wanted, true))
		sem_post(&asked);
}
