#include "core/name/entry.h"

#include "core/name/address.h"

#include <stdio.h>

struct words {
	const struct idna *idna;
	struct arena *arena;
};

/* ---- networks ------------------------------------------------------------------------ */

/* Sets the one prefix that first..last is, if it is one. */
static bool take_network(void *entry, const struct prefix *p)
{
	struct entry *e = entry;
	struct ip end = prefix_last(p);

	e->is_range = !ip_equal(&end, &e->last);
	e->prefix = *p;
	return false;
}

static const char *range(struct slice text, size_t dash, struct entry *out, char *why)
{
	struct slice low = slice_trim(slice_of(text.ptr, dash));
	struct slice high = slice_trim(slice_skip(text, dash + 1));
	bool low_is_one = ip_parse(low, &out->first);
	char shown[EXCERPT_MAX];

	if (!low_is_one || !ip_parse(high, &out->last)) {
		snprintf(why, ENTRY_WHY_MAX,
		    "\"%s\" is not an address; a range is written FIRST-LAST, both complete",
		    slice_excerpt(low_is_one ? high : low, shown));
		return why;
	}
	if (out->first.family != out->last.family)
		return "a range must begin and end in the same family, IPv4 or IPv6";
	if (ip_compare(&out->first, &out->last) > 0) {
		char first[IP_TEXT_MAX], last[IP_TEXT_MAX];

		ip_format(&out->first, first);
		ip_format(&out->last, last);
		snprintf(
		    why, ENTRY_WHY_MAX, "the range is reversed; did you mean %s-%s?", last, first);
		return why;
	}
	prefix_from_range(&out->first, &out->last, take_network, out);
	return NULL;
}

static const char *network(struct slice text, struct entry *out, char *why)
{
	size_t dash = slice_find(text, '-');

	out->kind = ENTRY_NETWORK;
	if (dash < text.len)
		return range(text, dash, out, why);
	return prefix_parse(text, &out->prefix, why);
}

/* ---- patterns ------------------------------------------------------------------------ */

/* Index of the slash that ends a pattern whose first byte is a slash; text.len when none does. */
static size_t closing_slash(struct slice text)
{
	for (size_t i = 1; i < text.len; i++) {
		if (text.ptr[i] == '/')
			return i;
		if (text.ptr[i] == '\\')
			i++;
	}
	return text.len;
}

static const char *pattern(struct slice text, struct words with, struct entry *out)
{
	size_t end = closing_slash(text);

	if (end == text.len)
		return "the pattern has no closing slash";
	if (end + 1 != text.len)
		return "something follows the pattern's closing slash; a slash inside is written "
		       "\\/";
	if (end == 1)
		return "the pattern is empty";
	out->kind = ENTRY_PATTERN;
	out->text = idna_compose(with.idna, slice_of(text.ptr + 1, end - 1), with.arena);
	return NULL;
}

/* ---- names and addresses ------------------------------------------------------------- */

static const char *name(struct slice text, struct words with, struct entry *out)
{
	out->kind = ENTRY_NAME;
	if (slice_starts(text, SLICE("*."))) {
		out->kind = ENTRY_BELOW;
		text = slice_skip(text, 2);
	} else if (slice_starts(text, SLICE("."))) {
		out->kind = ENTRY_TREE;
		text = slice_skip(text, 1);
	}
	return name_parse(text, with.idna, with.arena, &out->name);
}

/* A local part alone, as address_parse() understands it. */
static const char *local_part(struct slice text, struct words with, struct entry *out)
{
	struct address a;
	const char *wrong = address_parse(text, with.idna, with.arena, &a);

	if (!wrong && (text.ptr[0] == '<' || a.domain.len > 0))
		wrong = "not a local part";
	out->local = a.local;
	return wrong;
}

/* user@, user+*@domain and user@domain; at is the index of the last '@', which is not the first. */
static const char *mailbox(struct slice text, size_t at, struct words with, struct entry *out)
{
	struct slice local = slice_of(text.ptr, at);
	struct slice domain = slice_skip(text, at + 1);
	char spelling[ENTRY_SPELLING_MAX];
	const char *wrong;

	out->kind = domain.len > 0 ? ENTRY_ADDRESS : ENTRY_LOCAL;
	if (slice_ends(local, SLICE("+*"))) {
		if (domain.len == 0)
			return "user+*@ needs a domain";
		out->kind = ENTRY_SUBADDRESS;
		local.len -= 2;
	}
	if (local.len == 0)
		return "there is no user in front of the '@'";
	if (local.ptr[0] != '"' && slice_find(local, '*') < local.len)
		return "'*' is allowed only in user+*@example.com and *.example.com";
	wrong = local_part(local, with, out);
	/* Sub-addresses are looked up by what stands in front of their first '+'. */
	if (!wrong && out->kind == ENTRY_SUBADDRESS && slice_find(out->local, '+') < out->local.len)
		wrong = "user+*@ is all behind the first '+', and another stands in front of it";
	if (!wrong && domain.len > 0)
		wrong = name_parse(domain, with.idna, with.arena, &out->name);
	if (!wrong && entry_spell(out->kind, out->local, out->name, spelling).len == 0)
		wrong = "no mail address is that long";
	return wrong;
}

static const char *name_or_mailbox(
    struct slice text, enum entry_accept accept, struct words with, struct entry *out)
{
	size_t at = slice_find_last(text, '@');

	if (at == text.len && text.ptr[0] != '<')
		return name(text, with, out);
	if (accept != ENTRY_ACCEPT_ADDRESSES)
		return "only names and patterns are allowed here, not mail addresses";
	if (slice_equal(text, SLICE("<>"))) {
		out->kind = ENTRY_NULL;
		return NULL;
	}
	if (text.ptr[0] == '<')
		return "write the address without < and >";
	if (at == 0)
		return name(slice_skip(text, 1), with, out);
	return mailbox(text, at, with, out);
}

/* ---- logins -------------------------------------------------------------------------- */

struct slice entry_fold_login(struct slice login, char folded[ENTRY_SPELLING_MAX])
{
	if (login.len > ENTRY_SPELLING_MAX)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < login.len; i++)
		folded[i] = slice_lower(login.ptr[i]);
	return slice_of(folded, login.len);
}

/* A login may be any text; blanks around it and a list in one string are slips. */
static const char *login(struct slice text, struct words with, struct entry *out)
{
	char folded[ENTRY_SPELLING_MAX];

	out->kind = ENTRY_LOGIN;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
			return "a login name has no blanks and no control characters";
	out->local = arena_copy(with.arena, entry_fold_login(text, folded));
	return out->local.len > 0 ? NULL : "no login name is that long";
}

/* ---- entries ------------------------------------------------------------------------- */

static const char *parse(
    struct slice text, enum entry_accept accept, struct words with, struct entry *out, char *why)
{
	const char *wrong;
	char shown[EXCERPT_MAX];

	if (text.len == 0)
		return "empty entry";
	if (accept == ENTRY_ACCEPT_NETWORKS)
		return network(text, out, why);
	if (text.ptr[0] == '/')
		return pattern(text, with, out);
	wrong = accept == ENTRY_ACCEPT_LOGINS ? login(text, with, out)
					      : name_or_mailbox(text, accept, with, out);
	if (!wrong)
		return NULL;
	snprintf(why, ENTRY_WHY_MAX, "\"%s\": %s", slice_excerpt(text, shown), wrong);
	return why;
}

const char *entry_parse(struct slice text, enum entry_accept accept, const struct idna *idna,
    struct arena *arena, struct entry *out, char why[ENTRY_WHY_MAX])
{
	out->out = out->is_range = false;
	out->name = out->local = out->text = slice_of(NULL, 0);
	if (text.len > 0 && text.ptr[0] == '!') {
		out->out = true;
		text = slice_trim(slice_skip(text, 1));
	}
	return parse(text, accept, (struct words){idna, arena}, out, why);
}

/* ---- spelling ------------------------------------------------------------------------ */

/* The parts of an entry, and what is between them. */
static const struct {
	bool local;
	struct slice middle;
	bool name;
} spellings[] = {
    [ENTRY_NAME] = {false, SLICE_INIT(""), true},
    [ENTRY_TREE] = {false, SLICE_INIT("."), true},
    [ENTRY_BELOW] = {false, SLICE_INIT("*."), true},
    [ENTRY_ADDRESS] = {true, SLICE_INIT("@"), true},
    [ENTRY_SUBADDRESS] = {true, SLICE_INIT("+*@"), true},
    [ENTRY_LOCAL] = {true, SLICE_INIT("@"), false},
    [ENTRY_NULL] = {false, SLICE_INIT("<>"), false},
    [ENTRY_LOGIN] = {true, SLICE_INIT(""), false},
};

static char *append(char *at, struct slice s)
{
	if (s.len > 0)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

struct slice entry_spell(
    enum entry_kind kind, struct slice local, struct slice name, char spelling[ENTRY_SPELLING_MAX])
{
	struct slice middle = spellings[kind].middle;
	char *end = spelling;

	if (kind == ENTRY_SUBADDRESS)
		local.len = slice_find(local, '+');
	if (!spellings[kind].local)
		local.len = 0;
	if (!spellings[kind].name)
		name.len = 0;
	if (local.len + middle.len + name.len > ENTRY_SPELLING_MAX)
		return slice_of(NULL, 0);
	end = append(append(append(end, local), middle), name);
	return slice_of(spelling, (size_t)(end - spelling));
}

/* ---- lines --------------------------------------------------------------------------- */

/* Where the comment begins in s, which is not inside a pattern; s.len when there is none. */
static size_t comment_in(struct slice s)
{
	size_t hash = slice_find(s, '#');

	return slice_find(slice_of(s.ptr, hash), ';');
}

static struct slice without_comment(struct slice line)
{
	struct slice body = slice_trim(line);
	struct slice entry = body;
	size_t end;

	if (slice_starts(entry, SLICE("!")))
		entry = slice_trim(slice_skip(entry, 1));
	if (!slice_starts(entry, SLICE("/")))
		return slice_trim(slice_of(body.ptr, comment_in(body)));
	end = (size_t)(entry.ptr - body.ptr) + closing_slash(entry);
	end += comment_in(slice_skip(body, end));
	return slice_trim(slice_of(body.ptr, end));
}

bool entry_next_line(struct slice *rest, unsigned *line, struct slice *entry)
{
	static const struct slice byte_order_mark = SLICE_INIT("\xef\xbb\xbf");

	if (*line == 0 && slice_starts(*rest, byte_order_mark))
		*rest = slice_skip(*rest, byte_order_mark.len);
	while (rest->len > 0) {
		++*line;
		*entry = without_comment(slice_line(rest));
		if (entry->len > 0)
			return true;
	}
	return false;
}
