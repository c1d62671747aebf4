#include "import_private.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name, *help;
	void (*line)(struct importer *, struct slice);
} formats[IMPORT_FORMATS] = {
    [IMPORT_EXIM] = {"exim", "Exim host lists, of a configuration or a file", import_exim_line},
    [IMPORT_LSEARCH] = {"lsearch", "Exim lsearch files", import_lsearch_line},
    [IMPORT_CIDR] = {"cidr", "Postfix cidr: tables", import_cidr_line},
    [IMPORT_ACCESS] = {"access", "Postfix access maps", import_access_line},
    [IMPORT_RSPAMD] = {"rspamd", "rspamd maps", import_rspamd_line},
    [IMPORT_SENDMAIL] = {"sendmail", "Sendmail's access map", import_sendmail_line},
    [IMPORT_DROP] = {"drop", "Spamhaus DROP, text or JSON", import_drop_line},
    [IMPORT_CSV] = {"csv", "a file of one column", import_csv_line},
    [IMPORT_PCRE] = {"pcre", "Postfix pcre: and regexp: tables", import_pcre_line},
    [IMPORT_RBLDNSD] = {"rbldnsd", "zone files of rbldnsd", import_rbldnsd_line},
    [IMPORT_NFT] = {"nft", "sets of nftables, as nft list prints them", import_nft_line},
    [IMPORT_IPSET] = {"ipset", "what ipset save writes", import_ipset_line},
    [IMPORT_CROWDSEC] = {"crowdsec", "what cscli decisions list -o json or raw prints",
	import_crowdsec_line},
    [IMPORT_FAIL2BAN] = {"fail2ban", "what fail2ban-client banned prints", import_fail2ban_line},
};

const char *import_format_name(enum import_format f)
{
	return formats[f].name;
}

const char *import_format_help(enum import_format f)
{
	return formats[f].help;
}

bool import_format_find(struct slice word, enum import_format *out)
{
	for (int f = 0; f < IMPORT_FORMATS; f++)
		if (slice_equal(word, slice_str(formats[f].name))) {
			*out = (enum import_format)f;
			return true;
		}
	return false;
}

const char *import_key_name(enum import_key key)
{
	static const char *const names[IMPORT_KEYS] = {
	    [IMPORT_NETWORKS] = "networks",
	    [IMPORT_NAMES] = "names",
	    [IMPORT_ADDRESSES] = "addresses",
	    [IMPORT_CLIENT_NAMES] = "client_name",
	    [IMPORT_SENDERS] = "sender",
	    [IMPORT_RECIPIENTS] = "recipient",
	};

	return names[key];
}

void import_text(enum import_format format, struct slice text, const struct idna *idna,
    struct arena *arena, void (*each)(void *context, const struct import_item *), void *context)
{
	struct importer i = {.idna = idna, .arena = arena, .each = each, .context = context};

	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_skip(text, 3);
	while (text.len > 0) {
		struct slice line = slice_line(&text);

		i.line++;
		i.source = slice_trim(line);
		i.note = NULL;
		if (i.source.len > 0)
			formats[format].line(&i, line);
	}
}

/* ---- what becomes of it -------------------------------------------------------------- */

void import_leave(struct importer *i, const char *format, ...)
{
	char why[ENTRY_WHY_MAX];
	struct import_item item = {.line = i->line, .source = i->source};
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof why, format, args);
	va_end(args);
	item.left = arena_strdup(i->arena, slice_str(why));
	if (!item.left)
		item.left = "out of memory";
	i->each(i->context, &item);
}

/* "192.0.2.7/24" → "192.0.2.0/24"; false when it is not the host bits that are wrong. */
static bool clear_host_bits(struct importer *i, struct slice text, struct slice *out)
{
	struct slice rest = text, address = slice_cut(&rest, '/');
	char cleared[PREFIX_TEXT_MAX];
	struct prefix p;
	struct ip ip;
	uint64_t length;

	if (!ip_parse(address, &ip) || !slice_to_uint(rest, ip_bits(ip.family), &length))
		return false;
	p = prefix_of(&ip, (unsigned)length);
	prefix_format(&p, cleared);
	*out = arena_copy(i->arena, slice_str(cleared));
	return out->len > 0;
}

static enum entry_accept accepted_by(enum import_key key)
{
	switch (key) {
	case IMPORT_NETWORKS:
		return ENTRY_ACCEPT_NETWORKS;
	case IMPORT_NAMES:
	case IMPORT_CLIENT_NAMES:
		return ENTRY_ACCEPT_NAMES;
	default:
		return ENTRY_ACCEPT_ADDRESSES;
	}
}

/* A comment ends with the line, and what cannot be printed stays behind. */
static struct slice clean_comment(struct slice comment)
{
	enum { COMMENT_MAX = 120 };

	comment = slice_trim(comment);
	if (!slice_is_printable_ascii(comment))
		return slice_of("", 0);
	return comment.len > COMMENT_MAX ? slice_of(comment.ptr, COMMENT_MAX) : comment;
}

void import_give(struct importer *i, enum import_key key, enum import_action action,
    struct slice text, struct slice comment)
{
	struct import_item item = {
	    .line = i->line,
	    .source = i->source,
	    .note = i->note,
	    .key = key,
	    .action = action,
	    .text = text,
	    .comment = clean_comment(comment),
	};
	char why[ENTRY_WHY_MAX];
	const char *wrong =
	    entry_parse(item.text, accepted_by(key), i->idna, i->arena, &item.entry, why);

	if (wrong && key == IMPORT_NETWORKS && clear_host_bits(i, text, &item.text)) {
		item.note = arena_printf(
		    i->arena, "imported as %.*s (host bits cleared)", SLICE_ARG(item.text))
				.ptr;
		wrong = entry_parse(
		    item.text, ENTRY_ACCEPT_NETWORKS, i->idna, i->arena, &item.entry, why);
	}
	if (wrong)
		import_leave(i, "%s", wrong);
	else
		i->each(i->context, &item);
}

/* True when a '$' that is none of the text's ends it. */
static bool ends_anchored(struct slice re)
{
	size_t slashes = 0;

	if (!slice_ends(re, SLICE("$")))
		return false;
	while (slashes + 1 < re.len && re.ptr[re.len - 2 - slashes] == '\\')
		slashes++;
	return slashes % 2 == 0;
}

/* A slash of the expression, unless it is written so already, would end the pattern. */
static struct slice escape_slashes(struct importer *i, struct slice re)
{
	char *out = arena_alloc(i->arena, re.len * 2 + 1);
	size_t len = 0;

	for (size_t k = 0; out && k < re.len; k++) {
		if (re.ptr[k] == '/')
			out[len++] = '\\';
		else if (re.ptr[k] == '\\' && k + 1 < re.len)
			out[len++] = re.ptr[k++];
		out[len++] = re.ptr[k];
	}
	return slice_of(out, len);
}

void import_give_pattern(
    struct importer *i, enum import_action action, struct slice re, struct slice comment)
{
	bool several = slice_find(re, '|') < re.len;
	const char *front = slice_starts(re, SLICE("^")) && !several ? "" : ".*";
	const char *back = ends_anchored(re) && !several ? "" : ".*";

	if (re.len == 0) {
		import_leave(i, "the pattern is empty");
		return;
	}
	re = escape_slashes(i, re);
	import_give(i, IMPORT_NAMES, action,
	    arena_printf(i->arena, "/%s%s%.*s%s%s/", front, several ? "(?:" : "", SLICE_ARG(re),
		several ? ")" : "", back),
	    comment);
}

/* ---- reading ------------------------------------------------------------------------- */

/* True when all bytes are among these. */
static bool only(struct slice s, const char *bytes)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\0' || !strchr(bytes, s.ptr[i]))
			return false;
	return s.len > 0;
}

/* "192.0" → "192.0.0.0/16": the beginning of an address, cut at a dot. */
static struct slice octets(struct importer *i, struct slice key)
{
	static const char *const rest[] = {"", ".0.0.0/8", ".0.0/16", ".0/24"};
	unsigned parts = 1;

	if (key.len > 0 && key.ptr[key.len - 1] == '.')
		key.len--;
	for (size_t k = 0; k < key.len; k++)
		parts += key.ptr[k] == '.';
	return arena_printf(i->arena, "%.*s%s", SLICE_ARG(key), parts < 4 ? rest[parts] : "");
}

/* "2001:db8" → "2001:db8::/32". */
static struct slice groups(struct importer *i, struct slice key)
{
	unsigned parts = 1;

	if (key.len > 0 && key.ptr[key.len - 1] == ':')
		key.len--;
	for (size_t k = 0; k < key.len; k++)
		parts += key.ptr[k] == ':';
	return arena_printf(i->arena, "%.*s::/%u", SLICE_ARG(key), parts * 16);
}

bool import_network(struct importer *i, struct slice key, struct slice *network)
{
	struct ip ip;

	if (key.len > 2 && key.ptr[0] == '[' && key.ptr[key.len - 1] == ']')
		key = slice_of(key.ptr + 1, key.len - 2);
	*network = key;
	if (ip_parse(key, &ip))
		return true;
	if (only(key, "0123456789abcdefABCDEF:./-") &&
	    (slice_find(key, '/') < key.len || slice_find(key, '-') < key.len) &&
	    (slice_find(key, ':') < key.len || only(key, "0123456789./-")))
		return true;
	if (only(key, "0123456789."))
		*network = octets(i, key);
	else if (only(key, "0123456789abcdefABCDEF:") && slice_find(key, ':') < key.len)
		*network = groups(i, key);
	else
		return false;
	return true;
}

void import_give_any(
    struct importer *i, enum import_action action, struct slice text, struct slice comment)
{
	struct slice network;

	if (import_network(i, text, &network))
		import_give(i, IMPORT_NETWORKS, action, network, comment);
	else if (text.len > 0 && text.ptr[0] != '/' &&
		 (slice_find(text, '@') < text.len || slice_equal(text, SLICE("<>"))))
		import_give(i, IMPORT_ADDRESSES, action, text, comment);
	else
		import_give(i, IMPORT_NAMES, action, text, comment);
}
