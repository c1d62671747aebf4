/* Rows of the history without memory: each allocation fails once, and is told; what is packed
 * nevertheless is whole, and the next time all is. */
#include "unit/unit.h"

#include "core/history/history_queue.h"
#include "core/history/history_row.h"
#include "lab/failmalloc.h"

#include <stdio.h>
#include <stdlib.h>

/* A sanitizer has an allocator of its own, which does not fail for us. */
#ifdef NO_FAILMALLOC
static struct failmalloc none, *failmalloc = &none;
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
#endif

/* More than the first room of everything that grows. */
enum { ROWS_PACKED = 3000 };

struct packed {
	struct history_dictionary *dictionary;
	struct history_buffer scratch;
	struct history_items items;
	uint64_t (*values)[HISTORY_COLUMNS];
};

static struct decision_row row_of(unsigned n, char text[64])
{
	struct decision_row row = {
	    .number = n, .time_ms = n, .count = 1, .stage = STAGE_RCPT, .country = "DE"};

	snprintf(text, 64, "user%u@example.org", n);
	row.text[ROW_SENDER] = slice_str(text);
	row.state[IDENTITY_SENDER] = FACT_KNOWN;
	return row;
}

static bool open_packed(struct packed *p)
{
	const struct history_seed seed = {{1, 2}};

	p->dictionary = history_dictionary_create(&seed);
	return p->dictionary;
}

static bool pack(struct packed *p)
{
	char text[64];

	for (unsigned n = 0; n < ROWS_PACKED; n++) {
		struct decision_row row = row_of(n, text);

		if (!history_row_pack(p->dictionary, &p->scratch, &row, p->values[n]))
			return false;
	}
	return true;
}

/* All items of the dictionary, as a reader has them. */
static bool copy_items(struct packed *p)
{
	uint64_t first;
	uint32_t count;
	struct slice bytes = history_dictionary_pending(p->dictionary, &first, &count);
	unsigned char *at = history_items_room(&p->items, bytes.len);

	if (!at)
		return false;
	memcpy(at, bytes.ptr, bytes.len);
	return history_items_add(&p->items, first, count, bytes.len);
}

static bool unpack(struct packed *p)
{
	char text[64];

	for (unsigned n = 0; n < ROWS_PACKED; n++) {
		struct decision_row wanted = row_of(n, text), row = {.number = 0};

		if (!history_row_unpack(&p->items, p->values[n], &row) ||
		    !slice_equal(row.text[ROW_SENDER], wanted.text[ROW_SENDER]))
			return false;
	}
	return true;
}

static void close_packed(struct packed *p)
{
	history_dictionary_free(&p->dictionary);
	history_buffer_free(&p->scratch);
	history_items_free(&p->items);
}

START_TEST(packs_without_memory)
{
	bool failed = true;
	long n;

	for (n = 1; failed; n++) {
		struct packed p = {.values = calloc(ROWS_PACKED, sizeof *p.values)};
		long before = failmalloc->failed;
		bool ok;

		failmalloc->countdown = CAN_FAIL ? n : 0;
		ok = open_packed(&p) && pack(&p) && copy_items(&p) && unpack(&p);
		failmalloc->countdown = 0;
		failed = failmalloc->failed > before;
		ck_assert_msg(ok == !failed, "allocation %ld (%s): %d", n, failmalloc->caller, ok);
		close_packed(&p);
		free(p.values);
	}
	ck_assert_int_gt(n, CAN_FAIL ? 15 : 1);
}
END_TEST

START_TEST(goes_on_afterwards)
{
	struct packed p = {.values = calloc(ROWS_PACKED, sizeof *p.values)};

	ck_assert(open_packed(&p));
	for (long n = 1; CAN_FAIL && n < 20; n++) {
		failmalloc->countdown = n;
		pack(&p);
	}
	failmalloc->countdown = 0;
	ck_assert(pack(&p) && copy_items(&p) && unpack(&p));
	close_packed(&p);
	free(p.values);
}
END_TEST

/* A queue that is full, and a row that could not be copied, take nothing. */
START_TEST(queue_is_bounded)
{
	struct history_queue queue;
	struct queued *q;
	char text[64], *large = calloc(1, HISTORY_QUEUE_BYTES / 2);
	struct decision_row row = row_of(7, text);

	history_queue_init(&queue);
	ck_assert(history_queue_put(&queue, history_queued(&row)));
	failmalloc->countdown = CAN_FAIL;
	q = CAN_FAIL ? history_queued(&row) : NULL;
	failmalloc->countdown = 0;
	ck_assert_ptr_null(q);
	ck_assert(!history_queue_put(&queue, q));
	row.text[ROW_REPLY] = slice_of(large, HISTORY_QUEUE_BYTES / 2);
	ck_assert(history_queue_put(&queue, history_queued(&row)));
	ck_assert(!history_queue_put(&queue, history_queued(&row)));
	ck_assert_uint_eq(queue.length, 2);
	for (struct queued *next, *at = history_queue_take(&queue); at; at = next) {
		next = at->next;
		ck_assert(slice_equal(at->row.text[ROW_SENDER], SLICE("user7@example.org")));
		free(at);
	}
	ck_assert_uint_eq(queue.length + queue.bytes, 0);
	free(large);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("history_memory");
	TCase *t = tcase_create("history_memory");

	tcase_add_test(t, packs_without_memory);
	tcase_add_test(t, goes_on_afterwards);
	tcase_add_test(t, queue_is_bounded);
	suite_add_tcase(s, t);
	return s;
}
