/* Lists of hosts that something else blocks already: rbldnsd, nft, ipset, CrowdSec, fail2ban. */
#include "import_private.h"

static const struct slice nothing = SLICE_INIT("");

static bool only_digits_and(struct slice s, char other)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.ptr[i] < '0' || s.ptr[i] > '9') && s.ptr[i] != other)
			return false;
	return s.len > 0;
}

/* An address, a network or a range with whole addresses: a number alone may be a port. */
static bool is_whole(struct slice word)
{
	size_t dash = slice_find(word, '-'), slash = slice_find(word, '/');
	struct ip ip;

	return ip_parse(slice_of(word.ptr, dash < slash ? dash : slash), &ip);
}

/* ---- rbldnsd ----------------------------------------------------------------------------- */

/* "192.0.2.1-9" and "192.0.2-5", where rbldnsd lets the beginning stand for both. */
static struct slice full_range(struct importer *i, struct slice word)
{
	struct slice to = word, from = slice_cut(&to, '-');
	size_t dot = slice_find_last(from, '.');

	if (!to.ptr || slice_find(to, '.') < to.len || !only_digits_and(to, '0') ||
	    !only_digits_and(from, '.') || dot == from.len)
		return word;
	return arena_printf(
	    i->arena, "%.*s-%.*s.%.*s", SLICE_ARG(from), (int)dot, from.ptr, SLICE_ARG(to));
}

/* Both ends of a range, and what stands before a length, as whole addresses: "127-128", "10/8". */
static struct slice filled(struct importer *i, struct slice word)
{
	static const char *const zeros[] = {".0.0.0", ".0.0", ".0", ""};
	static const char *const ones[] = {".255.255.255", ".255.255", ".255", ""};
	size_t dash = slice_find(word, '-'), slash = slice_find(word, '/');
	struct slice first = slice_of(word.ptr, dash < slash ? dash : slash);
	struct slice last = slice_skip(word, dash + 1);
	size_t dots = 0, dots_last = 0;

	if (!only_digits_and(first, '.') || (dash < word.len && !only_digits_and(last, '.')))
		return word;
	for (size_t k = 0; k < first.len; k++)
		dots += first.ptr[k] == '.';
	for (size_t k = 0; k < last.len; k++)
		dots_last += last.ptr[k] == '.';
	if (dots > 3 || dots_last > 3)
		return word;
	if (dash < word.len)
		return arena_printf(i->arena, "%.*s%s-%.*s%s", SLICE_ARG(first), zeros[dots],
		    SLICE_ARG(last), ones[dots_last]);
	if (slash < word.len)
		return arena_printf(i->arena, "%.*s%s%.*s", SLICE_ARG(first), zeros[dots],
		    SLICE_ARG(slice_skip(word, slash)));
	return word;
}

/* ":127.0.0.2:text" behind an entry. */
static struct slice rbldnsd_text(struct slice value)
{
	if (!slice_starts(value, SLICE(":")))
		return value;
	value = slice_skip(value, 1);
	slice_cut(&value, ':');
	return value;
}

void import_rbldnsd_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), word;
	enum import_action action = IMPORT_LISTED;

	if (rest.ptr[0] == '#' || rest.ptr[0] == ';' || rest.ptr[0] == ':')
		return;
	if (rest.ptr[0] == '$') {
		if (slice_starts_nocase(rest, SLICE("$DATASET")))
			import_leave(i, "data sets of several types in one file: import each as a "
					"file of its own");
		return;
	}
	if (rest.ptr[0] == '!') {
		action = IMPORT_EXCEPT;
		rest = slice_trim(slice_skip(rest, 1));
	}
	word = slice_word(&rest);
	if (word.len == 0)
		return;
	/* Names mean the same as ours: "a.example", ".a.example", "*.a.example". */
	import_give_any(i, action, filled(i, full_range(i, word)), rbldnsd_text(rest));
}

/* ---- nft --------------------------------------------------------------------------------- */

/* "192.0.2.1 timeout 1d expires 3h comment \"x\"" */
static void nft_element(struct importer *i, struct slice element)
{
	struct slice rest = slice_trim(element), word;
	size_t quote = slice_find(rest, '"');

	if (rest.len == 0)
		return;
	i->source = rest;
	i->note = NULL;
	word = slice_word(&rest);
	if (slice_starts(rest, SLICE("timeout")) || slice_starts(rest, SLICE("expires")))
		i->note = "it has a time-out there: here it stays";
	rest = slice_skip(element, quote + 1);
	rest.len = slice_find_last(rest, '"') < rest.len ? slice_find_last(rest, '"') : 0;
	if (is_whole(word))
		import_give(i, IMPORT_NETWORKS, IMPORT_LISTED, word, rest);
	else
		import_leave(i, "not an element of a set of addresses");
}

/* What stands in braces behind "elements =", or behind "add element …". */
void import_nft_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line),
		     word = slice_word(&(struct slice){rest.ptr, rest.len});
	bool begins = slice_equal(word, SLICE("elements")) ||
		      ((slice_equal(word, SLICE("add")) || slice_equal(word, SLICE("create"))) &&
			  slice_starts(slice_trim(slice_skip(rest, word.len)), SLICE("element")));

	if (!i->opened && (rest.ptr[0] == '#' || !begins))
		return;
	if (!i->opened) {
		size_t brace = slice_find(rest, '{');

		i->opened = brace < rest.len;
		rest = slice_skip(rest, brace + 1);
	}
	if (slice_find(rest, '}') < rest.len) {
		i->opened = false;
		rest.len = slice_find(rest, '}');
	}
	while (rest.len > 0)
		nft_element(i, slice_cut(&rest, ','));
}

/* ---- ipset ------------------------------------------------------------------------------- */

/* "add NAME ENTRY [timeout N] [nomatch] [comment "x"]" of `ipset save`. */
void import_ipset_line(struct importer *i, struct slice line)
{
	struct slice rest = slice_trim(line), word = slice_word(&rest), entry;
	enum import_action action = IMPORT_LISTED;
	struct slice comment = nothing;

	if (word.ptr[0] == '#' || slice_equal(word, SLICE("create")) ||
	    slice_equal(word, SLICE("COMMIT")))
		return;
	if (!slice_equal(word, SLICE("add")) && !slice_equal(word, SLICE("-A"))) {
		import_leave(i, "not a line of ipset save");
		return;
	}
	slice_word(&rest);
	entry = slice_word(&rest);
	while (rest.len > 0) {
		word = slice_word(&rest);
		if (slice_equal(word, SLICE("nomatch")))
			action = IMPORT_EXCEPT;
		else if (slice_equal(word, SLICE("timeout")))
			i->note = "it has a time-out there: here it stays";
		else if (slice_equal(word, SLICE("comment")) && slice_starts(rest, SLICE("\""))) {
			rest = slice_skip(rest, 1);
			comment = slice_cut(&rest, '"');
		}
	}
	if (slice_find(entry, ',') < entry.len)
		import_leave(i, "a set of more than addresses");
	else if (is_whole(entry))
		import_give(i, IMPORT_NETWORKS, action, entry, comment);
	else
		import_leave(i, "not an address");
}

/* ---- CrowdSec ---------------------------------------------------------------------------- */

static void crowdsec_decision(struct importer *i, struct slice scope, struct slice value,
    struct slice type, struct slice scenario)
{
	i->source = value;
	i->note = NULL;
	if (!slice_equal_nocase(type, SLICE("ban")))
		import_leave(i, "its action is %.*s, not ban", SLICE_ARG(type));
	else if (slice_equal_nocase(scope, SLICE("AS")))
		import_leave(i, "AS %.*s cannot be an entry of a list: add it to asn = [ ]",
		    SLICE_ARG(value));
	else if (slice_equal_nocase(scope, SLICE("Country")))
		import_leave(i, "%.*s cannot be an entry of a list: add it to country = [ ]",
		    SLICE_ARG(value));
	else if (!slice_equal_nocase(scope, SLICE("Ip")) &&
		 !slice_equal_nocase(scope, SLICE("Range")))
		import_leave(i, "its scope is %.*s", SLICE_ARG(scope));
	else
		import_give(i, IMPORT_NETWORKS, IMPORT_REFUSE, value, scenario);
}

/* Decisions are flat objects; those of their alerts' sources and events have no type. */
static void crowdsec_object(struct importer *i, struct slice object)
{
	struct slice scope = import_json_member(object, "\"scope\"");
	struct slice type = import_json_member(object, "\"type\"");
	struct slice value = import_json_member(object, "\"value\"");

	if (scope.len == 0 || type.len == 0 || value.len == 0)
		return;
	if (slice_starts(import_json_member(object, "\"simulated\""), SLICE("true"))) {
		i->source = value;
		import_leave(i, "it is simulated");
		return;
	}
	crowdsec_decision(i, scope, value, type, import_json_member(object, "\"scenario\""));
}

/* Of `cscli decisions list -o json`: the innermost braces, wherever its lines end. */
static void crowdsec_json(struct importer *i, struct slice line)
{
	bool quoted = false;

	for (size_t k = 0; k < line.len; k++) {
		char c = line.ptr[k];

		if (quoted && c == '\\')
			k++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '{')
			i->object = line.ptr + k;
		else if (!quoted && c == '}' && i->object) {
			crowdsec_object(
			    i, slice_of(i->object, (size_t)(line.ptr + k - i->object) + 1));
			i->object = NULL;
		}
	}
}

/* "id,source,ip,reason,action,…" of `-o raw`, where ip is "Ip:192.0.2.1". */
void import_crowdsec_line(struct importer *i, struct slice line)
{
	struct slice rest = line, field[5], scope;

	if (i->object || strchr("[]{}\" \t", line.ptr[0])) {
		crowdsec_json(i, line);
		return;
	}
	for (int k = 0; k < 5; k++)
		field[k] = slice_trim(slice_cut(&rest, ','));
	if (slice_equal(field[0], SLICE("id")) || slice_equal(line, SLICE("null")))
		return;
	scope = slice_cut(&field[2], ':');
	if (!field[2].ptr)
		import_leave(i, "not a decision of cscli decisions list");
	else
		crowdsec_decision(i, scope, field[2], field[4], field[3]);
}

/* ---- fail2ban ---------------------------------------------------------------------------- */

static void fail2ban_word(struct importer *i, struct slice word, struct slice jail)
{
	i->source = word;
	if (is_whole(word))
		import_give(i, IMPORT_NETWORKS, IMPORT_REFUSE, word, jail);
	else
		import_leave(i, "not an address");
}

/* "[{'sshd': ['192.0.2.1', '192.0.2.2']}, …]" of `fail2ban-client banned`. */
static void fail2ban_banned(struct importer *i, struct slice line)
{
	struct slice jail = nothing;

	while (slice_find(line, '\'') < line.len) {
		struct slice word;

		line = slice_skip(line, slice_find(line, '\'') + 1);
		word = slice_cut(&line, '\'');
		if (slice_starts(line, SLICE(":")))
			jail = word;
		else
			fail2ban_word(i, word, jail);
	}
}

/* Also what `fail2ban-client status JAIL` and `get JAIL banip` print. */
void import_fail2ban_line(struct importer *i, struct slice line)
{
	static const struct slice head = SLICE_INIT("Banned IP list:");
	struct slice rest = slice_trim(line), ip_word = rest, word;
	size_t at = 0;

	if (strchr("[{", rest.ptr[0])) {
		fail2ban_banned(i, rest);
		return;
	}
	while (at < rest.len && !slice_starts(slice_skip(rest, at), head))
		at++;
	if (at < rest.len) {
		rest = slice_trim(slice_skip(rest, at + head.len));
		while (rest.len > 0)
			fail2ban_word(i, slice_word(&rest), nothing);
		return;
	}
	word = slice_word(&ip_word);
	if (is_whole(word))
		import_give(i, IMPORT_NETWORKS, IMPORT_REFUSE, word, nothing);
	else if (!strchr("|`-S", rest.ptr[0]))
		import_leave(i, "not an address");
}
