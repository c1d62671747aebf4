#ifndef GEO_PRIVATE_H
#define GEO_PRIVATE_H
/*
 * What geo.c, which opens databases and reads records, shares with geo_walk.c, which goes through
 * the whole search tree.
 */
#include "edge/geo/geo.h"

#include <maxminddb.h>

struct geo_db {
	MMDB_s mmdb;
};

/* Adds what the record says to *place.  False when it cannot be read. */
bool geo_read(const MMDB_entry_s *record, struct geo_place *place);

#endif
