#include "edge/daemon/pulse.h"

#include "core/policy/policy.h"
#include "edge/log/log.h"
#include "edge/milter/milter.h"
#include "edge/milter/mtaclient.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A milter that does not negotiate within this time does not answer an MTA either. */
enum { ANSWER_MS = 5000 };

struct pulse {
	struct worker *worker;
	int fd;
};

/* Told when it begins and when it is over: a beat a second would fill the log. */
static bool milter_answers(bool answered)
{
	char why[MTACLIENT_WHY_MAX];
	struct mtaclient *c = mtaclient_open(milter_socket(), ANSWER_MS, why);
	bool answers = c;

	if (!answers && answered)
		log_warning("no sign of life: %s", why);
	else if (answers && !answered)
		log_info("signs of life again: the milter's socket answers");
	mtaclient_close(&c);
	return answers;
}

/* A verdict on a client of TEST-NET-3 (RFC 5737), of which nothing more is known. */
static bool verdict_is_made(struct worker *w)
{
	static const unsigned char test_net[4] = {203, 0, 113, 1};
	const struct generation *g = table_pin(w->table);
	struct facts facts = {.client = ip_from_v4(test_net), .now = w->env.now_us(w) / 1000000};
	struct verdict v = policy_decide(g->rules, &facts, PHASE_RCPT);

	table_unpin(&g);
	return v.kind <= VERDICT_NEED;
}

static void *beat(void *context)
{
	struct pulse *pulse = context;
	const char sign = WORKER_ALIVE;

	bool answers = true;

	for (;;) {
		answers = milter_answers(answers);
		if (answers && verdict_is_made(pulse->worker) &&
		    send(pulse->fd, &sign, 1, MSG_NOSIGNAL) != 1)
			break; /* there is no supervisor any more */
		sleep(PULSE_SECONDS);
	}
	free(pulse);
	return NULL;
}

bool pulse_start(struct worker *w, int supervisor_fd)
{
	struct pulse *pulse = malloc(sizeof *pulse);
	pthread_t thread;

	if (!pulse)
		return false;
	*pulse = (struct pulse){w, supervisor_fd};
	if (pthread_create(&thread, NULL, beat, pulse) != 0) {
		free(pulse);
		return false;
	}
	pthread_detach(thread);
	return true;
}
