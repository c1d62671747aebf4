#include "core/explain/session_query.h"

#include "core/mail/rfc2047.h"

#include <stdio.h>

void session_query_start(
    struct session_query *q, int64_t now, const struct idna *idna, struct arena *arena)
{
	q->facts = (struct facts){.now = now};
	q->idna = idna;
	q->arena = arena;
	q->given = 0;
	q->missing = 0;
	q->has_no_policy = false;
	q->from = NULL;
	q->header = NULL;
	q->from_count = 0;
	q->lacks_header = q->lacks_tls = false;
	q->listed = slice_of(NULL, 0);
}

/* `kind` is "an SPF result (pass, fail, …)". */
static const char *not_a_result(
    struct slice value, const char *key, const char *kind, char why[SESSION_QUERY_WHY_MAX])
{
	char shown[EXCERPT_MAX];

	snprintf(why, SESSION_QUERY_WHY_MAX, "%s: \"%s\" is not %s", key,
	    slice_excerpt(value, shown), kind);
	return why;
}

/* ---- one fact each ------------------------------------------------------------------- */

static const char *set_client(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	char shown[EXCERPT_MAX];

	if (ip_parse(value, &q->facts.client))
		return NULL;
	snprintf(why, SESSION_QUERY_WHY_MAX, "client: \"%s\" is not an IP address",
	    slice_excerpt(value, shown));
	return why;
}

static const char *set_client_name(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	(void)why;
	q->facts.id[IDENTITY_CLIENT_NAME] = identity_of_name(value, q->idna, q->arena);
	return NULL;
}

static const char *set_helo(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	(void)why;
	q->facts.id[IDENTITY_HELO] = identity_of_name(value, q->idna, q->arena);
	return NULL;
}

/* As the MTA's words are taken: what is no address is kept as text. */
static const char *set_sender(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	struct address address;

	(void)why;
	address_parse(value.len > 0 ? value : SLICE("<>"), q->idna, q->arena, &address);
	q->facts.id[IDENTITY_SENDER] = identity_of_address(&address);
	return NULL;
}

static const char *set_recipient(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	struct address address;

	if (value.len == 0) {
		snprintf(why, SESSION_QUERY_WHY_MAX, "recipient: a recipient is not empty");
		return why;
	}
	address_parse(value, q->idna, q->arena, &address);
	q->facts.id[IDENTITY_RECIPIENT] = identity_of_address(&address);
	return NULL;
}

static const char *set_auth(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	(void)why;
	q->facts.auth_state = value.len > 0 ? FACT_KNOWN : FACT_ABSENT;
	q->facts.auth = value;
	return NULL;
}

static const char *set_tls(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	for (int i = TLS_NONE; i < TLS_COUNT; i++) {
		if (!slice_equal(value, slice_str(tls_version_name((enum tls_version)i))))
			continue;
		q->facts.tls = (enum tls_version)i;
		return NULL;
	}
	return not_a_result(value, "tls", "a TLS version (none, 1.0, 1.1, 1.2, 1.3)", why);
}

static const char *set_from(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	struct address address = {.null = false};
	const char *wrong = NULL;

	q->facts.author_state = FACT_KNOWN;
	q->facts.author = value.len > 0 ? FROM_ONE : FROM_NONE;
	q->facts.author_why = value.len > 0 ? slice_of(NULL, 0) : SLICE("no author");
	q->facts.id[IDENTITY_FROM].state = FACT_ABSENT;
	if (value.len == 0)
		return NULL;
	wrong = address_parse(value, q->idna, q->arena, &address);
	q->facts.id[IDENTITY_FROM] = identity_of_address(&address);
	if (!wrong && address.domain.len == 0)
		wrong = "the address of an author has a domain";
	if (!wrong)
		return NULL;
	snprintf(why, SESSION_QUERY_WHY_MAX, "from: %s", wrong);
	return why;
}

static const char *set_spf(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	for (int i = SPFR_NONE; i <= SPFR_PERMERROR; i++) {
		if (!slice_equal(value, slice_str(spf_result_text((enum spf_result)i))))
			continue;
		q->facts.spf.result = (enum spf_result)i;
		q->facts.spf_state = FACT_KNOWN;
		return NULL;
	}
	return not_a_result(value, "spf", "an SPF result (pass, fail, softfail, …)", why);
}

static const char *set_dkim(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	for (int i = DKIM_NONE; i <= DKIM_PERMERROR; i++) {
		if (!slice_equal(value, slice_str(dkim_result_name((enum dkim_result)i))))
			continue;
		q->signature = (struct dkim_signature_result){
		    .result = (enum dkim_result)i,
		    .body_covered = true,
		};
		q->facts.dkim.signatures = &q->signature;
		q->facts.dkim.count = i != DKIM_NONE;
		q->facts.dkim_state = FACT_KNOWN;
		return NULL;
	}
	return not_a_result(value, "dkim", "a DKIM result (pass, fail, none, …)", why);
}

static bool policy_of(struct slice text, enum dmarc_policy *policy)
{
	for (int i = DMARC_P_NONE; i <= DMARC_P_REJECT; i++) {
		*policy = (enum dmarc_policy)i;
		if (slice_equal(text, slice_str(dmarc_policy_name(*policy))))
			return true;
	}
	return false;
}

static const char *set_dmarc(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	struct slice policy = value, result = slice_cut(&policy, ':');
	bool is_fail = slice_equal(result, SLICE("fail"));
	bool is_temperror = slice_equal(result, SLICE("temperror"));
	enum dmarc_policy published = DMARC_P_REJECT;

	if (policy.ptr && ((!is_fail && !is_temperror) || !policy_of(policy, &published)))
		return not_a_result(
		    value, "dmarc", "a DMARC result (pass, none, fail, fail:quarantine, …)", why);
	q->has_no_policy = is_temperror && !policy.ptr;
	for (int i = DMARC_V_NONE; i <= DMARC_V_PERMERROR; i++) {
		if (!slice_equal(result, slice_str(dmarc_verdict_name((enum dmarc_verdict)i))))
			continue;
		q->facts.dmarc.verdict = (enum dmarc_verdict)i;
		q->facts.dmarc.policy = q->facts.dmarc.published = published;
		q->facts.dmarc.may_be_aligned = is_temperror;
		q->facts.dmarc_state = FACT_KNOWN;
		return NULL;
	}
	return not_a_result(
	    value, "dmarc", "a DMARC result (pass, none, fail, fail:quarantine, …)", why);
}

/* ---- what the DNS says --------------------------------------------------------------- */

/* `words`: what stands for no word at all, then the words by bit. */
static const char *set_dns(struct session_query *q, struct slice value, unsigned need,
    const char *const words[3], const char *key, char why[SESSION_QUERY_WHY_MAX])
{
	struct word_fact *fact = facts_of_dns(&q->facts, need);
	unsigned first = need == NEED_HELO ? HELO_UNRESOLVABLE : 0;
	char kind[SESSION_QUERY_WHY_MAX / 2];

	for (unsigned i = 0; i < 3 && words[i]; i++)
		if (slice_equal(value, slice_str(words[i]))) {
			*fact = (struct word_fact){
			    .state = FACT_KNOWN, .are = i == 0 ? 0 : 1u << (first + i - 1)};
			return NULL;
		}
	if (slice_equal(value, SLICE("temperror"))) {
		*fact = (struct word_fact){.state = FACT_FAILED};
		return NULL;
	}
	snprintf(kind, sizeof kind, "%s, %s%s%s or temperror", words[0], words[1],
	    words[2] ? ", " : "", words[2] ? words[2] : "");
	return not_a_result(value, key, kind, why);
}

static const char *set_sender_domain(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	static const char *const words[] = {"exists", "missing", "null-mx"};

	return set_dns(q, value, NEED_SENDER_DOMAIN, words, "sender_domain", why);
}

static const char *set_from_domain(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	static const char *const words[] = {"exists", "missing", "null-mx"};

	return set_dns(q, value, NEED_FROM_DOMAIN, words, "from_domain", why);
}

static const char *set_reverse(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	static const char *const words[] = {"confirmed", "none", "unconfirmed"};

	return set_dns(q, value, NEED_REVERSE, words, "reverse", why);
}

static const char *set_helo_resolves(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	static const char *const words[] = {"yes", "no", NULL};

	return set_dns(q, value, NEED_HELO, words, "helo_resolves", why);
}

/* ---- the header ---------------------------------------------------------------------- */

void session_query_add_field(struct session_query *q, struct slice name, struct slice value)
{
	char folded[HEADER_NAME_MAX], decoded[RFC2047_TEXT_MAX];
	struct header_field *f = arena_alloc(q->arena, sizeof *f);

	name = slice_trim(name);
	if (slice_equal_nocase(name, SLICE("From")) && q->from_count < FROM_FIELDS_MAX)
		q->froms[q->from_count++] = arena_copy(q->arena, value);
	if (!f)
		return;
	value = arena_copy(q->arena, rfc2047_decode(value, decoded));
	*f = (struct header_field){.next = q->header,
	    .name = arena_copy(q->arena, header_name_fold(name, folded)),
	    .value = idna_compose(q->idna, value, q->arena)};
	q->header = f;
	q->facts.header_state = FACT_KNOWN;
	q->facts.header = f;
}

/* Cuts the first field off, with the lines that continue it. */
static struct slice cut_field(struct slice *rest)
{
	struct slice whole = *rest;
	size_t len = 0;

	do {
		struct slice line = slice_cut(rest, '\n');
		len = (size_t)(line.ptr + line.len - whole.ptr);
	} while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'));
	return slice_of(whole.ptr, len);
}

static const char *set_header(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	char shown[EXCERPT_MAX];

	q->facts.header_state = FACT_KNOWN;
	while (value.len > 0) {
		struct slice field = cut_field(&value), text = field, name = slice_cut(&text, ':');

		if (!text.ptr || slice_trim(name).len == 0) {
			snprintf(why, SESSION_QUERY_WHY_MAX,
			    "header: \"%s\" is not a header field such as \"Subject: hello\"",
			    slice_excerpt(field, shown));
			return why;
		}
		session_query_add_field(q, name, text);
	}
	return NULL;
}

/* ---- lists in the DNS ---------------------------------------------------------------- */

/* Which lists there are is known when it is decided. */
static const char *set_listed(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	(void)why;
	q->listed = slice_of(value.ptr ? value.ptr : "", value.len);
	return NULL;
}

static const char *set_now(
    struct session_query *q, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	uint64_t now;

	if (!slice_to_uint(value, INT64_MAX, &now)) {
		snprintf(why, SESSION_QUERY_WHY_MAX, "now: not a number of seconds since 1970");
		return why;
	}
	q->facts.now = (int64_t)now;
	return NULL;
}

void session_query_set_author(struct session_query *q, const struct fromheader *from)
{
	facts_set_author(&q->facts, from);
	q->facts.id[IDENTITY_FROM] = identity_of_author(from, 0);
	q->from = from;
}

/* ---- the keys ------------------------------------------------------------------------ */

static const struct row {
	struct slice key;
	const char *(*set)(
	    struct session_query *, struct slice value, char why[SESSION_QUERY_WHY_MAX]);
} rows[] = {
    {SLICE_INIT("client"), set_client},
    {SLICE_INIT("client_name"), set_client_name},
    {SLICE_INIT("helo"), set_helo},
    {SLICE_INIT("sender"), set_sender},
    {SLICE_INIT("recipient"), set_recipient},
    {SLICE_INIT("auth"), set_auth},
    {SLICE_INIT("tls"), set_tls},
    {SLICE_INIT("from"), set_from},
    {SLICE_INIT("spf"), set_spf},
    {SLICE_INIT("dkim"), set_dkim},
    {SLICE_INIT("dmarc"), set_dmarc},
    {SLICE_INIT("sender_domain"), set_sender_domain},
    {SLICE_INIT("from_domain"), set_from_domain},
    {SLICE_INIT("reverse"), set_reverse},
    {SLICE_INIT("helo_resolves"), set_helo_resolves},
    {SLICE_INIT("header"), set_header},
    {SLICE_INIT("listed"), set_listed},
    {SLICE_INIT("now"), set_now},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

const char *session_query_key(unsigned n)
{
	return n < ROWS ? rows[n].key.ptr : NULL;
}

const char *session_query_set(
    struct session_query *q, struct slice key, struct slice value, char why[SESSION_QUERY_WHY_MAX])
{
	char shown[EXCERPT_MAX];

	for (unsigned i = 0; i < ROWS; i++) {
		if (!slice_equal(rows[i].key, key))
			continue;
		if ((q->given & 1u << i) != 0) {
			snprintf(why, SESSION_QUERY_WHY_MAX, "%s is given twice", rows[i].key.ptr);
			return why;
		}
		q->given |= 1u << i;
		return rows[i].set(q, value, why);
	}
	snprintf(why, SESSION_QUERY_WHY_MAX, "there is no key \"%s\"", slice_excerpt(key, shown));
	return why;
}

bool session_query_undecided(const struct session_query *q)
{
	return q->missing != 0 || q->lacks_header || q->lacks_tls;
}

/* ---- deciding ------------------------------------------------------------------------ */

/* The author that the header names, where nobody told him. */
static void fill_author(struct session_query *q)
{
	struct fromheader *from;

	if (q->facts.header_state != FACT_KNOWN || q->facts.author_state != FACT_UNKNOWN)
		return;
	from = arena_alloc(q->arena, sizeof *from);
	if (!from)
		return;
	fromheader_parse(q->froms, q->from_count, q->idna, q->arena, from);
	session_query_set_author(q, from);
}

/* What a result says of a domain is said of the one that the session names. */
static void fill_domains(struct session_query *q)
{
	const struct identity *sender = &q->facts.id[IDENTITY_SENDER];
	const struct identity *from = &q->facts.id[IDENTITY_FROM];

	if (q->facts.spf.domain.len == 0)
		q->facts.spf.domain =
		    sender->name.len > 0 ? sender->name : q->facts.id[IDENTITY_HELO].name;
	q->signature.domain = from->name;
	if (q->facts.dmarc.policy_domain.len == 0 && !q->has_no_policy)
		q->facts.dmarc.policy_domain = from->name;
}

static bool settle(enum fact_state *state)
{
	bool failed = *state == FACT_UNKNOWN;

	if (failed)
		*state = FACT_FAILED;
	return failed;
}

static void gather(
    struct session_query *q, unsigned need, const struct session_query_source *source)
{
	if (source)
		source->get(source->self, &q->facts, need);
	if ((need & NEEDS_OF_LISTS) != 0) {
		unsigned left = need / NEED_LIST(0) & ~q->facts.lists_asked;

		q->facts.lists_asked |= left;
		q->facts.lists_open |= left;
		q->missing |= left * NEED_LIST(0);
	}
	if ((need & NEED_SPF) && settle(&q->facts.spf_state))
		q->missing |= NEED_SPF;
	if ((need & NEED_DKIM) && settle(&q->facts.dkim_state))
		q->missing |= NEED_DKIM;
	if ((need & NEED_DMARC) && settle(&q->facts.dmarc_state))
		q->missing |= NEED_DMARC;
	if ((need & NEED_ALIGNED) && settle(&q->facts.aligned_state))
		q->missing |= NEED_ALIGNED;
	for (unsigned bit = 1; bit <= NEEDS_OF_DNS; bit <<= 1)
		if ((need & NEEDS_OF_DNS & bit) != 0 &&
		    settle(&facts_of_dns(&q->facts, bit)->state))
			q->missing |= bit;
}

/* A list of the table that is not named does not list it. */
static void fill_lists(struct session_query *q, const struct ruleset *rules)
{
	struct slice rest = q->listed;

	if (!rest.ptr || rules->dnsbl_count == 0)
		return;
	q->facts.lists_asked = (1u << rules->dnsbl_count) - 1;
	while (rest.len > 0) {
		struct slice answer = slice_word(&rest), name = slice_cut(&answer, ':');

		for (unsigned i = 0; i < rules->dnsbl_count; i++)
			if (slice_equal(rules->dnsbls[i].name, name))
				*(answer.ptr ? &q->facts.lists_open : &q->facts.lists) |= 1u << i;
	}
}

static struct verdict decide(struct session_query *q, const struct ruleset *rules, enum phase phase,
    const struct session_query_source *source)
{
	struct verdict v;

	while ((v = policy_decide(rules, &q->facts, phase)).kind == VERDICT_NEED)
		gather(q, v.need, source);
	return v;
}

/* RCPT is over before the daemon sees the header: nothing there may look at it. */
static struct verdict decide_rcpt(
    struct session_query *q, const struct ruleset *rules, const struct session_query_source *source)
{
	enum fact_state author = q->facts.author_state, header = q->facts.header_state;
	struct identity from = q->facts.id[IDENTITY_FROM];

	q->facts.author_state = q->facts.id[IDENTITY_FROM].state = FACT_UNKNOWN;
	q->facts.header_state = FACT_UNKNOWN;
	q->phase = PHASE_RCPT;
	q->verdict = decide(q, rules, PHASE_RCPT, source);
	if (policy_effect(&q->verdict) == ACTION_ACCEPT) {
		q->facts.author_state = author;
		q->facts.id[IDENTITY_FROM] = from;
		/* The daemon has seen it by the end; who asks may not have told it. */
		q->facts.header_state =
		    author != FACT_UNKNOWN && header == FACT_UNKNOWN ? FACT_FAILED : header;
	}
	return q->verdict;
}

/* Of several author domains, the one that brings the strictest verdict stays in the facts. */
static struct verdict decide_end(
    struct session_query *q, const struct ruleset *rules, const struct session_query_source *source)
{
	const struct settings *settings = &rules->settings;
	struct verdict v, worst = decide(q, rules, PHASE_END, source);
	struct facts *facts = &q->facts, strictest = *facts;

	for (size_t i = 1; q->from && i < q->from->domain_count; i++) {
		if (policy_effect(&worst) == ACTION_REJECT)
			break;
		facts->id[IDENTITY_FROM] = identity_of_author(q->from, i);
		facts->dmarc_state = facts->aligned_state = FACT_UNKNOWN;
		facts->from_dns = (struct word_fact){.state = FACT_UNKNOWN};
		if (!q->listed.ptr)
			dnsbl_forget(rules->dnsbls, rules->dnsbl_count, IDENTITY_FROM, facts);
		v = decide(q, rules, PHASE_END, source);
		if (policy_severity(settings, &v) > policy_severity(settings, &worst)) {
			worst = v;
			strictest = *facts;
		}
	}
	facts->id[IDENTITY_FROM] = strictest.id[IDENTITY_FROM];
	facts->dmarc_state = strictest.dmarc_state;
	facts->dmarc = strictest.dmarc;
	facts->aligned_state = strictest.aligned_state;
	facts->aligned = strictest.aligned;
	facts->may_be_aligned = strictest.may_be_aligned;
	facts->from_dns = strictest.from_dns;
	return worst;
}

/* As enforced: RCPT, and the end of the message where it gets there. */
static void decide_enforced(
    struct session_query *q, const struct ruleset *rules, const struct session_query_source *source)
{
	struct verdict at_end, at_rcpt = decide_rcpt(q, rules, source);

	if (q->facts.author_state == FACT_UNKNOWN || policy_effect(&at_rcpt) != ACTION_ACCEPT)
		return;
	at_end = decide_end(q, rules, source);
	/* What a rule in monitor mode found at RCPT is not forgotten when the end is content. */
	if (at_rcpt.monitored && policy_effect(&at_end) == ACTION_ACCEPT)
		return;
	q->verdict = at_end;
	q->phase = PHASE_END;
}

/* A rule was passed over for want of what nobody can be asked for, and nothing else refuses. */
static void note_lacking(struct session_query *q)
{
	const struct rule *rule = q->verdict.undecided;
	unsigned keys = rule ? rule->keys | rule->unless : 0;

	if (policy_effect(&q->verdict) == ACTION_REJECT)
		return;
	q->lacks_header = (keys & KEYS_OF_HEADERS) != 0 && q->facts.header_state != FACT_KNOWN;
	q->lacks_tls = (keys & 1u << KEY_TLS) != 0 && q->facts.tls == TLS_UNKNOWN;
}

/* mode = "monitor" decides the same and refuses nothing: it says what enforcing would do. */
void session_query_decide(
    struct session_query *q, const struct ruleset *rules, const struct session_query_source *source)
{
	struct ruleset enforcing = *rules;

	enforcing.settings.monitor = false;
	fill_author(q);
	fill_domains(q);
	fill_lists(q, rules);
	decide_enforced(q, &enforcing, source);
	note_lacking(q);
	if (rules->settings.monitor && policy_effect(&q->verdict) != ACTION_ACCEPT)
		q->verdict.monitored = true;
}
