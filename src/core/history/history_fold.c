#include "core/history/history_fold.h"

#include <stdlib.h>

/* Different refusals of a minute, and networks, that are told apart: what a busy host has, 5 MB. */
enum { REPEATS = 1 << 16, NETWORKS = 1 << 15, PROBES = 8 };

enum { MINUTE_MS = 60000 };

/* Of an address: what counts as one network. */
enum { NETWORK_V4 = 24, NETWORK_V6 = 48 };

struct fold_entry {
	uint64_t key[2];  /* 128 bits of a keyed hash stand for the texts */
	int64_t until_ms; /* 0 = free */
	uint64_t number;  /* of its row */
	uint32_t count;   /* of refusals; of folded rows: examples */
};

struct history_fold {
	struct history_seed seed[2];
	struct fold_entry repeats[REPEATS];
	struct fold_entry networks[NETWORKS];
	struct fold_entry folded[NETWORKS];
};

struct history_fold *history_fold_create(const struct history_seed seed[2])
{
	struct history_fold *f = calloc(1, sizeof *f);

	if (f)
		memcpy(f->seed, seed, sizeof f->seed);
	return f;
}

void history_fold_free(struct history_fold **fold)
{
	free(*fold);
	*fold = NULL;
}

/* ---- the tables ---------------------------------------------------------------------- */

struct key {
	uint64_t half[2];
};

static void add_text(const struct history_fold *f, struct key *key, struct slice text)
{
	for (int i = 0; i < 2; i++)
		key->half[i] = history_hash(&f->seed[i], key->half[i], text);
}

static struct key key_of_address(const struct history_fold *f, const struct ip *ip)
{
	const uint64_t words[3] = {ip->hi, ip->lo, (uint64_t)ip->family};
	struct key key = {{0, 0}};

	add_text(f, &key, slice_of((const char *)words, sizeof words));
	return key;
}

/* The entry of the key, started again when its minute is over; *fresh then. */
static struct fold_entry *find_entry(
    struct fold_entry *table, size_t size, const struct key *key, int64_t now_ms, bool *fresh)
{
	struct fold_entry *oldest = NULL;

	for (size_t i = 0; i < PROBES; i++) {
		struct fold_entry *e = &table[(key->half[0] + i) & (size - 1)];

		if (e->key[0] == key->half[0] && e->key[1] == key->half[1] &&
		    e->until_ms > now_ms && e->until_ms <= now_ms + MINUTE_MS) {
			*fresh = false;
			return e;
		}
		if (!oldest || e->until_ms < oldest->until_ms)
			oldest = e;
	}
	*fresh = true;
	*oldest = (struct fold_entry){
	    .key = {key->half[0], key->half[1]}, .until_ms = now_ms + MINUTE_MS};
	return oldest;
}

/* ---- a refusal ----------------------------------------------------------------------- */

static struct slice rule_of(const struct decision_row *row)
{
	return row->text[ROW_RULE].len > 0 ? row->text[ROW_RULE]
					   : slice_str(reason_name(row->reason));
}

/* The row that stands for those of this network and rule. */
static enum fold_answer fold(
    struct history_fold *f, const struct decision_row *row, struct key key, uint64_t **number)
{
	struct fold_entry *e;
	bool fresh;

	add_text(f, &key, rule_of(row));
	e = find_entry(f->folded, NETWORKS, &key, row->time_ms, &fresh);
	*number = &e->number;
	if (fresh)
		return FOLD_FIRST;
	if (e->count >= FOLD_EXAMPLES)
		return FOLD_REPEAT;
	e->count++;
	return FOLD_EXAMPLE;
}

static struct key key_of_repeat(const struct history_fold *f, const struct decision_row *row)
{
	struct key key = key_of_address(f, &row->client);

	add_text(f, &key, row->text[ROW_SENDER]);
	add_text(f, &key, row->text[ROW_RECIPIENT]);
	add_text(f, &key, rule_of(row));
	return key;
}

enum fold_answer history_fold_admit(
    struct history_fold *f, const struct decision_row *row, unsigned per_minute, uint64_t **number)
{
	struct prefix network =
	    prefix_of(&row->client, row->client.family == IP_V6 ? NETWORK_V6 : NETWORK_V4);
	struct key repeat = key_of_repeat(f, row), place = key_of_address(f, &network.base);
	struct fold_entry *e, *n;
	bool fresh, first;
	enum fold_answer answer;

	e = find_entry(f->repeats, REPEATS, &repeat, row->time_ms, &fresh);
	*number = &e->number;
	if (!fresh)
		return FOLD_REPEAT;
	n = find_entry(f->networks, NETWORKS, &place, row->time_ms, &first);
	if (n->count < per_minute) {
		n->count++;
		return FOLD_NEW;
	}
	/* Its repeats are those of the row that stands for it. */
	answer = fold(f, row, place, number);
	e->until_ms = 0;
	return answer;
}
