#ifndef CORE_BASE_ARRAY_H
#define CORE_BASE_ARRAY_H
/*
 * array: dynamic arrays, grown by doubling so that n appends cost O(n).
 *
 *     if (!ARRAY_ROOM(r->at, r->capacity, r->count + 1))
 *             return false;                       // out of memory; r->at is as it was
 *     r->at[r->count++] = interval;
 *
 * The owner keeps pointer, count and capacity in fields of its own and frees with free().
 */
#include <stddef.h>

/*
 * The array with room for at least `need` elements of `size` bytes, moved when it has to grow;
 * *capacity is then the new room in elements.  Begin with NULL and 0.  NULL when out of memory, or
 * when so many bytes cannot be counted: array and *capacity are unchanged and still the caller's.
 */
void *array_grow(void *array, size_t *capacity, size_t need, size_t size);

/* The same, but for the array as it was instead of NULL. */
static inline void *array_grow_or_keep(void *array, size_t *capacity, size_t need, size_t size)
{
	void *grown = array_grow(array, capacity, need, size);

	return grown ? grown : array;
}

/* True when the array, a variable that is set, has room for `need` elements, at least one; false
 * when out of memory.  The arguments are evaluated twice. */
#define ARRAY_ROOM(array, capacity, need)                                                          \
	((array) = array_grow_or_keep((array), &(capacity), (need), sizeof *(array)),              \
	    (need) <= (capacity))

#endif
