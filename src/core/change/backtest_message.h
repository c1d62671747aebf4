#ifndef CHANGE_BACKTEST_MESSAGE_H
#define CHANGE_BACKTEST_MESSAGE_H
/*
 * backtest_message: the transactions that are open in a backtest: by session and number, those
 * whose last row is longest ago first.
 */
#include "core/change/backtest.h"

/* A recipient that passes under one of the rule sets, or may. */
struct backtest_recipient {
	struct backtest_recipient *next;
	struct replay_outcome outcome;
	enum fact_state state;
	struct slice address; /* behind it */
};

/* What a sample and the tables tell of a message: of its first recipient whose fate may change. */
struct backtest_about {
	int64_t time_ms;
	struct ip client;
	uint32_t run;
	uint64_t number;
	bool refused;
	struct slice sender, recipient, then; /* behind it */
};

struct backtest_message {
	struct backtest_message *in_slot, *newer, *older;
	uint64_t key;
	int64_t last_s; /* since the epoch, of its last row */
	bool has_rcpt, ended, proven, evaluated, refused_then;
	bool folded;     /* it stands for others of its network */
	uint64_t weight; /* messages that it counts for */
	struct backtest_recipient *recipients;
	struct backtest_about *about; /* NULL: nothing changes so far */
};

struct backtest_messages {
	struct backtest_message **slot;
	size_t slots, count;
	struct backtest_message *oldest, *newest;
};

/* False when out of memory. */
bool backtest_messages_create(struct backtest_messages *);

/* The transaction of this key, which has a row at this second; begun with it where it is new; NULL
 * when out of memory. */
struct backtest_message *backtest_messages_find(
    struct backtest_messages *, uint64_t key, int64_t now_s);

/* Takes out the oldest where its last row came before that time; NULL when there is none. */
struct backtest_message *backtest_messages_expire(struct backtest_messages *, int64_t before_s);

/* False when out of memory. */
bool backtest_message_keep(struct backtest_message *, enum fact_state, struct slice address,
    const struct replay_outcome *);
bool backtest_message_describe(struct backtest_message *, const struct decision_row *);

void backtest_message_free(struct backtest_message *);

/* With all that is open. */
void backtest_messages_free(struct backtest_messages *);

#endif
