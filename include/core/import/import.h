#ifndef CORE_IMPORT_IMPORT_H
#define CORE_IMPORT_IMPORT_H
/*
 * import: lists that other software uses → entries of ours, or the reason why not.
 *
 *     import_text(IMPORT_ACCESS, text, &idn_uts46, arena, take, context);
 *     //  "example.com   REJECT go away"  → block, ".example.com", comment "go away"
 *     //  "192.0.2       OK"              → whitelist, "192.0.2.0/24"
 *     //  "b@example.org HOLD"            → left: "the action HOLD has no equivalent"
 *
 * Every entry that is given is one that core/name/list.h accepts, so what is written from it loads.
 * What means something else here than there is not taken over silently: it is left, or taken with
 * a note.  Pure; texts live in the arena or in the file's.
 */
#include "core/name/entry.h"

enum import_format {
	IMPORT_EXIM,     /* Exim host lists: in a configuration or a file */
	IMPORT_LSEARCH,  /* Exim lsearch files: KEY: VALUE */
	IMPORT_CIDR,     /* Postfix cidr: tables */
	IMPORT_ACCESS,   /* Postfix access(5) maps */
	IMPORT_RSPAMD,   /* rspamd maps of addresses, domains, globs and patterns */
	IMPORT_SENDMAIL, /* Sendmail's access */
	IMPORT_DROP,     /* Spamhaus DROP, text or JSON */
	IMPORT_CSV,      /* one column */
	IMPORT_PCRE,     /* Postfix pcre: and regexp: tables */
	IMPORT_RBLDNSD,  /* zone files of rbldnsd */
	IMPORT_NFT,      /* sets of nftables */
	IMPORT_IPSET,    /* ipset save */
	IMPORT_CROWDSEC, /* cscli decisions list -o json, or raw */
	IMPORT_FAIL2BAN, /* fail2ban-client banned */
	IMPORT_FORMATS
};

/* What the entry can stand for: the key of a rule, as far as the source tells. */
enum import_key {
	IMPORT_NETWORKS,
	IMPORT_NAMES,     /* domains, wherever they are wanted */
	IMPORT_ADDRESSES, /* mail addresses, of senders or recipients */
	IMPORT_CLIENT_NAMES,
	IMPORT_SENDERS,
	IMPORT_RECIPIENTS,
	IMPORT_KEYS
};

enum import_action {
	IMPORT_LISTED, /* the source says no more than that it is in the list */
	IMPORT_PERMIT,
	IMPORT_REFUSE,
	IMPORT_EXCEPT, /* neither: taken out of what is around it (DUNNO, SKIP, "!") */
	IMPORT_ACTIONS
};

struct import_item {
	unsigned line;
	struct slice source; /* the line or the item of it */
	const char *left;    /* why it is not taken over; NULL: it is, and the rest is set */
	const char *note;    /* taken, but not just as written; NULL: nothing to say */
	enum import_key key;
	enum import_action action;
	struct slice text;    /* as our lists spell it, without '!' */
	struct entry entry;   /* the same, parsed */
	struct slice comment; /* what the source says of it; may be empty */
};

/* By the word of the command: "exim", "lsearch", …; false when there is none. */
bool import_format_find(struct slice word, enum import_format *);

/* The words, and what each reads. */
const char *import_format_name(enum import_format);
const char *import_format_help(enum import_format);

/* "networks", "names", …: what a file of such entries is called. */
const char *import_key_name(enum import_key);

/* Calls `each` for every item of the text, in order.  idna may be NULL. */
void import_text(enum import_format, struct slice text, const struct idna *idna, struct arena *,
    void (*each)(void *context, const struct import_item *), void *context);

#endif
