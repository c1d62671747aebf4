#ifndef CORE_MAIL_FROMHEADER_H
#define CORE_MAIL_FROMHEADER_H
/*
 * fromheader: who a message says it is from, read so that no other reader can see someone else.
 *
 * The author domain is what DMARC protects (RFC 9989 5.3.1).  Mail programs, libraries and filters
 * read a crooked From field differently, and that difference is how DMARC is walked around.  So
 * this parser takes the From of RFC 5322 3.6.2 with the groups of RFC 6854 and the UTF-8 of
 * RFC 6532, and all else is crooked.  A crooked field is forgiven only when the crookedness lies in
 * the display name and everybody who finds a domain in it finds the same one:
 *
 * - it is the only From field, valid UTF-8, without control bytes but those of folding,
 * - it holds exactly one <local@domain>, without blank, comment or anything else between the
 *   brackets, or no bracket and one local@domain, set off by blanks, commas, ";" or ":"; outside
 *   quoted strings, comments and [ ]; local is a dot-atom, or quoted and without blank or "@",
 * - however it is read (as it stands or with encoded words decoded; quotes taken away; comments
 *   skipped or opened; wide "@", full stops and blanks as the narrow ones; blanks and comments
 *   skipped around "@" and dots, or between words as well; the address itself thrown away), no
 * other name with a dot stands behind an "@",
 * - and all can be read: no unknown charset, no broken base64, no "[" or line end where a name
 * ends, no quoted string without end that holds more than a name.
 *
 * Nothing is ever guessed from what stands behind an "@": an unforgiven field has no author.
 *
 *     struct slice fields[] = {SLICE(" \"Bob, Jr.\" <bob@Example.ORG>\r\n (of sales)")};
 *     struct fromheader from;
 *     fromheader_parse(fields, 1, idna, arena, &from);
 *     // FROM_ONE, from.domains[0] "example.org", from.author.folded "bob@example.org"
 *
 *     field                                    answer
 *     a@x.org                                  one: x.org
 *     "b@y.org" <a@x.org>, a@x.org (b@y.org)   one: x.org; names and comments hold no address
 *     =?utf-8?q?b=40y.org?= <a@x.org>          one: x.org; encoded words are never decoded
 *     J. Doe <a@x.org>                         one: x.org (obs-phrase, everywhere in use)
 *     a@x.org, c@X.ORG    ,a@x.org,            one: x.org; empty list members are skipped
 *     a@x.org, c@z.org                         many: x.org z.org
 *     Team: a@x.org, c@z.org;                  many: a group is the list of its members
 *     Team:;                                   none: a group without members names no author
 *     a@x.org <a@x.org>   J @ Work <a@x.org>   one, forgiven: x.org
 *     Doe, J <a@x.org>    [News] J <a@x.org>   one, forgiven: x.org
 *     News: J <a@x.org>   J a@x.org            one, forgiven: x.org
 *     =?utf-8?q?Doe, J?= <a@x.org>             one, forgiven: x.org
 *     two From fields, even of one domain      bad: mail programs choose differently
 *     b@y.org <a@x.org>   b@y.org a@x.org      bad: two addresses, no reader shows both
 *     =?utf-8?q?b=40y.org?=, J <a@x.org>       bad: the same, encoded in a crooked field
 *     <@y.org:a@x.org>                         bad: source route
 *     a@y.org@x.org   "b@y.org"@x.org          bad: two @ before or in one address
 *     a@ x.org   a(c)@x.org   a@x . org        bad: blank or comment inside an address
 *     =?utf-8?q?b?=@x.org                      bad: encoded word in an address
 *     a@[192.0.2.1]   a@x..org   a@x.org.      bad: no domain name
 *     <a@x.org   a@x.org>   "a@x.org   (a@x    bad: unbalanced around the address
 *     Doe   <>   ;                             bad: a list member without address
 *     NUL or control bytes, loose CR or LF     bad
 *
 * In a field that is not crooked otherwise local parts may hold any dots ("a..b@docomo.example" is
 * in use and names one domain only); they have no limit of length, as in RFC 5322.  A domain of one
 * label is a name.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/address.h"
#include "core/name/name.h"

enum {
	/* From fields of one message that are worth keeping: two already make it bad. */
	FROM_FIELDS_MAX = 8,
	/* Distinct domains kept: whoever evaluates each of them needs a bound (RFC 9989 11.5). */
	FROM_DOMAINS_MAX = 8,
	/* Addresses read, and "@" looked at in a crooked field: no author list is that long, and
	 * the work stays small. */
	FROM_ADDRESSES_MAX = 100,
};

enum from_kind {
	FROM_ONE,  /* exactly one author domain, perhaps of a forgiven field */
	FROM_NONE, /* no From field, or nothing but groups without members */
	FROM_MANY, /* well formed, several author domains; with `more`, too many to ask */
	FROM_BAD,  /* crooked and not forgiven: no author domain */
};

struct fromheader {
	enum from_kind kind;
	bool forgiven; /* FROM_ONE of a crooked field: judged like any other; `why` is set, too */
	/*
	 * What is wrong with the field as a sentence without a full stop ("the From field has a
	 * comment that does not end"), ASCII and without a byte of the sender's, for the reply, the
	 * record and the operator.  Empty for FROM_ONE that is not forgiven.
	 */
	struct slice why;
	/*
	 * Distinct canonical domains in the order of the fields.  For FROM_BAD these are not author
	 * domains: every name with a dot that a reader could see behind an "@" anywhere, so that a
	 * policy can still distrust all of them.
	 */
	struct slice domains[FROM_DOMAINS_MAX];
	size_t domain_count;
	bool more; /* there were more than FROM_DOMAINS_MAX */
	/*
	 * The first author address, for FROM_ONE and FROM_MANY; else empty.
	 */
	struct address author;
};

/*
 * Reads the From fields of one message: `fields` are the raw bodies (what follows the colon, as
 * received, folded lines with LF or CRLF), in the order of the message.  idna may be NULL: domains
 * that are not ASCII are then no names.  The result points into the arena and into the fields.
 * When memory runs out the kind is FROM_BAD and arena_failed() is true.
 */
void fromheader_parse(const struct slice *fields, size_t count, const struct idna *, struct arena *,
    struct fromheader *out);

/* "one", "none", "many" or "bad".  A static string. */
const char *from_kind_name(enum from_kind);

#endif
