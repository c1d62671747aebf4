#include "edge/milter/tls_memory.h"

#include "core/base/fnv.h"

#include <stdatomic.h>

/* One susmilter serves the MTAs of a host or of a few. */
enum { MTAS_MAX = 64 };

/* Hashes of their names, each set once; 0 = free. */
static _Atomic uint64_t mtas[MTAS_MAX];

bool tls_memory_gives(struct slice mta, bool given)
{
	uint64_t hash = fnv(FNV_START, mta) | 1;

	for (int i = 0; i < MTAS_MAX; i++) {
		uint64_t found = atomic_load_explicit(&mtas[i], memory_order_relaxed);

		if (found == 0 && !given)
			return false;
		if (found == 0 && atomic_compare_exchange_strong(&mtas[i], &found, hash))
			return true;
		if (found == hash)
			return true;
	}
	return given;
}
