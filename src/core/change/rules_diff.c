#include "core/change/rules_diff.h"

#include "core/base/line.h"
#include "core/base/rfc3339.h"
#include "core/rules/fact_words.h"
#include "rules_diff_private.h"

#include <stdlib.h>

/* Names, attributes and examples of two tables of 65,535 rules. */
#define RULES_DIFF_MAX ((size_t)256 << 20)

/* A list of keys, families or identities. */
enum { WORDS_MAX = 200 };

/* "monitor until " and a time. */
enum { OVERRIDE_TEXT_MAX = 20 + RFC3339_TEXT_MAX };

/* ---- pairing of rules ---------------------------------------------------------------- */

/* order: of a new rule its number, of an old one behind all new ones. */
struct rule_place {
	const struct rule *rule;
	uint32_t order;
};

static int compare_places(const void *one, const void *other)
{
	const struct rule_place *a = one, *b = other;
	int order = (a->rule->family > b->rule->family) - (a->rule->family < b->rule->family);

	if (order == 0)
		order = slice_compare(a->rule->name, b->rule->name);
	return order ? order : (a->order > b->order) - (a->order < b->order);
}

static bool is_same_rule(const struct rule *a, const struct rule *b)
{
	return a->family == b->family && slice_equal(a->name, b->name);
}

static void add_rule(struct rules_diff *d, const struct rule *rule, bool is_new, int64_t now)
{
	d->rules[d->rule_count++] = (struct rules_diff_rule){
	    .name = arena_copy(d->arena, rule->name),
	    .family = rule->family,
	    .kind = is_new ? RULE_ADDED : RULE_REMOVED,
	    .monitor = rule_monitors(rule, now),
	};
}

/* Fills number[order] of all rules of both tables; equal rules have one number. */
static void number_rules(
    const struct rules_pair *p, struct rule_place *places, size_t n, uint32_t *number)
{
	struct rules_diff *d = p->diff;
	size_t new_count = p->after->rule_count;
	uint32_t *leader = arena_calloc(d->arena, n + 1, sizeof *leader);
	const struct rule **rules = arena_calloc(d->arena, n + 1, sizeof *rules);
	size_t first = 0;

	if (!leader || !rules)
		return;
	qsort(places, n, sizeof *places, compare_places);
	for (size_t i = 0; i < n; i++) {
		if (!is_same_rule(places[i].rule, places[first].rule))
			first = i;
		leader[places[i].order] = places[first].order;
		rules[places[i].order] = places[i].rule;
	}
	for (size_t i = 0; i < n; i++) {
		if (leader[i] == i) {
			number[i] = (uint32_t)d->rule_count;
			add_rule(d, rules[i], i < new_count, p->now);
			continue;
		}
		number[i] = number[leader[i]];
		if (i >= new_count && leader[i] < new_count)
			d->rules[number[i]].kind = RULE_KEPT;
	}
}

static bool pair_rules(struct rules_pair *p)
{
	struct rules_diff *d = p->diff;
	size_t m = p->after->rule_count, n = m + p->before->rule_count;
	struct rule_place *places = arena_calloc(d->arena, n + 1, sizeof *places);
	uint32_t *number = arena_calloc(d->arena, n + 1, sizeof *number);

	d->rules = arena_calloc(d->arena, n + 1, sizeof *d->rules);
	if (!places || !number || !d->rules)
		return false;
	for (size_t i = 0; i < n; i++)
		places[i] = (struct rule_place){
		    i < m ? &p->after->rules[i] : &p->before->rules[i - m], (uint32_t)i};
	number_rules(p, places, n, number);
	p->after_number = number;
	p->before_number = number + m;
	return !arena_failed(d->arena);
}

/* ---- lists of the result ------------------------------------------------------------- */

void rules_diff_add_change(struct rules_diff *d, struct rules_diff_change **list, const char *what,
    struct slice before, struct slice after)
{
	struct rules_diff_change *c;

	if (slice_equal(before, after))
		return;
	while (*list)
		list = &(*list)->next;
	c = arena_calloc(d->arena, 1, sizeof *c);
	if (!c)
		return;
	c->what = what;
	c->before = arena_copy(d->arena, before);
	c->after = arena_copy(d->arena, after);
	*list = c;
}

bool rules_diff_count(struct rules_diff_side *side)
{
	return side->count++ < RULES_DIFF_EXAMPLES;
}

void rules_diff_add_example(struct rules_diff *d, struct rules_diff_side *side, struct slice text)
{
	if (side->example_count < RULES_DIFF_EXAMPLES)
		side->examples[side->example_count++] = arena_copy(d->arena, text);
}

struct rules_diff_side *rules_diff_side_of(
    struct rules_diff *d, uint32_t rule, unsigned slot, const char *name, bool in)
{
	struct rules_diff_key **at = &d->rules[rule].keys;
	bool unless = slot >= SLOT_UNLESS;

	while (*at && ((*at)->unless != unless || strcmp((*at)->name, name) != 0))
		at = &(*at)->next;
	if (!*at) {
		*at = arena_calloc(d->arena, 1, sizeof **at);
		if (!*at)
			return NULL;
		(*at)->name = name;
		(*at)->unless = unless;
	}
	return in ? &(*at)->in : &(*at)->out;
}

/* ---- attributes of a rule ------------------------------------------------------------ */

static enum rules_diff_enforcement enforcement_of(bool before, bool after)
{
	return before == after ? ENFORCEMENT_SAME : after ? ENFORCEMENT_ON : ENFORCEMENT_OFF;
}

static const char *key_word(unsigned bit)
{
	return rule_key_name((enum rule_key)bit);
}

static const char *family_word(unsigned bit)
{
	return family_name((enum family)bit);
}

static const char *identity_word(unsigned bit)
{
	return identity_name((enum identity_kind)bit);
}

static const char *proof_word(unsigned bit)
{
	return word_of(proof_words, (int)bit);
}

/* The words of the bits, with commas. */
static struct slice words_of(unsigned bits, const char *(*word)(unsigned bit), char text[WORDS_MAX])
{
	struct line l = line_start(text, WORDS_MAX);

	for (unsigned bit = 0; bit < 32; bit++)
		if (bits >> bit & 1)
			line_append(&l, "%s%s", l.len > 0 ? ", " : "", word(bit));
	return slice_of(text, l.len);
}

static void compare_words(struct rules_diff *d, struct rules_diff_change **list, const char *what,
    unsigned before, unsigned after, const char *(*word)(unsigned bit))
{
	char old[WORDS_MAX], fresh[WORDS_MAX];

	rules_diff_add_change(
	    d, list, what, words_of(before, word, old), words_of(after, word, fresh));
}

/* "fail, softfail, !none" */
static struct slice fact_words_of(const struct ruleset *rules, const struct rule *rule, bool unless,
    unsigned key, char text[WORDS_MAX])
{
	struct line l = line_start(text, WORDS_MAX);
	unsigned at = key - KEY_LISTS;
	struct slice word;

	for (unsigned i = 0; rule->words && (word = fact_word(rules, key, i)).len > 0; i++) {
		const char *comma = l.len > 0 ? ", " : "";

		if (rule->words->in[unless][at] >> i & 1)
			line_append(&l, "%s%.*s", comma, SLICE_ARG(word));
		if (rule->words->out[unless][at] >> i & 1)
			line_append(&l, "%s!%.*s", comma, SLICE_ARG(word));
	}
	return slice_of(text, l.len);
}

/* The words of criteria on one fact, "spf: fail → fail, softfail". */
static void compare_fact_words(const struct rules_pair *p, struct rules_diff_change **list,
    const struct rule *a, const struct rule *b)
{
	struct rules_diff *d = p->diff;
	char old[WORDS_MAX], fresh[WORDS_MAX];

	for (unsigned key = KEY_LISTS; key < KEY_COUNT; key++)
		for (unsigned unless = 0; unless < 2 && fact_words_row(key); unless++) {
			struct slice name = arena_printf(d->arena, "%s%s", unless ? "unless." : "",
			    rule_key_name((enum rule_key)key));

			if (name.len > 0)
				rules_diff_add_change(d, list, name.ptr,
				    fact_words_of(p->before, a, unless, key, old),
				    fact_words_of(p->after, b, unless, key, fresh));
		}
}

/* "!Date, Subject: /x/" */
static struct slice headers_of(
    const struct ruleset *rules, const struct rule *rule, unsigned slot, char text[WORDS_MAX])
{
	struct line l = line_start(text, WORDS_MAX);

	for (unsigned i = 0; i < rule->headers; i++) {
		const struct header_test *t = &rules->headers[rule->headers_from + i];

		if (t->slot == slot)
			line_append(&l, "%s%.*s", l.len > 0 ? ", " : "", SLICE_ARG(t->text));
	}
	return slice_of(text, l.len);
}

static void compare_headers(const struct rules_pair *p, struct rules_diff_change **list,
    const struct rule *a, const struct rule *b)
{
	static const struct {
		unsigned slot;
		const char *name;
	} slots[] = {{KEY_HEADER, "header"}, {KEY_ALL_HEADERS, "all_headers"},
	    {SLOT_UNLESS + KEY_HEADER, "unless.header"},
	    {SLOT_UNLESS + KEY_ALL_HEADERS, "unless.all_headers"}};
	char old[WORDS_MAX], fresh[WORDS_MAX];

	for (size_t i = 0; i < sizeof slots / sizeof slots[0]; i++)
		rules_diff_add_change(p->diff, list, slots[i].name,
		    headers_of(p->before, a, slots[i].slot, old),
		    headers_of(p->after, b, slots[i].slot, fresh));
}

static struct slice expiry_of(int64_t expires, char text[RFC3339_TEXT_MAX])
{
	if (expires == 0)
		return SLICE("never");
	rfc3339_format(expires, text);
	return slice_str(text);
}

/* Says of the change of this name, if there is one, what it does to enforcement. */
static void mark_enforcement(
    struct rules_diff_change *list, const char *what, bool before, bool after)
{
	for (struct rules_diff_change *c = list; c; c = c->next)
		if (strcmp(c->what, what) == 0)
			c->enforcement = enforcement_of(before, after);
}

/* "none", "monitor until 2026-11-28T12:00:00Z". */
static struct slice override_of(const struct rule *rule, int64_t now, char text[OVERRIDE_TEXT_MAX])
{
	struct line l = line_start(text, OVERRIDE_TEXT_MAX);
	char until[RFC3339_TEXT_MAX];

	if (!rule_overridden(rule, now))
		return SLICE("none");
	line_append(&l, "%s", word_of(mode_words, rule->override.monitor));
	if (rule->override.until != 0)
		line_append(&l, " until %.*s", SLICE_ARG(expiry_of(rule->override.until, until)));
	return slice_of(text, l.len);
}

static void compare_modes(struct rules_diff *d, const struct rule *a, const struct rule *b,
    int64_t now, struct rules_diff_change **list)
{
	char old[OVERRIDE_TEXT_MAX], fresh[OVERRIDE_TEXT_MAX];
	bool was = rule_monitors(a, now), is = rule_monitors(b, now);

	rules_diff_add_change(d, list, "mode", slice_str(word_of(mode_words, was)),
	    slice_str(word_of(mode_words, is)));
	mark_enforcement(*list, "mode", !was, !is);
	rules_diff_add_change(
	    d, list, "override", override_of(a, now, old), override_of(b, now, fresh));
}

static void compare_rules(const struct rules_pair *p, const struct rule *a, const struct rule *b,
    struct rules_diff_change **list)
{
	struct rules_diff *d = p->diff;
	char old[RFC3339_TEXT_MAX], fresh[RFC3339_TEXT_MAX];

	compare_modes(d, a, b, p->now, list);
	compare_words(d, list, "criteria", a->keys, b->keys, key_word);
	compare_words(d, list, "unless", a->unless, b->unless, key_word);
	/* In a whitelist it follows from proof. */
	if (b->family != FAMILY_WHITELIST)
		compare_words(d, list, "in", a->in, b->in, identity_word);
	compare_words(d, list, "unless.in", a->unless_in, b->unless_in, identity_word);
	compare_words(d, list, "covers", a->covers, b->covers, family_word);
	compare_words(d, list, "proof", a->proof, b->proof, proof_word);
	rules_diff_add_change(d, list, "applies", slice_str(rule_applies_name(a->applies)),
	    slice_str(rule_applies_name(b->applies)));
	rules_diff_add_change(d, list, "wide", slice_str(a->wide ? "true" : "false"),
	    slice_str(b->wide ? "true" : "false"));
	compare_fact_words(p, list, a, b);
	rules_diff_add_change(d, list, "undecided",
	    slice_str(a->undecided_tempfail ? "tempfail" : "pass"),
	    slice_str(b->undecided_tempfail ? "tempfail" : "pass"));
	rules_diff_add_change(
	    d, list, "expires", expiry_of(a->expires, old), expiry_of(b->expires, fresh));
	rules_diff_add_change(d, list, "reply", a->reply, b->reply);
	rules_diff_add_change(d, list, "comment", a->comment, b->comment);
	rules_diff_add_change(d, list, "owner", a->owner, b->owner);
	rules_diff_add_change(d, list, "ticket", a->ticket, b->ticket);
}

/* Rules that have their name for themselves in both tables. */
static bool compare_attributes(const struct rules_pair *p)
{
	struct rules_diff *d = p->diff;
	const struct rule **old = arena_calloc(d->arena, d->rule_count + 1, sizeof *old);
	unsigned *count = arena_calloc(d->arena, d->rule_count + 1, sizeof *count);

	if (!old || !count)
		return false;
	for (unsigned i = 0; i < p->before->rule_count; i++) {
		old[p->before_number[i]] = &p->before->rules[i];
		count[p->before_number[i]]++;
	}
	for (unsigned i = 0; i < p->after->rule_count; i++)
		count[p->after_number[i]]++;
	for (unsigned i = 0; i < p->after->rule_count; i++) {
		uint32_t n = p->after_number[i];

		if (d->rules[n].kind == RULE_KEPT && count[n] == 2) {
			compare_rules(p, old[n], &p->after->rules[i], &d->rules[n].changes);
			compare_headers(p, &d->rules[n].changes, old[n], &p->after->rules[i]);
		}
	}
	return !arena_failed(d->arena);
}

/* ---- settings ------------------------------------------------------------------------ */

static void compare_choice(
    struct rules_diff *d, const char *what, const struct word *words, int before, int after)
{
	rules_diff_add_change(d, &d->settings, what, slice_str(word_of(words, before)),
	    slice_str(word_of(words, after)));
}

static void compare_enforcement(
    struct rules_diff *d, const struct settings *a, const struct settings *b)
{
	struct rules_diff_change **list = &d->settings;
	enum spf_switch spf_a = a->defaults.spf, spf_b = b->defaults.spf;
	enum dmarc_switch dmarc_a = a->defaults.dmarc, dmarc_b = b->defaults.dmarc;

	compare_choice(d, "mode", mode_words, a->monitor, b->monitor);
	mark_enforcement(*list, "mode", !a->monitor, !b->monitor);
	compare_choice(d, "spf.fail", spf_words, (int)spf_a, (int)spf_b);
	mark_enforcement(*list, "spf.fail", spf_a > SPF_MONITOR, spf_b > SPF_MONITOR);
	compare_choice(d, "dmarc.default", dmarc_words, (int)dmarc_a, (int)dmarc_b);
	mark_enforcement(*list, "dmarc.default", dmarc_a > DMARC_MONITOR, dmarc_b > DMARC_MONITOR);
}

/* Switches that only recipient domain "*" can set, for all that are not listed. */
static void compare_everywhere(
    struct rules_diff *d, const struct switches *a, const struct switches *b)
{
	struct rules_diff_change **list = &d->settings;

	compare_choice(d, "domains.*.susranges", on_off_words, a->susranges, b->susranges);
	mark_enforcement(*list, "domains.*.susranges", a->susranges, b->susranges);
	compare_choice(d, "domains.*.blocks", on_off_words, a->blocks, b->blocks);
	mark_enforcement(*list, "domains.*.blocks", a->blocks, b->blocks);
	compare_choice(d, "domains.*.forwards", bool_words, a->forwards, b->forwards);
}

/* "bl.example.net of client: 127.0.0.2, 127.0.0.4-127.0.0.11"; a file says how many entries. */
static struct slice dnsbl_text(struct rules_diff *d, const struct ruleset *rules, struct slice name)
{
	char text[WORDS_MAX * 4], first[IP_TEXT_MAX], last[IP_TEXT_MAX];
	struct line l = line_start(text, sizeof text);
	const struct dnsbl *list = NULL;

	for (unsigned i = 0; i < rules->dnsbl_count; i++)
		if (slice_equal(rules->dnsbls[i].name, name))
			list = &rules->dnsbls[i];
	if (!list)
		return SLICE("none");
	if (list->zone.len > 0)
		line_append(&l, "%.*s", SLICE_ARG(list->zone));
	else
		line_append(&l, "a file of %zu entries", list->entries);
	line_append(&l, " of %s", list->of == IDENTITY_COUNT ? "client" : identity_name(list->of));
	for (unsigned i = 0; i < list->answer_count; i++) {
		ip_format(&list->answers[i].first, first);
		ip_format(&list->answers[i].last, last);
		line_append(&l, "%s %s", i ? "," : ":", first);
		if (strcmp(first, last) != 0)
			line_append(&l, "-%s", last);
	}
	return arena_copy(d->arena, slice_of(text, l.len));
}

static void compare_dnsbls(
    struct rules_diff *d, const struct ruleset *before, const struct ruleset *after)
{
	const struct ruleset *both[] = {after, before};

	for (int k = 0; k < 2; k++)
		for (unsigned i = 0; i < both[k]->dnsbl_count; i++) {
			struct slice name = both[k]->dnsbls[i].name, what;

			if (k == 1 && !slice_equal(dnsbl_text(d, after, name), SLICE("none")))
				continue;
			what = arena_printf(d->arena, "dnsbl %.*s", SLICE_ARG(name));
			if (what.len > 0)
				rules_diff_add_change(d, &d->settings, what.ptr,
				    dnsbl_text(d, before, name), dnsbl_text(d, after, name));
		}
}

static void compare_settings(
    struct rules_diff *d, const struct settings *a, const struct settings *b)
{
	struct rules_diff_change **list = &d->settings;

	compare_enforcement(d, a, b);
	compare_everywhere(d, &a->defaults, &b->defaults);
	compare_choice(d, "spf.temperror", accept_tempfail_words, a->spf_temperror_tempfail,
	    b->spf_temperror_tempfail);
	compare_choice(d, "spf.permerror", accept_reject_words, a->spf_permerror_reject,
	    b->spf_permerror_reject);
	compare_choice(d, "dmarc.quarantine", mark_hold_words, a->dmarc_hold, b->dmarc_hold);
	compare_choice(d, "dmarc.temperror", accept_tempfail_words, a->dmarc_temperror_tempfail,
	    b->dmarc_temperror_tempfail);
	compare_choice(d, "dmarc.unproven", tempfail_accept_words, a->dmarc_unproven_accept,
	    b->dmarc_unproven_accept);
	compare_choice(d, "dmarc.bad_from", reject_accept_words, a->dmarc_bad_from_accept,
	    b->dmarc_bad_from_accept);
	compare_choice(d, "mixed", mixed_words, (int)a->dmarc_mixed, (int)b->dmarc_mixed);
	rules_diff_add_change(d, list, "help_url", a->help_url, b->help_url);
	rules_diff_add_change(d, list, "milter.authserv_id", a->authserv_id, b->authserv_id);
	rules_diff_add_change(d, list, "headers.results", a->headers_results, b->headers_results);
	rules_diff_add_change(d, list, "headers.verdict", a->headers_verdict, b->headers_verdict);
}

/* ---- the whole ----------------------------------------------------------------------- */

struct rules_diff *rules_diff_create(
    const struct ruleset *before, const struct ruleset *after, int64_t now)
{
	struct arena *arena = arena_create(RULES_DIFF_MAX);
	struct rules_diff *d = arena ? arena_calloc(arena, 1, sizeof *d) : NULL;
	struct rules_pair p = {.before = before, .after = after, .diff = d, .now = now};

	if (!d) {
		arena_free(&arena);
		return NULL;
	}
	d->arena = arena;
	compare_settings(d, &before->settings, &after->settings);
	compare_dnsbls(d, before, after);
	if (!pair_rules(&p) || !compare_attributes(&p) || !rules_diff_networks(&p) ||
	    !rules_diff_names(&p) || !rules_diff_switches(&p) || arena_failed(arena))
		rules_diff_free(&d);
	return d;
}

void rules_diff_free(struct rules_diff **diff)
{
	struct arena *arena = *diff ? (*diff)->arena : NULL;

	arena_free(&arena);
	*diff = NULL;
}
