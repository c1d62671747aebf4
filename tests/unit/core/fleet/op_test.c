#include "unit/unit.h"

#include "core/fleet/head.h"
#include "core/fleet/op.h"

#include <stdio.h>

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ENVELOPE                                                                                   \
	"{\"v\":1,\"f\":\"mx\",\"e\":1,\"n\":7,\"prev\":\"" ZEROS                                  \
	"\",\"time\":1700000000,\"by\":\"jo\",\"op\":\""

static bool is_suffix(void *context, struct slice name)
{
	(void)context;
	return slice_equal(name, SLICE("co.uk"));
}

static const struct fleet_outside outside = {.is_suffix = is_suffix};

static struct arena *arena;

static void setup(void)
{
	arena = arena_create(OP_ARENA_BYTES);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* What it sets, or why it is refused. */
static const struct {
	const char *rest, *key, *refused;
} rows[] = {
    {"whitelist add\",\"entry\":\"198.51.100.7\"}", "w 198.51.100.7/32  ", NULL},
    {"whitelist add\",\"entry\":\"198.51.100.0/24\",\"covers\":\"blocks\",\"expires\":1700000001}",
	"w 198.51.100.0/24  ", NULL},
    {"whitelist add\",\"entry\":\"198.51.100.7\",\"proof\":\"spf\",\"sender\":\"a.example\","
     "\"recipient\":\"b@b.example\",\"owner\":\"desk\",\"comment\":\"moved\"}",
	"w 198.51.100.7/32 a.example b@b.example", NULL},
    {"whitelist add\",\"entry\":\"2001:DB8::/48\"}", "w 2001:db8::/48  ", NULL},
    {"whitelist add\",\"entry\":\".Example.org\",\"proof\":\"spf,client_name\"}",
	"w .example.org  ", NULL},
    {"whitelist remove\",\"entry\":\"example.org\"}", "w example.org  ", NULL},
    {"domain set\",\"name\":\"Example.org\",\"key\":\"dmarc\",\"value\":\"reject\"}",
	"d example.org dmarc", NULL},
    {"domain clear\",\"name\":\"example.org\",\"key\":\"forwards\"}", "d example.org forwards",
	NULL},
    /* Too wide. */
    {"whitelist add\",\"entry\":\"198.51.0.0/23\"}", "", "too wide: a network above"},
    {"whitelist add\",\"entry\":\"2001:db8::/47\"}", "", "too wide: a network above"},
    {"whitelist add\",\"entry\":\"0.0.0.0/0\"}", "", "too wide: a network above"},
    {"whitelist add\",\"entry\":\"192.0.2.1-192.0.2.9\"}", "", "too wide: a range"},
    {"whitelist add\",\"entry\":\"/mail/\",\"proof\":\"spf\"}", "", "too wide: a pattern"},
    {"whitelist add\",\"entry\":\"example\",\"proof\":\"spf\"}", "", "too wide: a name of fewer"},
    {"whitelist add\",\"entry\":\".co.uk\",\"proof\":\"spf\"}", "", "too wide: a public suffix"},
    {"whitelist add\",\"entry\":\"example.org\"}", "", "too wide: a name without proof"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"covers\":\"blocks,spf\"}", "", "too wide: covers"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"covers\":\"dmarc\"}", "", "too wide: covers"},
    {"domain set\",\"name\":\"*\",\"key\":\"spf\",\"value\":\"off\"}", "",
	"too wide: the switches of all"},
    {"domain set\",\"name\":\"co.uk\",\"key\":\"spf\",\"value\":\"off\"}", "",
	"too wide: the switches of a public"},
    {"domain set\",\"name\":\"a.example\",\"key\":\"spf,dmarc\",\"value\":\"off\"}", "",
	"too wide: it must switch one key"},
    /* Not what its kind has. */
    {"dance\",\"entry\":\"192.0.2.1\"}", "", "an operation of a kind"},
    {"whitelist add\"}", "", "a member that its kind must have"},
    {"whitelist add\",\"entry\":null}", "", "a member that is empty"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"entry\":\"192.0.2.2\"}", "",
	"a member that its kind does not have"},
    {"whitelist add\",\"owner\":\"x\",\"entry\":\"192.0.2.1\"}", "",
	"a member that its kind does not have"},
    {"whitelist remove\",\"entry\":\"192.0.2.1\",\"owner\":\"x\"}", "",
	"a member that its kind does not have"},
    {"whitelist add\",\"entry\":\"!192.0.2.1\"}", "", "it takes an entry out"},
    {"whitelist add\",\"entry\":\"no/where\"}", "", "its entry is neither"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"proof\":\"luck\"}", "", "proof is"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"sender\":\"a b\"}", "", "a sender or recipient"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"expires\":1700000000}", "", "it has expired"},
    {"whitelist add\",\"entry\":\"192.0.2.1\",\"expires\":\"soon\"}", "", "expires is not"},
    {"domain set\",\"name\":\"a.example\",\"key\":\"blocks\",\"value\":\"perhaps\"}", "",
	"a value that the key"},
    {"domain set\",\"name\":\"a_b..c\",\"key\":\"blocks\",\"value\":\"on\"}", "",
	"what it switches is not"},
};

START_TEST(says_what_it_sets)
{
	char text[OP_BYTES_MAX];
	struct op op;

	snprintf(text, sizeof text, "%s%s", ENVELOPE, rows[_i].rest);
	ck_assert_ptr_null(op_parse(slice_str(text), &outside, arena, &op));
	ck_assert_uint_eq(op.number, 7);
	ck_assert_int_eq(op.time, 1700000000);
	if (rows[_i].refused) {
		ck_assert_msg(op.refused, "row %d: not refused", _i);
		ck_assert_msg(slice_starts(slice_str(op.refused), slice_str(rows[_i].refused)),
		    "row %d: %s", _i, op.refused);
	} else {
		ck_assert_msg(!op.refused, "row %d: %s", _i, op.refused);
		ck_assert_msg(slice_equal(op.key, slice_str(rows[_i].key)), "row %d: \"%.*s\"", _i,
		    SLICE_ARG(op.key));
	}
}
END_TEST

/* No operations: the log cannot go on behind them. */
static const struct {
	const char *text, *wrong;
} broken[] = {
    {"", "it does not begin with its version"},
    {"{}", "it does not begin with its version"},
    {"{\"v\":2}", "an operation in a format that this version does not know"},
    {"{\"v\":1,\"e\":1,\"f\":\"mx\"}", "its envelope is not"},
    {"{\"v\":1,\"f\":\"mx\",\"e\":-1,\"n\":7,\"prev\":\"" ZEROS "\",\"time\":1,\"by\":\"jo\","
     "\"op\":\"dance\"}",
	"its envelope is not"},
    {"{\"v\":1,\"f\":\"mx\",\"e\":1,\"n\":7,\"prev\":\"00\",\"time\":1,\"by\":\"jo\",\"op\":"
     "\"dance\"}",
	"its envelope is not"},
    {ENVELOPE "dance\"", "a comma or a closing brace is missing"},
    {ENVELOPE "dance\",\"x\":{}}", "a member's value must be a string"},
    {ENVELOPE "dance\"} ", NULL},
    {ENVELOPE "dance\"}x", "something follows the object"},
    {ENVELOPE "dance\"}\n", "a control character"},
};

START_TEST(refuses_what_is_none)
{
	struct op op;
	const char *wrong = op_parse(slice_str(broken[_i].text), &outside, arena, &op);

	if (!broken[_i].wrong)
		ck_assert_ptr_null(wrong);
	else
		ck_assert_msg(wrong && slice_starts(slice_str(wrong), slice_str(broken[_i].wrong)),
		    "row %d: %s", _i, wrong);
}
END_TEST

START_TEST(is_not_longer_than_it_may_be)
{
	char text[OP_BYTES_MAX + 1];
	struct op op;

	memset(text, ' ', sizeof text);
	memcpy(text, ENVELOPE "dance\"}", sizeof ENVELOPE "dance\"}" - 1);
	ck_assert_ptr_null(op_parse(slice_of(text, OP_BYTES_MAX), &outside, arena, &op));
	ck_assert_str_eq(op_parse(slice_of(text, OP_BYTES_MAX + 1), &outside, arena, &op),
	    "longer than an operation may be");
}
END_TEST

START_TEST(writes_and_reads_a_head)
{
	struct head head = {.fleet = SLICE("mx"),
			.state = {2, 3, 70},
			.snapshot = 64,
			.issued = 1700000000,
			.expires = 1700000060},
		    again;
	char text[HEAD_BYTES_MAX];

	memset(head.last.bytes, 0xa5, FLEET_HASH_BYTES);
	memset(head.snapshot_hash.bytes, 0x5a, FLEET_HASH_BYTES);
	ck_assert_ptr_null(head_parse(head_write(&head, text), arena, &again));
	ck_assert(slice_equal(again.fleet, head.fleet));
	ck_assert_mem_eq(&again.state, &head.state, sizeof head.state);
	ck_assert(fleet_hash_equal(&again.last, &head.last));
	ck_assert(fleet_hash_equal(&again.snapshot_hash, &head.snapshot_hash));
	ck_assert_uint_eq(again.snapshot, 64);
	ck_assert_int_eq(again.issued, head.issued);
	ck_assert_int_eq(again.expires, head.expires);
	ck_assert_ptr_nonnull(head_parse(SLICE("{\"v\":1,\"f\":\"mx\"}"), arena, &again));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("core/fleet/op");
	TCase *c = tcase_create("op");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, says_what_it_sets, 0, ROWS(rows));
	tcase_add_loop_test(c, refuses_what_is_none, 0, ROWS(broken));
	tcase_add_test(c, is_not_longer_than_it_may_be);
	tcase_add_test(c, writes_and_reads_a_head);
	suite_add_tcase(s, c);
	return s;
}
