#ifndef COMMANDS_TOP_WINDOW_H
#define COMMANDS_TOP_WINDOW_H
/*
 * top_window: what `top` has seen within the last seconds, for pages that look back further than
 * the second that they measure.
 *
 *     top_window_add(&t)                   // a second that was measured
 *     top_window_widen(&t, 10)             // … and now the page is of up to 10 of them
 *
 * Each page that looks back leaves its second in a ring that all of them share, so that nothing is
 * counted while nobody looks; the first pages of a window are shorter than it, and say so.  The
 * ring is made when it is first needed, and stays: 4 MB.
 */
#include "edge/control/commands.h"
#include "edge/log/recorder.h"
#include "edge/stats/clients.h"
#include "edge/stats/counters.h"

/* Rules that are told apart, with their actions: those beyond are left out.  Clients of a page. */
enum { TOP_RULES_MAX = 4096, TOP_CLIENTS_MAX = 300, TOP_WINDOW_MAX = 60 };

struct rule_rate {
	const char *family, *action;
	char rule[CLIENTS_RULE_MAX];
	uint64_t before, now;
};

/* What is counted in the daemon, at one moment. */
struct moment {
	int64_t us; /* of the clock that never jumps */
	struct latency rcpt, end;
	struct resolver_stats dns;
	struct recorder_counts records;
};

struct top {
	struct request *req;
	const struct generation *generation; /* while a page is written */
	uint64_t columns, lines, used, window;
	const char *sort;
	double wait; /* seconds to measure */
	struct moment before, now;
	double seconds, client_seconds; /* between them, and of the looks at clients */
	struct rule_rate rules[TOP_RULES_MAX];
	size_t rule_count;
	struct client_seen clients[TOP_CLIENTS_MAX];
	size_t client_count;
	struct clients_told told;
};

void top_window_add(const struct top *);

/* Makes the page begin up to `window` seconds before its end. */
void top_window_widen(struct top *, uint64_t window);

#endif
