#ifndef CORE_NAME_ADDRESS_H
#define CORE_NAME_ADDRESS_H
/*
 * address: a mailbox of the SMTP envelope (RFC 5321 4.1.2, RFC 6531) as a value.
 *
 * The local part is compared without case: lower case in ASCII, and with other bytes NFC and
 * case-folded (`struct idna`), so that "MÜLLER" and a decomposed "müller" are one mailbox.  Bytes
 * that are not UTF-8 compare as they come.  Patterns do not see what is case-folded ("ß" would be
 * "ss"), they compare without case themselves: for them the spelling is only composed (NFC).
 * Text is what was sent, for records and replies; nothing is compared by it.
 * Source routes (RFC 5321 app. C) are dropped.  Address literals (user@[192.0.2.1]) have no name:
 * domain is empty, the other forms keep them.
 *
 *     address_parse(SLICE("<@relay.example:\"Bob\"@Example.ORG>"), idna, arena, &a);
 *     // a.local "bob", a.domain "example.org", a.folded "bob@example.org",
 *     // a.text "\"Bob\"@Example.ORG"
 */
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/name.h"

struct address {
	struct slice local;  /* as it is compared; empty for the null sender */
	struct slice sent;   /* the local part as it was sent, unquoted */
	struct slice domain; /* canonical name; empty: none (<postmaster>) or an address literal */
	/* The whole address; "<>" for the null sender. */
	struct slice text;     /* as it was sent */
	struct slice folded;   /* as it is compared: unquoted where it can be, local@domain */
	struct slice composed; /* as patterns look at it: ASCII in lower case, NFC */
	bool null;             /* the null reverse-path <> */
};

/*
 * Accepts with or without angle brackets.  Returns NULL, or the reason as a literal phrase; even
 * then *out is usable: text and the other whole forms hold what was given, composed in NFC; local
 * and domain are empty.
 *
 * The domain has to be a name or an address literal, which may stand in quotes.  The local part is
 * taken as it comes, also where RFC 5321 would have it quoted, doubled dots and 8-bit bytes
 * included: what an MTA was willing to take must not slip past a rule for its domain.  Slices of
 * *out point into text where that is canonical already, else into arena.
 */
const char *address_parse(
    struct slice text, const struct idna *idna, struct arena *arena, struct address *out);

#endif
