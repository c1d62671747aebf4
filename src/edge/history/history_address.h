#ifndef HISTORY_ADDRESS_H
#define HISTORY_ADDRESS_H
/*
 * history_address: addresses of rows as they are compared.
 *
 * Rows keep an address as it was sent, and one mailbox may be written in many ways:
 * "\"Bob\"@A.ORG", a domain as U-labels.  Whatever compares or hashes an address of a row takes it
 * as core/name folds it (address.h), so that a search finds every spelling and `history forget`
 * erases them all.
 */
#include "core/base/slice.h"
#include "core/change/decision_row.h"
#include "core/name/name.h"

/* Room of an address that grew. */
enum { HISTORY_ADDRESS_MAX = DECISION_TEXT_MAX * IDNA_GROWTH + 1 };

/* The text itself where only case could differ, and where it is no address; else in room[]. */
struct slice history_address_folded(struct slice text, char room[HISTORY_ADDRESS_MAX]);

#endif
