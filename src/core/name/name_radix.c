#include "name_radix_private.h"

#include <stdlib.h>

/* The line of the next suffix is asked for before the one at hand is looked at: memory that is far
 * away then answers both at once, and that is most of what a look-up in a large table costs. */
uint32_t name_radix_lookup(const struct name_radix *t, struct slice name)
{
	struct namehash h = namehash_start(name);
	struct namehash_sum sum, next = {0, 0};
	uint32_t found = t->none;

	if (name.len == 0)
		return t->none;
	namehash_label(&h, &t->key);
	sum = namehash_sum(&h, &t->key);
	for (;; sum = next) {
		bool last = h.done;
		const uint16_t *value;

		if (!last) {
			namehash_label(&h, &t->key);
			next = namehash_sum(&h, &t->key);
			__builtin_prefetch(nametable_home(&t->table, next));
		}
		value = nametable_find(&t->table, sum);
		if (value) {
			const struct name_radix_values *pair = name_radix_pair(t, value);

			if (last)
				return pair->self;
			found = pair->below;
			if (!(*value & NAME_RADIX_PARENT))
				break;
		} else if (last || !nametable_marked(&t->table, sum)) {
			break;
		}
	}
	return found;
}

size_t name_radix_bytes(const struct name_radix *t)
{
	return sizeof *t + t->table.count * sizeof *t->table.lines +
	       t->pairs.count * sizeof *t->pairs.list +
	       (t->high ? nametable_slots(&t->table) * sizeof *t->high : 0);
}

void name_radix_free(struct name_radix **trie)
{
	struct name_radix *t = *trie;

	if (!t)
		return;
	nametable_free(&t->table);
	name_radix_pairs_free(&t->pairs);
	free(t->high);
	free(t);
	*trie = NULL;
}
