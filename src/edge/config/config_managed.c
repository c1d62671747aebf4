#include "config_load.h"

#include "core/base/array.h"
#include "core/name/entry.h"
#include "edge/idn/idn.h"
#include "edge/managed/managed.h"
#include "edge/os/textfile.h"
#include "edge/os/write_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* One line of the managed whitelist. */
struct managed {
	struct managed_line words; /* with covers as they are meant where none are written */
	struct entry entry;
	struct entry sender, recipient; /* where words has them */
	unsigned line;
};

struct managed_list {
	struct managed *at;
	size_t count, capacity;
};

/* What stands from the entry to the end of its line. */
static struct slice line_of(struct slice entry, struct slice text, struct slice rest)
{
	const char *end = rest.ptr ? rest.ptr : text.ptr + text.len;
	struct slice line = slice_of(entry.ptr, (size_t)(end - entry.ptr));

	line.len = slice_find(line, '\n');
	line.len = slice_find(line, '\r');
	return line;
}

/* What narrows a line: a name or an address. */
static const char *read_identity(
    struct load *load, struct slice text, struct entry *out, char why[ENTRY_WHY_MAX])
{
	const char *wrong;

	if (text.len == 0)
		return NULL;
	wrong = entry_parse(text, ENTRY_ACCEPT_ADDRESSES, &idn_uts46, load->arena, out, why);
	if (!wrong && (out->out || out->kind == ENTRY_PATTERN))
		wrong = "sender= and recipient= are a name or an address";
	return wrong;
}

static const char *read_line(
    struct load *load, struct slice line, struct slice entry, struct managed *m, char *why)
{
	const char *wrong = managed_parse_entry(entry, load->arena, &m->entry, why);

	if (!wrong)
		wrong = managed_parse_words(slice_skip(line, slice_find(line, '#')), &m->words);
	if (!wrong)
		wrong = managed_check(&m->words, m->entry.kind == ENTRY_NETWORK);
	if (!wrong)
		wrong = read_identity(load, m->words.sender, &m->sender, why);
	if (!wrong)
		wrong = read_identity(load, m->words.recipient, &m->recipient, why);
	if (!wrong && m->words.proof && m->entry.kind == ENTRY_NETWORK &&
	    (m->sender.kind == ENTRY_ADDRESS || m->sender.kind == ENTRY_NULL))
		wrong = "proof=spf needs a name as sender=: SPF proves domains, not addresses";
	return wrong;
}

static void read_lines(struct load *load, struct slice text, struct managed_list *list)
{
	struct slice rest = text, entry;
	struct origin where = {load->config->managed_whitelist, 0};
	char why[ENTRY_WHY_MAX];

	while (entry_next_line(&rest, &where.line, &entry)) {
		struct managed m = {.line = where.line};
		const char *wrong = read_line(load, line_of(entry, text, rest), entry, &m, why);

		if (wrong)
			diag_error(load->diag, where, "%s", wrong);
		else if (!ARRAY_ROOM(list->at, list->capacity, list->count + 1))
			diag_error(load->diag, where, "out of memory");
		else
			list->at[list->count++] = m;
	}
}

/* ---- rules --------------------------------------------------------------------------- */

static bool is_network(const struct managed *m)
{
	return m->entry.kind == ENTRY_NETWORK;
}

static unsigned covers_of(const struct managed *m)
{
	return m->words.covers ? m->words.covers : 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS;
}

static unsigned proof_of(const struct managed *m)
{
	if (m->words.proof || is_network(m))
		return m->words.proof;
	return PROOF_SPF | PROOF_CLIENT_NAME;
}

static int compare_numbers(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* Lines that end together and mean the same of their entries are equal: they become one rule. */
static int compare_rules(const struct managed *a, const struct managed *b)
{
	int order = compare_numbers(a->words.expires, b->words.expires);

	if (!order)
		order = compare_numbers(is_network(b), is_network(a));
	if (!order)
		order = compare_numbers(covers_of(a), covers_of(b));
	if (!order)
		order = compare_numbers(proof_of(a), proof_of(b));
	if (!order)
		order = slice_compare(a->words.sender, b->words.sender);
	return order ? order : slice_compare(a->words.recipient, b->words.recipient);
}

static int compare(const void *one, const void *other)
{
	const struct managed *a = one, *b = other;
	int order = compare_rules(a, b);

	return order ? order : compare_numbers(a->line, b->line);
}

/* The key that sender= is: with proof=spf of an address the name that must have passed. */
static enum rule_key sender_key(const struct managed *m)
{
	return is_network(m) && m->words.proof ? KEY_DOMAINS : KEY_SENDER;
}

static unsigned add_rule(struct load *load, const struct managed *first)
{
	unsigned proof = proof_of(first), number;
	struct rule rule = {
	    .name = SLICE("managed"),
	    .family = FAMILY_WHITELIST,
	    .keys = 1u << (is_network(first) ? KEY_NETWORKS : KEY_DOMAINS) |
		    (first->words.sender.len ? 1u << sender_key(first) : 0) |
		    (first->words.recipient.len ? 1u << KEY_RECIPIENT : 0),
	    .in = (proof & PROOF_SPF ? 1u << IDENTITY_SENDER : 0) |
		  (proof & PROOF_CLIENT_NAME ? 1u << IDENTITY_CLIENT_NAME : 0),
	    .proof = proof,
	    .covers = covers_of(first),
	    .expires = first->words.expires,
	    .where = {load->config->managed_whitelist, first->line},
	};

	number = ruleset_add_rule(load->builder, &rule);
	if (first->words.sender.len)
		ruleset_add_entry(
		    load->builder, number, sender_key(first), &first->sender, rule.where);
	if (first->words.recipient.len)
		ruleset_add_entry(
		    load->builder, number, KEY_RECIPIENT, &first->recipient, rule.where);
	return number;
}

static void add_rules(struct load *load, struct managed_list *list)
{
	unsigned rule = RULES_MAX;

	if (list->count > 0)
		qsort(list->at, list->count, sizeof *list->at, compare);
	for (size_t i = 0; i < list->count; i++) {
		struct managed *m = &list->at[i];
		struct origin where = {load->config->managed_whitelist, m->line};

		if (i == 0 || compare_rules(m, m - 1) != 0)
			rule = add_rule(load, m);
		ruleset_add_entry(load->builder, rule, is_network(m) ? KEY_NETWORKS : KEY_DOMAINS,
		    &m->entry, where);
	}
}

void load_managed(struct load *load)
{
	const char *path = load->config->managed_whitelist;
	struct managed_list list = {NULL, 0, 0};
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	if (path[0] == '\0')
		return;
	switch (load_file(load, LOADED_MANAGED, path, &text, why)) {
	case TEXTFILE_OK:
		read_lines(load, text, &list);
		break;
	case TEXTFILE_MISSING: /* nobody has added anything yet */
		break;
	case TEXTFILE_BROKEN:
	case TEXTFILE_FOREIGN:
		diag_error(load->diag, (struct origin){path, 0}, "%s", why);
		break;
	}
	add_rules(load, &list);
	free(list.at);
}

/* ---- a try --------------------------------------------------------------------------- */

static void keep_first(void *context, enum diag_level level, const char *line)
{
	char *why = context;
	const char *reason;

	if (level != DIAG_ERROR || why[0])
		return;
	/* "FILE:LINE: reason" of a file that nobody knows. */
	reason = strstr(line, ": ");
	snprintf(why, MANAGED_WHY_MAX, "%s", reason ? reason + 2 : line);
}

bool config_try_managed(const char *path, char why[MANAGED_WHY_MAX])
{
	char text[512], in_memory[64];
	int n = snprintf(text, sizeof text, "managed_whitelist = \"%s\";\n", path);
	int fd = memfd_create("susmilter", MFD_CLOEXEC);
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *config = NULL;
	bool good;

	snprintf(in_memory, sizeof in_memory, "/proc/self/fd/%d", fd);
	if (fd >= 0 && diag && n < (int)sizeof text && write_all(fd, slice_of(text, (size_t)n)))
		config = config_load(in_memory, NULL, diag, &rules);
	if (diag)
		diag_each(diag, keep_first, why);
	good = config;
	if (fd >= 0)
		close(fd);
	diag_free(&diag);
	ruleset_free(&rules);
	config_free(&config);
	return good;
}
