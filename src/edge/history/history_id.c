#include "history_id.h"

#include "edge/history/history_find.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file: a word, the node, a key for ids and one for local parts. */
enum {
	FILE_BYTES = 64,
	AT_NODE = 8,
	AT_CIPHER = 16,
	AT_HMAC = 32,
	CIPHER_BYTES = 16,
	HMAC_BYTES = 32
};
static const unsigned char file_magic[8] = {'S', 'U', 'S', 'K', 'E', 'Y', '1', '\n'};
#define KEY_FILE "key"

enum { ROUNDS = 10 };
#define HALF_MASK ((UINT64_C(1) << 40) - 1)

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

struct history_key {
	uint16_t node;
	unsigned char hmac[HMAC_BYTES];
	EVP_CIPHER_CTX *cipher;
};

/* ---- the file ------------------------------------------------------------------------ */

/* A new key, complete before it has its name; whoever was first wins. */
static bool key_make(int directory)
{
	unsigned char bytes[FILE_BYTES];
	char name[64];
	bool ok;
	int fd;

	snprintf(name, sizeof name, KEY_FILE ".%ld", (long)getpid());
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return false;
	memcpy(bytes, file_magic, sizeof file_magic);
	unlinkat(directory, name, 0);
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	ok = write(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes && fsync(fd) == 0;
	close(fd);
	ok = ok && (linkat(directory, name, directory, KEY_FILE, 0) == 0 || errno == EEXIST);
	unlinkat(directory, name, 0);
	return ok;
}

/* FILE_BYTES of the key; otherwise errno says why, 0: it is no key. */
static bool key_read(int directory, unsigned char bytes[FILE_BYTES])
{
	int fd = openat(directory, KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return false;
	errno = 0;
	n = read(fd, bytes, FILE_BYTES);
	close(fd);
	return n == FILE_BYTES && memcmp(bytes, file_magic, sizeof file_magic) == 0;
}

static struct history_key *key_of(const unsigned char bytes[FILE_BYTES])
{
	struct history_key *key = calloc(1, sizeof *key);

	if (!key)
		return NULL;
	key->node = (uint16_t)(history_get(bytes + AT_NODE, 2) & 0x7fff);
	memcpy(key->hmac, bytes + AT_HMAC, sizeof key->hmac);
	key->cipher = EVP_CIPHER_CTX_new();
	if (key->cipher &&
	    EVP_EncryptInit_ex(key->cipher, EVP_aes_128_ecb(), NULL, bytes + AT_CIPHER, NULL) == 1)
		return key;
	history_key_free(&key);
	return NULL;
}

struct history_key *history_key_open(int directory, bool make, char why[HISTORY_KEY_WHY_MAX])
{
	unsigned char bytes[FILE_BYTES];
	struct history_key *key;
	bool found = key_read(directory, bytes);
	int error = errno;

	if (!found && make && error == ENOENT) {
		found = key_make(directory) && key_read(directory, bytes);
		error = errno;
	}
	if (!found) {
		snprintf(why, HISTORY_KEY_WHY_MAX, "the file \"" KEY_FILE "\" in it %s",
		    error ? strerror(error) : "is not a key of susmilter's history");
		errno = error;
		return NULL;
	}
	key = key_of(bytes);
	if (!key)
		snprintf(why, HISTORY_KEY_WHY_MAX, "out of memory");
	return key;
}

void history_key_free(struct history_key **key)
{
	if (!*key)
		return;
	EVP_CIPHER_CTX_free((*key)->cipher);
	free(*key);
	*key = NULL;
}

uint16_t history_key_node(const struct history_key *key)
{
	return key->node;
}

/* ---- the cipher ---------------------------------------------------------------------- */

/* 40 bits that hang on the key, the round and the other half. */
static uint64_t round_value(struct history_key *key, unsigned round, uint64_t half)
{
	unsigned char in[CIPHER_BYTES] = {0}, out[CIPHER_BYTES] = {0};
	int n;

	history_put(in, half, 5);
	in[CIPHER_BYTES - 1] = (unsigned char)round;
	EVP_EncryptUpdate(key->cipher, out, &n, in, sizeof in);
	return history_get(out, 5);
}

static void encrypt(struct history_key *key, uint64_t half[2])
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t mixed = half[0] ^ round_value(key, round, half[1]);

		half[0] = half[1];
		half[1] = mixed;
	}
}

static void decrypt(struct history_key *key, uint64_t half[2])
{
	for (unsigned round = ROUNDS; round-- > 0;) {
		uint64_t mixed = half[1] ^ round_value(key, round, half[0]);

		half[1] = half[0];
		half[0] = mixed;
	}
}

/* ---- places -------------------------------------------------------------------------- */

void history_id_make(
    struct history_key *key, const struct history_place *place, char out[TOKEN_CHARS])
{
	uint64_t half[2] = {
	    (uint64_t)place->half << 39 | (uint64_t)(place->node & 0x7fff) << 24 | place->run >> 6,
	    (uint64_t)(place->run & 0x3f) << 34 | (place->number & HISTORY_NUMBER_MAX),
	};

	encrypt(key, half);
	for (int i = 0; i < TOKEN_CHARS / 2; i++) {
		out[i] = alphabet[half[0] >> (35 - 5 * i) & 31];
		out[TOKEN_CHARS / 2 + i] = alphabet[half[1] >> (35 - 5 * i) & 31];
	}
}

bool history_id_read(struct history_key *key, struct slice text, struct history_place *place)
{
	uint64_t half[2] = {0, 0};

	if (text.len != TOKEN_CHARS)
		return false;
	for (int i = 0; i < TOKEN_CHARS; i++) {
		char c = slice_lower(text.ptr[i]);
		const char *at = c ? strchr(alphabet, c) : NULL;

		if (!at)
			return false;
		half[i / (TOKEN_CHARS / 2)] =
		    half[i / (TOKEN_CHARS / 2)] << 5 | (uint64_t)(at - alphabet);
	}
	decrypt(key, half);
	*place = (struct history_place){
	    .half = (enum history_half)(half[0] >> 39),
	    .node = (uint16_t)(half[0] >> 24 & 0x7fff),
	    .run = (uint32_t)((half[0] & 0xffffff) << 6 | half[1] >> 34),
	    .number = half[1] & HISTORY_NUMBER_MAX,
	};
	return true;
}

struct slice history_id_of_url(struct slice text)
{
	text = slice_trim(text);
	while (text.len > 0 && strchr("./>)]\"'", text.ptr[text.len - 1]))
		text.len--;
	return slice_after_last(slice_after_last(text, '/'), '=');
}

void history_hash_local(
    const struct history_key *key, struct slice local, char out[HISTORY_HASHED_CHARS])
{
	unsigned char lower[1024], digest[EVP_MAX_MD_SIZE];
	size_t n = local.len < sizeof lower ? local.len : sizeof lower;
	uint64_t bits;

	for (size_t i = 0; i < n; i++)
		lower[i] = (unsigned char)slice_lower(local.ptr[i]);
	memset(digest, 0, sizeof digest);
	HMAC(EVP_sha256(), key->hmac, sizeof key->hmac, lower, n, digest, NULL);
	bits = history_get(digest, 8);
	out[0] = '~';
	for (int i = 1; i < HISTORY_HASHED_CHARS; i++, bits >>= 5)
		out[i] = alphabet[bits & 31];
}
