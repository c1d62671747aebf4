#ifndef EDGE_DNS_DNSBL_WATCH_H
#define EDGE_DNS_DNSBL_WATCH_H
/*
 * dnsbl_watch: which lists in the DNS are in use (SPEC 3.5).
 *
 *     w = dnsbl_watch_create(&settings);          // a thread of its own
 *     dnsbl_watch_lists(w, rules->dnsbls, rules->dnsbl_count);     // after each load
 *     if (dnsbl_watch_in_use(w, list)) ...        // for each question, any thread
 *
 * A list is in use once its test points have both answered as they should, and out of use after a
 * definite wrong answer; no answer changes nothing.  They are asked when a list is new, and every
 * 10 minutes; until the first definite answer every 30 seconds.  A list without test points is
 * always in use.  A list that a reload leaves as it was keeps its state.
 */
#include "core/rules/dnsbl.h"
#include "edge/dns/resolver.h"

struct dnsbl_watch;

enum { DNSBL_TEST_SECONDS = 600, DNSBL_FIRST_SECONDS = 30, DNSBL_TELL_MAX = 640 };

struct dnsbl_watch_settings {
	void *context;
	/* Starts a session on the resolver that runs; false: there is none. */
	bool (*open)(void *context, struct resolver_session *);
	/* A list came into use, or went out of it; a sentence, valid for the call. */
	void (*tell)(void *context, bool in_use, const char *line);
};

/* NULL: out of memory, or no thread can be started. */
struct dnsbl_watch *dnsbl_watch_create(const struct dnsbl_watch_settings *);

/* Stops the thread: after a question that is under way. */
void dnsbl_watch_free(struct dnsbl_watch **);

/* The lists of the table that runs from now on; what is needed of them is copied. */
void dnsbl_watch_lists(struct dnsbl_watch *, const struct dnsbl *, unsigned count);

/* A list that is not watched is not in use. */
bool dnsbl_watch_in_use(struct dnsbl_watch *, const struct dnsbl *);

/* Counts an answer that the list does not declare. */
void dnsbl_watch_error(struct dnsbl_watch *, const struct dnsbl *);

struct dnsbl_state {
	struct slice name, zone;
	bool has_test, in_use;
	bool tested;     /* some definite answer came */
	int64_t since_s; /* since when it is, or is not, in use: seconds since the epoch */
	uint64_t errors;
};

/* Each list in the DNS, in the order of the configuration; borrowed for the call. */
void dnsbl_watch_each(
    struct dnsbl_watch *, void (*each)(void *context, const struct dnsbl_state *), void *context);

#endif
