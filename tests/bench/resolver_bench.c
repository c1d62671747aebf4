/*
 * resolver_bench: look-ups a second from the cache, and through libunbound and back without any
 * network (names below localhost., which it knows), beside libunbound's own blocking call.
 */
#include "edge/dns/resolver.h"
#include "edge/os/monotonic.h"
#include "fake/dnsserver.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound.h>

enum { ROUNDS = 3, THREADS_MAX = 64, CACHED_NAMES = 256 };

static struct resolver *resolver;
static atomic_uint next_name;

struct job {
	pthread_t thread;
	const char *format; /* of a name, with a number */
	unsigned names;     /* so many different ones; 0: each time another */
	unsigned count;
	unsigned failed;
};

static void *work(void *self)
{
	struct job *job = self;
	struct arena *arena = arena_create(1 << 20);
	struct resolver_session session;
	struct dns_answer answer;
	char name[64];

	resolver_session_start(&session, resolver);
	struct dns dns = resolver_session_dns(&session);
	for (unsigned i = 0; i < job->count; i++) {
		unsigned number = job->names ? i % job->names : atomic_fetch_add(&next_name, 1);
		int len = snprintf(name, sizeof name, job->format, number);
		arena_reset(arena);
		dns_lookup(&dns, slice_of(name, (size_t)len), DNS_A, arena, &answer);
		job->failed += answer.status != DNS_OK;
	}
	resolver_session_end(&session);
	arena_free(&arena);
	return NULL;
}

static double once(const struct job *what, unsigned threads)
{
	struct job jobs[THREADS_MAX];
	int64_t start = monotonic_now();
	unsigned failed = 0;

	for (unsigned i = 0; i < threads; i++) {
		jobs[i] = *what;
		pthread_create(&jobs[i].thread, NULL, work, &jobs[i]);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(jobs[i].thread, NULL);
		failed += jobs[i].failed;
	}
	if (failed)
		printf("  %u look-ups failed\n", failed);
	return (double)what->count * threads * 1e9 / (double)(monotonic_now() - start);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *label, struct job job, unsigned total, unsigned threads)
{
	double rate[ROUNDS];

	job.count = total / threads;
	for (int i = 0; i < ROUNDS; i++)
		rate[i] = once(&job, threads);
	qsort(rate, ROUNDS, sizeof *rate, by_size);
	printf("%-44s %3u threads %10.0f /s\n", label, threads, rate[ROUNDS / 2]);
}

static void measure_blocking(unsigned total)
{
	struct ub_ctx *context = ub_ctx_create();
	int64_t start = monotonic_now();
	struct ub_result *result;
	char name[64];

	for (unsigned i = 0; i < total; i++) {
		snprintf(name, sizeof name, "b%u.localhost", i);
		if (ub_resolve(context, name, DNS_A, 1, &result) == 0)
			ub_resolve_free(result);
	}
	printf("%-44s %3u threads %10.0f /s\n", "ub_resolve(), no network", 1,
	    total * 1e9 / (double)(monotonic_now() - start));
	ub_ctx_delete(context);
}

int main(void)
{
	static const unsigned threads[] = {1, 2, 8, 32};
	struct dnsserver *server = dnsserver_start("");
	char *zone = malloc(CACHED_NAMES * 40), *at = zone, why[RESOLVER_WHY_MAX];
	const char *address = dnsserver_address(server);
	struct resolver_settings settings = {.servers = &address, .server_count = 1};

	if (!zone || !(resolver = resolver_create(&settings, why, sizeof why)))
		return 1;
	for (int i = 0; i < CACHED_NAMES; i++)
		at += sprintf(at, "c%d.example A 192.0.2.1\n", i);
	dnsserver_reload(server, zone);
	free(zone);
	once(&(struct job){.format = "c%u.example", .names = CACHED_NAMES, .count = CACHED_NAMES},
	    1);
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		measure("cached", (struct job){.format = "c%u.example", .names = CACHED_NAMES},
		    1000000, threads[i]);
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		measure("through libunbound, no network", (struct job){.format = "n%u.localhost"},
		    40000, threads[i]);
	measure_blocking(2000);
	resolver_free(&resolver);
	dnsserver_free(&server);
	return 0;
}
