#ifndef COMMANDS_MANAGED_EDIT_H
#define COMMANDS_MANAGED_EDIT_H
/*
 * managed_edit: what the commands have in common that edit a file of the daemon's (edge/managed/
 * managed.h): whose edit it is, and the reload that puts it into force.
 */
#include "edge/control/commands.h"
#include "edge/managed/managed.h"

/* Text that stays on its line and in its place, and hides nothing of it. */
bool managed_edit_fits(struct slice text, bool one_word);

/* Of a channel: whether nobody waits for the answer any more. */
bool managed_edit_is_gone(void *channel);

/* The name of the user who asks, or his number. */
struct slice managed_edit_asker(struct request *);

/* Puts the new lines into force, or the old ones back after a complaint about the "list" or the
 * like; the new generation's number, or 0. */
uint64_t managed_edit_make_live(struct request *, struct managed_edit *, const char *what);

#endif
