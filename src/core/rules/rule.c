#include "core/rules/rule.h"

#include "core/rules/fact_words.h"

const struct word covers_words[] = {{"susranges", FAMILY_SUSRANGES}, {"blocks", FAMILY_BLOCKS},
    {"spf", FAMILY_SPF}, {"dmarc", FAMILY_DMARC}, {NULL, 0}};

_Static_assert(PROOF_SPF == 1 << 0 && PROOF_CLIENT_NAME == 1 << 1, "numbers of the bits of proof");
const struct word proof_words[] = {{"spf", 0}, {"client_name", 1}, {NULL, 0}};

bool rule_mentions_from(const struct rule *rule)
{
	const unsigned from_key = 1u << KEY_FROM, domains = 1u << KEY_DOMAINS;
	const unsigned from = 1u << IDENTITY_FROM;

	return ((rule->keys | rule->unless) & from_key) != 0 ||
	       ((rule->keys & domains) != 0 && (rule->in & from) != 0) ||
	       ((rule->unless & domains) != 0 && (rule->unless_in & from) != 0);
}

bool rule_is_for_authenticated(const struct rule *rule)
{
	return rule->applies != APPLIES_INBOUND;
}

bool rule_is_late(const struct rule *rule, const struct ruleset *rules)
{
	if (fact_words_ask_author(rule, rules))
		return true;
	for (unsigned key = KEY_LISTS; key < KEY_COUNT; key++)
		if (((rule->keys | rule->unless) & 1u << key) != 0 && fact_words_row(key) &&
		    fact_words_row(key)->late)
			return true;
	return ((rule->keys | rule->unless) & KEYS_OF_HEADERS) != 0 || rule_mentions_from(rule);
}

bool rule_expired(const struct rule *rule, int64_t now)
{
	return rule->expires != 0 && now >= rule->expires;
}

bool rule_overridden(const struct rule *rule, int64_t now)
{
	const struct rule_override *o = &rule->override;

	return o->given && (o->until == 0 || now < o->until);
}

bool rule_monitors(const struct rule *rule, int64_t now)
{
	return rule_overridden(rule, now) ? rule->override.monitor : rule->monitor;
}

bool rule_is_inert(const struct rule *rule, int64_t now)
{
	return rule_expired(rule, now) ||
	       (rule_monitors(rule, now) && rule->family >= FAMILY_WHITELIST);
}

/* A wrong whitelist entry opens the door, a wrong block only closes it, so the former is held
 * tighter.  A trusted network may be all of fc00::/7 (RFC 4193). */
enum { EXEMPT_V4 = 8, EXEMPT_V6 = 16, TRUSTED_V6 = 7, REFUSE = 4 };

bool rule_lets_in(enum family family, unsigned slot, bool out)
{
	bool lets_in = family == FAMILY_WHITELIST || family == FAMILY_TRUSTED;

	return lets_in != (slot >= SLOT_UNLESS) ? !out : out;
}

unsigned rule_shortest_prefix(enum family family, bool lets_in, enum ip_family ip)
{
	if (!lets_in)
		return REFUSE;
	if (ip == IP_V4)
		return EXEMPT_V4;
	return family == FAMILY_TRUSTED ? TRUSTED_V6 : EXEMPT_V6;
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
	    [KEY_LOGIN] = "login",
	    [KEY_SPF] = "spf",
	    [KEY_DKIM] = "dkim",
	    [KEY_DMARC] = "dmarc",
	    [KEY_SENDER_DOMAIN] = "sender_domain",
	    [KEY_FROM_DOMAIN] = "from_domain",
	    [KEY_REVERSE] = "reverse",
	    [KEY_HELO_IS] = "helo_is",
	    [KEY_TLS] = "tls",
	    [KEY_HEADER] = "header",
	    [KEY_ALL_HEADERS] = "all_headers",
	    [KEY_LISTED] = "listed",
	};

	return names[key];
}

const char *rule_applies_name(enum rule_applies applies)
{
	static const char *const names[] = {
	    [APPLIES_INBOUND] = "inbound",
	    [APPLIES_AUTHENTICATED] = "authenticated",
	    [APPLIES_BOTH] = "both",
	};

	return names[applies];
}
