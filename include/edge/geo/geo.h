#ifndef EDGE_GEO_GEO_H
#define EDGE_GEO_GEO_H
/*
 * geo: one MMDB by libmaxminddb: the networks of an AS or a country for the table, and the AS and
 * country of one address for the log.  The only module that knows the library.
 *
 *     struct geo_db *db = geo_open(bytes, why);        // of the whole file
 *     geo_each_network(db, each, context, why);       // once, when the table is built
 *     geo_lookup(db, &client, &place);                // for each line of the log, in any thread
 *     geo_free(&db);
 *
 * Three layouts are understood, whatever the type that the database gives itself:
 *
 *     MaxMind      country.iso_code            autonomous_system_number
 *     flat         country_code                autonomous_system_number
 *     IPinfo       country_code (or country)   asn: "AS174"
 *
 * A file that is cut short, damaged or no MMDB is an error with a sentence, never a crash.  The
 * file is copied when it is opened: libmaxminddb maps what it reads, and a download that
 * overwrites a mapped file in place would end the process with SIGBUS.
 */
#include "core/net/prefix.h"

struct geo_db;

enum { GEO_WHY_MAX = 240 };

/* What is known of an address or network; 0 and "" mean not known. */
struct geo_place {
	uint32_t asn;
	char country[3]; /* two capitals and a NUL */
};

/* From the bytes of a file, which are copied.  NULL: the sentence is in why. */
struct geo_db *geo_open(struct slice bytes, char why[GEO_WHY_MAX]);

/* The same bytes, as long as it stays open. */
struct slice geo_bytes(const struct geo_db *);
void geo_free(struct geo_db **);

/* When the database was made, in seconds since the epoch. */
uint64_t geo_built(const struct geo_db *);

/* What it calls itself: "GeoLite2-ASN". */
const char *geo_type(const struct geo_db *);

/*
 * Calls `each` for every network of which something is known, until that returns false.  IPv4
 * networks come once, as IPv4, also where 2002::/16, ::ffff:0:0/96 and others mirror them.  False
 * when the database turns out to be damaged: the sentence is in why.
 */
bool geo_each_network(const struct geo_db *,
    bool (*each)(void *context, const struct prefix *, const struct geo_place *), void *context,
    char why[GEO_WHY_MAX]);

/*
 * Adds to *place what the database knows of an address; what is known already stays.  Thus one
 * place is asked of two databases, either of which may be NULL.  Safe in any thread.
 */
void geo_lookup(const struct geo_db *, const struct ip *, struct geo_place *place);

#endif
