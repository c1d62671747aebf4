#include "fake/spf_suite.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum { CASES_MAX = 400, SUITE_BYTES = 16 << 20, TXT_MAX = 65535 };

/* ---- reading nodes ------------------------------------------------------------------- */

struct reader {
	struct spf_suite *suite;
	yaml_document_t *doc;
};

static void insist(bool true_one, const char *what)
{
	if (!true_one) {
		fprintf(stderr, "spf_suite: %s\n", what);
		abort();
	}
}

static struct slice text_of(const struct reader *r, const yaml_node_t *node)
{
	insist(node && node->type == YAML_SCALAR_NODE, "a scalar is wanted");
	return arena_copy(r->suite->arena,
	    slice_of((const char *)node->data.scalar.value, node->data.scalar.length));
}

static yaml_node_t *node_at(const struct reader *r, int index)
{
	return yaml_document_get_node(r->doc, index);
}

/* The value of a key; NULL when it is not there. */
static yaml_node_t *value_of(const struct reader *r, const yaml_node_t *map, const char *key)
{
	insist(map && map->type == YAML_MAPPING_NODE, "a mapping is wanted");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++)
		if (slice_equal(text_of(r, node_at(r, p->key)), slice_str(key)))
			return node_at(r, p->value);
	return NULL;
}

static size_t items_of(const yaml_node_t *node)
{
	return node->type == YAML_SEQUENCE_NODE
		   ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
		   : 1;
}

static const yaml_node_t *item(const struct reader *r, const yaml_node_t *node, size_t i)
{
	return node->type == YAML_SEQUENCE_NODE ? node_at(r, node->data.sequence.items.start[i])
						: node;
}

/* ---- zone data ----------------------------------------------------------------------- */

/* Latin-1 text comes as UTF-8: back to the one byte that was meant. */
static size_t narrow(struct slice s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if ((c & 0xfc) == 0xc0 && i + 1 < s.len)
			c = (unsigned char)(c << 6 | (s.ptr[++i] & 0x3f));
		out[n++] = (char)c;
	}
	return n;
}

static void add_txt(
    const struct reader *r, struct zone *z, struct slice name, const yaml_node_t *value)
{
	static char joined[TXT_MAX];
	size_t len = 0;

	for (size_t i = 0; i < items_of(value); i++)
		len += narrow(text_of(r, item(r, value, i)), joined + len);
	insist(zone_add(z, name, DNS_TXT, slice_of(joined, len), 0), "out of memory");
}

static void add_line(
    struct zone *z, struct slice name, const char *type, const char *prefix, struct slice data)
{
	char line[1200], why[ZONE_WHY_MAX];
	struct slice shown = data.len ? data : SLICE(".");
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++)
		n += (size_t)sprintf(line + n,
		    isalnum((unsigned char)name.ptr[i]) || name.ptr[i] == '.' ? "%c" : "\\%03d",
		    (unsigned char)name.ptr[i]);
	snprintf(line + n, sizeof line - n, " %s %s%.*s", type, prefix, SLICE_ARG(shown));
	insist(!zone_load(z, slice_str(line), why), why);
}

static void add_item(const struct reader *r, struct zone *z, struct slice name,
    const yaml_node_t *entry, bool spf_is_txt)
{
	struct slice type;
	const yaml_node_t *value;

	if (entry->type == YAML_SCALAR_NODE) {
		add_line(z, name, "ANY", "", text_of(r, entry));
		return;
	}
	type = text_of(r, node_at(r, entry->data.mapping.pairs.start->key));
	value = node_at(r, entry->data.mapping.pairs.start->value);
	if (slice_equal(type, SLICE("SPF"))) {
		if (spf_is_txt)
			add_txt(r, z, name, value);
	} else if (slice_equal(type, SLICE("TXT"))) {
		if (items_of(value) > 1 ||
		    !slice_equal(text_of(r, item(r, value, 0)), SLICE("NONE")))
			add_txt(r, z, name, value);
	} else if (slice_equal(type, SLICE("MX"))) {
		char preference[16];
		snprintf(preference, sizeof preference, "%.*s ",
		    SLICE_ARG(text_of(r, item(r, value, 0))));
		add_line(z, name, "MX", preference, text_of(r, item(r, value, 1)));
	} else {
		add_line(z, name, arena_strdup(r->suite->arena, type), "", text_of(r, value));
	}
}

static struct zone *read_zone(const struct reader *r, const yaml_node_t *map)
{
	struct zone *z = zone_create();

	insist(z && map->type == YAML_MAPPING_NODE, "zonedata is a mapping");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		struct slice name = text_of(r, node_at(r, p->key));
		const yaml_node_t *list = node_at(r, p->value);
		bool has_txt = false;
		for (size_t i = 0; i < items_of(list); i++)
			if (item(r, list, i)->type == YAML_MAPPING_NODE)
				has_txt = has_txt || value_of(r, item(r, list, i), "TXT");
		for (size_t i = 0; i < items_of(list); i++)
			add_item(r, z, name, item(r, list, i), !has_txt);
	}
	return z;
}

/* ---- cases --------------------------------------------------------------------------- */

static void read_case(const struct reader *r, const yaml_node_t *test, struct spf_case *c)
{
	const yaml_node_t *results = value_of(r, test, "result");
	const yaml_node_t *explanation = value_of(r, test, "explanation");
	struct slice from = text_of(r, value_of(r, test, "mailfrom"));
	size_t at = slice_find_last(from, '@');

	insist(ip_parse(text_of(r, value_of(r, test, "host")), &c->query.client), "host");
	c->query.helo = text_of(r, value_of(r, test, "helo"));
	c->query.receiver = SLICE("receiver.example");
	c->query.explain = true;
	c->query.local = slice_of(from.ptr, at == from.len ? 0 : at);
	c->query.domain = at == from.len ? slice_of(NULL, 0) : slice_skip(from, at + 1);
	for (size_t i = 0; i < items_of(results); i++)
		c->results[i] = text_of(r, item(r, results, i));
	if (explanation)
		c->explanation = text_of(r, explanation);
}

static void read_document(const struct reader *r)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);
	struct spf_suite *s = r->suite;
	struct slice scenario = text_of(r, value_of(r, root, "description"));
	const yaml_node_t *tests = value_of(r, root, "tests");
	struct zone *zone = read_zone(r, value_of(r, root, "zonedata"));

	insist(s->zone_count < sizeof s->zones / sizeof *s->zones, "too many scenarios");
	s->zones[s->zone_count++] = zone;
	for (yaml_node_pair_t *p = tests->data.mapping.pairs.start;
	     p < tests->data.mapping.pairs.top; p++) {
		insist(s->count < CASES_MAX, "too many cases");
		struct spf_case *c = &s->cases[s->count++];
		*c = (struct spf_case){
		    .scenario = scenario, .label = text_of(r, node_at(r, p->key)), .zone = zone};
		read_case(r, node_at(r, p->value), c);
	}
}

struct spf_suite *spf_suite_load(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct spf_suite *s;
	yaml_parser_t parser;
	bool more = true;

	if (!file)
		return NULL;
	s = calloc(1, sizeof *s);
	insist(s && (s->arena = arena_create(SUITE_BYTES)), "out of memory");
	s->cases = arena_calloc(s->arena, CASES_MAX, sizeof *s->cases);
	insist(s->cases && yaml_parser_initialize(&parser), "out of memory");
	yaml_parser_set_input_file(&parser, file);
	while (more) {
		yaml_document_t doc;
		insist(yaml_parser_load(&parser, &doc), "the file is not YAML");
		more = yaml_document_get_root_node(&doc) != NULL;
		if (more)
			read_document(&(struct reader){.suite = s, .doc = &doc});
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
	fclose(file);
	return s;
}

void spf_suite_free(struct spf_suite **s)
{
	if (!*s)
		return;
	for (size_t i = 0; i < (*s)->zone_count; i++)
		zone_free(&(*s)->zones[i]);
	arena_free(&(*s)->arena);
	free(*s);
	*s = NULL;
}

const char *spf_suite_path(struct arena *arena)
{
	const char *path = getenv("SPF_SUITE"), *shared = getenv("SHARED");

	return path ? path
		    : arena_printf(
			  arena, "%s/data/spf/rfc7208-tests.yml", shared ? shared : "../shared")
			  .ptr;
}
