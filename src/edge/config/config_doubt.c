#include "config_load.h"

/*
 * Entries that are legal and cannot match, or match something else than their author means:
 *
 *     domains = [ "monster" ]                 no name has one label: ".monster"
 *     exempt_recipients = [ "postmaster" ]    a domain, where a user is meant: "postmaster@"
 *     sender = [ "mailto:x@y.example" ]       the scheme of a link is not part of an address
 *
 * They ran in 0.1 and so are warnings until 1.0.  One key is warned of once for each kind, at the
 * first such entry: a list may have thousands.
 */

#define FROM_1_0 "; from version 1.0 on this is an error"

static void note(struct doubt *d, struct slice text, struct origin where)
{
	if (d->count++ == 0) {
		d->text = text;
		d->where = where;
	}
}

/* HELO alone is often one label.  "localhost" is what some hosts put into names and addresses. */
static bool takes_one_label(const struct key_checks *k)
{
	unsigned key = k->slot & (SLOT_UNLESS - 1);
	unsigned in = k->slot >= SLOT_UNLESS ? k->rule->unless_in : k->rule->in;

	return key == KEY_HELO || (key == KEY_DOMAINS && in == 1u << IDENTITY_HELO);
}

void load_note_doubt(
    struct key_checks *k, const struct entry *e, struct slice text, struct origin where)
{
	struct slice scheme = SLICE("mailto:");
	bool at = slice_find(text, '@') < text.len;

	if (e->kind == ENTRY_NETWORK || e->kind == ENTRY_PATTERN || e->kind == ENTRY_NULL)
		return;
	if (e->local.len > 0 && slice_starts_nocase(e->local, scheme))
		note(&k->doubts[DOUBT_SCHEME], text, where);
	else if (k->rule->family == FAMILY_EXEMPT && !at)
		note(&k->doubts[DOUBT_DOMAIN], text, where);
	else if (e->kind == ENTRY_NAME && !at && name_labels(e->name) == 1 && !takes_one_label(k) &&
		 !slice_equal(e->name, SLICE("localhost")))
		note(&k->doubts[DOUBT_LABEL], text, where);
}

static const char *advice(
    struct load *load, enum doubt_kind kind, const struct key_checks *k, struct slice text)
{
	unsigned key = k->slot & (SLOT_UNLESS - 1);
	bool out = slice_starts(text, SLICE("!"));
	struct slice entry = slice_trim(slice_skip(text, out));
	const char *sign = out ? "!" : "";

	switch (kind) {
	case DOUBT_SCHEME:
		return arena_printf(load->arena,
		    "has the scheme of a link, which no address has: write \"%s%.*s\"", sign,
		    SLICE_ARG(slice_skip(entry, strlen("mailto:"))))
		    .ptr;
	case DOUBT_DOMAIN:
		return arena_printf(load->arena,
		    "exempts a domain: write \"%s%.*s@\" for that user at any domain, or "
		    "\"%s@%.*s\" for all of that domain",
		    sign, SLICE_ARG(entry), sign, SLICE_ARG(entry))
		    .ptr;
	default:
		return arena_printf(load->arena,
		    "is one label and matches no name below it: write \"%s.%.*s\" for the "
		    "top-level domain%s",
		    sign, SLICE_ARG(entry),
		    key == KEY_SENDER || key == KEY_FROM || key == KEY_RECIPIENT
			? arena_printf(load->arena, ", \"%s%.*s@\" for that user at any domain",
			      sign, SLICE_ARG(entry))
			      .ptr
			: "")
		    .ptr;
	}
}

void load_tell_doubts(struct load *load, const struct key_checks *k, const char *word)
{
	for (unsigned kind = 0; kind < DOUBTS; kind++) {
		const struct doubt *d = &k->doubts[kind];
		const char *what, *more = "";

		if (d->count == 0)
			continue;
		what = advice(load, (enum doubt_kind)kind, k, d->text);
		if (d->count > 1)
			more =
			    arena_printf(load->arena, " (the first of %zu such entries)", d->count)
				.ptr;
		diag_warning(load->diag, d->where, "%s: \"%.*s\" %s%s" FROM_1_0, word,
		    SLICE_ARG(d->text), what ? what : "", more ? more : "");
	}
}
