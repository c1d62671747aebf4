#include "unit/unit.h"

#include "edge/os/statedir.h"
#include "fake/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_it(void)
{
	char why[STATEDIR_WHY_MAX] = "";
	int dir = statedir_open(scratch_path("state"), "copies", true, why);

	ck_assert_msg(dir >= 0, "%s", why);
	return dir;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(scratch_path(name), &st), 0);
	return st.st_mode & 0777;
}

START_TEST(written_and_read)
{
	char why[STATEDIR_WHY_MAX];
	struct slice text;
	int dir;

	umask(0);
	dir = open_it();
	ck_assert(statedir_write(dir, "one", SLICE("text"), why));
	ck_assert(statedir_write(dir, "one", SLICE("other"), why));
	ck_assert_int_eq(statedir_read(dir, "one", &text, why), TEXTFILE_OK);
	ck_assert(slice_equal(text, SLICE("other")));
	textfile_free(&text);
	ck_assert_int_eq(statedir_read(dir, "two", &text, why), TEXTFILE_MISSING);
	ck_assert_uint_eq(mode_of("state"), 0750);
	ck_assert_uint_eq(mode_of("state/copies"), 0750);
	ck_assert_uint_eq(mode_of("state/copies/one"), 0640);
	close(dir);
}
END_TEST

static bool is_one(void *context, const char *name)
{
	(void)context;
	return strcmp(name, "one") == 0;
}

START_TEST(swept)
{
	char why[STATEDIR_WHY_MAX];
	struct slice text;
	int dir = open_it();

	ck_assert(statedir_write(dir, "one", SLICE("1"), why));
	ck_assert(statedir_write(dir, "two", SLICE("2"), why));
	statedir_sweep(dir, is_one, NULL);
	ck_assert_int_eq(statedir_read(dir, "one", &text, why), TEXTFILE_OK);
	textfile_free(&text);
	ck_assert_int_eq(statedir_read(dir, "two", &text, why), TEXTFILE_MISSING);
	close(dir);
}
END_TEST

START_TEST(follows_no_link)
{
	char why[STATEDIR_WHY_MAX];
	struct slice text;
	int dir = open_it();

	scratch_write("secret", SLICE("secret"));
	ck_assert_int_eq(symlink("../../secret", scratch_path("state/copies/link")), 0);
	ck_assert_int_eq(statedir_read(dir, "link", &text, why), TEXTFILE_BROKEN);
	ck_assert_int_eq(symlink("../../secret", scratch_path("state/copies/x.new")), 0);
	ck_assert(!statedir_write(dir, "x", SLICE("y"), why));
	ck_assert_int_eq(mkfifo(scratch_path("state/copies/fifo"), 0600), 0);
	ck_assert_int_eq(statedir_read(dir, "fifo", &text, why), TEXTFILE_BROKEN);
	close(dir);
	ck_assert_int_eq(symlink(".", scratch_path("state/elsewhere")), 0);
	ck_assert_int_eq(statedir_open(scratch_path("state"), "elsewhere", true, why), -1);
}
END_TEST

START_TEST(not_there)
{
	char why[STATEDIR_WHY_MAX];

	ck_assert_int_eq(statedir_open("/nonexistent/where", "copies", true, why), -1);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_str_eq(why, "the directory cannot be opened: No such file or directory");
	ck_assert_int_eq(statedir_open(scratch_path("nowhere"), "copies", false, why), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("statedir");
	TCase *c = tcase_create("statedir");

	tcase_add_test(c, written_and_read);
	tcase_add_test(c, swept);
	tcase_add_test(c, follows_no_link);
	tcase_add_test(c, not_there);
	suite_add_tcase(s, c);
	return s;
}
