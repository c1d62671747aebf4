#ifndef CORE_STATS_DOMAIN_REPORT_H
#define CORE_STATS_DOMAIN_REPORT_H
/*
 * domain_report: what was refused for one recipient domain in some hours, and its two renderings:
 * text for a terminal, and one HTML page that needs nothing else and can be handed on.
 *
 *     reports_read(…, &report) → domain_report_text(&report, print, context) or
 * domain_report_html(…)
 *
 * Totals are exact, unless `folded`.  Listed counts are what is certain of each key; the rest of a
 * list is its last line, such as "9,999,000  to about 1,000,000 more recipients".
 *
 * Pure.  The page has no script, and everything that came from outside is escaped.
 */
#include "core/stats/tally.h"

struct domain_report_hour {
	int64_t hour; /* since the epoch */
	uint64_t refused, monitored;
};

struct domain_report_key {
	struct slice key; /* valid UTF-8 */
	uint64_t count;
};

/* A domain of refused senders.  Two reasons why its mail may have been wanted: its own domain was
 * proven (DMARC) and accepted; it was known to the recipient. */
struct domain_report_sender {
	struct slice domain;
	uint64_t count;
	bool proven, known;
};

struct domain_report {
	struct slice domain;
	int64_t since, until;                   /* hours since the epoch, until is not included */
	uint64_t totals[FAMILY_COUNT][2];       /* [1]: monitor mode only */
	const struct domain_report_hour *hours; /* those with refusals, in order */
	size_t hour_count;
	const struct domain_report_key *top[TALLY_KINDS]; /* the most frequent first */
	size_t top_count[TALLY_KINDS];
	uint64_t recipients; /* about how many different ones; 0: exactly those listed */
	/* those that look legitimate first; NULL: not known */
	const struct domain_report_sender *senders;
	size_t sender_count;
	bool folded; /* from the history: refusals of floods that share a row are not in it */
};

/* How many of each kind are shown. */
enum { DOMAIN_REPORT_SHOWN = 15 };

uint64_t domain_report_total(const struct domain_report *, bool monitored);

/* "Recipients", "Rules", "Clients". */
const char *domain_report_kind_name(enum tally_kind);

/* Pieces are not lines: each may end anywhere. */
void domain_report_text(
    const struct domain_report *, void (*put)(void *context, const char *piece), void *context);
void domain_report_html(const struct domain_report *, int64_t now,
    void (*put)(void *context, const char *piece), void *context);

#endif
