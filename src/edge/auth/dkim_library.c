#include "edge/auth/dkim_library.h"

#include "edge/auth/dkim_keys.h"
#include "edge/auth/dkim_libcrypto.h"
#include "edge/auth/dkim_opendkim.h"

#include <stdlib.h>

/* `crypto` is first: a pointer to it is one to the library. */
struct library {
	struct dkim_crypto crypto;
	struct dkim_opendkim *opendkim;
	struct dkim_libcrypto *libcrypto;
	struct dkim_keys *keys;
};

static const struct library *library_of(const struct dkim_crypto *crypto)
{
	return (const struct library *)crypto;
}

static struct dkim_hash *hash_create(const struct dkim_crypto *crypto)
{
	return dkim_libcrypto_hash_create(library_of(crypto)->libcrypto);
}

static bool hash_headers(const struct dkim_crypto *crypto, const struct slice *fields, size_t n,
    struct dkim_header_hash *want, size_t wanted)
{
	return dkim_opendkim_hash(library_of(crypto)->opendkim, fields, n, want, wanted);
}

static bool key_read(const struct dkim_crypto *crypto, struct slice record, struct dkim_key *out)
{
	const struct library *lib = library_of(crypto);

	if (dkim_keys_find(lib->keys, record, out))
		return true;
	if (!dkim_libcrypto_key_read(lib->libcrypto, record, out))
		return false;
	dkim_keys_keep(lib->keys, record, out);
	return true;
}

struct dkim_crypto *dkim_library_create(void)
{
	struct library *lib = calloc(1, sizeof *lib);
	struct dkim_crypto *crypto = lib ? &lib->crypto : NULL;

	if (!lib)
		return NULL;
	lib->crypto = (struct dkim_crypto){
	    .hash_create = hash_create,
	    .hash_update = dkim_libcrypto_hash_update,
	    .hash_digest = dkim_libcrypto_hash_digest,
	    .hash_finish = dkim_libcrypto_hash_finish,
	    .hash_free = dkim_libcrypto_hash_free,
	    .hash_headers = hash_headers,
	    .key_read = key_read,
	    .key_drop = dkim_libcrypto_key_drop,
	    .verify = dkim_libcrypto_verify,
	};
	lib->opendkim = dkim_opendkim_create();
	lib->libcrypto = dkim_libcrypto_create();
	lib->keys = dkim_keys_create();
	if (!lib->opendkim || !lib->libcrypto || !lib->keys)
		dkim_library_free(&crypto);
	return crypto;
}

const char *dkim_library_probe(struct dkim_crypto *crypto)
{
	return dkim_opendkim_probe(library_of(crypto)->opendkim);
}

void dkim_library_free(struct dkim_crypto **crypto)
{
	struct library *lib = (struct library *)*crypto;

	if (!lib)
		return;
	dkim_opendkim_free(&lib->opendkim);
	dkim_keys_free(&lib->keys);
	dkim_libcrypto_free(&lib->libcrypto);
	free(lib);
	*crypto = NULL;
}
