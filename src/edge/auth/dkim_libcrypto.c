#include "edge/auth/dkim_libcrypto.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

struct dkim_libcrypto {
	EVP_MD *sha256;
};

/* Read by all threads, changed by none once it is made. */
struct dkim_public_key {
	atomic_uint holders;
	EVP_PKEY *key;
	EVP_PKEY_CTX *prepared; /* RSA: a verification, up to the digest */
};

struct dkim_libcrypto *dkim_libcrypto_create(void)
{
	struct dkim_libcrypto *lib = calloc(1, sizeof *lib);

	if (!lib)
		return NULL;
	lib->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!lib->sha256)
		dkim_libcrypto_free(&lib);
	return lib;
}

void dkim_libcrypto_free(struct dkim_libcrypto **lib)
{
	if (!*lib)
		return;
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

/* ---- decoding a key ------------------------------------------------------------------ */

/* AlgorithmIdentifier of rsaEncryption (RFC 3279 2.3.1), its parameters NULL or left out. */
static bool is_rsa_algorithm(const ASN1_TYPE *id)
{
	const unsigned char *at;
	const ASN1_OBJECT *oid = NULL;
	X509_ALGOR *algorithm;
	int parameters;
	bool is_rsa;

	if (id->type != V_ASN1_SEQUENCE)
		return false;
	at = id->value.sequence->data;
	algorithm = d2i_X509_ALGOR(NULL, &at, id->value.sequence->length);
	if (!algorithm)
		return false;
	X509_ALGOR_get0(&oid, &parameters, NULL, algorithm);
	is_rsa = OBJ_obj2nid(oid) == NID_rsaEncryption &&
		 (parameters == V_ASN1_NULL || parameters == V_ASN1_UNDEF);
	X509_ALGOR_free(algorithm);
	return is_rsa;
}

static EVP_PKEY *decode_public_key(const unsigned char *octets, size_t len)
{
	const unsigned char *at = octets;
	EVP_PKEY *key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)len);

	if (key && at == octets + len)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* SubjectPublicKeyInfo (RFC 5280 4.1): a sequence of an algorithm and a string of whole octets. */
static EVP_PKEY *decode_key_info(const ASN1_SEQUENCE_ANY *info)
{
	const ASN1_TYPE *bits = sk_ASN1_TYPE_num(info) == 2 ? sk_ASN1_TYPE_value(info, 1) : NULL;

	if (!bits || !is_rsa_algorithm(sk_ASN1_TYPE_value(info, 0)) ||
	    bits->type != V_ASN1_BIT_STRING || (bits->value.bit_string->flags & 7) != 0)
		return NULL;
	return decode_public_key(
	    bits->value.bit_string->data, (size_t)bits->value.bit_string->length);
}

/* In either of the two forms of RFC 6376 3.6.1; NULL when it is in none, or out of memory. */
static EVP_PKEY *decode_rsa(struct slice octets)
{
	const unsigned char *der = (const unsigned char *)octets.ptr, *at = der;
	ASN1_SEQUENCE_ANY *info = d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)octets.len);
	EVP_PKEY *key = NULL;

	if (info && at == der + octets.len) {
		key = decode_key_info(info);
		if (!key)
			key = decode_public_key(der, octets.len);
	}
	sk_ASN1_TYPE_pop_free(info, ASN1_TYPE_free);
	return key;
}

/* False when out of memory. */
static bool take_numbers(EVP_PKEY *key, struct dkim_key_numbers *out)
{
	BIGNUM *modulus = NULL, *exponent = NULL;
	bool taken = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 &&
		     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;

	if (taken)
		*out = (struct dkim_key_numbers){
		    .modulus_bits = (unsigned)BN_num_bits(modulus),
		    .exponent_bits = (unsigned)BN_num_bits(exponent),
		    .odd = BN_is_odd(modulus) && BN_is_odd(exponent),
		};
	BN_free(modulus);
	BN_free(exponent);
	return taken;
}

/* ---- keys ---------------------------------------------------------------------------- */

/* To libcrypto a lack of memory can look like a key, or a signature, that is wrong; but malloc(3)
 * leaves word in errno, which whoever asks this has set to 0 before. */
static bool is_out_of_memory(void)
{
	return errno == ENOMEM || ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE;
}

static EVP_PKEY_CTX *prepare_rsa(const struct dkim_libcrypto *lib, EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, lib->sha256) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static void free_key(struct dkim_public_key *key)
{
	EVP_PKEY_CTX_free(key->prepared);
	EVP_PKEY_free(key->key);
	free(key);
}

/* Takes over decoded; NULL when out of memory. */
static struct dkim_public_key *make_key(
    const struct dkim_libcrypto *lib, enum dkim_algorithm algorithm, EVP_PKEY *decoded)
{
	struct dkim_public_key *key = calloc(1, sizeof *key);

	if (!key) {
		EVP_PKEY_free(decoded);
		return NULL;
	}
	atomic_init(&key->holders, 1);
	key->key = decoded;
	if (algorithm == DKIM_RSA_SHA256)
		key->prepared = prepare_rsa(lib, decoded);
	if (decoded && (key->prepared || algorithm != DKIM_RSA_SHA256))
		return key;
	free_key(key);
	return NULL;
}

/* False when out of memory; *decoded is NULL when the key has a flaw. */
static bool decode(struct slice octets, struct dkim_key *out, EVP_PKEY **decoded)
{
	struct dkim_key_numbers numbers;

	*decoded = NULL;
	if (out->algorithm == DKIM_ED25519_SHA256) {
		*decoded = EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, (const unsigned char *)octets.ptr, octets.len);
		return *decoded;
	}
	*decoded = decode_rsa(octets);
	if (!*decoded) {
		dkim_key_set_rsa(out, NULL);
		return !is_out_of_memory();
	}
	if (!take_numbers(*decoded, &numbers)) {
		EVP_PKEY_free(*decoded);
		return false;
	}
	dkim_key_set_rsa(out, &numbers);
	if (out->flaw != DKIM_KEY_FLAWLESS) {
		EVP_PKEY_free(*decoded);
		*decoded = NULL;
	}
	return true;
}

bool dkim_libcrypto_key_read(
    const struct dkim_libcrypto *lib, struct slice record, struct dkim_key *out)
{
	unsigned char room[DKIM_KEY_RECORD_MAX];
	struct slice octets = dkim_key_parse(record, room, out);
	EVP_PKEY *decoded;
	bool done = true;

	if (out->flaw != DKIM_KEY_FLAWLESS)
		return true;
	ERR_clear_error();
	errno = 0;
	done = decode(octets, out, &decoded);
	if (done && decoded) {
		out->public_key = make_key(lib, out->algorithm, decoded);
		done = out->public_key;
	}
	/* What went wrong stays in the thread's queue of errors, which would grow. */
	ERR_clear_error();
	return done;
}

void dkim_libcrypto_key_hold(const struct dkim_key *key)
{
	if (key->public_key)
		atomic_fetch_add_explicit(&key->public_key->holders, 1, memory_order_relaxed);
}

void dkim_libcrypto_key_drop(struct dkim_key *key)
{
	if (key->public_key &&
	    atomic_fetch_sub_explicit(&key->public_key->holders, 1, memory_order_acq_rel) == 1)
		free_key(key->public_key);
	key->public_key = NULL;
}

/* ---- signatures ---------------------------------------------------------------------- */

static enum dkim_verification verify_rsa(const struct dkim_public_key *key,
    const unsigned char digest[DKIM_HASH_LEN], struct slice signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->prepared);
	enum dkim_verification v = DKIM_NO_MEMORY;

	if (ctx)
		v = EVP_PKEY_verify(ctx, (const unsigned char *)signature.ptr, signature.len,
			digest, DKIM_HASH_LEN) == 1
			? DKIM_VERIFIED
			: DKIM_MISMATCH;
	EVP_PKEY_CTX_free(ctx);
	return v;
}

/* RFC 8463 3: PureEdDSA over the SHA-256 hash. */
static enum dkim_verification verify_ed25519(const struct dkim_public_key *key,
    const unsigned char digest[DKIM_HASH_LEN], struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum dkim_verification v = DKIM_NO_MEMORY;

	if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key->key) == 1)
		v = EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len,
			digest, DKIM_HASH_LEN) == 1
			? DKIM_VERIFIED
			: DKIM_MISMATCH;
	EVP_MD_CTX_free(ctx);
	return v;
}

enum dkim_verification dkim_libcrypto_verify(
    const struct dkim_key *key, const unsigned char digest[DKIM_HASH_LEN], struct slice signature)
{
	enum dkim_verification v;

	ERR_clear_error();
	errno = 0;
	v = key->algorithm == DKIM_ED25519_SHA256
		? verify_ed25519(key->public_key, digest, signature)
		: verify_rsa(key->public_key, digest, signature);
	if (v == DKIM_MISMATCH && is_out_of_memory())
		v = DKIM_NO_MEMORY;
	if (v != DKIM_VERIFIED)
		ERR_clear_error();
	return v;
}
