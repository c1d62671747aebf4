#ifndef HISTORY_PATTERN_H
#define HISTORY_PATTERN_H
/*
 * history_pattern: what a key of a search asks of a text (edge/history/history_find.h has the
 * forms).
 */
#include "core/net/ip.h"
#include "history_id.h"

enum history_pattern_kind {
	HISTORY_ANY,     /* nothing is asked */
	HISTORY_EXACT,   /* this text */
	HISTORY_DOMAIN,  /* this name, or an address of it */
	HISTORY_TREE,    /* … or of a name below it */
	HISTORY_GLOB,    /* with * and ? */
	HISTORY_NETWORK, /* a client's address */
};

struct history_pattern {
	enum history_pattern_kind kind;
	struct slice text;
	struct slice tail; /* of a pattern with * or ?: what is behind the last of them */
	struct prefix network;
	char hashed[HISTORY_HASHED_CHARS]; /* of an exact address, where there is a key */
	bool has_hashed;
};

/* Of an identity; the key may be NULL. */
struct history_pattern history_pattern_of(struct slice, const struct history_key *);

/* Of a client: also an address or a network. */
struct history_pattern history_pattern_of_client(struct slice);

/* Of a word, such as a rule's name: exact, or with * and ?. */
struct history_pattern history_pattern_of_word(struct slice);

/* An address fits as it was sent, or as it is compared. */
bool history_pattern_fits(const struct history_pattern *, struct slice text);

#endif
