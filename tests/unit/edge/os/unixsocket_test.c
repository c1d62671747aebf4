#include "edge/os/unixsocket.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum standing { NOTHING, FILE_THERE, SOCKET_DEAD, SOCKET_ALIVE };

/* What stands at a path below the scratch directory, and what is said of it; NULL: nothing. */
static const struct {
	const char *label;
	const char *name;
	enum standing standing;
	const char *said;
} rows[] = {
    {"nothing there", "a.sock", NOTHING, NULL},
    {"no directory", "none/b.sock", NOTHING, "none: No such file or directory"},
    {"below a file", "plain/c.sock", NOTHING, "plain: Permission denied"},
    {"a file in the way", "d.sock", FILE_THERE, "exists and is not a socket"},
    {"left by a process that is gone", "e.sock", SOCKET_DEAD, NULL},
    {"another process", "f.sock", SOCKET_ALIVE, "another process already listens"},
    {"too long",
	"ggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggggg"
	"gggggggggggggggggg",
	NOTHING, "must be shorter than"},
};

static int bound(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
	memcpy(address.sun_path, path, strlen(path));
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	return fd;
}

START_TEST(test_prepare)
{
	char path[300], spec[320], why[400] = "";
	int fd = -1;

	scratch_write("plain", SLICE(""));
	snprintf(path, sizeof path, "%s", scratch_path("plain"));
	snprintf(strrchr(path, '/') + 1, sizeof path / 2, "%s", rows[_i].name);
	if (rows[_i].standing == FILE_THERE)
		scratch_write(rows[_i].name, SLICE("x"));
	if (rows[_i].standing >= SOCKET_DEAD)
		fd = bound(path);
	if (rows[_i].standing == SOCKET_ALIVE)
		ck_assert_int_eq(listen(fd, 1), 0);
	if (rows[_i].standing == SOCKET_DEAD)
		close(fd);
	snprintf(spec, sizeof spec, "unix:%s", path);
	if (!rows[_i].said) {
		ck_assert_ptr_null(unixsocket_prepare(spec, why, sizeof why));
		ck_assert_msg(access(path, F_OK) != 0, "%s: the path is not free", rows[_i].label);
		return;
	}
	ck_assert_ptr_eq(unixsocket_prepare(spec, why, sizeof why), why);
	ck_assert_msg(strstr(why, rows[_i].said) != NULL, "%s: %s", rows[_i].label, why);
}
END_TEST

START_TEST(test_no_path)
{
	char why[100];

	ck_assert_ptr_null(unixsocket_prepare("inet:8891@127.0.0.1", why, sizeof why));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("unixsocket");
	TCase *t = tcase_create("unixsocket");

	tcase_add_loop_test(t, test_prepare, 0, (int)ROWS(rows));
	tcase_add_test(t, test_no_path);
	suite_add_tcase(s, t);
	return s;
}
