#include "config_rule_parser.h"

#include "core/base/rfc3339.h"
#include "core/policy/reply.h"

enum { NAME_LENGTH_MAX = 64 };

/* ---- attributes ---------------------------------------------------------------------- */

static void take_name(struct rule_parser *p, const struct setting *s)
{
	struct slice name = setting_text(s);
	bool good = name.len > 0 && name.len <= NAME_LENGTH_MAX;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
	}
	if (!good)
		diag_error(p->load->diag, load_where(p->load, s),
		    "the name \"%.*s\" must be 1 to %d of a-z, 0-9 and -", SLICE_ARG(name),
		    (int)NAME_LENGTH_MAX);
	else if (slice_equal(name, SLICE("managed")))
		diag_error(p->load->diag, load_where(p->load, s),
		    "the name \"managed\" is that of the whitelist which susmilterctl edits");
	p->rule.name = name;
}

static void take_mode(struct rule_parser *p, const struct setting *s)
{
	p->rule.monitor =
	    load_word(p->load, setting_text(s), "mode", mode_words, load_where(p->load, s)) == 1;
}

static void take_reply(struct rule_parser *p, const struct setting *s)
{
	char why[REPLY_WHY_MAX];
	const char *wrong = reply_check(setting_text(s), why);

	if (wrong)
		diag_error(p->load->diag, load_where(p->load, s), "reply: %s", wrong);
	else if (p->rule.family == FAMILY_WHITELIST)
		diag_warning(p->load->diag, load_where(p->load, s),
		    "a whitelist refuses nothing: this reply is never given");
	p->rule.reply = setting_text(s);
}

static void take_comment(struct rule_parser *p, const struct setting *s)
{
	p->rule.comment = setting_text(s);
}

static void take_owner(struct rule_parser *p, const struct setting *s)
{
	p->rule.owner = setting_text(s);
}

static void take_ticket(struct rule_parser *p, const struct setting *s)
{
	p->rule.ticket = setting_text(s);
}

static void take_expires(struct rule_parser *p, const struct setting *s)
{
	struct slice text = setting_text(s);
	char shown[RFC3339_TEXT_MAX];

	if (!rfc3339_parse(text, &p->rule.expires)) {
		diag_error(p->load->diag, load_where(p->load, s),
		    "expires is \"%.*s\" but must be a date such as \"2027-06-30\" (its end, UTC) "
		    "or a time such as \"2027-06-30T12:00:00Z\"",
		    SLICE_ARG(text));
		return;
	}
	/* 0 means never */
	p->rule.expires = p->rule.expires > 0 ? p->rule.expires : 1;
	if (!rule_expired(&p->rule, p->load->now))
		return;
	rfc3339_format(p->rule.expires, shown);
	diag_warning(p->load->diag, load_where(p->load, s),
	    "the rule expired at %s and never matches", shown);
}

static void take_undecided(struct rule_parser *p, const struct setting *s)
{
	static const struct word words[] = {{"pass", 0}, {"tempfail", 1}, {NULL, 0}};

	p->rule.undecided_tempfail =
	    load_word(p->load, setting_text(s), "undecided", words, load_where(p->load, s)) == 1;
}

static void take_wide(struct rule_parser *p, const struct setting *s)
{
	load_bool(p->load, s, &p->rule.wide);
}

static void take_may_be_empty(struct rule_parser *p, const struct setting *s)
{
	load_bool(p->load, s, &p->limits.may_be_empty);
}

static void take_max_shrink(struct rule_parser *p, const struct setting *s)
{
	bool good = s->type == SETTING_INTEGER && s->integer >= 0 && s->integer <= 100;

	if (!good)
		diag_error(p->load->diag, load_where(p->load, s),
		    "max_shrink must be a whole number from 0 to 100: per cent of the entries that "
		    "a feed may lose at once");
	else
		p->limits.max_shrink = (unsigned)s->integer;
}

/* ---- attributes that are lists of words ---------------------------------------------- */

struct words_into {
	struct load *load;
	const struct word *words;
	const char *key;
	unsigned *bits;
};

static void add_word(void *context, struct slice text, struct origin where)
{
	struct words_into *into = context;
	int value = load_word(into->load, text, into->key, into->words, where);

	if (value >= 0)
		*into->bits |= 1u << value;
}

/* The bits 1 << value of the words that the setting lists. */
static unsigned take_words(
    struct load *load, const struct setting *s, const char *key, const struct word *words)
{
	unsigned bits = 0;
	struct words_into into = {load, words, key, &bits};
	struct value_walk walk = {add_word, &into, true, NULL};

	load_each_value(load, s, &walk);
	if (setting_is_aggregate(s) && setting_count(s) == 0)
		diag_error(load->diag, load_where(load, s), "%s is empty", key);
	return bits;
}

static const struct word identity_words[] = {{"client_name", IDENTITY_CLIENT_NAME},
    {"helo", IDENTITY_HELO}, {"sender", IDENTITY_SENDER}, {"from", IDENTITY_FROM},
    {"recipient", IDENTITY_RECIPIENT}, {NULL, 0}};

static void take_in(struct rule_parser *p, const struct setting *s)
{
	p->rule.in = take_words(p->load, s, "in", identity_words);
	if (p->rule.family == FAMILY_WHITELIST)
		diag_error(p->load->diag, load_where(p->load, s),
		    "in a whitelist, proof says which identity counts; in has no place here");
	else if (!setting_member(s->parent, "domains"))
		diag_error(p->load->diag, load_where(p->load, s), "in belongs to domains");
}

void rule_parser_unless(struct rule_parser *p, const struct setting *unless)
{
	const struct setting *s = setting_member(unless, "in");

	if (!s)
		return;
	p->rule.unless_in = take_words(p->load, s, "in", identity_words);
	if (!setting_member(unless, "domains"))
		diag_error(p->load->diag, load_where(p->load, s), "in belongs to domains");
}

static void take_proof(struct rule_parser *p, const struct setting *s)
{
	p->rule.proof = take_words(p->load, s, "proof", proof_words);
	if (!setting_member(s->parent, "domains"))
		diag_error(p->load->diag, load_where(p->load, s), "proof belongs to domains");
}

static void take_covers(struct rule_parser *p, const struct setting *s)
{
	p->rule.covers = take_words(p->load, s, "covers", covers_words);
}

static void take_applies(struct rule_parser *p, const struct setting *s)
{
	static const struct word words[] = {{"inbound", APPLIES_INBOUND},
	    {"authenticated", APPLIES_AUTHENTICATED}, {"both", APPLIES_BOTH}, {NULL, 0}};
	int value = load_word(p->load, setting_text(s), "applies", words, load_where(p->load, s));

	if (value >= 0)
		p->rule.applies = (enum rule_applies)value;
}

/* ---- the keys of a rule -------------------------------------------------------------- */

struct attribute {
	const char *key;
	bool is_string;
	unsigned families; /* bits 1 << family that have it, 0 = all */
	void (*take)(struct rule_parser *, const struct setting *);
};

static const struct attribute attributes[] = {
    {"name", true, 0, take_name},
    {"mode", true, 0, take_mode},
    {"reply", true, 0, take_reply},
    {"comment", true, 0, take_comment},
    {"owner", true, 0, take_owner},
    {"ticket", true, 0, take_ticket},
    {"expires", true, 0, take_expires},
    {"wide", false, 0, take_wide},
    {"may_be_empty", false, 0, take_may_be_empty},
    {"max_shrink", false, 0, take_max_shrink},
    {"undecided", true, 1u << FAMILY_BLOCKS | 1u << FAMILY_SUSRANGES, take_undecided},
    {"in", false, 0, take_in},
    {"proof", false, 1u << FAMILY_WHITELIST, take_proof},
    {"covers", false, 1u << FAMILY_WHITELIST, take_covers},
    {"applies", true, 1u << FAMILY_BLOCKS, take_applies},
};

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0], KEYS_MAX = 64 };

/* An attribute that rules of this family do not have; said, and true. */
static bool belongs_elsewhere(const struct rule_parser *p, const struct setting *s)
{
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		const struct attribute *a = &attributes[i];
		if (!a->families || a->families & 1u << p->rule.family ||
		    strcmp(a->key, s->name) != 0)
			continue;
		diag_error(p->load->diag, load_where(p->load, s),
		    a->families == 1u << FAMILY_WHITELIST ? "%s belongs to rules of the whitelist"
		    : a->families == 1u << FAMILY_BLOCKS
			? "%s belongs to rules of blocks"
			: "%s belongs to rules that refuse: a whitelist rule that is undecided "
			  "turns a refusal into 451 anyway",
		    a->key);
		return true;
	}
	return false;
}

void rule_parser_check_keys(const struct rule_parser *p, const struct setting *group, bool unless)
{
	const char *known[KEYS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < ATTRIBUTES && !unless; i++)
		if (!attributes[i].families || attributes[i].families & 1u << p->rule.family)
			known[n++] = attributes[i].key;
	for (unsigned i = 0; i < CRITERIA; i++)
		known[n++] = load_criteria[i].word;
	known[n++] = unless ? "in" : "unless";
	known[n] = NULL;
	for (unsigned i = 0; i < setting_count(group); i++) {
		const struct setting *s = setting_element(group, i);
		if (unless || !belongs_elsewhere(p, s))
			load_unknown_key(p->load, s, known);
	}
}

void rule_parser_attributes(struct rule_parser *p, const struct setting *group)
{
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		const struct attribute *a = &attributes[i];
		const struct setting *s = setting_member(group, a->key);

		if (!s || (a->families && !(a->families & 1u << p->rule.family)))
			continue;
		if (!a->is_string || load_is_string(p->load, s))
			a->take(p, s);
	}
}
