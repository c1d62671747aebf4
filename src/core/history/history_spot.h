#ifndef HISTORY_SPOT_H
#define HISTORY_SPOT_H
/*
 * history_spot: where an entry stands in a rule table, as bytes for a history_set: its member
 * (core/rules/rule.h) and its network or name.  An entry has one spot, a range those of the
 * networks that it is cut into, and duplicates of it have the same.
 */
#include "core/name/entry.h"
#include "core/rules/rule.h"

enum { HISTORY_SPOT_MAX = sizeof(uint32_t) + 1 + ENTRY_SPELLING_MAX };
struct history_spot {
	unsigned char bytes[HISTORY_SPOT_MAX];
	size_t len;
};

struct history_spot history_spot_of_network(uint32_t member, const struct prefix *);

/* An AS or a country: of its many networks the one that decided says nothing. */
struct history_spot history_spot_of_place(uint32_t member, uint32_t number);

/* A name, with ENTRY_NAME, or an address as entry_spell() has it. */
struct history_spot history_spot_of_text(uint32_t member, enum entry_kind, struct slice text);

/* Valid as long as the spot. */
struct slice history_spot_bytes(const struct history_spot *);

#endif
