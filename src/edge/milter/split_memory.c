#include "edge/milter/split_memory.h"

#include <pthread.h>
#include <stdlib.h>

/* 64 K deliveries that disagree within a day are more than the largest hosts see: 1 MB. */
enum { SETS = 16384, WAYS = 4, REMEMBERED_SECONDS = 86400 };

struct slot {
	uint64_t key;
	int64_t until; /* 0 = free */
};

struct split_memory {
	pthread_mutex_t lock; /* guards the slots; nothing else is taken inside */
	struct slot sets[SETS][WAYS];
};

struct split_memory *split_memory_create(void)
{
	struct split_memory *s = calloc(1, sizeof *s);

	if (s)
		pthread_mutex_init(&s->lock, NULL);
	return s;
}

void split_memory_free(struct split_memory **s)
{
	if (!*s)
		return;
	pthread_mutex_destroy(&(*s)->lock);
	free(*s);
	*s = NULL;
}

static struct slot *set_of(struct split_memory *s, uint64_t key)
{
	return s->sets[(key ^ key >> 32) % SETS];
}

void split_memory_note(struct split_memory *s, uint64_t key, int64_t now)
{
	struct slot *set = set_of(s, key), *chosen = set;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < WAYS; i++) {
		if (set[i].key == key && set[i].until != 0) {
			chosen = &set[i];
			break;
		}
		if (set[i].until < chosen->until)
			chosen = &set[i];
	}
	*chosen = (struct slot){key, now + REMEMBERED_SECONDS};
	pthread_mutex_unlock(&s->lock);
}

bool split_memory_known(struct split_memory *s, uint64_t key, int64_t now)
{
	const struct slot *set = set_of(s, key);
	bool known = false;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < WAYS; i++)
		known |= set[i].key == key && set[i].until > now;
	pthread_mutex_unlock(&s->lock);
	return known;
}
