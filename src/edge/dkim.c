#include "edge/dkim.h"

#include "core/base64.h"
#include "core/dkimrecord.h"
#include "edge/dkimhash.h"
#include "edge/dkimheader.h"
#include "edge/dkimkey.h"

#include <stdlib.h>

/* Keys hinted before it is known which signatures are chosen: as many as will be. */
#define HINTS_MAX DKIM_VERIFIED_MAX

struct dkim_library {
	struct dkim_headers *headers;
	struct dkim_keys *keys;
};

/* A header field as signers see it: "Name: value", CRLF in folds, none at the end. */
struct text {
	struct slice bytes;
	size_t signature; /* 1 + its index in `fields`; 0: not a DKIM-Signature */
};

/* A chosen signature on its way to a result. */
struct candidate {
	size_t index; /* in `fields` */
	const struct dkim_field *field;
	bool open; /* no result yet */
	struct dkim_signature_result result;
	unsigned char header_hash[DKIM_HASH_LEN];
	const struct dkim_body_hash *body; /* of an open one */
};

struct dkim_verifier {
	struct dkim_library *lib;
	const struct dns *dns;
	struct arena *arena;
	uint64_t now;

	struct text *texts;
	size_t text_count, text_room;
	struct dkim_field *fields; /* every DKIM-Signature of the message */
	size_t field_count, field_room;
	unsigned hints;
	bool nul; /* a field holds a NUL: libopendkim would read only what is in front of it */
	bool no_memory;

	size_t count;
	struct candidate chosen[DKIM_VERIFIED_MAX];
	struct dkim_body_hash body[DKIM_VERIFIED_MAX];
	struct dkim_hasher *hasher;
};

struct dkim_library *dkim_library_create(void)
{
	struct dkim_library *lib = calloc(1, sizeof *lib);

	if (!lib)
		return NULL;
	lib->headers = dkim_headers_create();
	lib->keys = dkim_keys_create();
	if (!lib->headers || !lib->keys)
		dkim_library_free(&lib);
	return lib;
}

void dkim_library_free(struct dkim_library **lib)
{
	if (!*lib)
		return;
	dkim_headers_free(&(*lib)->headers);
	dkim_keys_free(&(*lib)->keys);
	free(*lib);
	*lib = NULL;
}

struct dkim_verifier *dkim_verifier_create(
    struct dkim_library *lib, const struct dns *dns, struct arena *arena, uint64_t now)
{
	struct dkim_verifier *v = calloc(1, sizeof *v);

	if (v)
		*v = (struct dkim_verifier){.lib = lib, .dns = dns, .arena = arena, .now = now};
	return v;
}

void dkim_verifier_free(struct dkim_verifier **v)
{
	if (!*v)
		return;
	dkim_hasher_free(&(*v)->hasher);
	free((*v)->texts);
	free((*v)->fields);
	free(*v);
	*v = NULL;
}

/* ---- the header ----------------------------------------------------------------------------- */

/* The array with room for one more; NULL, and the old one unchanged, when out of memory. */
static void *grown(void *array, size_t count, size_t *room, size_t size)
{
	void *larger;

	if (count < *room)
		return array;
	larger = realloc(array, (*room ? *room * 2 : 32) * size);
	if (larger)
		*room = *room ? *room * 2 : 32;
	return larger;
}

static bool is_bare_lf(struct slice s, size_t i)
{
	return s.ptr[i] == '\n' && (i == 0 || s.ptr[i - 1] != '\r');
}

/* Signers hash CRLF; MTAs hand folds over with LF.  {NULL, 0} when out of memory. */
static struct slice as_signed(struct arena *arena, struct slice name, struct slice value)
{
	size_t bare = 0, n = name.len;
	char *text;

	for (size_t i = 0; i < value.len; i++)
		bare += is_bare_lf(value, i);
	text = arena_alloc(arena, name.len + 1 + value.len + bare);
	if (!text)
		return slice_of(NULL, 0);
	if (name.len > 0)
		memcpy(text, name.ptr, name.len);
	text[n++] = ':';
	for (size_t i = 0; i < value.len; i++) {
		if (is_bare_lf(value, i))
			text[n++] = '\r';
		text[n++] = value.ptr[i];
	}
	while (n > name.len + 1 && (text[n - 1] == '\r' || text[n - 1] == '\n'))
		n--;
	return slice_of(text, n);
}

static void hint_key(struct dkim_verifier *v, const struct dkim_field *field)
{
	struct slice name = dkim_field_key_name(field, v->arena);

	if (name.ptr)
		dns_hint(v->dns, name, DNS_TXT);
}

static void add_signature(struct dkim_verifier *v, struct slice value)
{
	struct dkim_field *fields =
	    grown(v->fields, v->field_count, &v->field_room, sizeof *v->fields);
	struct dkim_field *field;

	if (!fields) {
		v->no_memory = true;
		return;
	}
	v->fields = fields;
	field = &fields[v->field_count++];
	dkim_field_parse(value, v->now, v->arena, field);
	if (field->result == DKIM_NONE && v->hints < HINTS_MAX) {
		v->hints++;
		hint_key(v, field);
	}
}

void dkim_verifier_header(struct dkim_verifier *v, struct slice name, struct slice value)
{
	struct text *texts = grown(v->texts, v->text_count, &v->text_room, sizeof *v->texts);
	struct slice bytes = as_signed(v->arena, name, value);
	struct text *text;

	v->texts = texts ? texts : v->texts;
	if (!texts || !bytes.ptr) {
		v->no_memory = true;
		return;
	}
	v->nul = v->nul || memchr(bytes.ptr, 0, bytes.len);
	text = &texts[v->text_count++];
	*text = (struct text){.bytes = bytes};
	if (slice_equal_nocase(slice_trim(name), SLICE("DKIM-Signature"))) {
		add_signature(v, slice_skip(bytes, name.len + 1));
		text->signature = v->field_count;
	}
}

/* ---- the end of the header ------------------------------------------------------------------ */

static void decide(struct candidate *c, enum dkim_result result, struct slice reason)
{
	c->open = false;
	c->result.result = result;
	c->result.reason = reason;
}

static void choose(struct dkim_verifier *v, struct slice from_domain)
{
	size_t indices[DKIM_VERIFIED_MAX];

	v->count = dkim_field_choose(v->fields, v->field_count, from_domain, indices);
	for (size_t i = 0; i < v->count; i++) {
		const struct dkim_field *field = &v->fields[indices[i]];

		v->chosen[i] = (struct candidate){
		    .index = indices[i],
		    .field = field,
		    .open = field->result == DKIM_NONE,
		    .result = dkim_field_result(field, v->arena),
		};
	}
}

static struct candidate *candidate_of(struct dkim_verifier *v, const struct text *text)
{
	for (size_t i = 0; i < v->count; i++)
		if (text->signature == v->chosen[i].index + 1)
			return &v->chosen[i];
	return NULL;
}

/* What libopendkim is given: all plain fields, and the signatures that it can parse. */
struct feed {
	struct slice *fields;
	size_t n;
	struct dkim_header_hash want[DKIM_VERIFIED_MAX];
	struct candidate *whose[DKIM_VERIFIED_MAX];
	size_t wanted;
};

static bool fill_feed(struct dkim_verifier *v, struct feed *feed)
{
	feed->fields = arena_alloc(v->arena, v->text_count * sizeof *feed->fields);
	if (!feed->fields)
		return false;
	for (size_t i = 0; i < v->text_count; i++) {
		struct candidate *c = candidate_of(v, &v->texts[i]);

		if (v->texts[i].signature && (!c || c->field->result == DKIM_PERMERROR))
			continue;
		if (c) {
			feed->want[feed->wanted] = (struct dkim_header_hash){.field = feed->n};
			feed->whose[feed->wanted++] = c;
		}
		feed->fields[feed->n++] = v->texts[i].bytes;
	}
	return true;
}

/* A signature may sign other DKIM-Signature fields: that is right only when all of them are fed. */
static void take_header_hash(
    const struct dkim_verifier *v, const struct feed *feed, struct candidate *c, size_t i)
{
	if (!c->open)
		return;
	if (c->field->signs_signatures && feed->wanted < v->field_count)
		decide(
		    c, DKIM_NEUTRAL, SLICE("it signs DKIM-Signature fields, some of them unread"));
	else if (!c->field->plain_b)
		decide(c, DKIM_NEUTRAL, SLICE("b= is written in a way that libopendkim misreads"));
	else if (!feed->want[i].done)
		decide(c, DKIM_NEUTRAL, slice_str(feed->want[i].why));
	else
		memcpy(c->header_hash, feed->want[i].digest, DKIM_HASH_LEN);
}

static void hash_header(struct dkim_verifier *v)
{
	struct feed feed = {.n = 0};

	for (size_t i = 0; i < v->count && v->nul; i++)
		if (v->chosen[i].open)
			decide(&v->chosen[i], DKIM_PERMERROR, SLICE("a header field holds a NUL"));
	if (v->nul)
		return;
	if (!fill_feed(v, &feed) ||
	    !dkim_headers_hash(v->lib->headers, feed.fields, feed.n, feed.want, feed.wanted)) {
		v->no_memory = true;
		return;
	}
	for (size_t i = 0; i < feed.wanted; i++)
		take_header_hash(v, &feed, feed.whose[i], i);
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
		hint_key(v, c->field);
	}
	v->hasher = dkim_hasher_create(v->body, n);
	v->no_memory = !v->hasher;
}

bool dkim_verifier_end_of_headers(struct dkim_verifier *v, struct slice from_domain)
{
	choose(v, from_domain);
	if (any_open(v) && !v->no_memory)
		hash_header(v);
	if (!any_open(v) || v->no_memory)
		return false;
	start_body(v);
	return v->hasher;
}

void dkim_verifier_body(struct dkim_verifier *v, const char *bytes, size_t len)
{
	if (v->hasher)
		dkim_hasher_feed(v->hasher, bytes, len);
}

/* ---- the end of the message ----------------------------------------------------------------- */

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

/* True when the DNS has a key that may be used; else the candidate has its result. */
static bool find_key(struct dkim_verifier *v, struct candidate *c, struct dkim_record *record)
{
	struct slice name = dkim_field_key_name(c->field, v->arena), reason;
	struct dns_answer answer = {.status = DNS_TEMP};
	enum dkim_result result;

	if (name.ptr)
		dns_lookup(v->dns, name, DNS_TXT, v->arena, &answer);
	result = dkim_record_read(&answer, c->field, v->arena, record, &reason);
	c->result.bits = record->bits;
	c->result.testing = record->testing;
	if (result != DKIM_NONE)
		decide(c, result, reason);
	return result == DKIM_NONE;
}

static void check_signature(
    struct dkim_verifier *v, struct candidate *c, const struct dkim_record *record)
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
	switch (dkim_keys_verify(
	    v->lib->keys, record, c->header_hash, slice_of((const char *)octets, len))) {
	case DKIM_VERIFIED:
		if (c->result.body_covered)
			decide(c, DKIM_PASS, slice_of(NULL, 0));
		else
			decide(c, DKIM_POLICY, SLICE("l= leaves a part of the body unsigned"));
		break;
	case DKIM_MISMATCH:
		decide(c, DKIM_FAIL, SLICE("the signature does not match the signed fields"));
		break;
	case DKIM_NO_MEMORY:
	default:
		decide(c, DKIM_TEMPERROR, SLICE("out of memory"));
		break;
	}
}

/* The body first: it is known already, and spares the question for the key. */
static void verify(struct dkim_verifier *v, struct candidate *c)
{
	struct dkim_record record;

	if (c->open && body_holds(c) && find_key(v, c, &record))
		check_signature(v, c, &record);
}

/* When memory ran out nothing that was found is certain. */
static void answer_no_memory(struct dkim_answer *out)
{
	static const struct dkim_signature_result failed = {
	    .result = DKIM_TEMPERROR,
	    .reason = SLICE_INIT("out of memory"),
	};

	*out = (struct dkim_answer){.signatures = &failed, .count = 1};
}

void dkim_verifier_finish(struct dkim_verifier *v, struct dkim_answer *out)
{
	struct dkim_signature_result *results;

	if (v->hasher && !dkim_hasher_finish(&v->hasher))
		v->no_memory = true;
	for (size_t i = 0; i < v->count && !v->no_memory; i++)
		verify(v, &v->chosen[i]);
	results = arena_alloc(v->arena, DKIM_VERIFIED_MAX * sizeof *results);
	if (v->no_memory || arena_failed(v->arena)) {
		answer_no_memory(out);
		return;
	}
	for (size_t i = 0; i < v->count; i++)
		results[i] = v->chosen[i].result;
	dkim_shorten_prefixes(results, v->count);
	*out = (struct dkim_answer){
	    .signatures = results,
	    .count = v->count,
	    .not_looked_at = v->field_count - v->count,
	};
}
