#include "core/change/replay_outcome.h"

#include "core/rules/fact_words.h"

/* ---- facts --------------------------------------------------------------------------- */

struct identity replay_address(
    enum fact_state state, struct slice text, const struct idna *idna, struct arena *arena)
{
	struct address a;

	if (state != FACT_KNOWN)
		return (struct identity){.state = state};
	/* Without a local part it would be no address. */
	if (text.len > 1 && text.ptr[0] == '@')
		text = arena_printf(arena, "~%.*s", SLICE_ARG(text));
	address_parse(text, idna, arena, &a);
	return identity_of_address(&a);
}

struct identity replay_name(
    enum fact_state state, struct slice text, const struct idna *idna, struct arena *arena)
{
	if (state != FACT_KNOWN)
		return (struct identity){.state = state};
	return identity_of_name(text, idna, arena);
}

/* Without an author's address the identity is his domain (core/rules/facts.h). */
static struct identity author_of(
    const struct decision_row *row, const struct idna *idna, struct arena *arena)
{
	struct slice text = row->text[ROW_FROM];
	bool address = slice_find_last(text, '@') < text.len;

	return address ? replay_address(row->state[IDENTITY_FROM], text, idna, arena)
		       : replay_name(row->state[IDENTITY_FROM], text, idna, arena);
}

bool replay_facts(const struct decision_row *row, int64_t now, const struct idna *idna,
    struct arena *arena, struct facts *out)
{
	struct dkim_signature_result *signatures =
	    arena_calloc(arena, DKIM_VERIFIED_MAX, sizeof *signatures);

	if (!signatures)
		return false;
	decision_row_facts(row, signatures, out);
	out->now = now;
	for (int i = 0; i < 2; i++) {
		static const enum identity_kind names[] = {IDENTITY_CLIENT_NAME, IDENTITY_HELO};

		out->id[names[i]] =
		    replay_name(row->state[names[i]], row->text[names[i]], idna, arena);
	}
	out->id[IDENTITY_SENDER] =
	    replay_address(row->state[IDENTITY_SENDER], row->text[ROW_SENDER], idna, arena);
	out->id[IDENTITY_RECIPIENT] =
	    replay_address(row->state[IDENTITY_RECIPIENT], row->text[ROW_RECIPIENT], idna, arena);
	out->id[IDENTITY_FROM] = author_of(row, idna, arena);
	/* Where there was a policy, there was a record; rules ask no more of its domain. */
	if (row->dmarc == DMARC_V_PASS || row->dmarc == DMARC_V_FAIL ||
	    (row->dmarc == DMARC_V_TEMPERROR &&
		(row->dmarc_may_be_aligned || row->dmarc_policy != DMARC_P_NONE)))
		out->dmarc.policy_domain = out->id[IDENTITY_FROM].name;
	/* It came late then, and is there now. */
	if (out->spf_state == FACT_UNDER_WAY)
		out->spf_state = FACT_UNKNOWN;
	return !arena_failed(arena);
}

/* ---- facts that nobody recorded ------------------------------------------------------ */

/* What SPF may say. */
static const struct {
	enum fact_state state;
	enum spf_result result;
	bool sends_no_mail;
} spf_values[] = {
    {FACT_KNOWN, SPFR_NONE, false},
    {FACT_KNOWN, SPFR_NEUTRAL, false},
    {FACT_KNOWN, SPFR_PASS, false},
    {FACT_KNOWN, SPFR_FAIL, false},
    {FACT_KNOWN, SPFR_FAIL, true},
    {FACT_KNOWN, SPFR_SOFTFAIL, false},
    {FACT_KNOWN, SPFR_TEMPERROR, false},
    {FACT_KNOWN, SPFR_PERMERROR, false},
};

/* What DMARC may say; found: there is a record. */
static const struct {
	enum dmarc_verdict verdict;
	bool found;
	enum dmarc_policy policy;
	bool may_be_aligned;
} dmarc_values[] = {
    {DMARC_V_NONE, false, DMARC_P_NONE, false},
    {DMARC_V_PASS, true, DMARC_P_REJECT, false},
    {DMARC_V_FAIL, true, DMARC_P_NONE, false},
    {DMARC_V_FAIL, true, DMARC_P_QUARANTINE, false},
    {DMARC_V_FAIL, true, DMARC_P_REJECT, false},
    {DMARC_V_TEMPERROR, false, DMARC_P_NONE, false},
    {DMARC_V_TEMPERROR, true, DMARC_P_REJECT, false},
    {DMARC_V_TEMPERROR, true, DMARC_P_REJECT, true},
    {DMARC_V_PERMERROR, false, DMARC_P_NONE, false},
};

/* Of signatures those of the author's own domain count, and others below the same top, of which
 * DMARC is asked. */
enum { DKIM_NO_SIGNATURE, DKIM_OF_AUTHOR, DKIM_NEAR, DKIM_NO_ANSWER, DKIM_VALUES };

#define COUNT(array) (sizeof(array) / sizeof *(array))

struct replay {
	const struct ruleset *before, *after;
	enum phase phase;
	struct replay_outcome out;
	bool any; /* a value was tried */
	bool same, differs;
};

static void try_values(struct replay *, struct facts *);

static void try_spf(struct replay *r, struct facts *f)
{
	for (size_t i = 0; i < COUNT(spf_values); i++) {
		f->spf_state = spf_values[i].state;
		f->spf = (struct spf_answer){
		    .result = spf_values[i].result, .sends_no_mail = spf_values[i].sends_no_mail};
		try_values(r, f);
	}
	f->spf_state = FACT_UNKNOWN;
}

static void try_dkim(struct replay *r, struct facts *f)
{
	struct slice author = f->id[IDENTITY_FROM].name;

	for (int i = 0; i < DKIM_VALUES; i++) {
		const struct dkim_signature_result signature = {.result = DKIM_PASS,
		    .domain = i == DKIM_NEAR ? name_last_labels(author, 1) : author,
		    .body_covered = true};

		f->dkim_state = i == DKIM_NO_ANSWER ? FACT_FAILED : FACT_KNOWN;
		f->dkim = (struct dkim_answer){
		    .signatures = &signature, .count = i == DKIM_OF_AUTHOR || i == DKIM_NEAR};
		try_values(r, f);
	}
	f->dkim_state = FACT_UNKNOWN;
	f->dkim = (struct dkim_answer){.count = 0};
}

static void try_dmarc(struct replay *r, struct facts *f)
{
	for (size_t i = 0; i < COUNT(dmarc_values); i++) {
		f->dmarc_state = FACT_KNOWN;
		f->dmarc = (struct dmarc_result){.verdict = dmarc_values[i].verdict,
		    .policy_domain =
			dmarc_values[i].found ? f->id[IDENTITY_FROM].name : slice_of(NULL, 0),
		    .published = dmarc_values[i].policy,
		    .policy = dmarc_values[i].policy,
		    .may_be_aligned = dmarc_values[i].may_be_aligned};
		try_values(r, f);
	}
	f->dmarc_state = FACT_UNKNOWN;
}

static void try_aligned(struct replay *r, struct facts *f)
{
	f->aligned_state = FACT_KNOWN;
	for (int i = 0; i < 3; i++) {
		f->aligned = i == 1 ? ~0u : 0;
		f->may_be_aligned = i == 2 ? ~0u : 0;
		try_values(r, f);
	}
	f->aligned_state = FACT_UNKNOWN;
}

/* No history has what the DNS said: one word, the other, neither, or no answer. */
static void try_dns(struct replay *r, struct facts *f, unsigned need)
{
	struct word_fact *fact = facts_of_dns(f, need & -need);
	static const unsigned helo[] = {0, 1u << HELO_UNRESOLVABLE};
	static const unsigned others[] = {0, 1, 2};
	bool of_helo = (need & -need) == NEED_HELO;

	fact->state = FACT_KNOWN;
	for (size_t i = 0; i < (of_helo ? COUNT(helo) : COUNT(others)); i++) {
		fact->are = of_helo ? helo[i] : others[i];
		try_values(r, f);
	}
	*fact = (struct word_fact){.state = FACT_FAILED};
	try_values(r, f);
	fact->state = FACT_UNKNOWN;
}

/* It lists, does not, or has no answer. */
static void try_list(struct replay *r, struct facts *f, unsigned need)
{
	unsigned bit = (need & -need) / NEED_LIST(0);

	f->lists_asked |= bit;
	for (int i = 0; i < 3; i++) {
		f->lists = i == 1 ? f->lists | bit : f->lists & ~bit;
		f->lists_open = i == 2 ? f->lists_open | bit : f->lists_open & ~bit;
		try_values(r, f);
	}
	f->lists_asked &= ~bit;
	f->lists_open &= ~bit;
}

/* ---- two verdicts -------------------------------------------------------------------- */

/* Whether a rule was passed over, or put the mail off, for want of a fact that nobody recorded,
 * such as the header.  One of monitor mode changes nobody's fate. */
static bool is_open(const struct verdict *v)
{
	return v->open && (policy_effect(v) == ACTION_ACCEPT || v->reason == REASON_UNDECIDED);
}

static enum outcome_kind outcome_of(const struct verdict *v)
{
	enum action action = policy_effect(v);

	if (is_open(v))
		return OUTCOME_UNKNOWN;
	return action == ACTION_REJECT || action == ACTION_TEMPFAIL ? OUTCOME_REFUSED
								    : OUTCOME_PASS;
}

static void add_outcome(enum outcome_kind *of_all, enum outcome_kind of_this, bool first)
{
	*of_all = first || *of_all == of_this ? of_this : OUTCOME_UNKNOWN;
}

static bool asks_facts(const struct rule *rule)
{
	return ((rule->keys | rule->unless) & ~(unsigned)KEYS_OF_LISTS) != 0;
}

static bool has_same_headers(const struct ruleset *a, const struct rule *one,
    const struct ruleset *b, const struct rule *other)
{
	if (one->headers != other->headers)
		return false;
	for (unsigned i = 0; i < one->headers; i++) {
		const struct header_test *s = &a->headers[one->headers_from + i],
					 *t = &b->headers[other->headers_from + i];

		if (s->slot != t->slot || !slice_equal(s->text, t->text))
			return false;
	}
	return true;
}

static bool has_same_words(const struct rule *one, const struct rule *other)
{
	return one->words && other->words
		   ? memcmp(one->words, other->words, sizeof *one->words) == 0
		   : one->words == other->words;
}

static const struct rule *next_asking(const struct ruleset *rules, int64_t now, unsigned *at)
{
	while (*at < rules->rule_count &&
	       (!asks_facts(&rules->rules[*at]) || rule_is_inert(&rules->rules[*at], now)))
		++*at;
	return *at < rules->rule_count ? &rules->rules[(*at)++] : NULL;
}

static bool has_same_answers(const struct dnsbl *a, const struct dnsbl *b)
{
	if (a->answer_count != b->answer_count)
		return false;
	for (size_t i = 0; i < a->answer_count; i++)
		if (!ip_equal(&a->answers[i].first, &b->answers[i].first) ||
		    !ip_equal(&a->answers[i].last, &b->answers[i].last))
			return false;
	return true;
}

static bool is_same_list(const struct dnsbl *a, const struct dnsbl *b)
{
	return slice_equal(a->name, b->name) && slice_equal(a->zone, b->zone) && a->of == b->of &&
	       a->content == b->content && has_same_answers(a, b);
}

/* Whether the lists in the DNS are the same; without any it does not matter where they would be. */
static bool has_same_lists(const struct ruleset *a, const struct ruleset *b)
{
	if (a->dnsbl_count != b->dnsbl_count)
		return false;
	for (unsigned i = 0; i < a->dnsbl_count; i++)
		if (!is_same_list(&a->dnsbls[i], &b->dnsbls[i]))
			return false;
	return true;
}

bool replay_ask_alike(const struct ruleset *a, const struct ruleset *b, int64_t now)
{
	const struct rule *one, *other;
	unsigned i = 0, j = 0;

	if (a == b)
		return true;
	if (!has_same_lists(a, b))
		return false;
	do {
		one = next_asking(a, now, &i);
		other = next_asking(b, now, &j);
		if (!one || !other)
			return one == other;
	} while (slice_equal(one->name, other->name) && one->family == other->family &&
		 one->keys == other->keys && one->unless == other->unless &&
		 one->applies == other->applies &&
		 one->undecided_tempfail == other->undecided_tempfail &&
		 has_same_words(one, other) && has_same_headers(a, one, b, other));
	return false;
}

/* Two outcomes of which one is open differ, or not. */
static void compare(struct replay *r, enum outcome_kind one, enum outcome_kind other, int64_t now)
{
	bool open = one == OUTCOME_UNKNOWN || other == OUTCOME_UNKNOWN;
	bool alike = one == other && (!open || replay_ask_alike(r->before, r->after, now));

	r->same |= alike || open;
	r->differs |= !alike;
}

/* Decides, and where a verdict needs a fact, decides for each value of it. */
static void try_values(struct replay *r, struct facts *f)
{
	struct verdict before = policy_decide(r->before, f, r->phase),
		       after = policy_decide(r->after, f, r->phase);
	unsigned need = (before.kind == VERDICT_NEED ? before.need : 0) |
			(after.kind == VERDICT_NEED ? after.need : 0);
	enum outcome_kind one, other;

	if (need & NEED_SPF) {
		try_spf(r, f);
	} else if (need & NEED_DKIM) {
		try_dkim(r, f);
	} else if (need & NEED_DMARC) {
		try_dmarc(r, f);
	} else if (need & NEED_ALIGNED) {
		try_aligned(r, f);
	} else if (need & NEEDS_OF_DNS) {
		try_dns(r, f, need & NEEDS_OF_DNS);
	} else if (need & NEEDS_OF_LISTS) {
		try_list(r, f, need & NEEDS_OF_LISTS);
	} else {
		one = outcome_of(&before);
		other = outcome_of(&after);
		add_outcome(&r->out.before, one, !r->any);
		add_outcome(&r->out.after, other, !r->any);
		compare(r, one, other, f->now);
		r->any = true;
		r->out.before_verdict = before;
		r->out.after_verdict = after;
	}
}

struct replay_outcome replay_decide(const struct ruleset *before, const struct ruleset *after,
    const struct facts *facts, enum phase phase)
{
	struct replay r = {.before = before, .after = after, .phase = phase};
	struct facts f = *facts;

	try_values(&r, &f);
	r.out.changed = !r.differs ? CHANGED_NO : r.same ? CHANGED_UNKNOWN : CHANGED_YES;
	return r.out;
}
