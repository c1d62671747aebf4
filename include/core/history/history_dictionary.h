#ifndef CORE_HISTORY_HISTORY_DICTIONARY_H
#define CORE_HISTORY_HISTORY_DICTIONARY_H
/*
 * history_dictionary: the items of one segment while it is written: each text, client and verdict
 * once, with a number.
 *
 *     uint64_t n = history_dictionary_add(d, HISTORY_TEXT, SLICE("b@example.org"));   // 8, 9, …
 *     history_dictionary_pending(d, &first, &count)      // those that are not in the file yet
 *     history_dictionary_written(d);
 *
 * An item is encoded as its length * 4 + kind, seven bits a byte (LEB128), then its bytes.  The
 * hash has a secret key, since strangers choose the texts.  One thread at a time.
 */
#include "core/history/history_buffer.h"
#include "core/history/history_format.h"
#include "core/history/history_hash.h"

struct history_dictionary;

/* seed: so that nobody can choose texts whose hashes are the same.  NULL when out of memory. */
struct history_dictionary *history_dictionary_create(const struct history_seed *seed);
void history_dictionary_free(struct history_dictionary **);

/* The number of the item, at least HISTORY_ITEM_FIRST; 0 when out of memory. */
uint64_t history_dictionary_add(struct history_dictionary *, enum history_item, struct slice);

/* Those added since the last history_dictionary_written(), encoded; borrowed. */
struct slice history_dictionary_pending(
    const struct history_dictionary *, uint64_t *first, uint32_t *count);
void history_dictionary_written(struct history_dictionary *);

/* Numbers of seven bits a byte, lowest first: appended; cut off the front, false at the end. */
bool history_varint_append(struct history_buffer *, uint64_t);
bool history_varint_cut(struct slice *, uint64_t *out);

/* Cuts one encoded item off the front; false when there is none.  Searches walk over millions. */
static inline bool history_item_cut(struct slice *s, enum history_item *kind, struct slice *out)
{
	uint64_t head;

	/* Most are shorter than 32 bytes. */
	if (s->len > 0 && (unsigned char)s->ptr[0] < 0x80) {
		head = (unsigned char)s->ptr[0];
		*s = slice_of(s->ptr + 1, s->len - 1);
	} else if (!history_varint_cut(s, &head)) {
		return false;
	}
	if (head >> 2 > s->len || (head & 3) >= HISTORY_ITEM_KINDS)
		return false;
	*kind = (enum history_item)(head & 3);
	*out = slice_of(s->ptr, (size_t)(head >> 2));
	*s = slice_of(s->ptr + out->len, s->len - out->len);
	return true;
}

/* Appends an item as it is encoded. */
bool history_item_append(struct history_buffer *, enum history_item, struct slice);

#endif
