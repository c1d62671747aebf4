#ifndef EDGE_STATS_CLIENTS_H
#define EDGE_STATS_CLIENTS_H
/*
 * clients: who comes most, while somebody looks.
 *
 *     struct clients_look *look = clients_begin(clients);   // `susmilterctl top`
 *     ... a second ...
 *     n = clients_end(clients, &look, seen, 30, &told);
 *
 * Nothing is counted while nobody looks, and every decision while somebody does: unlike the
 * decision log, of which a flood is suppressed.  A look tells apart CLIENTS_MAX pairs of client and
 * action; those that come later than so many others are only counted together.
 *
 * All functions are safe in any thread.
 */
#include "core/session/env.h"

struct clients;
struct clients_look;

/* A second of the largest host; 0.9 MB while somebody looks. */
enum { CLIENTS_MAX = 4096 };

/* Who may look at the same time: each costs a look-up for each decision. */
enum { CLIENTS_LOOKS_MAX = 8 };

enum { CLIENTS_RULE_MAX = 64 };

struct client_seen {
	struct ip client;
	enum action action;
	bool monitored;
	char rule[CLIENTS_RULE_MAX]; /* that decided first; the family's name without a rule */
	uint64_t count;
};

/* NULL when out of memory. */
struct clients *clients_create(void);
void clients_free(struct clients **);

void clients_count(struct clients *, const struct record *);

/* NULL when out of memory, or when too many look. */
struct clients_look *clients_begin(struct clients *);

struct clients_told {
	size_t pairs;    /* of client and action */
	uint64_t beyond; /* decisions on others, when there are CLIENTS_MAX */
};

/* Ends the look and gives the `max` pairs that came most, busiest first; how many those are. */
size_t clients_end(struct clients *, struct clients_look **, struct client_seen *out, size_t max,
    struct clients_told *);

#endif
