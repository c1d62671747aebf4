#include "milter_door.h"

#include "milter_refusal.h"
#include "milter_room.h"

#include "edge/os/monotonic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A listener is opened at the start, when few descriptors are in use. */
enum { LISTENER_MAX = 1024 };

/* The first packet is a negotiation of 17 octets; what begins with a longer one is no MTA. */
enum { FIRST_PACKET_MAX = 64 };

/* How long a refused connection may be silent: above the hour that Sendmail waits for a client's
 * next command. */
enum { REFUSED_SECONDS = 4000 };

/* Guests are half of all descriptors at most: mail that is judged needs the others. */
enum { GUESTS_SHARE = 2 };

/* Events of one accept(): after them libmilter may look whether it is to stop. */
enum { EVENTS_MAX = 64 };

/* A connection at the door; in one of two lists, each in the order of its deadlines. */
struct guest {
	struct refusal refusal; /* its fd is the connection's */
	bool own, refused;
	int64_t deadline;
	struct guest *before, *behind;
};

struct guests {
	struct guest *first, *last;
};

struct listeners {
	bool is[LISTENER_MAX];
};

/* Of the thread that serves, but for what epoll_ctl(2) is given and the listener's number. */
static struct {
	int epoll;  /* our descriptor of it: libmilter closes its own while others may knock */
	int number; /* libmilter's, that of its listening socket */
	int timer;
	/* No descriptor or memory was left: the listener is not looked at until the next tick. */
	bool paused;
	struct guests waiting, refused;
	unsigned guests, guests_max;
} door = {.epoll = -1, .number = -1, .timer = -1};

static atomic_int listener = -1;
static _Thread_local bool serves;

/* What an event is about, when it is no guest. */
static char of_listener, of_timer;

/* ---- guests --------------------------------------------------------------------------- */

static struct guests *list_of(const struct guest *g)
{
	return g->refused ? &door.refused : &door.waiting;
}

static void append(struct guest *g, int seconds)
{
	struct guests *list = list_of(g);

	g->deadline = monotonic_now() + seconds * MONOTONIC_SECOND;
	g->before = list->last;
	g->behind = NULL;
	*(list->last ? &list->last->behind : &list->first) = g;
	list->last = g;
}

static void take_out(struct guest *g)
{
	struct guests *list = list_of(g);

	*(g->before ? &g->before->behind : &list->first) = g->behind;
	*(g->behind ? &g->behind->before : &list->last) = g->before;
}

static bool watch(int fd, void *what, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = what};

	return epoll_ctl(door.epoll, EPOLL_CTL_ADD, fd, &e) == 0 ||
	       (errno == EEXIST && epoll_ctl(door.epoll, EPOLL_CTL_MOD, fd, &e) == 0);
}

/* Ends being a guest; the connection is the caller's. */
static int let_go(struct guest *g)
{
	int fd = g->refusal.fd;

	if (!g->own) {
		take_out(g);
		door.guests--;
	}
	epoll_ctl(door.epoll, EPOLL_CTL_DEL, fd, NULL);
	free(g);
	return fd;
}

static void close_overdue(const struct guests *list)
{
	while (list->first && list->first->deadline <= monotonic_now())
		close(let_go(list->first));
}

/* ---- one step -------------------------------------------------------------------------- */

enum first { FIRST_WHOLE, FIRST_PART, FIRST_WRONG };

/* Leaves the packet where it is, for whoever is to read it. */
static enum first look_at_first(int fd)
{
	unsigned char bytes[FIRST_PACKET_MAX];
	ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
	uint32_t len;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return FIRST_PART;
	if (n <= 0)
		return FIRST_WRONG;
	if ((size_t)n < sizeof len)
		return FIRST_PART;
	memcpy(&len, bytes, sizeof len);
	len = ntohl(len);
	if (len == 0 || len > sizeof bytes - sizeof len)
		return FIRST_WRONG;
	return (size_t)n >= len + sizeof len ? FIRST_WHOLE : FIRST_PART;
}

/* The connection, when it is libmilter's from now on; else -1. */
static int admit(struct guest *g)
{
	if (milter_room_enter(g->refusal.fd))
		return let_go(g);
	take_out(g);
	g->refused = true;
	append(g, REFUSED_SECONDS);
	if (!watch(g->refusal.fd, g, EPOLLIN))
		close(let_go(g));
	return -1;
}

static int serve_guest(struct guest *g, uint32_t events)
{
	enum first first;

	if (g->own)
		return let_go(g);
	if (g->refused) {
		if (!milter_refusal_read(&g->refusal))
			close(let_go(g));
		return -1;
	}
	first = look_at_first(g->refusal.fd);
	if (first == FIRST_WHOLE)
		return admit(g);
	if (first == FIRST_WRONG || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		close(let_go(g));
	return -1;
}

/* A packet that is there already spares two calls of epoll_ctl(2). */
static int welcome(struct guest *g, int fd)
{
	if (door.guests >= door.guests_max) {
		free(g);
		close(fd);
		return -1;
	}
	g->refusal.fd = fd;
	door.guests++;
	append(g, MILTER_FIRST_PACKET_SECONDS);
	if (look_at_first(fd) == FIRST_WHOLE)
		return admit(g);
	/* By edges: half a packet would be an event all the time. */
	if (!watch(fd, g, EPOLLIN | EPOLLRDHUP | EPOLLET))
		close(let_go(g));
	return -1;
}

/* Who comes while there is no memory or no descriptor stays in the queue of the system. */
static int serve_listener(void)
{
	struct guest *g = calloc(1, sizeof *g);
	int fd = g ? accept4(atomic_load(&listener), NULL, NULL, SOCK_CLOEXEC) : -1;

	if (fd >= 0)
		return welcome(g, fd);
	if (!g || errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		door.paused = watch(atomic_load(&listener), &of_listener, 0);
	free(g);
	return -1;
}

static int tick(void)
{
	uint64_t times;

	if (read(door.timer, &times, sizeof times) < 0)
		return -1;
	close_overdue(&door.waiting);
	close_overdue(&door.refused);
	if (door.paused)
		door.paused = !watch(atomic_load(&listener), &of_listener, EPOLLIN);
	return -1;
}

static int next_inside(void)
{
	struct epoll_event e;
	int fd = -1;

	for (int i = 0; fd < 0 && i < EVENTS_MAX && epoll_wait(door.epoll, &e, 1, 0) == 1; i++)
		fd = e.data.ptr == &of_listener ? serve_listener()
		     : e.data.ptr == &of_timer  ? tick()
						: serve_guest(e.data.ptr, e.events);
	return fd;
}

/*
 * For libmilter, the step; for all others what the C library does.  Of the address libmilter wants
 * to see only the family of its own socket, which a connection of ours may not have.
 */
int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict len)
{
	int found;

	if (!serves || fd != door.number)
		return accept4(fd, address, len, 0);
	found = next_inside();
	if (found < 0)
		errno = EAGAIN;
	else
		getsockname(atomic_load(&listener), address.__sockaddr__, len);
	return found;
}

/* ---- opening --------------------------------------------------------------------------- */

static bool listens(int fd)
{
	socklen_t size = sizeof(int);
	int is = 0;

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) == 0 && is;
}

struct listeners *milter_door_listeners(void)
{
	struct listeners *all = calloc(1, sizeof *all);

	for (int fd = 0; all && fd < LISTENER_MAX; fd++)
		all->is[fd] = listens(fd);
	return all;
}

static int find_new(const struct listeners *before)
{
	for (int fd = 0; fd < LISTENER_MAX; fd++)
		if (listens(fd) && !before->is[fd])
			return fd;
	return -1;
}

static bool start_timer(void)
{
	const struct itimerspec each_second = {{1, 0}, {1, 0}};

	door.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return door.timer >= 0 && timerfd_settime(door.timer, 0, &each_second, NULL) == 0 &&
	       watch(door.timer, &of_timer, EPOLLIN);
}

bool milter_door_open(struct listeners *before)
{
	int theirs = before ? find_new(before) : -1, real;

	free(before);
	real = theirs < 0 ? -1 : fcntl(theirs, F_DUPFD_CLOEXEC, 0);
	door.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (real < 0 || door.epoll < 0 ||
	    fcntl(real, F_SETFL, fcntl(real, F_GETFL) | O_NONBLOCK) != 0 ||
	    dup3(door.epoll, theirs, O_CLOEXEC) < 0)
		return false;
	door.number = theirs;
	atomic_store(&listener, real);
	return start_timer() && watch(real, &of_listener, EPOLLIN);
}

void milter_door_serve(void)
{
	struct rlimit files;

	serves = true;
	door.guests_max =
	    getrlimit(RLIMIT_NOFILE, &files) == 0 ? (unsigned)(files.rlim_cur / GUESTS_SHARE) : 256;
	milter_room_start();
}

int milter_door_listener(void)
{
	return atomic_load(&listener);
}

void milter_door_listen_again(void)
{
	watch(atomic_load(&listener), &of_listener, EPOLLIN);
}

bool milter_door_bring(int fd)
{
	struct guest *g = calloc(1, sizeof *g);

	if (!g)
		return false;
	g->own = true;
	g->refusal.fd = fd;
	if (watch(fd, g, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT))
		return true;
	free(g);
	return false;
}
