/*
 * A feed: what a program wrote, read as networks, names, addresses and numbers.
 *
 * The first line of the input is the configuration's own entries, which take out.  Insists that no
 * entry is wider than the terms, or lies in what is taken out whole; that nothing behind the last
 * line end counts; and that the same text is judged alike, and is never shrunken against itself.
 */
#include "core/rules/feed.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SHORTEST_V4 = 8, SHORTEST_V6 = 16, ENTRIES_MAX = 64 };

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static bool number(struct slice text, uint32_t *out)
{
	uint64_t n;
	bool good = slice_to_uint(text, UINT32_MAX, &n);

	*out = good ? (uint32_t)n : 0;
	return good;
}

static bool is_large(const void *context, struct slice domain)
{
	(void)context;
	insist(domain.len > 0 && name_labels(domain) == 1);
	return domain.len < 3;
}

static void check_line(const struct feed_line *l, const struct feed_terms *terms)
{
	const struct entry *e = &l->entry;
	bool taken = l->fault == FEED_NO_FAULT;

	insist(l->fault < FEED_FAULTS && l->text.len > 0 && strlen(l->why) < ENTRY_WHY_MAX);
	insist(!taken || l->text.len <= FEED_LINE_MAX);
	insist(!taken || !memchr(l->text.ptr, '\0', l->text.len));
	if (!taken || terms->number)
		return;
	insist(!e->out && e->kind != ENTRY_PATTERN);
	insist((e->kind == ENTRY_NETWORK) == (l->piece_count > 0));
	for (unsigned i = 0; i < l->piece_count; i++) {
		const struct prefix *p = &l->pieces[i];

		insist(prefix_contains(p, &p->base));
		insist(p->length >= (p->base.family == IP_V4 ? SHORTEST_V4 : SHORTEST_V6));
		insist(!feed_exceptions_network(terms->exceptions, p));
	}
	if (e->kind == ENTRY_TREE || e->kind == ENTRY_BELOW)
		insist(name_labels(e->name) > 1 || e->name.len > 2);
}

static struct feed_counts read_all(struct slice text, const struct feed_terms *terms)
{
	struct feed_reader r = feed_reader(text);
	struct feed_counts c = {.entries = 0};
	static struct feed_line l;
	size_t sum = 0;

	while (feed_next(&r, terms, &l)) {
		check_line(&l, terms);
		feed_count(&c, &l);
	}
	for (unsigned i = 0; i < FEED_FAULTS; i++)
		sum += c.faults[i];
	insist(sum == c.entries + c.bad && c.faults[FEED_NO_END] <= 1);
	return c;
}

static void check_whole(struct slice text, const struct feed_terms *terms)
{
	const struct feed_limits limits = {.may_be_empty = true, .max_shrink = 0, .now = 1000};
	struct feed_memory memory = {.known = false};
	struct feed_counts once = read_all(text, terms), again = read_all(text, terms), whole;
	enum feed_verdict v = feed_judge(&once, &limits, &memory);
	size_t end = slice_find_last(text, '\n');

	insist(memcmp(&once, &again, sizeof once) == 0);
	insist(v == feed_judge(&again, &limits, &memory));
	insist(v == FEED_TAKEN || v == FEED_TOO_BAD);
	whole = read_all(end < text.len ? slice_of(text.ptr, end + 1) : slice_of(NULL, 0), terms);
	insist(whole.entries == once.entries);
}

static void take_out(
    struct feed_exceptions *x, enum entry_accept accept, struct slice config, struct arena *arena)
{
	struct slice word;
	char why[ENTRY_WHY_MAX];
	struct entry e;

	for (int n = 0; n < ENTRIES_MAX && (word = slice_word(&config), word.len > 0); n++)
		if (!entry_parse(word, accept, &idn_uts46, arena, &e, why))
			feed_exceptions_add(x, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice feed = slice_of((const char *)data, size), config = slice_cut(&feed, '\n');
	struct arena *arena = arena_create(1 << 20);

	for (unsigned accept = 0; accept <= ENTRY_ACCEPT_ADDRESSES; accept++) {
		struct feed_exceptions *x = feed_exceptions_create();
		struct feed_terms terms = {.accept = (enum entry_accept)accept,
		    .shortest_v4 = SHORTEST_V4,
		    .shortest_v6 = SHORTEST_V6,
		    .is_large = is_large,
		    .exceptions = x,
		    .idna = &idn_uts46,
		    .arena = arena};

		take_out(x, terms.accept, config, arena);
		check_whole(feed, &terms);
		terms.number = number;
		if (terms.accept == ENTRY_ACCEPT_NETWORKS)
			check_whole(feed, &terms);
		feed_exceptions_free(&x);
		arena_reset(arena);
	}
	arena_free(&arena);
	return 0;
}
