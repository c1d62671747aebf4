/*
 * Any bytes as the packets of an MTA that gets 421.
 *
 * Insists that reading ends, that what is answered are whole packets of a few kinds, and that the
 * refusal is said at most once.
 */
#include "src/edge/milter/milter_private.h"
#include "src/edge/milter/milter_refusal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned said;

/* In the place of the session's. */
void milter_refuse(const struct ip *client, struct reply *out)
{
	(void)client;
	said++;
	*out = (struct reply){421, "4.3.2", "Too many sessions, please try again later"};
}

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* What is there to be read at the MTA's side. */
static void check_answers(int fd)
{
	static unsigned char bytes[1 << 18];
	ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);

	for (ssize_t i = 0; i < n;) {
		uint32_t len;
		insist(n - i >= 5);
		memcpy(&len, bytes + i, sizeof len);
		len = ntohl(len);
		insist(len > 0 && (ssize_t)len <= n - i - 4);
		insist(memchr("Octy", bytes[i + 4], 4));
		i += 4 + (ssize_t)len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal r = {.fd = -1};
	int ends[2];

	if (size > 8192 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
		return 0;
	said = 0;
	r.fd = ends[0];
	/* In two parts, cut where the first byte says. */
	for (size_t part = 0, cut = size ? data[0] % size : 0; part < 2; part++) {
		size_t from = part ? cut : 0, to = part ? size : cut;
		insist(send(ends[1], data + from, to - from, MSG_NOSIGNAL) == (ssize_t)(to - from));
		for (int reads = 0; reads < 4 && milter_refusal_read(&r); reads++)
			;
		check_answers(ends[1]);
	}
	insist(said <= 1 && r.data_len <= REFUSAL_DATA_MAX);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
