#include "edge/auth/dkim_body_hash.h"

#include "core/auth/dkim_body.h"
#include "core/auth/dkim_header.h"

#include <openssl/evp.h>
#include <stdlib.h>

/* One of the two canonicalisations with the hash that runs over it. */
struct stream {
	bool relaxed, failed;
	struct dkim_body body;
	EVP_MD_CTX *hash; /* NULL: nobody wants it */
	uint64_t hashed;
	struct dkim_hasher *hasher;
};

struct dkim_hasher {
	struct stream streams[2];
	struct dkim_body_hash *want;
	size_t n;
};

/* The digest as it is now; the hash goes on. */
static void take_digest(struct stream *s, struct dkim_body_hash *want)
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();

	if (copy && EVP_MD_CTX_copy_ex(copy, s->hash) == 1 &&
	    EVP_DigestFinal_ex(copy, want->digest, NULL) == 1)
		want->done = true;
	else
		s->failed = true;
	EVP_MD_CTX_free(copy);
}

/* Those whose l= is reached; returns how many octets there are to the next one, at most len. */
static size_t take_due(struct stream *s, size_t len)
{
	for (size_t i = 0; i < s->hasher->n; i++) {
		struct dkim_body_hash *want = &s->hasher->want[i];

		if (want->relaxed != s->relaxed || !want->has_length || want->done)
			continue;
		if (want->length == s->hashed)
			take_digest(s, want);
		else if (want->length > s->hashed && want->length - s->hashed < len)
			len = (size_t)(want->length - s->hashed);
	}
	return len;
}

static void hash_bytes(void *self, const char *bytes, size_t len)
{
	struct stream *s = self;

	while (len > 0) {
		size_t n = take_due(s, len);

		if (EVP_DigestUpdate(s->hash, bytes, n) != 1)
			s->failed = true;
		s->hashed += n;
		bytes += n;
		len -= n;
	}
}

static bool start(struct dkim_hasher *h, struct stream *s)
{
	s->hash = EVP_MD_CTX_new();
	if (!s->hash || EVP_DigestInit_ex(s->hash, EVP_sha256(), NULL) != 1)
		return false;
	s->hasher = h;
	dkim_body_init(&s->body, s->relaxed, hash_bytes, s);
	return true;
}

struct dkim_hasher *dkim_hasher_create(struct dkim_body_hash *want, size_t n)
{
	struct dkim_hasher *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	*h = (struct dkim_hasher){.streams[1].relaxed = true, .want = want, .n = n};
	for (size_t i = 0; i < n; i++) {
		struct stream *s = &h->streams[want[i].relaxed];

		want[i].done = false;
		if (!s->hash && !start(h, s)) {
			dkim_hasher_free(&h);
			return NULL;
		}
	}
	return h;
}

void dkim_hasher_feed(struct dkim_hasher *h, const char *bytes, size_t len)
{
	for (size_t i = 0; i < 2; i++)
		if (h->streams[i].hash)
			dkim_body_feed(&h->streams[i].body, bytes, len);
}

bool dkim_hasher_finish(struct dkim_hasher **hasher)
{
	struct dkim_hasher *h = *hasher;
	bool failed = false;

	for (size_t i = 0; i < 2; i++) {
		if (!h->streams[i].hash)
			continue;
		dkim_body_end(&h->streams[i].body);
		take_due(&h->streams[i], 0);
	}
	for (size_t i = 0; i < h->n; i++) {
		struct dkim_body_hash *want = &h->want[i];
		struct stream *s = &h->streams[want->relaxed];

		want->octets = s->body.octets;
		if (!want->has_length)
			take_digest(s, want);
		failed = failed || s->failed;
	}
	dkim_hasher_free(hasher);
	return !failed;
}

void dkim_hasher_free(struct dkim_hasher **hasher)
{
	if (!*hasher)
		return;
	for (size_t i = 0; i < 2; i++)
		EVP_MD_CTX_free((*hasher)->streams[i].hash);
	free(*hasher);
	*hasher = NULL;
}

/* ---- a header ------------------------------------------------------------------------ */

struct header_hash {
	EVP_MD_CTX *hash;
	bool failed;
};

static void hash_header_bytes(void *self, const char *bytes, size_t len)
{
	struct header_hash *h = self;

	h->failed = h->failed || EVP_DigestUpdate(h->hash, bytes, len) != 1;
}

bool dkim_hash_header(const struct dkim_field *field, const struct slice *fields, size_t n,
    size_t own, struct arena *arena, unsigned char digest[DKIM_HASH_LEN])
{
	struct header_hash h = {.hash = EVP_MD_CTX_new()};
	bool done = h.hash && EVP_DigestInit_ex(h.hash, EVP_sha256(), NULL) == 1 &&
		    dkim_header_canon(field, fields, n, own, arena, hash_header_bytes, &h) &&
		    !h.failed && EVP_DigestFinal_ex(h.hash, digest, NULL) == 1;

	EVP_MD_CTX_free(h.hash);
	return done;
}
