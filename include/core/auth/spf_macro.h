#ifndef CORE_AUTH_SPF_MACRO_H
#define CORE_AUTH_SPF_MACRO_H
/*
 * spf_macro: macro strings of RFC 7208 section 7: the grammar and the expansion.
 *
 *     "%{ir}.%{v}.arpa", client 192.0.2.7          → "7.2.0.192.in-addr.arpa"
 *     "%{d2}.spf.example", domain mail.example.org → "example.org.spf.example"
 *     "%{l1r-}.x", sender strong-bad@…             → "strong.x"
 *
 * A string is checked once, when its record is parsed; expansion of a checked string cannot fail
 * except for memory.  What goes in was chosen by a stranger twice over (the record and the sender),
 * so the work is linear and the result bounded: a name keeps its last 253 octets from a label
 * boundary on (7.3), an explanation its first SPF_EXPLANATION_MAX.  Values may hold any byte;
 * so may the name that comes out.
 *
 * Pure functions, safe in any thread.
 */
#include "core/auth/spf.h"

/* What stands for each letter; the borrowed slices are used during the call only. */
struct spf_macro_values {
	struct slice local, sender_domain; /* l o s */
	struct slice domain;               /* d: whose record this is */
	struct ip client;                  /* i c v */
	struct slice client_name;          /* p: the validated name, or "unknown" */
	struct slice helo;                 /* h */
	struct slice receiver;             /* r, only in explanations */
	int64_t now;                       /* t, only in explanations */
};

enum spf_macro_kind {
	SPF_MACRO_DOMAIN,      /* domain-spec: ends in a top label or a macro, no c r t */
	SPF_MACRO_MODIFIER,    /* value of an unknown modifier: any macro-string */
	SPF_MACRO_EXPLANATION, /* explain-string: blanks too */
};

/* NULL when the text follows the grammar of its kind, else the reason as a literal phrase. */
const char *spf_macro_check(struct slice text, enum spf_macro_kind);

/* True when a checked text uses this letter, in either case. */
bool spf_macro_uses(struct slice text, char letter);

/*
 * The expansion of a checked SPF_MACRO_DOMAIN: without trailing dot, at most 253 octets.  It may
 * be no name at all (empty labels, labels over 63): then the resolver refuses to ask.  The slice
 * with ptr NULL means that memory ran out.
 */
struct slice spf_macro_name(struct slice text, const struct spf_macro_values *, struct arena *);

/* The expansion of a checked SPF_MACRO_EXPLANATION, cut to SPF_EXPLANATION_MAX octets. */
struct slice spf_macro_explanation(
    struct slice text, const struct spf_macro_values *, struct arena *);

#endif
