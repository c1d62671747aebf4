#ifndef CORE_NAME_ADDRESS_H
#define CORE_NAME_ADDRESS_H
/*
 * address: a mailbox of the SMTP envelope (RFC 5321 4.1.2, RFC 6531) as a value.
 *
 * The local part is compared without case: lower case in ASCII, and with other bytes NFC and
 * case-folded (`struct idna`), so that "MÜLLER" and a decomposed "müller" are one mailbox.  Bytes
 * that are not UTF-8 compare as they come.  Text keeps the spelling that was sent, in lower case as
 * far as it is ASCII, unquoted where the quotes are not needed; the domain is a canonical name.
 * Source routes (RFC 5321 app. C) are dropped.  Address literals (user@[192.0.2.1]) have no name:
 * domain is empty, text keeps them.
 *
 *     address_parse(SLICE("<@relay.example:\"Bob\"@Example.ORG>"), idna, arena, &a);
 *     // a.local "bob", a.domain "example.org", a.text "bob@example.org"
 */
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/name.h"

struct address {
	struct slice local;  /* as it is compared; empty for the null sender */
	struct slice sent;   /* the local part as it was sent, unquoted, ASCII in lower case */
	struct slice domain; /* canonical name; empty: none (<postmaster>) or an address literal */
	struct slice text;   /* "local@domain" in canonical form; "<>" for the null sender */
	bool null;           /* the null reverse-path <> */
};

/*
 * Accepts with or without angle brackets.  Returns NULL, or the reason as a literal phrase; even
 * then *out is usable: text holds what was given, local and domain are empty.
 *
 * The domain has to be a name or an address literal, which may stand in quotes.  The local part is
 * taken as it comes, also where RFC 5321 would have it quoted, doubled dots and 8-bit bytes
 * included: what an MTA was willing to take must not slip past a rule for its domain.  Slices of
 * *out point into text where that is canonical already, else into arena.
 */
const char *address_parse(
    struct slice text, const struct idna *idna, struct arena *arena, struct address *out);

#endif
