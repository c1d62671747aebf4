#include "core/rule.h"

bool rule_mentions_from(const struct rule *rule)
{
	const unsigned from_key = 1u << KEY_FROM, domains = 1u << KEY_DOMAINS;
	const unsigned from = 1u << IDENTITY_FROM;

	return ((rule->keys | rule->excuses) & from_key) != 0 ||
	       ((rule->keys & domains) != 0 && (rule->in & from) != 0) ||
	       ((rule->excuses & domains) != 0 && (rule->unless_in & from) != 0);
}

bool rule_expired(const struct rule *rule, int64_t now)
{
	return rule->expires != 0 && now >= rule->expires;
}

const char *rule_key_name(enum rule_key key)
{
	static const char *const names[KEY_COUNT] = {
	    [KEY_NETWORKS] = "networks",
	    [KEY_CLIENT_NAME] = "client_name",
	    [KEY_HELO] = "helo",
	    [KEY_SENDER] = "sender",
	    [KEY_FROM] = "from",
	    [KEY_RECIPIENT] = "recipient",
	    [KEY_DOMAINS] = "domains",
	};

	return names[key];
}
