/*
 * flood_bench ROUNDS NAME=SOCKET…: how long normal mail takes while a flood is refused.
 *
 * In each round each milter has its turn: a flood of refusals to invented recipients of one domain
 * at a fixed rate, and beside it normal mail at a trickle.  A line for each turn:
 *
 *     NAME REFUSALS LATENCY_US…
 */
#include "bench/mtadriver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MILTERS_MAX = 4 };

/* 2,000 refusals and 200 mails a second: a flood that leaves the machine room, since what is to be
 * seen is the cost of counting, not of a machine that is too small. */
enum { FLOOD_CONNECTIONS = 20, FLOOD_PER_SECOND = 100, INVENTED = 1000000 };
enum { MAIL_CONNECTIONS = 10, MAIL_PER_SECOND = 20 };

/* Short turns: what else the machine does meets all of a round alike. */
static const double turn_seconds = 0.3, warm_up_seconds = 0.1;

struct milter {
	const char *name, *socket;
	struct mtadriver *flood, *mail;
	uint64_t refused;
};

static const char *flooder(unsigned connection)
{
	static char text[16];

	snprintf(text, sizeof text, "198.51.100.%u", connection % 250 + 1);
	return text;
}

static const char *sender(unsigned connection)
{
	static char text[16];

	snprintf(text, sizeof text, "192.0.2.%u", connection % 250 + 1);
	return text;
}

static void fail(const struct milter *m, const char *why)
{
	fprintf(stderr, "flood_bench: %s: %s\n", m->name, why);
	exit(1);
}

static void *play_flood(void *context)
{
	struct milter *m = context;

	if (!mtadriver_run(m->flood, warm_up_seconds + turn_seconds))
		fail(m, "the flood was cut off");
	return NULL;
}

/* The connections are new in each turn: how libmilter hands them to its threads stays as it is
 * while they last, and differs from one set to the next. */
static void open_turn(struct milter *m)
{
	static const char *const victim[] = {"flood.example"};

	m->flood = mtadriver_open(&(struct mta_plan){
	    .socket = m->socket,
	    .connections = FLOOD_CONNECTIONS,
	    .recipients = 1,
	    .per_second = FLOOD_PER_SECOND,
	    .first_invented = m->refused,
	    .invented = INVENTED,
	    .client = flooder,
	    .domains = victim,
	});
	m->mail = mtadriver_open(&(struct mta_plan){
	    .socket = m->socket,
	    .connections = MAIL_CONNECTIONS,
	    .recipients = 1,
	    .per_second = MAIL_PER_SECOND,
	    .client = sender,
	});
	if (!m->flood || !m->mail)
		fail(m, "does not answer");
}

static void play_turn(struct milter *m)
{
	const float *latencies;
	pthread_t flood;
	size_t n;

	open_turn(m);
	pthread_create(&flood, NULL, play_flood, m);
	if (!mtadriver_run(m->mail, warm_up_seconds) || !mtadriver_run(m->mail, turn_seconds))
		fail(m, "mail was cut off");
	pthread_join(flood, NULL);
	if (mtadriver_counts(m->mail).refused > 0 || mtadriver_counts(m->flood).accepted > 0)
		fail(m, "refuses the mail, or lets the flood in");
	m->refused += mtadriver_counts(m->flood).refused;
	printf("%s %llu", m->name, (unsigned long long)mtadriver_counts(m->flood).refused);
	latencies = mtadriver_latencies(m->mail, &n);
	for (size_t i = 0; i < n; i++)
		printf(" %.1f", (double)latencies[i]);
	printf("\n");
	mtadriver_close(&m->flood);
	mtadriver_close(&m->mail);
}

static bool name_milter(struct milter *m, const char *argument)
{
	const char *equals = strchr(argument, '=');

	if (!equals)
		return false;
	m->name = strndup(argument, (size_t)(equals - argument));
	m->socket = equals + 1;
	return m->name != NULL;
}

int main(int argc, char **argv)
{
	static struct milter milters[MILTERS_MAX];
	unsigned count = argc > 2 ? (unsigned)argc - 2 : 0;
	unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	bool ok = count >= 1 && count <= MILTERS_MAX && rounds >= 1;

	for (unsigned i = 0; ok && i < count; i++)
		ok = name_milter(&milters[i], argv[2 + i]);
	if (!ok) {
		fprintf(stderr, "usage: flood_bench ROUNDS NAME=SOCKET...\n");
		return 2;
	}
	/* Each is the first, the second and the last of a round equally often. */
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < count; i++)
			play_turn(&milters[(i + round) % count]);
	return 0;
}
