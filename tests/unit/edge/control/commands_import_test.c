#include "edge/control/commands.h"
#include "edge/os/textfile.h"
#include "fake/scratch.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A list of one pattern that is longer than any line that people write. */
enum { PATTERN_LEN = 3000 };
static char long_pattern[PATTERN_LEN + 1];

/* Runs `import rspamd FILE`, into files or standard output, which is the file "out". */
static int import(const char *file, const char *into)
{
	int out = open(scratch_path("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	int err = open(scratch_path("err"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	json_t *request = json_pack("{s:[s, s]}", "arguments", "rspamd", file);
	struct asked a = {
	    .request = request,
	    .admin = true,
	    .channel = channel_create(CHANNEL_PLAIN, STDIN_FILENO, out, err),
	    .arena = arena_create(COMMAND_ARENA_MAX),
	};
	int status;

	if (into)
		json_object_set_new(request, "into", json_string(into));
	status = command_import(&a);
	channel_free(&a.channel);
	arena_free(&a.arena);
	json_decref(request);
	close(out);
	close(err);
	return status;
}

static void has(const char *path, const char *wanted)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	ck_assert_int_eq(textfile_read(path, &text, why), TEXTFILE_OK);
	ck_assert_msg(slice_equal(text, slice_str(wanted)), "%s holds %.*s", path, SLICE_ARG(text));
	textfile_free(&text);
}

static void write_list(void)
{
	char text[PATTERN_LEN + 100];

	memset(long_pattern, 'x', PATTERN_LEN);
	long_pattern[0] = long_pattern[PATTERN_LEN - 1] = '/';
	long_pattern[1] = '^';
	long_pattern[PATTERN_LEN - 2] = '$';
	snprintf(text, sizeof text, "%si\nexample.org # short\n", long_pattern);
	scratch_write("list", slice_str(text));
}

START_TEST(long_lines)
{
	char wanted[PATTERN_LEN + 100];

	write_list();
	snprintf(wanted, sizeof wanted, "%s\nexample.org  # short\n", long_pattern);
	ck_assert_int_eq(import(scratch_path("list"), NULL), STATUS_OK);
	has(scratch_path("out"), wanted);
	ck_assert_int_eq(import(scratch_path("list"), scratch_path("into")), STATUS_OK);
	has(scratch_path("into.names"), wanted);
	unlink(scratch_path("into.names"));
}
END_TEST

/* A file that did not get all its lines is said to have failed, and is not left there. */
START_TEST(full_disk)
{
	struct rlimit before, small = {100, RLIM_INFINITY};
	int limited, status;

	write_list();
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small.rlim_max = before.rlim_max;
	/* Nothing is asserted meanwhile: Check keeps its messages in a file, too. */
	limited = setrlimit(RLIMIT_FSIZE, &small);
	status = import(scratch_path("list"), scratch_path("into"));
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
	ck_assert_int_eq(limited, 0);
	ck_assert_int_eq(status, STATUS_FAILED);
	ck_assert_int_ne(access(scratch_path("into.names"), F_OK), 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("commands_import");
	TCase *c = tcase_create("lists");

	tcase_add_test(c, long_lines);
	tcase_add_test(c, full_disk);
	suite_add_tcase(s, c);
	return s;
}
