#ifndef CORE_RULES_VERDICT_H
#define CORE_RULES_VERDICT_H
/*
 * verdict: what the policy says, as a value: action, rule, and why.
 *
 * A verdict is FINAL, or says that this phase has nothing against the mail (CONTINUE), or names
 * facts that can be had now and are missing (NEED).  It points into the generation that made it
 * and lives no longer than that.
 */
#include "core/base/slice.h"
#include "core/net/prefix.h"

struct rule;

enum verdict_kind { VERDICT_CONTINUE, VERDICT_FINAL, VERDICT_NEED };

enum action { ACTION_ACCEPT, ACTION_REJECT, ACTION_TEMPFAIL, ACTION_QUARANTINE, ACTION_COUNT };

/* Facts that the gather loop can get, as bits of verdict.need. */
enum need {
	NEED_SPF = 1,
	NEED_DKIM = 2,
	NEED_DMARC = 4,
	NEED_SENDER_DOMAIN = 8, /* what the DNS says of the sender's domain */
	NEED_FROM_DOMAIN = 16,  /* … of the author's */
	NEED_REVERSE = 32,      /* … of the client's address */
	NEED_HELO = 64,         /* … of the HELO name */
	NEED_ALIGNED = 128,     /* which signatures are aligned with the author's domain */
};

/* Those that are a struct word_fact (core/rules/facts.h). */
enum { NEEDS_OF_DNS = NEED_SENDER_DOMAIN | NEED_FROM_DOMAIN | NEED_REVERSE | NEED_HELO };

/* The section that a rule stands in, in the order in which a decision passes them. */
enum family {
	FAMILY_NONE,
	FAMILY_TRUSTED,   /* trusted_networks */
	FAMILY_EXEMPT,    /* exempt_recipients */
	FAMILY_WHITELIST, /* whitelist */
	FAMILY_BLOCKS,    /* blocks */
	FAMILY_SUSRANGES, /* susranges */
	FAMILY_SPF,
	FAMILY_DMARC,
	FAMILY_LIMITS, /* too many sessions, too long a header, an internal error */
	FAMILY_COUNT
};

/* Why, finer than the family: it chooses the default reply. */
enum reason {
	REASON_NONE,          /* nothing was found against the mail */
	REASON_NOT_SMTP,      /* accept: not inbound */
	REASON_AUTHENTICATED, /* accept: not inbound */
	REASON_TRUSTED,       /* accept: not inbound */
	REASON_EXEMPT,        /* accept: this recipient is always reachable */
	REASON_WHITELISTED,   /* accept: a refusal was withdrawn or never looked for */
	REASON_RULE,          /* a rule of blocks or susranges matched */
	REASON_SPF_FAIL,
	REASON_SPF_TEMPERROR,
	REASON_SPF_PERMERROR,
	REASON_DMARC_FAIL,
	REASON_DMARC_TEMPERROR, /* no record was found, and an answer did not come */
	REASON_DMARC_UNPROVEN, /* there is a policy, and an answer that could prove the mail did not
				  come */
	REASON_BAD_FROM,
	REASON_OTHER_RECIPIENTS, /* 452 at RCPT: send them apart */
	REASON_SPLIT,            /* 451 at the end: recipients disagree, try again apart */
	REASON_POLICY_CHANGED,   /* 421: this connection cannot serve the new generation */
	REASON_TOO_MANY_SESSIONS,
	REASON_HEADERS_TOO_LARGE,
	REASON_INTERNAL,
	REASON_UNDECIDED, /* tempfail: a rule, or what could withdraw its refusal, is undecided */
	REASON_COUNT
};

/* Who is who in a transaction; also the columns of a rule's criteria. */
enum identity_kind {
	IDENTITY_CLIENT_NAME,
	IDENTITY_HELO,
	IDENTITY_SENDER,
	IDENTITY_FROM,
	IDENTITY_RECIPIENT,
	IDENTITY_COUNT
};

struct verdict {
	enum verdict_kind kind;
	unsigned need;      /* VERDICT_NEED: bits of enum need */
	enum action action; /* VERDICT_FINAL */
	bool monitored;     /* monitor mode: recorded as would_ACTION, the mail goes on */
	enum family family;
	enum reason reason;
	unsigned withdrawn; /* REASON_WHITELISTED: bits 1 << family of refusals that it withdrew */
	const struct rule *rule;      /* NULL when no rule of the table stands behind it */
	const struct rule *undecided; /* the first rule that was passed over undecided, or NULL */
	bool open; /* one that was passed over would enforce: it might be another verdict */
	bool has_network;
	struct prefix network; /* the entry of `networks`, asn or country that decided */
	bool has_identity;
	enum identity_kind identity; /* whose name or address matched */
	struct slice entry;          /* the part of that identity that the entry names */
};

/*
 * A decision: what records, counters, limits and reports tell of a verdict, worked out once for
 * all of them.  Borrows from the verdict, and from the generation that made it.
 */
struct decision {
	const struct verdict *verdict;
	enum action
	    action;        /* taken or, with verdict->monitored, only recorded; ACCEPT: not FINAL */
	const char *word;  /* of it in records: "reject", "would_reject", … */
	bool refuses;      /* the client is told no: 4xx or 5xx */
	struct slice rule; /* its name; empty when no rule of the table stands behind the verdict */
	struct slice
	    cause; /* that name, else the family's: what lines and samples are limited by */
};
struct decision decision_of(const struct verdict *);

/* The word of an action in records: a static string. */
const char *action_word(enum action, bool monitored);

/* The words of configurations, records and commands.  Static strings. */
const char *action_name(enum action);
const char *family_name(enum family);
const char *reason_name(enum reason);
const char *identity_name(enum identity_kind);

#endif
