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

/* Runs `import FORMAT FILE` with a switch, into files or standard output, which is the file "out".
 */
static int import_with(const char *format, const char *file, const char *into, const char *with)
{
	int out = open(scratch_path("out"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	int err = open(scratch_path("err"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	json_t *request = json_pack("{s:[s, s]}", "arguments", format, file);
	struct request req = {
	    .json = request,
	    .admin = true,
	    .channel = channel_create(CHANNEL_PLAIN, STDIN_FILENO, out, err),
	    .arena = arena_create(COMMAND_ARENA_MAX),
	};
	int status;

	if (into)
		json_object_set_new(request, "into", json_string(into));
	if (with)
		json_object_set_new(request, with, json_true());
	status = command_import(&req);
	channel_free(&req.channel);
	arena_free(&req.arena);
	json_decref(request);
	close(out);
	close(err);
	return status;
}

static int import(const char *file, const char *into)
{
	return import_with("rspamd", file, into, NULL);
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

/* ---- what an exit status and the messages say ----------------------------------------- */

static size_t lines_of(const char *path)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text;
	size_t n = 0;

	ck_assert_int_eq(textfile_read(path, &text, why), TEXTFILE_OK);
	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n';
	textfile_free(&text);
	return n;
}

START_TEST(skipped_lines_are_a_failure)
{
	scratch_write("list", SLICE("example.org\na*b\n"));
	ck_assert_int_eq(import(scratch_path("list"), NULL), STATUS_FAILED);
	has(scratch_path("out"), "example.org\n");
	ck_assert_int_eq(import_with("rspamd", scratch_path("list"), NULL, "lenient"), STATUS_OK);
	has(scratch_path("out"), "example.org\n");
}
END_TEST

START_TEST(a_file_without_entries_is_of_another_format)
{
	scratch_write("list", SLICE("# only a comment\n"));
	ck_assert_int_eq(
	    import_with("rspamd", scratch_path("list"), NULL, "lenient"), STATUS_FAILED);
	has(scratch_path("out"), "");
}
END_TEST

START_TEST(messages_of_a_kind_are_counted_beyond_twenty)
{
	char text[64 * 1024] = "10.0.0.0/8 REJECT\n";
	size_t len = strlen(text);

	for (int i = 0; i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "10.0.%d.0/24 REJECT\n", i);
	scratch_write("list", slice_of(text, len));
	ck_assert_int_eq(import_with("cidr", scratch_path("list"), NULL, NULL), STATUS_OK);
	has(scratch_path("out"), "10.0.0.0/8\n");
	/* 20, how many more, the sum */
	ck_assert_uint_eq(lines_of(scratch_path("err")), 22);
}
END_TEST

START_TEST(names_and_addresses_of_one_map_are_one_list)
{
	scratch_write("list", SLICE("a@example.org REJECT\nexample.net REJECT\n"));
	ck_assert_int_eq(
	    import_with("access", scratch_path("list"), scratch_path("x"), NULL), STATUS_OK);
	has(scratch_path("x-block.addresses"), ".example.net\na@example.org\n");
	ck_assert_int_ne(access(scratch_path("x-block.names"), F_OK), 0);
	unlink(scratch_path("x-block.addresses"));
}
END_TEST

START_TEST(replaces_only_when_asked)
{
	scratch_write("list", SLICE("example.org\n"));
	scratch_write("y.names", SLICE("old.example\n"));
	ck_assert_int_eq(import(scratch_path("list"), scratch_path("y")), STATUS_FAILED);
	has(scratch_path("y.names"), "old.example\n");
	ck_assert_int_eq(
	    import_with("rspamd", scratch_path("list"), scratch_path("y"), "replace"), STATUS_OK);
	has(scratch_path("y.names"), "example.org\n");
	ck_assert_int_ne(access(scratch_path("y.names.new"), F_OK), 0);
	unlink(scratch_path("y.names"));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("commands_import");
	TCase *c = tcase_create("lists");

	tcase_add_test(c, long_lines);
	tcase_add_test(c, full_disk);
	tcase_add_test(c, skipped_lines_are_a_failure);
	tcase_add_test(c, a_file_without_entries_is_of_another_format);
	tcase_add_test(c, messages_of_a_kind_are_counted_beyond_twenty);
	tcase_add_test(c, names_and_addresses_of_one_map_are_one_list);
	tcase_add_test(c, replaces_only_when_asked);
	suite_add_tcase(s, c);
	return s;
}
