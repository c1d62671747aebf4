/*
 * dnsbls: lists in the DNS and zone files of rbldnsd (core/rules/dnsbl.h), before the rules that
 * name them.
 */
#include "config_load.h"

#include "core/base/array.h"
#include "core/base/fnv.h"
#include "core/rules/dnsbl.h"
#include "core/rules/rbldnsd.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

/* A list while its group is read. */
struct dnsbl_parser {
	struct load *load;
	const struct setting *group;
	struct origin where;
	struct dnsbl list;
};

static const struct word of_words[] = {{"client", IDENTITY_COUNT},
    {"client_name", IDENTITY_CLIENT_NAME}, {"helo", IDENTITY_HELO}, {"sender", IDENTITY_SENDER},
    {"from", IDENTITY_FROM}, {"recipient", IDENTITY_RECIPIENT}, {NULL, 0}};
static const struct word type_words[] = {{"ip4set", RBLDNSD_IP4SET}, {"ip4trie", RBLDNSD_IP4TRIE},
    {"ip6trie", RBLDNSD_IP6TRIE}, {"dnset", RBLDNSD_DNSET}, {NULL, 0}};

/* The text of a key; empty where it is absent or no string, which is then an error. */
static struct slice text_of(const struct dnsbl_parser *p, const char *key)
{
	const struct setting *s = setting_member(p->group, key);

	return s && load_is_string(p->load, s) ? setting_text(s) : slice_of(NULL, 0);
}

/* The value of a key that is one of some words. */
static int choice_of(
    const struct dnsbl_parser *p, const char *key, const struct word *words, int fallback)
{
	struct slice text = text_of(p, key);
	int value = fallback;

	if (text.len > 0)
		value = load_word(
		    p->load, text, key, words, load_where(p->load, setting_member(p->group, key)));
	return value < 0 ? fallback : value;
}

/* ---- answers and test points --------------------------------------------------------- */

static void add_answer(void *context, struct slice text, struct origin where)
{
	struct dnsbl_parser *p = context;
	struct slice last = text, first = slice_trim(slice_cut(&last, '-'));
	struct dnsbl_range range;

	if (!ip_parse(first, &range.first) ||
	    !ip_parse(last.ptr ? slice_trim(last) : first, &range.last) ||
	    range.first.family != IP_V4 || range.last.family != IP_V4 ||
	    ip_compare(&range.first, &range.last) > 0)
		diag_error(p->load->diag, where,
		    "\"%.*s\" is not an answer; write \"127.0.0.2\" or \"127.0.0.4-127.0.0.11\"",
		    SLICE_ARG(text));
	else if (p->list.answer_count == DNSBL_ANSWERS_MAX)
		diag_error(p->load->diag, where, "more than %d answers", (int)DNSBL_ANSWERS_MAX);
	else
		p->list.answers[p->list.answer_count++] = range;
}

/* Each by the kind of list (RFC 5782 5). */
static void take_test(struct dnsbl_parser *p)
{
	const struct setting *s = setting_member(p->group, "test"), *point;
	bool by_address = p->list.of == IDENTITY_COUNT;
	static const char *const known[] = {"listed", "unlisted", NULL};
	struct ip ip;

	p->list.has_test = true;
	p->list.listed = by_address ? SLICE("127.0.0.2") : SLICE("test");
	p->list.unlisted = by_address ? SLICE("127.0.0.1") : SLICE("invalid");
	if (!s)
		return;
	if (s->type == SETTING_STRING && slice_equal(setting_text(s), SLICE("none"))) {
		p->list.has_test = false;
		diag_warning(p->load->diag, load_where(p->load, s),
		    "the dnsbl \"%.*s\" has no test points: when it lies, nobody notices",
		    SLICE_ARG(p->list.name));
		return;
	}
	if (!load_is_group(p->load, s))
		return;
	for (unsigned i = 0; i < setting_count(s); i++)
		load_unknown_key(p->load, setting_element(s, i), known);
	if ((point = setting_member(s, "listed")) && load_is_string(p->load, point))
		p->list.listed = setting_text(point);
	if ((point = setting_member(s, "unlisted")) && load_is_string(p->load, point))
		p->list.unlisted = setting_text(point);
	if (by_address && (!ip_parse(p->list.listed, &ip) || !ip_parse(p->list.unlisted, &ip)))
		diag_error(p->load->diag, load_where(p->load, s),
		    "the test points of a list of clients are addresses");
}

/* ---- zone files ---------------------------------------------------------------------- */

/* Entries on their way into the trees: the tag is RBLDNSD form and bits. */
enum { TAG_OUT = 4, TAG_FORM = 3 };

struct zone_file {
	struct dnsbl_parser *p;
	struct ip_radix_entry *networks;
	struct name_radix_entry *names;
	size_t count, capacity;
	bool failed;
};

static bool add_network(void *context, const struct prefix *prefix)
{
	struct zone_file *z = context;
	bool room = ARRAY_ROOM(z->networks, z->capacity, z->count + 1);

	z->failed |= !room;
	if (room)
		z->networks[z->count++].prefix = *prefix;
	return room;
}

static void add_entry(struct zone_file *z, const struct rbldnsd_entry *e)
{
	uint32_t tag = (uint32_t)e->form | (e->out ? TAG_OUT : 0);
	size_t first = z->count;

	if (!e->out && z->p->list.answer_count > 0 && !dnsbl_declares(&z->p->list, &e->answer))
		return;
	z->p->list.entries++;
	if (e->name.len == 0) {
		prefix_from_range(&e->first, &e->last, add_network, z);
		for (size_t i = first; i < z->count; i++)
			z->networks[i].tag = tag;
		return;
	}
	if (ARRAY_ROOM(z->names, z->capacity, z->count + 1))
		z->names[z->count++] = (struct name_radix_entry){e->name, tag};
	else
		z->failed = true;
}

/* Of equal networks one that takes out decides. */
static uint32_t combine_networks(
    void *context, uint32_t around, const struct ip_radix_entry *entries, size_t n)
{
	bool out = false;

	(void)context;
	(void)around;
	for (size_t i = 0; i < n; i++)
		out |= (entries[i].tag & TAG_OUT) != 0;
	return !out;
}

/* The value that the entries of one form give; -1: there is none of it. */
static int value_of(const struct name_radix_entry *entries, size_t n, enum rbldnsd_form form)
{
	int value = -1;

	for (size_t i = 0; i < n; i++)
		if ((entries[i].tag & TAG_FORM) == (uint32_t)form && value != 0)
			value = (entries[i].tag & TAG_OUT) == 0;
	return value;
}

static struct name_radix_values combine_names(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	struct name_radix_values v = {above, above};
	int tree = value_of(entries, n, RBLDNSD_TREE), name = value_of(entries, n, RBLDNSD_NAME);
	int below = value_of(entries, n, RBLDNSD_BELOW);

	(void)context;
	if (tree >= 0)
		v.self = v.below = (uint32_t)tree;
	if (name >= 0)
		v.self = (uint32_t)name;
	if (below >= 0)
		v.below = (uint32_t)below;
	return v;
}

static void build_trees(struct zone_file *z)
{
	const struct ip_radix_combine networks = {combine_networks, NULL, 0};
	const struct name_radix_combine names = {combine_names, NULL, 0};
	struct dnsbl *list = &z->p->list;

	if (z->networks)
		list->networks = ip_radix_build(z->networks, z->count, &networks);
	if (z->names)
		list->names = name_radix_build(z->names, z->count, &names);
	z->failed |= (z->networks && !list->networks) || (z->names && !list->names);
	if (z->failed)
		diag_error(z->p->load->diag, z->p->where, "out of memory");
}

/* As rbldnsd does, a line that is no entry is passed over, and said once. */
static void read_entries(struct zone_file *z, const char *path, struct slice text)
{
	struct load *load = z->p->load;
	int type = choice_of(z->p, "type", type_words,
	    z->p->list.of == IDENTITY_COUNT ? RBLDNSD_IP4SET : RBLDNSD_DNSET);
	struct rbldnsd_reader r =
	    rbldnsd_open(text, (enum rbldnsd_type)type, &idn_uts46, load->arena);
	struct rbldnsd_entry e, first = {.wrong = NULL};
	const char kind = (char)type;
	size_t wrong = 0;

	z->p->list.content = fnv(fnv(FNV_START, slice_of(&kind, 1)), text);
	if ((type == RBLDNSD_DNSET) != (z->p->list.of != IDENTITY_COUNT))
		diag_error(load->diag, z->p->where,
		    "a dnsbl of client is of addresses, any other "
		    "a dnset");
	while (rbldnsd_next(&r, &e)) {
		if (!e.wrong) {
			add_entry(z, &e);
			continue;
		}
		if (strstr(e.wrong, "$DATASET"))
			diag_error(load->diag, (struct origin){path, e.line}, "%s", e.wrong);
		else if (wrong++ == 0)
			first = e;
	}
	if (wrong > 0)
		diag_warning(load->diag, (struct origin){path, first.line},
		    "%s; %zu such lines are passed over (the first one here)", first.wrong, wrong);
	if (z->p->list.entries == 0)
		diag_error(load->diag, z->p->where, "%s has no entry for the dnsbl \"%.*s\"", path,
		    SLICE_ARG(z->p->list.name));
}

static void load_zone_file(struct dnsbl_parser *p, struct slice named)
{
	const char *path = config_path(p->load->arena, p->where.file, named);
	struct zone_file z = {.p = p};
	const struct loaded_file *file;
	char why[TEXTFILE_WHY_MAX];
	struct slice text;

	if (!path)
		return;
	if (load_file(p->load, LOADED_LIST, path, &text, why) != TEXTFILE_OK) {
		diag_error(p->load->diag, p->where, "%s %s", path, why);
		return;
	}
	file = loaded_find(p->load->loaded, path);
	p->list.modified = file ? file->id.seconds : 0;
	read_entries(&z, path, text);
	if (diag_errors(p->load->diag) == 0)
		build_trees(&z);
	free(z.networks);
	free(z.names);
}

/* ---- one list ------------------------------------------------------------------------ */

static void take_zone(struct dnsbl_parser *p, struct slice zone)
{
	if (name_parse(zone, &idn_uts46, p->load->arena, &p->list.zone) != NULL ||
	    p->list.zone.len == 0)
		diag_error(
		    p->load->diag, p->where, "zone: \"%.*s\" is not a name", SLICE_ARG(zone));
	if (p->list.answer_count == 0)
		diag_error(p->load->diag, p->where,
		    "the dnsbl \"%.*s\" needs answers: only those count that it declares, such as "
		    "answers = [ \"127.0.0.2\" ]",
		    SLICE_ARG(p->list.name));
	if (setting_member(p->group, "type"))
		diag_error(p->load->diag, p->where, "type belongs to file");
	take_test(p);
}

static void load_dnsbl(struct load *load, const struct setting *group)
{
	static const char *const known[] = {
	    "name", "zone", "file", "of", "answers", "type", "test", NULL};
	struct dnsbl_parser p = {.load = load, .group = group, .where = load_where(load, group)};
	const struct setting *answers = setting_member(group, "answers");
	struct slice zone, file;

	for (unsigned i = 0; i < setting_count(group); i++)
		load_unknown_key(load, setting_element(group, i), known);
	p.list.name = text_of(&p, "name");
	zone = text_of(&p, "zone");
	file = text_of(&p, "file");
	p.list.of = (enum identity_kind)choice_of(&p, "of", of_words, IDENTITY_COUNT);
	if (p.list.name.len == 0 || ruleset_find_dnsbl(load->builder, p.list.name) < DNSBLS_MAX)
		diag_error(load->diag, p.where, "a dnsbl needs a name that no other has");
	if ((zone.len > 0) == (file.len > 0))
		diag_error(load->diag, p.where, "a dnsbl has either zone or file");
	if (answers)
		load_each_value(load, answers, &(struct value_walk){add_answer, &p, false, NULL});
	if (zone.len > 0)
		take_zone(&p, zone);
	else if (file.len > 0)
		load_zone_file(&p, file);
	if (ruleset_add_dnsbl(load->builder, &p.list, p.where) == DNSBLS_MAX)
		dnsbl_free_trees(&p.list);
}

void load_dnsbls(struct load *load, const struct setting *section)
{
	if (!section)
		return;
	if (section->type != SETTING_LIST) {
		diag_error(load->diag, load_where(load, section),
		    "dnsbls must be a list: dnsbls = ( { name = \"...\"; zone = \"...\"; } );");
		return;
	}
	for (unsigned i = 0; i < setting_count(section); i++) {
		const struct setting *group = setting_element(section, i);

		if (load_is_group(load, group))
			load_dnsbl(load, group);
	}
}
