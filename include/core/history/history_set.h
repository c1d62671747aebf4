#ifndef CORE_HISTORY_HISTORY_SET_H
#define CORE_HISTORY_HISTORY_SET_H
/*
 * history_set: a set of byte strings, as a hash table with a keyed hash, since strangers choose
 * what recorded mail says.
 *
 *     struct history_set *s = history_set_create(&seed);
 *     if (history_set_add(s, client, &is_new) && is_new) ...
 *     history_set_free(&s);
 *
 * One thread at a time.
 */
#include "core/history/history_hash.h"

struct history_set;

/* NULL when out of memory. */
struct history_set *history_set_create(const struct history_seed *);
void history_set_free(struct history_set **);

/* Copies the bytes.  False when out of memory, or beyond 4 GiB of them. */
bool history_set_add(struct history_set *, struct slice, bool *is_new);

bool history_set_has(const struct history_set *, struct slice);

size_t history_set_count(const struct history_set *);

#endif
