#include "config_load.h"

#include "core/base/array.h"
#include "core/name/pattern.h"

#include <stdlib.h>

/*
 * Rules that match nearly everything: each of their criteria has an entry that does.  Such a rule
 * needs wide = true; without it that is a warning until 1.0.  What counts as such an entry:
 *
 *     .com, .net, .org, and the top-level domain of one of our recipient domains (or *.com …)
 *     a pattern that matches 8 of the 10 ordinary names, or addresses, below
 *
 * Networks have their own limits (core/rules/ruleset.h), as have whitelists by `domains`.  The
 * recipient domains are read behind the rules, so that entries wait here for them.
 */

enum { ORDINARY = 10, ORDINARY_MOST = 8 };

/* Shapes that names of hosts and addresses have everywhere; susmilter.conf(5) prints them. */
static const char *const ordinary_names[ORDINARY] = {"mail.example.com", "mx1.example.net",
    "smtp-out-03.example.org", "relay.school.example", "mail-lf1-f50.shop.test",
    "dsl-198-51-100-7.isp.test", "a27-15.news.test", "web.company.test", "server.club.test",
    "outbound.bank.test"};
static const char *const ordinary_addresses[ORDINARY] = {"info@example.com",
    "john.smith@example.net", "j.doe42@example.org", "newsletter@shop.test",
    "bounce+12345@news.test", "noreply@company.test", "anna_b@school.example", "sales@club.test",
    "support@isp.test", "k9@mail.bank.test"};

static const char *const large_domains[] = {"com", "net", "org", NULL};

void config_each_ordinary(void (*each)(void *context, const char *text), void *context)
{
	for (unsigned i = 0; i < ORDINARY; i++)
		each(context, ordinary_names[i]);
	for (unsigned i = 0; i < ORDINARY; i++)
		each(context, ordinary_addresses[i]);
}

/* ---- entries ------------------------------------------------------------------------- */

/* How many of the ordinary values the pattern matches. */
static unsigned count_ordinary(struct slice expression, unsigned key)
{
	bool names = key == KEY_CLIENT_NAME || key == KEY_HELO;
	const char *const *values = names ? ordinary_names : ordinary_addresses;
	char why[PATTERN_WHY_MAX];
	struct pattern *p = pattern_compile(expression, why);
	unsigned n = 0;

	for (unsigned i = 0; p && i < ORDINARY; i++)
		n += pattern_match(p, slice_str(values[i])) == PATTERN_YES;
	pattern_free(&p);
	return n;
}

static void add_wide(struct load *load, struct wide_entry wide)
{
	if (!ARRAY_ROOM(load->wides, load->wide_capacity, load->wide_count + 1)) {
		diag_error(load->diag, wide.where, "out of memory");
		return;
	}
	load->wides[load->wide_count++] = wide;
}

void load_note_wide(
    struct load *load, unsigned rule, const struct entry *e, struct slice text, struct origin where)
{
	const struct key_checks *k = load->checks;
	const struct rule *r = k->rule;
	struct wide_entry wide = {rule, k->slot, r->keys, r->name, text, {NULL, 0}, 0, where};

	if (rule >= RULES_MAX || r->wide || e->out || k->slot >= SLOT_UNLESS ||
	    r->family == FAMILY_EXEMPT || (r->family == FAMILY_WHITELIST && k->slot == KEY_DOMAINS))
		return;
	if (e->kind == ENTRY_PATTERN) {
		wide.matches = count_ordinary(e->text, k->slot);
		if (wide.matches >= ORDINARY_MOST)
			add_wide(load, wide);
	} else if ((e->kind == ENTRY_TREE || e->kind == ENTRY_BELOW) && name_labels(e->name) == 1) {
		wide.domain = e->name;
		add_wide(load, wide);
	}
}

/* ---- top-level domains of our recipients --------------------------------------------- */

static bool is_ours(const struct load *load, struct slice domain)
{
	for (size_t i = 0; i < load->tld_count; i++)
		if (slice_equal(load->tlds[i], domain))
			return true;
	return false;
}

void load_note_recipient_domain(struct load *load, struct slice name)
{
	struct slice domain = name_last_labels(name, 1);

	if (domain.len > 0 && load->tld_count < LOAD_TLDS_MAX && !is_ours(load, domain))
		load->tlds[load->tld_count++] = domain;
}

bool load_is_large(const struct load *load, struct slice domain)
{
	for (const char *const *d = large_domains; *d; d++)
		if (slice_equal(domain, slice_str(*d)))
			return true;
	return is_ours(load, domain);
}

/* ---- rules --------------------------------------------------------------------------- */

static bool is_wide(const struct load *load, const struct wide_entry *w)
{
	return w->matches > 0 || load_is_large(load, w->domain);
}

static void tell_wide(struct load *load, const struct wide_entry *w)
{
	const char *what = "";

	if (w->matches > 0)
		what = arena_printf(load->arena, "it matches %u of %d ordinary %s", w->matches,
		    (int)ORDINARY,
		    w->slot == KEY_CLIENT_NAME || w->slot == KEY_HELO ? "names" : "addresses")
			   .ptr;
	else
		what = arena_printf(
		    load->arena, "it matches every name below %.*s", SLICE_ARG(w->domain))
			   .ptr;
	diag_warning(load->diag, w->where,
	    "\"%.*s\" makes the rule \"%.*s\" match nearly everything (%s): if you mean it, set "
	    "wide = true; from version 1.0 on this is an error",
	    SLICE_ARG(w->text), SLICE_ARG(w->name), what ? what : "");
}

/* The entries of one rule stand together.  Told at the first that is wide, once for the rule. */
void load_check_wide(struct load *load)
{
	for (size_t i = 0, end; i < load->wide_count; i = end) {
		const struct wide_entry *first = NULL, *w;
		unsigned keys = 0;

		for (end = i; end < load->wide_count; end++) {
			w = &load->wides[end];
			if (w->rule != load->wides[i].rule)
				break;
			if (!is_wide(load, w))
				continue;
			keys |= 1u << w->slot;
			first = first ? first : w;
		}
		if (first && (first->keys & ~keys) == 0)
			tell_wide(load, first);
	}
}
