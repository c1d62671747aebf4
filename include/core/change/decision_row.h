#ifndef CORE_CHANGE_DECISION_ROW_H
#define CORE_CHANGE_DECISION_ROW_H
/*
 * decision_row: one recorded decision as plain values, for the history and all that reads it.
 *
 *     decision_row_of(&record, &room, &row);        // at RCPT and at the end of a message
 *     ... stored, copied to another host, read again ...
 *     decision_row_record(&row, &room, &record)     // → record_json(): what the log had said
 *
 * A row holds what was known and what was answered, so that a later reader can show it and decide
 * it again: the identities with their states, the client's place, the results of SPF, DKIM and
 * DMARC, the verdict, and the reply.  Of the reply it keeps a template: what the row itself knows
 * (the client, the recipient, …) is left out, so that replies of one rule are one string, and a
 * local part that is not to be kept is not kept there, either.
 *
 * Numbers are enums of core; each is checked when a row is made of bytes that a stranger may have
 * written (edge/history).  Pure.
 */
#include "core/session/env.h"

/* Texts of a row.  The first are the identities, in their order. */
enum decision_text {
	ROW_CLIENT_NAME = IDENTITY_CLIENT_NAME,
	ROW_HELO = IDENTITY_HELO,
	ROW_SENDER = IDENTITY_SENDER,
	ROW_FROM = IDENTITY_FROM,
	ROW_RECIPIENT = IDENTITY_RECIPIENT,
	ROW_SESSION,
	ROW_QUEUE_ID,
	ROW_AUTH,
	ROW_DKIM,       /* "pass:example.org fail:example.net"; "pass~:" where l= cuts the body */
	ROW_AUTHOR_WHY, /* what is wrong with the From header */
	ROW_RULE,
	ROW_ENTRY, /* the part of the identity that the rule's entry names */
	ROW_REPLY, /* "5.7.1 text", a template */
	ROW_TEXTS
};

enum row_flag {
	ROW_FOLDED = 1,    /* stands for others of the same network and rule */
	ROW_EXAMPLE = 2,   /* one of those others */
	ROW_CUT = 4,       /* a text was longer than DECISION_TEXT_MAX */
	ROW_EVALUATED = 8, /* DKIM and DMARC were evaluated for the sample alone */
	ROW_POLICY = 16,   /* asked through the policy protocol */
	ROW_FLAGS = 31
};

struct decision_row {
	int64_t time_ms; /* since the epoch */
	int64_t last_ms; /* of the last of `count`; 0: of this one */
	uint32_t took_us;
	uint64_t number; /* in the history (edge/history/history_find.h); 0: none */
	uint32_t run;    /* of the history's writer, in which the number was given out */
	uint64_t count;  /* decisions that it stands for */
	unsigned flags;
	enum stage stage;
	uint32_t transaction; /* of its session, from 1 */
	uint64_t generation;
	struct slice id; /* as given out; empty where it is not known */
	struct ip client;
	uint32_t asn;
	char country[3];
	enum tls_version tls;
	struct slice text[ROW_TEXTS];
	enum fact_state state[IDENTITY_COUNT];
	enum fact_state auth_state, spf_state, dkim_state, author_state, dmarc_state;
	bool spf_late, spf_sends_no_mail;
	enum spf_result spf;
	enum from_kind author;
	enum dmarc_verdict dmarc;
	enum dmarc_policy dmarc_published, dmarc_policy;
	bool dmarc_may_be_aligned;
	bool final; /* VERDICT_FINAL; otherwise nothing was found against it */
	enum action action;
	bool monitored;
	enum family family;
	enum reason reason;
	unsigned withdrawn;
	bool has_network;
	struct prefix network;
	bool has_identity;
	enum identity_kind identity;
	unsigned code; /* of the reply; 0: accepted without a word */
};

/* What is kept of the local parts of addresses. */
enum row_local_parts { ROW_LOCAL_FULL, ROW_LOCAL_HASHED, ROW_LOCAL_NONE };

/* Texts beyond it are cut: no address or name that mail can use is longer. */
enum { DECISION_TEXT_MAX = 1020 };

enum { DECISION_REPLY_MAX = REPLY_MAX + REPLY_XCODE_MAX + 2 };
enum { DECISION_DKIM_MAX = DKIM_VERIFIED_MAX * 280 };

/* Where texts of a row that are not in the record lie. */
struct decision_row_room {
	char reply[DECISION_REPLY_MAX];
	char dkim[DECISION_DKIM_MAX];
};

/* The row borrows from the record and from the room.  number, count and flags are left at one
 * decision without a number. */
void decision_row_of(const struct record *, struct decision_row_room *, struct decision_row *out);

/* What a record of a row points to. */
struct decision_record_room {
	struct facts facts;
	struct verdict verdict;
	struct rule rule;
	struct reply reply;
	struct dkim_signature_result signatures[DKIM_VERIFIED_MAX];
};

/*
 * The record that the row was made of, as far as the row has it, for text
 * (core/stats/decision_text.h) and for counting.  Of the identities only the texts are set. Borrows
 * from the row and the room.
 */
void decision_row_record(
    const struct decision_row *, struct decision_record_room *, struct record *out);

/* The facts of that record alone; room for signatures[DKIM_VERIFIED_MAX]. */
void decision_row_facts(
    const struct decision_row *, struct dkim_signature_result *signatures, struct facts *out);

/* The action as records have it: "reject", "would_reject", …: a static string. */
const char *decision_row_action(const struct decision_row *);

/* Whether the client was told no: such rows have ids that are found, and a half of their own. */
bool decision_row_is_refusal(const struct decision_row *);

/* Whether the author's domain was proven: DMARC says pass, or there is no record and SPF or a
 * signature of that very domain passed.  Sender and From have to be folded (core/name/address.h).
 */
bool decision_row_is_proven(const struct decision_row *);

#endif
