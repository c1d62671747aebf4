#include "edge/auth/dkim_libcrypto.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>

/* 512 keys are more than the signers whose mail a busy server sees in a minute; 2 MiB at most. */
#define SETS 128
#define WAYS 4

#define MODULUS_MAX  (DKIM_BITS_MAX / 8)
#define EXPONENT_MAX (DKIM_EXPONENT_BITS_MAX / 8)

struct entry {
	EVP_PKEY *key; /* NULL: free */
	uint64_t used; /* when last, counted in uses of its set */
	uint64_t hash;
	size_t name_len;
	unsigned char name[MODULUS_MAX + EXPONENT_MAX];
};

/* The lock guards the entries of its set; nothing is called under it that takes another lock,
 * but OpenSSL's counting of references. */
struct set {
	pthread_mutex_t lock;
	uint64_t uses;
	struct entry ways[WAYS];
};

struct dkim_libcrypto {
	EVP_MD *sha256;
	uint64_t seed; /* so that nobody can choose keys that fall into one set */
	struct set sets[SETS];
};

/* What a key is found by: its numbers (an ed25519 point is shorter than any modulus). */
struct name {
	uint64_t hash;
	size_t len;
	unsigned char bytes[MODULUS_MAX + EXPONENT_MAX];
};

struct dkim_libcrypto *dkim_libcrypto_create(void)
{
	struct dkim_libcrypto *lib = calloc(1, sizeof *lib);

	if (!lib)
		return NULL;
	for (size_t i = 0; i < SETS; i++)
		pthread_mutex_init(&lib->sets[i].lock, NULL);
	lib->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!lib->sha256 || RAND_bytes((unsigned char *)&lib->seed, sizeof lib->seed) != 1)
		dkim_libcrypto_free(&lib);
	return lib;
}

void dkim_libcrypto_free(struct dkim_libcrypto **lib)
{
	if (!*lib)
		return;
	for (size_t i = 0; i < SETS; i++) {
		for (size_t j = 0; j < WAYS; j++)
			EVP_PKEY_free((*lib)->sets[i].ways[j].key);
		pthread_mutex_destroy(&(*lib)->sets[i].lock);
	}
	EVP_MD_free((*lib)->sha256);
	free(*lib);
	*lib = NULL;
}

/* ---- SHA-256 ------------------------------------------------------------------------- */

/* core's opaque hash is libcrypto's context. */
static EVP_MD_CTX *context_of(struct dkim_hash *hash)
{
	return (EVP_MD_CTX *)hash;
}

struct dkim_hash *dkim_libcrypto_hash_create(const struct dkim_libcrypto *lib)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex(ctx, lib->sha256, NULL) == 1)
		return (struct dkim_hash *)ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

bool dkim_libcrypto_hash_update(struct dkim_hash *hash, const char *bytes, size_t len)
{
	return EVP_DigestUpdate(context_of(hash), bytes, len) == 1;
}

bool dkim_libcrypto_hash_digest(const struct dkim_hash *hash, unsigned char digest[DKIM_HASH_LEN])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	bool done = copy && EVP_MD_CTX_copy_ex(copy, (const EVP_MD_CTX *)hash) == 1 &&
		    EVP_DigestFinal_ex(copy, digest, NULL) == 1;

	EVP_MD_CTX_free(copy);
	return done;
}

bool dkim_libcrypto_hash_finish(struct dkim_hash **hash, unsigned char digest[DKIM_HASH_LEN])
{
	bool done = EVP_DigestFinal_ex(context_of(*hash), digest, NULL) == 1;

	dkim_libcrypto_hash_free(hash);
	return done;
}

void dkim_libcrypto_hash_free(struct dkim_hash **hash)
{
	EVP_MD_CTX_free(context_of(*hash));
	*hash = NULL;
}

/* ---- keys that are kept --------------------------------------------------------------- */

static void append(struct name *name, struct slice bytes)
{
	if (bytes.len == 0)
		return;
	memcpy(name->bytes + name->len, bytes.ptr, bytes.len);
	name->len += bytes.len;
}

/* FNV-1a over 8 octets at a time is enough: the names compared are high-entropy numbers. */
static struct name name_of(const struct dkim_libcrypto *lib, const struct dkim_key *record)
{
	struct name name = {.hash = lib->seed};
	uint64_t word;

	append(&name, record->point);
	append(&name, record->modulus);
	append(&name, record->exponent);
	for (size_t i = 0; i < name.len; i += sizeof word) {
		size_t n = name.len - i < sizeof word ? name.len - i : sizeof word;

		word = 0;
		memcpy(&word, name.bytes + i, n);
		name.hash = (name.hash ^ word) * 0x100000001b3;
		name.hash ^= name.hash >> 29;
	}
	return name;
}

static struct entry *find(struct set *set, const struct name *name)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct entry *e = &set->ways[i];

		if (e->key && e->hash == name->hash && e->name_len == name->len &&
		    memcmp(e->name, name->bytes, name->len) == 0)
			return e;
	}
	return NULL;
}

/* A reference of the caller's own, or NULL. */
static EVP_PKEY *kept_key(struct set *set, const struct name *name)
{
	EVP_PKEY *key = NULL;
	struct entry *e;

	pthread_mutex_lock(&set->lock);
	e = find(set, name);
	if (e && EVP_PKEY_up_ref(e->key) == 1) {
		key = e->key;
		e->used = ++set->uses;
	}
	pthread_mutex_unlock(&set->lock);
	return key;
}

/* Keeps a reference of its own, in the place of the entry that was not used for the longest. */
static void keep_key(struct set *set, const struct name *name, EVP_PKEY *key)
{
	EVP_PKEY *old = NULL;
	struct entry *oldest = &set->ways[0];

	pthread_mutex_lock(&set->lock);
	for (size_t i = 1; i < WAYS; i++)
		if (set->ways[i].used < oldest->used)
			oldest = &set->ways[i];
	if (!find(set, name) && EVP_PKEY_up_ref(key) == 1) {
		old = oldest->key;
		oldest->key = key;
		oldest->used = ++set->uses;
		oldest->hash = name->hash;
		oldest->name_len = name->len;
		memcpy(oldest->name, name->bytes, name->len);
	}
	pthread_mutex_unlock(&set->lock);
	EVP_PKEY_free(old);
}

/* OSSL_PARAM takes integers in the byte order of the machine. */
static void to_native(struct slice big_endian, unsigned char *out)
{
	const union {
		uint16_t number;
		unsigned char first;
	} probe = {1};

	for (size_t i = 0; i < big_endian.len; i++)
		out[probe.first ? big_endian.len - 1 - i : i] = (unsigned char)big_endian.ptr[i];
}

static EVP_PKEY *build_rsa(const struct dkim_key *record)
{
	unsigned char modulus[MODULUS_MAX], exponent[EXPONENT_MAX];
	OSSL_PARAM params[] = {
	    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, modulus, record->modulus.len),
	    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, exponent, record->exponent.len),
	    OSSL_PARAM_END,
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	to_native(record->modulus, modulus);
	to_native(record->exponent, exponent);
	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *build(const struct dkim_key *record)
{
	if (record->algorithm == DKIM_ED25519_SHA256)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    (const unsigned char *)record->point.ptr, record->point.len);
	return build_rsa(record);
}

static EVP_PKEY *get_key(struct dkim_libcrypto *lib, const struct dkim_key *record)
{
	struct name name = name_of(lib, record);
	struct set *set = &lib->sets[(name.hash >> 32) % SETS];
	EVP_PKEY *key = kept_key(set, &name);

	if (key)
		return key;
	key = build(record);
	if (key)
		keep_key(set, &name, key);
	return key;
}

static enum dkim_verification verify_rsa(const struct dkim_libcrypto *lib, EVP_PKEY *key,
    const unsigned char *digest, struct slice signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	enum dkim_verification v = DKIM_NO_MEMORY;

	if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, lib->sha256) == 1)
		v = EVP_PKEY_verify(ctx, (const unsigned char *)signature.ptr, signature.len,
			digest, DKIM_HASH_LEN) == 1
			? DKIM_VERIFIED
			: DKIM_MISMATCH;
	EVP_PKEY_CTX_free(ctx);
	return v;
}

/* RFC 8463 3: PureEdDSA over the SHA-256 hash. */
static enum dkim_verification verify_ed25519(
    EVP_PKEY *key, const unsigned char *digest, struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum dkim_verification v = DKIM_NO_MEMORY;

	if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1)
		v = EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
			digest, DKIM_HASH_LEN) == 1
			? DKIM_VERIFIED
			: DKIM_MISMATCH;
	EVP_MD_CTX_free(ctx);
	return v;
}

enum dkim_verification dkim_libcrypto_verify(struct dkim_libcrypto *lib,
    const struct dkim_key *record, const unsigned char digest[DKIM_HASH_LEN],
    struct slice signature)
{
	EVP_PKEY *key = get_key(lib, record);
	enum dkim_verification v = DKIM_NO_MEMORY;

	if (key)
		v = record->algorithm == DKIM_ED25519_SHA256
			? verify_ed25519(key, digest, signature)
			: verify_rsa(lib, key, digest, signature);
	EVP_PKEY_free(key);
	/* A mismatch leaves words in the thread's queue of errors, which would grow. */
	ERR_clear_error();
	return v;
}
