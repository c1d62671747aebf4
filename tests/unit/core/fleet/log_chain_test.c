#include "unit/unit.h"

#include "core/fleet/log_chain.h"
#include "core/fleet/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

/* A log of one: each operation that is given is the next. */
static struct log_chain chain;
static struct overlay overlay;
static struct log_limits limits;
static struct arena *arena;
static const char *why;

static void hash(void *context, struct slice bytes, struct fleet_hash *out)
{
	(void)context;
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < bytes.len; i++)
		out->bytes[i % FLEET_HASH_BYTES] =
		    (unsigned char)(out->bytes[i % FLEET_HASH_BYTES] * 31 +
				    (unsigned char)bytes.ptr[i]);
}

static bool is_suffix(void *context, struct slice name)
{
	(void)context;
	return slice_equal(name, SLICE("co.uk"));
}

static const struct fleet_outside outside = {.hash = hash, .is_suffix = is_suffix};

static void setup(void)
{
	arena = arena_create(OP_ARENA_BYTES);
	limits = (struct log_limits){.per_minute = 3, .live_max = 2};
	chain = log_chain_begin(1, &limits);
	overlay = (struct overlay){0};
}

static void teardown(void)
{
	overlay_free(&overlay);
	arena_free(&arena);
}

static struct op parse(uint64_t epoch, uint64_t number, const struct fleet_hash *prev, int64_t time,
    const char *rest, char text[OP_BYTES_MAX])
{
	char hex[2 * FLEET_HASH_BYTES + 1];
	struct op op;

	fleet_hash_format(prev, hex);
	snprintf(text, OP_BYTES_MAX,
	    "{\"v\":1,\"f\":\"mx\",\"e\":%u,\"n\":%u,\"prev\":\"%s\",\"time\":%d,\"by\":\"jo\","
	    "\"op\":\"%s}",
	    (unsigned)epoch, (unsigned)number, hex, (int)time, rest);
	arena_reset(arena);
	ck_assert_ptr_null(op_parse(slice_str(text), &outside, arena, &op));
	return op;
}

/* Takes it as the next; why it was refused, or "". */
static const char *take(int64_t time, int key, const char *rest)
{
	char text[OP_BYTES_MAX];
	uint64_t number = chain.number + 1;
	struct op op = parse(1, number, &chain.last, time, rest, text);
	enum log_taken taken;

	ck_assert_int_eq(log_chain_fits(&chain, &op), LOG_NEXT);
	taken =
	    log_chain_take(&chain, &limits, &overlay, slice_str(text), &op, key, &outside, &why);
	ck_assert_int_eq(taken, why ? LOG_REFUSED : LOG_APPLIED);
	ck_assert_uint_eq(chain.number, number);
	return why ? why : "";
}

#define ADD(entry) "whitelist add\",\"entry\":\"" entry "\""

START_TEST(fits_one_behind_the_other)
{
	char text[OP_BYTES_MAX];
	struct fleet_hash zeros = {{0}};
	struct op op;

	ck_assert_str_eq(take(100, 0, ADD("192.0.2.1")), "");
	op = parse(1, 2, &chain.last, 100, ADD("192.0.2.2"), text);
	ck_assert_int_eq(log_chain_fits(&chain, &op), LOG_NEXT);
	op = parse(1, 2, &zeros, 100, ADD("192.0.2.2"), text);
	ck_assert_int_eq(log_chain_fits(&chain, &op), LOG_FORK);
	op = parse(1, 1, &zeros, 100, ADD("192.0.2.2"), text);
	ck_assert_int_eq(log_chain_fits(&chain, &op), LOG_PAST);
	op = parse(1, 3, &chain.last, 100, ADD("192.0.2.2"), text);
	ck_assert_int_eq(log_chain_fits(&chain, &op), LOG_GAP);
	op = parse(2, 2, &chain.last, 100, ADD("192.0.2.2"), text);
	ck_assert_int_eq(log_chain_fits(&chain, &op), LOG_OTHER_EPOCH);
}
END_TEST

START_TEST(counts_operations_by_their_own_times)
{
	limits.live_max = 10;
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(take(100, 0, ADD("192.0.2.1")), "");
	ck_assert_str_eq(
	    take(119, 0, ADD("192.0.2.2")), "more operations a minute than the fleet allows");
	ck_assert_ptr_null(overlay_find(&overlay, SLICE("w 192.0.2.2/32  ")));
	ck_assert_str_eq(take(120, 0, ADD("192.0.2.2")), "");
	ck_assert_ptr_nonnull(overlay_find(&overlay, SLICE("w 192.0.2.2/32  ")));
	ck_assert_str_eq(
	    take(120, 0, ADD("192.0.2.3")), "more operations a minute than the fleet allows");
	ck_assert_str_eq(take(119, 0, "whitelist remove\",\"entry\":\"192.0.2.1\""),
	    "it is dated before the operation in front of it");
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(take(1000, 0, ADD("192.0.2.1")), "");
	ck_assert_str_ne(take(1000, 0, ADD("192.0.2.1")), "");
}
END_TEST

START_TEST(counts_entries_that_live)
{
	limits.per_minute = 60;
	chain = log_chain_begin(1, &limits);
	ck_assert_str_eq(take(100, 0, ADD("192.0.2.1") ",\"expires\":200"), "");
	ck_assert_str_eq(take(100, 0, ADD("192.0.2.2")), "");
	ck_assert_str_eq(take(199, 0, ADD("192.0.2.3")), "over the limit of entries that live");
	ck_assert_str_eq(take(199, 0, ADD("192.0.2.2") ",\"owner\":\"desk\""), "");
	ck_assert_str_eq(take(200, 0, ADD("192.0.2.3")), "");
	ck_assert_ptr_null(overlay_find(&overlay, SLICE("w 192.0.2.1/32  ")));
	ck_assert_str_eq(take(200, 0, "whitelist remove\",\"entry\":\"192.0.2.3\""), "");
	ck_assert_str_eq(take(200, 0, "whitelist remove\",\"entry\":\"192.0.2.3\""), "");
	ck_assert_uint_eq(overlay.count, 1);
}
END_TEST

START_TEST(voids_a_lost_key)
{
	limits.voids[0].key = 4;
	limits.voids[0].from = 2;
	limits.void_count = 1;
	ck_assert_str_eq(take(100, 4, ADD("192.0.2.1")), "");
	ck_assert_str_eq(take(100, 4, ADD("192.0.2.2")), "its key is void from a number before it");
	ck_assert_str_eq(take(100, 5, ADD("192.0.2.3")), "");
	ck_assert_uint_eq(overlay.count, 2);
}
END_TEST

START_TEST(a_snapshot_is_where_the_log_is)
{
	struct log_chain again;
	struct overlay copy;
	struct slice bytes;

	take(100, 0, ADD("192.0.2.1") ",\"expires\":110");
	take(101, 0, "domain set\",\"name\":\"a.example\",\"key\":\"spf\",\"value\":\"off\"");
	take(111, 0, "whitelist remove\",\"entry\":\"192.0.2.9\"");
	bytes = snapshot_write(&chain, &overlay, SLICE("mx"));
	ck_assert_ptr_null(
	    snapshot_read(bytes, SLICE("mx"), &limits, &outside, arena, &again, &copy));
	ck_assert_uint_eq(again.number, 3);
	ck_assert(fleet_hash_equal(&again.last, &chain.last));
	ck_assert_int_eq(again.time, 111);
	ck_assert_uint_eq(again.credit, chain.credit);
	ck_assert_uint_eq(copy.count, 1);
	ck_assert(slice_equal(copy.at[0].value, overlay.at[0].value));
	overlay_free(&copy);
	ck_assert_str_eq(
	    snapshot_read(bytes, SLICE("other"), &limits, &outside, arena, &again, &copy),
	    "a snapshot of another fleet");
	limits.live_max = 0;
	ck_assert_str_eq(snapshot_read(bytes, SLICE("mx"), &limits, &outside, arena, &again, &copy),
	    "a snapshot with more entries than may live");
	ck_assert_uint_eq(copy.count, 0);
	free((char *)(uintptr_t)bytes.ptr);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("core/fleet/log_chain");
	TCase *c = tcase_create("log_chain");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, fits_one_behind_the_other);
	tcase_add_test(c, counts_operations_by_their_own_times);
	tcase_add_test(c, counts_entries_that_live);
	tcase_add_test(c, voids_a_lost_key);
	tcase_add_test(c, a_snapshot_is_where_the_log_is);
	suite_add_tcase(s, c);
	return s;
}
