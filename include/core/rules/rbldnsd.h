#ifndef CORE_RULES_RBLDNSD_H
#define CORE_RULES_RBLDNSD_H
/*
 * rbldnsd: zone files of rbldnsd(8), as entries of a list.
 *
 *     # a comment            :127.0.0.2:default answer     $TTL 2048
 *     198.51.100             a prefix of whole octets: 198.51.100.0/24     (ip4set)
 *     198.51.100.1-9         a range: of the last octets, or of two addresses
 *     !198.51.100.7          taken out again
 *     203.0.113.0/28 :127.0.0.4:text
 *     .example.com           a name and all below; *.example.com only below (dnset)
 *
 * Of `$` lines, $SOA, $NS, $TTL, $TIMESTAMP, $MAXRANGE4 and variables ($0 to $9, $=) are for
 * the server and skipped; $DATASET begins another kind of list in the same file, which is an error.
 * An entry has the answer that stands behind it, or the last default before it, or 127.0.0.2.
 *
 * Where entries overlap, the most specific decides, and of equal ones the one with `!`.
 * Pure: a text in, one entry after the other out.
 */
#include "core/base/arena.h"
#include "core/name/name.h"
#include "core/net/prefix.h"

enum rbldnsd_type { RBLDNSD_IP4SET, RBLDNSD_IP4TRIE, RBLDNSD_IP6TRIE, RBLDNSD_DNSET };

struct rbldnsd_reader {
	enum rbldnsd_type type;
	struct slice rest;
	unsigned line;
	struct ip fallback; /* the answer of an entry without one */
	const struct idna *idna;
	struct arena *arena; /* names that had to be converted */
};

enum rbldnsd_form { RBLDNSD_NAME, RBLDNSD_TREE, RBLDNSD_BELOW };

struct rbldnsd_entry {
	unsigned line;
	bool out;
	struct ip answer;
	struct ip first, last; /* of addresses: a range */
	enum rbldnsd_form form;
	struct slice name; /* of names: canonical */
	const char *wrong; /* NULL, or why the line is no entry; a static sentence */
};

/* The reader borrows the text. */
struct rbldnsd_reader rbldnsd_open(
    struct slice text, enum rbldnsd_type, const struct idna *, struct arena *);

/* The next entry, or the next line that is none (wrong); false behind the last. */
bool rbldnsd_next(struct rbldnsd_reader *, struct rbldnsd_entry *);

#endif
