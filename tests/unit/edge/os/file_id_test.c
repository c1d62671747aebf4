#include "unit/unit.h"

#include "edge/os/file_id.h"
#include "fake/scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct file_id read_id(const char *name)
{
	char why[TEXTFILE_WHY_MAX];
	struct file_id id;
	struct slice text;

	file_read(scratch_path(name), &text, &id, why);
	textfile_free(&text);
	return id;
}

static bool is_same(const struct file_id *id, const char *name)
{
	struct file_id now;

	file_id_take(scratch_path(name), &now);
	return file_id_equal(id, &now);
}

static void set_time(const char *name, const struct timespec *mtime)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};

	ck_assert_int_eq(utimensat(AT_FDCWD, scratch_path(name), times, 0), 0);
}

START_TEST(each_part_counts)
{
	const struct timespec then = {1000000000, 123456789}, later = {1000000000, 123456790};
	struct file_id id;

	scratch_write("f", SLICE("text"));
	set_time("f", &then);
	id = read_id("f");
	ck_assert(id.there && id.settled && id.readable);
	ck_assert(is_same(&id, "f"));
	scratch_write("f", SLICE("TEXT")); /* only the bytes */
	set_time("f", &then);
	ck_assert(is_same(&id, "f"));
	set_time("f", &later);
	ck_assert_msg(!is_same(&id, "f"), "the time");
	scratch_write("f", SLICE("longer"));
	set_time("f", &then);
	ck_assert_msg(!is_same(&id, "f"), "the size");
	scratch_write("g", SLICE("text"));
	set_time("g", &then);
	ck_assert_int_eq(rename(scratch_path("g"), scratch_path("f")), 0);
	ck_assert_msg(!is_same(&id, "f"), "the inode");
	unlink(scratch_path("f"));
	ck_assert_msg(!is_same(&id, "f"), "it is gone");
}
END_TEST

START_TEST(absent)
{
	struct file_id id = read_id("nothing");

	ck_assert(!id.there && id.settled);
	ck_assert(is_same(&id, "nothing"));
	scratch_write("nothing", SLICE("x"));
	ck_assert(!is_same(&id, "nothing"));
}
END_TEST

/* A file that was written in this tick of the kernel: a later change in the same one would bear the
 * same time, were it not waited for. */
START_TEST(fresh)
{
	for (int i = 0; i < 20; i++) {
		struct file_id id;

		scratch_write("fresh", SLICE("one"));
		id = read_id("fresh");
		ck_assert(is_same(&id, "fresh"));
		scratch_write("fresh", SLICE("two"));
		ck_assert(!is_same(&id, "fresh"));
	}
}
END_TEST

/* A time of whole seconds may be that of a file system that keeps no others. */
START_TEST(coarse)
{
	struct timespec now;
	struct file_id id = {.settled = true};

	/* Until the look comes within the second, on a busy machine. */
	for (int i = 0; i < 20 && id.settled; i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		now.tv_nsec = 0;
		scratch_write("coarse", SLICE("x"));
		set_time("coarse", &now);
		id = read_id("coarse");
	}
	ck_assert(!id.settled && !is_same(&id, "coarse"));
	now.tv_sec -= 10;
	set_time("coarse", &now);
	id = read_id("coarse");
	ck_assert(id.settled && is_same(&id, "coarse"));
}
END_TEST

/* Appends until it is told to stop. */
static void *keep_writing(void *stop)
{
	int fd = open(scratch_path("growing"), O_WRONLY | O_APPEND);

	while (!atomic_load((atomic_bool *)stop))
		ck_assert_int_eq(write(fd, "line\n", 5), 5);
	close(fd);
	return NULL;
}

/* A file that changes while it is read equals nothing, and what is settled was read whole. */
START_TEST(growing)
{
	atomic_bool stop = false;
	unsigned unsettled = 0;
	pthread_t writer;

	scratch_write("growing", SLICE("first\n"));
	ck_assert_int_eq(pthread_create(&writer, NULL, keep_writing, &stop), 0);
	/* Until it was seen: on a busy machine the writer may have to wait for its turn. */
	for (int i = 0; i < 50 || (unsettled == 0 && i < 100000); i++) {
		char why[TEXTFILE_WHY_MAX];
		struct file_id id;
		struct slice text;

		ck_assert_int_eq(file_read(scratch_path("growing"), &text, &id, why), TEXTFILE_OK);
		ck_assert(!id.settled || text.len == id.size);
		ck_assert(id.settled || !file_id_equal(&id, &id));
		unsettled += !id.settled;
		textfile_free(&text);
	}
	atomic_store(&stop, true);
	pthread_join(writer, NULL);
	ck_assert_uint_gt(unsettled, 0);
}
END_TEST

START_TEST(device)
{
	struct file_id a = {true, true, true, 1, 2, 3, 4, 5}, b = a;

	ck_assert(file_id_equal(&a, &b));
	b.device = 9;
	ck_assert(!file_id_equal(&a, &b));
	ck_assert(file_id_same_file(&a, &b));
	b.readable = false;
	ck_assert(!file_id_same_file(&a, &b));
	b = a;
	b.settled = false;
	ck_assert(!file_id_same_file(&a, &b));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("file_id");
	TCase *c = tcase_create("file_id");

	tcase_add_test(c, each_part_counts);
	tcase_add_test(c, absent);
	tcase_add_test(c, fresh);
	tcase_add_test(c, coarse);
	tcase_add_test(c, growing);
	tcase_add_test(c, device);
	suite_add_tcase(s, c);
	return s;
}
