#include "core/auth/dmarc.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>

/* Longer steps are cut: a record may have 64 KiB, a line for people has not. */
#define STEP_MAX 700

/* Answers of this message, so that walks that meet ask no name twice. */
struct known {
	struct known *next;
	struct slice domain;
	struct dns_answer answer;
};

struct evaluation {
	const struct dns *dns;
	const struct dmarc_query *query;
	struct arena *arena;
	const struct dmarc_trace *trace;
	struct dmarc_result *out;
	struct known *known;
	struct dmarc_walk author; /* the walk from the author domain, as far as it was needed */
	struct slice missing;     /* the first domain whose needed answer did not come, or empty */
};

const char *const dmarc_verdict_words[] = {"none", "pass", "fail", "temperror", "permerror", NULL};

const char *dmarc_verdict_name(enum dmarc_verdict verdict)
{
	return dmarc_verdict_words[verdict];
}

const char *dmarc_method_name(enum dmarc_method method)
{
	return method == DMARC_SPF ? "SPF" : "DKIM";
}

/* ---- what people read ---------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(
    const struct evaluation *e, const char *format, ...)
{
	char line[STEP_MAX];
	va_list args;

	if (!e->trace)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	e->trace->step(e->trace->self, slice_str(line));
}

static void say_answer(
    const struct evaluation *e, struct slice question, const struct dns_answer *answer)
{
	static const char *const nothing[] = {
	    [DNS_NODATA] = "no TXT record",
	    [DNS_NXDOMAIN] = "no such name",
	    [DNS_TEMP] = "no answer",
	    [DNS_BADNAME] = "cannot be asked for, it is too long",
	};
	struct dmarc_record record;
	char text[STEP_MAX];
	size_t records = 0;

	if (!e->trace)
		return;
	if (answer->status != DNS_OK) {
		say(e, "%.*s: %s", SLICE_ARG(question), nothing[answer->status]);
		return;
	}
	for (size_t i = 0; i < answer->count; i++)
		if (dmarc_record_parse(answer->records[i].data, &record)) {
			records++;
			say(e, "%.*s: %s", SLICE_ARG(question),
			    text_shown_ascii(record.text, text, sizeof text));
		}
	if (records == 0)
		say(e, "%.*s: TXT, but no DMARC record", SLICE_ARG(question));
	if (records > 1)
		say(e, "%.*s: several DMARC records, all discarded", SLICE_ARG(question));
}

/* ---- asking -------------------------------------------------------------------------- */

void dmarc_hint(const struct dns *dns, struct slice domain)
{
	static const struct dns_answer nothing = {.status = DNS_NXDOMAIN};
	char text[DMARC_QUESTION_MAX];
	struct dmarc_walk walk;

	for (dmarc_walk_start(&walk, domain); walk.state == DMARC_WALK_ASK;
	     dmarc_walk_answer(&walk, &nothing))
		dns_hint(dns, dmarc_walk_question(&walk, text), DNS_TXT);
}

void dmarc_hint_author(const struct dns *dns, struct slice domain)
{
	dmarc_hint(dns, domain);
	dns_hint(dns, domain, DNS_A);
}

void dmarc_hint_identifier(const struct dns *dns, struct slice domain, enum dmarc_nearness nearness)
{
	if (nearness != DMARC_SAME && nearness != DMARC_FAR)
		dmarc_hint(dns, domain);
}

static const struct dns_answer *answer_for(struct evaluation *e, const struct dmarc_walk *walk)
{
	static const struct dns_answer out_of_memory = {.status = DNS_TEMP};
	char text[DMARC_QUESTION_MAX];
	struct slice question;
	struct known *k;

	for (k = e->known; k; k = k->next)
		if (slice_equal(k->domain, walk->target))
			return &k->answer;
	k = arena_alloc(e->arena, sizeof *k);
	if (!k)
		return &out_of_memory;
	question = dmarc_walk_question(walk, text);
	dns_lookup(e->dns, question, DNS_TXT, e->arena, &k->answer);
	say_answer(e, question, &k->answer);
	k->domain = walk->target;
	k->next = e->known;
	e->known = k;
	return &k->answer;
}

static void miss(struct evaluation *e, struct slice domain)
{
	if (e->missing.len == 0)
		e->missing = domain;
}

/* Walks to the end, past levels that give no answer. */
static void finish(struct evaluation *e, struct dmarc_walk *walk)
{
	struct slice organization;

	if (walk->state != DMARC_WALK_ASK)
		return;
	while (walk->state == DMARC_WALK_ASK)
		dmarc_walk_answer(walk, answer_for(e, walk));
	organization = dmarc_walk_organization(walk);
	say(e, "%.*s: organizational domain %.*s%s", SLICE_ARG(walk->start),
	    SLICE_ARG(organization),
	    walk->first_missing.len ? ", as far as there are answers" : "");
}

/* ---- policy discovery (RFC 9989 4.10.1) ---------------------------------------------- */

/* False when there is nothing more to do: no policy, none that can be used, or no answer. */
static bool discover(struct evaluation *e)
{
	struct dmarc_result *out = e->out;
	const struct dmarc_found *found;

	dmarc_hint_author(e->dns, e->query->from_domain);
	dmarc_walk_start(&e->author, e->query->from_domain);
	if (e->author.state == DMARC_WALK_ASK)
		dmarc_walk_answer(&e->author, answer_for(e, &e->author));
	if (e->author.found_count == 0)
		finish(e, &e->author);
	found = dmarc_walk_policy(&e->author);
	if (!found) {
		miss(e, e->author.first_missing);
		return false;
	}
	out->policy_domain = found->domain;
	out->record = found->record;
	if (found->record.unusable)
		out->verdict = DMARC_V_PERMERROR;
	return !found->record.unusable;
}

/*
 * np is for names that do not exist (3.2.13, RFC 8020); asked only where it makes a difference.
 * Without an answer the stricter one counts: a sender can choose a name that never gets one.
 */
static enum dmarc_policy policy_below(struct evaluation *e, const struct dmarc_record *r)
{
	static const char *const existence[] = {
	    [DNS_NXDOMAIN] = "does not exist",
	    [DNS_TEMP] = "may exist, no answer",
	};
	struct slice domain = e->query->from_domain;
	enum dmarc_policy policy = r->sp;
	struct dns_answer answer;

	if (r->np == r->sp)
		return r->sp;
	dns_lookup(e->dns, domain, DNS_A, e->arena, &answer);
	if (answer.status == DNS_TEMP) {
		miss(e, domain);
		policy = r->np > r->sp ? r->np : r->sp;
	} else if (answer.status == DNS_NXDOMAIN) {
		policy = r->np;
	}
	say(e, "%.*s %s: the policy is %s", SLICE_ARG(domain),
	    answer.status == DNS_NXDOMAIN || answer.status == DNS_TEMP ? existence[answer.status]
								       : "exists",
	    dmarc_policy_name(policy));
	return policy;
}

static void choose_policy(struct evaluation *e)
{
	struct dmarc_result *out = e->out;
	const struct dmarc_record *r = &out->record;
	bool is_own = slice_equal(out->policy_domain, e->query->from_domain);

	out->published = is_own ? r->p : policy_below(e, r);
	out->policy = out->published;
	if (r->testing && out->policy > DMARC_P_NONE)
		out->policy--;
}

/* ---- alignment (RFC 9989 4.10.2) ----------------------------------------------------- */

static enum dmarc_nearness nearness_to(struct slice domain, struct slice author)
{
	if (domain.len == 0 || author.len == 0)
		return DMARC_FAR;
	if (slice_equal(domain, author))
		return DMARC_SAME;
	if (name_is_within(domain, author) || name_is_within(author, domain))
		return DMARC_ABOVE_OR_BELOW;
	return name_is_within(domain, name_last_labels(author, 2)) ? DMARC_BESIDE : DMARC_FAR;
}

enum dmarc_nearness dmarc_nearness(struct slice domain, const struct slice *authors, size_t count)
{
	enum dmarc_nearness nearest = DMARC_FAR;

	for (size_t i = 0; i < count; i++) {
		enum dmarc_nearness near = nearness_to(domain, authors[i]);
		if (near < nearest)
			nearest = near;
	}
	return nearest;
}

static bool is_strict(const struct evaluation *e, const struct dmarc_identifier *id)
{
	return id->method == DMARC_SPF ? e->out->record.strict_spf : e->out->record.strict_dkim;
}

/*
 * Whether a walk could show this identifier to be aligned.  An organizational domain is the name
 * itself or above it; so nothing outside the author's can share it, and as long as that is not
 * known, nothing under another top-level domain.
 */
static bool may_align(const struct evaluation *e, const struct dmarc_identifier *id)
{
	struct slice author = e->query->from_domain;

	if (is_strict(e, id))
		return false;
	if (e->author.state == DMARC_WALK_DONE)
		return name_is_within(id->domain, dmarc_walk_highest(&e->author));
	return name_is_within(id->domain, name_last_labels(author, 1));
}

/* Relaxed alignment of two different names, by a walk from each; the author's may tell that the
 * other is not needed. */
static enum dmarc_related relate(struct evaluation *e, const struct dmarc_identifier *id)
{
	enum dmarc_related related;
	struct dmarc_walk walk;

	if (!may_align(e, id))
		return DMARC_UNRELATED;
	finish(e, &e->author);
	if (!may_align(e, id))
		return DMARC_UNRELATED;
	dmarc_hint(e->dns, id->domain);
	dmarc_walk_start(&walk, id->domain);
	finish(e, &walk);
	related = dmarc_walk_compare(&e->author, &walk);
	e->out->may_be_aligned |= related == DMARC_RELATED_UNKNOWN;
	if (related == DMARC_RELATED_UNKNOWN)
		miss(e, walk.first_missing.len ? walk.first_missing : e->author.first_missing);
	return related;
}

static void say_alignment(
    const struct evaluation *e, const struct dmarc_identifier *id, const char *how)
{
	say(e, "%s %s for %.*s: %s", dmarc_method_name(id->method),
	    id->outcome == DMARC_PASSED ? "pass" : "temperror", SLICE_ARG(id->domain), how);
}

static bool is_aligned(struct evaluation *e, const struct dmarc_identifier *id)
{
	static const char *const words[] = {
	    [DMARC_UNRELATED] = "not aligned",
	    [DMARC_RELATED] = "aligned, same organizational domain",
	    [DMARC_RELATED_UNKNOWN] = "may be aligned, an answer is missing",
	};
	enum dmarc_related related = relate(e, id);

	say_alignment(e, id, is_strict(e, id) ? "not aligned (strict)" : words[related]);
	return related == DMARC_RELATED;
}

/* The first identifier of this outcome that aligns: identical ones first, they need no question. */
static const struct dmarc_identifier *find_aligned(struct evaluation *e, enum dmarc_outcome outcome)
{
	const struct dmarc_query *q = e->query;

	for (size_t i = 0; i < q->count; i++)
		if (q->ids[i].outcome == outcome && slice_equal(q->ids[i].domain, q->from_domain)) {
			say_alignment(e, &q->ids[i], "aligned, the author domain itself");
			return &q->ids[i];
		}
	for (size_t i = 0; i < q->count; i++)
		if (q->ids[i].outcome == outcome && is_aligned(e, &q->ids[i]))
			return &q->ids[i];
	return NULL;
}

/* ---- verdict ------------------------------------------------------------------------- */

/* Whether a level without an answer may hold the author's policy; its own record is that in any
 * case. */
static bool is_policy_open(const struct evaluation *e)
{
	return e->author.first_missing.len > 0 &&
	       !slice_equal(e->out->policy_domain, e->query->from_domain);
}

/* Pass first: an answer that is missing elsewhere was then not needed (5.3.5, 5.3.6). */
static void judge(struct evaluation *e)
{
	struct dmarc_result *out = e->out;
	const struct dmarc_identifier *open;

	out->aligned = find_aligned(e, DMARC_PASSED);
	if (out->aligned) {
		choose_policy(e);
		out->verdict = DMARC_V_PASS;
		return;
	}
	open = find_aligned(e, DMARC_TEMPERROR);
	out->may_be_aligned |= open != NULL;
	if (open)
		miss(e, open->domain);
	if (is_policy_open(e))
		miss(e, e->author.first_missing);
	choose_policy(e);
	out->verdict = e->missing.len ? DMARC_V_TEMPERROR : DMARC_V_FAIL;
}

static struct slice reason(const struct evaluation *e)
{
	const struct dmarc_result *out = e->out;
	struct slice author = e->query->from_domain;

	switch (out->verdict) {
	case DMARC_V_PASS:
		return arena_printf(e->arena, "%s passed for %.*s, which is aligned with %.*s",
		    dmarc_method_name(out->aligned->method), SLICE_ARG(out->aligned->domain),
		    SLICE_ARG(author));
	case DMARC_V_FAIL:
		return arena_printf(
		    e->arena, "neither SPF nor DKIM passed aligned with %.*s", SLICE_ARG(author));
	case DMARC_V_TEMPERROR:
		return arena_printf(e->arena,
		    "a DNS answer that is needed to judge %.*s did not come (at %.*s)",
		    SLICE_ARG(author), SLICE_ARG(e->missing));
	case DMARC_V_PERMERROR:
		return arena_printf(e->arena, "the DMARC record of %.*s is of no use: %s",
		    SLICE_ARG(out->policy_domain), out->record.unusable);
	case DMARC_V_NONE:
		break;
	}
	return arena_printf(
	    e->arena, "neither %.*s nor a name above it has a DMARC record", SLICE_ARG(author));
}

void dmarc_evaluate(const struct dns *dns, const struct dmarc_query *query, struct arena *arena,
    const struct dmarc_trace *trace, struct dmarc_result *out)
{
	struct evaluation e = {
	    .dns = dns, .query = query, .arena = arena, .trace = trace, .out = out};

	*out = (struct dmarc_result){.verdict = DMARC_V_NONE};
	if (discover(&e))
		judge(&e);
	else if (e.missing.len)
		*out = (struct dmarc_result){
		    .verdict = DMARC_V_TEMPERROR, .may_be_aligned = query->count > 0};
	if (out->policy_domain.len && e.author.state == DMARC_WALK_DONE)
		out->org_domain = dmarc_walk_organization(&e.author);
	out->why = reason(&e);
	say(&e, "%s: %.*s", dmarc_verdict_name(out->verdict), SLICE_ARG(out->why));
}
