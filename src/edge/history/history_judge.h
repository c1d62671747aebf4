#ifndef HISTORY_JUDGE_H
#define HISTORY_JUDGE_H
/*
 * history_judge: what a change of rules can touch of one segment: each distinct client, name and
 * address of its dictionary is judged once, when the first row has it.
 *
 *     history_judge_segment(&judge, segment)
 *     history_judge_row(&judge, &rows, i)        // whether the change can touch row i
 *
 * Sessions and verdicts, of which every row needs something, are remembered in the same way.
 */
#include "core/change/rules_touch.h"
#include "history_segment.h"

/* Of a verdict. */
enum history_verdict_bits {
	VERDICT_STAGE = 3,   /* enum stage */
	VERDICT_REFUSED = 4, /* the client was told no */
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
};

/* False when out of memory. */
bool history_judge_init(struct history_judge *, const struct rules_touch *);
void history_judge_free(struct history_judge *);

/* The segment is loaded, and stays.  False when out of memory. */
bool history_judge_segment(struct history_judge *, struct history_segment *);

bool history_judge_row(struct history_judge *, const struct history_rows *, size_t i);

/* By the number of the item in that column.  Of an item that is missing: that of no session, and
 * 0. */
uint64_t history_judge_session(struct history_judge *, uint64_t item);
unsigned history_judge_verdict(struct history_judge *, uint64_t item);

#endif
