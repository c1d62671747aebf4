#include "config_load.h"

#include "core/base/array.h"
#include "core/name/entry.h"
#include "core/rules/fact_words.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

void load_entry(struct load *load, enum entry_accept accept, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	char why[ENTRY_WHY_MAX];
	struct entry entry;
	const char *wrong = entry_parse(text, accept, &idn_uts46, load->arena, &entry, why);

	if (wrong) {
		diag_error(load->diag, where, "%s", wrong);
		return;
	}
	if (load->checks) {
		load_note_doubt(load->checks, &entry, text, where);
		load_note_wide(load, rule, &entry, text, where);
	}
	if (load->exceptions && !feed_exceptions_add(load->exceptions, &entry))
		diag_error(load->diag, where, "out of memory");
	ruleset_add_entry(load->builder, rule, slot, &entry, where);
}

static void take_entry(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	load_entry(load, c->accept, rule, slot, text, where);
}

/* `domains` looks at several identities at once, of which only names are alike. */
static void take_domain(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	struct slice entry = slice_starts(text, SLICE("!")) ? slice_skip(text, 1) : text;

	if (slice_starts(slice_trim(entry), SLICE("/")))
		diag_error(load->diag, where,
		    "domains takes names only; a pattern belongs to client_name, helo, sender, "
		    "from or recipient");
	else
		load_entry(load, c->accept, rule, slot, text, where);
}

/* ---- AS numbers and countries -------------------------------------------------------- */

void load_want_geo(struct load *load, struct geo_want wanted)
{
	if (!ARRAY_ROOM(load->wants, load->want_capacity, load->want_count + 1)) {
		diag_error(load->diag, wanted.where, "out of memory");
		return;
	}
	wanted.order = load->want_count;
	load->wants[load->want_count++] = wanted;
}

/* Cuts a leading "!" off. */
static bool cut_out(struct slice *text)
{
	if (!slice_starts(*text, SLICE("!")))
		return false;
	*text = slice_trim(slice_skip(*text, 1));
	return true;
}

/* One of the configuration's own, which no feed brings back when it is taken out. */
static void want(struct load *load, struct geo_want wanted)
{
	if (load->exceptions &&
	    !feed_exceptions_add_number(load->exceptions, wanted.number, wanted.out))
		diag_error(load->diag, wanted.where, "out of memory");
	load_want_geo(load, wanted);
}

static bool asn_number(struct slice text, uint32_t *out)
{
	uint64_t number;

	if (slice_starts_nocase(text, SLICE("AS")))
		text = slice_skip(text, 2);
	if (!slice_to_uint(text, UINT32_MAX, &number) || number == 0)
		return false;
	*out = (uint32_t)number;
	return true;
}

static void take_asn(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	struct slice digits = text;
	bool out = cut_out(&digits);
	uint32_t number;

	(void)c;
	if (asn_number(digits, &number))
		want(load, (struct geo_want){rule, slot, out, RANK_ASN, number, where, 0});
	else
		diag_error(load->diag, where,
		    "\"%.*s\" is not an AS number; write 4134, \"4134\" or \"AS4134\", and as "
		    "strings "
		    "those above 2147483647",
		    SLICE_ARG(text));
}

uint32_t load_country_number(const char code[2])
{
	return (uint32_t)(unsigned char)slice_lower(code[0]) << 8 |
	       (unsigned char)slice_lower(code[1]);
}

static bool is_letter(char c)
{
	c = slice_lower(c);
	return c >= 'a' && c <= 'z';
}

static bool country_number(struct slice text, uint32_t *out)
{
	if (text.len != 2 || !is_letter(text.ptr[0]) || !is_letter(text.ptr[1]))
		return false;
	*out = load_country_number(text.ptr);
	return true;
}

static void take_country(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	struct slice code = text;
	bool out = cut_out(&code);
	uint32_t number;

	(void)c;
	if (country_number(code, &number))
		want(load, (struct geo_want){rule, slot, out, RANK_COUNTRY, number, where, 0});
	else
		diag_error(load->diag, where,
		    "\"%.*s\" is not a country; write two letters of ISO 3166 such as \"CN\"",
		    SLICE_ARG(text));
}

/* ---- criteria on one fact ------------------------------------------------------------ */

static void take_word(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	const char *const *words = fact_words_row(c->key)->words;
	struct slice word = text, known = slice_of(NULL, 0);
	bool out = cut_out(&word);

	for (unsigned i = 0; words[i]; i++) {
		if (slice_equal(word, slice_str(words[i]))) {
			ruleset_add_word(load->builder, rule, slot, i, out, where);
			return;
		}
		known = arena_printf(
		    load->arena, "%.*s%s%s", SLICE_ARG(known), i ? ", " : "", words[i]);
	}
	diag_error(load->diag, where, "%s: \"%.*s\" must be one of %.*s", c->word, SLICE_ARG(text),
	    SLICE_ARG(known));
}

/* ---- criteria on header fields ------------------------------------------------------- */

static void take_header(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	char why[HEADER_ENTRY_WHY_MAX];
	struct header_entry e;
	const char *wrong = header_entry_parse(text, &idn_uts46, load->arena, &e, why);

	if (wrong)
		diag_error(load->diag, where, "%s: %s", c->word, wrong);
	else
		ruleset_add_header(load->builder, rule, slot, &e, where);
}

/* The name of a dnsbl. */
static void take_list(struct load *load, const struct criterion *c, unsigned rule, unsigned slot,
    struct slice text, struct origin where)
{
	struct slice name = text;
	bool out = cut_out(&name);
	unsigned number = ruleset_find_dnsbl(load->builder, name);

	(void)c;
	if (number < DNSBLS_MAX)
		ruleset_add_word(load->builder, rule, slot, number, out, where);
	else
		diag_error(
		    load->diag, where, "listed: there is no \"%.*s\" in dnsbls", SLICE_ARG(name));
}

/* ---- the criteria -------------------------------------------------------------------- */

const struct criterion load_criteria[CRITERIA] = {
    {"networks", KEY_NETWORKS, ENTRY_ACCEPT_NETWORKS, take_entry, NULL},
    {"asn", KEY_NETWORKS, ENTRY_ACCEPT_NETWORKS, take_asn, asn_number},
    {"country", KEY_NETWORKS, ENTRY_ACCEPT_NETWORKS, take_country, country_number},
    {"client_name", KEY_CLIENT_NAME, ENTRY_ACCEPT_NAMES, take_entry, NULL},
    {"helo", KEY_HELO, ENTRY_ACCEPT_NAMES, take_entry, NULL},
    {"sender", KEY_SENDER, ENTRY_ACCEPT_ADDRESSES, take_entry, NULL},
    {"from", KEY_FROM, ENTRY_ACCEPT_ADDRESSES, take_entry, NULL},
    {"recipient", KEY_RECIPIENT, ENTRY_ACCEPT_ADDRESSES, take_entry, NULL},
    {"domains", KEY_DOMAINS, ENTRY_ACCEPT_NAMES, take_domain, NULL},
    {"login", KEY_LOGIN, ENTRY_ACCEPT_LOGINS, take_entry, NULL},
    {"spf", KEY_SPF, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"dkim", KEY_DKIM, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"dmarc", KEY_DMARC, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"sender_domain", KEY_SENDER_DOMAIN, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"from_domain", KEY_FROM_DOMAIN, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"reverse", KEY_REVERSE, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"helo_is", KEY_HELO_IS, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"tls", KEY_TLS, ENTRY_ACCEPT_NAMES, take_word, NULL},
    {"header", KEY_HEADER, ENTRY_ACCEPT_NAMES, take_header, NULL},
    {"all_headers", KEY_ALL_HEADERS, ENTRY_ACCEPT_NAMES, take_header, NULL},
    {"listed", KEY_LISTED, ENTRY_ACCEPT_NAMES, take_list, NULL},
};

const struct criterion *load_criterion(const char *word)
{
	for (unsigned i = 0; i < CRITERIA; i++)
		if (strcmp(load_criteria[i].word, word) == 0)
			return &load_criteria[i];
	return NULL;
}

struct entries {
	struct load *load;
	const struct criterion *criterion;
	unsigned rule, slot;
	unsigned found;        /* bits of enum entries_found */
	struct feed_want feed; /* what all feeds of the key have */
};

static void each_entry(void *context, struct slice text, struct origin where)
{
	struct entries *e = context;

	/* "!Name" in a criterion on header fields asks for its absence. */
	bool out = slice_starts(text, SLICE("!")) && e->criterion->take != take_header;

	e->found |= out ? FOUND_OUT : FOUND_IN;
	e->criterion->take(e->load, e->criterion, e->rule, e->slot, text, where);
}

static void each_feed(void *context, struct slice path, struct origin where)
{
	struct entries *e = context;

	e->found |= FOUND_IN;
	e->feed.path = config_path(e->load->arena, where.file, path);
	e->feed.where = where;
	load_note_feed(e->load, &e->feed);
}

unsigned load_entries(struct load *load, const struct criterion *criterion, const struct rule *rule,
    unsigned number, unsigned slot, const struct setting *s, struct list_limits limits)
{
	struct entries e = {load, criterion, number, slot, 0,
	    {.criterion = criterion,
		.rule = *rule,
		.number = number,
		.slot = slot,
		.limits = limits}};
	struct value_walk walk = {
	    each_entry, &e, limits.may_be_empty, criterion->key < KEY_LISTS ? each_feed : NULL};
	struct key_checks checks = {.rule = rule, .slot = slot};

	load->checks = &checks;
	load_each_value(load, s, &walk);
	load->checks = NULL;
	load->exceptions = NULL;
	load_tell_doubts(load, &checks, s->name);
	return e.found;
}
