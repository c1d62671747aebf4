#include "edge/dns/resolver_key.h"

#include <sys/random.h>

bool resolver_seed_draw(struct resolver_seed *seed)
{
	return getrandom(seed->words, sizeof seed->words, 0) == (ssize_t)sizeof seed->words;
}

/* Both halves of the product: every bit of either factor reaches every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct resolver_seed *seed, const struct resolver_key *key)
{
	uint64_t hash = seed->words[0] ^ ((uint64_t)key->len << 16 | (uint64_t)key->type);

	for (size_t at = 0; at < key->len; at += sizeof hash) {
		size_t left = key->len - at;
		uint64_t word = 0;
		memcpy(&word, key->text + at, left < sizeof word ? left : sizeof word);
		hash = fold(hash ^ word, seed->words[1]) ^ seed->words[0];
	}
	return fold(hash, seed->words[1]);
}

bool resolver_key_make(struct resolver_key *key, const struct resolver_seed *seed,
    struct slice name, enum dns_type type, char room[static DNSWIRE_QUESTION_MAX])
{
	*key =
	    (struct resolver_key){.type = type, .len = dnswire_question(name, room), .text = room};
	if (key->len == 0)
		return false;
	key->hash = hash_of(seed, key);
	return true;
}

struct resolver_key resolver_key_copy(const struct resolver_key *key, char *room)
{
	struct resolver_key copy = *key;

	memcpy(room, key->text, key->len + 1);
	copy.text = room;
	return copy;
}

bool resolver_key_same(const struct resolver_key *a, const struct resolver_key *b)
{
	return a->hash == b->hash && a->type == b->type && a->len == b->len &&
	       memcmp(a->text, b->text, a->len) == 0;
}
