#include "config_rule_parser.h"

static void warn(const struct rule_parser *p, const char *what)
{
	diag_warning(p->load->diag, p->rule.where, "\"%.*s\" %s", SLICE_ARG(p->rule.name), what);
}

/* ---- never --------------------------------------------------------------------------- */

/* What `!` takes out of nothing leaves nothing. */
static void warn_only_out(const struct rule_parser *p)
{
	for (unsigned slot = 0; slot < SLOT_UNLESS + KEY_COUNT; slot++) {
		if (p->found[slot] != FOUND_OUT)
			continue;
		diag_warning(p->load->diag, p->rule.where, "%s of \"%.*s\" only takes out (!): %s",
		    rule_key_name((enum rule_key)(slot & (SLOT_UNLESS - 1))),
		    SLICE_ARG(p->rule.name),
		    slot >= SLOT_UNLESS ? "it exempts nobody" : "the rule never matches");
	}
}

static void warn_idle_whitelist(const struct rule_parser *p)
{
	if (p->rule.monitor)
		warn(p, "is in monitor mode: a whitelist on trial exempts nobody");
	if (p->rule.proof == PROOF_SPF && p->rule.covers == 1u << FAMILY_SPF)
		warn(p, "never acts: what SPF proves is nothing that SPF refuses");
}

/* ---- late ---------------------------------------------------------------------------- */

/* True when nothing but the header can settle it. */
static bool waits_for_author(unsigned keys, unsigned in)
{
	return (keys & (1u << KEY_FROM | KEYS_OF_HEADERS)) != 0 ||
	       ((keys & 1u << KEY_DOMAINS) != 0 && in == 1u << IDENTITY_FROM);
}

/* True when what the message shows may exempt. */
static bool exempts_late(const struct rule *rule)
{
	return (rule->unless & (1u << KEY_FROM | KEYS_OF_HEADERS)) != 0 ||
	       ((rule->unless & 1u << KEY_DOMAINS) != 0 &&
		   (rule->unless_in & 1u << IDENTITY_FROM) != 0);
}

static void warn_late_of(const struct rule_parser *p, const char *what)
{
	bool header = ((p->rule.keys | p->rule.unless) & KEYS_OF_HEADERS) != 0;

	diag_warning(p->load->diag, p->rule.where,
	    "\"%.*s\" asks for the %s, known at the end of the message only: it %s",
	    SLICE_ARG(p->rule.name), header ? "header" : "author (from)", what);
}

/*
 * The author is known at the end of the message only (SPEC 4): until then a whitelist entry that
 * asks for it exempts nobody, and a rule that it may exempt from refuses nobody.  Blocks on the
 * author are meant like that.
 */
static void warn_late(const struct rule_parser *p)
{
	const struct rule *rule = &p->rule;
	const unsigned at_rcpt = 1u << FAMILY_SUSRANGES | 1u << FAMILY_SPF;
	bool author = waits_for_author(rule->keys, rule->in);
	bool unless = exempts_late(rule);

	if (rule->family == FAMILY_WHITELIST && (author || unless)) {
		if ((rule->covers & at_rcpt) != 0)
			warn_late_of(p, "exempts nothing that is refused at RCPT");
	} else if (author ? rule->family == FAMILY_SUSRANGES : unless) {
		warn_late_of(p, "refuses nothing at RCPT");
	}
}

/*
 * Whoever breaks his own DNS leaves such an `unless` undecided, and the rule is passed over: it
 * refuses only those whose DNS works.
 */
static void warn_undecided(const struct rule_parser *p)
{
	const unsigned of_sender = 1u << KEY_SPF | 1u << KEY_DKIM | 1u << KEY_DMARC |
				   1u << KEY_SENDER_DOMAIN | 1u << KEY_FROM_DOMAIN |
				   1u << KEY_REVERSE;

	if ((p->rule.unless & of_sender) == 0 || p->rule.undecided_tempfail ||
	    p->rule.family == FAMILY_WHITELIST)
		return;
	warn(p, "exempts by DNS of the sender, who can have it fail: the rule is then passed over; "
		"with undecided = \"tempfail\" such mail is put off instead");
}

/* The same of results and of the author's domain. */
static void warn_late_facts(const struct rule_parser *p)
{
	const struct rule *rule = &p->rule;
	const unsigned at_rcpt = 1u << FAMILY_SUSRANGES | 1u << FAMILY_SPF;
	const unsigned late = 1u << KEY_DKIM | 1u << KEY_DMARC | 1u << KEY_FROM_DOMAIN;
	bool whitelist = rule->family == FAMILY_WHITELIST;

	if (whitelist && ((rule->keys | rule->unless) & late) != 0 && (rule->covers & at_rcpt) != 0)
		warn(p, "asks for dkim, dmarc or from_domain, known at the end of the message "
			"only: it exempts nothing that is refused at RCPT");
	if (!whitelist && (rule->unless & late) != 0 && (rule->keys & late) == 0 &&
	    !waits_for_author(rule->keys, rule->in))
		warn(p, "asks for dkim, dmarc or from_domain in its unless, known at the end of "
			"the message only: it refuses nothing at RCPT");
}

/* Not at RCPT, where the policy protocol ends (SPEC 9). */
static bool is_asked_at_the_end(const struct rule *rule)
{
	return waits_for_author(rule->keys, rule->in) || exempts_late(rule) ||
	       (rule->late && !rule_mentions_from(rule));
}

void load_warn_policy(struct load *load, const struct ruleset *rules)
{
	const struct settings *s = &load->settings;
	struct origin where = {load->config->path, 0};

	if (load->config->policy_socket[0] == '\0')
		return;
	if (s->defaults.spf == SPF_UNLESS_DKIM)
		diag_warning(load->diag, where,
		    "policy.socket does not show the message: through it spf.fail = "
		    "\"unless-dkim\" counts as \"monitor\"");
	if (s->defaults.dmarc != DMARC_OFF)
		diag_warning(load->diag, where,
		    "policy.socket does not show the message: DMARC is judged by the milter only");
	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (is_asked_at_the_end(rule))
			diag_warning(load->diag, rule->where,
			    "\"%.*s\" looks at the message, which policy.socket does not show: "
			    "only the milter asks it",
			    SLICE_ARG(rule->name));
	}
}

/* What says nothing in the sessions that the rule is for. */
static void warn_sessions(const struct rule_parser *p)
{
	if (p->rule.applies == APPLIES_BOTH && (p->rule.keys & 1u << KEY_LOGIN) != 0)
		warn(p, "asks for a login, which inbound mail never has: applies = "
			"\"authenticated\" says the same");
	if (p->rule.applies == APPLIES_AUTHENTICATED && p->rule.undecided_tempfail)
		warn(p, "puts nothing off: undecided = \"tempfail\" is for inbound mail, users' "
			"programs do not try again");
}

void rule_parser_warn(const struct rule_parser *p)
{
	warn_only_out(p);
	warn_late(p);
	warn_late_facts(p);
	warn_undecided(p);
	warn_sessions(p);
	if (p->rule.family == FAMILY_WHITELIST)
		warn_idle_whitelist(p);
}
