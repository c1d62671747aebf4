#include "core/auth/dkim_verifier.h"

#include "core/auth/dkim_body_hash.h"
#include "core/auth/dkim_key.h"
#include "core/auth/dkim_message.h"
#include "core/auth/dmarc.h"
#include "core/base/base64.h"

#include <stdlib.h>

/* Keys hinted before it is known which signatures are chosen: as many as will be. */
#define HINTS_MAX DKIM_VERIFIED_MAX

/* A chosen signature on its way to a result. */
struct candidate {
	const struct dkim_field *field;
	bool open;                    /* no result yet */
	enum dmarc_nearness nearness; /* to the nearest author */
	struct dkim_signature_result result;
	unsigned char header_hash[DKIM_HASH_LEN];
	const struct dkim_body_hash *body; /* of an open one */
};

struct dkim_verifier {
	const struct dkim_crypto *crypto;
	const struct dns *dns;
	struct arena *arena;
	struct dkim_message *message;
	unsigned hints;
	size_t hinted; /* of the signatures in front of this one, all that may pass */
	bool no_memory;

	size_t count;
	struct candidate chosen[DKIM_VERIFIED_MAX];
	struct dkim_body_hash body[DKIM_VERIFIED_MAX];
	struct dkim_body_hasher *hasher;
};

struct dkim_verifier *dkim_verifier_create(const struct dkim_crypto *crypto, const struct dns *dns,
    const struct idna *idna, struct arena *arena, uint64_t now)
{
	struct dkim_verifier *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	*v = (struct dkim_verifier){.crypto = crypto, .dns = dns, .arena = arena};
	v->message = dkim_message_create(arena, idna, now);
	if (!v->message)
		dkim_verifier_free(&v);
	return v;
}

void dkim_verifier_free(struct dkim_verifier **v)
{
	if (!*v)
		return;
	dkim_body_hasher_free(&(*v)->hasher);
	dkim_message_free(&(*v)->message);
	free(*v);
	*v = NULL;
}

/* ---- the header ---------------------------------------------------------------------- */

void dkim_verifier_header(struct dkim_verifier *v, struct slice name, struct slice value)
{
	const struct dkim_field *field = dkim_message_add(v->message, name, value);

	if (!field || v->hints == HINTS_MAX)
		return;
	v->hinted = v->message->count;
	if (field->result == DKIM_NONE) {
		v->hints++;
		dns_hint(v->dns, field->key_name, DNS_TXT);
	}
}

/* ---- the end of the header ----------------------------------------------------------- */

static void decide(struct candidate *c, enum dkim_result result, struct slice reason)
{
	c->open = false;
	c->result.result = result;
	c->result.reason = reason;
}

static void add_candidate(struct dkim_verifier *v, const struct dkim_field *field,
    enum dmarc_nearness nearness, const struct dkim_message_hash *hash)
{
	struct candidate *c = &v->chosen[v->count++];

	*c = (struct candidate){
	    .field = field,
	    .open = field->result == DKIM_NONE,
	    .nearness = nearness,
	    .result = dkim_field_result(field, v->arena),
	};
	memcpy(c->header_hash, hash->digest, DKIM_HASH_LEN);
	if (c->open && hash->result != DKIM_NONE)
		decide(c, hash->result, slice_str(hash->reason));
}

static void choose(struct dkim_verifier *v, const struct slice *authors, size_t author_count)
{
	struct dkim_message_hash hashes[DKIM_VERIFIED_MAX] = {{.result = DKIM_NONE}};
	size_t chosen[DKIM_VERIFIED_MAX];
	size_t n = dkim_field_choose(
	    v->message->signatures, v->message->count, authors, author_count, chosen);
	bool work = false;

	for (size_t i = 0; i < n; i++)
		work = work || v->message->signatures[chosen[i]].result == DKIM_NONE;
	v->no_memory = v->message->no_memory ||
		       (work && !dkim_message_hash(v->message, v->crypto, chosen, n, hashes));
	for (size_t i = 0; i < n; i++) {
		const struct dkim_field *field = &v->message->signatures[chosen[i]];

		add_candidate(
		    v, field, dmarc_nearness(field->domain, authors, author_count), &hashes[i]);
	}
}

static bool any_open(const struct dkim_verifier *v)
{
	for (size_t i = 0; i < v->count; i++)
		if (v->chosen[i].open)
			return true;
	return false;
}

static void start_body(struct dkim_verifier *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->count; i++) {
		struct candidate *c = &v->chosen[i];

		if (!c->open)
			continue;
		v->body[n] = (struct dkim_body_hash){
		    .relaxed = c->field->relaxed_body,
		    .has_length = c->field->has_length,
		    .length = c->field->length,
		};
		c->body = &v->body[n++];
		if (c->field >= v->message->signatures + v->hinted)
			dns_hint(v->dns, c->field->key_name, DNS_TXT);
		dmarc_hint_identifier(v->dns, c->field->domain, c->nearness);
	}
	v->hasher = dkim_body_hasher_create(v->crypto, v->body, n);
	v->no_memory = !v->hasher;
}

bool dkim_verifier_end_of_headers(
    struct dkim_verifier *v, const struct slice *authors, size_t author_count)
{
	choose(v, authors, author_count);
	if (!any_open(v) || v->no_memory)
		return false;
	start_body(v);
	return v->hasher;
}

void dkim_verifier_body(struct dkim_verifier *v, const char *bytes, size_t len)
{
	if (v->hasher)
		dkim_body_hasher_feed(v->hasher, bytes, len);
}

/* ---- the end of the message ---------------------------------------------------------- */

/* True when the body is as it was signed; else the candidate has its result. */
static bool body_holds(struct candidate *c)
{
	const char *reason = NULL;
	enum dkim_result result =
	    dkim_field_check_body(c->field, c->body->done ? c->body->digest : NULL, c->body->octets,
		&c->result.body_covered, &reason);

	if (result != DKIM_NONE)
		decide(c, result, slice_str(reason));
	return result == DKIM_NONE;
}

/* Partly signed body (l=): it proves nothing whatever its key says, so a missing key is not a
 * missing proof. */
static void decide_partly(struct candidate *c)
{
	decide(c, DKIM_POLICY, SLICE("l= leaves a part of the body unsigned"));
}

/* True when the DNS has a key that may be used; else the candidate has its result.  The key is
 * given back by the caller either way. */
static bool find_key(
    struct dkim_verifier *v, struct candidate *c, const struct dns *dns, struct dkim_key *key)
{
	struct slice record, reason;
	struct dns_answer answer;
	enum dkim_result result;

	dns_lookup(dns, c->field->key_name, DNS_TXT, v->arena, &answer);
	result = dkim_key_of_answer(&answer, &record, &reason);
	if (result == DKIM_NONE && !v->crypto->key_read(v->crypto, record, key)) {
		arena_starve(v->arena);
		result = DKIM_TEMPERROR;
		reason = SLICE("out of memory");
	} else if (result == DKIM_NONE) {
		result = dkim_key_judge(key, c->field, v->arena, &reason);
	}
	c->result.bits = key->bits;
	c->result.testing = key->testing;
	if (result == DKIM_TEMPERROR && !c->result.body_covered)
		decide_partly(c);
	else if (result != DKIM_NONE)
		decide(c, result, reason);
	return result == DKIM_NONE;
}

static void check_signature(
    struct dkim_verifier *v, struct candidate *c, const struct dkim_key *key)
{
	size_t room = base64_room(c->field->signature.len), len;
	unsigned char *octets = arena_alloc(v->arena, room);

	if (!octets) {
		decide(c, DKIM_TEMPERROR, SLICE("out of memory"));
		return;
	}
	if (!base64_decode(c->field->signature, octets, room, &len)) {
		decide(c, DKIM_PERMERROR, SLICE("b= is not base64"));
		return;
	}
	switch (v->crypto->verify(key, c->header_hash, slice_of((const char *)octets, len))) {
	case DKIM_VERIFIED:
		if (c->result.body_covered)
			decide(c, DKIM_PASS, slice_of(NULL, 0));
		else
			decide_partly(c);
		break;
	case DKIM_MISMATCH:
		decide(c, DKIM_FAIL, SLICE("the signature does not match the signed fields"));
		break;
	case DKIM_NO_MEMORY:
	default:
		arena_starve(v->arena);
		decide(c, DKIM_TEMPERROR, SLICE("out of memory"));
		break;
	}
}

/* The body first: it is known already, and spares the question for the key. */
static void verify(struct dkim_verifier *v, struct candidate *c, const struct dns *dns)
{
	struct dkim_key key = {.public_key = NULL};

	if (!c->open || !body_holds(c))
		return;
	if (find_key(v, c, dns, &key))
		check_signature(v, c, &key);
	v->crypto->key_drop(&key);
}

/* Those that may be aligned stand first (dkim_field_choose()), and nobody else spends their time.
 */
static void verify_all(struct dkim_verifier *v)
{
	struct dns near = dns_open(v->dns, DNS_ALIGNED_KEYS_MS, v->arena);
	struct dns other = dns_open(v->dns, DNS_OTHER_KEYS_MS, v->arena);

	for (size_t i = 0; i < v->count; i++)
		verify(v, &v->chosen[i], v->chosen[i].nearness < DMARC_FAR ? &near : &other);
}

/* When memory ran out nothing that was found is certain. */
static void answer_no_memory(struct dkim_verifier *v, struct dkim_answer *out)
{
	static const struct dkim_signature_result failed = {
	    .result = DKIM_TEMPERROR,
	    .reason = SLICE_INIT("out of memory"),
	};

	arena_starve(v->arena);
	*out = (struct dkim_answer){.signatures = &failed, .count = 1};
}

void dkim_verifier_finish(struct dkim_verifier *v, struct dkim_answer *out)
{
	struct dkim_signature_result *results;

	if (v->hasher && !dkim_body_hasher_finish(&v->hasher))
		v->no_memory = true;
	if (!v->no_memory)
		verify_all(v);
	results = arena_alloc(v->arena, DKIM_VERIFIED_MAX * sizeof *results);
	if (v->no_memory || arena_failed(v->arena)) {
		answer_no_memory(v, out);
		return;
	}
	for (size_t i = 0; i < v->count; i++)
		results[i] = v->chosen[i].result;
	dkim_shorten_prefixes(results, v->count);
	*out = (struct dkim_answer){
	    .signatures = results,
	    .count = v->count,
	    .not_looked_at = v->message->count - v->count,
	};
}
