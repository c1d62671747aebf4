/* zone_load: the text form of a zone; see zone.h for its grammar. */
#include "edge/dns/zone.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
	TXT_MAX = 65535,      /* what fits into one DNS record */
	LINE_BYTES = 1 << 20, /* room for the parts of one line */
	TYPE_CNAME = 5,
};

static const char no_memory[] = "out of memory";

struct load {
	struct zone *zone;
	struct arena *memory; /* one line at a time */
};

static const struct {
	const char *word;
	int type;
} types[] = {
    {"A", DNS_A},
    {"AAAA", DNS_AAAA},
    {"MX", DNS_MX},
    {"PTR", DNS_PTR},
    {"TXT", DNS_TXT},
    {"CNAME", TYPE_CNAME},
    {"ANY", ZONE_ANY},
};

static const struct {
	const char *word;
	enum dns_status status;
} statuses[] = {
    {"SERVFAIL", DNS_TEMP},
    {"TIMEOUT", DNS_TEMP},
    {"BOGUS", DNS_TEMP},
    {"NXDOMAIN", DNS_NXDOMAIN},
    {"NODATA", DNS_NODATA},
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Reads one escaped or plain byte of *rest into *out. */
static bool take_byte(struct slice *rest, char *out)
{
	uint64_t value;

	if (rest->ptr[0] != '\\') {
		*out = rest->ptr[0];
		*rest = slice_skip(*rest, 1);
		return true;
	}
	*rest = slice_skip(*rest, 1);
	if (rest->len >= 3 && slice_to_uint(slice_of(rest->ptr, 3), 255, &value)) {
		*out = (char)(unsigned char)value;
		*rest = slice_skip(*rest, 3);
		return true;
	}
	if (rest->len == 0 || (rest->ptr[0] >= '0' && rest->ptr[0] <= '9'))
		return false;
	*out = rest->ptr[0];
	*rest = slice_skip(*rest, 1);
	return true;
}

/*
 * Takes the next word of *rest, quoted or not, and appends its bytes to out.  False at the end of
 * the line or (*why set) when the word is broken.
 */
static bool take_word(struct slice *rest, char *out, size_t *len, const char **why)
{
	bool quoted;

	while (rest->len && is_space(rest->ptr[0]))
		*rest = slice_skip(*rest, 1);
	if (rest->len == 0)
		return false;
	quoted = rest->ptr[0] == '"';
	if (quoted)
		*rest = slice_skip(*rest, 1);
	while (rest->len && (quoted ? rest->ptr[0] != '"' : !is_space(rest->ptr[0]))) {
		if (*len >= TXT_MAX || !take_byte(rest, out + *len)) {
			*why = "an escape is \\DDD or \\ and a character; a record ends at 65535";
			return false;
		}
		++*len;
	}
	if (quoted && rest->len == 0) {
		*why = "the closing quote is missing";
		return false;
	}
	if (quoted)
		*rest = slice_skip(*rest, 1);
	return true;
}

static struct slice take_plain(struct slice *rest)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->len && !is_space(rest->ptr[n]))
		n++;
	struct slice word = slice_of(rest->ptr, n);
	*rest = slice_trim(slice_skip(*rest, n));
	while (rest->len && is_space(rest->ptr[rest->len - 1]))
		rest->len--;
	return word;
}

/* A host or owner: unescaped, in lower case, without its trailing dot. */
static bool take_name(struct slice *rest, struct arena *memory, struct slice *out)
{
	struct slice word = take_plain(rest);
	char *at = arena_alloc(memory, word.len + 1);
	size_t len = 0;

	if (!at || word.len == 0)
		return false;
	while (word.len) {
		if (!take_byte(&word, at + len))
			return false;
		at[len] = slice_lower(at[len]);
		len++;
	}
	if (at[len - 1] == '.')
		len--;
	*out = slice_of(at, len);
	return true;
}

/* The owner of a PTR given as an address: 192.0.2.1 → 1.2.0.192.in-addr.arpa. */
static struct slice reversed(struct slice owner, struct arena *memory)
{
	unsigned char b[16];
	char text[80], *at = text;
	char *name = arena_strdup(memory, owner);

	if (name && inet_pton(AF_INET, name, b) == 1) {
		snprintf(text, sizeof text, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
		return arena_copy(memory, slice_str(text));
	}
	if (!name || inet_pton(AF_INET6, name, b) != 1)
		return owner;
	for (int i = 15; i >= 0; i--)
		at += sprintf(at, "%x.%x.", b[i] & 15u, b[i] >> 4);
	strcpy(at, "ip6.arpa");
	return arena_copy(memory, slice_str(text));
}

static const char *load_txt(struct load *l, struct slice owner, struct slice rest)
{
	char *text = arena_alloc(l->memory, TXT_MAX);
	const char *why = NULL;
	size_t len = 0;

	if (!text)
		return no_memory;
	while (take_word(&rest, text, &len, &why))
		continue;
	if (!why && !zone_add(l->zone, owner, DNS_TXT, slice_of(text, len), 0))
		why = no_memory;
	return why;
}

static const char *load_address(struct load *l, struct slice owner, int type, struct slice rest)
{
	unsigned char b[16];
	char *text = arena_strdup(l->memory, take_plain(&rest));
	int family = type == DNS_A ? AF_INET : AF_INET6;

	if (!text || inet_pton(family, text, b) != 1 || rest.len)
		return "one address of this type is wanted";
	if (!zone_add(l->zone, owner, (enum dns_type)type,
		slice_of((const char *)b, family == AF_INET ? 4 : 16), 0))
		return no_memory;
	return NULL;
}

static const char *load_host(struct load *l, struct slice owner, int type, struct slice rest)
{
	struct slice host;
	uint64_t preference = 0;
	bool added;

	if (type == DNS_MX && !slice_to_uint(take_plain(&rest), 65535, &preference))
		return "an MX is PREFERENCE HOST";
	if (!take_name(&rest, l->memory, &host) || rest.len)
		return "one host name is wanted";
	added = type == TYPE_CNAME
		    ? zone_add_alias(l->zone, owner, host)
		    : zone_add(l->zone, owner, (enum dns_type)type, host, (uint16_t)preference);
	return added ? NULL : no_memory;
}

static const char *load_data(struct load *l, struct slice owner, int type, struct slice rest)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (slice_equal(rest, slice_str(statuses[i].word)))
			return zone_add_status(l->zone, owner, type, statuses[i].status)
				   ? NULL
				   : no_memory;
	switch (type) {
	case ZONE_ANY:
		if (!slice_equal(rest, SLICE("SECURE")))
			return "ANY takes SERVFAIL, TIMEOUT, BOGUS, NXDOMAIN, NODATA or SECURE";
		return zone_set_secure(l->zone, owner) ? NULL : no_memory;
	case DNS_TXT:
		return load_txt(l, owner, rest);
	case DNS_A:
	case DNS_AAAA:
		return load_address(l, owner, type, rest);
	default:
		return load_host(l, owner, type, rest);
	}
}

static const char *load_line(struct load *l, struct slice line)
{
	struct slice owner, word;

	if (!take_name(&line, l->memory, &owner))
		return "the name is broken";
	word = take_plain(&line);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		if (!slice_equal(word, slice_str(types[i].word)))
			continue;
		if (types[i].type == DNS_PTR)
			owner = reversed(owner, l->memory);
		return load_data(l, owner, types[i].type, line);
	}
	return "the type is none of A AAAA MX PTR CNAME TXT ANY";
}

const char *zone_load(struct zone *zone, struct slice text, char why[ZONE_WHY_MAX])
{
	struct load l = {.zone = zone, .memory = arena_create(LINE_BYTES)};
	const char *wrong = l.memory ? NULL : no_memory;
	unsigned number = 0;

	snprintf(why, ZONE_WHY_MAX, "%s", no_memory);
	while (text.len && !wrong) {
		struct slice line = slice_trim(slice_cut(&text, '\n'));
		number++;
		if (line.len == 0 || *line.ptr == '#' || *line.ptr == ';' || *line.ptr == '\r')
			continue;
		arena_reset(l.memory);
		wrong = load_line(&l, line);
		if (wrong)
			snprintf(why, ZONE_WHY_MAX, "line %u: %s: %.*s", number, wrong,
			    line.len > 80 ? 80 : (int)line.len, line.ptr);
	}
	arena_free(&l.memory);
	return wrong ? why : NULL;
}
