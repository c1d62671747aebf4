/*
 * Keys as strangers publish them, through libcrypto's DER: the input is what p= decodes to, in the
 * record of an RSA key and in that of an ed25519 key.
 */
#include "core/base/arena.h"
#include "edge/auth/dkim_libcrypto.h"

#include <openssl/evp.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct dkim_libcrypto *lib, struct slice record, struct arena *arena)
{
	static const unsigned char digest[DKIM_HASH_LEN];
	struct dkim_field field = {.result = DKIM_NONE};
	struct dkim_key key;
	struct slice reason;
	enum dkim_result result;

	insist(dkim_libcrypto_key_read(lib, record, &key));
	insist((key.flaw == DKIM_KEY_FLAWLESS) == (key.public_key != NULL));
	field.algorithm = key.algorithm;
	result = dkim_key_judge(&key, &field, arena, &reason);
	insist((result == DKIM_NONE) == (key.flaw == DKIM_KEY_FLAWLESS));
	insist((result == DKIM_NONE) == (reason.len == 0));
	if (result == DKIM_NONE) {
		insist(key.bits >= 256 && key.bits <= DKIM_BITS_MAX);
		insist(dkim_libcrypto_verify(&key, digest, record) == DKIM_MISMATCH);
	}
	dkim_libcrypto_key_drop(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dkim_libcrypto *lib;
	struct arena *arena = arena_create(1 << 20);
	char *text = arena_alloc(arena, size * 2 + 16);

	if (!lib)
		lib = dkim_libcrypto_create();
	if (text && size <= DKIM_KEY_RECORD_MAX) {
		EVP_EncodeBlock((unsigned char *)text, data, (int)size);
		check(lib, arena_printf(arena, "p=%s", text), arena);
		check(lib, arena_printf(arena, "k=ed25519; p=%s", text), arena);
	}
	arena_free(&arena);
	return 0;
}
