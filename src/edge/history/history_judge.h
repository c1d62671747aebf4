#ifndef HISTORY_JUDGE_H
#define HISTORY_JUDGE_H
/*
 * history_judge: what a change of rules can touch of one segment: each distinct client, name and
 * address of its dictionary is judged once, when the first row has it.
 *
 *     history_judge_segment(&judge, segment)
 *     history_judge_rows(&judge, &rows)      // a block of them at a time, column by column
 *     ... judge.row[i].session, judge.row[i].bits & JUDGED_TOUCHED ...
 *
 * Sessions and verdicts, of which every row needs something, are remembered in the same way.
 */
#include "core/change/rules_touch.h"
#include "history_segment.h"

/* What is known of a row. */
enum history_judged {
	JUDGED_STAGE = 3,   /* enum stage */
	JUDGED_REFUSED = 4, /* the client was told no */
	JUDGED_TOUCHED = 8, /* the change of rules can touch it */
};

struct history_judged_row {
	uint64_t session; /* backtest_session() of it */
	unsigned bits;
};

struct history_judge {
	const struct rules_touch *touch;
	unsigned identities; /* that the change can touch */
	bool clients;
	unsigned columns; /* that rows are judged by */
	struct arena *arena;
	struct history_items *items;    /* of the segment */
	uint64_t end;                   /* behind the highest number */
	struct history_buffer known;    /* for each item what is known of it: see history_judge.c */
	struct history_buffer sessions; /* for each item a hash; 0: not known yet */
	struct history_judged_row *row; /* of the block that was judged last */
};

/* False when out of memory. */
bool history_judge_init(struct history_judge *, const struct rules_touch *);
void history_judge_free(struct history_judge *);

/* The segment is loaded, and stays.  False when out of memory. */
bool history_judge_segment(struct history_judge *, struct history_segment *);

/* All rows of a block, of which these columns are read, those of sessions and of verdicts. */
void history_judge_rows(struct history_judge *, const struct history_rows *);

#endif
