#ifndef CORE_RULES_RULESET_H
#define CORE_RULES_RULESET_H
/*
 * ruleset: one complete rule table: rules compiled into radix trees and interned sets, and
 * settings.
 *
 *     ruleset_builder_create → ruleset_add_rule → ruleset_add_entry × many → ruleset_finish
 *     → const use from any thread → ruleset_free
 *
 * A built ruleset is immutable.  All look-ups of one decision are: one ip_radix look-up for the
 * address, and for each identity one name_radix look-up per kind of key; each yields a set of
 * members, and the policy walks only the rules that occur in them (core/policy/match.h), so that
 * the cost of a decision does not grow with the number of rules or entries.
 *
 * The builder finds what only the whole table can show: the same entry in and out of one key,
 * networks wider than is sane, entries that others cover.  It says so in the report.
 */
#include "core/name/entry.h"
#include "core/name/name_radix.h"
#include "core/name/pattern_set.h"
#include "core/net/ip_radix.h"
#include "core/rules/dnsbl.h"
#include "core/rules/header_tests.h"
#include "core/rules/member_sets.h"
#include "core/rules/rule.h"
#include "core/rules/settings.h"

/* One /re/ of one matcher, kept in order of rule and slot. */
struct ruleset_pattern {
	unsigned rule, slot;
	bool out;
	uint32_t tag; /* where it stands, for the builder */
	struct pattern *pattern;
	struct slice text;
};

struct ruleset {
	struct arena *arena; /* strings of the rules and settings */
	struct settings settings;
	struct rule *rules; /* in order of family, then of the file */
	unsigned rule_count;
	bool has_from;              /* some rule asks for the From header */
	bool has_authenticated;     /* some rule is for authenticated sessions */
	bool has_authenticated_end; /* ... and can be decided at the end of the message only */
	bool has_spf;   /* SPF can be asked under this table: a switch, or a whitelist proof */
	bool has_dmarc; /* some recipient domain has DMARC on */
	bool has_unless_dkim;
	bool has_results;   /* a rule asks for the result of DKIM or DMARC */
	bool has_monitored; /* something is only monitored, which a header field of ours tells */
	struct member_sets *sets;
	struct ip_radix *networks;
	unsigned domains_in; /* identities that some `domains` looks at, bits 1 << identity_kind */
	struct name_radix *names[KEY_COUNT];          /* [KEY_NETWORKS] is unused */
	struct name_radix *addresses[IDENTITY_COUNT]; /* sender, from, recipient */
	struct ruleset_pattern *patterns;
	unsigned pattern_count;
	struct pattern_set *pattern_sets[IDENTITY_COUNT]; /* ids: places in patterns; NULL: none */
	struct header_test *headers;                      /* by rule and slot */
	unsigned header_count;
	struct slice *fields; /* names of those tests, each once, sorted */
	unsigned field_count;
	unsigned *unlisted; /* rules without any list, which no look-up finds: in their order */
	unsigned unlisted_count;
	struct name_radix *domains; /* recipient domain → 1 + index into layers, 0 = defaults */
	/* Names of recipient domains in full, where a rule asks for them (helo_is); or NULL. */
	struct name_radix *own_domains;
	bool asks_for_own_names;
	struct dnsbl *dnsbls; /* in the order of the configuration */
	unsigned dnsbl_count;
	const struct switches **layers; /* each is the defaults, or one of switches */
	struct switches *switches;
	unsigned layer_count, switch_count;
	/* what status and check print */
	size_t network_entries, name_entries, domain_entries;
	size_t duplicates, covered;
};

struct ruleset_builder;

/* diag is borrowed until ruleset_finish().  NULL when out of memory. */
struct ruleset_builder *ruleset_builder_create(struct diag *);

/* Copied. */
void ruleset_set_settings(struct ruleset_builder *, const struct settings *);

/* The rule is copied with its strings.  Rules come in order of family.  Returns its number, or
 * RULES_MAX when it is not taken: the report will say why, and what is added under that number
 * goes nowhere. */
unsigned ruleset_add_rule(struct ruleset_builder *, const struct rule *);

/*
 * One entry of a key (slot: enum rule_key, + SLOT_UNLESS).  The entry's slices must stay until
 * ruleset_finish().  What is wrong with it goes to the report under `where`.
 */
void ruleset_add_entry(struct ruleset_builder *, unsigned rule, unsigned slot, const struct entry *,
    struct origin where);

/*
 * One word of a criterion on one fact (core/rules/fact_words.h), by its number there.  out: an
 * entry with `!`.
 */
void ruleset_add_word(struct ruleset_builder *, unsigned rule, unsigned slot, unsigned word,
    bool out, struct origin where);

/* One entry of `header` or `all_headers`, whose slices are copied. */
void ruleset_add_header(struct ruleset_builder *, unsigned rule, unsigned slot,
    const struct header_entry *, struct origin where);
/* A list in the DNS or from a file, for rules that come later to name it: its number, or DNSBLS_MAX
 * after an error.  Copied with its strings; the trees become the ruleset's. */
unsigned ruleset_add_dnsbl(struct ruleset_builder *, const struct dnsbl *, struct origin where);

/* The number of the list of this name; DNSBLS_MAX: there is none. */
unsigned ruleset_find_dnsbl(const struct ruleset_builder *, struct slice name);

/* That list itself, the builder's; NULL: there is none. */
const struct dnsbl *ruleset_dnsbl(const struct ruleset_builder *, struct slice name);

/* One network of an AS or a country that the rule names, from the MMDB. */
void ruleset_add_geo(struct ruleset_builder *, unsigned rule, unsigned slot, enum member_rank,
    bool out, const struct prefix *);

/*
 * The switches that a recipient domain gives (bits of enum switch_key); those that it does not give
 * are looked up further (SPEC 3.3).  kind is ENTRY_NAME, ENTRY_TREE or ENTRY_BELOW; the empty name
 * is
 * "*".
 */
void ruleset_add_domain(struct ruleset_builder *, enum entry_kind kind, struct slice name,
    const struct switches *, unsigned given, struct origin where);

/*
 * Compiles and frees the builder.  NULL when the report has an error, or gets one now.
 * *builder becomes NULL either way.
 */
struct ruleset *ruleset_finish(struct ruleset_builder **);

/* Gives up a builder without building. */
void ruleset_abandon(struct ruleset_builder **);

void ruleset_free(struct ruleset **);

/* The switches of a recipient's domain (canonical; empty = the defaults). */
const struct switches *ruleset_switches(const struct ruleset *, struct slice domain);

/* True when a message cannot be decided without its header fields, or its body; also when a field
 * of ours may be added, since those that a sender made up are removed first. */
bool ruleset_wants_headers(const struct ruleset *);
bool ruleset_wants_body(const struct ruleset *);

/* True when some rule asks for header fields of this name, which header_name_fold() made. */
bool ruleset_asks_field(const struct ruleset *, struct slice folded);

/* Bytes that the compiled table occupies. */
size_t ruleset_bytes(const struct ruleset *);

/* The rule of this name, or NULL. */
const struct rule *ruleset_find_rule(const struct ruleset *, struct slice name);

#endif
