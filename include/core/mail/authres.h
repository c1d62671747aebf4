#ifndef CORE_MAIL_AUTHRES_H
#define CORE_MAIL_AUTHRES_H
/*
 * authres: Authentication-Results (RFC 8601): whose is this one, and how ours is written.
 *
 * Programs behind us believe the field that bears our authserv-id.  So an incoming one that any of
 * them could read as ours is removed before ours is inserted (RFC 8601 5), and in ours no text of a
 * sender stands where it could be taken for a result.
 *
 *     authres_owner(SLICE(" mx.(x)\r\n Example.ORG 1; dmarc=pass"), SLICE("mx.example.org"), idna,
 *         arena);                                                    // AUTHRES_OURS: remove it
 *
 *     struct authres_spf spf = {SLICE("pass"), .mailfrom = SLICE("bob@example.net")};
 *     struct authres_dmarc dmarc = {SLICE("fail"), SLICE("example.org"), SLICE("reject"),
 *         .comment = SLICE("p=reject dis=none override=whitelist:alumni")};
 *     struct authres a = {.id = SLICE("mx.example.org"), .spf = &spf, .dmarc = &dmarc,
 *         .dmarc_count = 1};
 *     authres_write(&a, arena);
 *
 *     mx.example.org;
 *             spf=pass smtp.mailfrom=bob@example.net;
 *             dmarc=fail (p=reject dis=none override=whitelist:alumni)
 *             header.from=example.org policy.dmarc=reject
 */
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/name.h"

/* ---- reading ------------------------------------------------------------------------- */

enum authres_owner {
	AUTHRES_FOREIGN,    /* bears another id: leave it */
	AUTHRES_OURS,       /* some reader can see our id in it: remove it */
	AUTHRES_UNREADABLE, /* no id, or broken around it: remove it, a lax reader may see ours */
};

/*
 * Whose field is this?  `body` is what follows "Authentication-Results:", as received; `id` our
 * authserv-id, not empty.  Only the part in front of the first ";" counts.  Its words are put
 * together one by one, without the blanks, line ends, comments, control bytes, quotes, backslashes
 * and specials between them, and when that gives our id at any point, also inside quotes, the field
 * is ours: so a version or junk behind the id does not save it.  Ids are compared as names, without
 * case and last dot, U-labels as A-labels (idna may be NULL); 8-bit bytes that make no name may be
 * blanks to some reader and are left out.  The widespread "spf=pass smtp.mailfrom=..." of
 * hosts that leave the id out is nobody's, and so foreign.
 */
enum authres_owner authres_owner(
    struct slice body, struct slice id, const struct idna *, struct arena *);

/* ---- writing ------------------------------------------------------------------------- */

enum {
	/* Values longer than this are cut: a name has 253 octets, an address in SMTP 254. */
	AUTHRES_VALUE_MAX = 254,
	/* Comments and reasons are for people. */
	AUTHRES_COMMENT_MAX = 200,
	/* Signatures beyond are left out; so many DKIM-Signature fields are looked at. */
	AUTHRES_DKIM_MAX = 10,
	/* So many author domains are judged (fromheader.h). */
	AUTHRES_DMARC_MAX = 8,
};

/*
 * Empty slices are left out.  Values may come from a sender and are made safe: what is no token
 * becomes a quoted string, in which control and 8-bit bytes, "=" and ";" are shown as "?", since
 * many a mail filter just searches the field for "dmarc=pass".  Of addresses, local parts that
 * are not letters, digits and -+._ are left out.  Comments and reasons are our own words; they keep
 * their "=" and ";".
 */
struct authres_spf {
	struct slice result;
	struct slice mailfrom; /* the sender's address */
	struct slice helo;     /* for the null sender, in place of mailfrom */
	struct slice comment;
};

struct authres_dkim {
	struct slice result;
	struct slice domain;    /* header.d */
	struct slice identity;  /* header.i */
	struct slice selector;  /* header.s */
	struct slice algorithm; /* header.a */
	struct slice signature; /* b= of the signature; its first 8 characters become header.b */
	struct slice reason;    /* why it did not pass; never a sender's words */
	struct slice comment;
};

struct authres_dmarc {
	struct slice result;
	struct slice from;    /* header.from */
	struct slice policy;  /* policy.dmarc: none, quarantine or reject (RFC 9989 9.1) */
	struct slice comment; /* "p=reject dis=none override=whitelist:alumni" */
};

struct authres {
	struct slice id;               /* our authserv-id */
	const struct authres_spf *spf; /* NULL: not evaluated */
	const struct authres_dkim *dkim;
	size_t dkim_count; /* 0: not evaluated; an unsigned message has one, "none" */
	const struct authres_dmarc *dmarc; /* one for each author domain */
	size_t dmarc_count;                /* 0: not evaluated */
};

/*
 * The body of our field, without a leading blank and without a line end at the end; folded with LF
 * and TAB, as libmilter wants it.  {NULL, 0} when memory runs out.
 */
struct slice authres_write(const struct authres *, struct arena *);

#endif
