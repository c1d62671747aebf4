#include "core/auth/dkim_message.h"

#include "core/auth/dkim_header.h"
#include "core/base/array.h"

#include <stdlib.h>

/* "Name: value", CRLF in folds, none at the end. */
struct dkim_message_text {
	struct slice bytes;
	size_t signature; /* 1 + its index in `signatures`; 0: another field */
};

struct dkim_message *dkim_message_create(struct arena *arena, const struct idna *idna, uint64_t now)
{
	struct dkim_message *m = calloc(1, sizeof *m);

	if (m)
		*m = (struct dkim_message){.arena = arena, .idna = idna, .now = now};
	return m;
}

void dkim_message_free(struct dkim_message **m)
{
	if (!*m)
		return;
	free((*m)->signatures);
	free((*m)->texts);
	free(*m);
	*m = NULL;
}

static size_t count_lf(struct slice s)
{
	size_t n = 0;

	for (size_t at = slice_find(s, '\n'); at < s.len; at = slice_find(s, '\n')) {
		s = slice_skip(s, at + 1);
		n++;
	}
	return n;
}

/* Copies the value, line by line; a CR in front of each LF that has none.  Returns the end. */
static char *copy_as_signed(char *to, struct slice value)
{
	while (value.len > 0) {
		size_t at = slice_find(value, '\n');

		memcpy(to, value.ptr, at);
		to += at;
		if (at < value.len) {
			if (to[-1] != '\r')
				*to++ = '\r';
			*to++ = '\n';
		}
		value = slice_skip(value, at + 1);
	}
	return to;
}

/* Signers hash CRLF; MTAs hand folds over with LF.  {NULL, 0} when out of memory. */
static struct slice as_signed(struct arena *arena, struct slice name, struct slice value)
{
	char *text = arena_alloc(arena, name.len + 1 + value.len + count_lf(value)), *end;

	if (!text)
		return slice_of(NULL, 0);
	if (name.len > 0)
		memcpy(text, name.ptr, name.len);
	text[name.len] = ':';
	end = copy_as_signed(text + name.len + 1, value);
	while (end[-1] == '\r' || end[-1] == '\n')
		end--;
	return slice_of(text, (size_t)(end - text));
}

static const struct dkim_field *add_signature(struct dkim_message *m, struct slice value)
{
	if (!ARRAY_ROOM(m->signatures, m->room, m->count + 1)) {
		m->no_memory = true;
		return NULL;
	}
	dkim_field_parse(value, m->idna, m->now, m->arena, &m->signatures[m->count]);
	return &m->signatures[m->count++];
}

const struct dkim_field *dkim_message_add(
    struct dkim_message *m, struct slice name, struct slice value)
{
	const struct dkim_field *signature = NULL;
	struct slice bytes = as_signed(m->arena, name, value);

	if (!ARRAY_ROOM(m->texts, m->text_room, m->text_count + 1) || !bytes.ptr) {
		m->no_memory = true;
		return NULL;
	}
	m->nul = m->nul || memchr(bytes.ptr, 0, bytes.len);
	m->blank = m->blank || slice_trim(name).len != name.len;
	if (slice_equal_nocase(slice_trim(name), SLICE("DKIM-Signature")))
		signature = add_signature(m, slice_skip(bytes, name.len + 1));
	m->texts[m->text_count++] = (struct dkim_message_text){bytes, signature ? m->count : 0};
	return signature;
}

/* ---- header hashes ------------------------------------------------------------------- */

/* Which field of the message a chosen signature is. */
static size_t text_of(const struct dkim_message *m, size_t signature)
{
	size_t i = 0;

	while (m->texts[i].signature != signature + 1)
		i++;
	return i;
}

/* One call of libopendkim. */
struct call {
	struct slice *fields;
	size_t n;
	struct dkim_header_hash want[DKIM_VERIFIED_MAX];
	struct dkim_message_hash *whose[DKIM_VERIFIED_MAX];
	size_t wanted;
};

/* Where the result of this signature goes; NULL when it was not chosen. */
static struct dkim_message_hash *find_hash(
    size_t signature, const size_t *chosen, size_t n, struct dkim_message_hash *out)
{
	for (size_t i = 0; i < n; i++)
		if (signature == chosen[i] + 1)
			return &out[i];
	return NULL;
}

/* All plain fields, and the chosen signatures that libopendkim reads as they are meant. */
static void fill_call(const struct dkim_message *m, const size_t *chosen, size_t n,
    struct dkim_message_hash *out, struct call *call)
{
	for (size_t i = 0; i < m->text_count; i++) {
		size_t signature = m->texts[i].signature;
		struct dkim_message_hash *place = find_hash(signature, chosen, n, out);
		const struct dkim_field *field = signature ? &m->signatures[signature - 1] : NULL;

		if (field && (!place || !field->plain || field->result == DKIM_PERMERROR))
			continue;
		if (place) {
			call->want[call->wanted] = (struct dkim_header_hash){.field = call->n};
			call->whose[call->wanted++] = place;
		}
		call->fields[call->n++] = m->texts[i].bytes;
	}
}

static bool hash_by_library(const struct dkim_message *m, const struct dkim_crypto *crypto,
    const size_t *chosen, size_t n, struct dkim_message_hash *out)
{
	struct call call = {.fields = arena_alloc(m->arena, m->text_count * sizeof *call.fields)};

	if (!call.fields)
		return false;
	fill_call(m, chosen, n, out, &call);
	if (call.wanted == 0)
		return true;
	if (!crypto->hash_headers(crypto, call.fields, call.n, call.want, call.wanted))
		return false;
	for (size_t i = 0; i < call.wanted; i++) {
		if (!call.want[i].done)
			continue;
		call.whose[i]->result = DKIM_NONE;
		memcpy(call.whose[i]->digest, call.want[i].digest, DKIM_HASH_LEN);
	}
	return true;
}

struct header_hash {
	const struct dkim_crypto *crypto;
	struct dkim_hash *hash;
	bool failed;
};

static void hash_header_bytes(void *self, const char *bytes, size_t len)
{
	struct header_hash *h = self;

	h->failed = h->failed || !h->crypto->hash_update(h->hash, bytes, len);
}

/* The header hash of one signature over all fields of the message; false when out of memory. */
static bool hash_one(const struct dkim_message *m, const struct dkim_crypto *crypto,
    size_t signature, const struct slice *fields, unsigned char digest[DKIM_HASH_LEN])
{
	struct header_hash h = {.crypto = crypto, .hash = crypto->hash_create(crypto)};
	bool done = h.hash &&
		    dkim_header_canon(&m->signatures[signature], fields, m->text_count,
			text_of(m, signature), m->arena, hash_header_bytes, &h) &&
		    !h.failed;

	if (done)
		return crypto->hash_finish(&h.hash, digest);
	crypto->hash_free(&h.hash);
	return false;
}

static struct slice *all_fields(const struct dkim_message *m)
{
	struct slice *fields = arena_alloc(m->arena, m->text_count * sizeof *fields);

	for (size_t i = 0; fields && i < m->text_count; i++)
		fields[i] = m->texts[i].bytes;
	return fields;
}

/* What has no hash yet although it is well formed. */
static bool hash_the_rest(const struct dkim_message *m, const struct dkim_crypto *crypto,
    const size_t *chosen, size_t n, struct dkim_message_hash *out)
{
	const struct slice *fields = NULL;

	for (size_t i = 0; i < n; i++) {
		if (out[i].result == DKIM_NONE || m->signatures[chosen[i]].result == DKIM_PERMERROR)
			continue;
		if (!fields)
			fields = all_fields(m);
		if (!fields || !hash_one(m, crypto, chosen[i], fields, out[i].digest))
			return false;
		out[i].result = DKIM_NONE;
	}
	return true;
}

bool dkim_message_hash(const struct dkim_message *m, const struct dkim_crypto *crypto,
    const size_t *chosen, size_t n, struct dkim_message_hash *out)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (struct dkim_message_hash){
		    .result = DKIM_PERMERROR,
		    .reason = m->nul ? "a header field holds a NUL" : "the field is malformed",
		};
	if (m->nul)
		return true;
	if (!m->blank && !hash_by_library(m, crypto, chosen, n, out))
		return false;
	return hash_the_rest(m, crypto, chosen, n, out);
}
