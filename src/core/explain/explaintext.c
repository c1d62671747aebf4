#include "core/explain/explaintext.h"

#include "core/base/line.h"
#include "core/stats/decision_text.h"

#include <stdarg.h>
#include <stdio.h>

/* A page; words longer than what is left of a line stand alone on one of their own. */
enum { COLUMNS = 80, LINE_MAX_OCTETS = 2048 };

struct writer {
	void (*line)(void *context, const char *line);
	void *context;
};

/* ---- lines --------------------------------------------------------------------------- */

/* The length of the first line of text that is to be broken at a blank. */
static size_t first_line(const char *text, size_t len, size_t room)
{
	size_t cut = 0;

	if (len <= room)
		return len;
	for (size_t i = 1; i < len && (i <= room || cut == 0); i++)
		if (text[i] == ' ' && text[i - 1] != ' ')
			cut = i;
	return cut > 0 ? cut : len;
}

/* Writes text, broken into lines; those after the first are indented by `hang`. */
static void wrap(const struct writer *w, const char *text, int indent, int hang)
{
	char line[LINE_MAX_OCTETS];
	size_t len = strlen(text);
	int left = indent;

	do {
		size_t n = first_line(text, len, (size_t)(COLUMNS - left));
		snprintf(line, sizeof line, "%*s%.*s", left, "", (int)n, text);
		w->line(w->context, line);
		text += n;
		len -= n;
		while (len > 0 && *text == ' ') {
			text++;
			len--;
		}
		left = hang;
	} while (len > 0);
}

static void print(const struct writer *w, int indent, int hang, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void print(const struct writer *w, int indent, int hang, const char *format, ...)
{
	char text[LINE_MAX_OCTETS];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	wrap(w, text, indent, hang);
}

/* ---- the session --------------------------------------------------------------------- */

/* What was not said of the session: names of keys. */
static void print_session(const struct writer *w, const struct explanation *e)
{
	const struct facts *facts = &e->query->facts;
	char line[LINE_MAX_OCTETS], missing[LINE_MAX_OCTETS], ip[IP_TEXT_MAX];
	int n = 0, m = 0;

	if (facts->client.family != IP_NONE) {
		ip_format(&facts->client, ip);
		n = snprintf(line, sizeof line, "client %s", ip);
	} else {
		m = snprintf(missing, sizeof missing, "client");
	}
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		const struct identity *id = &facts->id[i];
		const char *name = identity_name((enum identity_kind)i);
		if (id->state == FACT_UNKNOWN)
			m += snprintf(
			    missing + m, sizeof missing - (size_t)m, "%s%s", m ? ", " : "", name);
		else if ((size_t)n < sizeof line)
			n += snprintf(line + n, sizeof line - (size_t)n, "%s%s %.*s", n ? ", " : "",
			    name, SLICE_ARG(id->state == FACT_KNOWN ? id->text : SLICE("(none)")));
	}
	if (n > 0)
		print(w, 0, 2, "%s", line);
	if (m > 0)
		print(w, 0, 2, "not given: %s", missing);
	if (facts->auth_state == FACT_KNOWN)
		print(w, 0, 2, "authenticated as %.*s", SLICE_ARG(facts->auth));
	if (facts->tls != TLS_UNKNOWN)
		print(w, 0, 2, "TLS %s", tls_version_name(facts->tls));
}

/* ---- rules --------------------------------------------------------------------------- */

void explain_criterion_text(
    const struct explain_criterion *c, const struct facts *facts, char out[EXPLAIN_CRITERION_MAX])
{
	const char *geo = c->geo ? " (by asn or country)" : "";
	const char *whose = c->has_identity ? identity_name(c->identity) : "";
	struct slice of = c->has_identity ? facts->id[c->identity].text : slice_of(NULL, 0);

	if (c->entry.len > 0 && c->out)
		snprintf(out, EXPLAIN_CRITERION_MAX, "no: !%.*s takes %s%s%.*s out",
		    SLICE_ARG(c->entry), c->has_identity ? whose : "it", c->has_identity ? " " : "",
		    SLICE_ARG(of));
	else if (c->entry.len > 0)
		snprintf(out, EXPLAIN_CRITERION_MAX, "yes: %.*s%s%s%s%s%.*s", SLICE_ARG(c->entry),
		    geo, c->has_identity ? " fits " : "", whose, c->has_identity ? " " : "",
		    SLICE_ARG(of));
	else if (c->truth == TRUTH_UNKNOWN)
		snprintf(out, EXPLAIN_CRITERION_MAX, "undecided");
	else
		snprintf(out, EXPLAIN_CRITERION_MAX, "no match");
}

static void print_criterion(
    const struct writer *w, const struct explanation *e, const struct explain_criterion *c)
{
	char text[EXPLAIN_CRITERION_MAX];
	const char *key = rule_key_name((enum rule_key)(c->slot & (SLOT_UNLESS - 1)));

	explain_criterion_text(c, &e->query->facts, text);
	print(w, 4, 8, "%s%s %s%s%.*s%s", c->slot < SLOT_UNLESS ? "" : "unless ", key, text,
	    c->place.len ? " (" : "", SLICE_ARG(c->place), c->place.len ? ")" : "");
}

static void print_proof(const struct writer *w, const struct rule *rule)
{
	print(w, 4, 8, "proof needed: %s%s%s",
	    rule->proof & PROOF_CLIENT_NAME ? "the verified client name is in the list" : "",
	    rule->proof == (PROOF_SPF | PROOF_CLIENT_NAME) ? ", or " : "",
	    rule->proof & PROOF_SPF ? "the sender is and SPF says pass" : "");
}

/* "[susmilter.conf:14]"; a rule that is not in the file stands for a default. */
enum { PLACE_MAX = 1040 };
static const char *place_of(const struct rule *rule, char out[PLACE_MAX])
{
	if (rule->where.file && rule->where.line > 0)
		snprintf(out, PLACE_MAX, "[%.1000s:%u]", rule->where.file, rule->where.line);
	else
		snprintf(out, PLACE_MAX, "[default]");
	return out;
}

static void print_rule(
    const struct writer *w, const struct explanation *e, const struct explain_rule *r)
{
	const struct rule *rule = r->rule;
	char place[PLACE_MAX];

	print(w, 2, 6, "%.*s %s %s", SLICE_ARG(rule->name), explain_effect_text(r->effect),
	    place_of(rule, place));
	for (size_t i = 0; i < r->count; i++)
		print_criterion(w, e, &r->criteria[i]);
	if (r->effect == EXPLAIN_UNPROVEN || r->effect == EXPLAIN_UNDECIDED)
		print_proof(w, rule);
}

static void print_family(
    const struct writer *w, const struct explanation *e, const struct explain_family *f)
{
	const char *name = family_name(f->family);

	if (f->count == 0 && f->untouched == 0)
		return;
	if (f->count == 0) {
		print(w, 0, 2, "%s: nothing fits any of %u rules", name, f->untouched);
		return;
	}
	print(w, 0, 2, "%s:", name);
	for (size_t i = 0; i < f->count; i++)
		print_rule(w, e, &f->rules[i]);
	if (f->untouched > 0)
		print(
		    w, 2, 6, "(nothing fits any of %u more rules; --all shows them)", f->untouched);
}

/* ---- authentication ------------------------------------------------------------------ */

static const char *state_text(enum fact_state state, const char *known)
{
	switch (state) {
	case FACT_KNOWN:
		return known;
	case FACT_FAILED:
		return "is needed but not known";
	case FACT_UNDER_WAY:
		return "is still being looked up";
	default:
		return "not needed";
	}
}

static void print_authentication(const struct writer *w, const struct explanation *e)
{
	static const char *const spf[] = {"off", "monitor", "unless-dkim", "reject"};
	static const char *const dmarc[] = {"off", "monitor", "quarantine", "reject", "strict"};
	const struct facts *facts = &e->query->facts;

	print(w, 0, 2, "spf (%s here): %s", spf[e->switches->spf],
	    state_text(facts->spf_state, spf_result_text(facts->spf.result)));
	if (e->switches->spf == SPF_UNLESS_DKIM)
		print(w, 0, 2, "dkim: %s",
		    state_text(facts->dkim_state,
			facts->dkim.count ? dkim_result_name(facts->dkim.signatures[0].result)
					  : "none"));
	print(w, 0, 2, "dmarc (%s here): %s", dmarc[e->switches->dmarc],
	    state_text(facts->dmarc_state, dmarc_verdict_name(facts->dmarc.verdict)));
}

/* ---- the verdict --------------------------------------------------------------------- */

static const char *reason_in_words(const struct verdict *v)
{
	switch (v->reason) {
	case REASON_NONE:
		return "no rule refuses it";
	case REASON_NOT_SMTP:
		return "not inbound: it did not come by SMTP";
	case REASON_AUTHENTICATED:
		return "not inbound: the session is authenticated";
	case REASON_TRUSTED:
		return "not inbound: the client is in trusted_networks";
	case REASON_EXEMPT:
		return "this recipient is always reachable";
	case REASON_WHITELISTED:
		return "a whitelist entry exempts it";
	default:
		return reason_name(v->reason);
	}
}

/* "reject: susranges rule \"dialup\", …": the verdict in one line. */
enum { EXPLAIN_VERDICT_MAX = 1400 };
static void verdict_line(const struct session_query *q, char out[EXPLAIN_VERDICT_MAX])
{
	const struct verdict *v = &q->verdict;
	char network[PREFIX_TEXT_MAX], place[PLACE_MAX];
	struct line l = line_start(out, EXPLAIN_VERDICT_MAX);

	line_append(&l, "%s%s: %s", decision_of(v).word,
	    q->phase == PHASE_END ? " at the end of the message" : "",
	    v->reason == REASON_RULE ? family_name(v->family) : reason_in_words(v));
	if (v->rule)
		line_append(
		    &l, ", rule %.*s %s", SLICE_ARG(v->rule->name), place_of(v->rule, place));
	if (v->has_network) {
		prefix_format(&v->network, network);
		line_append(&l, ", network %s", network);
	}
}

/* Which facts the verdict hangs on, and what would tell them. */
static void print_undecided(const struct writer *w, const struct session_query *q)
{
	static const struct {
		unsigned need;
		const char *text;
	} facts[] = {
	    {NEED_SPF, "SPF is needed but not known: give --client and --sender (and --helo for "
		       "the null sender), or --spf"},
	    {NEED_DKIM, "DKIM is needed but not known: give --message or --dkim"},
	    {NEED_DMARC, "DMARC is needed but not known: give --message or --dmarc"},
	    {NEED_ALIGNED, "which signatures are aligned is needed but not known: give --message"},
	    {NEED_SENDER_DOMAIN, "the DNS of the sender's domain is needed but not known: give "
				 "--sender-domain"},
	    {NEED_FROM_DOMAIN, "the DNS of the author's domain is needed but not known: give "
			       "--from-domain"},
	    {NEED_REVERSE,
		"the reverse name of the client is needed but not known: give --reverse"},
	    {NEED_HELO, "whether the HELO name resolves is needed but not known: give "
			"--helo-resolves"},
	};

	if (q->missing & NEEDS_OF_LISTS)
		print(w, 0, 2, "undecided: a dnsbl is needed but not known: give --listed");
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
		if (q->missing & facts[i].need)
			print(w, 0, 2, "undecided: %s", facts[i].text);
	if (q->lacks_header)
		print(w, 0, 2,
		    "undecided: the header is needed but not known: give --message or "
		    "--header");
	if (q->lacks_tls)
		print(w, 0, 2,
		    "undecided: TLS is needed but not known: give --tls (an MTA that "
		    "never gave {tls_version} leaves it open)");
	wrap(w, "without that answer the daemon would say:", 0, 2);
}

static void print_verdict(const struct writer *w, const struct explanation *e)
{
	char text[EXPLAIN_VERDICT_MAX];

	if (session_query_undecided(e->query))
		print_undecided(w, e->query);
	verdict_line(e->query, text);
	wrap(w, text, 0, 2);
	if (e->query->verdict.monitored)
		wrap(w, "monitor mode: the mail is accepted; enforced, the client would see", 0, 2);
	if (e->has_reply)
		print(w, 2, 6, "%u %s %s", e->reply.code, e->reply.xcode, e->reply.text);
}

void explain_text(
    const struct explanation *e, void (*line)(void *context, const char *line), void *context)
{
	struct writer w = {line, context};

	print_verdict(&w, e);
	line(context, "");
	print_session(&w, e);
	line(context, "");
	if (e->ruleset->settings.monitor)
		print(&w, 0, 2, "mode = \"monitor\": nothing is refused");
	for (int i = 0; i < EXPLAIN_FAMILIES; i++)
		print_family(&w, e, &e->families[i]);
	print_authentication(&w, e);
}
