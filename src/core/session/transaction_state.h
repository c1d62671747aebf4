#ifndef CORE_TRANSACTION_STATE_H
#define CORE_TRANSACTION_STATE_H
/*
 * The inside of a session, shared by session.c (the client), transaction.c (events),
 * transaction_message.c (header and body), transaction_end.c (the verdict on a message),
 * transaction_split.c (recipients that disagree), transaction_results.c (what was found) and
 * transaction_edits.c (the header's edits).
 */
#include "core/policy/gather.h"
#include "core/session/evaluation.h"
#include "core/session/transaction.h"

/* A HELO longer than a command line (RFC 5321 4.5.3.1.4: 512 octets) is cut. */
enum { HELO_TEXT_MAX = 512, CLIENT_NAME_TEXT_MAX = 1024 };

/* What DMARC says of one author domain. */
struct author {
	enum fact_state dmarc_state;
	struct dmarc_result dmarc;
	enum fact_state aligned_state;
	unsigned aligned, may_be_aligned;
	struct word_fact dns;
};

/* A recipient that was accepted at RCPT. */
struct recipient {
	struct recipient *next;
	struct identity identity;
	const struct switches *switches;
	bool exempt;
	bool monitored;                  /* monitor mode would have refused it at RCPT */
	const struct rule *spf_override; /* the whitelist entry that withdrew a refusal by SPF */
	struct verdict verdict;          /* at the end of the message */
	size_t author;                   /* … by which author domain */
	int severity; /* … and how strict it is, to be compared with the others */
};

/* A rule of monitor mode that would have refused, for the X-Susmilter header. */
struct monitored_rule {
	struct monitored_rule *next;
	struct slice name;
};

/* A field of the message that could pass for one of ours, to be removed. */
struct forged {
	struct forged *next;
	struct slice name;
	unsigned index; /* of all fields of that name, from 1 */
};

/* Fields that are ours to write, whoever sent them. */
enum own_field { OWN_STANDARD_RESULTS, OWN_MARK, OWN_VERDICT, OWN_RESULTS, OWN_FIELDS };

struct session {
	const struct env *env;
	struct arena *arena, *helo_arena, *mail_arena;
	char id[TOKEN_CHARS];
	char helo[HELO_TEXT_MAX];
	char client_name[CLIENT_NAME_TEXT_MAX];
	struct facts facts; /* of the client; in a transaction also of the message */
	bool connected;     /* env->connected() was called */
	/* Of client name and HELO, under the rules of the last transaction. */
	struct pattern_hits name_hits, helo_hits;
	const struct ruleset *hits_rules;
	uint64_t hits_generation;
	uint32_t transactions; /* MAIL commands so far */
	bool sampled;          /* SPF, DKIM and DMARC are found out for the history */
	/* one transaction */
	bool open;
	bool inbound;
	bool authenticated; /* not inbound, and there are blocks for such sessions */
	bool elsewhere;     /* the other door counts this message */
	struct mail_event mail;
	struct slice queue_id;
	struct message *message;       /* NULL until something outside is asked */
	struct evaluation *evaluation; /* NULL: nothing is to be found out afterwards */
	bool shows_evaluation;         /* … and it is shown the message */
	struct recipient *recipients, **recipients_end;
	bool split;       /* these recipients disagreed before: those of a second kind wait */
	bool split_alone; /* … even those of one kind did */
	struct monitored_rule *monitored_rules;
	size_t header_bytes, header_fields;
	struct slice from_fields[FROM_FIELDS_MAX];
	size_t from_count;
	struct header_field *asked_fields; /* that rules ask for, decoded; the last first */
	struct fromheader from;
	struct author authors[FROM_DOMAINS_MAX]; /* by from.domains */
	struct forged *forged;                   /* of each name the last field first */
	unsigned own_count[OWN_FIELDS];          /* fields of these names so far */
	bool wants_dkim, headers_ended, wants_body;
	bool at_end; /* the message is whole: what is asked now has the time of its end */
};

/* Whether the header has anything to say of an authenticated message: some rule waits for it, and
 * the connection shows it. */
bool transaction_wants_authenticated_end(const struct session *);

/* What one event needs to be answered and recorded. */
struct event {
	struct session *s;
	enum stage stage;
	int64_t started_us;
};

/* An event begins: time is taken, also as a fact. */
struct event transaction_event(struct session *, enum stage);

/* The outside's state of this message, started when first needed; NULL when there is none. */
struct message *transaction_message(struct session *);

/* Turns a verdict into the answer and records it, once. */
struct answer transaction_conclude(const struct event *, const struct verdict *);

/* The end of a message of which nothing was recorded: for the history. */
void transaction_note_accepted(const struct event *, const struct verdict *);

/* The answer for what no rule decided: limits and failures of our own. */
struct answer transaction_refuse(const struct event *, enum action, enum reason);

/* Another recipient, or author, is looked at from now on. */
void transaction_look_at(struct session *, enum identity_kind, const struct identity *);

/* How facts of this session are had. */
struct gather transaction_gather(struct session *);

/* policy_decide() with the facts that it asks for.  Each of them leaves FACT_UNKNOWN. */
struct verdict transaction_decide(struct session *, enum phase);

/* Remembers what monitor mode would have refused, each rule once. */
void transaction_keep_monitored_verdict(struct session *, const struct verdict *);

/* The verdict on the message for all its recipients, recorded. */
struct answer transaction_judge(const struct event *);

/* The name of a field of ours; empty where the configuration has none. */
struct slice transaction_own_field(const struct session *, enum own_field);

/* Header edits for a message that is accepted; the arena remembers that memory ran out. */
void transaction_edits(struct session *, const struct header_edit **edits, size_t *count);

/* Tells the outside what SPF, DKIM and DMARC said of the message that ends. */
void transaction_tell_results(struct session *);

/* Whether any of them could not decide for want of an answer. */
bool transaction_missed_answer(const struct session *);

/* After a disagreement: whether this recipient must wait for a message of its own. */
bool transaction_must_come_apart(struct session *, const struct recipient *);

/* Remembers that the recipients of this message disagree. */
void transaction_note_split(struct session *);

#endif
