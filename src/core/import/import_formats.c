/* Lists whose entries have no action, or hardly: Exim, rspamd, DROP, CSV. */
#include "import_private.h"

static const struct slice nothing = SLICE_INIT("");

static struct slice without_quotes(struct slice s)
{
	return s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"'
		   ? slice_of(s.ptr + 1, s.len - 2)
		   : s;
}

/* ---- Exim ---------------------------------------------------------------------------- */

/*
 * "^re" or "\N^re\N".  In a configuration, but for what stands in \N…\N, a backslash hides the
 * next character from Exim's expansion: "\\d" there is "\d".
 */
static void exim_pattern(struct importer *i, enum import_action action, struct slice item)
{
	char *out = arena_alloc(i->arena, item.len + 1);
	bool expanded = i->opened;
	size_t len = 0;

	for (size_t k = 0; out && k < item.len; k++) {
		if (slice_starts(slice_skip(item, k), SLICE("\\N"))) {
			expanded = i->opened && !expanded;
			k++;
			continue;
		}
		if (item.ptr[k] == '\\' && k + 1 < item.len && !expanded)
			out[len++] = item.ptr[k++];
		else if (item.ptr[k] == '\\' && k + 1 < item.len)
			k++;
		out[len++] = item.ptr[k];
	}
	import_give_pattern(i, action, slice_of(out, len), nothing);
}

/* What names something that only Exim knows; NULL when it does not. */
static const char *exim_reference(struct slice item)
{
	if (slice_starts(item, SLICE("+")))
		return "named lists are not resolved: import the list itself";
	if (slice_starts(item, SLICE("/")))
		return "included files are not read: import the file as well";
	if (slice_starts(item, SLICE("@")))
		return "this host itself: add it to trusted_networks";
	if (slice_equal(item, SLICE("*")))
		return "* matches everything and cannot be an entry";
	if (slice_find(item, ';') < item.len)
		return "lookups are not resolved: import the file that it names";
	if (slice_find(item, '$') < item.len && !slice_starts(item, SLICE("^")) &&
	    !slice_starts(item, SLICE("\\N")))
		return "variables have a value only inside Exim";
	return NULL;
}

static void exim_item(struct importer *i, struct slice item)
{
	enum import_action action = IMPORT_LISTED;
	const char *reference;

	item = slice_trim(item);
	if (item.len > 0 && item.ptr[0] == '!') {
		action = IMPORT_EXCEPT;
		item = slice_trim(slice_skip(item, 1));
	}
	if (item.len == 0)
		return;
	i->source = item;
	reference = exim_reference(item);
	if (reference)
		import_leave(i, "%s", reference);
	else if (item.ptr[0] == '^' || slice_starts(item, SLICE("\\N^")))
		exim_pattern(i, action, item);
	else if (slice_starts(item, SLICE("*@")))
		import_give(i, IMPORT_ADDRESSES, action, slice_skip(item, 1), nothing);
	else if (item.ptr[0] == '*' && !slice_starts(item, SLICE("*.")))
		import_leave(i, "the end of a name is not an entry: write .NAME or a /pattern/");
	else
		import_give_any(i, action, item, nothing);
}

/* The next item up to the separator; a doubled one stands for itself. */
static struct slice exim_cut(struct importer *i, struct slice *rest, char separator)
{
	char *out = arena_alloc(i->arena, rest->len + 1);
	size_t k = 0, len = 0;

	for (; out && k < rest->len; k++) {
		if (rest->ptr[k] == separator) {
			if (k + 1 == rest->len || rest->ptr[k + 1] != separator)
				break;
			k++;
		}
		out[len++] = rest->ptr[k];
	}
	*rest = slice_skip(*rest, k + 1);
	return slice_of(out, len);
}

/* What stands behind "hostlist NAME =", and whether anything does. */
static bool exim_head(struct slice *line)
{
	static const struct slice heads[] = {
	    SLICE_INIT("hostlist"), SLICE_INIT("domainlist"), SLICE_INIT("addresslist")};
	struct slice rest = *line, word = slice_word(&rest);

	for (size_t k = 0; k < sizeof heads / sizeof heads[0]; k++)
		if (slice_equal(word, heads[k]) && slice_find(rest, '=') < rest.len) {
			*line = slice_trim(slice_skip(rest, slice_find(rest, '=') + 1));
			return true;
		}
	return false;
}

/* The items of one line; behind the last of a list Exim may add one that we cannot say. */
static void exim_items(struct importer *i, struct slice line, bool ends)
{
	while (line.len > 0) {
		struct slice item = slice_trim(exim_cut(i, &line, i->separator));

		if (ends && line.len == 0 && item.len > 0 && item.ptr[0] == '!') {
			i->source = item;
			import_leave(i, "after a last item with '!' Exim lists all others, which "
					"no list here can express");
		} else {
			exim_item(i, item);
		}
	}
}

void import_exim_line(struct importer *i, struct slice line)
{
	struct ip ip;
	struct slice address;
	bool goes_on;

	line = slice_trim(line);
	if (line.ptr[0] == '#')
		return;
	line = slice_trim(slice_of(line.ptr, slice_find(line, '#')));
	if (!i->opened)
		i->separator = ':';
	if (exim_head(&line)) {
		i->opened = true;
		i->lists++;
	}
	goes_on = line.len > 0 && line.ptr[line.len - 1] == '\\';
	if (goes_on)
		line = slice_trim(slice_of(line.ptr, line.len - 1));
	if (line.len > 1 && line.ptr[0] == '<' && strchr(";,|\t ", line.ptr[1])) {
		i->separator = line.ptr[1];
		line = slice_trim(slice_skip(line, 2));
	}
	/* In a file, an IPv6 address stands alone and its colons are single. */
	address = slice_starts(line, SLICE("!")) ? slice_trim(slice_skip(line, 1)) : line;
	address = slice_cut(&address, '/');
	if (i->opened && i->lists > 1)
		import_leave(i, "second list in the file: import it separately");
	else if (!i->opened && slice_find(line, ' ') == line.len && ip_parse(address, &ip))
		exim_item(i, line);
	else
		exim_items(i, line, i->opened && !goes_on);
	i->opened = i->opened && goes_on;
}

/* The key of "KEY: VALUE" or "KEY VALUE"; a key with blanks or colons is in quotes. */
static struct slice lsearch_key(struct slice *rest)
{
	size_t n = 0;
	struct slice key;

	if (rest->ptr[0] == '"') {
		struct slice inside = slice_skip(*rest, 1);
		key = slice_cut(&inside, '"');
		*rest = inside;
	} else {
		while (n < rest->len && !strchr(" \t:", rest->ptr[n]))
			n++;
		key = slice_of(rest->ptr, n);
		*rest = slice_skip(*rest, n);
	}
	*rest = slice_trim(*rest);
	if (slice_starts(*rest, SLICE(":")))
		*rest = slice_trim(slice_skip(*rest, 1));
	return key;
}

void import_lsearch_line(struct importer *i, struct slice line)
{
	struct slice rest = line, key, value;
	enum import_action action = IMPORT_LISTED;

	/* Lines that begin with a blank continue the value, which is only a comment here. */
	if (line.ptr[0] == '#' || line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return;
	key = lsearch_key(&rest);
	i->source = key;
	value = slice_word(&(struct slice){rest.ptr, rest.len});
	if (slice_equal_nocase(value, SLICE("accept")) || slice_equal_nocase(value, SLICE("ok")))
		action = IMPORT_PERMIT;
	else if (slice_equal_nocase(value, SLICE("deny")) ||
		 slice_equal_nocase(value, SLICE("reject")))
		action = IMPORT_REFUSE;
	if (slice_equal(key, SLICE("*")))
		import_leave(i, "* matches everything and cannot be an entry");
	else if (slice_starts(key, SLICE("^")))
		exim_pattern(i, action, key);
	else if (slice_starts(key, SLICE("*@*")))
		import_leave(i, "Exim compares this key literally: it matches no address there");
	else if (slice_starts(key, SLICE("*@")))
		import_give(i, IMPORT_ADDRESSES, action, slice_skip(key, 1), rest);
	else
		import_give_any(i, action, key, rest);
}

/* ---- rspamd -------------------------------------------------------------------------- */

/* "/re/flags": a blank and '#' belong to it as far as its second slash.  Empty without that. */
static struct slice cut_slashed(struct slice *rest)
{
	struct slice line = *rest;
	size_t n = 1;

	while (n < line.len && line.ptr[n] != '/')
		n += line.ptr[n] == '\\' ? 2 : 1;
	if (n >= line.len)
		return nothing;
	while (n < line.len && !strchr(" \t#", line.ptr[n]))
		n++;
	*rest = slice_skip(line, n);
	return slice_of(line.ptr, n);
}

/* The value of an entry, or its comment. */
static struct slice rspamd_rest(struct slice rest)
{
	rest = slice_trim(rest);
	return slice_starts(rest, SLICE("#")) ? slice_skip(rest, 1) : rest;
}

static void rspamd_pattern(struct importer *i, struct slice line)
{
	struct slice pattern = cut_slashed(&line), flags;
	size_t end = slice_find_last(pattern, '/');

	if (pattern.len == 0) {
		import_leave(i, "the pattern has no closing slash");
		return;
	}
	flags = slice_skip(pattern, end + 1);
	for (size_t k = 0; k < flags.len; k++)
		if (flags.ptr[k] != 'i' && flags.ptr[k] != 'u') {
			import_leave(i, "the pattern flag %c has no equivalent", flags.ptr[k]);
			return;
		}
	if (slice_find(flags, 'i') == flags.len)
		i->note = "patterns ignore case here";
	import_give_pattern(
	    i, IMPORT_LISTED, slice_of(pattern.ptr + 1, end - 1), rspamd_rest(line));
}

void import_rspamd_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), word;
	enum import_action action = IMPORT_LISTED;

	if (rest.ptr[0] == '#')
		return;
	if (rest.ptr[0] == '/') {
		rspamd_pattern(i, rest);
		return;
	}
	word = slice_word(&rest);
	if (word.ptr[0] == '!') {
		action = IMPORT_EXCEPT;
		word = slice_skip(word, 1);
	}
	if (slice_find(word, '*') < word.len && !slice_starts(word, SLICE("*.")))
		import_leave(i, "a glob with * after its start: write a /pattern/");
	else
		import_give_any(i, action, word, rspamd_rest(rest));
}

/* ---- DROP ---------------------------------------------------------------------------- */

struct slice import_json_member(struct slice line, const char *quoted_key)
{
	struct slice key = slice_str(quoted_key), rest = line;

	while (rest.len > 0 && !slice_starts(rest, key))
		rest = slice_skip(rest, 1);
	rest = slice_trim(slice_skip(rest, key.len));
	if (!slice_starts(rest, SLICE(":")))
		return slice_of(NULL, 0);
	rest = slice_trim(slice_skip(rest, 1));
	if (!slice_starts(rest, SLICE("\"")))
		return slice_of(rest.ptr, slice_find(rest, ','));
	rest = slice_skip(rest, 1);
	return slice_of(rest.ptr, slice_find(rest, '"'));
}

static void drop_object(struct importer *i, struct slice line)
{
	struct slice network = import_json_member(line, "\"cidr\"");
	struct slice number = import_json_member(line, "\"asn\"");

	if (network.len > 0)
		import_give(i, IMPORT_NETWORKS, IMPORT_REFUSE, network,
		    import_json_member(line, "\"sblid\""));
	else if (number.len > 0)
		import_leave(i, "AS %.*s cannot be an entry of a list: add it to asn = [ ]",
		    SLICE_ARG(number));
	else if (!slice_equal(import_json_member(line, "\"type\""), SLICE("metadata")))
		import_leave(i, "object without \"cidr\"");
}

/* One object a line, or several in an array. */
static void drop_json(struct importer *i, struct slice line)
{
	while (slice_find(line, '{') < line.len) {
		struct slice object = slice_skip(line, slice_find(line, '{'));

		object = slice_of(object.ptr, slice_find(object, '}'));
		line = slice_skip(line, (size_t)(object.ptr - line.ptr) + object.len);
		drop_object(i, object);
	}
}

void import_drop_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), network;

	if (rest.ptr[0] == ';' || rest.ptr[0] == '#')
		return;
	if (strchr("[]{", rest.ptr[0])) {
		drop_json(i, rest);
		return;
	}
	network = slice_trim(slice_cut(&rest, ';'));
	import_give(i, IMPORT_NETWORKS, IMPORT_REFUSE, network, rest);
}

/* ---- CSV ----------------------------------------------------------------------------- */

void import_csv_line(struct importer *i, struct slice line)
{
	struct slice value = slice_trim(line);

	if (value.ptr[0] == '#')
		return;
	value = slice_trim(slice_of(value.ptr, slice_find(value, ',')));
	if (value.len != i->source.len && value.len + 1 != i->source.len)
		import_leave(i, "more than one column: cut the file to the one you need");
	else if (i->line == 1 && slice_find(value, '.') == value.len &&
		 slice_find(value, ':') == value.len)
		return; /* the heading of the column */
	else
		import_give_any(i, IMPORT_LISTED, without_quotes(value), nothing);
}
