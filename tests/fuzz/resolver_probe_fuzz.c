/*
 * Any bytes as the answer to a question that is asked once more.
 *
 * Insists that what comes is heard once at most, and that only a header without error, and not cut
 * short, lets an answer without records stand.
 */
#include "src/edge/dns/resolver_probe.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	struct resolver_handle handle; /* at the head, for on_answer() */
	unsigned times;
	struct resolver_answer *answer;
};

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void on_answer(struct resolver_handle *t, struct resolver_answer *answer)
{
	struct heard *h = (struct heard *)t;

	h->times++;
	h->answer = answer;
}

/* A server, once for all inputs; its socket. */
static int serve(struct resolver_probe **probe)
{
	static struct resolver_probe *asks;
	static int server = -1;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	char spec[40];

	if (server < 0) {
		server = socket(AF_INET, SOCK_DGRAM, 0);
		insist(bind(server, (struct sockaddr *)&at, sizeof at) == 0);
		getsockname(server, (struct sockaddr *)&at, &size);
		snprintf(spec, sizeof spec, "127.0.0.1@%u", ntohs(at.sin_port));
		asks = resolver_probe_create();
		insist(asks);
		resolver_probe_server(asks, spec);
	}
	*probe = asks;
	return server;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { HEADER = 12, FLAGS = 10 };
	struct resolver_key key = {.type = DNS_A, .text = "a\\000b.example"};
	struct heard h = {.handle.on_answer = on_answer};
	struct resolver_answer *none = resolver_answer_none(DNS_NODATA);
	unsigned char packet[8192 + 600];
	struct resolver_probe *probe;
	int server = serve(&probe);
	struct sockaddr_in from;
	socklen_t from_size = sizeof from;
	ssize_t len;

	if (!none || size < FLAGS || size > 4000) {
		resolver_answer_drop(none);
		return 0;
	}
	insist(resolver_probe_ask(probe, &key, &h.handle, none));
	len = recvfrom(server, packet, 600, 0, (struct sockaddr *)&from, &from_size);
	insist(len > HEADER);
	memcpy(packet + 2, data, FLAGS);
	memcpy(packet + len, data + FLAGS, size - FLAGS);
	len += (ssize_t)(size - FLAGS);
	insist(sendto(server, packet, (size_t)len, 0, (struct sockaddr *)&from, from_size) == len);
	resolver_probe_read(probe);
	insist(h.times <= 1 && (!h.answer || h.answer == none));
	insist(!h.answer || ((data[0] & 0x82) == 0x80 && (data[1] & 0x0f) == 0));
	resolver_answer_drop(h.answer);
	insist(resolver_probe_cancel(probe, &h.handle) == (h.times == 0));
	return 0;
}
