#ifndef EDGE_AUTH_DKIMFEED_H
#define EDGE_AUTH_DKIMFEED_H
/*
 * dkimfeed: the header of one message as signers see it, and what of it goes to libopendkim.
 *
 *     struct dkim_feed *feed = dkim_feed_create(arena, now);
 *     dkim_feed_add(feed, SLICE("From"), SLICE(" a@example.org"));    // each field, in order
 *     n = dkim_field_choose(feed->signatures, feed->count, from, chosen);
 *     dkim_feed_hash(feed, headers, chosen, n, hashes);
 *     dkim_feed_free(&feed);
 *
 * libopendkim is given all plain fields, and of the DKIM-Signature fields only the chosen ones that
 * are well formed and plain: each that it sees costs a pass over the header, and it may read any
 * other in its own way.  Those, and what it refuses, are hashed by core/auth/dkim_header.h over all
 * fields of the message.
 */
#include "core/auth/dkim_field.h"
#include "core/base/arena.h"
#include "edge/auth/dkimheader.h"

struct dkim_feed_text;

struct dkim_feed {
	struct dkim_field *signatures; /* every DKIM-Signature field, in order; moves with add */
	size_t count;
	bool no_memory; /* something was not kept: nothing that follows is certain */

	/* Private. */
	struct arena *arena;
	uint64_t now;
	size_t room;
	struct dkim_feed_text *texts;
	size_t text_count, text_room;
	bool nul; /* a field holds a NUL: libopendkim would read only what is in front of it */
	bool
	    blank; /* a name ends in a blank: libopendkim would leave that out of a simple header */
};

/* The header hash of one signature: result is DKIM_NONE and the digest holds, or why not. */
struct dkim_feed_hash {
	enum dkim_result result;
	const char *reason;
	unsigned char digest[DKIM_HASH_LEN];
};

/* The arena is borrowed until free.  NULL when out of memory. */
struct dkim_feed *dkim_feed_create(struct arena *, uint64_t now);
void dkim_feed_free(struct dkim_feed **);

/* Copies one field, see dkim_verifier_header().  The parsed field when it is a DKIM-Signature. */
const struct dkim_field *dkim_feed_add(struct dkim_feed *, struct slice name, struct slice value);

/* out[i] is for signatures[chosen[i]].  False when out of memory. */
bool dkim_feed_hash(const struct dkim_feed *, struct dkim_headers *, const size_t *chosen, size_t n,
    struct dkim_feed_hash *out);

#endif
