#include "core/base/hyperloglog.h"

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

void hyperloglog_add(struct hyperloglog *d, struct slice key)
{
	uint64_t h = hash_of(key);
	size_t at = h >> (64 - HYPERLOGLOG_BITS);
	unsigned char rank = 1;

	for (h <<= HYPERLOGLOG_BITS; rank <= 64 - HYPERLOGLOG_BITS && !(h >> 63); h <<= 1)
		rank++;
	if (rank > d->registers[at])
		d->registers[at] = rank;
}

void hyperloglog_merge(struct hyperloglog *d, const struct hyperloglog *other)
{
	for (int i = 0; i < HYPERLOGLOG_REGISTERS; i++)
		if (other->registers[i] > d->registers[i])
			d->registers[i] = other->registers[i];
}

uint64_t hyperloglog_estimate(const struct hyperloglog *d)
{
	const double m = HYPERLOGLOG_REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
	double sum = 0, estimate;
	unsigned zeros = 0;

	for (int i = 0; i < HYPERLOGLOG_REGISTERS; i++) {
		sum += ldexp(1, -d->registers[i]);
		zeros += d->registers[i] == 0;
	}
	estimate = alpha * m * m / sum;
	if (estimate <= 2.5 * m && zeros > 0)
		estimate = m * log(m / zeros);
	return (uint64_t)(estimate + 0.5);
}
