#ifndef TESTS_BENCH_MTADRIVER_H
#define TESTS_BENCH_MTADRIVER_H
/*
 * mtadriver: the milter protocol as an MTA speaks it, over many connections from one thread.
 *
 *     struct mtadriver *d = mtadriver_open(&(struct mta_plan){
 *         .socket = "unix:/run/x.sock", .connections = 16, .recipients = 1, .client = address_of});
 *     mtadriver_run(d, 2.0);
 *     printf("%llu transactions\n", mtadriver_counts(d).transactions);
 *     mtadriver_close(&d);
 *
 * Each connection plays SMTP sessions, without pause or at a pace: connect, HELO, then transactions
 * of MAIL, RCPT, header, body and end, as far as the filter wants to see them, each command sent
 * when the one before it is answered, as Postfix does.  A transaction without an accepted recipient
 * is aborted.  One thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One answer of the filter. */
struct mta_answer {
	unsigned connection;
	uint64_t transaction; /* number of this driver's transaction, from 1 */
	char command;         /* 'M', 'R', 'E', … as in the protocol */
	unsigned recipient;   /* of 'R': from 0 */
	const char *text;     /* "c", "y550 5.7.1 …", "t" */
};

struct mta_plan {
	const char *socket; /* unix:PATH or inet:PORT@HOST */
	unsigned connections;
	unsigned recipients;     /* in each transaction, at least 1 */
	unsigned per_session;    /* transactions before a connection is made anew; 0: all */
	unsigned per_second;     /* transactions of each connection at most; 0: without pause */
	unsigned invented;       /* local parts of recipients that take turns; 0: 10,000 */
	uint64_t first_invented; /* which of these is the first */
	bool reconnect;          /* a lost connection is made anew until it succeeds */

	/* The address of the client of a connection. */
	const char *(*client)(unsigned connection);
	const char *const *domains; /* of each recipient; NULL: example.org */

	/* Sees every answer; may be NULL. */
	void (*judge)(void *context, const struct mta_answer *);
	void *context;
};

struct mta_counts {
	uint64_t transactions, sessions;
	uint64_t accepted, refused; /* recipients */
	uint64_t lost;              /* connections that the filter closed */
};

struct mtadriver;

/* Connects all; NULL when the filter is not there. */
struct mtadriver *mtadriver_open(const struct mta_plan *);
void mtadriver_close(struct mtadriver **);

/* Plays for so long; the counts and latencies begin anew with each call.  False when a connection
 * was lost and is not to be made anew. */
bool mtadriver_run(struct mtadriver *, double seconds);

struct mta_counts mtadriver_counts(const struct mtadriver *);

/* The latency in microseconds, MAIL to the last answer, that this share of transactions kept. */
double mtadriver_percentile(struct mtadriver *, double share);

/* Those latencies, in no order; they stay until the next call. */
const float *mtadriver_latencies(const struct mtadriver *, size_t *count);

/* Seconds that the last run really took. */
double mtadriver_seconds(const struct mtadriver *);

#endif
