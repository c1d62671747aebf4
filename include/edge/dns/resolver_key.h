#ifndef EDGE_DNS_RESOLVER_KEY_H
#define EDGE_DNS_RESOLVER_KEY_H
/*
 * resolver_key: a question as the cache and the queries in flight look it up and libunbound is
 * asked it.
 *
 * The hash is keyed with random numbers, since the names come from whoever sends mail.
 */
#include "core/auth/dnswire.h"

struct resolver_key {
	uint64_t hash;
	enum dns_type type;
	size_t len;
	const char *text; /* as of dnswire_question(), with NUL; borrowed */
};

struct resolver_seed {
	uint64_t words[2];
};

/* False when the kernel gives no random bytes. */
bool resolver_seed_draw(struct resolver_seed *);

/* The key of a name, its text in `room`; false when such a name is not to be asked. */
bool resolver_key_make(struct resolver_key *, const struct resolver_seed *, struct slice name,
    enum dns_type, char room[static DNSWIRE_QUESTION_MAX]);

/* The same key, its text copied to `room`, which has key->len + 1 bytes. */
struct resolver_key resolver_key_copy(const struct resolver_key *, char *room);

bool resolver_key_same(const struct resolver_key *, const struct resolver_key *);

#endif
