#ifndef CORE_BASE_ARRAY_H
#define CORE_BASE_ARRAY_H
/*
 * array: dynamic arrays, grown by doubling so that n appends cost O(n).
 *
 *     struct interval *at = array_grow(r->at, &r->capacity, r->count + 1, sizeof *at);
 *     if (!at)
 *             return false;                       // out of memory; r->at is as it was
 *     r->at = at;
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

#endif
