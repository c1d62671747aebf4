#ifndef CHANGE_MESSAGE_WINDOW_H
#define CHANGE_MESSAGE_WINDOW_H
/*
 * message_window: which recorded decisions are one message, and whose it is where the history is
 * divided by time among threads.
 *
 *     window = message_window_create(from_ms, until_ms)
 *     seen = message_window_take(window, key, time_ms, count, flags)  // in the order of the times
 *     // seen.own: the message began from from_ms on and before until_ms; seen.more: how many
 *     // messages more than before its rows stand for
 *
 * Rows of one key are one message as long as no more than BACKTEST_OPEN_SECONDS lie between one and
 * the next, so that a thread that begins that much in front of its part knows which messages are
 * another's, and one that goes on behind its part ends with its last message.
 *
 * Open addressing; places of messages that are over are used again.  One thread at a time.
 */
#include "core/base/slice.h"

struct message_window;

struct message_seen {
	bool own;
	uint64_t more;
	uint64_t weight; /* messages that its rows stand for: the most of one of them */
	unsigned flags;  /* of enum message_flag, what any of its rows so far had */
};

/* What is remembered of the rows of a message. */
enum message_flag {
	MESSAGE_REFUSED = 1, /* it was refused when it came */
	MESSAGE_FOLDED = 2,  /* it stands for others of its network */
	MESSAGE_TOUCHED = 4, /* the change of rules can touch it */
	MESSAGE_PASSED = 8,  /* a row of it was only counted */
};

/* NULL when out of memory. */
struct message_window *message_window_create(int64_t from_ms, int64_t until_ms);
void message_window_free(struct message_window **);

/* count: decisions that the row stands for; flags: what the row has.  Out of memory: own is false,
 * and *failed set. */
struct message_seen message_window_take(struct message_window *, uint64_t key, int64_t time_ms,
    uint64_t count, unsigned flags, bool *failed);

/* This key comes soon: its place is asked of the memory. */
void message_window_expect(const struct message_window *, uint64_t key);

/* Sets flags of the message that was taken last. */
void message_window_mark(struct message_window *, unsigned flags);

/* Whether rows from this time on can still belong to a message of its own. */
bool message_window_wants(const struct message_window *, int64_t time_ms);

#endif
