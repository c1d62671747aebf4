/*
 * Lists that programs write (core/rules/feed.h): read when all rules and recipient domains are
 * known, so that what the configuration takes out, and which names are wide, is known as well.
 *
 * A feed that is not taken leaves the rule what it had: of the running generation where there is
 * one, else of the copy in the state directory.
 */
#include "config_feeds.h"

#include "edge/idn/idn.h"

#include <stdio.h>
#include <stdlib.h>

/* Ten million names: whoever needs more has a feed that went wild. */
#define FEED_BYTES_MAX ((size_t)256 << 20)

/* Names that must be converted; a feed of nothing else. */
#define FEED_SCRATCH_MAX ((size_t)1 << 30)

enum { KEY_MAX = 32 };

/* Each costs another process two reloads while one small file is read here. */
enum { RECALL_TRIES = 10 };

void load_note_feed(struct load *load, const struct feed_want *want)
{
	struct feed_want *w = arena_alloc(load->arena, sizeof *w);
	struct key_exceptions *x = load->all_exceptions;

	if (!load->exceptions) {
		x = arena_calloc(load->arena, 1, sizeof *x);
		load->exceptions = feed_exceptions_create();
		if (x && load->exceptions) {
			*x = (struct key_exceptions){load->all_exceptions, load->exceptions};
			load->all_exceptions = x;
		} else {
			feed_exceptions_free(&load->exceptions);
		}
	}
	if (!w || !x || !load->exceptions || !want->path) {
		diag_error(load->diag, want->where, "out of memory");
		return;
	}
	*w = *want;
	w->exceptions = load->exceptions;
	if (!load->last_feed)
		load->last_feed = &load->feeds;
	*load->last_feed = w;
	load->last_feed = &w->next;
}

void load_close_feeds(struct load *load)
{
	for (struct key_exceptions *x = load->all_exceptions; x; x = x->next)
		feed_exceptions_free(&x->table);
	copies_free(&load->disk);
}

/* ---- what a key takes ---------------------------------------------------------------- */

static bool is_large(const void *context, struct slice domain)
{
	return load_is_large(context, domain);
}

static struct feed_terms terms_of(struct load *load, const struct feed_want *w)
{
	bool lets_in = rule_lets_in(w->rule.family, w->slot, false);

	return (struct feed_terms){
	    .accept = w->criterion->accept,
	    .shortest_v4 = rule_shortest_prefix(w->rule.family, lets_in, IP_V4),
	    .shortest_v6 = rule_shortest_prefix(w->rule.family, lets_in, IP_V6),
	    .no_top_level = w->rule.family == FAMILY_WHITELIST && w->slot == KEY_DOMAINS,
	    .is_large = is_large,
	    .context = load,
	    .number = w->criterion->number,
	    .exceptions = w->exceptions,
	    .idna = &idn_uts46,
	    .arena = load->arena,
	};
}

/* "networks", "unless.helo" */
static const char *key_of(const struct feed_want *w, char out[KEY_MAX])
{
	snprintf(out, KEY_MAX, "%s%s", w->slot >= SLOT_UNLESS ? "unless." : "", w->criterion->word);
	return out;
}

/* ---- entries ------------------------------------------------------------------------- */

static void add_geo(struct load *load, const struct feed_want *w, uint32_t number, unsigned line)
{
	enum member_rank rank = strcmp(w->criterion->word, "asn") == 0 ? RANK_ASN : RANK_COUNTRY;

	load_want_geo(
	    load, (struct geo_want){w->number, w->slot, false, rank, number, {w->path, line}, 0});
}

/* A range goes in as such unless a part of it is taken out. */
static size_t add_networks(struct load *load, const struct feed_want *w, struct feed_line *l)
{
	struct origin where = {w->path, l->line};

	for (unsigned i = 0; i < l->piece_count; i++) {
		struct entry e = {.kind = ENTRY_NETWORK, .prefix = l->pieces[i]};

		ruleset_add_entry(load->builder, w->number, w->slot, &e, where);
	}
	return l->piece_count;
}

static size_t add_line(struct load *load, const struct feed_want *w, struct feed_line *l)
{
	if (w->criterion->number)
		add_geo(load, w, l->number, l->line);
	else if (l->piece_count > 0)
		return add_networks(load, w, l);
	else
		ruleset_add_entry(load->builder, w->number, w->slot, &l->entry,
		    (struct origin){w->path, l->line});
	return 1;
}

/* All entries of the text into the rule; returns their number. */
static size_t add_entries(struct load *load, const struct feed_want *w, struct slice text)
{
	struct feed_terms terms = terms_of(load, w);
	struct feed_reader r = feed_reader(text);
	struct feed_line l;
	size_t n = 0;

	while (feed_next(&r, &terms, &l))
		if (l.fault == FEED_NO_FAULT)
			n += add_line(load, w, &l);
	return n;
}

/* False when out of memory. */
static bool count_lines(
    struct load *load, const struct feed_want *w, struct slice text, struct feed_counts *counts)
{
	struct feed_terms terms = terms_of(load, w);
	struct feed_reader r = feed_reader(text);
	struct feed_line l;
	bool failed;

	terms.arena = arena_create(FEED_SCRATCH_MAX);
	if (!terms.arena)
		return false;
	*counts = (struct feed_counts){.entries = 0};
	while (feed_next(&r, &terms, &l))
		feed_count(counts, &l);
	failed = arena_failed(terms.arena);
	arena_free(&terms.arena);
	return !failed;
}

/* ---- what is known of it -------------------------------------------------------------- */

/* What the rule had; in the generation that runs, or else in the index of the copies. */
struct known {
	const struct loaded_feed *feed; /* NULL: it was never taken */
	struct loaded *owner;           /* NULL: the index */
};

static bool recall_bytes(const struct known *known, uint64_t *number, struct slice *text)
{
	*number = known->feed->number;
	return !known->owner || loaded_recall(known->owner, known->feed, number, text);
}

/* ---- the feed as it stands ------------------------------------------------------------ */

static bool fail_too_large(struct loaded_feed *f)
{
	snprintf(f->why, sizeof f->why, "it is larger than %zu MB", FEED_BYTES_MAX >> 20);
	return false;
}

/* Its text, or why there is none. */
static bool read_feed(struct load *load, const struct feed_want *w, struct loaded_feed *f)
{
	struct loaded_file file = {.path = w->path, .kind = LOADED_FEED};
	char why[TEXTFILE_WHY_MAX];

	file_id_take(w->path, &file.id);
	if (file.id.size > FEED_BYTES_MAX) {
		if (!loaded_find(load->loaded, w->path))
			loaded_add(load->loaded, &file);
		return fail_too_large(f);
	}
	if (load_file(load, LOADED_FEED, w->path, &f->text, why) == TEXTFILE_OK)
		return f->text.len <= FEED_BYTES_MAX || fail_too_large(f); /* it has grown */
	snprintf(f->why, sizeof f->why, "it %s", why);
	return false;
}

/* Notes that what stands in the file now is in use; its copy is that of what was known when it is
 * the same version. */
static void take_feed(struct load *load, struct loaded_feed *f, const struct known *known)
{
	const struct loaded_file *file = loaded_find(load->loaded, f->path);
	bool same = known->feed && file_id_same_file(&known->feed->id, &file->id);

	f->taken = true;
	f->id = file->id;
	f->modified = file->id.seconds;
	f->read = same ? known->feed->read : load->now;
	if (same)
		recall_bytes(known, &f->number, NULL);
}

/* True when the feed, as it stands, is taken. */
static bool try_feed(
    struct load *load, const struct feed_want *w, struct loaded_feed *f, const struct known *known)
{
	const struct config_request *r = load->request;
	struct feed_limits limits = {.may_be_empty = w->limits.may_be_empty,
	    .max_shrink = w->limits.max_shrink,
	    .take = r->take && strcmp(r->take, f->rule) == 0,
	    .now = load->now};
	struct feed_counts counts;
	enum feed_verdict v;

	if (!read_feed(load, w, f)) {
		f->memory.shrunk = 0;
		return false;
	}
	if (!count_lines(load, w, f->text, &counts)) {
		snprintf(f->why, sizeof f->why, "out of memory");
		return false;
	}
	v = feed_judge(&counts, &limits, &f->memory);
	f->shrunken = v == FEED_SHRUNKEN;
	if (v != FEED_TAKEN) {
		feed_say_why(f, &counts, v, w);
		return false;
	}
	f->left_out = counts.faults[FEED_EXCEPTED] + counts.bad;
	take_feed(load, f, known);
	feed_tell_left_out(load, f, &counts);
	return true;
}

/* ---- what the rule had ----------------------------------------------------------------- */

/* The copies in the state directory, looked at once. */
static void look_at_disk(struct load *load)
{
	char why[COPIES_WHY_MAX];

	if (load->disk)
		return;
	load->disk = copies_read(load->config->copies_directory, &load->disk_result, why);
	if (!load->disk)
		return;
	if (load->disk_result == COPIES_DENIED || load->disk_result == COPIES_BROKEN)
		diag_warning(load->diag, (struct origin){load->config->path, 0},
		    "cannot read the copies of feeds, so a feed that shrank is not noticed: %s",
		    why);
}

/* Whether the record is of this feed: of this rule and key as well, unless any will do. */
static bool is_of(const struct loaded_feed *known, const struct loaded_feed *f, bool any_rule)
{
	return strcmp(known->path, f->path) == 0 &&
	       (any_rule || (strcmp(known->rule, f->rule) == 0 && strcmp(known->key, f->key) == 0));
}

/* The record in the generation that runs. */
static struct known find_running(struct load *load, const struct loaded_feed *f, bool any_rule)
{
	const struct config *previous = load->request->previous;
	struct loaded *l = previous ? previous->loaded : NULL;

	for (const struct loaded_feed *known = l ? l->feeds : NULL; known; known = known->next)
		if (is_of(known, f, any_rule))
			return (struct known){known, l};
	return (struct known){NULL, NULL};
}

/* In the index: of what ran last, then of what ran before. */
static struct known find_copied(struct load *load, const struct loaded_feed *f, bool any_rule)
{
	const struct copied_set *set;

	look_at_disk(load);
	for (int i = 0; load->disk && i < COPIES_SETS; i++) {
		set = &load->disk
			   ->sets[i ? COPIES_SETS - 1 - load->disk->running : load->disk->running];
		for (size_t k = 0; k < set->feed_count; k++)
			if (is_of(&set->feeds[k], f, any_rule))
				return (struct known){&set->feeds[k], NULL};
	}
	return (struct known){NULL, NULL};
}

static struct known find_known(struct load *load, const struct loaded_feed *f, bool any_rule)
{
	struct known known = find_running(load, f, any_rule);

	return known.feed ? known : find_copied(load, f, any_rule);
}

/*
 * The bytes of the copy.  A check holds no lock against reloads: when two of them have passed since
 * it began, the copy that it knew of is gone, and the index names the one that is in use by now.
 */
static bool recall_copy(
    struct load *load, struct loaded_feed *f, bool any_rule, char why[TEXTFILE_WHY_MAX])
{
	enum textfile_result result = TEXTFILE_MISSING;

	for (int i = 0; result == TEXTFILE_MISSING && i < RECALL_TRIES; i++) {
		look_at_disk(load);
		if (!load->disk)
			return false;
		result = copies_open(load->disk, f->number, &f->text, why);
		if (result == TEXTFILE_MISSING) {
			struct known now;

			copies_free(&load->disk);
			now = find_copied(load, f, any_rule);
			if (!now.feed || now.feed->number == f->number)
				return false;
			f->id = now.feed->id;
			f->modified = now.feed->modified;
			f->read = now.feed->read;
			f->number = now.feed->number;
		}
	}
	return result == TEXTFILE_OK;
}

/* The bytes that were in use: from memory while they have no copy.  Owned by *f; `known` is not to
 * be used any more. */
static bool recall(
    struct load *load, struct loaded_feed *f, const struct known *known, char why[TEXTFILE_WHY_MAX])
{
	f->id = known->feed->id;
	f->modified = known->feed->modified;
	f->read = known->feed->read;
	f->owned = true;
	snprintf(why, TEXTFILE_WHY_MAX, "out of memory");
	return recall_bytes(known, &f->number, &f->text) &&
	       (f->number == 0 || recall_copy(load, f, !is_of(known->feed, f, false), why));
}

/*
 * A rule that never had this feed, which others have or had: a rule that was renamed, or a second
 * one.  What they had is judged as if it stood in the file.
 */
static bool borrow_feed(struct load *load, const struct feed_want *w, struct loaded_feed *f)
{
	const struct feed_limits limits = {
	    .may_be_empty = w->limits.may_be_empty, .max_shrink = 100, .now = load->now};
	struct known known = find_known(load, f, true);
	struct feed_counts counts;
	char why[TEXTFILE_WHY_MAX];

	if (known.feed && recall(load, f, &known, why) && count_lines(load, w, f->text, &counts) &&
	    feed_judge(&counts, &limits, &f->memory) == FEED_TAKEN)
		return true;
	textfile_free(&f->text);
	return false;
}

/* True when the rule goes on with what it had. */
static bool keep_feed(
    struct load *load, const struct feed_want *w, struct loaded_feed *f, const struct known *known)
{
	char why[TEXTFILE_WHY_MAX];

	f->text = slice_of(NULL, 0);
	if (known->feed ? recall(load, f, known, why) : borrow_feed(load, w, f)) {
		feed_tell_kept(load, f);
		return true;
	}
	textfile_free(&f->text);
	f->owned = false;
	if (known->feed)
		diag_error(load->diag, w->where,
		    "the feed %s of \"%s\" is not taken: %s; and the copy of what it had cannot be "
		    "read: %s",
		    w->path, f->rule, f->why, why);
	else
		feed_tell_never_read(load, w, f);
	return false;
}

/* Of a generation that is loaded from its copies: what it had, unjudged. */
static bool copied_feed(struct load *load, const struct feed_want *w, struct loaded_feed *f)
{
	const struct loaded_feed *known =
	    copies_find_feed(load->from, load->from_set, f->rule, f->key, f->path);
	char why[TEXTFILE_WHY_MAX] = "there is none";

	f->owned = true;
	if (known && copies_open(load->from, known->number, &f->text, why) == TEXTFILE_OK) {
		f->taken = true;
		f->id = known->id;
		f->modified = known->modified;
		f->read = known->read;
		f->memory = known->memory;
		f->number = known->number;
		return true;
	}
	diag_error(
	    load->diag, w->where, "the copy of the feed %s cannot be read: %s", w->path, why);
	return false;
}

/* ---- all feeds ------------------------------------------------------------------------ */

static void load_feed(struct load *load, const struct feed_want *w)
{
	char key[KEY_MAX];
	struct loaded_feed f = {.rule = arena_strdup(load->arena, w->rule.name),
	    .key = key_of(w, key),
	    .path = w->path};
	struct known known;
	bool usable;

	if (!f.rule)
		return;
	if (load->from) {
		usable = copied_feed(load, w, &f);
	} else {
		known = find_known(load, &f, false);
		if (known.feed)
			f.memory = known.feed->memory;
		usable = try_feed(load, w, &f, &known) || keep_feed(load, w, &f, &known);
	}
	if (!usable)
		return;
	f.entries = add_entries(load, w, f.text);
	if (!load->loaded || !loaded_add_feed(load->loaded, &f)) {
		if (f.owned)
			textfile_free(&f.text);
		diag_error(load->diag, w->where, "out of memory");
	}
}

static void check_take(struct load *load)
{
	const char *rule = load->request->take;

	if (!rule)
		return;
	for (const struct feed_want *w = load->feeds; w; w = w->next)
		if (slice_equal(w->rule.name, slice_str(rule)))
			return;
	diag_error(load->diag, (struct origin){load->config->path, 0},
	    "no rule named \"%s\" has a feed", rule);
}

void load_feeds(struct load *load)
{
	check_take(load);
	for (const struct feed_want *w = load->feeds; w; w = w->next)
		load_feed(load, w);
}
