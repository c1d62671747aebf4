/*
 * history_id_test: places and ids, both ways; what a key keeps to itself; ids as people give them.
 */
#include "edge/history/history_find.h"
#include "src/edge/history/history_id.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[] = "/tmp/history_id_XXXXXX";
static int directory;

static void begin(void)
{
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
	directory = open(path, O_RDONLY | O_DIRECTORY);
}

static void end(void)
{
	unlinkat(directory, "key", 0);
	close(directory);
	rmdir(path);
}

static const struct history_place places[] = {
    {HISTORY_REFUSED, 0, 0, 0},
    {HISTORY_REFUSED, 1, 1, 1},
    {HISTORY_ACCEPTED, 0x7fff, HISTORY_RUN_MAX, HISTORY_NUMBER_MAX},
    {HISTORY_ACCEPTED, 12345, 218000000, 1000000007},
};

START_TEST(both_ways)
{
	char why[HISTORY_KEY_WHY_MAX], id[TOKEN_CHARS], upper[TOKEN_CHARS];
	struct history_key *key = history_key_open(directory, true, why);
	struct history_place place;

	ck_assert_ptr_nonnull(key);
	history_id_make(key, &places[_i], id);
	for (int i = 0; i < TOKEN_CHARS; i++)
		upper[i] = (char)(id[i] >= 'a' ? id[i] - 32 : id[i]);
	ck_assert(history_id_read(key, slice_of(upper, sizeof upper), &place));
	ck_assert_uint_eq(place.half, places[_i].half);
	ck_assert_uint_eq(place.node, places[_i].node);
	ck_assert_uint_eq(place.run, places[_i].run);
	ck_assert_uint_eq(place.number, places[_i].number);
	history_key_free(&key);
}
END_TEST

/* Neighbouring places, and the same ones under another key, have nothing in common: each bit of the
 * id is flipped half of the time. */
START_TEST(nothing_in_common)
{
	char why[HISTORY_KEY_WHY_MAX], a[TOKEN_CHARS], b[TOKEN_CHARS];
	struct history_key *key = history_key_open(directory, true, why);
	unsigned same = 0, total = 0;

	ck_assert_ptr_nonnull(key);
	for (uint64_t n = 1; n < 2000; n++, total += TOKEN_CHARS) {
		history_id_make(key, &(struct history_place){0, 7, 7, n}, a);
		history_id_make(key, &(struct history_place){0, 7, 7, n + 1}, b);
		for (int i = 0; i < TOKEN_CHARS; i++)
			same += a[i] == b[i];
	}
	ck_assert_uint_gt(same, total / 32 - total / 160);
	ck_assert_uint_lt(same, total / 32 + total / 160);
	history_key_free(&key);
}
END_TEST

START_TEST(the_key_stays)
{
	char why[HISTORY_KEY_WHY_MAX], a[TOKEN_CHARS], b[TOKEN_CHARS];
	struct history_key *key = history_key_open(directory, true, why);
	struct stat st;

	ck_assert_ptr_nonnull(key);
	history_id_make(key, &places[3], a);
	history_key_free(&key);
	ck_assert_ptr_null(key);
	ck_assert_int_eq(fstatat(directory, "key", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	key = history_key_open(directory, true, why);
	history_id_make(key, &places[3], b);
	ck_assert_mem_eq(a, b, sizeof a);
	history_key_free(&key);
}
END_TEST

START_TEST(no_key)
{
	char why[HISTORY_KEY_WHY_MAX];
	int fd;

	ck_assert_ptr_null(history_key_open(directory, false, why));
	ck_assert_int_eq(errno, ENOENT);
	fd = openat(directory, "key", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "SUSKEY1", 7), 7);
	close(fd);
	ck_assert_ptr_null(history_key_open(directory, true, why));
	ck_assert_str_eq(why, "the file \"key\" in it is not a key of susmilter's history");
}
END_TEST

static const struct {
	const char *given, *id;
} urls[] = {
    {"k3vqabcdefghijkl", "k3vqabcdefghijkl"},
    {"https://postmaster.example.net/d/K3VQABCDEFGHIJKL", "K3VQABCDEFGHIJKL"},
    {" <https://postmaster.example.net/d/k3vqabcdefghijkl>. ", "k3vqabcdefghijkl"},
    {"https://postmaster.example.net/d?id=k3vqabcdefghijkl", "k3vqabcdefghijkl"},
    {"https://postmaster.example.net/d/k3vqabcdefghijkl/", "k3vqabcdefghijkl"},
    {"", ""},
};

START_TEST(of_urls)
{
	ck_assert(
	    slice_equal(history_id_of_url(slice_str(urls[_i].given)), slice_str(urls[_i].id)));
}
END_TEST

static const char *const no_ids[] = {
    "", "k3vq", "k3vqabcdefghijk1", "k3vqabcdefghijklm", "k3vq bcdefghijkl"};

START_TEST(not_an_id)
{
	char why[HISTORY_KEY_WHY_MAX];
	struct history_key *key = history_key_open(directory, true, why);
	struct history_place place;

	ck_assert(!history_id_read(key, slice_str(no_ids[_i]), &place));
	history_key_free(&key);
}
END_TEST

START_TEST(hashed)
{
	char why[HISTORY_KEY_WHY_MAX], a[HISTORY_HASHED_CHARS], b[HISTORY_HASHED_CHARS];
	struct history_key *key = history_key_open(directory, true, why);

	history_hash_local(key, SLICE("Anna"), a);
	history_hash_local(key, SLICE("anna"), b);
	ck_assert_mem_eq(a, b, sizeof a);
	history_hash_local(key, SLICE("anna1"), b);
	ck_assert_mem_ne(a, b, sizeof a);
	history_key_free(&key);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_id");
	TCase *t = tcase_create("ids");

	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, both_ways, 0, ROWS(places));
	tcase_add_test(t, nothing_in_common);
	tcase_add_test(t, the_key_stays);
	tcase_add_test(t, no_key);
	tcase_add_loop_test(t, of_urls, 0, ROWS(urls));
	tcase_add_loop_test(t, not_an_id, 0, ROWS(no_ids));
	tcase_add_test(t, hashed);
	suite_add_tcase(s, t);
	return s;
}
