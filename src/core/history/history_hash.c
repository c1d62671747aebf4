#include "core/history/history_hash.h"

/* Both halves of the product: every bit of either factor reaches every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t history_hash(const struct history_seed *seed, uint64_t start, struct slice s)
{
	uint64_t hash = seed->words[0] ^ fold(start, seed->words[1]) ^ s.len;

	for (size_t at = 0; at < s.len; at += sizeof hash) {
		size_t left = s.len - at;
		uint64_t word = 0;

		memcpy(&word, s.ptr + at, left < sizeof word ? left : sizeof word);
		hash = fold(hash ^ word, seed->words[1]) ^ seed->words[0];
	}
	return fold(hash, seed->words[1]);
}
