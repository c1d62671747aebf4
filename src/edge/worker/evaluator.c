#include "edge/worker/evaluator.h"

#include "core/history/history_hash.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

/* What waits, in number and bytes: a minute of a busy host's sample. */
enum { WAITING_MAX = 1024 };
#define WAITING_BYTES ((size_t)32 << 20)

/* A thread rests so many times as long as it computed: signatures of mail that nobody waits for
 * take at most a tenth of a processor each.  A lower priority would do harm, since a thread that is
 * not run may hold a lock that mail needs. */
enum { REST = 9, REST_MAX_MS = 1000 };

struct evaluator {
	struct history_seed seed;
	atomic_uint one_in;
	/* Guards all below it.  Taken for moments only; nothing is taken inside. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct evaluation *waiting[WAITING_MAX]; /* a ring */
	size_t first, count;
	size_t bytes; /* of those that wait */
	unsigned busy;
	uint64_t dropped;
	bool stop;
	/* of whoever creates and frees it */
	pthread_t thread[EVALUATOR_THREADS];
	unsigned threads;
};

/* ---- the threads --------------------------------------------------------------------- */

/* The oldest, under the lock, which is given up until there is one; NULL: it ends. */
static struct evaluation *await_evaluation(struct evaluator *v)
{
	struct evaluation *e;

	while (v->count == 0 && !v->stop)
		pthread_cond_wait(&v->wake, &v->lock);
	if (v->stop)
		return NULL;
	e = v->waiting[v->first];
	v->first = (v->first + 1) % WAITING_MAX;
	v->count--;
	v->bytes -= evaluation_bytes(e);
	return e;
}

/* Processor time of this thread. */
static int64_t thread_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Sleeps as soon as it is worth it; what is left over is for the next time. */
static void rest(int64_t *owed_us)
{
	int64_t ms = *owed_us / 1000 < REST_MAX_MS ? *owed_us / 1000 : REST_MAX_MS;

	*owed_us -= ms * 1000;
	if (ms > 0)
		poll(NULL, 0, (int)ms);
}

static void *run_evaluations(void *context)
{
	struct evaluator *v = context;
	struct evaluation *e;
	int64_t owed_us = 0, began_us;

	pthread_mutex_lock(&v->lock);
	while ((e = await_evaluation(v))) {
		bool ok;

		v->busy++;
		pthread_mutex_unlock(&v->lock);
		began_us = thread_us();
		ok = evaluation_run(e);
		evaluation_free(&e);
		owed_us += REST * (thread_us() - began_us);
		rest(&owed_us);
		pthread_mutex_lock(&v->lock);
		v->busy--;
		v->dropped += !ok;
	}
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------- */

struct evaluator *evaluator_create(void)
{
	struct evaluator *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	pthread_mutex_init(&v->lock, NULL);
	pthread_cond_init(&v->wake, NULL);
	if (getrandom(&v->seed, sizeof v->seed, 0) == (ssize_t)sizeof v->seed)
		while (v->threads < EVALUATOR_THREADS &&
		       pthread_create(&v->thread[v->threads], NULL, run_evaluations, v) == 0)
			v->threads++;
	v->seed.words[1] |= 1;
	if (v->threads < EVALUATOR_THREADS)
		evaluator_free(&v);
	return v;
}

void evaluator_stop(struct evaluator *v)
{
	pthread_mutex_lock(&v->lock);
	v->stop = true;
	pthread_cond_broadcast(&v->wake);
	pthread_mutex_unlock(&v->lock);
}

void evaluator_free(struct evaluator **evaluator)
{
	struct evaluator *v = *evaluator;

	if (!v)
		return;
	evaluator_stop(v);
	for (unsigned i = 0; i < v->threads; i++)
		pthread_join(v->thread[i], NULL);
	for (; v->count > 0; v->count--, v->first = (v->first + 1) % WAITING_MAX)
		evaluation_free(&v->waiting[v->first]);
	pthread_cond_destroy(&v->wake);
	pthread_mutex_destroy(&v->lock);
	free(v);
	*evaluator = NULL;
}

void evaluator_configure(struct evaluator *v, unsigned one_in)
{
	atomic_store(&v->one_in, one_in);
}

/* ---- in: the milter's threads -------------------------------------------------------- */

bool evaluator_samples(const struct evaluator *v, struct slice session)
{
	unsigned one_in = atomic_load(&v->one_in);

	return one_in > 0 && history_hash(&v->seed, 0, session) % one_in == 0;
}

void evaluator_put(struct evaluator *v, struct evaluation *e)
{
	size_t bytes = evaluation_bytes(e);
	bool fits;

	pthread_mutex_lock(&v->lock);
	fits = !v->stop && v->count < WAITING_MAX && v->bytes + bytes <= WAITING_BYTES;
	if (fits) {
		v->waiting[(v->first + v->count) % WAITING_MAX] = e;
		v->count++;
		v->bytes += bytes;
		pthread_cond_signal(&v->wake);
	} else {
		v->dropped++;
	}
	pthread_mutex_unlock(&v->lock);
	if (!fits)
		evaluation_free(&e);
}

struct evaluator_counts evaluator_counts(struct evaluator *v)
{
	struct evaluator_counts counts;

	pthread_mutex_lock(&v->lock);
	counts = (struct evaluator_counts){.dropped = v->dropped, .waiting = v->count + v->busy};
	pthread_mutex_unlock(&v->lock);
	return counts;
}
