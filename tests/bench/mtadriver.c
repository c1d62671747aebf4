#include "bench/mtadriver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Of the protocol, version 6. */
enum { VERSION = 6, ALL_ACTIONS = 0x1ff, ALL_STEPS = 0x1fffff };
enum {
	NO_BODY = 0x10,
	NO_HEADERS = 0x20,
	NO_EOH = 0x40,
	NR_HEADER = 0x80,
	NR_CONNECT = 0x1000,
	NR_HELO = 0x2000,
	NR_EOH = 0x40000,
	NR_BODY = 0x80000,
};

enum { OUT_MAX = 4096, IN_MAX = 16384, EVENTS_MAX = 256, SAMPLES_MAX = 1 << 20 };

/* The next packet of a conversation. */
enum step { CONNECT, HELO, MAIL, RCPT, HEADER, END_OF_HEADERS, BODY, END };

struct connection {
	int fd;
	unsigned number;
	uint32_t spared; /* steps that the filter does not want, or does not answer */
	bool negotiated;
	enum step step; /* next to be sent */
	char asked;     /* the command whose answer is awaited */
	unsigned recipient, accepted, header;
	unsigned played; /* transactions of this session */
	uint64_t transaction;
	int64_t started_ns;
	int64_t due_ns; /* when the next transaction begins; 0: it has begun */
	size_t out_len, in_len;
	unsigned char out[OUT_MAX], in[IN_MAX];
};

struct mtadriver {
	struct mta_plan plan;
	int epoll;
	struct connection *connections;
	struct mta_counts counts;
	uint64_t last_transaction;
	double seconds;
	float *samples; /* microseconds */
	size_t sample_count;
	bool failed;
};

static const char *const header_fields[][2] = {
    {"Received", " from client.example by mx.example; Sat, 21 Nov 2026 00:00:00 +0000"},
    {"From", " Ann <ann@sender.example>"}, {"To", " Bob <bob@example.org>"},
    {"Subject", " of no importance"}, {"Date", " Sat, 21 Nov 2026 00:00:00 +0000"},
    {"Message-ID", " <1@sender.example>"}, {"MIME-Version", " 1.0"},
    {"Content-Type", " text/plain; charset=us-ascii"}};
enum { HEADER_FIELDS = sizeof header_fields / sizeof header_fields[0] };
static const char body[] = "Nothing much.\r\n";

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- packets ------------------------------------------------------------------------- */

static void put_packet(struct connection *c, char command, const void *data, size_t len)
{
	uint32_t size = htonl((uint32_t)len + 1);

	if (c->out_len + 5 + len > OUT_MAX)
		abort();
	memcpy(c->out + c->out_len, &size, 4);
	c->out[c->out_len + 4] = (unsigned char)command;
	memcpy(c->out + c->out_len + 5, data, len);
	c->out_len += 5 + len;
}

/* Formats with '|' for NUL, as many fields of the protocol want it. */
__attribute__((format(printf, 3, 4))) static void put_text(
    struct connection *c, char command, const char *format, ...)
{
	char text[512];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	for (int i = 0; i < n; i++)
		if (text[i] == '|')
			text[i] = '\0';
	put_packet(c, command, text, (size_t)n);
}

static void put_negotiation(struct connection *c)
{
	uint32_t offer[3] = {htonl(VERSION), htonl(ALL_ACTIONS), htonl(ALL_STEPS)};

	put_packet(c, 'O', offer, sizeof offer);
	c->asked = 'O';
}

static void put_connect(struct mtadriver *d, struct connection *c)
{
	const char *address = d->plan.client(c->number);
	char data[128];
	int n = snprintf(
	    data, sizeof data, "[%s]|%c..%s|", address, strchr(address, ':') ? '6' : '4', address);
	char *port = strstr(data, strchr(address, ':') ? "|6.." : "|4..") + 2;

	for (int i = 0; i < n; i++)
		if (data[i] == '|')
			data[i] = '\0';
	port[0] = port[1] = 25;
	put_text(c, 'D',
	    "Cj|mx.example|v|Postfix 3.7.11|{client_name}|unknown|"
	    "{client_connections}|1|");
	put_packet(c, 'C', data, (size_t)n);
}

/* ---- the conversation ---------------------------------------------------------------- */

static void start_transaction(struct mtadriver *d, struct connection *c)
{
	c->transaction = ++d->last_transaction;
	c->recipient = c->accepted = c->header = 0;
	c->started_ns = now_ns();
}

static uint64_t recipient_of(const struct mtadriver *d, const struct connection *c)
{
	if (d->plan.invented == 0)
		return c->transaction % 10000;
	return (d->plan.first_invented + c->transaction * d->plan.recipients + c->recipient) %
	       d->plan.invented;
}

/* Puts the next packet out; true when its answer must be awaited. */
static bool put_step(struct mtadriver *d, struct connection *c)
{
	uint32_t spared = c->spared;
	const char *const *field;

	switch (c->step) {
	case CONNECT:
		put_connect(d, c);
		c->step = HELO;
		c->asked = 'C';
		return (spared & NR_CONNECT) == 0;
	case HELO:
		put_text(c, 'H', "client.example|");
		c->step = MAIL;
		c->asked = 'H';
		return (spared & NR_HELO) == 0;
	case MAIL:
		start_transaction(d, c);
		put_text(c, 'M', "<s%llu@sender.example>|", (unsigned long long)c->transaction);
		c->step = RCPT;
		c->asked = 'M';
		return true;
	case RCPT:
		put_text(c, 'R', "<r%llu@%s>|", (unsigned long long)recipient_of(d, c),
		    d->plan.domains ? d->plan.domains[c->recipient] : "example.org");
		c->asked = 'R';
		return true;
	case HEADER:
		if ((spared & NO_HEADERS) != 0 || c->header == HEADER_FIELDS) {
			c->step = END_OF_HEADERS;
			return false;
		}
		field = header_fields[c->header++];
		put_text(c, 'L', "%s|%s|", field[0], field[1]);
		c->asked = 'L';
		return (spared & NR_HEADER) == 0;
	case END_OF_HEADERS:
		c->step = BODY;
		if ((spared & NO_EOH) != 0)
			return false;
		put_packet(c, 'N', "", 0);
		c->asked = 'N';
		return (spared & NR_EOH) == 0;
	case BODY:
		c->step = END;
		if ((spared & NO_BODY) != 0)
			return false;
		put_packet(c, 'B', body, sizeof body - 1);
		c->asked = 'B';
		return (spared & NR_BODY) == 0;
	default:
		put_text(c, 'D', "Ei|Q%llu|", (unsigned long long)c->transaction);
		put_packet(c, 'E', "", 0);
		c->asked = 'E';
		return true;
	}
}

static bool flush(struct connection *c)
{
	size_t sent = 0;

	while (sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + sent, c->out_len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	c->out_len = 0;
	return true;
}

/* Sends all up to the next packet that is answered. */
static bool ask(struct mtadriver *d, struct connection *c)
{
	while (!put_step(d, c))
		;
	return flush(c);
}

static bool connect_one(struct mtadriver *d, struct connection *c);

/* The first pause of each connection is longer, so that they do not go on in step. */
static void set_due(const struct mtadriver *d, struct connection *c)
{
	int64_t pause = 1000000000 / d->plan.per_second;

	c->due_ns = c->started_ns + pause;
	if (c->played++ == 0)
		c->due_ns += pause * c->number / d->plan.connections;
}

static bool finish_transaction(struct mtadriver *d, struct connection *c)
{
	d->counts.transactions++;
	if (d->sample_count < SAMPLES_MAX)
		d->samples[d->sample_count++] = (float)(now_ns() - c->started_ns) / 1000.0f;
	c->step = MAIL;
	if (d->plan.per_second > 0) {
		set_due(d, c);
		return flush(c);
	}
	if (d->plan.per_session == 0 || ++c->played < d->plan.per_session)
		return ask(d, c);
	put_packet(c, 'Q', "", 0);
	if (!flush(c))
		return false;
	d->counts.sessions++;
	close(c->fd);
	return connect_one(d, c);
}

static bool hear_recipient(struct mtadriver *d, struct connection *c, char kind)
{
	bool accepted = kind == 'c';

	c->accepted += accepted;
	d->counts.accepted += accepted;
	d->counts.refused += !accepted;
	if (++c->recipient < d->plan.recipients)
		return ask(d, c);
	if (c->accepted == 0) {
		put_packet(c, 'A', "", 0);
		return finish_transaction(d, c);
	}
	c->step = HEADER;
	return ask(d, c);
}

static bool hear_negotiation(struct mtadriver *d, struct connection *c, const unsigned char *data)
{
	uint32_t steps;

	memcpy(&steps, data + 8, 4);
	c->spared = ntohl(steps);
	c->negotiated = true;
	c->step = CONNECT;
	return ask(d, c);
}

/* One packet of the filter; text is NUL-terminated. */
static bool hear(struct mtadriver *d, struct connection *c, const char *text, size_t len)
{
	struct mta_answer answer = {
	    .connection = c->number,
	    .transaction = c->transaction,
	    .command = c->asked,
	    .recipient = c->recipient,
	    .text = text,
	};

	if (c->asked == 'O')
		return text[0] == 'O' && len >= 13 &&
		       hear_negotiation(d, c, (const unsigned char *)text + 1);
	if (c->asked == 'E' && strchr("himqp", text[0]))
		return true; /* an edit before the answer */
	if (d->plan.judge)
		d->plan.judge(d->plan.context, &answer);
	switch (c->asked) {
	case 'R':
		return hear_recipient(d, c, text[0]);
	case 'E':
		return finish_transaction(d, c);
	case 'M':
		if (text[0] == 'c')
			return ask(d, c);
		put_packet(c, 'A', "", 0);
		return finish_transaction(d, c);
	default:
		return ask(d, c);
	}
}

/* ---- connections --------------------------------------------------------------------- */

static int dial(const char *spec)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET};
	const struct sockaddr *sa = (const void *)&un;
	socklen_t len = sizeof un;
	char host[64];
	unsigned port;
	int fd;

	if (sscanf(spec, "inet:%u@%63s", &port, host) == 2) {
		in.sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, host, &in.sin_addr);
		sa = (const void *)&in;
		len = sizeof in;
	} else {
		snprintf(un.sun_path, sizeof un.sun_path, "%s", spec + strlen("unix:"));
	}
	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, sa, len) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* One try; what is refused, or closed before it was heard, leaves no connection behind. */
static bool try_to_connect(struct mtadriver *d, struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	c->negotiated = false;
	c->in_len = c->out_len = 0;
	c->played = 0;
	c->fd = dial(d->plan.socket);
	if (c->fd < 0)
		return false;
	put_negotiation(c);
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, c->fd, &event) == 0 && flush(c))
		return true;
	close(c->fd);
	c->fd = -1;
	return false;
}

static bool connect_one(struct mtadriver *d, struct connection *c)
{
	enum { TRIES = 1000, TRY_US = 10000 };
	int tries = 0;

	while (!try_to_connect(d, c)) {
		if (!d->plan.reconnect || ++tries == TRIES)
			return false;
		usleep(TRY_US);
	}
	return true;
}

/* Hears all whole packets that have come. */
static bool hear_all(struct mtadriver *d, struct connection *c)
{
	size_t at = 0;

	while (c->in_len - at >= 5) {
		uint32_t size;
		unsigned char *packet = c->in + at + 4, after;
		int fd = c->fd;
		bool ok;
		memcpy(&size, c->in + at, 4);
		size = ntohl(size);
		if (size == 0 || size > IN_MAX - 5)
			return false;
		if (c->in_len - at < 4 + size)
			break;
		after = packet[size];
		packet[size] = '\0';
		ok = hear(d, c, (const char *)packet, size);
		packet[size] = after;
		if (!ok)
			return false;
		if (c->fd != fd || c->in_len == 0)
			return true; /* a new connection */
		at += 4 + size;
	}
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return true;
}

static bool listen_to(struct mtadriver *d, struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, IN_MAX - 1 - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->in_len += (size_t)n;
	return hear_all(d, c);
}

/* ---- life ---------------------------------------------------------------------------- */

struct mtadriver *mtadriver_open(const struct mta_plan *plan)
{
	struct mtadriver *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->plan = *plan;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->samples = calloc(SAMPLES_MAX, sizeof *d->samples);
	d->connections = calloc(plan->connections, sizeof *d->connections);
	for (unsigned i = 0; d->connections && i < plan->connections; i++)
		d->connections[i] = (struct connection){.fd = -1, .number = i};
	for (unsigned i = 0; d->connections && d->samples && i < plan->connections; i++) {
		if (connect_one(d, &d->connections[i]))
			continue;
		mtadriver_close(&d);
		return NULL;
	}
	return d;
}

void mtadriver_close(struct mtadriver **driver)
{
	struct mtadriver *d = *driver;

	if (!d)
		return;
	for (unsigned i = 0; i < d->plan.connections; i++)
		if (d->connections[i].fd >= 0)
			close(d->connections[i].fd);
	close(d->epoll);
	free(d->connections);
	free(d->samples);
	free(d);
	*driver = NULL;
}

static void lose(struct mtadriver *d, struct connection *c)
{
	d->counts.lost++;
	close(c->fd);
	c->fd = -1;
	if (!d->plan.reconnect || !connect_one(d, c))
		d->failed = true;
}

/* At a pace: begins what is due. */
static void begin_due(struct mtadriver *d)
{
	int64_t now = now_ns();

	for (unsigned i = 0; i < d->plan.connections; i++) {
		struct connection *c = &d->connections[i];
		if (c->due_ns == 0 || c->due_ns > now)
			continue;
		c->due_ns = 0;
		if (!ask(d, c))
			lose(d, c);
	}
}

bool mtadriver_run(struct mtadriver *d, double seconds)
{
	const int wait_ms = d->plan.per_second > 0 ? 1 : 100;
	struct epoll_event events[EVENTS_MAX];
	int64_t start = now_ns(), end = start + (int64_t)(seconds * 1e9);

	d->counts = (struct mta_counts){.transactions = 0};
	d->sample_count = 0;
	while (now_ns() < end && !d->failed) {
		int n = epoll_wait(d->epoll, events, EVENTS_MAX, wait_ms);
		for (int i = 0; i < n; i++)
			if (!listen_to(d, events[i].data.ptr))
				lose(d, events[i].data.ptr);
		begin_due(d);
	}
	d->seconds = (double)(now_ns() - start) / 1e9;
	return !d->failed;
}

struct mta_counts mtadriver_counts(const struct mtadriver *d)
{
	return d->counts;
}

static int by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

double mtadriver_percentile(struct mtadriver *d, double share)
{
	if (d->sample_count == 0)
		return 0;
	qsort(d->samples, d->sample_count, sizeof *d->samples, by_size);
	return (double)d->samples[(size_t)((double)(d->sample_count - 1) * share)];
}

const float *mtadriver_latencies(const struct mtadriver *d, size_t *count)
{
	*count = d->sample_count;
	return d->samples;
}

double mtadriver_seconds(const struct mtadriver *d)
{
	return d->seconds;
}
