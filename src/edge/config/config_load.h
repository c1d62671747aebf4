#ifndef CONFIG_LOAD_H
#define CONFIG_LOAD_H
/*
 * The inside of one load, shared by the config_*.c files.
 *
 *     edge/syntax      the file and its includes → the tree of settings
 *     config_options   the one table of options; scalars end in struct config or struct settings
 *     config_set       the value of an option → its place; config_checks: single strings
 *     config_values    a value of the configuration → the texts that it lists, files opened
 *     config_lists     those texts → entries of a rule
 *     config_feeds     feeds → entries of a rule, when all else is known
 *     config_rules     the sections that hold rules; config_attributes: a rule's attributes
 *     config_doubt     entries that cannot match
 *     config_wide      rules that match nearly everything
 *     config_warnings  rules that never act, or later than their author thinks
 *     config_managed   the whitelist that susmilterctl edits
 *     config_modes     modes of rules that susmilterctl sets
 *     config_domains   recipient domains
 *     config_geo       AS numbers and countries → networks of the MMDBs
 *     config           the way through
 *     config_each      every entry of the files again, with its place
 *     config_find      where an entry stands
 *     config_start     what the host has against it
 */
#include "core/base/setting.h"
#include "core/name/entry.h"
#include "edge/config/config.h"
#include "edge/os/textfile.h"
#include "edge/syntax/config_text.h"

/* An entry of `asn` or `country`, which an MMDB turns into networks. */
struct geo_want {
	unsigned rule, slot;
	bool out;
	enum member_rank rank;
	uint32_t number; /* of the AS, or load_country_number() */
	struct origin where;
	size_t order; /* in which they were read */
};

struct rule_name {
	struct slice name;
	struct origin where;
	size_t number; /* in the order of the file */
};

/* Entries of one kind that cannot match, in one key: how many, and the first. */
struct doubt {
	size_t count;
	struct slice text;
	struct origin where;
};

enum doubt_kind {
	DOUBT_LABEL,  /* "monster" for ".monster" */
	DOUBT_DOMAIN, /* an exempt recipient without '@' */
	DOUBT_SCHEME, /* "mailto:x@y" */
	DOUBTS
};

/* The key whose entries are read, and what is doubtful in it. */
struct key_checks {
	const struct rule *rule;
	unsigned slot;
	struct doubt doubts[DOUBTS];
};

/* An entry that may match nearly everything. */
struct wide_entry {
	unsigned rule, slot;
	unsigned keys; /* of the rule */
	struct slice name, text;
	struct slice domain; /* a top-level domain, or empty for a pattern */
	unsigned matches;    /* of a pattern: ordinary values */
	struct origin where;
};

/* What a rule allows its lists. */
struct list_limits {
	bool may_be_empty;
	unsigned max_shrink; /* of feeds */
};

/* What a key's own entries say, for its feeds; one for each key that has feeds. */
struct key_exceptions {
	struct key_exceptions *next;
	struct feed_exceptions *table;
};

/* A feed that waits to be read. */
struct feed_want {
	struct feed_want *next;
	const struct criterion *criterion;
	struct rule rule;
	unsigned number, slot; /* of the rule and the key */
	const char *path;
	struct origin where; /* in the configuration */
	struct list_limits limits;
	const struct feed_exceptions *exceptions;
};

/* Top-level domains of recipient domains that are told apart: no site has that many. */
enum { LOAD_TLDS_MAX = 256 };

struct load {
	struct config *config;
	const struct config_request *request; /* NULL: only a look at the files */
	const struct copies *from;            /* the copies that are read instead; NULL: none */
	enum copies_set from_set;
	struct loaded
	    *loaded; /* the files; entries point into their texts until the table is built */
	struct settings settings;
	struct diag *diag;
	bool start;          /* only what config_load_start() reads, and nothing is quoted */
	struct arena *arena; /* names of files and converted entries; until the table is built */
	struct config_text text;
	struct slice parsed;        /* what config_parse() gave, which the tree points into */
	const struct setting *root; /* NULL: not parsed */
	struct ruleset_builder *builder;
	struct rule_name *names; /* of rules, for finding two of one name */
	size_t name_count, name_capacity;
	struct geo_want *wants;
	size_t want_count, want_capacity;
	struct rule_mode *modes; /* that susmilterctl set, when they were read */
	size_t mode_count, mode_capacity;
	bool modes_read;
	struct key_checks *checks;          /* of the key that is read; NULL: none */
	struct feed_exceptions *exceptions; /* of the key that is read; NULL: it has no feeds */
	struct key_exceptions *all_exceptions;
	struct feed_want *feeds, **last_feed;
	struct copies *disk; /* what the state directory has; NULL: not looked at */
	enum copies_result disk_result;
	struct wide_entry *wides;
	size_t wide_count, wide_capacity;
	const struct config_visitor *visitor; /* gets recipient domains, in place of a builder */
	struct slice tlds[LOAD_TLDS_MAX];
	size_t tld_count;
	int64_t now;
};

/* An arena for load->arena; NULL when out of memory. */
struct arena *load_arena(void);

/* Where a setting stands. */
struct origin load_where(const struct load *, const struct setting *);

/* Reads and parses the configuration into load->text and load->root; errors are in load->diag. */
bool load_tree(struct load *, const char *path);
void load_close(struct load *);

/* ---- config_options: scalars, and which keys there are ------------------------------- */

/* Sets every option and then takes the sections, in the order of the table. */
void load_options(struct load *);

/* Says that a key is not known here, and which one may be meant.  `known` ends in NULL. */
void load_unknown_key(struct load *, const struct setting *, const char *const *known);

/* The value of one of the words, or -1 after an error. */
int load_word(struct load *, struct slice text, const char *key, const struct word *words,
    struct origin where);

/* True, or an error that names what the key wants instead. */
bool load_is_string(struct load *, const struct setting *);
bool load_is_group(struct load *, const struct setting *);
bool load_bool(struct load *, const struct setting *, bool *out);

/* ---- config_values: the texts of a value --------------------------------------------- */

/* A walk over a value: a string, an array or a list, "file:PATH" standing for the lines of a
 * file.  `each` is called for every text with the place where it stands; before that, `feed` for
 * every "feed:PATH" (NULL: none may stand here). */
struct value_walk {
	void (*each)(void *context, struct slice text, struct origin where);
	void *context;
	bool may_be_empty;
	void (*feed)(void *context, struct slice path, struct origin where);
};
void load_each_value(struct load *, const struct setting *, const struct value_walk *);

/* The text of a file, read once a load, or of its copy; it stays until load_close(), or as long as
 * config->loaded keeps it. */
enum textfile_result load_file(struct load *, enum loaded_kind, const char *path, struct slice *out,
    char why[TEXTFILE_WHY_MAX]);

/* ---- config_lists: criteria ---------------------------------------------------------- */

/* The entries of one criterion go to the rule.  `key` is the word of the configuration. */
struct criterion {
	const char *word;
	enum rule_key key;
	enum entry_accept accept;
	void (*take)(struct load *, const struct criterion *, unsigned rule, unsigned slot,
	    struct slice text, struct origin where);
	/* of AS numbers and countries: a text as a number; false when it is none */
	bool (*number)(struct slice text, uint32_t *out);
};

enum { CRITERIA = 21 };
extern const struct criterion load_criteria[CRITERIA];

/* The criterion of this word, or NULL. */
const struct criterion *load_criterion(const char *word);

/* Returns which kinds of entries there were. */
enum entries_found { FOUND_IN = 1, FOUND_OUT = 2 };
unsigned load_entries(struct load *, const struct criterion *, const struct rule *, unsigned number,
    unsigned slot, const struct setting *, struct list_limits);

/* One text into one rule. */
void load_entry(struct load *, enum entry_accept, unsigned rule, unsigned slot, struct slice text,
    struct origin where);

/* An AS number or country that a rule wants, from the configuration or a feed. */
void load_want_geo(struct load *, struct geo_want);

/* ---- config_each: every entry again --------------------------------------------------- */

/* Who gets entries, until *stop; valid for the call. */
struct entry_walk {
	config_entry_fn *each;
	void *context;
	const bool *stop;
};

/* The entries of one value (NULL: none), of its files and feeds; `common`: what all of them have.
 */
void load_each_entry(struct load *, const struct criterion *, const struct setting *,
    struct config_entry common, const struct entry_walk *);

/* The entries of the managed whitelist, and what narrows them. */
void load_each_managed(struct load *, const char *path, const struct entry_walk *);

/* ---- config_feeds: lists that programs write ------------------------------------------ */

/* Notes a feed of a key; load->exceptions then collects the key's own entries. */
void load_note_feed(struct load *, const struct feed_want *);

/* Reads all feeds; when rules and recipient domains are known. */
void load_feeds(struct load *);

/* Frees what waits. */
void load_close_feeds(struct load *);

/* ---- config_doubt: entries that cannot match ----------------------------------------- */

void load_note_doubt(
    struct key_checks *, const struct entry *, struct slice text, struct origin where);
void load_tell_doubts(struct load *, const struct key_checks *, const char *word);

/* ---- config_wide: rules that match nearly everything --------------------------------- */

void load_note_wide(
    struct load *, unsigned rule, const struct entry *, struct slice text, struct origin where);
void load_note_recipient_domain(struct load *, struct slice name);

/* When the recipient domains are known. */
void load_check_wide(struct load *);

/* Warns of settings that the policy protocol cannot follow (config_warnings.c). */
void load_warn_policy(struct load *, const struct ruleset *);
bool load_is_large(const struct load *, struct slice domain);

/* Two letters as one number, without case. */
uint32_t load_country_number(const char code[2]);

/* ---- sections ------------------------------------------------------------------------ */

/* Each takes NULL when the section is absent. */
void load_trusted(struct load *, const struct setting *);
void load_exempt(struct load *, const struct setting *);
/* What trusted_networks or exempt_recipients has where the section is absent; ends in NULL. */
const char *const *load_plain_default(enum family);
void load_dnsbls(struct load *, const struct setting *);
void load_whitelist(struct load *, const struct setting *);
void load_managed(struct load *);
void load_blocks(struct load *, const struct setting *);
void load_susranges(struct load *, const struct setting *);
void load_domains(struct load *, const struct setting *);
void load_domains_file(struct load *, const struct setting *);

/* The networks of all that the rules want of AS numbers and countries. */
void load_geo(struct load *, const struct config *previous);

/* Gives the rule the mode that `susmilterctl rule` set for it, if one is in force. */
void load_rule_mode(struct load *, struct rule *);

/* When all rules are known: warns of modes for rules that are gone, and of those that change
 * nothing. */
void load_check_modes(struct load *);

/* Rules of one name are an error, at the later one. */
void load_check_names(struct load *);

#endif
