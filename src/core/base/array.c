#include "core/base/array.h"

#include <stdint.h>
#include <stdlib.h>

/* A handful of cache lines for what arrays mostly hold. */
enum { CAPACITY_FIRST = 64 };

void *array_grow(void *array, size_t *capacity, size_t need, size_t size)
{
	size_t wanted = *capacity ? *capacity : CAPACITY_FIRST;
	void *grown;

	if (array && need <= *capacity)
		return array;
	if (need > SIZE_MAX / 2 / size)
		return NULL;
	while (wanted < need)
		wanted *= 2;
	grown = realloc(array, wanted * size);
	if (grown)
		*capacity = wanted;
	return grown;
}
