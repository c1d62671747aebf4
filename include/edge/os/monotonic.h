#ifndef EDGE_OS_MONOTONIC_H
#define EDGE_OS_MONOTONIC_H
/* monotonic: the clock for deadlines; setting the time of day does not move it. */
#include <stdint.h>
#include <time.h>

#define MONOTONIC_MS     INT64_C(1000000)
#define MONOTONIC_SECOND INT64_C(1000000000)

/* Nanoseconds since some moment in the past. */
static inline int64_t monotonic_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * MONOTONIC_SECOND + t.tv_nsec;
}

static inline struct timespec monotonic_timespec(int64_t ns)
{
	return (struct timespec){(time_t)(ns / MONOTONIC_SECOND), (long)(ns % MONOTONIC_SECOND)};
}

#endif
