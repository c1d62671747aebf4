/* What a line of the managed whitelist says. */
#include "core/base/rfc3339.h"
#include "edge/config/idn.h"
#include "edge/config/managed.h"

/* True when the text can only be meant as an address. */
static bool looks_numeric(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '/' || text.ptr[i] == ':')
			return true;
		if (!strchr("0123456789.-", text.ptr[i]))
			return false;
	}
	return true;
}

const char *managed_parse_entry(
    struct slice text, struct arena *arena, struct list_entry *out, char why[LIST_WHY_MAX])
{
	if (slice_starts(text, SLICE("!")))
		return "nothing is taken out here: remove the entry instead";
	if (slice_starts(text, SLICE("/")))
		return "only addresses and names can stand here, no patterns";
	return list_parse_entry(text,
	    looks_numeric(text) ? LIST_ACCEPT_NETWORKS : LIST_ACCEPT_NAMES, &idn_uts46, arena, out,
	    why);
}

/* What stands behind `key` when the word begins with it. */
static bool value_of(struct slice word, struct slice key, struct slice *value)
{
	if (!slice_starts(word, key))
		return false;
	*value = slice_skip(word, key.len);
	return true;
}

bool managed_parse_words(struct slice words, struct managed_line *line)
{
	struct slice rest = slice_skip(words, slice_starts(words, SLICE("#"))), time;

	while ((rest = slice_trim(rest)).len > 0) {
		struct slice word;

		if (value_of(rest, SLICE("comment="), &line->comment))
			return true;
		word = slice_cut(&rest, ' ');
		if (value_of(word, SLICE("owner="), &line->owner))
			continue;
		if (value_of(word, SLICE("expires="), &time) &&
		    (!rfc3339_parse(time, &line->expires) || line->expires <= 0))
			return false;
	}
	return true;
}

bool managed_parse_line(struct slice text, struct managed_line *line)
{
	size_t hash = slice_find(text, '#');
	struct slice entry = slice_of(text.ptr, hash);

	entry.len = slice_find(entry, ';');
	*line = (struct managed_line){.entry = slice_trim(entry)};
	if (line->entry.len == 0)
		return false;
	if (!managed_parse_words(slice_skip(text, hash), line))
		line->expires = 0;
	return true;
}

struct slice managed_write_line(struct arena *arena, const struct managed_line *l)
{
	char time[RFC3339_TEXT_MAX] = "";

	if (l->expires)
		rfc3339_format(l->expires, time);
	return arena_printf(arena, "%.*s%s%s%s%s%.*s%s%.*s\n", SLICE_ARG(l->entry),
	    l->expires || l->owner.len || l->comment.len ? "  #" : "",
	    l->expires ? " expires=" : "", time, l->owner.len ? " owner=" : "", SLICE_ARG(l->owner),
	    l->comment.len ? " comment=" : "", SLICE_ARG(l->comment));
}
