#ifndef MILTER_REFUSAL_H
#define MILTER_REFUSAL_H
/*
 * milter_refusal: the milter's side of the protocol for a connection that libmilter has no thread
 * for: it negotiates, hears who the client is, and answers MAIL with 421 4.3.2.
 *
 *     struct refusal r = {.fd = fd};
 *     while (milter_refusal_read(&r)) …wait for fd to become readable…
 *     close(fd);
 *
 * Never blocks, and takes no thread.  Body and header are asked to be left out; what an MTA sends
 * all the same is read past, so that memory for each connection is this struct.
 */
#include "core/net/ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A connection packet: a host name of 255 octets, a port and an address; a negotiation is shorter.
 */
enum { REFUSAL_DATA_MAX = 320 };

struct refusal {
	int fd;
	unsigned char head[5]; /* length of what follows it (4), and the command */
	size_t head_len;
	uint32_t left; /* of the packet, still to be read */
	char data[REFUSAL_DATA_MAX];
	size_t data_len;
	struct ip client; /* of the connection packet */
	bool refused;     /* said and recorded: once is enough */
};

/* Reads some of what is there, and answers; false when the connection is to be closed. */
bool milter_refusal_read(struct refusal *);

#endif
