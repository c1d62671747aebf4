#ifndef CORE_AUTH_DKIM_MESSAGE_H
#define CORE_AUTH_DKIM_MESSAGE_H
/*
 * dkim_message: the header of one message as signers see it, and what of it goes to libopendkim.
 *
 *     struct dkim_message *message = dkim_message_create(arena, idna, now);
 *     dkim_message_add(message, SLICE("From"), SLICE(" a@example.org"));    // each field, in order
 *     n = dkim_field_choose(message->signatures, message->count, from, chosen);
 *     dkim_message_hash(message, crypto, chosen, n, hashes);
 *     dkim_message_free(&message);
 *
 * libopendkim is given all plain fields, and of the DKIM-Signature fields only the chosen ones that
 * are well formed and plain: each that it sees costs a pass over the header, and it may read any
 * other in its own way.  Those, and what it refuses, are hashed by core/auth/dkim_header.h over all
 * fields of the message.
 */
#include "core/auth/dkim_crypto.h"
#include "core/auth/dkim_field.h"
#include "core/base/arena.h"

struct dkim_message_text;

struct dkim_message {
	struct dkim_field *signatures; /* every DKIM-Signature field, in order; moves with add */
	size_t count;
	bool no_memory; /* something was not kept: nothing that follows is certain */

	/* Private. */
	struct arena *arena;
	const struct idna *idna;
	uint64_t now;
	size_t room;
	struct dkim_message_text *texts;
	size_t text_count, text_room;
	bool nul; /* a field holds a NUL: libopendkim would read only what is in front of it */
	bool
	    blank; /* a name ends in a blank: libopendkim would leave that out of a simple header */
};

/* The header hash of one signature: result is DKIM_NONE and the digest holds, or why not. */
struct dkim_message_hash {
	enum dkim_result result;
	const char *reason;
	unsigned char digest[DKIM_HASH_LEN];
};

/* Arena and idna are borrowed until free.  NULL when out of memory. */
struct dkim_message *dkim_message_create(struct arena *, const struct idna *, uint64_t now);
void dkim_message_free(struct dkim_message **);

/* Copies one field, see dkim_verifier_header().  The parsed field when it is a DKIM-Signature. */
const struct dkim_field *dkim_message_add(
    struct dkim_message *, struct slice name, struct slice value);

/* out[i] is for signatures[chosen[i]].  False when out of memory. */
bool dkim_message_hash(const struct dkim_message *, const struct dkim_crypto *,
    const size_t *chosen, size_t n, struct dkim_message_hash *out);

#endif
