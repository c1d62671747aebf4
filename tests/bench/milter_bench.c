/*
 * milter_bench CONNECTIONS ROUNDS SECONDS NAME=SOCKET…: transactions a second of several milters.
 *
 * Each round measures each milter once, one after the other and every other round the other way
 * round, so that what else happens on the machine meets all of them; told are the transactions a
 * second of all rounds together and the medians of their latencies, as lines
 *
 *     NAME TRANSACTIONS_A_SECOND P50_US P99_US
 *
 * Many short rounds tell more than a few long ones: how libmilter hands connections to its threads
 * differs by a factor of two from one set of connections to the next, and stays as it is while they
 * last.  A median would tell which of the two manners came up more often.
 */
#include "bench/mtadriver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { ROUNDS_MAX = 1000, MILTERS_MAX = 4 };
static const double warm_up_seconds = 0.1;

struct result {
	double rate, p50, p99;
};

/* Every connection from another address, none of them in the lists that are published. */
static const char *address_of(unsigned connection)
{
	static char text[16];

	snprintf(text, sizeof text, "192.0.2.%u", connection % 250 + 1);
	return text;
}

static struct result measure(const char *socket, unsigned connections, double seconds)
{
	struct mta_plan plan = {
	    .socket = socket,
	    .connections = connections,
	    .recipients = 1,
	    .client = address_of,
	};
	struct mtadriver *d = mtadriver_open(&plan);
	struct result r;

	if (!d || !mtadriver_run(d, warm_up_seconds) || !mtadriver_run(d, seconds)) {
		fprintf(stderr, "milter_bench: %s does not answer\n", socket);
		exit(1);
	}
	if (mtadriver_counts(d).refused > 0) {
		fprintf(stderr, "milter_bench: %s refuses, so the conversations differ\n", socket);
		exit(1);
	}
	r.rate = (double)mtadriver_counts(d).transactions / mtadriver_seconds(d);
	r.p50 = mtadriver_percentile(d, 0.5);
	r.p99 = mtadriver_percentile(d, 0.99);
	mtadriver_close(&d);
	return r;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof values[0], by_value);
	return values[n / 2];
}

/* Of rounds that are equally long: what they did together. */
static double mean(const double *values, int n)
{
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += values[i];
	return sum / n;
}

int main(int argc, char **argv)
{
	static double rate[MILTERS_MAX][ROUNDS_MAX], p50[MILTERS_MAX][ROUNDS_MAX],
	    p99[MILTERS_MAX][ROUNDS_MAX];
	int milters = argc - 4, rounds = argc > 2 ? atoi(argv[2]) : 0;

	if (milters < 1 || milters > MILTERS_MAX || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: milter_bench CONNECTIONS ROUNDS SECONDS NAME=SOCKET...\n");
		return 2;
	}
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){4096, 4096});
	for (int round = 0; round < rounds; round++) {
		for (int turn = 0; turn < milters; turn++) {
			int i = round % 2 ? milters - 1 - turn : turn;
			struct result r = measure(
			    strchr(argv[4 + i], '=') + 1, (unsigned)atoi(argv[1]), atof(argv[3]));
			rate[i][round] = r.rate;
			p50[i][round] = r.p50;
			p99[i][round] = r.p99;
		}
	}
	for (int i = 0; i < milters; i++)
		printf("%.*s %.0f %.1f %.1f\n", (int)strcspn(argv[4 + i], "="), argv[4 + i],
		    mean(rate[i], rounds), median(p50[i], rounds), median(p99[i], rounds));
	return 0;
}
