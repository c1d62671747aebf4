#ifndef CORE_IMPORT_PRIVATE_H
#define CORE_IMPORT_PRIVATE_H
/*
 * What the formats (import_formats.c, import_access.c, import_tables.c, import_blocklists.c) share:
 * a line comes in, import_give() and import_leave() say what becomes of it.
 */
#include "core/import/import.h"

/* Postfix nests as deep as it likes; people do not. */
enum { IMPORT_DEPTH_MAX = 8 };

/* What stands behind an "if" of a cidr: or pcre: table. */
struct import_condition {
	bool known; /* understood */
	bool negated;
	struct prefix network;
	struct slice expression;
};

struct importer {
	const struct idna *idna;
	struct arena *arena;
	void (*each)(void *context, const struct import_item *);
	void *context;
	unsigned line;
	struct slice source;
	const char *note; /* the line is taken, but not just as written */
	unsigned depth;   /* of if … endif */
	struct import_condition conditions[IMPORT_DEPTH_MAX]; /* those around this line */
	const char *object; /* the brace of an object of JSON that has not ended; NULL: none */
	bool opened; /* in a named list of a configuration of Exim, in the elements of a set of nft
		      */
	unsigned lists; /* such lists so far */
	char separator; /* of its items */
};

/* One entry, in our spelling or nearly: host bits are cleared with a note. */
void import_give(struct importer *, enum import_key, enum import_action, struct slice text,
    struct slice comment);

/* A network or, where it is none, a name or address: by its looks. */
void import_give_any(
    struct importer *, enum import_action, struct slice text, struct slice comment);

/* An expression without slashes around it that may match anywhere in its subject: ours match the
 * whole of it, so that what may stand in front and behind is added. */
void import_give_pattern(
    struct importer *, enum import_action, struct slice expression, struct slice comment);

/* What an action of Postfix or Sendmail means; false after it was said that it means nothing here.
 */
bool import_read_action(struct importer *, struct slice value, enum import_action *);

/* The text that went with it; the action itself is told by the list. */
struct slice import_action_text(struct slice value);

/* The string value of "key" in a flat JSON object; empty when it is not there. */
struct slice import_json_member(struct slice object, const char *quoted_key);

void import_leave(struct importer *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The network that an address, ADDRESS/LENGTH, or the beginning of an address ("192.0.2",
 * "2001:db8") stands for; false when it looks like none of these.
 */
bool import_network(struct importer *, struct slice key, struct slice *network);

/* One line without its line end; blank lines do not come here. */
void import_exim_line(struct importer *, struct slice);
void import_lsearch_line(struct importer *, struct slice);
void import_cidr_line(struct importer *, struct slice);
void import_access_line(struct importer *, struct slice);
void import_rspamd_line(struct importer *, struct slice);
void import_sendmail_line(struct importer *, struct slice);
void import_drop_line(struct importer *, struct slice);
void import_csv_line(struct importer *, struct slice);
void import_pcre_line(struct importer *, struct slice);
void import_rbldnsd_line(struct importer *, struct slice);
void import_nft_line(struct importer *, struct slice);
void import_ipset_line(struct importer *, struct slice);
void import_crowdsec_line(struct importer *, struct slice);
void import_fail2ban_line(struct importer *, struct slice);

#endif
