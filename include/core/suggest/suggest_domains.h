#ifndef CORE_SUGGEST_SUGGEST_DOMAINS_H
#define CORE_SUGGEST_SUGGEST_DOMAINS_H
/*
 * suggest_domains: domains of recorded addresses as small numbers, and since when each is known.
 *
 *     uint32_t d = suggest_domains_add(domains, SLICE("a@mx.Example.ORG"));   // of example.org
 *     suggest_domains_name(domains, d)                                        // "example.org"
 *
 * Of an address, its organizational domain or the domain itself, by how the table was made.  The
 * organizational domain is what can be told without the DNS: two labels, and three below a
 * second-level domain such as co.uk.  Below other public suffixes several owners count as one, so
 * that evidence is rather too little than too much.
 *
 * Each spelling of a domain in the table is parsed once.  The table is bounded: what does not fit
 * has no number.  One thread at a time.
 */
#include "core/base/arena.h"
#include "core/name/name.h"

struct suggest_domains;

#define SUGGEST_NO_DOMAIN UINT32_MAX

/* seed: so that nobody can choose names that fall into one place.  NULL when out of memory. */
struct suggest_domains *suggest_domains_create(
    uint64_t seed, const struct idna *, bool organizational);
void suggest_domains_free(struct suggest_domains **);

/* The number of an address's domain, or of a name; SUGGEST_NO_DOMAIN when it is none, or the table
 * is full. */
uint32_t suggest_domains_add(struct suggest_domains *, struct slice address);

/* The same; SUGGEST_NO_DOMAIN, too, when it was never added: what strangers make up takes no room.
 */
uint32_t suggest_domains_find(struct suggest_domains *, struct slice address);

/* Canonical; stays as long as the table. */
struct slice suggest_domains_name(const struct suggest_domains *, uint32_t);

/* How many there are. */
uint32_t suggest_domains_count(const struct suggest_domains *);

/* Domains had no place: the figures are too low. */
bool suggest_domains_full(const struct suggest_domains *);

/* The organizational domain of a canonical name. */
struct slice suggest_organization(struct slice name);

#endif
