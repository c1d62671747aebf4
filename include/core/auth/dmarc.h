#ifndef CORE_AUTH_DMARC_H
#define CORE_AUTH_DMARC_H
/*
 * dmarc: does the author domain stand behind this message, and what does it ask for if not?
 * (RFC 9989, which replaces RFC 7489: the DNS tree walk in place of a public suffix list.)
 *
 * Three layers, each usable alone: a record is parsed from text; a walk asks for names, one at a
 * time, and is told the answers; an evaluation walks over `struct dns` and judges one message.
 *
 *     struct dmarc_identifier ids[] = {
 *         {DMARC_DKIM, DMARC_PASSED, SLICE("news.example.org")},
 *         {DMARC_SPF, DMARC_TEMPERROR, SLICE("bounce.example.net")},
 *     };
 *     struct dmarc_query q = {.from_domain = SLICE("shop.example.org"), .ids = ids, .count = 2};
 *     dmarc_hint_author(dns, q.from_domain);    // as soon as From is known
 *     dmarc_evaluate(dns, &q, arena, NULL, &result);
 *
 *     _dmarc.shop.example.org    no record             no policy of its own: walk up
 *     _dmarc.example.org         v=DMARC1; p=reject    the fewest labels so far
 *     _dmarc.org                 no record             so example.org is the organizational domain
 *     _dmarc.news.example.org    no record             its walk meets example.org too: aligned
 *     // result.verdict DMARC_PASS, result.aligned &ids[0], result.policy DMARC_P_REJECT
 *
 * A level of the walk that gives no answer does not end it: the names above are asked, too, and
 * what they publish is the policy as far as it is known.  A message without an aligned pass is then
 * not decided (DMARC_V_TEMPERROR), but policy_domain and policy say what a failure would bring, so
 * that the caller can withhold the mail.  A sender chooses selectors and sub-domains of his victim,
 * among them those whose servers never answer; that must not switch the victim's policy off.  What
 * he authenticates with a domain that cannot be aligned, and what is missing there, changes
 * nothing:
 *
 *     author victim.example p=reject, "?": no answer
 *     d=lame.victim.example?   MAIL FROM at lame.victim.example?   not decided: p=reject
 *     author lame.victim.example, _dmarc.lame.victim.example?      not decided: p=reject
 *     d=evil.example?          MAIL FROM at evil.example?          fail
 *
 * Names are canonical (core/name/name.h) everywhere.  Several author domains, none, and a crooked
 * From are the caller's business (core/mail/fromheader.h): this judges one domain.
 */
#include "core/auth/dns.h"
#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/name/name.h"

/* ---- record -------------------------------------------------------------------------- */

/* From mild to strict, so that they can be compared. */
enum dmarc_policy { DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT };

enum dmarc_psd {
	DMARC_PSD_UNKNOWN, /* psd=u or absent */
	DMARC_PSD_YES,     /* a public suffix: the organizational domain is one label below */
	DMARC_PSD_NO,      /* this is the organizational domain */
};

struct dmarc_record {
	struct slice text;    /* as published */
	enum dmarc_policy p;  /* for the domain itself; absent: none */
	enum dmarc_policy sp; /* for existing subdomains; absent: p */
	enum dmarc_policy np; /* for subdomains that do not exist; absent: sp */
	bool strict_dkim;     /* adkim=s */
	bool strict_spf;      /* aspf=s */
	bool testing;         /* t=y: apply one step milder */
	enum dmarc_psd psd;
	struct slice rua;     /* as published, empty when absent; for the log */
	const char *unusable; /* why no policy can be taken from it, or NULL; a static sentence */
};

/*
 * Parses one TXT record (strings joined).  False when it is no DMARC record at all, because it
 * does not begin with v=DMARC1 (RFC 9989 4.7, 4.8).
 *
 * Unknown tags (pct, rf, ri among them), tags without "=", and values that the grammar does not
 * know are as if absent (4.8).  A tag that stands there twice counts as one with an unknown value:
 * what RFC 6376 3.2 forbids is a syntax error in that tag.  When p, sp or np has an unknown value,
 * the policy is none if `rua` holds at least one URI, else the record is unusable (4.10.1).  An
 * absent p is none (4.7).
 */
bool dmarc_record_parse(struct slice text, struct dmarc_record *out);

/* "none", "quarantine" or "reject".  A static string. */
const char *dmarc_policy_name(enum dmarc_policy);

/* ---- tree walk ----------------------------------------------------------------------- */

enum {
	/* RFC 9989 4.10: so many questions for one walk, however many labels the name has. */
	DMARC_WALK_MAX = 8,
	/* "_dmarc." and a name; longer than a name may be, the DNS then answers DNS_BADNAME. */
	DMARC_QUESTION_MAX = NAME_MAX_OCTETS + 7,
};

struct dmarc_found {
	struct slice domain;
	struct dmarc_record record;
};

enum dmarc_walk_state {
	DMARC_WALK_ASK,  /* give the answer for dmarc_walk_question() */
	DMARC_WALK_DONE, /* dmarc_walk_organization() is known, but for levels without an answer */
};

/* A walk from one name up to its top-level domain.  All is readable, nothing is for writing. */
struct dmarc_walk {
	enum dmarc_walk_state state;
	struct slice start;
	struct slice target; /* the domain whose record is asked for now, or was asked for last */
	unsigned asked;      /* questions so far, the open one included */
	struct dmarc_found found[DMARC_WALK_MAX]; /* the usable answers, longest name first */
	size_t found_count;
	struct slice first_missing; /* the lowest level without an answer; empty: none */
	struct slice highest_open;  /* the highest that may be the organization; empty: none */
};

/* Begins at `domain`, which must outlive the walk, as must the answers.  What can be no name
 * (empty, too long) is done at once: it is its own organization and has no policy. */
void dmarc_walk_start(struct dmarc_walk *, struct slice domain);

/* DMARC_WALK_ASK: the name whose TXT records are wanted, written to `text`. */
struct slice dmarc_walk_question(const struct dmarc_walk *, char text[DMARC_QUESTION_MAX]);

/* DMARC_WALK_ASK: takes the answer and goes on to the next state. */
void dmarc_walk_answer(struct dmarc_walk *, const struct dns_answer *);

/* DMARC_WALK_DONE: the organizational domain (RFC 9989 4.10.2), by the levels that answered. */
struct slice dmarc_walk_organization(const struct dmarc_walk *);

/*
 * DMARC_WALK_DONE: the highest name that may be the organizational domain, whatever the missing
 * levels hold: it is dmarc_walk_organization(), or a name above it that gave no answer.  A
 * top-level domain is taken for a public suffix then: if its silence could align all names below
 * it, a forger's would be among them.
 */
struct slice dmarc_walk_highest(const struct dmarc_walk *);

/*
 * Whether two walks that are done have one organizational domain.  Both maybe and yes are by the
 * levels that answered; it is certain when what is missing lies above that domain, since these
 * levels are the same for both: whatever they hold, they move both organizations alike.
 */
enum dmarc_related { DMARC_UNRELATED, DMARC_RELATED, DMARC_RELATED_UNKNOWN };
enum dmarc_related dmarc_walk_compare(const struct dmarc_walk *, const struct dmarc_walk *);

/*
 * DMARC_WALK_DONE: whose record is the policy for the start of the walk (4.10.1): its own, else
 * that of the organizational domain, else that of the public suffix; NULL when there is none.
 * Known before the end, too, once the first answer was a record: that is the start's own.
 */
const struct dmarc_found *dmarc_walk_policy(const struct dmarc_walk *);

/*
 * How near a name is to the nearest of some author domains, as far as the names tell: an
 * organizational domain has seldom fewer than two labels.  The first of these may sooner be
 * aligned; to a name that is empty all are far.
 */
enum dmarc_nearness {
	DMARC_SAME,
	DMARC_ABOVE_OR_BELOW,
	DMARC_BESIDE, /* of the same two last labels */
	DMARC_FAR,
};
enum dmarc_nearness dmarc_nearness(struct slice domain, const struct slice *authors, size_t count);

/* ---- one message --------------------------------------------------------------------- */

enum dmarc_method { DMARC_SPF, DMARC_DKIM };

enum dmarc_outcome {
	DMARC_PASSED,
	DMARC_TEMPERROR, /* not decided, for want of a DNS answer */
};

/*
 * A domain that was authenticated, or would have been.  For SPF only the MAIL FROM identity
 * (4.4.2), which is postmaster@HELO for the null sender (3.2.4); for DKIM the d= of a signature.
 * Whatever failed for good is not listed.
 */
struct dmarc_identifier {
	enum dmarc_method method;
	enum dmarc_outcome outcome;
	struct slice domain;
};

struct dmarc_query {
	struct slice from_domain;
	const struct dmarc_identifier *ids; /* the caller bounds their number */
	size_t count;
};

enum dmarc_verdict {
	DMARC_V_NONE, /* no policy is published */
	DMARC_V_PASS,
	DMARC_V_FAIL,
	DMARC_V_TEMPERROR, /* an answer that was needed did not come; `policy` is what a failure
			      would bring where policy_domain is not empty */
	DMARC_V_PERMERROR, /* there is a record, and no policy can be taken from it */
};

struct dmarc_result {
	enum dmarc_verdict verdict;
	struct slice why; /* one sentence for the log and for `explain`; printable ASCII */
	/* Valid when policy_domain is not empty. */
	struct slice policy_domain; /* where the record was found, without "_dmarc." */
	struct dmarc_record record;
	enum dmarc_policy published; /* p, sp or np, whichever is for this author domain */
	enum dmarc_policy policy;    /* the same after t=y: what a failing message gets */
	struct slice org_domain;     /* of the author domain; empty when it was not needed */
	const struct dmarc_identifier *aligned; /* the identifier that passed and aligns, or NULL */
	bool may_be_aligned; /* DMARC_V_TEMPERROR: with the missing answers one might pass and align
			      */
};

/* What happens, a sentence a step, for `explain`.  Printable ASCII, valid during the call. */
struct dmarc_trace {
	void *self;
	void (*step)(void *self, struct slice sentence);
};

/*
 * Judges one message.  trace may be NULL.  Everything in *out is in the arena or belongs to the
 * query.  Each name is asked for at most once; only names at or below the organizational domain
 * can align, so that a stranger's broken DNS never turns a fail into a temperror.  Where it is not
 * known whether the author domain exists, the stricter of sp and np counts.
 * Out of memory is DMARC_V_TEMPERROR.
 */
void dmarc_evaluate(const struct dns *, const struct dmarc_query *, struct arena *,
    const struct dmarc_trace *trace, struct dmarc_result *out);

/* Tells the resolver about all questions of the walk from this domain, at most DMARC_WALK_MAX.
 * Never blocks. */
void dmarc_hint(const struct dns *, struct slice domain);

/* The same for an author domain, of which it may matter, too, whether it exists (np=): one more
 * question. */
void dmarc_hint_author(const struct dns *, struct slice domain);

/* The same for a domain that SPF or DKIM speaks for: only where its walk may be needed to tell that
 * it is aligned, and where it is no author's own, of which all is known. */
void dmarc_hint_identifier(const struct dns *, struct slice domain, enum dmarc_nearness);

/* "none", "pass", "fail", "temperror" or "permerror" (RFC 9989 9.2).  A static string. */
const char *dmarc_verdict_name(enum dmarc_verdict);

/* All of them, by enum dmarc_verdict; ends in NULL. */
extern const char *const dmarc_verdict_words[];

/* "SPF" or "DKIM".  A static string. */
const char *dmarc_method_name(enum dmarc_method);

#endif
