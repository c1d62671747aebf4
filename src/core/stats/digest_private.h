#ifndef CORE_DIGEST_PRIVATE_H
#define CORE_DIGEST_PRIVATE_H
/* What both renderings of a digest need. */
#include "core/stats/digest.h"

/* Where a rendering goes. */
struct digest_sink {
	void (*put)(void *context, const char *piece);
	void *context;
};

/* One piece, of at most DIGEST_PIECE_MAX bytes; longer ones are cut. */
enum { DIGEST_PIECE_MAX = 2048 };
void digest_print(const struct digest_sink *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text from outside, byte by byte: whether a terminal would obey it, U+0080 to U+009F included. */
bool digest_is_control(struct slice text, size_t at);

/* "1,234,567"; returns out. */
enum { NUMBER_TEXT_MAX = 32 };
const char *digest_number(uint64_t, char out[NUMBER_TEXT_MAX]);

/* "2026-11-21 05:00", UTC, of an hour since the epoch; returns out. */
enum { HOUR_TEXT_MAX = 40 };
const char *digest_hour_text(int64_t hour, char out[HOUR_TEXT_MAX]);

/* Refusals that the list of a kind, as it is shown, does not have. */
uint64_t digest_others(const struct digest *, enum tally_kind);

/* Entries of a list that are shown. */
size_t digest_shown(const struct digest *, enum tally_kind);

/* Why in the words of whoever gets the report. */
const char *digest_family_text(enum family);

/* Who they are, for the line of digest_others(): "1,000,000 different recipients more (about)",
 * "12 others" where they are known, else "others"; returns out. */
enum { OTHERS_TEXT_MAX = 96 };
const char *digest_others_text(const struct digest *, enum tally_kind, char out[OTHERS_TEXT_MAX]);

#endif
