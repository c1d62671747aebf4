#ifndef CORE_RULES_FEED_H
#define CORE_RULES_FEED_H
/*
 * feed: a list that a program writes ("feed:PATH", SPEC 3.1): its lines → entries, and whether the
 * whole is taken.
 *
 * An administrator's list is held to the letter, since its author reads the error.  A feed has no
 * author who would: one bad line must not stop a reload, and a broken or hostile feed must not
 * empty a rule or widen it.  So a line that is not plainly an entry is left out and counted
 * (feed_fault), and a feed that looks broken as a whole is not taken (feed_verdict): the rule keeps
 * the entries that it last had.
 *
 *     struct feed_reader r = feed_reader(text);
 *     while (feed_next(&r, &terms, &line))          // every line that holds something
 *             feed_count(&counts, &line);
 *     v = feed_judge(&counts, &limits, &memory);    // then once more, to use the entries
 *
 * Left out are
 *     what does not parse; host bits are cleared in lines of /16 (IPv6 /32) or longer only
 *     networks, and names, that without `wide = true` a rule does not take: `wide` exempts no feed
 *     "!", patterns, "file:" and "feed:", which only an administrator may write
 *     a last line without its line end: the program is still writing, or died, and half a line may
 * be an entry of another meaning (".example.co") what lies in an entry that the rule takes out with
 * "!" (feed_exceptions.h) All but the last kind are *bad* lines.
 */
#include "core/name/entry.h"
#include "core/rules/feed_exceptions.h"

/* No name, address or network is longer; a file of one line is no list. */
enum { FEED_LINE_MAX = 1024 };

/* Below these the host bits of a network are an error: "10.0.0.1/8" may mean anything. */
enum { FEED_HOST_BITS_V4 = 16, FEED_HOST_BITS_V6 = 32 };

enum feed_fault {
	FEED_NO_FAULT,
	FEED_EXCEPTED,   /* the configuration takes it out: no bad line */
	FEED_UNREADABLE, /* does not parse */
	FEED_WIDE,       /* a network wider than is taken without `wide` */
	FEED_WIDE_NAME,  /* a name of which this is true */
	FEED_SIGN,       /* "!" */
	FEED_PATTERN,
	FEED_FILE,   /* "file:", "feed:" */
	FEED_NO_END, /* the last line has no line end */
	FEED_FAULTS
};

/* What a key takes from a feed. */
struct feed_terms {
	enum entry_accept accept;
	unsigned shortest_v4, shortest_v6; /* rule_shortest_prefix() */
	bool no_top_level;                 /* every top-level domain is too wide */
	/* whether all names below this top-level domain are too many; NULL: none are */
	bool (*is_large)(const void *context, struct slice domain);
	const void *context;
	/* of `asn` and `country`, whose entries are numbers: false when the text is none */
	bool (*number)(struct slice text, uint32_t *out);
	const struct feed_exceptions *exceptions; /* NULL: none */
	const struct idna *idna;
	struct arena *arena; /* for names that must be converted */
};

/* A range is cut into at most so many networks. */
enum { FEED_PIECES_MAX = 2 * 128 };

struct feed_line {
	enum feed_fault fault;
	unsigned line;
	struct slice text;
	/* without a fault: a number, or an entry; a range in the pieces that are not excepted */
	uint32_t number;
	struct entry entry;
	struct prefix pieces[FEED_PIECES_MAX];
	unsigned piece_count; /* 0: the entry is no network */
	char why[ENTRY_WHY_MAX];
};

struct feed_reader {
	struct slice rest;
	unsigned line;
};

/* A reader of the whole text, which stays the caller's. */
struct feed_reader feed_reader(struct slice text);

/* The next line with an entry or a fault; false at the end. */
bool feed_next(struct feed_reader *, const struct feed_terms *, struct feed_line *out);

/* ---- the whole ----------------------------------------------------------------------- */

/* So many lines of a kind are shown in a message. */
enum { FEED_EXAMPLES = 3 };

struct feed_counts {
	size_t entries; /* in the feed, also those that are excepted */
	size_t bad;
	size_t faults[FEED_FAULTS];
	unsigned examples[FEED_FAULTS][FEED_EXAMPLES]; /* lines */
	char why[ENTRY_WHY_MAX];                       /* of the first that does not parse */
};

/* Of a new struct of zeros. */
void feed_count(struct feed_counts *, const struct feed_line *);

/* More than 5 in 100 lines, and at least 3: a format that changed, an error page, not a slip. */
enum { FEED_BAD_PERCENT = 5, FEED_BAD_LINES = 3 };

/* A shrunken feed is believed when it has been so in three reloads, the last a day behind the
 * first. */
enum { FEED_SHRUNK_RELOADS = 3, FEED_SHRUNK_SECONDS = 86400, FEED_MAX_SHRINK = 50 };

struct feed_limits {
	bool may_be_empty;
	unsigned max_shrink; /* per cent of the entries that may be lost at once */
	bool take;           /* the administrator takes it shrunken */
	int64_t now;         /* seconds since the epoch */
};

/* What is remembered of a feed from one load to the next. */
struct feed_memory {
	bool known;        /* it was taken once */
	size_t entries;    /* then */
	int64_t shrunk_at; /* the first of the loads in a row that found it shrunken */
	unsigned shrunk;   /* how many these are */
};

enum feed_verdict { FEED_TAKEN, FEED_EMPTY, FEED_TOO_BAD, FEED_SHRUNKEN };

/* Judges the whole, and remembers: call it once for each load. */
enum feed_verdict feed_judge(
    const struct feed_counts *, const struct feed_limits *, struct feed_memory *);

/* True when a shrunken feed that nobody touches should be looked at again, so that three looks are
 * spread over the day. */
bool feed_is_due(const struct feed_memory *, int64_t now);

#endif
