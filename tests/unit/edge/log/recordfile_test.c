#include "edge/log/recordfile.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINES = 4 };

/* What a file holds that may grow to so many bytes, after four lines and, with room again, a fifth.
 */
static const struct {
	const char *label;
	const char *before;
	rlim_t room;
	size_t failed;
	const char *after;
} rows[] = {
    {"room for all", "", 1000, 0, "aa\nbb\ncccc\ndd\nlast\n"},
    {"full between two lines", "", 6, 2, "aa\nbb\nlast\n"},
    {"full in the middle of one", "", 8, 2, "aa\nbb\ncc\nlast\n"},
    {"full but for a newline", "", 10, 2, "aa\nbb\ncccc\nlast\n"},
    {"full at once", "", 0, 4, "last\n"},
    {"the power failed in a line", "{\"ti", 1000, 0, "{\"ti\naa\nbb\ncccc\ndd\nlast\n"},
    {"whole lines before", "x\n", 1000, 0, "x\naa\nbb\ncccc\ndd\nlast\n"},
};

static void allow(rlim_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static struct iovec line_of(char *text)
{
	return (struct iovec){text, strlen(text)};
}

START_TEST(test_room)
{
	char a[] = "aa\n", b[] = "bb\n", c[] = "cccc\n", d[] = "dd\n", last[] = "last\n", seen[200];
	struct iovec lines[LINES] = {line_of(a), line_of(b), line_of(c), line_of(d)};
	struct iovec one = line_of(last);
	struct recordfile f = {.fd = -1};
	size_t failed, n;
	int fd;

	scratch_write("decisions", slice_str(rows[_i].before));
	signal(SIGXFSZ, SIG_IGN);
	ck_assert(recordfile_open(&f, scratch_path("decisions")));
	allow(rows[_i].room);
	failed = recordfile_write(&f, lines, LINES);
	allow(RLIM_INFINITY);
	ck_assert_msg(failed == rows[_i].failed, "%s: %zu failed", rows[_i].label, failed);
	ck_assert_uint_eq(recordfile_write(&f, &one, 1), 0);
	recordfile_close(&f);
	fd = open(scratch_path("decisions"), O_RDONLY);
	n = (size_t)read(fd, seen, sizeof seen - 1);
	seen[n] = '\0';
	close(fd);
	ck_assert_msg(strcmp(seen, rows[_i].after) == 0, "%s: '%s'", rows[_i].label, seen);
}
END_TEST

START_TEST(test_no_file)
{
	char a[] = "aa\n";
	struct iovec line = line_of(a);
	struct recordfile f = {.fd = -1};

	ck_assert(recordfile_open(&f, ""));
	ck_assert(!f.wanted);
	ck_assert(!recordfile_open(&f, "/nowhere/decisions"));
	ck_assert(f.wanted);
	ck_assert_uint_eq(recordfile_write(&f, &line, 1), 1);
	recordfile_close(&f);
}
END_TEST

/* A pipe that nobody reads is an error, not a daemon that never starts. */
START_TEST(test_pipe)
{
	struct recordfile f = {.fd = -1};
	int reader;

	ck_assert_int_eq(mkfifo(scratch_path("pipe"), 0600), 0);
	ck_assert(!recordfile_open(&f, scratch_path("pipe")));
	ck_assert_int_eq(errno, ENXIO);
	reader = open(scratch_path("pipe"), O_RDONLY | O_NONBLOCK);
	ck_assert(recordfile_open(&f, scratch_path("pipe")));
	ck_assert_int_eq(fcntl(f.fd, F_GETFL) & O_NONBLOCK, 0);
	recordfile_close(&f);
	close(reader);
	unlink(scratch_path("pipe"));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("recordfile");
	TCase *t = tcase_create("recordfile");

	tcase_add_loop_test(t, test_room, 0, (int)ROWS(rows));
	tcase_add_test(t, test_pipe);
	tcase_add_test(t, test_no_file);
	suite_add_tcase(s, t);
	return s;
}
