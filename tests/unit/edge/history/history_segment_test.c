/*
 * history_segment_test: what was written is read: open, sealed and compressed; at every point where
 * a file may be cut off, and with any bit flipped, each row that is shown is one that was written.
 */
#include "core/stats/decision_text.h"
#include "fake/decisions.h"
#include "src/edge/history/history_append.h"
#include "src/edge/history/history_seal.h"
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS_MAX = 3000 };

static char path[] = "/tmp/history_segment_XXXXXX";
static int directory;
static struct history_coder coder;
static struct history_damage damage;
static char name[HISTORY_NAME_MAX], why[HISTORY_WHY_MAX];
static char *texts[ROWS_MAX + 1];
static struct history_rows rows; /* made once: 10 MB */

static void begin(void)
{
	memcpy(path + sizeof path - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(path));
	directory = open(path, O_RDONLY | O_DIRECTORY);
	history_coder_init(&coder, false);
	ck_assert(history_rows_create(&rows));
	damage = (struct history_damage){.rows = 0};
}

static void end(void)
{
	unlinkat(directory, name, 0);
	history_coder_free(&coder);
	history_rows_free(&rows);
	close(directory);
	rmdir(path);
	for (size_t i = 0; i <= ROWS_MAX; i++) {
		free(texts[i]);
		texts[i] = NULL;
	}
}

static const char *text_of(const struct decision_row *row, char out[RECORD_JSON_MAX])
{
	struct decision_record_room room;
	struct record record;

	decision_row_record(row, &room, &record);
	record_json(&record, out);
	return out;
}

/* A segment of `count` rows, a write for each `batch` of them. */
static void write_segment(unsigned count, unsigned batch)
{
	struct history_header header = {.half = HISTORY_ACCEPTED, .run = 7, .part = 1};
	struct history_append *a = history_append_open(&coder, directory, &header, why);
	struct decisions *d = decisions_create(count);
	struct decision_row row;
	char text[RECORD_JSON_MAX];

	ck_assert_msg(a != NULL, "%s", why);
	snprintf(name, sizeof name, "%s", history_append_name(a));
	for (unsigned i = 1; i <= count; i++) {
		decisions_next(d, &row);
		texts[row.number] = strdup(text_of(&row, text));
		ck_assert(history_append_row(a, &row));
		if (i % 10 == 0)
			ck_assert(history_append_more(a, row.number, row.time_ms + 5));
		if (i % batch == 0)
			ck_assert(history_append_write(a));
	}
	ck_assert(history_append_write(a));
	ck_assert(history_append_sync(a));
	ck_assert_uint_eq(history_append_rows(a), count);
	decisions_free(&d);
	history_append_close(&a);
}

/* Rows that can be read; each is one that was written. */
static unsigned read_segment(void)
{
	struct history_segment *s = history_segment_open(&coder, directory, name, &damage, why);
	unsigned found = 0;
	char text[RECORD_JSON_MAX];

	if (!s)
		return 0;
	ck_assert(history_segment_load(s));
	for (size_t b = 0; b < s->block_count; b++) {
		if (s->blocks[b].type != HISTORY_ROWS ||
		    !history_segment_rows(s, b, HISTORY_ALL_COLUMNS, &rows))
			continue;
		for (size_t i = 0; i < rows.count; i++) {
			uint64_t values[HISTORY_COLUMNS];
			struct decision_row row;

			history_rows_values(&rows, i, values);
			if (!history_row_unpack(&s->items, values, &row))
				continue;
			ck_assert_uint_le(row.number, ROWS_MAX);
			ck_assert_ptr_nonnull(texts[row.number]);
			ck_assert_str_eq(text_of(&row, text), texts[row.number]);
			history_segment_count(s, &row);
			ck_assert_uint_le(row.count, row.number % 10 ? 1 : 2);
			found++;
		}
	}
	history_segment_close(&s);
	return found;
}

static void seal(enum history_state state)
{
	const struct history_rewrite rewrite = {.state = state};

	ck_assert_msg(history_seal(&coder, directory, name, &rewrite, &damage, why), "%s", why);
}

static size_t file_size(void)
{
	struct stat st;

	ck_assert_int_eq(fstatat(directory, name, &st, 0), 0);
	return (size_t)st.st_size;
}

START_TEST(round_trip)
{
	size_t open_size, sealed_size;
	struct stat st;

	write_segment(ROWS_MAX, 7);
	ck_assert_uint_eq(read_segment(), ROWS_MAX);
	open_size = file_size();
	seal(HISTORY_SEALED);
	ck_assert_uint_eq(read_segment(), ROWS_MAX);
	sealed_size = file_size();
	ck_assert_uint_lt(sealed_size, open_size);
	seal(HISTORY_COMPRESSED);
	ck_assert_uint_eq(read_segment(), ROWS_MAX);
	ck_assert_uint_lt(file_size(), sealed_size);
	ck_assert_uint_eq(damage.repaired + damage.blocks + damage.rows + damage.torn, 0);
	ck_assert_int_eq(fstatat(directory, name, &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

/* The bytes of the file, for damage that is undone. */
static unsigned char *file_bytes(size_t *size)
{
	unsigned char *bytes = malloc(*size = file_size());
	int fd = openat(directory, name, O_RDONLY);

	ck_assert_int_eq(read(fd, bytes, *size), (ssize_t)*size);
	close(fd);
	return bytes;
}

static void put_bytes(const unsigned char *bytes, size_t size)
{
	int fd = openat(directory, name, O_WRONLY);

	ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

/* O_TRUNC would make the file system write the file out, each time. */
static void cut_file(size_t size)
{
	int fd = openat(directory, name, O_WRONLY);

	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

/* Cut off at every byte: a write that kill -9 or the disk's end interrupted.  The rows of all
 * blocks in front of the cut are there. */
START_TEST(every_truncation)
{
	enum { COUNT = 60, BATCH = 10 };
	unsigned char *bytes;
	size_t size;
	unsigned before = COUNT;

	write_segment(COUNT, BATCH);
	if (_i != HISTORY_OPEN)
		seal((enum history_state)_i);
	bytes = file_bytes(&size);
	for (size_t cut = size; cut > 0; cut--) {
		unsigned found = read_segment();

		ck_assert_uint_eq(cut < size || found == COUNT, 1);
		ck_assert_uint_le(found, before);
		before = found;
		cut_file(cut - 1);
	}
	ck_assert_uint_eq(read_segment(), 0);
	free(bytes);
}
END_TEST

/* There is one thread here: where threads are looked at, some of the bits will do. */
#ifdef __SANITIZE_THREAD__
enum { BIT_STEP = 29 };
#else
enum { BIT_STEP = 1 };
#endif

/* One flipped bit is mended, wherever it is. */
START_TEST(every_flipped_bit)
{
	enum { COUNT = 10, BATCH = 5 };
	unsigned char *bytes;
	size_t size;

	write_segment(COUNT, BATCH);
	if (_i != HISTORY_OPEN)
		seal((enum history_state)_i);
	bytes = file_bytes(&size);
	for (size_t bit = 0; bit < 8 * size; bit += BIT_STEP) {
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		put_bytes(bytes, size);
		bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
		damage = (struct history_damage){.rows = 0};
		ck_assert_msg(read_segment() == COUNT, "bit %zu of %zu", bit, 8 * size);
	}
	free(bytes);
}
END_TEST

/* Three flipped bits, or 50 bytes of something else, at 200 random places each: no wrong row, no
 * crash, and of an open segment at most what is in the blocks that are damaged. */
START_TEST(random_damage)
{
	unsigned char *bytes, *damaged;
	size_t size;

	write_segment(ROWS_MAX, 50);
	if (_i != HISTORY_OPEN)
		seal((enum history_state)_i);
	bytes = file_bytes(&size);
	damaged = malloc(size);
	srandom(11);
	for (int round = 0; round < 400; round++) {
		size_t at = (size_t)random() % size;

		memcpy(damaged, bytes, size);
		for (size_t i = 0; round % 2 && i < 50 && at + i < size; i++)
			damaged[at + i] = (unsigned char)random();
		for (int i = 0; round % 2 == 0 && i < 3; i++)
			damaged[(size_t)random() % size] ^= (unsigned char)(1 << random() % 8);
		put_bytes(damaged, size);
		read_segment();
	}
	free(bytes);
	free(damaged);
}
END_TEST

/* What seal() makes of damage has what could be read before, and is whole. */
START_TEST(repaired)
{
	unsigned char *bytes;
	size_t size;
	unsigned found;

	write_segment(ROWS_MAX, 50);
	bytes = file_bytes(&size);
	memset(bytes + size / 2, 0, 100);
	put_bytes(bytes, size);
	cut_file(size - 10);
	free(bytes);
	found = read_segment();
	ck_assert_uint_lt(found, ROWS_MAX);
	ck_assert_uint_gt(found, 0);
	seal(HISTORY_SEALED);
	damage = (struct history_damage){.rows = 0};
	ck_assert_uint_eq(read_segment(), found);
	ck_assert_uint_eq(damage.blocks + damage.rows + damage.torn, 0);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_segment");
	TCase *t = tcase_create("segments");

	tcase_add_checked_fixture(t, begin, end);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, round_trip);
	tcase_add_loop_test(t, every_truncation, 0, HISTORY_STATES);
	tcase_add_loop_test(t, every_flipped_bit, 0, HISTORY_STATES);
	tcase_add_loop_test(t, random_damage, 0, HISTORY_STATES);
	tcase_add_test(t, repaired);
	suite_add_tcase(s, t);
	return s;
}
