#include "name_radix_private.h"

#include <stdlib.h>

#define EACH_BYTE(byte) ((byte)*UINT64_C(0x0101010101010101))

/* In place of the number of a pair: no stored name was passed. */
#define NOTHING UINT32_MAX

/* A number of at most four bytes; reads four. */
static inline uint32_t number_at(const unsigned char *p, unsigned width)
{
	uint64_t four =
	    (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;

	return (uint32_t)(four & (((uint64_t)1 << 8 * width) - 1));
}

/* Index of a byte among the eight at p, 8 when it is not there. */
static inline unsigned find_byte(const unsigned char *p, unsigned char byte)
{
	const uint64_t low = EACH_BYTE(0x7f);
	uint64_t x = name_radix_load(p) ^ EACH_BYTE((uint64_t)byte);
	uint64_t zeros = ~(((x & low) + low) | x | low);

	return zeros ? (unsigned)__builtin_ctzll(zeros) / 8 : 8;
}

/* Whether the first `end` bytes of the name end in the text.  Most texts are short, and compared
 * without a loop; reads eight bytes that end with the text. */
static inline bool ends_in(
    struct slice name, size_t end, const unsigned char *text, unsigned length)
{
	uint64_t differ;

	if (length >= 8 || end < 8)
		return length <= end && memcmp(name.ptr + end - length, text, length) == 0;
	differ = name_radix_word(name, end) ^ name_radix_load(text + length - 8);
	return differ >> (56 - 8 * length) >> 8 == 0;
}

/* The link to the child whose byte this is, 0 when there is none; `p` is behind the text. */
static inline uint32_t link_to(
    const unsigned char *p, unsigned head, unsigned count, unsigned char byte)
{
	unsigned width = head & NAME_RADIX_LINKS, at;

	if (head & NAME_RADIX_TABLE) {
		at = (unsigned)byte - *p;
		return at < count ? number_at(p + 1 + at * width, width) : 0;
	}
	at = find_byte(p, byte);
	return at < count ? number_at(p + count + at * width, width) : 0;
}

/* Goes from the root to the child whose byte comes next in the name, read from right to left, as
 * long as the text agrees.  The lines behind a node with many children are asked for before it is
 * known which of them is needed: memory that is far away then answers for all at once. */
uint32_t name_radix_lookup(const struct name_radix *t, struct slice name)
{
	const unsigned char *node = t->root;
	size_t rest = name.len; /* what is still to be compared: the first bytes of the name */
	uint32_t above = NOTHING, link = 0;

	if (rest == 0 || !node)
		return t->none;
	do {
		unsigned head = node[0], length = node[1];
		unsigned width = (head & NAME_RADIX_VALUE) >> NAME_RADIX_VALUE_SHIFT;
		const unsigned char *p = node + 2 + width;
		unsigned count = 1u + *p; /* without children it is not used */

		if ((head & NAME_RADIX_LINKS) > 1) {
			__builtin_prefetch(node + NAME_RADIX_LINE);
			__builtin_prefetch(node + 2 * NAME_RADIX_LINE);
		}
		p += (head & NAME_RADIX_LINKS) != 0;
		if (!ends_in(name, rest, p, length))
			break;
		rest -= length;
		if (rest == 0 && width)
			return t->pairs.list[number_at(node + 2, width)].self;
		if (rest == 0)
			break;
		rest--;
		if (width && name.ptr[rest] == '.')
			above = number_at(node + 2, width);
		if (!(head & NAME_RADIX_LINKS))
			break;
		link = link_to(p + length, head, count, (unsigned char)name.ptr[rest]);
		node -= link;
	} while (link);
	return above == NOTHING ? t->none : t->pairs.list[above].below;
}

size_t name_radix_bytes(const struct name_radix *t)
{
	return sizeof *t + t->bytes + t->pairs.count * sizeof *t->pairs.list;
}

void name_radix_free(struct name_radix **tree)
{
	struct name_radix *t = *tree;

	if (!t)
		return;
	free(t->memory);
	name_radix_pairs_free(&t->pairs);
	free(t);
	*tree = NULL;
}
