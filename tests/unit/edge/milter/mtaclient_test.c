#include "edge/milter/mtaclient.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How long a step may take, and a machine that is busy beyond that. */
enum { TIMEOUT_MS = 200, SECONDS_MAX = 5 };

static const struct {
	const char *label;
	bool unix_socket;
} rows[] = {
    {"unix", true},
    {"inet", false},
};

/* A socket that listens and takes nobody in; its spelling for libmilter goes to spec. */
static int listen_deaf(bool unix_socket, char *spec, size_t size)
{
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	struct sockaddr_in inet = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr *address = (struct sockaddr *)&inet;
	socklen_t len = sizeof inet;
	int fd = socket(unix_socket ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	snprintf(local.sun_path, sizeof local.sun_path, "%s", scratch_path("deaf"));
	if (unix_socket) {
		address = (struct sockaddr *)&local;
		len = sizeof local;
	}
	ck_assert_int_eq(bind(fd, address, len), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	getsockname(fd, address, &len);
	if (unix_socket)
		snprintf(spec, size, "unix:%s", local.sun_path);
	else
		snprintf(spec, size, "inet:%u@127.0.0.1", ntohs(inet.sin_port));
	/* Whoever still fits into its queue. */
	for (int i = 0; i < 4; i++) {
		int client = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

		(void)!connect(client, address, len);
	}
	return fd;
}

/* A listener whose queue is full would keep a client that has no patience of its own for ever. */
START_TEST(full_queue)
{
	char spec[200], why[MTACLIENT_WHY_MAX] = "";
	int fd = listen_deaf(rows[_i].unix_socket, spec, sizeof spec);
	time_t begin = time(NULL);
	struct mtaclient *c = mtaclient_open(spec, TIMEOUT_MS, why);

	ck_assert_ptr_null(c);
	ck_assert_msg(time(NULL) - begin < SECONDS_MAX, "%s", rows[_i].label);
	ck_assert_msg(strstr(why, "timed out") || strstr(why, "does not speak"), "%s: %s",
	    rows[_i].label, why);
	close(fd);
	unlink(scratch_path("deaf"));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("mtaclient");
	TCase *c = tcase_create("patience");

	tcase_set_timeout(c, 30);
	tcase_add_loop_test(c, full_queue, 0, (int)ROWS(rows));
	suite_add_tcase(s, c);
	return s;
}
