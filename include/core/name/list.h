#ifndef CORE_NAME_LIST_H
#define CORE_NAME_LIST_H
/*
 * list: text → entries, or the sentence that says what is wrong.
 *
 * One entry is what stands in a list file's line or in one string of the configuration: a
 * network, a name, an address or a pattern, with `!` in front to take it out again.  What kinds
 * are legal depends on the key (SPEC 3.1); the caller says which family of entries it wants.
 *
 *     "198.51.100.0/24"  "198.51.100.7"  "192.0.2.1-192.0.2.9"  "!198.51.100.25"     networks
 *     "example.com" ".example.com" "*.example.com" "/^mx[0-9]+\.example\.com$/"      names
 *     "user@example.com" "user+*@example.com" "user@" "@example.com" "<>"            addresses
 *
 * Files: one entry a line, `#` or `;` starts a comment, CRLF and a UTF-8 byte-order mark are
 * tolerated, a missing last newline too.  Inside /…/ the comment characters are literal, and a
 * slash is written \/ there; anywhere else a comment character ends the entry, with or without a
 * blank in front.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/name.h"
#include "core/net/ip.h"

enum list_kind {
	LIST_NETWORK,    /* first..last, one family; prefix set when it is one network */
	LIST_NAME,       /* example.com */
	LIST_TREE,       /* .example.com: it and everything below */
	LIST_BELOW,      /* *.example.com: only what is below */
	LIST_ADDRESS,    /* user@example.com */
	LIST_SUBADDRESS, /* user+*@example.com: local is "user" */
	LIST_LOCAL,      /* user@ at any domain */
	LIST_NULL,       /* <> */
	LIST_PATTERN,    /* /re/: text is what stands between the slashes */
};

/* What a key accepts. */
enum list_accept {
	LIST_ACCEPT_NETWORKS,
	LIST_ACCEPT_NAMES,     /* names and patterns */
	LIST_ACCEPT_ADDRESSES, /* names, addresses, <> and patterns */
};

struct list_entry {
	enum list_kind kind;
	bool out;              /* a leading '!' */
	bool is_range;         /* first..last is not one network: cut it with prefix_from_range() */
	struct prefix prefix;  /* LIST_NETWORK && !is_range */
	struct ip first, last; /* LIST_NETWORK && is_range */
	struct slice name;     /* canonical domain; empty for LOCAL, NULL and PATTERN */
	struct slice local;    /* ADDRESS, SUBADDRESS, LOCAL; lower case */
	struct slice text;     /* PATTERN: the expression */
};

enum { LIST_WHY_MAX = 240 };

/*
 * Parses one entry (already without comment and blanks).  NULL and *out, or the reason.  Slices
 * of *out point into text or into arena (only when a conversion was necessary).
 */
const char *list_parse_entry(struct slice text, enum list_accept accept, const struct idna *idna,
    struct arena *arena, struct list_entry *out, char why[LIST_WHY_MAX]);

/*
 * How an entry is spelt: LIST_NAME to LIST_NULL as in the list above, which for addresses is also
 * the key under which they stand in the table, so that what is entered, looked up and explained is
 * the same.  Of SUBADDRESS counts what is in front of the first '+' of local.  Empty when it would
 * be too long, which no entry is.
 */
enum { LIST_SPELLING_MAX = 1024 };
struct slice list_spell(
    enum list_kind kind, struct slice local, struct slice name, char spelling[LIST_SPELLING_MAX]);

/*
 * Walks the lines of a file: the next line that is not blank or comment, without its comment and
 * outer blanks; false at the end.  Start with *rest = the whole file and *line = 0; *line is then
 * the number of the line returned (from 1).
 */
bool list_next_line(struct slice *rest, unsigned *line, struct slice *entry);

#endif
