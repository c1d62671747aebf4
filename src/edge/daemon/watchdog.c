#include "edge/daemon/watchdog.h"

#include "core/policy/policy.h"
#include "edge/doors/policy_door.h"
#include "edge/log/log.h"
#include "edge/milter/milter.h"
#include "edge/milter/mtaclient.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A milter that does not negotiate within this time does not answer an MTA either. */
enum { ANSWER_MS = 5000 };

struct watchdog {
	struct worker *worker;
	int fd;
};

/* Through the socket, as an MTA; where there are too many sessions that gets no further than the
 * door, so libmilter is asked past it, too. */
static bool negotiates(char why[MTACLIENT_WHY_MAX])
{
	struct mtaclient *c = mtaclient_open(milter_socket(), ANSWER_MS, why);
	bool answers = c;
	int fd;

	mtaclient_close(&c);
	/* Without descriptors for it nothing is proven, neither way. */
	if (!answers || !milter_knock(&fd))
		return answers;
	c = mtaclient_over(fd, ANSWER_MS, why);
	answers = c;
	mtaclient_close(&c);
	return answers;
}

/* Logged when it begins and when it is over: once a second would fill the log. */
static bool milter_answers(bool answered)
{
	char why[MTACLIENT_WHY_MAX];
	bool answers = negotiates(why);

	if (!answers && answered)
		log_warning("watchdog: the milter does not answer: %s", why);
	else if (answers && !answered)
		log_info("watchdog: the milter answers again");
	return answers;
}

/* A verdict on a client of TEST-NET-3 (RFC 5737), of which nothing more is known. */
static bool policy_responds(struct worker *w)
{
	static const unsigned char test_net[4] = {203, 0, 113, 1};
	const struct generation *g = table_pin(w->table);
	struct facts facts = {.client = ip_from_v4(test_net), .now = w->env.now_us(w) / 1000000};
	struct verdict v = policy_decide(g->rules, &facts, PHASE_RCPT);

	table_unpin(&g);
	return v.kind <= VERDICT_NEED;
}

static void *watchdog_thread(void *context)
{
	struct watchdog *dog = context;
	const char heartbeat = WORKER_ALIVE;
	bool answers = true;

	for (;;) {
		milter_restore_socket();
		policy_door_restore_socket();
		answers = milter_answers(answers);
		if (answers && policy_responds(dog->worker) &&
		    send(dog->fd, &heartbeat, 1, MSG_NOSIGNAL) != 1)
			break; /* there is no supervisor any more */
		sleep(WATCHDOG_SECONDS);
	}
	free(dog);
	return NULL;
}

bool watchdog_start(struct worker *w, int supervisor_fd)
{
	struct watchdog *dog = malloc(sizeof *dog);
	pthread_t thread;

	if (!dog)
		return false;
	*dog = (struct watchdog){w, supervisor_fd};
	if (pthread_create(&thread, NULL, watchdog_thread, dog) != 0) {
		free(dog);
		return false;
	}
	pthread_detach(thread);
	return true;
}
