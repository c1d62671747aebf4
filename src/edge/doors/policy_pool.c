#include "policy_pool.h"

#include "edge/log/log.h"
#include "edge/milter/milter.h"
#include "edge/os/monotonic.h"
#include "edge/os/task_limit.h"
#include "policy_connection.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* How long a request waits for a thread to come back before it is answered without one. */
enum { FULL_MS = 500 };

/* How often the connections are looked through, and how long a thread sleeps at most. */
enum { LOOK_MS = 1000 };

/* Before accept(2) is tried again that had no descriptor. */
enum { NO_ROOM_MS = 100 };

/* Complaints about the same, a minute each. */
#define TELL_NS (60 * MONOTONIC_SECOND)

/* epoll's word for the listener; places of connections are below. */
#define LISTENER UINT32_MAX

/* A place for a connection.  `serial` tells an event of it from one of who had it before. */
struct place {
	struct policy_connection *connection; /* NULL: free */
	uint32_t serial;
	bool busy; /* a thread has it */
	int64_t used_ns;
	uint32_t next_free;
};

static struct {
	const struct env *env;
	struct table *table;
	int listener, epoll;
	unsigned places, max_threads;
	/* Guards all below, and which thread has a connection.  Nothing else is taken inside. */
	pthread_mutex_t lock;
	pthread_cond_t freed; /* a thread waits for events again */
	struct place *place;
	uint32_t first_free;
	unsigned waiting; /* threads that wait for events, or will at once */
	int64_t full_ns;  /* since when none was left; 0: one is */
	int64_t looked_ns, told_full_ns, told_malformed_ns;
	bool shut;
	struct policy_counts counts;
} pool = {.listener = -1, .epoll = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

static void *pool_thread(void *);

/* ---- events -------------------------------------------------------------------------- */

static uint64_t event_word(uint32_t place, uint32_t serial)
{
	return (uint64_t)serial << 32 | place;
}

/* Edge by edge would lose what came while it was served; one shot each time looks again. */
static bool arm(int fd, uint64_t word, int operation)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = word};

	return epoll_ctl(pool.epoll, operation, fd, &e) == 0;
}

/* ---- places; all under the lock ------------------------------------------------------- */

/* Takes a connection off its place; the caller closes it when it has no lock. */
static struct policy_connection *vacate(struct place *p)
{
	struct policy_connection *c = p->connection;

	p->connection = NULL;
	p->serial++;
	p->busy = false;
	p->next_free = pool.first_free;
	pool.first_free = (uint32_t)(p - pool.place);
	pool.counts.open--;
	return c;
}

/* The connection that was quiet for longest, of those that no thread has. */
static struct policy_connection *evict(void)
{
	struct place *longest = NULL;

	for (unsigned i = 0; i < pool.places; i++) {
		struct place *p = &pool.place[i];
		if (p->connection && !p->busy && (!longest || p->used_ns < longest->used_ns))
			longest = p;
	}
	if (!longest)
		return NULL;
	pool.counts.closed += !pool.shut;
	return vacate(longest);
}

/* Puts it on a free place; false when there is none. */
static bool settle(struct policy_connection *c)
{
	uint32_t i = pool.first_free;
	struct place *p = &pool.place[i];

	if (i == pool.places)
		return false;
	pool.first_free = p->next_free;
	p->connection = c;
	p->used_ns = monotonic_now();
	pool.counts.open++;
	pool.counts.connections++;
	return arm(policy_connection_fd(c), event_word(i, p->serial), EPOLL_CTL_ADD);
}

/* ---- connections come ------------------------------------------------------------------ */

static void admit(int fd)
{
	struct policy_connection *c = policy_connection_create(fd, pool.env, pool.table);
	struct policy_connection *old = NULL;

	if (!c)
		return;
	pthread_mutex_lock(&pool.lock);
	if (pool.first_free == pool.places)
		old = evict();
	if (!pool.shut && settle(c))
		c = NULL;
	pthread_mutex_unlock(&pool.lock);
	policy_connection_free(&old);
	policy_connection_free(&c);
}

/* No descriptor for a connection: one that only waits gives its own. */
static void make_room(void)
{
	struct policy_connection *old;

	pthread_mutex_lock(&pool.lock);
	old = evict();
	pthread_mutex_unlock(&pool.lock);
	if (!old)
		poll(NULL, 0, NO_ROOM_MS);
	policy_connection_free(&old);
}

static void accept_some(void)
{
	enum { AT_ONCE = 16 };

	for (int i = 0; i < AT_ONCE; i++) {
		int fd = accept4(pool.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			admit(fd);
		else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			make_room();
		else if (errno == EINVAL) /* shut: for ever, or another is put in its place */
			return;
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	arm(pool.listener, event_word(LISTENER, 0), EPOLL_CTL_MOD);
}

/* ---- connections are served ------------------------------------------------------------ */

static bool is_due(int64_t *told_ns)
{
	int64_t now = monotonic_now();
	bool due = *told_ns == 0 || now - *told_ns >= TELL_NS;

	if (due)
		*told_ns = now;
	return due;
}

static void count(const struct policy_served *s)
{
	pool.counts.requests += s->requests;
	pool.counts.refused += s->refused;
	pool.counts.failed += s->failed;
	pool.counts.malformed += s->malformed;
}

/* A thread has done what it had with a connection: it is armed again, or closed. */
static void release(struct place *p, uint32_t serial, bool keep)
{
	struct policy_connection *c = NULL;
	uint32_t i = (uint32_t)(p - pool.place);

	pthread_mutex_lock(&pool.lock);
	p->busy = false;
	pool.counts.busy--;
	if (!keep || pool.shut ||
	    !arm(policy_connection_fd(p->connection), event_word(i, serial), EPOLL_CTL_MOD))
		c = vacate(p);
	pthread_mutex_unlock(&pool.lock);
	policy_connection_free(&c);
}

/* The connection of an event, for this thread alone; NULL when it is gone or somebody has it, who
 * arms it again. */
static struct place *take(uint64_t word)
{
	uint32_t i = (uint32_t)word, serial = (uint32_t)(word >> 32);
	struct place *p = &pool.place[i];

	pthread_mutex_lock(&pool.lock);
	if (!p->connection || p->serial != serial || p->busy) {
		p = NULL;
	} else {
		p->busy = true;
		pool.counts.busy++;
		p->used_ns = monotonic_now();
	}
	pthread_mutex_unlock(&pool.lock);
	return p;
}

static void serve(uint64_t word, bool full)
{
	struct place *p = take(word);
	struct policy_served served = {.requests = 0};
	bool keep, malformed, told_full;

	if (!p)
		return;
	keep = policy_connection_serve(p->connection, full, &served);
	pthread_mutex_lock(&pool.lock);
	count(&served);
	malformed = served.malformed > 0 && is_due(&pool.told_malformed_ns);
	told_full = full && served.failed > 0 && is_due(&pool.told_full_ns);
	p->used_ns = monotonic_now();
	pthread_mutex_unlock(&pool.lock);
	if (malformed)
		log_warning("policy.socket: a client sent something that is not a request of the "
			    "policy protocol: its connection is closed");
	if (told_full)
		log_warning(
		    "policy.socket: no threads for more than %u requests at a time: further "
		    "ones are answered as policy.failure says",
		    pool.max_threads);
	release(p, (uint32_t)(word >> 32), keep);
}

/* ---- connections are looked through ---------------------------------------------------- */

enum look { LOOK_NOTHING, LOOK_CLOSE, LOOK_REST };

static enum look look_at(const struct place *p, int64_t now)
{
	int64_t quiet = now - p->used_ns;

	if (!p->connection || p->busy)
		return LOOK_NOTHING;
	if (policy_connection_is_waiting(p->connection))
		return quiet > POLICY_REQUEST_SECONDS * MONOTONIC_SECOND ? LOOK_CLOSE
									 : LOOK_NOTHING;
	return policy_connection_has_message(p->connection) &&
		       quiet > POLICY_MESSAGE_SECONDS * MONOTONIC_SECOND
		   ? LOOK_REST
		   : LOOK_NOTHING;
}

/* The next place, from the i-th, with something to do, taken for this thread. */
static enum look find_due(unsigned *i, int64_t now)
{
	enum look look = LOOK_NOTHING;

	pthread_mutex_lock(&pool.lock);
	while (*i < pool.places && (look = look_at(&pool.place[*i], now)) == LOOK_NOTHING)
		(*i)++;
	if (look != LOOK_NOTHING) {
		pool.place[*i].busy = true;
		pool.counts.busy++;
		pool.counts.closed += look == LOOK_CLOSE;
	}
	pthread_mutex_unlock(&pool.lock);
	return look;
}

static bool is_look_due(int64_t now)
{
	bool due;

	pthread_mutex_lock(&pool.lock);
	due = now - pool.looked_ns > LOOK_MS * MONOTONIC_MS;
	if (due)
		pool.looked_ns = now;
	pthread_mutex_unlock(&pool.lock);
	return due;
}

static void look_through(void)
{
	int64_t now = monotonic_now();
	enum look look;

	if (!is_look_due(now))
		return;
	for (unsigned i = 0; (look = find_due(&i, now)) != LOOK_NOTHING; i++) {
		struct place *p = &pool.place[i];

		if (look == LOOK_REST)
			policy_connection_rest(p->connection);
		release(p, p->serial, look == LOOK_REST);
	}
}

/* ---- threads --------------------------------------------------------------------------- */

/* One more, which counts as waiting from now on; false when there cannot be one.  Under the lock.
 */
static bool start_thread(void)
{
	pthread_attr_t detached;
	pthread_t thread;
	bool started;

	if (pool.counts.threads >= pool.max_threads)
		return false;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	started = pthread_create(&thread, &detached, pool_thread, NULL) == 0;
	pthread_attr_destroy(&detached);
	pool.counts.threads += started;
	pool.waiting += started;
	return started;
}

/* This thread has an event to deal with.  True when nobody could be found to wait for the next. */
static bool leave_waiting(void)
{
	bool full = false;

	pthread_mutex_lock(&pool.lock);
	pool.waiting--;
	if (pool.waiting == 0 && !start_thread()) {
		struct timespec until;

		if (!pool.full_ns)
			pool.full_ns = monotonic_now();
		until = monotonic_timespec(pool.full_ns + FULL_MS * MONOTONIC_MS);
		while (pool.waiting == 0 &&
		       pthread_cond_timedwait(&pool.freed, &pool.lock, &until) == 0)
			;
		full = pool.waiting == 0;
	}
	pthread_mutex_unlock(&pool.lock);
	return full;
}

/* False when there are enough others. */
static bool wait_again(bool was_full)
{
	bool stays;

	pthread_mutex_lock(&pool.lock);
	stays = pool.waiting < POLICY_THREADS_IDLE;
	if (stays) {
		pool.waiting++;
		/* One that had nobody behind it was never away. */
		if (!was_full)
			pool.full_ns = 0;
		pthread_cond_signal(&pool.freed);
	} else {
		pool.counts.threads--;
	}
	pthread_mutex_unlock(&pool.lock);
	return stays;
}

static void *pool_thread(void *unused)
{
	bool stays = true;

	while (stays) {
		struct epoll_event e;
		bool full;

		if (epoll_wait(pool.epoll, &e, 1, LOOK_MS) <= 0) {
			look_through();
			continue;
		}
		full = leave_waiting();
		if ((uint32_t)e.data.u64 == LISTENER)
			accept_some();
		else
			serve(e.data.u64, full);
		look_through();
		stays = wait_again(full);
	}
	return unused;
}

/* ---- life ------------------------------------------------------------------------------ */

static unsigned threads_for(unsigned max_requests)
{
	unsigned milter = milter_tasks(max_requests), room;
	struct task_limit t;

	task_limit_read("", getpid(), &t);
	room = t.room > milter ? t.room - milter : 0;
	if (room < max_requests)
		return room > POLICY_THREADS_MIN ? room : POLICY_THREADS_MIN;
	return max_requests;
}

bool policy_pool_start(
    unsigned max_requests, const struct env *env, struct table *table, int listener)
{
	pthread_condattr_t monotonic;
	bool ok;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pool.freed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pool.env = env;
	pool.table = table;
	pool.listener = listener;
	pool.max_threads = threads_for(max_requests);
	if (pool.max_threads < max_requests)
		log_warning("policy.socket: there are threads for %u requests at a time, not for "
			    "%u: further ones are answered as policy.failure says",
		    pool.max_threads, max_requests);
	pool.places = max_requests * POLICY_CONNECTIONS_A_REQUEST;
	pool.place = calloc(pool.places, sizeof *pool.place);
	pool.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; pool.place && i < pool.places; i++)
		pool.place[i].next_free = i + 1;
	if (!pool.place || pool.epoll < 0 || !arm(listener, event_word(LISTENER, 0), EPOLL_CTL_ADD))
		return false;
	pthread_mutex_lock(&pool.lock);
	ok = start_thread();
	pthread_mutex_unlock(&pool.lock);
	return ok;
}

void policy_pool_listen_again(void)
{
	if (pool.epoll >= 0)
		arm(pool.listener, event_word(LISTENER, 0), EPOLL_CTL_ADD);
}

/* Those that no thread has; the others are closed when they have their answer. */
void policy_pool_shut(void)
{
	struct policy_connection *c;

	for (bool more = true; more;) {
		pthread_mutex_lock(&pool.lock);
		pool.shut = true;
		c = evict();
		pthread_mutex_unlock(&pool.lock);
		more = c != NULL;
		policy_connection_free(&c);
	}
}

struct policy_counts policy_pool_counts(void)
{
	struct policy_counts counts;

	pthread_mutex_lock(&pool.lock);
	counts = pool.counts;
	pthread_mutex_unlock(&pool.lock);
	return counts;
}
