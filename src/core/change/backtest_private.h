#ifndef CHANGE_BACKTEST_PRIVATE_H
#define CHANGE_BACKTEST_PRIVATE_H
/*
 * The parts of backtest: backtest.c takes rows and decides them, backtest_figures.c counts messages
 * whose fate changes, backtest_hidden.c knows what is hidden of addresses.
 */
#include "backtest_message.h"
#include "message_window.h"

struct rules_touch;
struct hidden_locals;

struct backtest {
	const struct ruleset *before, *after;
	int64_t now;
	const struct idna *idna;
	struct arena *arena, *samples;
	int64_t from_ms, until_ms; /* the part of the history that is its own */
	struct message_window *window;
	backtest_hash_fn *hash; /* NULL: hashes are not known */
	const void *hash_context;
	struct hidden_locals *hidden; /* these two only where a row hides a local part */
	struct rules_touch *touch;
	bool wanted; /* by backtest_wants_row(), which has counted the row that comes next */
	struct message_seen seen; /* the message of that row */
	uint64_t *late;
	size_t late_count, late_capacity;
	struct backtest_messages messages;
	struct backtest_result result;
};

/* Once for each message, when nothing more is to come.  No row is looked at meanwhile: its region
 * is free. */
void backtest_count_message(struct backtest *, struct backtest_message *);

/* A session of which rows were left out that are needed. */
void backtest_add_late(struct backtest *, uint64_t session);

/* Mailboxes that rules name take the place of their hashes. */
void backtest_find_hidden(struct backtest *, struct decision_row *);

/* Whether a verdict may hang on a local part that is not kept; and what becomes of such a
 * recipient: not known, and a difference only where there may be one. */
bool backtest_hangs_on_hidden(struct backtest *, const struct facts *);
struct replay_outcome backtest_hidden_outcome(struct backtest *, const struct facts *);

#endif
