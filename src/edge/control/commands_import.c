#include "edge/control/commands.h"

#include "core/import/import_set.h"
#include "edge/config/idn.h"
#include "edge/os/textfile.h"

#include <errno.h>
#include <stdio.h>

struct importing {
	struct asked *asked;
	const char *file;
	struct import_set *set;
	size_t taken, left, corrected, dropped[IMPORT_SET_FAILED + 1];
	bool failed;
	FILE *out; /* the list that is being written; NULL: to the channel */
};

/* ---- in ------------------------------------------------------------------------------ */

static void complain(struct importing *i, const struct import_item *item, const char *why)
{
	char shown[EXCERPT_MAX];

	channel_complain(i->asked->channel, "%s:%u: %s: %s\n", i->file, item->line,
	    slice_excerpt(item->source, shown), why);
}

static void take(void *context, const struct import_item *item)
{
	static const char *const reasons[] = {
	    [IMPORT_SET_DUPLICATE] = "stands there already",
	    [IMPORT_SET_CONTRADICTION] = "stands there already, with another action: the first "
					"one holds",
	    [IMPORT_SET_NEVER_REACHED] = "an earlier, wider entry decides: never reached",
	    [IMPORT_SET_FAILED] = "out of memory",
	};
	struct importing *i = context;
	enum import_set_result result;

	if (item->left) {
		i->left++;
		complain(i, item, item->left);
		return;
	}
	result = import_set_add(i->set, item);
	i->dropped[result]++;
	i->failed |= result == IMPORT_SET_FAILED;
	if (reasons[result]) {
		complain(i, item, reasons[result]);
		return;
	}
	i->taken++;
	i->corrected += item->note != NULL;
	if (item->note)
		complain(i, item, item->note);
}

static bool read_file(struct importing *i, enum import_format format, const char *path)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text, kept;

	if (textfile_read(path, &text, why) != TEXTFILE_OK) {
		channel_complain(i->asked->channel, "import: %s: %s\n", path, why);
		return false;
	}
	kept = arena_copy(i->asked->arena, text);
	textfile_free(&text);
	i->file = path;
	import_text(format, kept, &idn_uts46, i->asked->arena, take, i);
	return !i->failed && !arena_failed(i->asked->arena);
}

/* ---- out ----------------------------------------------------------------------------- */

static void put(struct importing *i, struct slice s)
{
	if (i->out)
		fprintf(i->out, "%.*s", SLICE_ARG(s));
	else
		channel_write(i->asked->channel, s);
}

/* In pieces, since a pattern may be of any length. */
static void write_entry(void *context, const struct import_item *item, bool out)
{
	struct importing *i = context;
	struct slice comment =
	    out && item->action != IMPORT_EXCEPT ? slice_of("", 0) : item->comment;

	put(i, out ? SLICE("!") : SLICE(""));
	put(i, item->text);
	put(i, comment.len > 0 ? SLICE("  # ") : SLICE(""));
	put(i, comment);
	put(i, SLICE("\n"));
}

static unsigned lists_made(const struct importing *i)
{
	unsigned n = 0;

	for (int p = 0; p < PURPOSES; p++)
		for (int k = 0; k < IMPORT_KEYS; k++)
			n +=
			    import_set_count(i->set, (enum import_purpose)p, (enum import_key)k) > 0;
	return n;
}

/* What a rule needs to take the list. */
static void tell_needs(const struct importing *i, enum import_purpose p, enum import_key k)
{
	size_t wide = import_set_wide(i->set, p, k);

	if (wide > 0)
		channel_complain(i->asked->channel,
		    "%zu networks of the %s are so wide that their rule needs wide = true\n", wide,
		    p == PURPOSE_LISTED ? "list" : import_purpose_name(p));
	if (p == PURPOSE_WHITELIST && k == IMPORT_NAMES)
		channel_complain(i->asked->channel,
		    "names in the whitelist need proof = [ \"spf\", \"client_name\" ]\n");
	if (p == PURPOSE_WHITELIST && (k == IMPORT_ADDRESSES || k == IMPORT_SENDERS))
		channel_complain(i->asked->channel,
		    "the whitelist takes no sender alone, since anyone can write one: put them "
		    "into unless = { sender = [ ] } of the rule that refuses\n");
}

/* One list: a file that was not there before, or standard output. */
static bool write_list(
    struct importing *i, const char *into, enum import_purpose p, enum import_key k)
{
	size_t count = import_set_count(i->set, p, k);
	const char *purpose = p == PURPOSE_LISTED ? "" : import_purpose_name(p);
	const char *dash = purpose[0] ? "-" : "";
	char path[4096];
	bool failed;

	if (count == 0)
		return true;
	tell_needs(i, p, k);
	if (!into) {
		import_set_each(i->set, p, k, write_entry, i);
		return true;
	}
	snprintf(path, sizeof path, "%s%s%s.%s", into, dash, purpose, import_key_name(k));
	i->out = fopen(path, "wxe");
	if (!i->out) {
		channel_complain(i->asked->channel, "import: %s: %s\n", path, strerror(errno));
		return false;
	}
	import_set_each(i->set, p, k, write_entry, i);
	failed = ferror(i->out);
	if (fclose(i->out) != 0 || failed) {
		channel_complain(i->asked->channel, "import: %s: %s\n", path, strerror(errno));
		remove(path); /* the next try may make it anew */
		return false;
	}
	channel_print(i->asked->channel, "%s: %zu entries\n", path, count);
	return true;
}

static bool write_lists(struct importing *i)
{
	const char *into = asked_text(i->asked, "into");
	bool good = true;

	if (!into && lists_made(i) > 1) {
		channel_complain(i->asked->channel,
		    "import: these entries belong in %u lists: say --into PREFIX, and each gets a "
		    "file\n",
		    lists_made(i));
		return false;
	}
	for (int p = 0; p < PURPOSES; p++)
		for (int k = 0; k < IMPORT_KEYS; k++)
			good =
			    write_list(i, into, (enum import_purpose)p, (enum import_key)k) && good;
	return good;
}

static void print_count(const struct importing *i)
{
	channel_complain(i->asked->channel,
	    "%zu entries taken over (%zu corrected), %zu lines not; %zu duplicates, %zu "
	    "contradictions, %zu never reached\n",
	    i->taken, i->corrected, i->left, i->dropped[IMPORT_SET_DUPLICATE],
	    i->dropped[IMPORT_SET_CONTRADICTION], i->dropped[IMPORT_SET_NEVER_REACHED]);
}

static int usage(struct asked *a)
{
	channel_complain(a->channel, "usage: susmilterctl import [--into PREFIX] FORMAT FILE…\n");
	for (int f = 0; f < IMPORT_FORMATS; f++)
		channel_complain(a->channel, "  %-10s %s\n",
		    import_format_name((enum import_format)f),
		    import_format_help((enum import_format)f));
	return STATUS_USAGE;
}

int command_import(struct asked *a)
{
	const char *word = asked_argument(a, 0), *path;
	struct importing i = {.asked = a};
	enum import_format format;
	bool good = true;

	if (!word || !import_format_find(slice_str(word), &format) || !asked_argument(a, 1))
		return usage(a);
	i.set = import_set_create(format == IMPORT_CIDR || format == IMPORT_EXIM);
	if (!i.set) {
		channel_complain(a->channel, "out of memory\n");
		return STATUS_FAILED;
	}
	for (size_t n = 1; good && (path = asked_argument(a, n)); n++)
		good = read_file(&i, format, path);
	good = good && write_lists(&i);
	print_count(&i);
	import_set_free(&i.set);
	return good ? STATUS_OK : STATUS_FAILED;
}
