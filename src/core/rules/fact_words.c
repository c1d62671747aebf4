#include "core/rules/fact_words.h"

#include "core/rules/ruleset.h"

/* ---- SPF ----------------------------------------------------------------------------- */

static uint64_t word_bit(unsigned word)
{
	return UINT64_C(1) << word;
}

/* The session has not shown it: the message comes later, or nobody told. */
static struct word_facts not_yet(void)
{
	return (struct word_facts){.unknown = ~UINT64_C(0), .late = true};
}

/* Who names the word temperror has an answer; all else an answer that did not come leaves open. */
static struct word_facts temperror(unsigned word)
{
	return (struct word_facts){.are = word_bit(word), .unknown = ~word_bit(word)};
}

static struct word_facts look_at_spf(const struct facts *facts, const struct ruleset *rules)
{
	bool known = facts->spf_state == FACT_KNOWN;

	(void)rules;
	if (facts->spf_state == FACT_UNKNOWN || facts->spf_state == FACT_UNDER_WAY)
		return (struct word_facts){.unknown = ~UINT64_C(0),
		    .need = facts->spf_state == FACT_UNKNOWN ? NEED_SPF : 0,
		    .under_way = facts->spf_state == FACT_UNDER_WAY};
	if (!known || facts->spf.result == SPFR_TEMPERROR)
		return temperror(SPFR_TEMPERROR);
	return (struct word_facts){.are = word_bit(facts->spf.result)};
}

/* ---- DKIM ---------------------------------------------------------------------------- */

static bool has_author(const struct facts *facts)
{
	return facts->author_state == FACT_KNOWN && facts->id[IDENTITY_FROM].name.len > 0 &&
	       (facts->author == FROM_ONE || facts->author == FROM_MANY);
}

/* What a signature says here: one that leaves a part of the body out proves nothing. */
static enum dkim_result result_of(const struct dkim_signature_result *s)
{
	return s->result == DKIM_PASS && !s->body_covered ? DKIM_POLICY : s->result;
}

/* The better of two results (SPEC 3.1), by how much they may have in common with a pass. */
static enum dkim_result better(enum dkim_result a, enum dkim_result b)
{
	static const int order[] = {
	    [DKIM_NONE] = 0,
	    [DKIM_FAIL] = 1,
	    [DKIM_POLICY] = 2,
	    [DKIM_NEUTRAL] = 3,
	    [DKIM_PERMERROR] = 4,
	    [DKIM_TEMPERROR] = 5,
	    [DKIM_PASS] = 6,
	};

	return order[a] >= order[b] ? a : b;
}

/* The best of the signatures that are aligned, and of those that are or may be. */
static void best_of(const struct facts *facts, enum dkim_result *sure, enum dkim_result *perhaps)
{
	bool asked = facts->aligned_state == FACT_KNOWN;

	*sure = *perhaps = DKIM_NONE;
	for (size_t i = 0; i < facts->dkim.count; i++) {
		const struct dkim_signature_result *s = &facts->dkim.signatures[i];
		bool same = slice_equal(s->domain, facts->id[IDENTITY_FROM].name);
		bool near =
		    name_is_within(s->domain, name_last_labels(facts->id[IDENTITY_FROM].name, 1));

		if (same || (facts->aligned >> i & 1))
			*sure = better(*sure, result_of(s));
		if (same || (asked ? ((facts->aligned | facts->may_be_aligned) >> i & 1) : near))
			*perhaps = better(*perhaps, result_of(s));
	}
}

static struct word_facts look_at_dkim(const struct facts *facts, const struct ruleset *rules)
{
	enum dkim_result sure, perhaps;

	(void)rules;
	if (facts->author_state == FACT_UNKNOWN)
		return not_yet();
	if (!has_author(facts))
		return (struct word_facts){.are = 0};
	if (facts->dkim_state == FACT_UNKNOWN)
		return (struct word_facts){.unknown = ~UINT64_C(0), .need = NEED_DKIM};
	if (facts->dkim_state != FACT_KNOWN)
		return temperror(DKIM_TEMPERROR);
	best_of(facts, &sure, &perhaps);
	if (sure != perhaps)
		return (struct word_facts){.unknown = ~UINT64_C(0),
		    .need = facts->aligned_state == FACT_UNKNOWN ? NEED_ALIGNED : 0};
	return sure == DKIM_TEMPERROR ? temperror(DKIM_TEMPERROR)
				      : (struct word_facts){.are = word_bit(sure)};
}

/* ---- DMARC --------------------------------------------------------------------------- */

static struct word_facts look_at_dmarc(const struct facts *facts, const struct ruleset *rules)
{
	(void)rules;
	if (facts->author_state == FACT_UNKNOWN)
		return not_yet();
	if (!has_author(facts))
		return (struct word_facts){.are = 0};
	if (facts->dmarc_state == FACT_UNKNOWN)
		return (struct word_facts){.unknown = ~UINT64_C(0), .need = NEED_DMARC};
	if (facts->dmarc_state != FACT_KNOWN || facts->dmarc.verdict == DMARC_V_TEMPERROR)
		return temperror(DMARC_V_TEMPERROR);
	return (struct word_facts){.are = word_bit(facts->dmarc.verdict)};
}

/* ---- what the DNS says --------------------------------------------------------------- */

static const char *const domain_words[] = {
    [DOMAIN_MISSING] = "missing", [DOMAIN_NULL_MX] = "null-mx", NULL};
static const char *const reverse_words[] = {
    [REVERSE_NONE] = "none", [REVERSE_UNCONFIRMED] = "unconfirmed", NULL};

static struct word_facts look_at_answer(const struct word_fact *fact, unsigned need)
{
	if (fact->state == FACT_KNOWN)
		return (struct word_facts){.are = fact->are, .unknown = fact->unknown};
	return (struct word_facts){
	    .unknown = ~UINT64_C(0), .need = fact->state == FACT_UNKNOWN ? need : 0};
}

/* An identity that nobody has told may still come; one without a domain has nothing to look up. */
static struct word_facts look_at_domain(
    const struct identity *id, const struct word_fact *fact, unsigned need)
{
	if (id->state == FACT_UNKNOWN)
		return not_yet();
	if (id->state != FACT_KNOWN || id->name.len == 0)
		return (struct word_facts){.are = 0};
	return look_at_answer(fact, need);
}

static struct word_facts look_at_sender_domain(
    const struct facts *facts, const struct ruleset *rules)
{
	(void)rules;
	return look_at_domain(&facts->id[IDENTITY_SENDER], &facts->sender_dns, NEED_SENDER_DOMAIN);
}

static struct word_facts look_at_from_domain(const struct facts *facts, const struct ruleset *rules)
{
	(void)rules;
	if (facts->author_state == FACT_UNKNOWN)
		return not_yet();
	return look_at_domain(&facts->id[IDENTITY_FROM], &facts->from_dns, NEED_FROM_DOMAIN);
}

/* A verified name leads back.  Without one the MTA may have found none, or had no answer. */
static struct word_facts look_at_reverse(const struct facts *facts, const struct ruleset *rules)
{
	(void)rules;
	if (facts->id[IDENTITY_CLIENT_NAME].state == FACT_KNOWN || facts->client.family == IP_NONE)
		return (struct word_facts){.are = 0};
	return look_at_answer(&facts->reverse, NEED_REVERSE);
}

/* ---- the shape of HELO --------------------------------------------------------------- */

static const char *const helo_words[] = {
    [HELO_ADDRESS] = "address",
    [HELO_OURS] = "ours",
    [HELO_SINGLE_LABEL] = "single-label",
    [HELO_UNRESOLVABLE] = "unresolvable",
    NULL,
};

/* The client's own address as a literal (RFC 5321 4.1.3) is what it should say without a name. */
static bool is_own_literal(struct slice text, const struct ip *client)
{
	struct ip ip;

	text = slice_of(text.ptr + 1, text.len > 1 ? text.len - 2 : 0);
	if (slice_starts_nocase(text, SLICE("IPv6:")))
		text = slice_skip(text, strlen("IPv6:"));
	return ip_parse(text, &ip) && ip_equal(&ip, client);
}

/* A recipient domain, by this RCPT or by the configuration, or the MTA's own name. */
static bool is_ours(const struct facts *facts, const struct ruleset *rules, struct slice name)
{
	return name.len > 0 &&
	       (slice_equal(name, facts->id[IDENTITY_RECIPIENT].name) ||
		   slice_equal(name, facts->mta_name) ||
		   (rules->own_domains && name_radix_lookup(rules->own_domains, name) != 0));
}

static struct word_facts look_at_helo(const struct facts *facts, const struct ruleset *rules)
{
	const struct identity *helo = &facts->id[IDENTITY_HELO];
	struct slice text = helo->text;
	bool literal = slice_starts(text, SLICE("["));
	struct word_facts w = {.are = 0};
	struct ip ip;

	if (helo->state == FACT_UNKNOWN)
		return not_yet();
	if (helo->state != FACT_KNOWN)
		return w;
	if (literal || ip_parse(text, &ip)) {
		w.are =
		    literal && is_own_literal(text, &facts->client) ? 0 : word_bit(HELO_ADDRESS);
		return w;
	}
	if (is_ours(facts, rules, helo->name))
		w.are |= word_bit(HELO_OURS);
	if (slice_find(text, '.') == text.len)
		w.are |= word_bit(HELO_SINGLE_LABEL);
	if (helo->name.len == 0) {
		w.are |= word_bit(HELO_UNRESOLVABLE); /* nothing that the DNS could have */
	} else {
		struct word_facts dns = look_at_answer(&facts->helo_dns, NEED_HELO);

		w.are |= dns.are;
		w.unknown = dns.unknown & word_bit(HELO_UNRESOLVABLE);
		w.need = dns.need;
	}
	return w;
}

/* ---- TLS ----------------------------------------------------------------------------- */

enum { WORD_NONE, WORD_BELOW_1_2, WORD_BELOW_1_3 };

static const char *const tls_words[] = {
    [WORD_NONE] = "none",
    [WORD_BELOW_1_2] = "<1.2",
    [WORD_BELOW_1_3] = "<1.3",
    NULL,
};

static struct word_facts look_at_tls(const struct facts *facts, const struct ruleset *rules)
{
	(void)rules;
	switch (facts->tls) {
	case TLS_NONE:
		return (struct word_facts){.are = word_bit(WORD_NONE)};
	case TLS_1_0:
	case TLS_1_1:
		return (struct word_facts){
		    .are = word_bit(WORD_BELOW_1_2) | word_bit(WORD_BELOW_1_3)};
	case TLS_1_2:
		return (struct word_facts){.are = word_bit(WORD_BELOW_1_3)};
	case TLS_1_3:
		return (struct word_facts){.are = 0};
	default:
		return (struct word_facts){.unknown = ~UINT64_C(0)};
	}
}

/* ---- lists --------------------------------------------------------------------------- */

/* One list: what it says of this session. */
static void look_at_list(
    const struct facts *facts, const struct dnsbl *list, unsigned number, struct word_facts *w)
{
	bool by_address = list->of == IDENTITY_COUNT;
	const struct identity *id = by_address ? NULL : &facts->id[list->of];
	bool late = id && (id->state == FACT_UNKNOWN ||
			      (list->of == IDENTITY_FROM && facts->author_state == FACT_UNKNOWN));

	if (late) {
		w->unknown |= word_bit(number);
		w->late_words |= word_bit(number);
	} else if (by_address ? facts->client.family == IP_NONE : id->name.len == 0) {
		return;
	} else if (list->zone.len == 0) {
		w->are |= dnsbl_file_lists(list, facts) ? word_bit(number) : 0;
	} else if ((facts->lists_asked >> number & 1) == 0) {
		w->unknown |= word_bit(number);
		w->per_word |= word_bit(number);
	} else {
		w->are |= facts->lists & word_bit(number);
		w->unknown |= facts->lists_open & word_bit(number);
	}
}

static struct word_facts look_at_lists(const struct facts *facts, const struct ruleset *rules)
{
	struct word_facts w = {.are = 0};

	for (unsigned i = 0; i < rules->dnsbl_count; i++)
		look_at_list(facts, &rules->dnsbls[i], i, &w);
	return w;
}

/* ---- the rows ------------------------------------------------------------------------ */

static const struct fact_words_row rows[KEY_COUNT] = {
    [KEY_SPF] = {spf_result_words, false, look_at_spf},
    [KEY_DKIM] = {dkim_result_words, true, look_at_dkim},
    [KEY_DMARC] = {dmarc_verdict_words, true, look_at_dmarc},
    [KEY_SENDER_DOMAIN] = {domain_words, false, look_at_sender_domain},
    [KEY_FROM_DOMAIN] = {domain_words, true, look_at_from_domain},
    [KEY_REVERSE] = {reverse_words, false, look_at_reverse},
    [KEY_HELO_IS] = {helo_words, false, look_at_helo},
    [KEY_TLS] = {tls_words, false, look_at_tls},
    [KEY_LISTED] = {NULL, false, look_at_lists},
};

const struct fact_words_row *fact_words_row(unsigned key)
{
	return key < KEY_COUNT && rows[key].look ? &rows[key] : NULL;
}

struct slice fact_word(const struct ruleset *rules, unsigned key, unsigned word)
{
	const char *const *words = rows[key].words;

	if (!words)
		return word < rules->dnsbl_count ? rules->dnsbls[word].name : slice_of(NULL, 0);
	return words[word] ? slice_str(words[word]) : slice_of(NULL, 0);
}

bool fact_words_ask_author(const struct rule *rule, const struct ruleset *rules)
{
	unsigned at = KEY_LISTED - KEY_LISTS;
	uint64_t named;

	if (!rule->words)
		return false;
	named = rule->words->in[0][at] | rule->words->out[0][at] | rule->words->in[1][at] |
		rule->words->out[1][at];
	for (unsigned i = 0; i < rules->dnsbl_count; i++)
		if ((named >> i & 1) != 0 && rules->dnsbls[i].of == IDENTITY_FROM)
			return true;
	return false;
}
