#include "milter_refusal.h"

#include "milter_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* Protocol version 6, and no change to any message. */
enum { PROTOCOL_VERSION = 6, NO_ACTIONS = 0 };

/* All that comes after MAIL, and HELO before it. */
#define NOT_NEEDED                                                                                 \
	((uint32_t)(SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH |      \
		    SMFIP_NOBODY | SMFIP_NOUNKNOWN))

/* Commands that nobody waits for an answer to. */
static const char unanswered[] = {SMFIC_MACRO, SMFIC_ABORT, SMFIC_QUIT_NC};

static uint32_t get32(const void *from)
{
	uint32_t big;

	memcpy(&big, from, sizeof big);
	return ntohl(big);
}

static void put32(void *to, uint32_t value)
{
	uint32_t big = htonl(value);

	memcpy(to, &big, sizeof big);
}

/* An MTA that does not take the few bytes of an answer is not waited for. */
static bool send_packet(const struct refusal *r, char command, const void *data, size_t len)
{
	char packet[5 + 12 + REPLY_XCODE_MAX + REPLY_MAX];

	put32(packet, (uint32_t)len + 1);
	packet[4] = command;
	memcpy(packet + 5, data, len);
	return send(r->fd, packet, len + 5, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(len + 5);
}

static bool negotiate(const struct refusal *r)
{
	char answer[12];
	uint32_t version = r->data_len >= sizeof answer ? get32(r->data) : 0;

	if (version == 0)
		return false;
	put32(answer, version < PROTOCOL_VERSION ? version : PROTOCOL_VERSION);
	put32(answer + 4, NO_ACTIONS);
	put32(answer + 8, get32(r->data + 8) & NOT_NEEDED);
	return send_packet(r, SMFIC_OPTNEG, answer, sizeof answer);
}

/* HOST NUL FAMILY PORT ADDRESS NUL: the address, where it is one. */
static void note_client(struct refusal *r)
{
	const char *family = memchr(r->data, '\0', r->data_len);
	const char *end = r->data + r->data_len;

	if (family && family + 4 < end && (family[1] == SMFIA_INET || family[1] == SMFIA_INET6))
		ip_parse(slice_of(family + 4, strnlen(family + 4, (size_t)(end - family) - 4)),
		    &r->client);
}

static bool refuse(struct refusal *r)
{
	char text[12 + REPLY_XCODE_MAX + REPLY_MAX];
	struct reply reply;
	int len;

	if (r->refused)
		return send_packet(r, SMFIR_TEMPFAIL, "", 0);
	r->refused = true;
	milter_refuse(&r->client, &reply);
	len = snprintf(text, sizeof text, "%u %s %s", reply.code, reply.xcode, reply.text);
	return send_packet(r, SMFIR_REPLYCODE, text, (size_t)len + 1);
}

/* One whole packet. */
static bool answer(struct refusal *r)
{
	const char go_on = SMFIR_CONTINUE;
	char command = (char)r->head[4];

	switch (command) {
	case SMFIC_OPTNEG:
		return negotiate(r);
	case SMFIC_CONNECT:
		note_client(r);
		return send_packet(r, go_on, "", 0);
	case SMFIC_HELO:
		return send_packet(r, go_on, "", 0);
	case SMFIC_QUIT:
		return false;
	default:
		return memchr(unanswered, command, sizeof unanswered) || refuse(r);
	}
}

/* Begins a packet, whose length and command are there. */
static bool begin_packet(struct refusal *r)
{
	uint32_t len = get32(r->head);

	r->left = len - 1;
	r->data_len = 0;
	return len > 0;
}

/* Takes a part of the packet's data; how many bytes it was. */
static size_t take_data(struct refusal *r, const char *bytes, size_t len)
{
	size_t n = len < r->left ? len : r->left, room = REFUSAL_DATA_MAX - r->data_len;
	size_t kept = n < room ? n : room;

	memcpy(r->data + r->data_len, bytes, kept);
	r->data_len += kept;
	r->left -= (uint32_t)n;
	return n;
}

/* False when the connection is to be closed. */
static bool take(struct refusal *r, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		if (r->head_len < sizeof r->head) {
			r->head[r->head_len++] = (unsigned char)bytes[i++];
			if (r->head_len < sizeof r->head)
				continue;
			if (!begin_packet(r))
				return false;
		}
		i += take_data(r, bytes + i, len - i);
		if (r->left > 0)
			continue;
		r->head_len = 0;
		if (!answer(r))
			return false;
	}
	return true;
}

bool milter_refusal_read(struct refusal *r)
{
	char bytes[4096];
	ssize_t n = recv(r->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (n > 0)
		return take(r, bytes, (size_t)n);
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}
