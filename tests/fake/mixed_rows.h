#ifndef FAKE_MIXED_ROWS_H
#define FAKE_MIXED_ROWS_H
/*
 * mixed_rows: recorded decisions by chance, of few clients, names and addresses, so that rules of
 * mixed_rules.h meet them: sessions with several transactions and recipients, side by side, refused
 * and accepted in one message, cut off, folded, with every state of every fact.
 *
 *     struct mixed_rows *m = mixed_rows_create(7, 2000);
 *     for (size_t i = 0; i < m->count; i++) ... m->row[i] ...      // in the order of their times
 */
#include "core/change/decision_row.h"

struct mixed_rows {
	struct decision_row *row;
	size_t count;
	struct arena *arena;
};

struct mixed_rows *mixed_rows_create(uint64_t seed, size_t rows);

/* Local parts become hashes, or nothing, as history.local_parts has it. */
void mixed_rows_hide(struct mixed_rows *, bool hashed);
void mixed_rows_free(struct mixed_rows **);

/* Names and addresses as they come and as rules name them, each list ended by NULL. */
extern const char *const mixed_clients[], *const mixed_networks[],
					      *const mixed_names[], *const mixed_domains[],
									*const mixed_addresses[],
									    *const mixed_patterns[];

/* A generator of random numbers. */
uint64_t mixed_draw(uint64_t *state);

#endif
