#include "unit/unit.h"

#include "edge/state/copies.h"
#include "fake/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A load of the named files of the scratch directory, without parsing them. */
static struct loaded *load(const char *const *names, const char *feed)
{
	struct loaded *l = loaded_create();
	char why[TEXTFILE_WHY_MAX];

	for (; *names; names++) {
		struct loaded_file f = {
		    .path = scratch_path(*names), .kind = LOADED_CONFIG, .owned = true};

		file_read(f.path, &f.text, &f.id, why);
		ck_assert_ptr_nonnull(loaded_add(l, &f));
	}
	if (feed) {
		struct loaded_feed f = {.rule = "r",
		    .key = "networks",
		    .path = "/f e%ed\n",
		    .taken = true,
		    .id = {.there = true, .readable = true, .settled = true, .seconds = -5},
		    .modified = -5,
		    .read = 7,
		    .memory = {true, 3, 4, 5},
		    .owned = true};

		f.text = slice_of(strdup(feed), strlen(feed));
		ck_assert_ptr_nonnull(loaded_add_feed(l, &f));
	}
	return l;
}

static struct copies *read_copies(enum copies_result want)
{
	char why[COPIES_WHY_MAX];
	enum copies_result result;
	struct copies *c = copies_read(scratch_path("state"), &result, why);

	ck_assert_msg(result == want, "%d: %s", (int)result, why);
	ck_assert_ptr_nonnull(c);
	return c;
}

static void save(struct copies *c, const char *const *names, const char *feed, int64_t now)
{
	struct loaded *l = load(names, feed);
	char why[COPIES_WHY_MAX];

	ck_assert_msg(copies_save(c, l, now, why), "%s", why);
	loaded_free(&l);
}

static void has(const struct copies *c, enum copies_set set, const char *name, const char *want)
{
	const struct copied_file *f = copies_find(c, set, scratch_path(name));
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	ck_assert_msg(f != NULL, "%s: not there", name);
	ck_assert_int_eq(copies_open(c, f->number, &text, why), TEXTFILE_OK);
	ck_assert_msg(slice_equal(text, slice_str(want)), "%s: %.*s", name, SLICE_ARG(text));
	textfile_free(&text);
}

static unsigned count_files(void)
{
	char command[512];
	unsigned n = 0;
	FILE *p;

	snprintf(command, sizeof command, "ls %s | wc -l", scratch_path("state/copies"));
	p = popen(command, "r");
	ck_assert_int_eq(fscanf(p, "%u", &n), 1);
	pclose(p);
	return n;
}

static const char *const ab[] = {"a", "b", "absent", NULL};

START_TEST(two_sets)
{
	struct copies *c = read_copies(COPIES_NONE);

	scratch_write("a", SLICE("a1"));
	scratch_write("b", SLICE("b1"));
	save(c, ab, NULL, 10);
	ck_assert(!c->sets[COPIES_PREVIOUS].there);
	has(c, COPIES_CURRENT, "a", "a1");
	save(c, ab, NULL, 20); /* nothing changed: nothing before */
	ck_assert(!c->sets[COPIES_PREVIOUS].there);
	ck_assert_uint_eq(count_files(), 3);
	scratch_write("a", SLICE("a2"));
	save(c, ab, NULL, 30);
	has(c, COPIES_CURRENT, "a", "a2");
	has(c, COPIES_PREVIOUS, "a", "a1");
	ck_assert_uint_eq(count_files(), 4); /* b has one copy */
	save(c, ab, NULL, 40);
	has(c, COPIES_PREVIOUS, "a", "a1");
	copies_free(&c);
	c = read_copies(COPIES_OK);
	has(c, COPIES_CURRENT, "a", "a2");
	has(c, COPIES_CURRENT, "b", "b1");
	has(c, COPIES_PREVIOUS, "a", "a1");
	ck_assert_int_eq(c->sets[COPIES_CURRENT].loaded, 40);
	ck_assert_uint_eq(copies_find(c, COPIES_CURRENT, scratch_path("absent"))->number, 0);
	ck_assert(!copies_changed(c, COPIES_CURRENT, LOADED_ALL));
	save(c, ab, NULL, 50);
	ck_assert_uint_eq(count_files(), 4);
	scratch_write("absent", SLICE(""));
	ck_assert(copies_changed(c, COPIES_CURRENT, LOADED_ALL));
	copies_free(&c);
}
END_TEST

/* While the generation before runs, it is what the next one goes back to. */
START_TEST(running)
{
	struct copies *c = read_copies(COPIES_NONE);
	char why[COPIES_WHY_MAX];

	scratch_write("a", SLICE("a1"));
	save(c, ab, NULL, 10);
	scratch_write("a", SLICE("a2"));
	save(c, ab, NULL, 20);
	ck_assert(copies_run(c, COPIES_PREVIOUS, why));
	copies_free(&c);
	c = read_copies(COPIES_OK);
	ck_assert_int_eq(c->running, COPIES_PREVIOUS);
	save(c, ab, NULL, 30); /* a2 again */
	ck_assert_int_eq(c->running, COPIES_CURRENT);
	has(c, COPIES_CURRENT, "a", "a2");
	has(c, COPIES_PREVIOUS, "a", "a1");
	ck_assert(copies_run(c, COPIES_PREVIOUS, why));
	scratch_write("a", SLICE("a3"));
	save(c, ab, NULL, 40);
	has(c, COPIES_CURRENT, "a", "a3");
	has(c, COPIES_PREVIOUS, "a", "a1");
	copies_free(&c);
}
END_TEST

START_TEST(feeds)
{
	struct copies *c = read_copies(COPIES_NONE);
	const struct loaded_feed *f;
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	save(c, ab, "192.0.2.1\n", 10);
	copies_free(&c);
	c = read_copies(COPIES_OK);
	f = copies_find_feed(c, COPIES_CURRENT, "r", "networks", "/f e%ed\n");
	ck_assert_ptr_nonnull(f);
	ck_assert(f->memory.known && f->memory.entries == 3 && f->memory.shrunk_at == 4 &&
		  f->memory.shrunk == 5 && f->modified == -5 && f->read == 7 &&
		  f->id.seconds == -5);
	ck_assert_int_eq(copies_open(c, f->number, &text, why), TEXTFILE_OK);
	ck_assert(slice_equal(text, SLICE("192.0.2.1\n")));
	textfile_free(&text);
	copies_free(&c);
}
END_TEST

/* Every beginning of an index, and every damaged byte, is an index or none: never a crash, and
 * never one that runs a set which is not there. */
START_TEST(damaged)
{
	struct copies *c = read_copies(COPIES_NONE);
	char why[COPIES_WHY_MAX], path[512];
	enum copies_result result;
	struct slice text;
	char *bytes;

	scratch_write("a", SLICE("a1"));
	save(c, ab, "192.0.2.1\n", 10);
	scratch_write("a", SLICE("a2"));
	save(c, ab, "192.0.2.1\n", 20);
	copies_free(&c);
	snprintf(path, sizeof path, "%s", scratch_path("state/copies/index"));
	ck_assert_int_eq(textfile_read(path, &text, why), TEXTFILE_OK);
	bytes = malloc(text.len);
	for (size_t i = 0; i < text.len; i++) {
		scratch_write("state/copies/index", slice_of(text.ptr, i));
		c = copies_read(scratch_path("state"), &result, why);
		ck_assert_msg(
		    result == COPIES_BROKEN || i == text.len - 1, "a beginning of %zu", i);
		copies_free(&c);
		memcpy(bytes, text.ptr, text.len);
		bytes[i] ^= 0x11;
		scratch_write("state/copies/index", slice_of(bytes, text.len));
		c = copies_read(scratch_path("state"), &result, why);
		ck_assert(result == COPIES_BROKEN || c->sets[c->running].there);
		copies_free(&c);
	}
	free(bytes);
	textfile_free(&text);
}
END_TEST

START_TEST(nowhere)
{
	char why[COPIES_WHY_MAX];
	enum copies_result result;
	struct copies *c = copies_read("/nonexistent/place", &result, why);
	struct loaded *l = load(ab, NULL);

	ck_assert_int_eq(result, COPIES_NONE);
	ck_assert(!copies_save(c, l, 10, why));
	ck_assert_msg(
	    strstr(why, "/nonexistent/place/copies: the directory cannot be opened: No such file"),
	    "%s", why);
	copies_free(&c);
	c = copies_read("", &result, why);
	ck_assert_int_eq(result, COPIES_NONE);
	ck_assert(copies_save(c, l, 10, why)); /* nothing is kept */
	copies_free(&c);
	loaded_free(&l);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("copies");
	TCase *c = tcase_create("copies");

	tcase_add_test(c, two_sets);
	tcase_add_test(c, running);
	tcase_add_test(c, feeds);
	tcase_add_test(c, damaged);
	tcase_add_test(c, nowhere);
	suite_add_tcase(s, c);
	return s;
}
