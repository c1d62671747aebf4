#ifndef CORE_DOMAIN_REPORT_PRIVATE_H
#define CORE_DOMAIN_REPORT_PRIVATE_H
/* What both renderings of a report need. */
#include "core/stats/domain_report.h"

/* Where a rendering goes. */
struct domain_report_sink {
	void (*put)(void *context, const char *piece);
	void *context;
};

/* One piece, of at most DOMAIN_REPORT_PIECE_MAX bytes; longer ones are cut. */
enum { DOMAIN_REPORT_PIECE_MAX = 2048 };
void domain_report_print(const struct domain_report_sink *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "1,234,567"; returns out. */
enum { NUMBER_TEXT_MAX = 32 };
const char *domain_report_number(uint64_t, char out[NUMBER_TEXT_MAX]);

/* "2026-11-21 05:00", UTC, of an hour since the epoch; returns out. */
enum { HOUR_TEXT_MAX = 40 };
const char *domain_report_hour_text(int64_t hour, char out[HOUR_TEXT_MAX]);

/* Refusals that the list of a kind, as it is shown, does not have. */
uint64_t domain_report_others(const struct domain_report *, enum tally_kind);

/* Entries of a list that are shown. */
size_t domain_report_shown(const struct domain_report *, enum tally_kind);

/* Why a sender's mail may have been wanted; "". */
const char *domain_report_sender_text(const struct domain_report_sender *);

/* The reason in words for the reader of the report. */
const char *domain_report_family_text(enum family);

/* The text of the line of domain_report_others(): "to about 1,000,000 more recipients",
 * "12 others" where they are known, else "others"; returns out. */
enum { OTHERS_TEXT_MAX = 96 };
const char *domain_report_others_text(
    const struct domain_report *, enum tally_kind, char out[OTHERS_TEXT_MAX]);

#endif
