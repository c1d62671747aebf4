#ifndef CORE_RULES_FEED_EXCEPTIONS_H
#define CORE_RULES_FEED_EXCEPTIONS_H
/*
 * feed_exceptions: what a configuration takes out of one key with "!", so that a feed of that key
 * cannot bring it back.
 *
 *     networks = [ "feed:bad.cidr", "!198.51.100.0/24" ];
 *
 * The longest prefix decides, so that the line 198.51.100.7 of the feed would win against that "!".
 * It is left out, as is every entry of the feed that lies within an entry that the configuration
 * takes out, unless a more specific entry of the configuration itself says in.  An entry of the
 * feed that is wider than the "!" needs nothing: the "!" is more specific.  Patterns take no part,
 * since names are more specific than they are.
 *
 * A hash table of the configuration's own entries of the key, asked for each network or name around
 * an entry of the feed from the most specific on: at most 33, 129 or twice the number of labels.
 */
#include "core/name/entry.h"

struct feed_exceptions;

/* NULL when out of memory. */
struct feed_exceptions *feed_exceptions_create(void);
void feed_exceptions_free(struct feed_exceptions **);

/* An entry of the configuration, in or out; it is copied.  False when out of memory. */
bool feed_exceptions_add(struct feed_exceptions *, const struct entry *);
bool feed_exceptions_add_number(struct feed_exceptions *, uint32_t number, bool out);

/* True when all that the entry of a feed matches is taken out. */
bool feed_exceptions_network(const struct feed_exceptions *, const struct prefix *);
bool feed_exceptions_name(const struct feed_exceptions *, const struct entry *);
bool feed_exceptions_number(const struct feed_exceptions *, uint32_t number);

#endif
