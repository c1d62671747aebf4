#ifndef CORE_HISTORY_HISTORY_ROW_H
#define CORE_HISTORY_HISTORY_ROW_H
/*
 * history_row: a decision as the numbers of its columns, and back.
 */
#include "core/change/decision_row.h"
#include "core/history/history_items.h"

/* False when out of memory.  scratch is the caller's, to be used again. */
bool history_row_pack(struct history_dictionary *, struct history_buffer *scratch,
    const struct decision_row *, uint64_t values[HISTORY_COLUMNS]);

/* Its results alone, for a block of them. */
bool history_row_pack_results(struct history_dictionary *, const struct decision_row *,
    uint64_t values[HISTORY_RESULT_COLUMNS]);

/*
 * False when an item is missing or a value is not what history_row_pack() makes: such a row is not
 * shown, since it might be wrong.  The texts are borrowed from the items; count is 1 and the id
 * empty.
 */
bool history_row_unpack(
    struct history_items *, const uint64_t values[HISTORY_COLUMNS], struct decision_row *);

/* What of a row is in an item of its client, and of its verdict; false as above. */
bool history_client_unpack(struct history_items *, struct slice, struct decision_row *);
bool history_verdict_unpack(struct history_items *, struct slice, struct decision_row *);

/* The same without texts: these are numbers of items. */
struct history_verdict_texts {
	uint64_t rule, entry, reply;
};
bool history_client_read(struct slice, struct decision_row *, uint64_t *name);
bool history_verdict_read(struct slice, struct decision_row *, struct history_verdict_texts *);

#endif
