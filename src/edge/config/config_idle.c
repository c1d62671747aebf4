#include "config_draft.h"

static void tell(const struct draft *d, const char *what)
{
	diag_warning(d->load->diag, d->rule.where, "\"%.*s\" %s", SLICE_ARG(d->rule.name), what);
}

/* ---- never --------------------------------------------------------------------------- */

/* What `!` takes out of nothing leaves nothing. */
static void tell_only_out(const struct draft *d)
{
	for (unsigned slot = 0; slot < SLOT_UNLESS + KEY_COUNT; slot++) {
		if (d->found[slot] != FOUND_OUT)
			continue;
		diag_warning(d->load->diag, d->rule.where, "%s of \"%.*s\" only takes out (!): %s",
		    rule_key_name((enum rule_key)(slot & (SLOT_UNLESS - 1))),
		    SLICE_ARG(d->rule.name),
		    slot >= SLOT_UNLESS ? "it excuses nobody" : "the rule never matches");
	}
}

static void tell_idle_whitelist(const struct draft *d)
{
	if (d->rule.monitor)
		tell(d, "is in monitor mode: a whitelist on trial excuses nobody");
	if (d->rule.proof == PROOF_SPF && d->rule.covers == 1u << FAMILY_SPF)
		tell(d, "never acts: what SPF proves is nothing that SPF refuses");
}

/* ---- late ---------------------------------------------------------------------------- */

/* True when nothing but the author can settle it. */
static bool waits_for_author(unsigned keys, unsigned in)
{
	return (keys & 1u << KEY_FROM) != 0 ||
	       ((keys & 1u << KEY_DOMAINS) != 0 && in == 1u << IDENTITY_FROM);
}

/*
 * The author is known at the end of the message only (SPEC 4): until then a whitelist entry that
 * asks for it excuses nobody, and a rule that it may excuse refuses nobody.  Blocks on the author
 * are meant like that.
 */
static void tell_late(const struct draft *d)
{
	const struct rule *rule = &d->rule;
	const unsigned at_rcpt = 1u << FAMILY_SUSRANGES | 1u << FAMILY_SPF;
	bool author = waits_for_author(rule->keys, rule->in);
	bool excuse = (rule->excuses & 1u << KEY_FROM) != 0 ||
		      ((rule->excuses & 1u << KEY_DOMAINS) != 0 &&
			  (rule->unless_in & 1u << IDENTITY_FROM) != 0);

	if (rule->family == FAMILY_WHITELIST && (author || excuse)) {
		if ((rule->covers & at_rcpt) != 0)
			tell(d, "asks for the author (from), known at the end of the message only: "
				"it excuses nothing that is refused at RCPT");
	} else if (author ? rule->family == FAMILY_SUSRANGES : excuse) {
		tell(d, "asks for the author (from), known at the end of the message only: it "
			"refuses nothing at RCPT");
	}
}

void draft_tell_idle(const struct draft *d)
{
	tell_only_out(d);
	tell_late(d);
	if (d->rule.family == FAMILY_WHITELIST)
		tell_idle_whitelist(d);
}
