#include "edge/control/commands.h"

#include "core/import/import_set.h"
#include "edge/idn/idn.h"
#include "edge/os/textfile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Lines on standard error about one kind of thing and file; further ones are only counted: a real
 * list had 228,096 entries that others cover. */
enum { MESSAGES_A_KIND = 20 };

/* What can be said of an entry. */
enum message_kind { SKIPPED, CORRECTED, DUPLICATE, CONTRADICTION, NEVER_REACHED, MESSAGE_KINDS };

struct importing {
	struct request *asked;
	const char *file;
	struct import_set *set;
	size_t taken, of_file; /* entries: of all files, of this one */
	size_t said[MESSAGE_KINDS], said_of_file[MESSAGE_KINDS];
	bool failed;
	FILE *out; /* the list that is being written; NULL: to the channel */
};

/* ---- in ------------------------------------------------------------------------------ */

static void diag_item(
    struct importing *i, const struct import_item *item, enum message_kind kind, const char *text)
{
	char shown[EXCERPT_MAX];

	i->said[kind]++;
	if (i->said_of_file[kind]++ < MESSAGES_A_KIND)
		channel_error(i->asked->channel, "%s:%u: %s: %s\n", i->file, item->line,
		    slice_excerpt(item->source, shown), text);
}

/* How many were not shown, once a file is read. */
static void diag_hidden(struct importing *i)
{
	static const char *const names[MESSAGE_KINDS] = {
	    "lines skipped", "entries corrected", "duplicates", "contradictions", "never reached"};

	for (int k = 0; k < MESSAGE_KINDS; k++)
		if (i->said_of_file[k] > MESSAGES_A_KIND)
			channel_error(i->asked->channel, "%s: … and %zu more: %s\n", i->file,
			    i->said_of_file[k] - MESSAGES_A_KIND, names[k]);
}

static void add_item(void *context, const struct import_item *item)
{
	struct importing *i = context;

	if (item->left) {
		diag_item(i, item, SKIPPED, item->left);
		return;
	}
	switch (import_set_add(i->set, item)) {
	case IMPORT_SET_NEW:
		i->of_file++;
		if (item->note)
			diag_item(i, item, CORRECTED, item->note);
		break;
	case IMPORT_SET_DUPLICATE:
		i->of_file++; /* of another file, perhaps: something was read all the same */
		diag_item(i, item, DUPLICATE, "duplicate");
		break;
	case IMPORT_SET_CONTRADICTION:
		diag_item(i, item, CONTRADICTION,
		    "listed before with another action: the first one applies");
		break;
	case IMPORT_SET_NEVER_REACHED:
		diag_item(i, item, NEVER_REACHED, "never reached: an earlier, wider entry applies");
		break;
	case IMPORT_SET_FAILED:
		i->failed = true;
	}
}

static bool read_file(struct importing *i, enum import_format format, const char *path)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text, kept;

	if (textfile_read(path, &text, why) != TEXTFILE_OK) {
		channel_error(i->asked->channel, "import: %s: %s\n", path, why);
		return false;
	}
	kept = arena_copy(i->asked->arena, text);
	textfile_free(&text);
	i->file = path;
	i->of_file = 0;
	memset(i->said_of_file, 0, sizeof i->said_of_file);
	import_text(format, kept, &idn_uts46, i->asked->arena, add_item, i);
	diag_hidden(i);
	i->taken += i->of_file;
	if (i->failed || arena_failed(i->asked->arena)) {
		channel_error(i->asked->channel, "import: out of memory\n");
		return false;
	}
	if (i->of_file > 0)
		return true;
	channel_error(i->asked->channel,
	    "import: %s: nothing in it can be imported as %s: is it of another format?\n", path,
	    import_format_name(format));
	return false;
}

/* ---- out ----------------------------------------------------------------------------- */

static void write_text(struct importing *i, struct slice s)
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

	write_text(i, out ? SLICE("!") : SLICE(""));
	write_text(i, item->text);
	write_text(i, comment.len > 0 ? SLICE("  # ") : SLICE(""));
	write_text(i, comment);
	write_text(i, SLICE("\n"));
}

/* What a rule needs to take the list. */
static void describe_needs(const struct importing *i, enum import_purpose p, enum import_key k)
{
	size_t wide = import_set_wide(i->set, p, k);

	if (wide > 0)
		channel_error(i->asked->channel,
		    "%zu networks of the %s are so wide that their rule needs wide = true\n", wide,
		    p == PURPOSE_LISTED ? "list" : import_purpose_name(p));
	if (p == PURPOSE_WHITELIST && k == IMPORT_NAMES)
		channel_error(i->asked->channel,
		    "names in the whitelist need proof = [ \"spf\", \"client_name\" ]\n");
	if (p == PURPOSE_WHITELIST && (k == IMPORT_ADDRESSES || k == IMPORT_SENDERS))
		channel_error(i->asked->channel,
		    "a whitelist rule cannot use sender alone, which anyone can write: add these "
		    "to "
		    "unless = { sender = [ ] } of the rule that refuses\n");
}

/* Names beside mail addresses are one list, since one key takes both. */
static bool joins_addresses(const struct importing *i, enum import_purpose p)
{
	return import_set_count(i->set, p, IMPORT_NAMES) > 0 &&
	       import_set_count(i->set, p, IMPORT_ADDRESSES) > 0;
}

static size_t list_count(const struct importing *i, enum import_purpose p, enum import_key k)
{
	size_t count = import_set_count(i->set, p, k);

	if (k == IMPORT_NAMES && joins_addresses(i, p))
		return 0;
	if (k == IMPORT_ADDRESSES && joins_addresses(i, p))
		count += import_set_count(i->set, p, IMPORT_NAMES);
	return count;
}

static void write_entries(struct importing *i, enum import_purpose p, enum import_key k)
{
	if (k == IMPORT_ADDRESSES && joins_addresses(i, p))
		import_set_each(i->set, p, IMPORT_NAMES, write_entry, i);
	import_set_each(i->set, p, k, write_entry, i);
}

/* Written aside and whole before it has its name, so that a reload never reads half of it.  NULL,
 * or the reason. */
static const char *write_file(
    struct importing *i, const char *path, enum import_purpose p, enum import_key k)
{
	char aside[PATH_MAX + sizeof ".new"];
	bool good;
	int error;

	snprintf(aside, sizeof aside, "%s.new", path);
	i->out = fopen(aside, "we");
	if (!i->out)
		return strerror(errno);
	write_entries(i, p, k);
	good = !ferror(i->out) && fflush(i->out) == 0 && fsync(fileno(i->out)) == 0;
	error = errno;
	if (fclose(i->out) == 0 && good && rename(aside, path) == 0)
		return NULL;
	error = good ? errno : error;
	unlink(aside);
	return strerror(error);
}

static void list_path(
    char path[PATH_MAX], const char *into, enum import_purpose p, enum import_key k)
{
	const char *purpose = p == PURPOSE_LISTED ? "" : import_purpose_name(p);

	snprintf(
	    path, PATH_MAX, "%s%s%s.%s", into, purpose[0] ? "-" : "", purpose, import_key_name(k));
}

/* Before anything is written: all files of an import, or none. */
static bool may_write(struct importing *i, const char *into)
{
	char path[PATH_MAX];
	bool may = true;

	for (int p = 0; p < PURPOSES; p++)
		for (int k = 0; k < IMPORT_KEYS; k++) {
			list_path(path, into, (enum import_purpose)p, (enum import_key)k);
			if (list_count(i, (enum import_purpose)p, (enum import_key)k) == 0 ||
			    access(path, F_OK) != 0)
				continue;
			channel_error(i->asked->channel,
			    "import: %s exists: use --replace to replace it\n", path);
			may = false;
		}
	return may;
}

static bool write_list(
    struct importing *i, const char *into, enum import_purpose p, enum import_key k)
{
	size_t count = list_count(i, p, k);
	const char *wrong;
	char path[PATH_MAX];

	if (count == 0)
		return true;
	describe_needs(i, p, k);
	if (!into) {
		write_entries(i, p, k);
		return true;
	}
	list_path(path, into, p, k);
	wrong = write_file(i, path, p, k);
	if (wrong) {
		channel_error(i->asked->channel, "import: %s: %s\n", path, wrong);
		return false;
	}
	channel_print(i->asked->channel, "%s: %zu entr%s\n", path, count, count == 1 ? "y" : "ies");
	return true;
}

static unsigned lists_made(const struct importing *i)
{
	unsigned n = 0;

	for (int p = 0; p < PURPOSES; p++)
		for (int k = 0; k < IMPORT_KEYS; k++)
			n += list_count(i, (enum import_purpose)p, (enum import_key)k) > 0;
	return n;
}

static bool write_lists(struct importing *i)
{
	const char *into = request_text(i->asked, "into");
	bool good = true;

	if (!into && lists_made(i) > 1) {
		channel_error(i->asked->channel,
		    "import: these entries make %u lists: use --into PREFIX to write a file for "
		    "each\n",
		    lists_made(i));
		return false;
	}
	if (into && !request_switch(i->asked, "replace") && !may_write(i, into))
		return false;
	for (int p = 0; p < PURPOSES; p++)
		for (int k = 0; k < IMPORT_KEYS; k++)
			good =
			    write_list(i, into, (enum import_purpose)p, (enum import_key)k) && good;
	return good;
}

static void print_count(const struct importing *i)
{
	channel_error(i->asked->channel,
	    "%zu entr%s imported (%zu corrected), %zu line%s skipped; %zu duplicate%s, %zu "
	    "contradiction%s, %zu never reached\n",
	    i->taken - i->said[DUPLICATE], i->taken - i->said[DUPLICATE] == 1 ? "y" : "ies",
	    i->said[CORRECTED], i->said[SKIPPED], i->said[SKIPPED] == 1 ? "" : "s",
	    i->said[DUPLICATE], i->said[DUPLICATE] == 1 ? "" : "s", i->said[CONTRADICTION],
	    i->said[CONTRADICTION] == 1 ? "" : "s", i->said[NEVER_REACHED]);
}

static int usage(struct request *req)
{
	channel_error(req->channel,
	    "usage: susmilterctl import [--into PREFIX [--replace]] [--lenient] FORMAT FILE…\n");
	for (int f = 0; f < IMPORT_FORMATS; f++)
		channel_error(req->channel, "  %-10s %s\n",
		    import_format_name((enum import_format)f),
		    import_format_help((enum import_format)f));
	return STATUS_USAGE;
}

int command_import(struct request *req)
{
	const char *word = request_argument(req, 0), *path;
	struct importing i = {.asked = req};
	enum import_format format;
	bool good = true;

	if (!word || !import_format_find(slice_str(word), &format) || !request_argument(req, 1))
		return usage(req);
	i.set = import_set_create(
	    format == IMPORT_CIDR || format == IMPORT_PCRE || format == IMPORT_EXIM);
	if (!i.set) {
		channel_error(req->channel, "out of memory\n");
		return STATUS_FAILED;
	}
	for (size_t n = 1; good && (path = request_argument(req, n)); n++)
		good = read_file(&i, format, path);
	good = good && write_lists(&i);
	print_count(&i);
	import_set_free(&i.set);
	if (i.said[SKIPPED] > 0 && !request_switch(req, "lenient"))
		good = false;
	return good ? STATUS_OK : STATUS_FAILED;
}
