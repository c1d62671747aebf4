#include "unit/unit.h"

#include "fake/configured.h"

#include "core/explain/batch.h"
#include "edge/idn/idn.h"

/* ---- what a line becomes ------------------------------------------------------------- */

static const char table[] =
    "trusted_networks = [ \"192.0.2.0/24\" ];\n"
    "spf = { fail = \"unless-dkim\"; temperror = \"tempfail\"; permerror = \"reject\"; };\n"
    "susranges = ( { name = \"dialup\"; networks = [ \"198.51.100.0/24\", \"2001:db8::/32\" ]; },\n"
    " { name = \"later\"; networks = \"203.0.113.0/28\"; reply = \"450 4.7.1 later\"; },\n"
    " { name = \"trial\"; networks = \"203.0.113.16/28\"; mode = \"monitor\"; },\n"
    " { name = \"old\"; networks = \"203.0.113.32/28\"; expires = \"2026-06-30\"; } );\n"
    "whitelist = ( { name = \"qq\"; domains = \".qq.example\"; proof = [ \"spf\" ]; } );\n"
    "blocks = ( { name = \"bob\"; sender = \"bob@b.example\"; },\n"
    " { name = \"null\"; sender = \"<>\"; helo = \"mx.null.example\"; },\n"
    " { name = \"author\"; from = \".junk.example\"; },\n"
    " { name = \"idn\"; helo = \"bücher.example\"; } );\n"
    "domains = ( { name = \"reject.example\"; dmarc = \"reject\"; },\n"
    " { name = \"strict.example\"; dmarc = \"strict\"; } );\n";

#define CLEAN               "\"client\":\"203.0.113.200\",\"spf\":\"none\""
#define TO_REJECT           CLEAN ",\"recipient\":\"u@reject.example\",\"from\":\"a@x.example\",\"dmarc\":"
#define TO_STRICT           CLEAN ",\"recipient\":\"u@strict.example\",\"from\":\"a@x.example\",\"dmarc\":"
#define ACCEPT              "{\"action\":\"accept\",\"code\":250}"
#define SPF(action, code)   "{\"action\":\"" action "\",\"code\":" code ",\"family\":\"spf\"}"
#define DMARC(action, code) "{\"action\":\"" action "\",\"code\":" code ",\"family\":\"dmarc\"}"
#define DIALUP(network)                                                                            \
	"{\"action\":\"reject\",\"code\":550,\"family\":\"susranges\",\"rule\":\"dialup\","        \
	"\"network\":\"" network "\"}"
#define BLOCK(rule)                                                                                \
	"{\"action\":\"reject\",\"code\":550,\"family\":\"blocks\",\"rule\":\"" rule "\"}"

static const struct {
	const char *label, *line, *want;
} rows[] = {
    {"nothing known: SPF is needed and has failed", "{}", SPF("tempfail", "451")},
    {"nothing against it", "{" CLEAN "}", ACCEPT},
    {"a network", "{\"client\":\"198.51.100.7\"}", DIALUP("198.51.100.0/24")},
    {"mapped", "{\"client\":\"::ffff:198.51.100.7\"}", DIALUP("198.51.100.0/24")},
    {"IPv6", "{\"client\":\"2001:db8::1\"}", DIALUP("2001:db8::/32")},
    {"null is the same as absent", "{\"client\":\"198.51.100.7\",\"auth\":null}",
	DIALUP("198.51.100.0/24")},
    {"authenticated", "{\"client\":\"198.51.100.7\",\"auth\":\"jo\"}", ACCEPT},
    {"nobody is", "{\"client\":\"198.51.100.7\",\"auth\":\"\"}", DIALUP("198.51.100.0/24")},
    {"trusted", "{\"client\":\"192.0.2.7\",\"sender\":\"bob@b.example\"}",
	"{\"action\":\"accept\",\"code\":250,\"family\":\"trusted_networks\","
	"\"rule\":\"trusted_networks\",\"network\":\"192.0.2.0/24\"}"},
    {"exempt", "{\"client\":\"198.51.100.7\",\"recipient\":\"Postmaster@x.example\"}",
	"{\"action\":\"accept\",\"code\":250,\"family\":\"exempt_recipients\","
	"\"rule\":\"exempt_recipients\"}"},
    {"a rule's own code", "{\"client\":\"203.0.113.1\"}",
	"{\"action\":\"tempfail\",\"code\":450,\"family\":\"susranges\",\"rule\":\"later\","
	"\"network\":\"203.0.113.0/28\"}"},
    {"monitor", "{\"client\":\"203.0.113.17\",\"spf\":\"none\"}",
	"{\"action\":\"would_reject\",\"code\":550,\"family\":\"susranges\",\"rule\":\"trial\","
	"\"network\":\"203.0.113.16/28\"}"},
    {"monitor is remembered to the end",
	"{\"client\":\"203.0.113.17\",\"spf\":\"none\",\"from\":\"a@x.example\"}",
	"{\"action\":\"would_reject\",\"code\":550,\"family\":\"susranges\",\"rule\":\"trial\","
	"\"network\":\"203.0.113.16/28\"}"},
    {"monitor hides nothing",
	"{\"client\":\"203.0.113.17\",\"spf\":\"none\",\"from\":\"a@junk.example\"}",
	BLOCK("author")},
    {"not expired", "{\"client\":\"203.0.113.33\",\"now\":1782000000}",
	"{\"action\":\"reject\",\"code\":550,\"family\":\"susranges\",\"rule\":\"old\","
	"\"network\":\"203.0.113.32/28\"}"},
    {"expired", "{\"client\":\"203.0.113.33\",\"spf\":\"pass\",\"now\":1783000000}", ACCEPT},
    {"expired by the clock", "{\"client\":\"203.0.113.33\",\"spf\":\"pass\"}", ACCEPT},
    {"an address", "{\"sender\":\"<BOB@B.Example>\"}", BLOCK("bob")},
    {"the null sender", "{\"helo\":\"MX.null.example.\",\"sender\":\"\"}", BLOCK("null")},
    {"in brackets", "{\"helo\":\"mx.null.example\",\"sender\":\"<>\"}", BLOCK("null")},
    {"U-labels", "{\"helo\":\"B\\u00dcCHER.example\"}", BLOCK("idn")},
    {"a sender that is no address", "{\"sender\":\"a b c\",\"spf\":\"none\"}", ACCEPT},
    {"the author", "{" CLEAN ",\"from\":\"a@b.junk.example\"}", BLOCK("author")},
    {"no author, where nobody asks", "{" CLEAN ",\"from\":\"\"}", ACCEPT},
    {"no author, where somebody asks",
	"{" CLEAN ",\"from\":\"\",\"recipient\":\"u@reject.example\"}", DMARC("reject", "550")},
    {"proof", "{\"client\":\"198.51.100.7\",\"sender\":\"a@qq.example\",\"spf\":\"pass\"}",
	"{\"action\":\"accept\",\"code\":250,\"family\":\"whitelist\",\"rule\":\"qq\"}"},
    {"another result is no proof",
	"{\"client\":\"198.51.100.7\",\"sender\":\"a@qq.example\",\"spf\":\"neutral\"}",
	DIALUP("198.51.100.0/24")},
    {"no proof is given", "{\"client\":\"198.51.100.7\",\"sender\":\"a@qq.example\"}",
	"{\"action\":\"tempfail\",\"code\":451,\"family\":\"susranges\",\"rule\":\"dialup\","
	"\"network\":\"198.51.100.0/24\"}"},
    {"SPF fail waits for the end", "{\"client\":\"203.0.113.200\",\"spf\":\"fail\"}", ACCEPT},
    {"and then is refused", "{\"spf\":\"fail\",\"from\":\"a@x.example\",\"dkim\":\"none\"}",
	SPF("reject", "550")},
    {"a failed signature does not help",
	"{\"spf\":\"fail\",\"from\":\"a@x.example\",\"dkim\":\"fail\"}", SPF("reject", "550")},
    {"a good one does", "{\"spf\":\"fail\",\"from\":\"a@x.example\",\"dkim\":\"pass\"}", ACCEPT},
    {"a key that did not come excuses",
	"{\"spf\":\"fail\",\"from\":\"a@x.example\",\"dkim\":\"temperror\"}", ACCEPT},
    {"DKIM not given is an answer that did not come", "{\"spf\":\"fail\",\"from\":\"a@x.example\"}",
	ACCEPT},
    {"SPF temperror", "{\"spf\":\"temperror\"}", SPF("tempfail", "451")},
    {"SPF permerror", "{\"spf\":\"permerror\"}", SPF("reject", "550")},
    {"SPF softfail", "{\"spf\":\"softfail\"}", ACCEPT},
    {"DMARC pass", "{" TO_REJECT "\"pass\"}", ACCEPT},
    {"DMARC fail is one under p=reject", "{" TO_REJECT "\"fail\"}", DMARC("reject", "550")},
    {"DMARC fail under p=quarantine", "{" TO_REJECT "\"fail:quarantine\"}",
	DMARC("quarantine", "250")},
    {"which strict refuses", "{" TO_STRICT "\"fail:quarantine\"}", DMARC("reject", "550")},
    {"DMARC fail under p=none", "{" TO_STRICT "\"fail:none\"}", ACCEPT},
    {"DMARC temperror", "{" TO_STRICT "\"temperror\"}", ACCEPT},
    {"DMARC where nobody asks", "{" CLEAN ",\"from\":\"a@x.example\",\"dmarc\":\"fail\"}", ACCEPT},
};

static const struct {
	const char *line, *want;
} wrong[] = {
    {"x", "{\"error\":\"not a JSON object\"}"},
    {"{\"client\":\"1.2.3\"}", "{\"error\":\"client: \\u00221.2.3\\u0022 is not an IP address\"}"},
    {"{\"client\":\"\"}", "{\"error\":\"client: \\u0022\\u0022 is not an IP address\"}"},
    {"{\"cilent\":\"\"}", "{\"error\":\"there is no key \\u0022cilent\\u0022\"}"},
    {"{\"helo\":\"a\",\"helo\":\"a\"}", "{\"error\":\"helo is given twice\"}"},
    {"{\"recipient\":\"\"}", "{\"error\":\"recipient: a recipient is not empty\"}"},
    {"{\"from\":\"a@b..c\"}", NULL},
    {"{\"from\":\"a\"}", "{\"error\":\"from: the address of an author has a domain\"}"},
    {"{\"spf\":\"Pass\"}",
	"{\"error\":\"spf: \\u0022Pass\\u0022 is not an SPF result (pass, fail, softfail, …)\"}"},
    {"{\"spf\":\"policy\"}", NULL},
    {"{\"dkim\":\"softfail\"}", NULL},
    {"{\"dmarc\":\"pass:none\"}", NULL},
    {"{\"dmarc\":\"fail:\"}", NULL},
    {"{\"dmarc\":\"fail:maybe\"}", NULL},
    {"{\"now\":\"-1\"}", NULL},
    {"{\"spf\":\"a very long word that goes on and on and on and on and on and on and on, truly\"}",
	NULL},
};

static const char *answer(const char *line, char out[BATCH_LINE_MAX])
{
	struct arena *arena = arena_create(64 * 1024);
	struct configured c;
	struct slice said;

	configured_load(&c, table);
	ck_assert_msg(c.rules, "%s", c.lines);
	said = batch_answer(c.rules, slice_str(line), 1795867200, &idn_uts46, arena, out);
	ck_assert_uint_eq(said.len, strlen(out));
	arena_free(&arena);
	configured_free(&c);
	return out;
}

START_TEST(answers)
{
	char out[BATCH_LINE_MAX];

	ck_assert_msg(
	    strcmp(answer(rows[_i].line, out), rows[_i].want) == 0, "%s: %s", rows[_i].label, out);
}
END_TEST

START_TEST(complains)
{
	char out[BATCH_LINE_MAX];

	answer(wrong[_i].line, out);
	if (wrong[_i].want)
		ck_assert_str_eq(out, wrong[_i].want);
	ck_assert_msg(slice_starts(slice_str(out), SLICE("{\"error\":\"")), "%s", out);
}
END_TEST

START_TEST(says_when_memory_runs_out)
{
	struct arena *arena = arena_create(1);
	char out[BATCH_LINE_MAX];
	struct configured c;

	configured_load(&c, table);
	batch_answer(c.rules, SLICE("{\"helo\":\"MX.Example\"}"), 0, &idn_uts46, arena, out);
	ck_assert_str_eq(out, "{\"error\":\"out of memory\"}");
	arena_free(&arena);
	configured_free(&c);
}
END_TEST

/* ---- who can get facts --------------------------------------------------------------- */

static void get_spf(void *self, struct facts *facts, unsigned need)
{
	*(unsigned *)self |= need;
	facts->spf_state = FACT_KNOWN;
	facts->spf.result = SPFR_PERMERROR;
}

START_TEST(asks_the_source)
{
	struct arena *arena = arena_create(64 * 1024);
	unsigned asked = 0;
	struct configured c;
	struct session_query_source source = {&asked, get_spf};
	struct session_query q;
	char why[SESSION_QUERY_WHY_MAX];

	configured_load(&c, table);
	session_query_start(&q, 0, &idn_uts46, arena);
	ck_assert_ptr_null(session_query_set(&q, SLICE("client"), SLICE("203.0.113.200"), why));
	session_query_decide(&q, c.rules, &source);
	ck_assert_uint_eq(asked, NEED_SPF);
	ck_assert_uint_eq(q.missing, 0);
	ck_assert_int_eq((int)q.verdict.reason, REASON_SPF_PERMERROR);
	session_query_start(&q, 0, &idn_uts46, arena);
	session_query_decide(&q, c.rules, NULL);
	ck_assert_uint_eq(q.missing, NEED_SPF);
	arena_free(&arena);
	configured_free(&c);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("batch");
	TCase *t = tcase_create("batch");

	tcase_add_loop_test(t, answers, 0, ROWS(rows));
	tcase_add_loop_test(t, complains, 0, ROWS(wrong));
	tcase_add_test(t, says_when_memory_runs_out);
	tcase_add_test(t, asks_the_source);
	suite_add_tcase(s, t);
	return s;
}
