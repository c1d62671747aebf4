#include "edge/history/history_seed.h"

#include <sys/random.h>

bool history_seed_draw(struct history_seed *seed)
{
	bool ok = getrandom(seed->words, sizeof seed->words, 0) == (ssize_t)sizeof seed->words;

	seed->words[1] |= 1;
	return ok;
}
