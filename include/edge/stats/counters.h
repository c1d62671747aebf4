#ifndef EDGE_STATS_COUNTERS_H
#define EDGE_STATS_COUNTERS_H
/*
 * counters: how often which rule did what, exactly, since the worker started.
 *
 * Counters belong to names, not to generations: a rule that survives a reload goes on counting.
 * All functions are safe in any thread; counting takes no lock.
 */
#include "core/session/env.h"

struct counters;

struct counters *counters_create(void);
void counters_free(struct counters **);

/* Counts one decision: its family, rule, action and mode, and how long it took, unless it was on a
 * message. */
void counters_count(struct counters *, const struct record *);

/* Counts how long it took to judge a message: once, however many recipients it has, and also when
 * it is accepted, which makes no record. */
void counters_judged(struct counters *, int64_t took_us);

/* Counts what SPF, DKIM or DMARC said of a message; see env.authenticated. */
void counters_authenticated(struct counters *, enum auth_method, int result);

/* How often it was said; result is one of that method's enum, whose members are fewer than
 * COUNTERS_RESULTS. */
enum { COUNTERS_RESULTS = 8 };
uint64_t counters_results(const struct counters *, enum auth_method, int result);

struct counter {
	enum family family;
	struct slice rule; /* empty: decided without a rule */
	enum action action;
	bool monitored;
	uint64_t count;
};

/* Every counter that is not zero, in order of family, rule, action. */
void counters_each(
    const struct counters *, void (*each)(void *context, const struct counter *), void *context);

/* The same of rules that were passed over undecided; action and mode say nothing there. */
void counters_each_undecided(
    const struct counters *, void (*each)(void *context, const struct counter *), void *context);

/* Makes a counter known before it has counted; nothing else changes. */
void counters_declare(
    struct counters *, enum family, struct slice rule, enum action, bool monitored);

/* The same as counters_each(), and those that are zero but declared: a series that begins with its
 * first decision hides that one from whoever asks for the increase. */
void counters_each_declared(
    const struct counters *, void (*each)(void *context, const struct counter *), void *context);

/*
 * Refusals by whether the author's domain was proven: our own harm is watched first.  At RCPT that
 * is not known; whoever finds it out afterwards, for a sample, counts it, too.
 */
enum refusal_proof { REFUSED_UNKNOWN, REFUSED_UNPROVEN, REFUSED_PROVEN, REFUSED_COUNT };
void counters_refused(struct counters *, enum refusal_proof);
uint64_t counters_refusals(const struct counters *, enum refusal_proof);

/* How long decisions took: bucket i counts those of at most counters_bounds_us[i], the last one
 * all others; by stage. */
enum { COUNTERS_BUCKETS = 16 };
extern const int64_t counters_bounds_us[COUNTERS_BUCKETS - 1];
struct latency {
	uint64_t bucket[COUNTERS_BUCKETS];
	uint64_t count;
	uint64_t sum_us;
};
struct latency counters_latency(const struct counters *, enum stage);

#endif
