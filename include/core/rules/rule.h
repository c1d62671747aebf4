#ifndef CORE_RULES_RULE_H
#define CORE_RULES_RULE_H
/*
 * rule: a named set of criteria that all hold, an optional `unless`, and what follows.
 *
 * A rule has at most one criterion for each key.  KEY_NETWORKS stands for networks, asn and
 * country together, since these describe one set of addresses (SPEC 3.1).  Each (rule, key) and
 * (rule, unless key) is a *matcher*: its entries lie in the tries of the ruleset, and a look-up
 * yields *members*, each saying "this matcher is decided here, in or out, by an entry of this
 * depth".  A member is one 32-bit word, so that sets of them are small and compare fast:
 *
 *     31   30..15   14       13..11   10    9..8            7..0
 *     0    rule     unless   key      out   rank or form    prefix length or number of labels
 *
 * Sorted words are sorted by rule and key, which is the order in which rules are considered.
 */
#include "core/base/diag.h"
#include "core/base/slice.h"
#include "core/base/word.h"
#include "core/rules/verdict.h"

enum rule_key {
	KEY_NETWORKS,
	KEY_CLIENT_NAME,
	KEY_HELO,
	KEY_SENDER,
	KEY_FROM,
	KEY_RECIPIENT,
	KEY_DOMAINS,
	KEY_LOGIN,
	KEY_LISTS, /* those above are lists of entries in radix trees, the others look at one fact
		      each */
	KEY_SPF = KEY_LISTS,
	KEY_DKIM,
	KEY_DMARC,
	KEY_SENDER_DOMAIN,
	KEY_FROM_DOMAIN,
	KEY_REVERSE,
	KEY_HELO_IS,
	KEY_TLS,
	KEY_HEADER,
	KEY_ALL_HEADERS,
	KEY_LISTED,
	KEY_COUNT
};

/* Bits 1 << rule_key of the lists. */
enum { KEYS_OF_LISTS = (1 << KEY_LISTS) - 1 };

struct fact_words;

/* The key that looks at one identity alone. */
static inline enum rule_key key_of_identity(enum identity_kind identity)
{
	return (enum rule_key)(KEY_CLIENT_NAME + (int)identity);
}

/* Which sessions a rule of blocks is asked for (SPEC 3.5); other families: inbound ones. */
enum rule_applies { APPLIES_INBOUND, APPLIES_AUTHENTICATED, APPLIES_BOTH };

/* What can prove a whitelist entry by domain, as bits of rule.proof. */
enum proof { PROOF_SPF = 1, PROOF_CLIENT_NAME = 2 };

/* 16 bits of a member; a table of more named rules would be generated and wants lists instead. */
enum { RULES_MAX = 65535 };

/* A mode that was set beside the configuration (`susmilterctl rule`); it ends by itself. */
struct rule_override {
	bool given;
	bool monitor;
	int64_t until; /* seconds since the epoch; 0 = until it is taken back */
	int64_t set;   /* when; 0 = not known */
	struct slice by;
};

struct rule {
	struct slice name;
	enum family family;
	unsigned keys;      /* bits 1 << rule_key that must all match */
	unsigned unless;    /* bits 1 << rule_key of `unless`, any of which exempts */
	unsigned in;        /* bits 1 << identity_kind that `domains` looks at */
	unsigned unless_in; /* the same for `domains` in `unless` */
	unsigned proof;     /* whitelist: bits of enum proof */
	unsigned covers;    /* whitelist: bits 1 << family that it exempts from */
	enum rule_applies applies;
	bool wide;    /* networks of unusual width are meant */
	bool monitor; /* decide and record, refuse nothing: as configured (rule_monitors) */
	bool undecided_tempfail; /* undecided, it answers 451 where no rule behind it refuses */
	int64_t expires;         /* seconds since the epoch; 0 = never */
	struct slice reply;      /* "550 5.7.1 text %{rule}" or empty for the default */
	struct slice comment, owner, ticket;
	struct rule_override override;
	struct origin where;
	unsigned patterns_from, patterns; /* its slice of the ruleset's patterns */
	unsigned headers_from, headers;   /* … and of its header tests */
	struct fact_words *words;         /* NULL: no criterion on one fact */
	bool late; /* rule_is_late(); set by the builder, as are the three above */
	/* Of its lists, and networks of its AS numbers and countries; counted by the builder. */
	size_t entries;
};

/* Of two entries for one matcher and address the higher rank decides, then the longer prefix. */
enum member_rank { RANK_COUNTRY, RANK_ASN, RANK_NETWORK };

/* How an entry for an identity was written; only for naming it again. */
enum member_form { FORM_NAME, FORM_TREE, FORM_BELOW, FORM_ADDRESS };

/* slot: the key, or the key in `unless`; below SLOT_COUNT, so that slots are bits of 64. */
enum { SLOT_UNLESS = 32, SLOT_COUNT = 64 };

static inline uint64_t slot_bit(unsigned slot)
{
	return UINT64_C(1) << slot;
}

_Static_assert(KEY_LISTS <= 8, "a member has three bits for its key");

static inline uint32_t member_make(
    unsigned rule, unsigned slot, bool out, unsigned rank_or_form, unsigned depth)
{
	uint32_t unless = slot >= SLOT_UNLESS;

	return (uint32_t)rule << 15 | unless << 14 | (uint32_t)(slot & 7) << 11 |
	       (uint32_t)out << 10 | (uint32_t)rank_or_form << 8 | (uint32_t)depth;
}

static inline unsigned member_rule(uint32_t m)
{
	return m >> 15;
}

static inline unsigned member_slot(uint32_t m)
{
	return (m >> 11 & 7) + (m >> 14 & 1) * SLOT_UNLESS;
}

/* rule and slot together: which matcher. */
static inline uint32_t member_matcher(uint32_t m)
{
	return m >> 11;
}

static inline bool member_out(uint32_t m)
{
	return m >> 10 & 1;
}

static inline unsigned member_rank(uint32_t m)
{
	return m >> 8 & 3;
}

static inline unsigned member_depth(uint32_t m)
{
	return m & 0xff;
}

/* True when the rule asks for the From header anywhere: it can be decided only at its end. */
bool rule_mentions_from(const struct rule *);

/* True when the rule is asked for mail of authenticated sessions. */
bool rule_is_for_authenticated(const struct rule *);
/* Bits 1 << rule_key of the criteria on header fields. */
enum { KEYS_OF_HEADERS = 1 << KEY_HEADER | 1 << KEY_ALL_HEADERS };
struct ruleset;

/* True when the rule asks for something that only the whole message shows. */
bool rule_is_late(const struct rule *, const struct ruleset *);

/* True when the rule is past its `expires` and never matches. */
bool rule_expired(const struct rule *, int64_t now);

/* True while a mode that was set beside the configuration counts. */
bool rule_overridden(const struct rule *, int64_t now);

/* Whether the rule refuses nothing now: by such a mode, or else as it is configured. */
bool rule_monitors(const struct rule *, int64_t now);

/* Expired, or in monitor mode where that changes nobody's fate: it decides nothing now. */
bool rule_is_inert(const struct rule *, int64_t now);

/* True for an entry that lets mail in, where a wrong one would be dangerous. */
bool rule_lets_in(enum family, unsigned slot, bool out);

/* The shortest prefix that a rule of a family takes without `wide` (SPEC 3.1), for entries that let
 * mail in or do not. */
unsigned rule_shortest_prefix(enum family, bool lets_in, enum ip_family);

/* The word of `applies`. */
const char *rule_applies_name(enum rule_applies);

/* The word of the configuration: "networks", …, "domains". */
const char *rule_key_name(enum rule_key);

/* The words of `covers`, with enum family, and of `proof`, with the numbers of the bits. */
extern const struct word covers_words[], proof_words[];

#endif
