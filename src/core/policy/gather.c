#include "core/policy/gather.h"

#include "core/policy/dns_facts.h"
#include "core/rules/dnsbl.h"

/* Identifiers that can be handed to DMARC: SPF's, and each signature that is looked at. */
enum { IDENTIFIERS_MAX = 1 + DKIM_VERIFIED_MAX };

struct spf_query gather_spf_query(const struct facts *facts, struct slice receiver)
{
	const struct identity *sender = &facts->id[IDENTITY_SENDER];

	return (struct spf_query){
	    .client = facts->client,
	    .helo = facts->id[IDENTITY_HELO].text,
	    .local = sender->sent,
	    .domain = sender->name,
	    .receiver = receiver,
	    .now = facts->now,
	};
}

/* A client without an address, or a sender in an address literal, has no SPF to speak of. */
static bool has_spf(const struct facts *facts)
{
	const struct identity *sender = &facts->id[IDENTITY_SENDER];

	return facts->client.family != IP_NONE &&
	       (sender->name.len > 0 || slice_equal(sender->text, SLICE("<>")));
}

static void gather_spf(const struct gather *g)
{
	struct facts *facts = g->facts;
	struct spf_query query = gather_spf_query(facts, g->receiver);

	if (facts->spf_state != FACT_UNKNOWN)
		return;
	facts->spf_state = FACT_FAILED;
	if (!has_spf(facts)) {
		facts->spf = (struct spf_answer){.result = SPFR_NONE};
		facts->spf_state = FACT_KNOWN;
	} else if (g->dns(g->env)) {
		facts->spf_state =
		    g->spf(g->env, &query, &facts->spf) ? FACT_KNOWN : FACT_UNDER_WAY;
	}
}

static void gather_dkim(const struct gather *g)
{
	struct facts *facts = g->facts;

	if (facts->dkim_state != FACT_UNKNOWN)
		return;
	facts->dkim_state = g->dkim(g->env, &facts->dkim) ? FACT_KNOWN : FACT_FAILED;
}

/* The domain that SPF spoke about as a name: a HELO comes as the client wrote it. */
static struct slice spf_name(const struct gather *g)
{
	struct spf_query query = gather_spf_query(g->facts, g->receiver);
	struct slice name;

	if (name_parse(spf_identity(&query), g->idna, g->arena, &name) != NULL)
		return slice_of(NULL, 0);
	return name;
}

static void add_identifier(struct dmarc_identifier *ids, size_t *count, enum dmarc_method method,
    enum dmarc_outcome outcome, struct slice domain)
{
	if (domain.len > 0 && *count < IDENTIFIERS_MAX)
		ids[(*count)++] = (struct dmarc_identifier){method, outcome, domain};
}

/* What SPF and DKIM authenticated, or could not decide for want of an answer. */
static size_t identifiers_of(const struct gather *g, struct dmarc_identifier *ids)
{
	const struct facts *facts = g->facts;
	struct slice spf_domain = spf_name(g);
	size_t count = 0;

	if (facts->spf_state == FACT_KNOWN && facts->spf.result == SPFR_PASS)
		add_identifier(ids, &count, DMARC_SPF, DMARC_PASSED, spf_domain);
	else if (facts->spf_state == FACT_FAILED || facts->spf.result == SPFR_TEMPERROR)
		add_identifier(ids, &count, DMARC_SPF, DMARC_TEMPERROR, spf_domain);
	for (size_t i = 0; facts->dkim_state == FACT_KNOWN && i < facts->dkim.count; i++) {
		const struct dkim_signature_result *sig = &facts->dkim.signatures[i];
		if (dkim_counts(sig))
			add_identifier(ids, &count, DMARC_DKIM, DMARC_PASSED, sig->domain);
		else if (sig->result == DKIM_TEMPERROR)
			add_identifier(ids, &count, DMARC_DKIM, DMARC_TEMPERROR, sig->domain);
	}
	return count;
}

/* Whether SPF has spoken, or may speak, for its domain. */
static bool spf_may_count(const struct facts *facts)
{
	return facts->spf_state != FACT_KNOWN || facts->spf.result == SPFR_PASS ||
	       facts->spf.result == SPFR_TEMPERROR;
}

void gather_dmarc_hints(const struct gather *g, const struct slice *authors, size_t count)
{
	const struct dns *dns = g->dns(g->env);
	struct slice spf_domain = spf_may_count(g->facts) ? spf_name(g) : slice_of(NULL, 0);

	if (!dns)
		return;
	for (size_t i = 0; i < count; i++)
		dmarc_hint_author(dns, authors[i]);
	dmarc_hint_identifier(dns, spf_domain, dmarc_nearness(spf_domain, authors, count));
}

static void gather_dmarc(const struct gather *g)
{
	struct facts *facts = g->facts;
	struct dmarc_identifier *ids = arena_calloc(g->arena, IDENTIFIERS_MAX, sizeof *ids);
	struct dmarc_query query = {.from_domain = facts->id[IDENTITY_FROM].name, .ids = ids};
	const struct dns *dns = g->dns(g->env);
	struct dns own;

	if (facts->dmarc_state != FACT_UNKNOWN)
		return;
	facts->dmarc_state = FACT_FAILED;
	if (!dns || !ids)
		return;
	gather_spf(g);
	gather_dkim(g);
	query.count = identifiers_of(g, ids);
	own = dns_open(dns, DNS_DMARC_MS, g->arena);
	dmarc_evaluate(&own, &query, g->arena, g->trace, &facts->dmarc);
	facts->dmarc_state = FACT_KNOWN;
	if (facts->dkim_state != FACT_KNOWN && facts->dmarc.verdict == DMARC_V_FAIL) {
		facts->dmarc.verdict = DMARC_V_TEMPERROR;
		facts->dmarc.may_be_aligned = true;
		facts->dmarc.why =
		    SLICE("signatures, which might have passed, could not be verified");
	}
}

/* ---- which signatures are aligned ---------------------------------------------------- */

/* The walk from a name to its organizational domain. */
static void walk(
    const struct dns *dns, struct slice name, struct arena *arena, struct dmarc_walk *out)
{
	char question[DMARC_QUESTION_MAX];

	dmarc_walk_start(out, name);
	while (out->state == DMARC_WALK_ASK) {
		struct dns_answer answer;

		dns_lookup(dns, dmarc_walk_question(out, question), DNS_TXT, arena, &answer);
		dmarc_walk_answer(out, &answer);
	}
}

/* Whether another domain than the author's is aligned with it (RFC 9989 4.4.1). */
static enum dmarc_related relate(const struct dns *dns, const struct dmarc_walk *author,
    struct slice domain, struct arena *arena)
{
	const struct dmarc_found *policy = dmarc_walk_policy(author);
	struct dmarc_walk *other = arena_calloc(arena, 1, sizeof *other);

	if ((policy && policy->record.strict_dkim) ||
	    !name_is_within(domain, dmarc_walk_highest(author)))
		return DMARC_UNRELATED;
	if (!other)
		return DMARC_RELATED_UNKNOWN;
	walk(dns, domain, arena, other);
	return dmarc_walk_compare(author, other);
}

/* Only names below the same top can be aligned; for the author's own nothing is asked. */
static void gather_aligned(const struct gather *g)
{
	struct facts *facts = g->facts;
	struct slice from = facts->id[IDENTITY_FROM].name, top = name_last_labels(from, 1);
	struct dmarc_walk *author = arena_calloc(g->arena, 1, sizeof *author);
	const struct dns *dns = g->dns(g->env);
	struct dns own;

	if (facts->aligned_state != FACT_UNKNOWN)
		return;
	facts->aligned_state = FACT_KNOWN;
	facts->aligned = 0;
	facts->may_be_aligned = ~0u;
	if (!dns || !author)
		return;
	facts->may_be_aligned = 0;
	own = dns_open(dns, DNS_DMARC_MS, g->arena);
	walk(&own, from, g->arena, author);
	for (size_t i = 0; i < facts->dkim.count; i++) {
		struct slice domain = facts->dkim.signatures[i].domain;

		if (slice_equal(domain, from) || !name_is_within(domain, top))
			continue;
		switch (relate(&own, author, domain, g->arena)) {
		case DMARC_RELATED:
			facts->aligned |= 1u << i;
			break;
		case DMARC_RELATED_UNKNOWN:
			facts->may_be_aligned |= 1u << i;
			break;
		default:
			break;
		}
	}
}

/* ---- what the DNS says --------------------------------------------------------------- */

/* Each fact waits from a purse of its own.  The client's names come first, since of these the
 * second questions hang on the first. */
static void gather_dns(const struct gather *g, unsigned need)
{
	static const unsigned order[] = {
	    NEED_REVERSE, NEED_SENDER_DOMAIN, NEED_FROM_DOMAIN, NEED_HELO};
	const struct dns *dns = g->dns(g->env);

	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct word_fact *fact = facts_of_dns(g->facts, order[i]);
		struct dns own;

		if ((need & order[i]) == 0 || fact->state != FACT_UNKNOWN)
			continue;
		fact->state = FACT_FAILED;
		if (!dns)
			continue;
		own = dns_open(dns, DNS_FACT_MS, g->arena);
		*fact = dns_facts_look(&own, g->facts, order[i], g->arena);
	}
}

/* ---- lists --------------------------------------------------------------------------- */

/* A list that is out of use, because its test points lie, is not asked: it stays open. */
static bool is_in_use(const struct gather *g, const struct dnsbl *list)
{
	return !g->list_in_use || g->list_in_use(g->env, list);
}

static void take_list(const struct gather *g, unsigned number, const struct dns *dns)
{
	const struct dnsbl *list = &g->rules->dnsbls[number];
	unsigned bit = 1u << number;
	char room[DNSBL_QUESTION_MAX];
	struct dns_answer answer;
	struct slice question;
	struct dns own;

	g->facts->lists_asked |= bit;
	if (!dnsbl_question(list, g->facts, room, &question))
		return;
	g->facts->lists_open |= bit;
	if (!dns || !is_in_use(g, list))
		return;
	own = dns_open(dns, DNS_FACT_MS, g->arena);
	dns_lookup(&own, question, DNS_A, g->arena, &answer);
	switch (dnsbl_judge(list, &answer)) {
	case DNSBL_LISTED:
		g->facts->lists |= bit;
		g->facts->lists_open &= ~bit;
		break;
	case DNSBL_NOT_LISTED:
		g->facts->lists_open &= ~bit;
		break;
	case DNSBL_ERROR:
		if (g->list_error)
			g->list_error(g->env, list);
		break;
	default:
		break;
	}
}

static void gather_lists(const struct gather *g, unsigned need)
{
	const struct dns *dns = g->dns(g->env);

	for (unsigned i = 0; i < g->rules->dnsbl_count; i++)
		if ((need & NEED_LIST(i)) != 0 && (g->facts->lists_asked >> i & 1) == 0)
			take_list(g, i, dns);
}

static void hint_lists(const struct gather *g, const struct dns *dns, unsigned need)
{
	char room[DNSBL_QUESTION_MAX];
	struct slice question;

	for (unsigned i = 0; i < g->rules->dnsbl_count; i++)
		if ((need & NEED_LIST(i)) != 0 &&
		    dnsbl_question(&g->rules->dnsbls[i], g->facts, room, &question) &&
		    is_in_use(g, &g->rules->dnsbls[i]))
			dns_hint(dns, question, DNS_A);
}

/* All questions set out before the first is waited for. */
static void hint_all(const struct gather *g, unsigned need)
{
	const struct dns *dns = g->dns(g->env);
	struct spf_query query = gather_spf_query(g->facts, g->receiver);

	if (!dns)
		return;
	if ((need & NEEDS_OF_LISTS) != 0 && g->rules)
		hint_lists(g, dns, need);
	dns_facts_hint(dns, g->facts, need);
	if ((need & NEED_SPF) != 0 && has_spf(g->facts))
		spf_hints(dns, &query);
}

void gather_facts(const struct gather *g, unsigned need)
{
	if ((need & (NEEDS_OF_DNS | NEEDS_OF_LISTS)) != 0)
		hint_all(g, need);
	if ((need & NEEDS_OF_LISTS) != 0 && g->rules)
		gather_lists(g, need);
	if (need & NEEDS_OF_DNS)
		gather_dns(g, need & NEEDS_OF_DNS);
	if (need & NEED_SPF)
		gather_spf(g);
	if (need & NEED_DKIM)
		gather_dkim(g);
	if (need & NEED_ALIGNED)
		gather_aligned(g);
	if (need & NEED_DMARC)
		gather_dmarc(g);
}
