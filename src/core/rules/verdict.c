#include "core/rules/verdict.h"

#include "core/rules/rule.h"

struct decision decision_of(const struct verdict *v)
{
	enum action action = v->kind == VERDICT_FINAL ? v->action : ACTION_ACCEPT;
	bool says_no = action == ACTION_REJECT || action == ACTION_TEMPFAIL;
	struct slice rule = v->rule ? v->rule->name : slice_of("", 0);

	return (struct decision){
	    .verdict = v,
	    .action = action,
	    .word = action_word(action, v->monitored),
	    .refuses = says_no && !v->monitored,
	    .rule = rule,
	    .cause = v->rule ? rule : slice_str(family_name(v->family)),
	};
}

const char *action_word(enum action action, bool monitored)
{
	static const char *const words[ACTION_COUNT] = {
	    [ACTION_ACCEPT] = "accept",
	    [ACTION_REJECT] = "would_reject",
	    [ACTION_TEMPFAIL] = "would_tempfail",
	    [ACTION_QUARANTINE] = "would_quarantine",
	};

	return monitored ? words[action] : action_name(action);
}

const char *action_name(enum action action)
{
	static const char *const names[ACTION_COUNT] = {
	    [ACTION_ACCEPT] = "accept",
	    [ACTION_REJECT] = "reject",
	    [ACTION_TEMPFAIL] = "tempfail",
	    [ACTION_QUARANTINE] = "quarantine",
	};

	return names[action];
}

const char *family_name(enum family family)
{
	static const char *const names[FAMILY_COUNT] = {
	    [FAMILY_NONE] = "none",
	    [FAMILY_TRUSTED] = "trusted_networks",
	    [FAMILY_EXEMPT] = "exempt_recipients",
	    [FAMILY_WHITELIST] = "whitelist",
	    [FAMILY_BLOCKS] = "blocks",
	    [FAMILY_SUSRANGES] = "susranges",
	    [FAMILY_SPF] = "spf",
	    [FAMILY_DMARC] = "dmarc",
	    [FAMILY_LIMITS] = "limits",
	};

	return names[family];
}

const char *reason_name(enum reason reason)
{
	static const char *const names[REASON_COUNT] = {
	    [REASON_NONE] = "nothing against it",
	    [REASON_NOT_SMTP] = "not from SMTP",
	    [REASON_AUTHENTICATED] = "authenticated",
	    [REASON_TRUSTED] = "trusted network",
	    [REASON_EXEMPT] = "exempt recipient",
	    [REASON_WHITELISTED] = "whitelisted",
	    [REASON_RULE] = "rule",
	    [REASON_SPF_FAIL] = "SPF fail",
	    [REASON_SPF_TEMPERROR] = "SPF temperror",
	    [REASON_SPF_PERMERROR] = "SPF permerror",
	    [REASON_DMARC_FAIL] = "DMARC fail",
	    [REASON_DMARC_TEMPERROR] = "DMARC temperror",
	    [REASON_DMARC_UNPROVEN] = "DMARC unproven",
	    [REASON_BAD_FROM] = "bad From",
	    [REASON_OTHER_RECIPIENTS] = "other recipients first",
	    [REASON_SPLIT] = "recipients disagree",
	    [REASON_POLICY_CHANGED] = "policy changed",
	    [REASON_TOO_MANY_SESSIONS] = "too many sessions",
	    [REASON_HEADERS_TOO_LARGE] = "headers too large",
	    [REASON_INTERNAL] = "internal error",
	    [REASON_UNDECIDED] = "undecided",
	};

	return names[reason];
}

const char *identity_name(enum identity_kind identity)
{
	static const char *const names[IDENTITY_COUNT] = {
	    [IDENTITY_CLIENT_NAME] = "client_name",
	    [IDENTITY_HELO] = "helo",
	    [IDENTITY_SENDER] = "sender",
	    [IDENTITY_FROM] = "from",
	    [IDENTITY_RECIPIENT] = "recipient",
	};

	return names[identity];
}
