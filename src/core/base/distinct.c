#include "core/base/distinct.h"

#include "core/base/fnv.h"

#include <math.h>

/* All bits must depend on all bytes: FNV and the last steps of MurmurHash3. */
static uint64_t hash_of(struct slice key)
{
	uint64_t h = fnv(FNV_START, key);

	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

void distinct_add(struct distinct *d, struct slice key)
{
	uint64_t h = hash_of(key);
	size_t at = h >> (64 - DISTINCT_BITS);
	unsigned char rank = 1;

	for (h <<= DISTINCT_BITS; rank <= 64 - DISTINCT_BITS && !(h >> 63); h <<= 1)
		rank++;
	if (rank > d->registers[at])
		d->registers[at] = rank;
}

void distinct_merge(struct distinct *d, const struct distinct *other)
{
	for (int i = 0; i < DISTINCT_REGISTERS; i++)
		if (other->registers[i] > d->registers[i])
			d->registers[i] = other->registers[i];
}

uint64_t distinct_estimate(const struct distinct *d)
{
	const double m = DISTINCT_REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
	double sum = 0, estimate;
	unsigned zeros = 0;

	for (int i = 0; i < DISTINCT_REGISTERS; i++) {
		sum += ldexp(1, -d->registers[i]);
		zeros += d->registers[i] == 0;
	}
	estimate = alpha * m * m / sum;
	if (estimate <= 2.5 * m && zeros > 0)
		estimate = m * log(m / zeros);
	return (uint64_t)(estimate + 0.5);
}
