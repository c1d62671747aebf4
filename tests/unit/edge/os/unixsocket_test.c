#include "edge/os/unixsocket.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

/* What may stand in the place of a socket that is to be given away. */
enum foreign { A_LINK, A_LINK_TO_A_SOCKET, A_SECOND_NAME, A_FILE };

static const char *const foreign[] = {
    [A_LINK] = "a link to a file",
    [A_LINK_TO_A_SOCKET] = "a link to a socket",
    [A_SECOND_NAME] = "a second name of a socket",
    [A_FILE] = "a file",
};

START_TEST(test_permit_follows_nothing)
{
	char path[300], secret[300], real[300], why[400] = "";
	struct stat before, after;
	int fd;

	scratch_write("secret", SLICE("x"));
	snprintf(secret, sizeof secret, "%s", scratch_path("secret"));
	snprintf(real, sizeof real, "%s", scratch_path("real.sock"));
	snprintf(path, sizeof path, "%s", scratch_path("s.sock"));
	ck_assert_int_eq(chmod(secret, 0600), 0);
	fd = bound(real);
	if (_i == A_SECOND_NAME)
		ck_assert_int_eq(link(real, path), 0);
	else if (_i == A_FILE)
		ck_assert_int_eq(rename(secret, path), 0);
	else
		ck_assert_int_eq(symlink(_i == A_LINK ? secret : real, path), 0);
	ck_assert_int_eq(stat(path, &before), 0);
	ck_assert_msg(unixsocket_permit(path, 0666, NULL, NULL, why, sizeof why) == why &&
			  strstr(why, "is not the socket that was made there"),
	    "%s: %s", foreign[_i], why);
	ck_assert_ptr_eq(unixsocket_give(path, getuid(), getgid(), why, sizeof why), why);
	ck_assert_int_eq(stat(path, &after), 0);
	ck_assert_uint_eq(before.st_mode, after.st_mode);
	close(fd);
}
END_TEST

START_TEST(test_permit)
{
	char path[300], why[400] = "";
	struct stat st;
	int fd;

	snprintf(path, sizeof path, "%s", scratch_path("s.sock"));
	fd = bound(path);
	ck_assert_ptr_null(unixsocket_permit(path, 0640, NULL, NULL, why, sizeof why));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_ptr_null(unixsocket_give(path, getuid(), getgid(), why, sizeof why));
	close(fd);
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
	tcase_add_loop_test(t, test_permit_follows_nothing, 0, (int)ROWS(foreign));
	tcase_add_test(t, test_permit);
	tcase_add_test(t, test_no_path);
	suite_add_tcase(s, t);
	return s;
}
