#include "unit/unit.h"

#include "core/fleet/node.h"
#include "core/fleet/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

enum { NOW = 1700000000 };

static struct node *node;
static struct node_actions todo;
static char texts[8][OP_BYTES_MAX]; /* what log_of() made */
static struct fleet_message ops[8];
static struct fleet_hash hashes[9]; /* of each number */
static uint64_t named;              /* the snapshot that a head names */
static struct fleet_hash named_hash;

/* FNV-1a in each lane; the signature is the kind and whether somebody signed at all. */
static void hash(void *context, struct slice bytes, struct fleet_hash *out)
{
	uint32_t sum = 2166136261U;

	(void)context;
	for (size_t i = 0; i < bytes.len; i++)
		sum = (sum ^ (unsigned char)bytes.ptr[i]) * 16777619U;
	for (size_t i = 0; i < FLEET_HASH_BYTES; i++)
		out->bytes[i] = (unsigned char)(sum >> i % 4 * 8);
}

static int verify(void *context, enum fleet_signed kind, const struct fleet_message *m)
{
	(void)context;
	return m->signature[0] == 's' && m->signature[1] == (unsigned char)kind ? 0 : -1;
}

static bool is_suffix(void *context, struct slice name)
{
	(void)context;
	(void)name;
	return false;
}

static const struct node_config config = {.fleet = SLICE_INIT("mx"),
    .limits = {.per_minute = LOG_PER_MINUTE, .live_max = LOG_LIVE_MAX},
    .outside = {NULL, hash, verify, is_suffix},
    .tail = 4};

static struct fleet_message message(enum fleet_signed kind, uint64_t number, struct slice bytes)
{
	struct fleet_message m = {.number = number, .bytes = bytes};

	m.signature[0] = 's';
	m.signature[1] = (unsigned char)kind;
	return m;
}

/* The operation behind hashes[number - 1], into texts[number - 1]. */
static void make_op(unsigned number, const char *fleet, const char *rest, int64_t time)
{
	char hex[2 * FLEET_HASH_BYTES + 1];

	fleet_hash_format(&hashes[number - 1], hex);
	snprintf(texts[number - 1], OP_BYTES_MAX,
	    "{\"v\":1,\"f\":\"%s\",\"e\":1,\"n\":%u,\"prev\":\"%s\",\"time\":%lld,\"by\":\"jo\","
	    "\"op\":\"whitelist add\",\"entry\":\"192.0.2.%u%s\"}",
	    fleet, number, hex, (long long)time, number, rest);
	ops[number - 1] = message(FLEET_OPERATION, number, slice_str(texts[number - 1]));
	hash(NULL, slice_str(texts[number - 1]), &hashes[number]);
}

static void setup(void)
{
	memset(hashes, 0, sizeof hashes);
	named = 0;
	named_hash = hashes[0];
	for (unsigned n = 1; n <= 8; n++)
		make_op(n, "mx", "", NOW);
	node = node_create(&config);
}

static void teardown(void)
{
	node_free(&node);
}

static void handle_at(
    int64_t now, enum node_event_kind kind, const struct fleet_message *m, size_t n)
{
	node_handle(
	    node, &(struct node_event){.kind = kind, .now = now, .messages = m, .count = n}, &todo);
}

static void handle(enum node_event_kind kind, const struct fleet_message *m, size_t n)
{
	handle_at(NOW, kind, m, n);
}

static const struct node_action *find(enum node_action_kind kind)
{
	for (size_t i = 0; i < todo.count; i++)
		if (todo.at[i].kind == kind)
			return &todo.at[i];
	return NULL;
}

static void must_alarm(enum node_alarm alarm)
{
	const struct node_action *a = find(NODE_ALARM);

	ck_assert_ptr_nonnull(a);
	ck_assert_int_eq(a->alarm, alarm);
	ck_assert_ptr_null(find(NODE_PERSIST));
	ck_assert_ptr_null(find(NODE_PUBLISH));
}

static void head_of(uint64_t epoch, uint64_t number, int64_t issued)
{
	char text[HEAD_BYTES_MAX];
	struct head h = {.fleet = SLICE("mx"),
	    .state = {epoch, 0, number},
	    .last = hashes[number],
	    .snapshot = named,
	    .snapshot_hash = named_hash,
	    .issued = issued,
	    .expires = issued + 60};
	struct fleet_message m = message(FLEET_HEAD, 0, head_write(&h, text));

	handle(NODE_HEAD, &m, 1);
}

/* Started with nothing, then with the first `count` operations live. */
static void begin(size_t count)
{
	handle(NODE_STARTED, NULL, 0);
	handle(NODE_PUBLISHED, NULL, 0);
	if (count == 0)
		return;
	handle(NODE_OPERATIONS, ops, count);
	handle(NODE_PERSISTED, NULL, 0);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(node_state(node).operation, count);
}

START_TEST(first_the_disk_then_the_table_then_the_answer)
{
	begin(0);
	head_of(1, 3, NOW);
	ck_assert_ptr_nonnull(find(NODE_ASK_RANGE));
	ck_assert_uint_eq(find(NODE_ASK_RANGE)->number, 1);
	ck_assert_uint_eq(find(NODE_ASK_RANGE)->last, 3);
	make_op(2, "mx", "/8", NOW); /* too wide, and no network either */
	make_op(3, "mx", "", NOW);
	handle(NODE_OPERATIONS, ops, 3);
	ck_assert_uint_eq(todo.count, 4);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(todo.at[i].kind, NODE_PERSIST);
		ck_assert_ptr_eq(todo.at[i].message, &ops[i]);
	}
	ck_assert_int_eq(todo.at[3].kind, NODE_SYNC);
	ck_assert_uint_eq(node_state(node).operation, 0);
	handle(NODE_OPERATIONS, ops + 3, 1); /* left: it waits */
	ck_assert_uint_eq(todo.count, 0);
	handle(NODE_PERSISTED, NULL, 0);
	ck_assert_uint_eq(todo.count, 1);
	ck_assert_int_eq(todo.at[0].kind, NODE_PUBLISH);
	ck_assert_uint_eq(node_overlay(node)->count, 2);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(find(NODE_REFUSED)->number, 2);
	ck_assert_uint_eq(find(NODE_ACKNOWLEDGE)->number, 3);
	ck_assert(find(NODE_ACKNOWLEDGE)->durable);
	ck_assert_uint_eq(node_state(node).operation, 3);
}
END_TEST

START_TEST(starts_where_it_was)
{
	struct fleet_message kept[4] = {{0}, ops[0], ops[1], ops[2]};

	handle(NODE_STARTED, kept, 4);
	ck_assert_uint_eq(todo.count, 1);
	ck_assert_int_eq(todo.at[0].kind, NODE_PUBLISH);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(node_state(node).operation, 3);
	ck_assert(find(NODE_ACKNOWLEDGE)->durable);
	ck_assert_uint_eq(node_overlay(node)->count, 3);
	handle(NODE_OPERATIONS, ops + 3, 1);
	ck_assert_ptr_nonnull(find(NODE_PERSIST));
}
END_TEST

START_TEST(nothing_unsigned_is_read)
{
	struct fleet_message m = ops[1];

	begin(1);
	m.signature[0] = 'x';
	handle(NODE_OPERATIONS, &m, 1);
	must_alarm(NODE_FORGED);
	m = message(FLEET_HEAD, 2, ops[1].bytes); /* a role that may sign something else */
	handle(NODE_OPERATIONS, &m, 1);
	must_alarm(NODE_FORGED);
	handle(NODE_HEAD, &ops[1], 1);
	must_alarm(NODE_FORGED);
	handle(NODE_RESET, &ops[1], 1);
	must_alarm(NODE_FORGED);
	m = message(FLEET_OPERATION, 2, SLICE("{}"));
	handle(NODE_OPERATIONS, &m, 1);
	must_alarm(NODE_MALFORMED);
	make_op(2, "other", "", NOW);
	handle(NODE_OPERATIONS, &ops[1], 1);
	must_alarm(NODE_OTHER_FLEET);
}
END_TEST

START_TEST(rollback_is_told_when_it_lasts)
{
	begin(3);
	head_of(1, 3, NOW);
	head_of(1, 2, NOW + 1);
	ck_assert_uint_eq(todo.count, 0);
	handle(NODE_TIMEOUT, NULL, 0);
	must_alarm(NODE_ROLLBACK);
	ck_assert_uint_eq(node_state(node).operation, 3);
	head_of(1, 3, NOW + 2);
	handle(NODE_TIMEOUT, NULL, 0);
	ck_assert_ptr_null(find(NODE_ALARM));
}
END_TEST

START_TEST(a_frozen_head_is_told)
{
	begin(1);
	head_of(1, 1, NOW);
	handle_at(NOW + 60, NODE_TIMEOUT, NULL, 0);
	ck_assert_ptr_null(find(NODE_ALARM));
	head_of(1, 1, NOW); /* the same again does not thaw it */
	handle_at(NOW + 61, NODE_TIMEOUT, NULL, 0);
	must_alarm(NODE_FROZEN);
}
END_TEST

START_TEST(a_fork_stops_until_a_reset)
{
	struct log_chain chain = {.epoch = 2, .number = 1};
	struct overlay none = {0};
	struct fleet_message m;
	struct slice reset = snapshot_write(&chain, &none, SLICE("mx"));

	begin(2);
	make_op(2, "mx", ",198.51.100.7", NOW);
	handle(NODE_OPERATIONS, &ops[1], 1);
	must_alarm(NODE_FORKED);
	handle(NODE_OPERATIONS, &ops[2], 1);
	ck_assert_uint_eq(todo.count, 0);
	head_of(2, 1, NOW);
	ck_assert_ptr_nonnull(find(NODE_ASK_RESET));
	m = message(FLEET_SNAPSHOT, 0, reset);
	handle(NODE_RESET, &m, 1);
	must_alarm(NODE_FORGED);
	m = message(FLEET_RESET, 0, reset);
	handle(NODE_RESET, &m, 1);
	ck_assert_uint_eq(find(NODE_PERSIST_SNAPSHOT)->last, UINT64_MAX);
	handle(NODE_PERSISTED, NULL, 0);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(node_state(node).epoch, 2);
	ck_assert_uint_eq(node_overlay(node)->count, 0);
	ck_assert(find(NODE_ACKNOWLEDGE)->durable);
	free((char *)(uintptr_t)reset.ptr);
}
END_TEST

START_TEST(a_head_shows_a_fork)
{
	begin(2);
	hashes[2].bytes[0] ^= 1;
	head_of(1, 2, NOW);
	must_alarm(NODE_FORKED);
}
END_TEST

START_TEST(old_bytes_at_another_place_are_refused)
{
	struct fleet_message m = ops[0];

	begin(2);
	m.number = 3;
	handle(NODE_OPERATIONS, &m, 1);
	must_alarm(NODE_REPLAYED);
	handle(NODE_OPERATIONS, ops, 2); /* the same once more is nothing */
	ck_assert_uint_eq(todo.count, 0);
}
END_TEST

START_TEST(a_date_far_ahead_waits)
{
	begin(1);
	make_op(2, "mx", "", NOW + NODE_AHEAD_SECONDS + 1);
	handle(NODE_OPERATIONS, &ops[1], 1);
	must_alarm(NODE_CLOCK);
	handle_at(NOW + 1, NODE_OPERATIONS, &ops[1], 1);
	ck_assert_ptr_nonnull(find(NODE_PERSIST));
}
END_TEST

START_TEST(goes_on_without_its_disk_and_says_so)
{
	begin(1);
	handle(NODE_OPERATIONS, ops + 1, 1);
	node_handle(node, &(struct node_event){.kind = NODE_PERSISTED, .failed = true}, &todo);
	ck_assert_int_eq(find(NODE_ALARM)->alarm, NODE_DISK);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(find(NODE_ACKNOWLEDGE)->number, 2);
	ck_assert(!find(NODE_ACKNOWLEDGE)->durable);
	handle(NODE_TIMEOUT, NULL, 0);
	ck_assert_uint_eq(find(NODE_ASK_RANGE)->number, 2);
	ck_assert_uint_eq(find(NODE_ASK_RANGE)->last, 2);
	handle(NODE_OPERATIONS, ops + 1, 1);
	ck_assert_ptr_eq(find(NODE_PERSIST)->message, ops + 1);
	handle(NODE_PERSISTED, NULL, 0);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert(find(NODE_ACKNOWLEDGE)->durable);
}
END_TEST

START_TEST(a_release_only_grows)
{
	begin(0);
	node_handle(node, &(struct node_event){.kind = NODE_RELEASED, .number = 5}, &todo);
	node_handle(node, &(struct node_event){.kind = NODE_RELEASED, .number = 4}, &todo);
	ck_assert_uint_eq(node_state(node).release, 5);
	head_of(1, 0, NOW); /* of release 0 */
	handle(NODE_TIMEOUT, NULL, 0);
	must_alarm(NODE_ROLLBACK);
}
END_TEST

START_TEST(a_log_that_does_not_reach_back_is_told)
{
	begin(1);
	head_of(1, 5, NOW);
	handle(NODE_GAP, NULL, 0);
	must_alarm(NODE_MISSING);
}
END_TEST

/* Of number 4, as if its operations had set nothing. */
static struct slice empty_snapshot(int64_t time)
{
	struct log_chain chain = {.epoch = 1, .number = 4, .last = hashes[4], .time = time};
	struct overlay none = {0};

	return snapshot_write(&chain, &none, SLICE("mx"));
}

START_TEST(only_the_snapshot_that_the_head_names)
{
	struct slice bytes = empty_snapshot(NOW), other = empty_snapshot(NOW + 1);
	struct fleet_message m = message(FLEET_SNAPSHOT, 4, other);

	named = 4;
	hash(NULL, bytes, &named_hash);
	begin(1);
	head_of(1, 5, NOW);
	handle(NODE_GAP, NULL, 0);
	ck_assert_uint_eq(find(NODE_ASK_SNAPSHOT)->number, 4);
	handle(NODE_SNAPSHOT, &m, 1); /* well signed, and another */
	ck_assert_uint_eq(todo.count, 0);
	m = message(FLEET_OPERATION, 4, bytes);
	handle(NODE_SNAPSHOT, &m, 1);
	must_alarm(NODE_FORGED);
	m = message(FLEET_SNAPSHOT, 4, bytes);
	handle(NODE_SNAPSHOT, &m, 1);
	ck_assert_uint_eq(find(NODE_PERSIST_SNAPSHOT)->number, 4);
	ck_assert_uint_eq(find(NODE_PERSIST_SNAPSHOT)->last, 4);
	handle(NODE_PERSISTED, NULL, 0);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(find(NODE_ASK_RANGE)->number, 5);
	ck_assert(find(NODE_ACKNOWLEDGE)->durable);
	handle(NODE_OPERATIONS, ops + 4, 1);
	ck_assert_ptr_nonnull(find(NODE_PERSIST));
	free((char *)(uintptr_t)bytes.ptr);
	free((char *)(uintptr_t)other.ptr);
}
END_TEST

START_TEST(heads_that_are_none_are_told)
{
	char text[HEAD_BYTES_MAX + 1];
	struct head h = {.fleet = SLICE("other")};
	struct fleet_message m = message(FLEET_HEAD, 0, SLICE("{}"));

	begin(0);
	handle(NODE_HEAD, &m, 1);
	must_alarm(NODE_MALFORMED);
	memset(text, ' ', sizeof text);
	m = message(FLEET_HEAD, 0, slice_of(text, sizeof text));
	handle(NODE_HEAD, &m, 1);
	must_alarm(NODE_MALFORMED);
	m = message(FLEET_HEAD, 0, head_write(&h, text));
	handle(NODE_HEAD, &m, 1);
	must_alarm(NODE_OTHER_FLEET);
}
END_TEST

/* The head names these bytes, of which it says that they are of number `number`. */
static void snapshot_comes(struct slice bytes, uint64_t number)
{
	struct fleet_message m = message(FLEET_SNAPSHOT, number, bytes);

	named = number;
	hash(NULL, bytes, &named_hash);
	head_of(1, 6, NOW + (int64_t)number);
	handle(NODE_SNAPSHOT, &m, 1);
}

START_TEST(a_snapshot_that_is_none_is_told)
{
	struct slice bytes = empty_snapshot(NOW);

	begin(1);
	snapshot_comes(SLICE("{}"), 4);
	must_alarm(NODE_MALFORMED);
	snapshot_comes(bytes, 5);
	must_alarm(NODE_REPLAYED);
	free((char *)(uintptr_t)bytes.ptr);
}
END_TEST

START_TEST(a_snapshot_of_what_is_live_takes_its_place_on_disk)
{
	struct slice bytes = empty_snapshot(NOW);

	begin(5);
	snapshot_comes(bytes, 4);
	ck_assert_uint_eq(find(NODE_PERSIST_SNAPSHOT)->last, 4);
	handle(NODE_PERSISTED, NULL, 0);
	handle(NODE_PUBLISHED, NULL, 0);
	ck_assert_uint_eq(node_state(node).operation, 5);
	ck_assert_uint_eq(node_overlay(node)->count, 5);
	free((char *)(uintptr_t)bytes.ptr);
}
END_TEST

START_TEST(a_snapshot_of_another_past_is_a_fork)
{
	struct slice bytes;

	begin(5);
	hashes[4].bytes[0] ^= 1;
	bytes = empty_snapshot(NOW);
	snapshot_comes(bytes, 4);
	must_alarm(NODE_FORKED);
	ck_assert_ptr_null(find(NODE_PERSIST_SNAPSHOT));
	free((char *)(uintptr_t)bytes.ptr);
}
END_TEST

START_TEST(a_reset_of_an_epoch_before_is_refused)
{
	struct log_chain chain = {.epoch = 0, .number = 9};
	struct overlay none = {0};
	struct slice bytes = snapshot_write(&chain, &none, SLICE("mx"));
	struct fleet_message m = message(FLEET_RESET, 0, bytes);

	begin(1);
	handle(NODE_RESET, &m, 1);
	must_alarm(NODE_REPLAYED);
	ck_assert_uint_eq(node_state(node).operation, 1);
	free((char *)(uintptr_t)bytes.ptr);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("core/fleet/node");
	TCase *c = tcase_create("node");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, first_the_disk_then_the_table_then_the_answer);
	tcase_add_test(c, starts_where_it_was);
	tcase_add_test(c, nothing_unsigned_is_read);
	tcase_add_test(c, rollback_is_told_when_it_lasts);
	tcase_add_test(c, a_frozen_head_is_told);
	tcase_add_test(c, a_fork_stops_until_a_reset);
	tcase_add_test(c, a_head_shows_a_fork);
	tcase_add_test(c, old_bytes_at_another_place_are_refused);
	tcase_add_test(c, a_date_far_ahead_waits);
	tcase_add_test(c, goes_on_without_its_disk_and_says_so);
	tcase_add_test(c, a_release_only_grows);
	tcase_add_test(c, only_the_snapshot_that_the_head_names);
	tcase_add_test(c, a_log_that_does_not_reach_back_is_told);
	tcase_add_test(c, heads_that_are_none_are_told);
	tcase_add_test(c, a_snapshot_that_is_none_is_told);
	tcase_add_test(c, a_snapshot_of_what_is_live_takes_its_place_on_disk);
	tcase_add_test(c, a_snapshot_of_another_past_is_a_fork);
	tcase_add_test(c, a_reset_of_an_epoch_before_is_refused);
	suite_add_tcase(s, c);
	return s;
}
