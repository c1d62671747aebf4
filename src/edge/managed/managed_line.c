/* What a line of the managed whitelist says. */
#include "core/base/line.h"
#include "core/base/rfc3339.h"
#include "edge/idn/idn.h"
#include "edge/managed/managed.h"

/* All words of covers, with commas. */
enum { WORDS_MAX = 64 };

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
    struct slice text, struct arena *arena, struct entry *out, char why[ENTRY_WHY_MAX])
{
	if (slice_starts(text, SLICE("!")))
		return "nothing is taken out here: remove the entry instead";
	if (slice_starts(text, SLICE("/")))
		return "only addresses and names are allowed here, not patterns";
	return entry_parse(text, looks_numeric(text) ? ENTRY_ACCEPT_NETWORKS : ENTRY_ACCEPT_NAMES,
	    &idn_uts46, arena, out, why);
}

/* What stands behind `key` when the word begins with it. */
static bool value_of(struct slice word, struct slice key, struct slice *value)
{
	if (!slice_starts(word, key))
		return false;
	*value = slice_skip(word, key.len);
	return true;
}

const char *managed_check(const struct managed_line *l, bool is_network)
{
	if (!is_network || l->proof == 0)
		return NULL;
	if (l->proof != PROOF_SPF)
		return "proof=client_name proves names only, not addresses";
	return l->sender.len > 0 ? NULL
				 : "proof=spf of an address needs sender=, the name that passes";
}

/* ---- lines --------------------------------------------------------------------------- */

/* One word that is not the comment; NULL, or what is wrong with it. */
static const char *parse_word(struct slice word, struct managed_line *line)
{
	struct slice value;

	if (value_of(word, SLICE("owner="), &line->owner) ||
	    value_of(word, SLICE("by="), &line->by) ||
	    value_of(word, SLICE("sender="), &line->sender) ||
	    value_of(word, SLICE("recipient="), &line->recipient))
		return NULL;
	if (value_of(word, SLICE("covers="), &value) &&
	    !(line->covers = word_bits(covers_words, value)))
		return "covers= is not followed by susranges, blocks, spf or dmarc, with commas";
	if (value_of(word, SLICE("proof="), &value) &&
	    !(line->proof = word_bits(proof_words, value)))
		return "proof= is not followed by spf, client_name or spf,client_name";
	if (value_of(word, SLICE("added="), &value) && !rfc3339_parse(value, &line->added))
		return "added= is not followed by a time such as 2026-11-28T12:00:00Z";
	if (value_of(word, SLICE("expires="), &value) &&
	    (!rfc3339_parse(value, &line->expires) || line->expires <= 0))
		return "expires= is not followed by a time such as 2026-11-28T12:00:00Z";
	return NULL;
}

const char *managed_parse_words(struct slice words, struct managed_line *line)
{
	struct slice rest = slice_skip(words, slice_starts(words, SLICE("#")));
	const char *wrong = NULL;

	while (!wrong && (rest = slice_trim(rest)).len > 0 &&
	       !value_of(rest, SLICE("comment="), &line->comment))
		wrong = parse_word(slice_cut(&rest, ' '), line);
	return wrong;
}

bool managed_parse_line(struct slice text, struct managed_line *line)
{
	size_t hash = slice_find(text, '#');
	struct slice entry = slice_of(text.ptr, hash);

	entry.len = slice_find(entry, ';');
	*line = (struct managed_line){.entry = slice_trim(entry)};
	if (line->entry.len == 0)
		return false;
	if (managed_parse_words(slice_skip(text, hash), line))
		line->expires = 0;
	return true;
}

static struct slice write_time(struct arena *arena, int64_t time)
{
	char text[RFC3339_TEXT_MAX];

	rfc3339_format(time, text);
	return time ? arena_copy(arena, slice_str(text)) : slice_of(NULL, 0);
}

static struct slice write_words(struct arena *arena, unsigned bits, const struct word *words)
{
	char text[WORDS_MAX];
	struct line l = line_start(text, sizeof text);

	word_append_bits(&l, words, bits, ",");
	return arena_copy(arena, slice_of(text, l.len));
}

struct slice managed_write_line(struct arena *arena, const struct managed_line *l)
{
	const struct {
		const char *key;
		struct slice value;
	} words[] = {
	    {"expires", write_time(arena, l->expires)},
	    {"covers", write_words(arena, l->covers, covers_words)},
	    {"proof", write_words(arena, l->proof, proof_words)},
	    {"sender", l->sender},
	    {"recipient", l->recipient},
	    {"by", l->by},
	    {"added", write_time(arena, l->added)},
	    {"owner", l->owner},
	    {"comment", l->comment},
	};
	struct slice text = l->entry;
	bool first = true;

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].value.len > 0) {
			text = arena_printf(arena, "%.*s%s %s=%.*s", SLICE_ARG(text),
			    first ? "  #" : "", words[i].key, SLICE_ARG(words[i].value));
			first = false;
		}
	return arena_printf(arena, "%.*s\n", SLICE_ARG(text));
}
