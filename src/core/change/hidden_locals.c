#include "hidden_locals.h"

#include "core/base/arena.h"
#include "core/base/array.h"
#include "core/name/name_radix_cursor.h"

#include <stdlib.h>

/* Behind the "~": 64 bits in base 32 (edge/history/history_id.h). */
enum { HASH_CHARS = BACKTEST_HASH_CHARS - 1 };

#define HIDDEN_MAX ((size_t)256 << 20)

/* A mailbox that a rule names. */
struct mailbox {
	char hash[BACKTEST_HASH_CHARS];
	struct slice local;
};

struct hidden_locals {
	struct arena *arena;
	bool any[IDENTITY_COUNT]; /* of any domain: "user@" */
	bool patterns[IDENTITY_COUNT];
	struct name_radix *domains[IDENTITY_COUNT]; /* of "user@example.org"; NULL: none */
	struct name_radix *tagged[IDENTITY_COUNT];  /* of "user+*@example.org" */
	backtest_hash_fn *hash;
	const void *context;
	struct mailbox *mailbox; /* sorted by hash */
	size_t mailboxes, mailbox_capacity;
};

bool hides_local(struct slice address)
{
	size_t at = slice_find_last(address, '@');

	if (at == address.len ||
	    (at > 0 && (address.ptr[0] != '~' || (at != 1 && at != 1 + HASH_CHARS))))
		return false;
	for (size_t i = 1; i < at; i++)
		if ((address.ptr[i] < 'a' || address.ptr[i] > 'z') &&
		    (address.ptr[i] < '2' || address.ptr[i] > '7'))
			return false;
	return true;
}

struct slice spelling_domain(struct slice spelling)
{
	size_t at = slice_find_last(spelling, '@');

	return at < spelling.len ? slice_skip(spelling, at + 1) : slice_of(NULL, 0);
}

static struct name_radix_values once(
    void *context, uint32_t above, const struct name_radix_entry *entries, size_t n)
{
	(void)context;
	(void)above;
	(void)entries;
	(void)n;
	return (struct name_radix_values){.self = 1, .below = 0};
}

struct name_radix *domain_tree(struct name_radix_entry *domains, size_t count)
{
	const struct name_radix_combine combine = {once, NULL, 0};

	return name_radix_build(domains, count, &combine);
}

/* ---- making -------------------------------------------------------------------------- */

struct domains {
	struct name_radix_entry *at;
	size_t count, capacity;
};

struct collecting {
	struct hidden_locals *to;
	struct domains all, tagged;
	bool failed;
};

static struct slice turned(struct collecting *c, struct slice reversed)
{
	char *name = arena_alloc(c->to->arena, reversed.len + 1);

	c->failed |= !name;
	for (size_t i = 0; name && i < reversed.len; i++)
		name[i] = reversed.ptr[reversed.len - 1 - i];
	return slice_of(name, name ? reversed.len : 0);
}

static void add_domain(struct collecting *c, struct domains *d, struct slice domain)
{
	struct name_radix_entry *at = array_grow(d->at, &d->capacity, d->count + 1, sizeof *at);

	c->failed |= !at;
	if (!at)
		return;
	d->at = at;
	at[d->count++] = (struct name_radix_entry){domain, 1};
}

static void add_mailbox(struct collecting *c, struct slice local)
{
	struct hidden_locals *h = c->to;
	struct mailbox *m;

	if (!h->hash || local.len == 0)
		return;
	m = array_grow(h->mailbox, &h->mailbox_capacity, h->mailboxes + 1, sizeof *m);
	c->failed |= !m;
	if (!m)
		return;
	h->mailbox = m;
	m[h->mailboxes].local = local;
	h->hash(h->context, local, m[h->mailboxes++].hash);
}

static void add_spelling(struct collecting *c, struct slice spelling, enum identity_kind kind)
{
	struct slice domain = spelling_domain(spelling);
	struct slice local = slice_of(spelling.ptr, slice_find_last(spelling, '@'));
	bool tagged = slice_ends(local, SLICE("+*"));

	if (slice_equal(spelling, SLICE("<>")))
		return;
	c->to->any[kind] |= domain.len == 0;
	if (domain.len > 0)
		add_domain(c, tagged ? &c->tagged : &c->all, domain);
	if (!tagged)
		add_mailbox(c, local);
}

static void collect(struct collecting *c, const struct name_radix *tree, enum identity_kind kind)
{
	struct name_radix_cursor cursor = name_radix_cursor_start(tree);

	while (!c->failed && name_radix_cursor_next(&cursor))
		add_spelling(c, turned(c, cursor.reversed), kind);
	c->failed |= cursor.failed;
	name_radix_cursor_end(&cursor);
}

static struct name_radix *tree_of(struct collecting *c, const struct domains *d)
{
	struct name_radix *tree = NULL;

	if (!c->failed && d->count > 0) {
		tree = domain_tree(d->at, d->count);
		c->failed = !tree;
	}
	return tree;
}

static void note_patterns(struct hidden_locals *h, const struct ruleset *rules)
{
	for (unsigned i = 0; i < rules->pattern_count; i++)
		h->patterns[rules->patterns[i].slot % SLOT_UNLESS - KEY_CLIENT_NAME] = true;
}

static int by_hash(const void *one, const void *other)
{
	return memcmp(((const struct mailbox *)one)->hash, ((const struct mailbox *)other)->hash,
	    BACKTEST_HASH_CHARS);
}

struct hidden_locals *hidden_locals_create(const struct ruleset *before,
    const struct ruleset *after, backtest_hash_fn *hash, const void *context)
{
	struct hidden_locals *h = calloc(1, sizeof *h);
	struct collecting c = {.to = h};

	if (!h)
		return NULL;
	*h = (struct hidden_locals){
	    .arena = arena_create(HIDDEN_MAX), .hash = hash, .context = context};
	c.failed = !h->arena;
	for (int i = 0; i < IDENTITY_COUNT && !c.failed; i++) {
		c.all.count = c.tagged.count = 0;
		collect(&c, before->addresses[i], (enum identity_kind)i);
		collect(&c, after->addresses[i], (enum identity_kind)i);
		h->domains[i] = tree_of(&c, &c.all);
		h->tagged[i] = tree_of(&c, &c.tagged);
	}
	note_patterns(h, before);
	note_patterns(h, after);
	if (h->mailboxes > 1)
		qsort(h->mailbox, h->mailboxes, sizeof *h->mailbox, by_hash);
	if (c.failed)
		hidden_locals_free(&h);
	free(c.all.at);
	free(c.tagged.at);
	return h;
}

void hidden_locals_free(struct hidden_locals **hidden)
{
	struct hidden_locals *h = *hidden;

	if (!h)
		return;
	for (int i = 0; i < IDENTITY_COUNT; i++) {
		name_radix_free(&h->domains[i]);
		name_radix_free(&h->tagged[i]);
	}
	arena_free(&h->arena);
	free(h->mailbox);
	free(h);
	*hidden = NULL;
}

/* ---- asking -------------------------------------------------------------------------- */

struct slice hidden_locals_find(
    const struct hidden_locals *h, struct slice address, struct arena *arena)
{
	size_t at = slice_find_last(address, '@');
	struct mailbox wanted = {.local = address}, *found;

	if (at != BACKTEST_HASH_CHARS || !hides_local(address) || h->mailboxes == 0)
		return address;
	memcpy(wanted.hash, address.ptr, sizeof wanted.hash);
	found = bsearch(&wanted, h->mailbox, h->mailboxes, sizeof wanted, by_hash);
	return found ? arena_printf(arena, "%.*s%.*s", SLICE_ARG(found->local),
			   SLICE_ARG(slice_skip(address, at)))
		     : address;
}

static bool has_domain(const struct name_radix *tree, struct slice domain)
{
	return tree && domain.len > 0 && name_radix_lookup(tree, domain) != 0;
}

bool hidden_locals_matter(const struct hidden_locals *h, enum identity_kind kind,
    struct slice address, struct slice domain)
{
	/* It is known then to be no mailbox that is named. */
	bool hashed = h->hash && slice_find_last(address, '@') == BACKTEST_HASH_CHARS;

	if (h->patterns[kind] || has_domain(h->tagged[kind], domain))
		return true;
	return !hashed && (h->any[kind] || has_domain(h->domains[kind], domain));
}
