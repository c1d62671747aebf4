#include "resolver_probe.h"

#include "edge/dns/resolvconf.h"
#include "edge/os/monotonic.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEADER = 12,
	QUESTION_MAX = NAME_MAX_OCTETS + 2 + 4, /* name with its root, type and class */
	CLASS_IN = 1,
	PORT = 53,
	RESPONSE = 0x80, /* QR, in the third octet */
	TRUNCATED = 0x02,
	RECURSE = 0x01,
	RCODE = 0x0f, /* in the fourth */
	COMPRESSED = 0xc0,
	/* Beyond them an answer is believed, as libunbound gives it. */
	WAITING_MAX = 256,
};

#define AGAIN_NS MONOTONIC_SECOND

struct waiting {
	struct waiting *next;
	struct resolver_handle *handle;
	struct resolver_answer *answer;
	enum dns_type type;
	int64_t asked;
	unsigned tries;
	size_t len;
	unsigned char packet[HEADER + QUESTION_MAX];
};

struct resolver_probe {
	int fd;
	struct sockaddr_in6 servers[RESOLVCONF_SERVERS_MAX]; /* IPv4 as mapped addresses */
	size_t server_count;
	struct waiting *first;
	unsigned count;
};

/* ---- the packet ------------------------------------------------------------------------- */

static void put16(unsigned char *to, unsigned value)
{
	to[0] = (unsigned char)(value >> 8);
	to[1] = (unsigned char)value;
}

static unsigned get16(const unsigned char *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

/* The name of a key, whose labels have \DDD for octets that are no letter or digit; the length. */
static size_t put_name(unsigned char *to, const char *text)
{
	size_t n = 1, label = 0;

	for (; *text; text++) {
		if (*text == '.') {
			to[label] = (unsigned char)(n - label - 1);
			label = n++;
		} else if (*text == '\\') {
			to[n++] = (unsigned char)((text[1] - '0') * 100 + (text[2] - '0') * 10 +
						  (text[3] - '0'));
			text += 3;
		} else {
			to[n++] = (unsigned char)*text;
		}
	}
	to[label] = (unsigned char)(n - label - 1);
	to[n++] = 0;
	return n;
}

static size_t put_question(unsigned char *packet, const struct resolver_key *key)
{
	unsigned char *at = packet + HEADER;

	memset(packet, 0, HEADER);
	if (getrandom(packet, 2, GRND_NONBLOCK) != 2)
		return 0;
	packet[2] = RECURSE;
	packet[5] = 1; /* one question */
	at += put_name(at, key->text);
	put16(at, key->type);
	put16(at + 2, CLASS_IN);
	return (size_t)(at + 4 - packet);
}

/* Steps over a name; NULL behind the end. */
static const unsigned char *skip_name(const unsigned char *at, const unsigned char *end)
{
	while (at < end && *at && *at < COMPRESSED)
		at += *at + 1;
	if (at >= end)
		return NULL;
	at += *at ? 2 : 1;
	return at <= end ? at : NULL;
}

/* Whether among the answers is a record of this type, or none can be read. */
static bool has_record(const unsigned char *packet, size_t len, size_t question, enum dns_type type)
{
	const unsigned char *at = packet + question, *end = packet + len;

	for (unsigned left = get16(packet + 6); left > 0; left--) {
		at = skip_name(at, end);
		if (!at || end - at < 10 || get16(at) == (unsigned)type)
			return true;
		at += 10 + get16(at + 8);
		if (at > end)
			return true;
	}
	return false;
}

/* ---- who waits --------------------------------------------------------------------------- */

static void send_to_next(struct resolver_probe *p, struct waiting *w)
{
	const struct sockaddr_in6 *server = &p->servers[w->tries++ % p->server_count];

	w->asked = monotonic_now();
	/* What is lost here is sent again. */
	(void)!sendto(p->fd, w->packet, w->len, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)server, sizeof *server);
}

/* Out of the list, and freed; its answer is the caller's. */
static struct resolver_answer *take_out(struct resolver_probe *p, struct waiting **place)
{
	struct waiting *w = *place;
	struct resolver_answer *answer = w->answer;

	*place = w->next;
	p->count--;
	free(w);
	return answer;
}

static bool is_server(const struct resolver_probe *p, const struct sockaddr_in6 *from)
{
	for (size_t i = 0; i < p->server_count; i++)
		if (from->sin6_port == p->servers[i].sin6_port &&
		    memcmp(&from->sin6_addr, &p->servers[i].sin6_addr, sizeof from->sin6_addr) == 0)
			return true;
	return false;
}

static struct waiting **find(struct resolver_probe *p, const unsigned char *packet, size_t len)
{
	struct waiting **at = &p->first;

	/* The same number, and the question as it was asked. */
	while (
	    *at && !(len >= (*at)->len && memcmp(packet, (*at)->packet, 2) == 0 &&
		       memcmp(packet + HEADER, (*at)->packet + HEADER, (*at)->len - HEADER) == 0))
		at = &(*at)->next;
	return at;
}

static void take_packet(struct resolver_probe *p, const unsigned char *packet, size_t len)
{
	struct waiting **place = find(p, packet, len);
	struct resolver_handle *handle;
	struct resolver_answer *answer;
	bool usable;

	if (!*place || (packet[2] & RESPONSE) == 0)
		return;
	usable = (packet[2] & TRUNCATED) == 0 && (packet[3] & RCODE) == 0 &&
		 !has_record(packet, len, (*place)->len, (*place)->type);
	handle = (*place)->handle;
	answer = take_out(p, place);
	if (!usable) {
		resolver_answer_drop(answer);
		answer = NULL;
	}
	handle->on_answer(handle, answer);
}

/* ---- public ------------------------------------------------------------------------------ */

struct resolver_probe *resolver_probe_create(void)
{
	struct resolver_probe *p = calloc(1, sizeof *p);
	int no = 0;

	if (!p)
		return NULL;
	p->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p->fd < 0 || setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no) != 0) {
		resolver_probe_free(p);
		return NULL;
	}
	return p;
}

void resolver_probe_free(struct resolver_probe *p)
{
	if (!p)
		return;
	while (p->first)
		resolver_answer_drop(take_out(p, &p->first));
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

void resolver_probe_server(struct resolver_probe *p, const char *server)
{
	struct slice port = slice_str(server), scope = slice_cut(&port, '@'),
		     address = slice_cut(&scope, '%');
	struct sockaddr_in6 *to = &p->servers[p->server_count];
	uint64_t port_number = PORT, scope_number = 0;
	char text[RESOLVCONF_ADDRESS_MAX + sizeof "::ffff:"];

	if (p->server_count == RESOLVCONF_SERVERS_MAX)
		return;
	slice_to_uint(port, UINT16_MAX, &port_number);
	slice_to_uint(scope, UINT32_MAX, &scope_number);
	*to = (struct sockaddr_in6){.sin6_family = AF_INET6,
	    .sin6_port = htons((uint16_t)port_number),
	    .sin6_scope_id = (uint32_t)scope_number};
	snprintf(text, sizeof text, "%s%.*s",
	    slice_find(address, ':') == address.len ? "::ffff:" : "", SLICE_ARG(address));
	if (inet_pton(AF_INET6, text, &to->sin6_addr) == 1)
		p->server_count++;
}

bool resolver_probe_ask(struct resolver_probe *p, const struct resolver_key *key,
    struct resolver_handle *handle, struct resolver_answer *answer)
{
	struct waiting *w =
	    p->server_count > 0 && p->count < WAITING_MAX ? malloc(sizeof *w) : NULL;

	if (!w)
		return false;
	*w = (struct waiting){
	    .next = p->first, .handle = handle, .answer = answer, .type = key->type};
	w->len = put_question(w->packet, key);
	if (w->len == 0) {
		free(w);
		return false;
	}
	p->first = w;
	p->count++;
	send_to_next(p, w);
	return true;
}

bool resolver_probe_cancel(struct resolver_probe *p, struct resolver_handle *handle)
{
	for (struct waiting **at = &p->first; *at; at = &(*at)->next)
		if ((*at)->handle == handle) {
			resolver_answer_drop(take_out(p, at));
			return true;
		}
	return false;
}

int resolver_probe_fd(const struct resolver_probe *p)
{
	return p->fd;
}

void resolver_probe_read(struct resolver_probe *p)
{
	struct sockaddr_in6 from = {.sin6_family = AF_UNSPEC};
	socklen_t size = sizeof from;
	unsigned char packet[4096];
	ssize_t n;

	while (
	    (n = recvfrom(p->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &size)) >= 0) {
		if (n >= HEADER && is_server(p, &from))
			take_packet(p, packet, (size_t)n);
		size = sizeof from;
	}
}

void resolver_probe_again(struct resolver_probe *p)
{
	int64_t now = monotonic_now();

	for (struct waiting *w = p->first; w; w = w->next)
		if (now - w->asked >= AGAIN_NS)
			send_to_next(p, w);
}
