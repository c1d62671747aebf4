#include "config_load.h"

#include "core/name/list.h"
#include "edge/config/managed.h"
#include "edge/os/textfile.h"

#include <stdlib.h>

/* One line of the managed whitelist. */
struct managed {
	int64_t expires;
	struct list_entry entry;
	unsigned line;
};

struct managed_list {
	struct managed *at;
	size_t count, capacity;
};

static bool room(struct managed_list *list)
{
	size_t capacity = list->capacity ? list->capacity * 2 : 64;
	void *bigger;

	if (list->count < list->capacity)
		return true;
	bigger = realloc(list->at, capacity * sizeof *list->at);
	if (!bigger)
		return false;
	list->at = bigger;
	list->capacity = capacity;
	return true;
}

/* What stands from the entry to the end of its line. */
static struct slice line_of(struct slice entry, struct slice text, struct slice rest)
{
	const char *end = rest.ptr ? rest.ptr : text.ptr + text.len;
	struct slice line = slice_of(entry.ptr, (size_t)(end - entry.ptr));

	line.len = slice_find(line, '\n');
	line.len = slice_find(line, '\r');
	return line;
}

static void read_lines(struct load *load, struct slice text, struct managed_list *list)
{
	struct slice rest = text, entry;
	struct origin where = {load->config->managed_whitelist, 0};
	char why[LIST_WHY_MAX];

	while (list_next_line(&rest, &where.line, &entry)) {
		struct managed m = {.line = where.line};
		struct managed_line words = {.expires = 0};
		struct slice line = line_of(entry, text, rest);
		const char *wrong = managed_parse_entry(entry, load->arena, &m.entry, why);

		if (wrong)
			report_error(load->report, where, "%s", wrong);
		else if (!managed_parse_words(slice_skip(line, slice_find(line, '#')), &words))
			report_error(load->report, where,
			    "expires= is not followed by a time such as 2026-11-28T12:00:00Z");
		else if (!room(list))
			report_error(load->report, where, "out of memory");
		else {
			m.expires = words.expires;
			list->at[list->count++] = m;
		}
	}
}

static bool is_network(const struct managed *m)
{
	return m->entry.kind == LIST_NETWORK;
}

static bool same_rule(const struct managed *a, const struct managed *b)
{
	return a->expires == b->expires && is_network(a) == is_network(b);
}

static int compare(const void *one, const void *other)
{
	const struct managed *a = one, *b = other;

	if (a->expires != b->expires)
		return a->expires < b->expires ? -1 : 1;
	if (is_network(a) != is_network(b))
		return is_network(a) ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

/* The rule for entries that are of one kind and end together. */
static unsigned add_rule(struct load *load, const struct managed *first)
{
	enum rule_key key = is_network(first) ? KEY_NETWORKS : KEY_DOMAINS;
	struct rule rule = {
	    .name = SLICE("managed"),
	    .family = FAMILY_WHITELIST,
	    .keys = 1u << key,
	    .in = 1u << IDENTITY_SENDER | 1u << IDENTITY_CLIENT_NAME,
	    .proof = key == KEY_DOMAINS ? PROOF_SPF | PROOF_CLIENT_NAME : 0,
	    .covers = 1u << FAMILY_SUSRANGES | 1u << FAMILY_BLOCKS,
	    .expires = first->expires,
	    .where = {load->config->managed_whitelist, first->line},
	};

	return ruleset_add_rule(load->builder, &rule);
}

static void add_rules(struct load *load, struct managed_list *list)
{
	unsigned rule = RULES_MAX;

	if (list->count > 0)
		qsort(list->at, list->count, sizeof *list->at, compare);
	for (size_t i = 0; i < list->count; i++) {
		struct managed *m = &list->at[i];
		struct origin where = {load->config->managed_whitelist, m->line};

		if (i == 0 || !same_rule(m, m - 1))
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
	switch (load_list_file(load, path, &text, why)) {
	case TEXTFILE_OK:
		read_lines(load, text, &list);
		break;
	case TEXTFILE_MISSING: /* nobody has added anything yet */
		break;
	case TEXTFILE_BROKEN:
		report_error(load->report, (struct origin){path, 0}, "%s", why);
		break;
	}
	add_rules(load, &list);
	free(list.at);
}
