#include "src/edge/dns/resolver_probe.h"
#include "unit/unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define OWNER           "\xc0\x0c"
#define A_OF(len, data) OWNER "\0\1\0\1\0\0\0\x3c\0" len data
#define CNAME           OWNER "\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x0e"

enum outcome { WAITS, MEANT, UNUSABLE };

/* What the server says behind the number: header from the third octet on, then (in place of ".")
 * the question as it was asked, then the rest. */
static const struct {
	const char *label;
	struct slice header, rest;
	enum outcome outcome;
} rows[] = {
    {"no records", SLICE_INIT("\x81\x80\0\1\0\0\0\0\0\0"), {0}, MEANT},
    {"records of authority", SLICE_INIT("\x81\x80\0\1\0\0\0\1\0\0"), SLICE_INIT(A_OF("\4", "abcd")),
	MEANT},
    {"NXDOMAIN", SLICE_INIT("\x81\x83\0\1\0\0\0\0\0\0"), {0}, UNUSABLE},
    {"SERVFAIL", SLICE_INIT("\x81\x82\0\1\0\0\0\0\0\0"), {0}, UNUSABLE},
    {"cut short", SLICE_INIT("\x83\x80\0\1\0\0\0\0\0\0"), {0}, UNUSABLE},
    {"three octets", SLICE_INIT("\x81\x80\0\1\0\1\0\0\0\0"), SLICE_INIT(A_OF("\3", "abc")),
	UNUSABLE},
    {"no octets", SLICE_INIT("\x81\x80\0\1\0\1\0\0\0\0"), SLICE_INIT(A_OF("\0", "")), UNUSABLE},
    {"an alias of nothing", SLICE_INIT("\x81\x80\0\1\0\1\0\0\0\0"), SLICE_INIT(CNAME), MEANT},
    {"an alias of three octets", SLICE_INIT("\x81\x80\0\1\0\2\0\0\0\0"),
	SLICE_INIT(CNAME A_OF("\3", "abc")), UNUSABLE},
    {"fewer records than it says", SLICE_INIT("\x81\x80\0\1\0\2\0\0\0\0"), SLICE_INIT(CNAME),
	UNUSABLE},
    {"an owner that does not end", SLICE_INIT("\x81\x80\0\1\0\1\0\0\0\0"),
	SLICE_INIT("\x3f"
		   "abc"),
	UNUSABLE},
    {"data that does not end", SLICE_INIT("\x81\x80\0\1\0\2\0\0\0\0"),
	SLICE_INIT(OWNER "\0\5\0\1\0\0\0\x3c\xff\xff"
			 "abc"),
	UNUSABLE},
    {"a question", SLICE_INIT("\1\0\0\1\0\0\0\0\0\0"), {0}, WAITS},
};

struct heard {
	struct resolver_handle handle; /* at the head, for on_answer() */
	unsigned times;
	struct resolver_answer *answer;
};

static void on_answer(struct resolver_handle *t, struct resolver_answer *answer)
{
	struct heard *h = (struct heard *)t;

	h->times++;
	h->answer = answer;
}

static int server;
static char spec[40];
static struct resolver_probe *probe;

static void setup(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;

	server = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&at, sizeof at), 0);
	getsockname(server, (struct sockaddr *)&at, &size);
	snprintf(spec, sizeof spec, "127.0.0.1@%u", ntohs(at.sin_port));
	probe = resolver_probe_create();
	ck_assert_ptr_nonnull(probe);
	resolver_probe_server(probe, spec);
}

static void teardown(void)
{
	resolver_probe_free(probe);
	close(server);
}

static bool ask(struct heard *h, const char *name)
{
	struct resolver_key key = {.type = DNS_A, .text = name};

	*h = (struct heard){.handle.on_answer = on_answer};
	h->answer = resolver_answer_none(DNS_NODATA);
	return resolver_probe_ask(probe, &key, &h->handle, h->answer);
}

static size_t receive(unsigned char packet[600], struct sockaddr_in *from)
{
	socklen_t size = sizeof *from;
	ssize_t n = recvfrom(server, packet, 600, 0, (struct sockaddr *)from, &size);

	ck_assert_int_gt(n, 12);
	return (size_t)n;
}

START_TEST(test_answers)
{
	unsigned char packet[1200];
	struct sockaddr_in from;
	struct pollfd p = {.fd = resolver_probe_fd(probe), .events = POLLIN};
	struct heard h;
	size_t len;

	ck_assert(ask(&h, "a.example"));
	len = receive(packet, &from);
	memcpy(packet + 2, rows[_i].header.ptr, 10);
	if (rows[_i].rest.len)
		memcpy(packet + len, rows[_i].rest.ptr, rows[_i].rest.len);
	len += rows[_i].rest.len;
	sendto(server, packet, len, 0, (struct sockaddr *)&from, sizeof from);
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	resolver_probe_read(probe);
	ck_assert_msg(
	    h.times == (rows[_i].outcome != WAITS), "%s: heard %u times", rows[_i].label, h.times);
	ck_assert_msg((h.answer != NULL) == (rows[_i].outcome != UNUSABLE), "%s", rows[_i].label);
	ck_assert(resolver_probe_cancel(probe, &h.handle) == (rows[_i].outcome == WAITS));
	if (rows[_i].outcome == MEANT)
		resolver_answer_drop(h.answer);
	ck_assert(!resolver_probe_cancel(probe, &h.handle));
}
END_TEST

/* A number or a question of somebody else's is nothing; so is what comes from elsewhere. */
START_TEST(test_foreign)
{
	unsigned char packet[600];
	struct sockaddr_in from;
	struct pollfd p = {.fd = resolver_probe_fd(probe), .events = POLLIN};
	int other = socket(AF_INET, SOCK_DGRAM, 0);
	struct heard h;
	size_t len;

	ck_assert(ask(&h, "a.example"));
	len = receive(packet, &from);
	packet[2] = 0x81;
	sendto(other, packet, len, 0, (struct sockaddr *)&from, sizeof from);
	packet[0] ^= 1;
	sendto(server, packet, len, 0, (struct sockaddr *)&from, sizeof from);
	packet[0] ^= 1;
	packet[13] ^= 1;
	sendto(server, packet, len, 0, (struct sockaddr *)&from, sizeof from);
	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	resolver_probe_read(probe);
	ck_assert_uint_eq(h.times, 0);
	/* Asked again after a second, the same question. */
	resolver_probe_again(probe);
	ck_assert_int_eq(recv(server, packet, sizeof packet, MSG_DONTWAIT), -1);
	sleep(1);
	resolver_probe_again(probe);
	ck_assert_uint_eq(receive(packet, &from), len);
	close(other);
}
END_TEST

/* Labels as they go out. */
START_TEST(test_names)
{
	static const struct {
		const char *text;
		struct slice wire;
	} names[] = {
	    {"a.example", SLICE_INIT("\1a\7example\0\0\1\0\1")},
	    {"example", SLICE_INIT("\7example\0\0\1\0\1")},
	    {"two\\032words.\\000\\255.x", SLICE_INIT("\x9two words\2\0\xff\1x\0\0\1\0\1")},
	};
	unsigned char packet[600];
	struct sockaddr_in from;
	struct heard h;

	for (size_t i = 0; i < ROWS(names); i++) {
		size_t len;
		ck_assert(ask(&h, names[i].text));
		len = receive(packet, &from);
		ck_assert_msg(slice_equal(slice_of((char *)packet + 12, len - 12), names[i].wire),
		    "%s", names[i].text);
	}
}
END_TEST

START_TEST(test_nobody_to_ask)
{
	struct resolver_probe *none = resolver_probe_create(), *whole = probe;
	struct heard h;

	probe = none;
	resolver_probe_server(none, "no address");
	ck_assert(!ask(&h, "a.example"));
	resolver_answer_drop(h.answer);
	resolver_probe_server(none, "::1@5353");
	resolver_probe_server(none, "fe80::1%2");
	resolver_probe_server(none, "192.0.2.1");
	resolver_probe_server(none, "192.0.2.2"); /* one too many */
	probe = whole;
	resolver_probe_free(none);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("resolver_probe");
	TCase *c = tcase_create("resolver_probe");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, test_answers, 0, (int)ROWS(rows));
	tcase_add_test(c, test_foreign);
	tcase_add_test(c, test_names);
	tcase_add_test(c, test_nobody_to_ask);
	suite_add_tcase(s, c);
	return s;
}
