/* Lists whose entries have an action: access of Postfix and Sendmail; import_tables.c has the rest.
 */
#include "import_private.h"

/* ---- actions ------------------------------------------------------------------------- */

static const struct {
	struct slice word;
	enum import_action action;
} action_words[] = {
    {SLICE_INIT("OK"), IMPORT_PERMIT},
    {SLICE_INIT("PERMIT"), IMPORT_PERMIT},
    {SLICE_INIT("RELAY"), IMPORT_PERMIT},
    {SLICE_INIT("REJECT"), IMPORT_REFUSE},
    {SLICE_INIT("DEFER"), IMPORT_REFUSE},
    {SLICE_INIT("DEFER_IF_PERMIT"), IMPORT_REFUSE},
    {SLICE_INIT("DUNNO"), IMPORT_EXCEPT},
    {SLICE_INIT("SKIP"), IMPORT_EXCEPT},
};

static bool is_reply_code(struct slice word)
{
	uint64_t code;

	return word.len == 3 && slice_to_uint(word, 599, &code) && code >= 400;
}

/* DEFER, 4xx, ERROR:4.7.1:… or ERROR:"4xx …": a rule refuses permanently unless its reply says
 * otherwise. */
static void note_delay(struct importer *i, struct slice word)
{
	if (slice_starts_nocase(word, SLICE("ERROR:")))
		word = slice_skip(word, 6);
	if (slice_starts(word, SLICE("\"")))
		word = slice_skip(word, 1);
	if (slice_starts(word, SLICE("4")) || slice_starts_nocase(word, SLICE("DEFER")))
		i->note = "deferred there, rejected here: give the rule a reply that begins with "
			  "450 to defer";
}

bool import_read_action(struct importer *i, struct slice value, enum import_action *out)
{
	struct slice rest = value, word = slice_word(&rest);
	uint64_t number;

	for (size_t k = 0; k < sizeof action_words / sizeof action_words[0]; k++)
		if (slice_equal_nocase(word, action_words[k].word)) {
			*out = action_words[k].action;
			note_delay(i, word);
			return true;
		}
	if (is_reply_code(word) || slice_starts_nocase(word, SLICE("ERROR:"))) {
		*out = IMPORT_REFUSE;
		note_delay(i, word);
		return true;
	}
	/* Numbers alone are what address verification and POP-before-SMTP leave: OK. */
	if (rest.len == 0 && slice_to_uint(word, UINT64_MAX, &number)) {
		*out = IMPORT_PERMIT;
		return true;
	}
	if (word.len == 0)
		import_leave(i, "it has no action");
	else if (slice_equal_nocase(word, SLICE("DISCARD")))
		import_leave(i, "DISCARD has no equivalent: susmilter never discards mail");
	else
		import_leave(i, "the action %.*s has no equivalent", SLICE_ARG(word));
	return false;
}

struct slice import_action_text(struct slice value)
{
	struct slice rest = value, word = slice_word(&rest);

	return is_reply_code(word) || slice_starts_nocase(word, SLICE("ERROR:")) ? value : rest;
}

/* ---- Postfix ------------------------------------------------------------------------- */

/* A key of an access map, in our spelling: a domain stands for what is below it, too. */
static struct slice access_key(struct importer *i, struct slice key)
{
	if (slice_find(key, '@') < key.len || key.ptr[0] == '<')
		return key;
	if (key.ptr[0] == '.')
		return arena_printf(i->arena, "*%.*s", SLICE_ARG(key));
	return arena_printf(i->arena, ".%.*s", SLICE_ARG(key));
}

void import_access_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), key, network;
	enum import_action action;

	/* A line that begins with a blank continues the text of the one before. */
	if (rest.ptr[0] == '#' || line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return;
	key = slice_word(&rest);
	if (slice_equal(key, SLICE("*")))
		import_leave(i, "* matches everything and cannot be an entry");
	else if (slice_equal(key, SLICE("<>")))
		import_leave(i, "<> is the null sender: add it to sender = [ ] of a rule if "
				"you mean that");
	else if (!import_read_action(i, rest, &action))
		return;
	else if (import_network(i, key, &network))
		import_give(i, IMPORT_NETWORKS, action, network, import_action_text(rest));
	else
		import_give_any(i, action, access_key(i, key), import_action_text(rest));
}

/* ---- Sendmail ------------------------------------------------------------------------ */

static const struct {
	struct slice tag;
	enum import_key key;
} tags[] = {
    {SLICE_INIT("Connect:"), IMPORT_CLIENT_NAMES},
    {SLICE_INIT("From:"), IMPORT_SENDERS},
    {SLICE_INIT("To:"), IMPORT_RECIPIENTS},
};

/* Tags are letters, then a colon; "IPv6:" belongs to the address behind it. */
static bool has_other_tag(struct slice key)
{
	size_t colon = slice_find(key, ':');

	if (colon == key.len || colon < 3 || slice_starts_nocase(key, SLICE("IPv6:")))
		return false;
	for (size_t k = 0; k < colon; k++) {
		char c = slice_lower(key.ptr[k]);
		if ((c < 'a' || c > 'z') && c != '_')
			return false;
	}
	return colon > 4; /* longer than a group of an IPv6 address */
}

/* To: with OK or RELAY takes mail for it, and exempts nobody who hands mail over. */
static void recipient_entry(struct importer *i, struct slice text, struct slice value)
{
	if (slice_starts_nocase(value, SLICE("RELAY")))
		import_leave(i, "RELAY for a recipient: not about access; skipped");
	else
		import_give(i, IMPORT_RECIPIENTS, IMPORT_EXCEPT, access_key(i, text),
		    import_action_text(value));
}

static void sendmail_entry(
    struct importer *i, enum import_key key, struct slice text, struct slice value)
{
	enum import_action action;
	struct slice network;

	if (slice_starts_nocase(text, SLICE("IPv6:")))
		text = slice_skip(text, 5);
	if (text.len == 0)
		import_leave(i, "* matches everything and cannot be an entry");
	else if (!import_read_action(i, value, &action))
		return;
	else if (import_network(i, text, &network))
		import_give(i, IMPORT_NETWORKS, action, network, import_action_text(value));
	else if (key == IMPORT_RECIPIENTS && action == IMPORT_PERMIT)
		recipient_entry(i, text, value);
	else if (key == IMPORT_KEYS)
		import_give_any(i, action, access_key(i, text), import_action_text(value));
	else
		import_give(i, key, action, access_key(i, text), import_action_text(value));
}

void import_sendmail_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), key;

	if (rest.ptr[0] == '#')
		return;
	key = slice_word(&rest);
	for (size_t k = 0; k < sizeof tags / sizeof tags[0]; k++)
		if (slice_starts_nocase(key, tags[k].tag)) {
			sendmail_entry(i, tags[k].key, slice_skip(key, tags[k].tag.len), rest);
			return;
		}
	if (has_other_tag(key))
		import_leave(
		    i, "%.*s not about access; skipped", (int)slice_find(key, ':') + 1, key.ptr);
	else
		sendmail_entry(i, IMPORT_KEYS, key, rest);
}
