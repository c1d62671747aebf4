#ifndef CORE_IMPORT_IMPORT_SET_H
#define CORE_IMPORT_IMPORT_SET_H
/*
 * import_set: imported entries, sorted into the list files that they make.
 *
 *     import_set_add(s, &item) × many → import_set_each(s, …)
 *
 * There is a list for each pair of purpose (listed, whitelist, block) and key (networks, names, …).
 * Duplicates are dropped and counted.  Where a table's own order or the longest network would have
 * decided otherwise than our rules do, the lists say it with '!':
 *
 *     10.0.0.0/8    OK          whitelist.networks:  10.0.0.0/8
 *     10.9.0.0/16   REJECT                           !10.9.0.0/16   since a whitelist comes first
 *     10.9.3.0/24   DUNNO       block.networks:      10.9.0.0/16, !10.9.3.0/24
 *
 *     bad.example   REJECT      block.names:         .bad.example, !.good.bad.example
 *     good.bad.example  OK      whitelist.names:     .good.bad.example, which needs proof there
 *
 * Items are kept as they are: their texts must stay.  One thread.
 */
#include "core/import/import.h"

enum import_purpose { PURPOSE_LISTED, PURPOSE_WHITELIST, PURPOSE_BLOCK, PURPOSES };

struct import_set;

/* first_match: in the source, the first entry that matches decides (Postfix cidr:, Exim), so that
 * what an earlier one covers is never reached. */
struct import_set *import_set_create(bool first_match);
void import_set_free(struct import_set **);

enum import_set_result {
	IMPORT_SET_NEW,
	IMPORT_SET_DUPLICATE,
	IMPORT_SET_CONTRADICTION, /* the same entry with another action came first */
	IMPORT_SET_NEVER_REACHED, /* an earlier, wider entry decides */
	IMPORT_SET_FAILED,        /* out of memory */
};
enum import_set_result import_set_add(struct import_set *, const struct import_item *);

/* Entries of one list. */
size_t import_set_count(const struct import_set *, enum import_purpose, enum import_key);

/* Networks of it that a rule takes only with wide = true (SPEC 3.1). */
size_t import_set_wide(const struct import_set *, enum import_purpose, enum import_key);

/* Every entry of one list in the order in which they came; `out`: to be written with '!'. */
void import_set_each(const struct import_set *, enum import_purpose, enum import_key,
    void (*each)(void *context, const struct import_item *, bool out), void *context);

/* "", "whitelist", "block". */
const char *import_purpose_name(enum import_purpose);

#endif
