#ifndef CORE_NAME_ENTRY_H
#define CORE_NAME_ENTRY_H
/*
 * entry: text → entries of a list, or the sentence that says what is wrong.
 *
 * One entry is what stands in a list file's line or in one string of the configuration: a
 * network, a name, an address or a pattern, with `!` in front to take it out again.  What kinds
 * are legal depends on the key (SPEC 3.1); the caller says which family of entries it wants.
 *
 *     "198.51.100.0/24"  "198.51.100.7"  "192.0.2.1-192.0.2.9"  "!198.51.100.25"     networks
 *     "example.com" ".example.com" "*.example.com" "/^mx[0-9]+\.example\.com$/"      names
 *     "user@example.com" "user+*@example.com" "user@" "@example.com" "<>"            addresses
 *     "alice" "alice@example.com" "/^(info|web)-/"                                   logins
 *
 * Files: one entry a line, `#` or `;` starts a comment, CRLF and a UTF-8 byte-order mark are
 * tolerated, a missing last newline too.  Inside /…/ the comment characters are literal, and a
 * slash is written \/ there; anywhere else a comment character ends the entry, with or without a
 * blank in front.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/name.h"
#include "core/net/prefix.h"

enum entry_kind {
	ENTRY_NETWORK,    /* first..last, one family; prefix set when it is one network */
	ENTRY_NAME,       /* example.com */
	ENTRY_TREE,       /* .example.com: it and everything below */
	ENTRY_BELOW,      /* *.example.com: only what is below */
	ENTRY_ADDRESS,    /* user@example.com */
	ENTRY_SUBADDRESS, /* user+*@example.com: local is "user" */
	ENTRY_LOCAL,      /* user@ at any domain */
	ENTRY_NULL,       /* <> */
	ENTRY_PATTERN,    /* /re/: text is what stands between the slashes */
	ENTRY_LOGIN, /* a login name as a whole: local is what entry_fold_login() makes of it */
};

/* What a key accepts. */
enum entry_accept {
	ENTRY_ACCEPT_NETWORKS,
	ENTRY_ACCEPT_NAMES,     /* names and patterns */
	ENTRY_ACCEPT_ADDRESSES, /* names, addresses, <> and patterns */
	ENTRY_ACCEPT_LOGINS,    /* login names and patterns */
};

struct entry {
	enum entry_kind kind;
	bool out;              /* a leading '!' */
	bool is_range;         /* first..last is not one network: cut it with prefix_from_range() */
	struct prefix prefix;  /* ENTRY_NETWORK && !is_range */
	struct ip first, last; /* ENTRY_NETWORK && is_range */
	struct slice name;     /* canonical domain; empty for LOCAL, NULL and PATTERN */
	struct slice local;    /* ADDRESS, SUBADDRESS, LOCAL; lower case */
	struct slice text;     /* PATTERN: the expression, in NFC like what it looks at */
};

enum { ENTRY_WHY_MAX = 240 };

/*
 * Parses one entry (already without comment and blanks).  NULL and *out, or the reason.  Slices
 * of *out point into text or into arena (only when a conversion was necessary).
 */
const char *entry_parse(struct slice text, enum entry_accept accept, const struct idna *idna,
    struct arena *arena, struct entry *out, char why[ENTRY_WHY_MAX]);

/*
 * How an entry is spelt: all but networks and patterns as in the list above, which for addresses is
 * also the key under which they stand in the table, so that what is entered, looked up and
 * explained is the same.  Of SUBADDRESS counts what is in front of the first '+' of local.  Empty
 * when it would be too long, which no entry is.
 */
enum { ENTRY_SPELLING_MAX = 1024 };
struct slice entry_spell(
    enum entry_kind kind, struct slice local, struct slice name, char spelling[ENTRY_SPELLING_MAX]);

/*
 * A login name as it is compared: ASCII letters without case, since most servers do so (the
 * standard, RFC 4422, leaves it to them) and a rule that a capital letter gets around is none.
 * Empty when it is longer than ENTRY_SPELLING_MAX, which no entry is.
 */
struct slice entry_fold_login(struct slice login, char folded[ENTRY_SPELLING_MAX]);

/*
 * Walks the lines of a file: the next line that is not blank or comment, without its comment and
 * outer blanks; false at the end.  Start with *rest = the whole file and *line = 0; *line is then
 * the number of the line returned (from 1).
 */
bool entry_next_line(struct slice *rest, unsigned *line, struct slice *entry);

#endif
