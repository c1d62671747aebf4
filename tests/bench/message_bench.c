/*
 * message_bench CONNECTIONS ROUNDS SECONDS MESSAGES NAME=SOCKET[,SOCKET]…: whole messages a second
 * through milters, or through chains of them, as Postfix plays them.
 *
 *     message_bench 16 5 2 /tmp/messages ours=unix:/tmp/s chain=unix:/tmp/dkim,unix:/tmp/dmarc
 *
 * MESSAGES is a folder of files 0, 1, 2 …, each a message from a@dN.example with line ends of SMTP.
 * Every connection plays them in turn.  In a chain each command goes to all, one after the other,
 * and the second sees the header fields that the first adds: so does opendmarc learn of DKIM.
 *
 * Each round measures each name once, every other round the other way round.  Told are the messages
 * a second of all rounds together (milter_bench.c says why no median), as lines
 *
 *     NAME MESSAGES_A_SECOND REFUSED MESSAGES SECONDS FIELD
 *
 * where MESSAGES is how many were played in all, warm-up included, SECONDS the processor time that
 * this program itself took for them, and FIELD is the last that the last filter added, so that it
 * can be seen what was evaluated, or the last reply of a filter that refused.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGES_MAX = 256, FIELDS_MAX = 32, CHAIN_MAX = 2, NAMES_MAX = 4 };
enum { PACKET_MAX = 65536, TEXT_MAX = 2048 };
enum { VERSION = 6, ALL_ACTIONS = 0x1ff, ALL_STEPS = 0x1fffff };
enum {
	NO_BODY = 0x10,
	NO_HEADERS = 0x20,
	NO_EOH = 0x40,
	NR_HEADER = 0x80,
	NO_DATA = 0x200,
	NR_CONNECT = 0x1000,
	NR_HELO = 0x2000,
	NR_MAIL = 0x4000,
	NR_RCPT = 0x8000,
	NR_DATA = 0x10000,
	NR_EOH = 0x40000,
	NR_BODY = 0x80000,
	LEADING_SPACE = 0x100000,
};
static const double warm_up_seconds = 0.1;

struct message {
	unsigned number;
	const char *names[FIELDS_MAX], *values[FIELDS_MAX];
	unsigned fields;
	const char *body;
	size_t body_len;
};

/* One milter of one connection. */
struct link {
	int fd;
	uint32_t spared;
	char packet[PACKET_MAX];
};

struct player {
	const char *const *sockets;
	unsigned chain, number;
	double seconds;
	unsigned long messages, refused;
	char field[TEXT_MAX]; /* the last that was added: "NAME\0VALUE" */
	size_t field_len;
	char reply[256];    /* the last that refused */
	struct link *asked; /* the last that was asked */
	struct link links[CHAIN_MAX];
};

static struct message messages[MESSAGES_MAX];
static unsigned message_count;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- messages ------------------------------------------------------------------------ */

static char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(PACKET_MAX);

	if (!f || !text) {
		free(text);
		return NULL;
	}
	*len = fread(text, 1, PACKET_MAX - 1, f);
	text[*len] = '\0';
	fclose(f);
	return text;
}

/* Postfix gives header fields with bare LF where they are folded. */
static void cut_fields(struct message *m, char *at, const char *end)
{
	while (at < end && m->fields < FIELDS_MAX) {
		char *colon = strchr(at, ':'), *to = colon + 1, *from = to;

		m->names[m->fields] = at;
		m->values[m->fields++] = colon + 1;
		*colon = '\0';
		while (from < end && !(from[0] == '\r' && from[2] != ' ' && from[2] != '\t')) {
			if (*from != '\r')
				*to++ = *from;
			from++;
		}
		*to = '\0';
		at = from + 2;
	}
}

static void read_messages(const char *folder)
{
	char path[512], *text, *blank;
	size_t len;

	for (unsigned i = 0; i < MESSAGES_MAX; i++) {
		struct message *m = &messages[i];

		snprintf(path, sizeof path, "%s/%u", folder, i);
		text = read_file(path, &len);
		if (!text)
			break;
		blank = strstr(text, "\r\n\r\n");
		if (!blank)
			die("a message without a body");
		m->number = i;
		m->body = blank + 4;
		m->body_len = len - (size_t)(m->body - text);
		cut_fields(m, text, blank + 2);
		message_count = i + 1;
	}
	if (message_count == 0)
		die(folder);
}

/* ---- packets ------------------------------------------------------------------------- */

static void put(struct link *l, char command, const void *data, size_t len)
{
	uint32_t size = htonl((uint32_t)len + 1);
	char head[5];
	struct iovec_pair {
		const char *at;
		size_t len;
	} parts[2] = {{head, 5}, {data, len}};

	memcpy(head, &size, 4);
	head[4] = command;
	for (int i = 0; i < 2; i++) {
		while (parts[i].len > 0) {
			int more = i == 0 && len > 0 ? MSG_MORE : 0;
			ssize_t n = send(l->fd, parts[i].at, parts[i].len, MSG_NOSIGNAL | more);

			if (n <= 0)
				die("send");
			parts[i].at += n;
			parts[i].len -= (size_t)n;
		}
	}
}

/* '|' in the text stands for NUL. */
static void put_text(struct link *l, char command, const char *text)
{
	char copy[TEXT_MAX];
	size_t len = strlen(text);

	memcpy(copy, text, len);
	for (size_t i = 0; i < len; i++)
		if (copy[i] == '|')
			copy[i] = '\0';
	put(l, command, copy, len);
}

static void get_bytes(struct link *l, char *to, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(l->fd, to, len, MSG_WAITALL);

		if (n <= 0)
			die("recv");
		to += n;
		len -= (size_t)n;
	}
}

/* The next answer in l->packet; its length. */
static size_t get(struct link *l)
{
	uint32_t size;

	get_bytes(l, (char *)&size, 4);
	size = ntohl(size);
	if (size == 0 || size >= PACKET_MAX)
		die("a packet of that size");
	get_bytes(l, l->packet, size);
	l->packet[size] = '\0';
	return size;
}

/* The answer's first byte; 'c' where none comes. */
static char answer(struct link *l, uint32_t quiet)
{
	if ((l->spared & quiet) != 0)
		return 'c';
	get(l);
	return l->packet[0];
}

static int dial(const char *spec)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", spec + strlen("unix:"));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&sa, sizeof sa) != 0)
		die(spec);
	return fd;
}

static void open_link(struct link *l, const char *spec)
{
	static const char client[] = "mx.client.example\0004\0\031203.0.113.25";
	uint32_t offer[3] = {htonl(VERSION), htonl(ALL_ACTIONS), htonl(ALL_STEPS)};

	l->fd = dial(spec);
	put(l, 'O', offer, sizeof offer);
	if (get(l) < 13 || l->packet[0] != 'O')
		die("negotiation");
	memcpy(&l->spared, l->packet + 9, 4);
	l->spared = ntohl(l->spared);
	put_text(l, 'D',
	    "Cj|mx.lab.test|v|Postfix 3.7.11|{client_addr}|203.0.113.25|"
	    "{client_name}|mx.client.example|{client_connections}|1|");
	put(l, 'C', client, sizeof client);
	answer(l, NR_CONNECT);
	put_text(l, 'H', "mx.client.example|");
	answer(l, NR_HELO);
}

/* ---- one message --------------------------------------------------------------------- */

/* False: the filter refuses. */
static bool tell_envelope(struct link *l, const struct message *m)
{
	char text[128];

	snprintf(text, sizeof text, "<a@d%u.example>|", m->number);
	put_text(l, 'M', text);
	if (answer(l, NR_MAIL) != 'c')
		return false;
	put_text(l, 'R', "<bob@example.org>|");
	if (answer(l, NR_RCPT) != 'c')
		return false;
	put_text(l, 'D', "Ti|4XyQueueId|");
	if ((l->spared & NO_DATA) != 0)
		return true;
	put(l, 'T', "", 0);
	return answer(l, NR_DATA) == 'c';
}

static bool tell_field(struct link *l, const char *name, const char *value)
{
	char text[TEXT_MAX];
	bool keep = (l->spared & LEADING_SPACE) != 0 || *value != ' ';
	int n = snprintf(text, sizeof text, "%s%c%s", name, '\0', keep ? value : value + 1);

	put(l, 'L', text, (size_t)n + 1);
	return answer(l, NR_HEADER) == 'c';
}

static bool tell_header(struct link *l, const struct player *p, const struct message *m)
{
	bool on = true;

	if ((l->spared & NO_HEADERS) == 0) {
		if (p->field_len > 0)
			on = tell_field(l, p->field, p->field + strlen(p->field) + 1);
		for (unsigned i = 0; on && i < m->fields; i++)
			on = tell_field(l, m->names[i], m->values[i]);
	}
	if (!on || (l->spared & NO_EOH) != 0)
		return on;
	put(l, 'N', "", 0);
	return answer(l, NR_EOH) == 'c';
}

/* The field that 'h' or 'i' adds, for the next of the chain. */
static void note_field(struct player *p, const struct link *l, size_t len)
{
	size_t head = l->packet[0] == 'i' ? 5 : 1;

	if (len <= head || len - head > sizeof p->field)
		return;
	p->field_len = len - head;
	memcpy(p->field, l->packet + head, p->field_len);
}

static bool tell_message(struct player *p, struct link *l, const struct message *m)
{
	size_t len;

	if (!tell_header(l, p, m))
		return false;
	if ((l->spared & NO_BODY) == 0) {
		put(l, 'B', m->body, m->body_len);
		if (!strchr("cs", answer(l, NR_BODY)))
			return false;
	}
	put_text(l, 'D', "Ei|4XyQueueId|");
	put(l, 'E', "", 0);
	while (len = get(l), strchr("himqp", l->packet[0]))
		if (l->packet[0] == 'h' || l->packet[0] == 'i')
			note_field(p, l, len);
	return l->packet[0] == 'c' || l->packet[0] == 'a';
}

static void note_refusal(struct player *p)
{
	p->refused++;
	snprintf(p->reply, sizeof p->reply, "%.200s", p->asked->packet);
}

static void play(struct player *p, const struct message *m)
{
	bool on = true;

	p->field_len = 0;
	p->messages++;
	for (unsigned i = 0; on && i < p->chain; i++)
		on = tell_envelope(p->asked = &p->links[i], m);
	for (unsigned i = 0; on && i < p->chain; i++)
		on = tell_message(p, p->asked = &p->links[i], m);
	if (!on)
		note_refusal(p);
	for (unsigned i = 0; !on && i < p->chain; i++)
		put(&p->links[i], 'A', "", 0);
}

static void *play_all(void *player)
{
	struct player *p = player;
	double end = now() + p->seconds;

	for (unsigned at = p->number; now() < end; at++)
		play(p, &messages[at % message_count]);
	return NULL;
}

/* ---- measuring ----------------------------------------------------------------------- */

struct subject {
	const char *name, *sockets[CHAIN_MAX];
	unsigned chain;
	double rates; /* of all rounds, added */
	unsigned long refused, played;
	double processor; /* seconds that the players took */
	char told[TEXT_MAX];
};

/* The value of the last field, or the last refusal, on one line. */
static void note(struct subject *s, const struct player *p)
{
	const char *text = p->field_len > 0 ? p->field + strlen(p->field) + 1 : "";

	snprintf(s->told, sizeof s->told, "%s", s->refused > 0 ? p->reply : text);
	for (char *c = s->told; *c; c++)
		if (*c == '\n' || *c == '\t')
			*c = ' ';
}

/* User and system time of this process so far. */
static double processor_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double run(struct subject *s, struct player *players, unsigned count, double seconds)
{
	pthread_t threads[256];
	unsigned long played = 0;
	double start = now(), processor = processor_time();

	for (unsigned i = 0; i < count; i++) {
		players[i].seconds = seconds;
		players[i].messages = players[i].refused = 0;
		if (pthread_create(&threads[i], NULL, play_all, &players[i]) != 0)
			die("pthread_create");
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
		played += players[i].messages;
		s->refused += players[i].refused;
	}
	note(s, &players[0]);
	s->played += played;
	s->processor += processor_time() - processor;
	return (double)played / (now() - start);
}

static double measure(struct subject *s, unsigned count, double seconds)
{
	struct player *players = calloc(count, sizeof *players);
	double rate;

	if (!players)
		die("memory");
	for (unsigned i = 0; i < count; i++) {
		players[i].sockets = s->sockets;
		players[i].chain = s->chain;
		players[i].number = i;
		for (unsigned k = 0; k < s->chain; k++)
			open_link(&players[i].links[k], s->sockets[k]);
	}
	run(s, players, count, warm_up_seconds);
	rate = run(s, players, count, seconds);
	for (unsigned i = 0; i < count; i++)
		for (unsigned k = 0; k < s->chain; k++) {
			put(&players[i].links[k], 'Q', "", 0);
			close(players[i].links[k].fd);
		}
	free(players);
	return rate;
}

int main(int argc, char **argv)
{
	static struct subject subjects[NAMES_MAX];
	int count = argc - 5, rounds = argc > 2 ? atoi(argv[2]) : 0;

	if (count < 1 || count > NAMES_MAX || atoi(argv[1]) < 1 || atoi(argv[1]) > 256 ||
	    rounds < 1) {
		fprintf(stderr, "usage: message_bench CONNECTIONS ROUNDS SECONDS MESSAGES "
				"NAME=SOCKET[,SOCKET]...\n");
		return 2;
	}
	read_messages(argv[4]);
	for (int i = 0; i < count; i++) {
		char *sockets = strchr(argv[5 + i], '=');

		if (!sockets)
			return 2;
		*sockets++ = '\0';
		subjects[i].name = argv[5 + i];
		for (char *s = strtok(sockets, ","); s && subjects[i].chain < CHAIN_MAX;
		     s = strtok(NULL, ","))
			subjects[i].sockets[subjects[i].chain++] = s;
	}
	for (int round = 0; round < rounds; round++)
		for (int turn = 0; turn < count; turn++) {
			struct subject *at = &subjects[round % 2 ? count - 1 - turn : turn];
			at->rates += measure(at, (unsigned)atoi(argv[1]), atof(argv[3]));
		}
	for (int i = 0; i < count; i++)
		printf("%s %.1f %lu %lu %.6f %s\n", subjects[i].name, subjects[i].rates / rounds,
		    subjects[i].refused, subjects[i].played, subjects[i].processor,
		    subjects[i].told);
	return 0;
}
