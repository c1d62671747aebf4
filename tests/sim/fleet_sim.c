/*
 * fleet_sim [STEPS [SEED]]: fifty servers and two publishers in one thread, from a seed.
 *
 * The pipe between them loses, doubles, damages, forges, is trimmed and set back; servers crash
 * wherever something is to be written; clocks are hours apart.  After each step must hold: the
 * state never falls; equal state, equal rules; nothing that nobody signed is parsed; what was
 * acknowledged survives.  At last all faults end, and all servers must have all operations soon.
 *
 * A seed that fails is printed with the command that does it again.  One of these runs in
 * `make check`; by hand: make sim SIM_STEPS=10000000 SIM_SEED=7.
 */
#include "sim/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVERS = 50, ROUNDS_TO_LEVEL = 2000 };

static struct pipe pipe_of_all;
static struct server servers[SERVERS];
static unsigned long step;
static char again[128]; /* how to repeat it */

static void tell_seed(int signal_number)
{
	(void)signal_number;
	if (write(STDERR_FILENO, again, strlen(again)) < 0)
		_exit(2);
}

/* What happens to the pipe. */
static void disturb(uint64_t *random)
{
	struct pipe *p = &pipe_of_all;
	unsigned what = (unsigned)(sim_random(random) % 1000);

	if (step % 10 == 0)
		p->now++;
	if (what < 8)
		pipe_append(p);
	else if (what < 9 && sim_random(random) % 20 == 0)
		for (int burst = 0; burst < 80; burst++)
			pipe_append(p);
	else if (what < 60)
		pipe_sign_head(p);
	else if (what < 62)
		pipe_trim(p);
	else if (what < 63)
		pipe_restore(p);
	else if (what < 70)
		pipe_republish(p);
	else if (what < 71)
		p->skew[sim_random(random) % 2] = (int64_t)(sim_random(random) % 400) - 200;
	else if (what < 72 && sim_random(random) % 50 == 0)
		pipe_reset(p);
	else if (what < 72)
		p->now += (int64_t)(sim_random(random) % 600);
}

static bool all_level(void)
{
	for (size_t i = 0; i < SERVERS; i++)
		if (!server_is_level(&servers[i]))
			return false;
	return true;
}

/* Faults end: clocks are set, a fork by a new epoch. */
static unsigned settle(void)
{
	struct pipe *p = &pipe_of_all;
	unsigned rounds = 0;

	p->now += 7200;
	p->skew[0] = p->skew[1] = 0;
	pipe_reset(p);
	for (int i = 0; i < 200; i++)
		pipe_append(p);
	for (size_t i = 0; i < SERVERS; i++)
		servers[i].skew = 0;
	while (!all_level() && rounds++ < ROUNDS_TO_LEVEL) {
		p->now++;
		pipe_sign_head(p);
		for (size_t i = 0; i < SERVERS; i++)
			server_step(&servers[i], true);
	}
	return rounds;
}

/* A run in which something never happened has not tried it. */
static bool tried_all(void)
{
	const struct server_counts *c = &server_counts;
	bool all = c->not_durable && c->refused && c->crashes && c->snapshots && c->gaps &&
		   c->compared && pipe_of_all.restores && pipe_of_all.resets > 1;

	for (enum node_alarm a = NODE_FORGED; a < NODE_NO_MEMORY; a++)
		if (a != NODE_MISSING && c->alarms[a] == 0) {
			fprintf(stderr, "fleet_sim: alarm %d was never raised\n", (int)a);
			all = false;
		}
	return all;
}

int main(int argc, char **argv)
{
	unsigned long steps = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, random = seed * 2 + 1;
	const struct server_counts *c = &server_counts;
	unsigned rounds;

	snprintf(again, sizeof again, "fleet_sim: to do it again: %s %lu %llu\n", argv[0], steps,
	    (unsigned long long)seed);
	signal(SIGABRT, tell_seed);
	pipe_begin(&pipe_of_all, &random);
	for (size_t i = 0; i < SERVERS; i++)
		server_start(&servers[i], &pipe_of_all);
	for (step = 0; step < steps; step++) {
		disturb(&random);
		server_step(&servers[sim_random(&random) % SERVERS], false);
	}
	rounds = settle();
	if (!all_level()) {
		fputs("fleet_sim: without faults not all servers have all operations\n", stderr);
		abort();
	}
	printf("fleet_sim: %lu steps: %lu operations (%lu refused), %lu acknowledgements (%lu not "
	       "durable), %lu crashes, %lu forks, %lu states compared; level after %u rounds\n",
	    steps, pipe_of_all.operations, pipe_of_all.refused, c->acknowledged, c->not_durable,
	    c->crashes, c->alarms[NODE_FORKED], c->compared, rounds);
	fflush(stdout);
	for (size_t i = 0; i < SERVERS; i++)
		server_stop(&servers[i]);
	if (steps >= 200000 && !tried_all())
		abort();
	pipe_end(&pipe_of_all);
	return EXIT_SUCCESS;
}
