#include "history_filter.h"

#include "history_address.h"

enum { BITS_A_KEY = 10, PROBES = 7 };

size_t history_filter_bytes(size_t keys)
{
	return (keys * BITS_A_KEY / 8 + 64) / 64 * 64;
}

static bool hash_of(const struct crc64 *crc, struct slice key, uint64_t *hash)
{
	char lower[HISTORY_FILTER_KEY_MAX];

	if (key.len > sizeof lower)
		return false;
	for (size_t i = 0; i < key.len; i++)
		lower[i] = slice_lower(key.ptr[i]);
	*hash = crc64(crc, lower, key.len);
	return true;
}

static size_t bit_of(uint64_t hash, unsigned i, size_t bytes)
{
	return (size_t)(((hash & UINT32_MAX) + i * (hash >> 32 | 1)) % (bytes * 8));
}

static void add_key(const struct crc64 *crc, unsigned char *bits, size_t bytes, struct slice key)
{
	uint64_t hash;

	if (!hash_of(crc, key, &hash))
		return;
	for (unsigned i = 0; i < PROBES; i++) {
		size_t bit = bit_of(hash, i, bytes);

		bits[bit / 8] |= (unsigned char)(1 << bit % 8);
	}
}

static void add_text(const struct crc64 *crc, unsigned char *bits, size_t bytes, struct slice text)
{
	size_t at = slice_find_last(text, '@');

	add_key(crc, bits, bytes, text);
	if (at < text.len)
		add_key(crc, bits, bytes, slice_skip(text, at));
}

void history_filter_add(
    const struct crc64 *crc, unsigned char *bits, size_t bytes, struct slice text)
{
	char room[HISTORY_ADDRESS_MAX];
	struct slice folded = history_address_folded(text, room);

	add_text(crc, bits, bytes, text);
	if (folded.ptr != text.ptr)
		add_text(crc, bits, bytes, folded);
}

bool history_filter_has(
    const struct crc64 *crc, const unsigned char *bits, size_t bytes, struct slice key)
{
	uint64_t hash;

	if (bytes == 0 || !hash_of(crc, key, &hash))
		return true;
	for (unsigned i = 0; i < PROBES; i++) {
		size_t bit = bit_of(hash, i, bytes);

		if (!(bits[bit / 8] >> bit % 8 & 1))
			return false;
	}
	return true;
}
