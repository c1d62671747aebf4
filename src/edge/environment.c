#include "edge/environment.h"

#include "edge/idn.h"

#include <sys/random.h>
#include <time.h>

static int64_t microseconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t now_us(void *self)
{
	(void)self;
	return microseconds(CLOCK_REALTIME);
}

static int64_t monotonic_us(void *self)
{
	(void)self;
	return microseconds(CLOCK_MONOTONIC);
}

/* Base 32 (RFC 4648 alphabet, lower case): five bits a character. */
static void token(void *self, char *out)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char random[TOKEN_CHARS];

	(void)self;
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		memset(random, 0, sizeof random); /* only before the kernel has any entropy */
	for (int i = 0; i < TOKEN_CHARS; i++)
		out[i] = alphabet[random[i] & 31];
}

static void record(void *self, const struct record *r)
{
	struct worker *w = self;

	counters_count(w->counters, r);
	recorder_record(w->recorder, r);
}

void environment_fill(struct worker *w)
{
	w->env = (struct env){
	    .self = w,
	    .now_us = now_us,
	    .monotonic_us = monotonic_us,
	    .token = token,
	    .record = record,
	    .idna = &idn_uts46,
	};
}
