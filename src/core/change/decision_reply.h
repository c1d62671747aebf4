#ifndef CHANGE_DECISION_REPLY_H
#define CHANGE_DECISION_REPLY_H
/*
 * decision_reply: the reply of a row without what the row itself knows.
 *
 *     5.7.1 Mail to b@example.org is not accepted here (left-us) https://help.example/k3…
 *     5.7.1 Mail to \6 is not accepted here (left-us) https://help.example/\1
 *
 * Each byte below a blank stands for a text of the row; a reply has none of its own, since all of
 * it is printable.  What it was made of is what it is expanded to.
 */
#include "core/change/decision_row.h"

/* Of a row whose other texts are set. */
struct slice decision_reply_template(
    const struct decision_row *, const struct reply *, char out[DECISION_REPLY_MAX]);

void decision_reply_expand(const struct decision_row *, struct reply *out);

#endif
