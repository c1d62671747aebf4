#include "core/auth/dkim_body_hash.h"

#include "core/auth/dkim_body.h"

#include <stdlib.h>

/* One of the two canonicalisations with the hash that runs over it. */
struct stream {
	bool relaxed, failed;
	struct dkim_body body;
	struct dkim_hash *hash; /* NULL: no signature needs it */
	uint64_t hashed;
	struct dkim_body_hasher *hasher;
};

struct dkim_body_hasher {
	const struct dkim_crypto *crypto;
	struct stream streams[2];
	struct dkim_body_hash *want;
	size_t n;
};

/* Digests whose l= is reached; returns how many octets there are to the next one, at most len. */
static size_t take_due(struct stream *s, size_t len)
{
	for (size_t i = 0; i < s->hasher->n; i++) {
		struct dkim_body_hash *want = &s->hasher->want[i];

		if (want->relaxed != s->relaxed || !want->has_length || want->done)
			continue;
		if (want->length == s->hashed) {
			want->done = s->hasher->crypto->hash_digest(s->hash, want->digest);
			s->failed = s->failed || !want->done;
		} else if (want->length > s->hashed && want->length - s->hashed < len) {
			len = (size_t)(want->length - s->hashed);
		}
	}
	return len;
}

static void hash_bytes(void *self, const char *bytes, size_t len)
{
	struct stream *s = self;

	while (len > 0) {
		size_t n = take_due(s, len);

		if (!s->hasher->crypto->hash_update(s->hash, bytes, n))
			s->failed = true;
		s->hashed += n;
		bytes += n;
		len -= n;
	}
}

static bool start_stream(struct dkim_body_hasher *h, struct stream *s)
{
	s->hash = h->crypto->hash_create(h->crypto);
	s->hasher = h;
	dkim_body_init(&s->body, s->relaxed, hash_bytes, s);
	return s->hash;
}

struct dkim_body_hasher *dkim_body_hasher_create(
    const struct dkim_crypto *crypto, struct dkim_body_hash *want, size_t n)
{
	struct dkim_body_hasher *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->crypto = crypto;
	h->streams[1].relaxed = true;
	h->want = want;
	h->n = n;
	for (size_t i = 0; i < n; i++) {
		struct stream *s = &h->streams[want[i].relaxed];

		want[i].done = false;
		if (!s->hash && !start_stream(h, s)) {
			dkim_body_hasher_free(&h);
			return NULL;
		}
	}
	return h;
}

void dkim_body_hasher_feed(struct dkim_body_hasher *h, const char *bytes, size_t len)
{
	for (size_t i = 0; i < 2; i++)
		if (h->streams[i].hash)
			dkim_body_feed(&h->streams[i].body, bytes, len);
}

/* The end of the body: the digests at l= first, then that of the whole for all others. */
static void finish_stream(struct dkim_body_hasher *h, struct stream *s)
{
	unsigned char whole[DKIM_HASH_LEN];

	dkim_body_end(&s->body);
	take_due(s, 0);
	if (!h->crypto->hash_finish(&s->hash, whole))
		s->failed = true;
	for (size_t i = 0; i < h->n; i++) {
		struct dkim_body_hash *want = &h->want[i];

		if (want->relaxed != s->relaxed)
			continue;
		want->octets = s->body.octets;
		if (want->has_length || s->failed)
			continue;
		memcpy(want->digest, whole, DKIM_HASH_LEN);
		want->done = true;
	}
}

bool dkim_body_hasher_finish(struct dkim_body_hasher **hasher)
{
	struct dkim_body_hasher *h = *hasher;
	bool failed = false;

	for (size_t i = 0; i < 2; i++) {
		if (h->streams[i].hash)
			finish_stream(h, &h->streams[i]);
		failed = failed || h->streams[i].failed;
	}
	dkim_body_hasher_free(hasher);
	return !failed;
}

void dkim_body_hasher_free(struct dkim_body_hasher **hasher)
{
	if (!*hasher)
		return;
	for (size_t i = 0; i < 2; i++)
		(*hasher)->crypto->hash_free(&(*hasher)->streams[i].hash);
	free(*hasher);
	*hasher = NULL;
}
