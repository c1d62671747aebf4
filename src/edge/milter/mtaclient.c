#include "edge/milter/mtaclient.h"

#include "edge/os/unixsocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfdef.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* What a current MTA offers: protocol version 6, every action, every step. */
enum { PROTOCOL_VERSION = 6, ALL_ACTIONS = 0x1ff, ALL_STEPS = 0x1fffff };

/* The longest packet of this side: one command with its argument, or some macros. */
enum { PACKET_MAX = 4096 };

struct mtaclient {
	int fd;
	uint32_t steps;
	char text[MTACLIENT_TEXT_MAX];
};

/* ---- connecting ---------------------------------------------------------------------- */

/* What every step may take; connect(2) heeds the time to send. */
static void set_timeout(int fd, int timeout_ms)
{
	struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

/* A connection, or -1 and the reason.  EAGAIN (unix) and EINPROGRESS (inet) are how Linux tells of
 * a listener that takes nobody in. */
static int connect_to(
    const struct sockaddr *address, socklen_t len, int timeout_ms, const char *spec, char *why)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		set_timeout(fd, timeout_ms);
	if (fd >= 0 && connect(fd, address, len) == 0)
		return fd;
	if (errno == EAGAIN || errno == EINPROGRESS)
		errno = ETIMEDOUT;
	snprintf(why, MTACLIENT_WHY_MAX, "%s: %s", spec, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int connect_unix(const char *path, int timeout_ms, char *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	return connect_to((struct sockaddr *)&address, sizeof address, timeout_ms, path, why);
}

/* "inet:8891@127.0.0.1" or "inet6:8891@::1"; without a host this machine is meant. */
static int connect_inet(const char *spec, int timeout_ms, char *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;
	struct slice rest = slice_str(spec), kind = slice_cut(&rest, ':');
	struct slice port = slice_cut(&rest, '@');
	char port_text[16], host[256];
	int fd = -1, wrong;

	hints.ai_family = slice_equal(kind, SLICE("inet6")) ? AF_INET6 : AF_INET;
	snprintf(port_text, sizeof port_text, "%.*s", SLICE_ARG(port));
	snprintf(host, sizeof host, "%.*s", SLICE_ARG(rest));
	wrong = getaddrinfo(host[0] ? host : NULL, port_text, &hints, &list);
	if (wrong) {
		snprintf(why, MTACLIENT_WHY_MAX, "%s: %s", spec, gai_strerror(wrong));
		return -1;
	}
	for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
		fd = connect_to(a->ai_addr, a->ai_addrlen, timeout_ms, spec, why);
	freeaddrinfo(list);
	return fd;
}

/* ---- packets ------------------------------------------------------------------------- */

static bool send_all(int fd, const unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool receive_all(int fd, unsigned char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, bytes, len, 0);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static void put32(unsigned char *to, uint32_t value)
{
	uint32_t big = htonl(value);

	memcpy(to, &big, sizeof big);
}

static uint32_t get32(const unsigned char *from)
{
	uint32_t big;

	memcpy(&big, from, sizeof big);
	return ntohl(big);
}

static bool send_packet(struct mtaclient *c, char command, const void *data, size_t len)
{
	unsigned char packet[PACKET_MAX + 5];

	if (len > PACKET_MAX)
		return false;
	put32(packet, (uint32_t)len + 1);
	packet[4] = (unsigned char)command;
	memcpy(packet + 5, data, len);
	return send_all(c->fd, packet, len + 5);
}

/* One answer; what is longer than there is room for is read and cut.  0 when none came. */
static char receive_packet(struct mtaclient *c, unsigned char *data, size_t *len)
{
	unsigned char head[5], waste;
	size_t size, room = *len;

	if (!receive_all(c->fd, head, sizeof head) || get32(head) == 0)
		return 0;
	size = get32(head) - 1;
	*len = size < room ? size : room;
	if (!receive_all(c->fd, data, *len))
		return 0;
	for (size_t i = *len; i < size; i++)
		if (!receive_all(c->fd, &waste, 1))
			return 0;
	return (char)head[4];
}

static bool negotiate(struct mtaclient *c)
{
	unsigned char offer[12], answer[12];
	size_t len = sizeof answer;

	put32(offer, PROTOCOL_VERSION);
	put32(offer + 4, ALL_ACTIONS);
	put32(offer + 8, ALL_STEPS);
	if (!send_packet(c, SMFIC_OPTNEG, offer, sizeof offer) ||
	    receive_packet(c, answer, &len) != SMFIC_OPTNEG || len < sizeof answer)
		return false;
	c->steps = get32(answer + 8);
	return true;
}

/* ---- public -------------------------------------------------------------------------- */

static struct mtaclient *talk(int fd, const char *where, char *why)
{
	struct mtaclient *c = calloc(1, sizeof *c);

	if (!c) {
		close(fd);
		snprintf(why, MTACLIENT_WHY_MAX, "out of memory");
		return NULL;
	}
	c->fd = fd;
	if (negotiate(c))
		return c;
	snprintf(why, MTACLIENT_WHY_MAX,
	    "%s: what listens there does not speak the milter protocol", where);
	mtaclient_close(&c);
	return NULL;
}

int mtaclient_socket(const char *spec, int timeout_ms, char why[MTACLIENT_WHY_MAX])
{
	const char *path = unixsocket_path(spec);

	return path ? connect_unix(path, timeout_ms, why) : connect_inet(spec, timeout_ms, why);
}

struct mtaclient *mtaclient_open(const char *spec, int timeout_ms, char why[MTACLIENT_WHY_MAX])
{
	int fd = mtaclient_socket(spec, timeout_ms, why);

	return fd < 0 ? NULL : talk(fd, spec, why);
}

struct mtaclient *mtaclient_over(int fd, int timeout_ms, char why[MTACLIENT_WHY_MAX])
{
	set_timeout(fd, timeout_ms);
	return talk(fd, "the pool of threads", why);
}

void mtaclient_close(struct mtaclient **c)
{
	if (!*c)
		return;
	send_packet(*c, SMFIC_QUIT, "", 0);
	close((*c)->fd);
	free(*c);
	*c = NULL;
}

bool mtaclient_macros(struct mtaclient *c, int command, ...)
{
	char data[PACKET_MAX];
	size_t len = 0;
	const char *word;
	va_list words;

	data[len++] = (char)command;
	va_start(words, command);
	while ((word = va_arg(words, const char *)) && len + strlen(word) < sizeof data) {
		memcpy(data + len, word, strlen(word) + 1);
		len += strlen(word) + 1;
	}
	va_end(words);
	return send_packet(c, SMFIC_MACRO, data, len);
}

/* Steps that are not sent at all, and those that are not answered. */
static uint32_t step_bit(char command, bool no_reply)
{
	switch (command) {
	case SMFIC_CONNECT:
		return no_reply ? SMFIP_NR_CONN : SMFIP_NOCONNECT;
	case SMFIC_HELO:
		return no_reply ? SMFIP_NR_HELO : SMFIP_NOHELO;
	case SMFIC_MAIL:
		return no_reply ? SMFIP_NR_MAIL : SMFIP_NOMAIL;
	case SMFIC_RCPT:
		return no_reply ? SMFIP_NR_RCPT : SMFIP_NORCPT;
	default:
		return 0;
	}
}

static char ask(struct mtaclient *c, char command, const void *data, size_t len)
{
	size_t room = sizeof c->text - 1;
	char answer;

	if ((c->steps & step_bit(command, false)) != 0)
		return SMFIR_CONTINUE;
	if (!send_packet(c, command, data, len))
		return 0;
	if ((c->steps & step_bit(command, true)) != 0)
		return SMFIR_CONTINUE;
	answer = receive_packet(c, (unsigned char *)c->text, &room);
	c->text[room] = '\0';
	return answer;
}

char mtaclient_connect(struct mtaclient *c, const struct ip *client, const char *name)
{
	char data[PACKET_MAX], text[IP_TEXT_MAX];
	size_t len = strlen(name) + 1;
	uint16_t port = htons(25);

	ip_format(client, text);
	if (len + 3 + sizeof text > sizeof data)
		return 0;
	memcpy(data, name, len);
	data[len++] = client->family == IP_V6 ? SMFIA_INET6 : SMFIA_INET;
	memcpy(data + len, &port, sizeof port);
	len += sizeof port;
	memcpy(data + len, text, strlen(text) + 1);
	return ask(c, SMFIC_CONNECT, data, len + strlen(text) + 1);
}

char mtaclient_command(struct mtaclient *c, char command, const char *argument)
{
	return ask(c, command, argument, strlen(argument) + 1);
}

const char *mtaclient_text(const struct mtaclient *c)
{
	return c->text;
}
