#include "config_load.h"

#include "edge/geo/geo.h"

#include <stdio.h>
#include <stdlib.h>

/* "AS4294967295" */
enum { SPELLING_MAX = 16 };

/* One database while its networks are read: what it is wanted for. */
struct source {
	struct load *load;
	const struct geo_want *from, *to; /* its wants, sorted by number */
	enum member_rank rank;
	bool any; /* it knows some AS or country at all */
	bool *found;
};

static int compare_wants(const void *one, const void *other)
{
	const struct geo_want *a = one, *b = other;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	if (a->slot != b->slot)
		return a->slot < b->slot ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* "AS174" or "CN" */
static const char *spelling(const struct geo_want *w, char text[SPELLING_MAX])
{
	if (w->rank == RANK_ASN)
		snprintf(text, SPELLING_MAX, "AS%u", (unsigned)w->number);
	else
		snprintf(text, SPELLING_MAX, "%c%c", (char)(w->number >> 8) - 'a' + 'A',
		    (char)(w->number & 0xff) - 'a' + 'A');
	return text;
}

static bool is_same(const struct geo_want *a, const struct geo_want *b)
{
	return a->rank == b->rank && a->number == b->number && a->rule == b->rule &&
	       a->slot == b->slot;
}

/* Sorts the wants and keeps one of those that are the same: each would bring all its networks. */
static void settle_wants(struct load *load)
{
	struct geo_want *wants = load->wants;
	char text[SPELLING_MAX];
	size_t kept = 0;

	if (load->want_count > 0)
		qsort(wants, load->want_count, sizeof *wants, compare_wants);
	for (size_t i = 0; i < load->want_count; i++) {
		const struct geo_want *w = &wants[i], *before = &wants[kept - (kept > 0)];

		if (kept == 0 || !is_same(w, before))
			wants[kept++] = *w;
		else if (w->out == before->out)
			diag_warning(load->diag, w->where, "%s is listed twice (first at %s:%u)",
			    spelling(w, text), before->where.file, before->where.line);
		else
			diag_error(load->diag, w->where,
			    "%s is both in and out of one key (the other entry: %s:%u); keep one "
			    "of the two",
			    spelling(w, text), before->where.file, before->where.line);
	}
	load->want_count = kept;
}

/* The first want of a number that is not below `number`. */
static const struct geo_want *first_want(const struct source *s, uint32_t number)
{
	const struct geo_want *low = s->from, *high = s->to;

	while (low < high) {
		const struct geo_want *middle = low + (high - low) / 2;
		if (middle->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool take_network(void *context, const struct prefix *prefix, const struct geo_place *place)
{
	struct source *s = context;
	uint32_t number = s->rank == RANK_ASN ? place->asn
			  : place->country[0] ? load_country_number(place->country)
					      : 0;

	if (number == 0)
		return true;
	s->any = true;
	for (const struct geo_want *w = first_want(s, number); w < s->to && w->number == number;
	     w++) {
		s->found[w - s->from] = true;
		ruleset_add_geo(s->load->builder, w->rule, w->slot, w->rank, w->out, prefix);
	}
	/* Without wants it is only asked whether this is the right kind of database. */
	return s->from < s->to;
}

static const char *what(const struct source *s)
{
	return s->rank == RANK_ASN ? "AS numbers" : "countries";
}

static void tell_missing(const struct source *s, const char *path)
{
	char text[SPELLING_MAX];

	for (const struct geo_want *w = s->from; w < s->to; w++) {
		if (s->found[w - s->from])
			continue;
		diag_warning(s->load->diag, w->where, "%s contains no network for %s", path,
		    spelling(w, text));
	}
}

/* Walks one database; false after an error. */
static void walk(struct source *s, const char *path, struct geo_db *db)
{
	struct origin at = {path, 0};
	char why[GEO_WHY_MAX];

	s->found = calloc((size_t)(s->to - s->from) + 1, sizeof *s->found);
	if (!s->found)
		diag_error(s->load->diag, at, "out of memory");
	else if (!geo_each_network(db, take_network, s, why))
		diag_error(s->load->diag, at, "%s", why);
	else if (!s->any)
		diag_error(
		    s->load->diag, at, "contains no %s: its type is \"%s\"", what(s), geo_type(db));
	else
		tell_missing(s, path);
	free(s->found);
}

/* The bytes that were read give way to those of the database. */
static struct geo_db *open_database(struct load *load, const char *path, char why[GEO_WHY_MAX])
{
	char wrong[TEXTFILE_WHY_MAX];
	struct loaded_file *file;
	struct geo_db *db;
	struct slice bytes;

	if (load_file(load, LOADED_GEO, path, &bytes, wrong) != TEXTFILE_OK) {
		snprintf(why, GEO_WHY_MAX, "%s", wrong);
		return NULL;
	}
	db = geo_open(bytes, why);
	file = loaded_find(load->loaded, path);
	if (!db || !file->owned)
		return db;
	textfile_free(&file->text);
	file->text = geo_bytes(db);
	file->owned = false;
	return db;
}

static struct geo_db *read_database(struct source *s, const char *path, uint64_t loaded)
{
	struct origin at = {path, 0};
	char why[GEO_WHY_MAX];
	struct geo_db *db;

	if (path[0] == '\0') {
		if (s->from < s->to)
			diag_error(s->load->diag, s->from->where, "%s need a database: set geo.%s",
			    what(s), s->rank == RANK_ASN ? "asn" : "country");
		return NULL;
	}
	db = open_database(s->load, path, why);
	if (!db)
		diag_error(s->load->diag, at, "%s", why);
	else if (geo_built(db) < loaded)
		diag_error(s->load->diag, at,
		    "was built before the database that is loaded; is it an old copy?");
	else
		walk(s, path, db);
	return db;
}

void load_geo(struct load *load, const struct config *previous)
{
	static const struct geo_want nothing;
	struct config *c = load->config;
	const struct geo_want *first = load->wants ? load->wants : &nothing, *end, *middle = first;
	struct source asn, country;

	settle_wants(load);
	end = first + load->want_count;
	while (middle < end && middle->rank == RANK_COUNTRY)
		middle++;
	country = (struct source){load, first, middle, RANK_COUNTRY, false, NULL};
	asn = (struct source){load, middle, end, RANK_ASN, false, NULL};
	c->geo_country_db =
	    read_database(&country, c->geo_country, previous ? previous->geo_country_built : 0);
	c->geo_asn_db = read_database(&asn, c->geo_asn, previous ? previous->geo_asn_built : 0);
	c->geo_country_built = c->geo_country_db ? geo_built(c->geo_country_db) : 0;
	c->geo_asn_built = c->geo_asn_db ? geo_built(c->geo_asn_db) : 0;
}
