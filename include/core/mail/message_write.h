#ifndef CORE_MAIL_MESSAGE_WRITE_H
#define CORE_MAIL_MESSAGE_WRITE_H
/*
 * message_write: a message of ours (RFC 5322, 2045), in any transport: ASCII, lines of at most 76
 * characters, the text as quoted-printable.
 *
 *     struct message_writer w = message_begin(&head, put, context);
 *     message_text(&w, SLICE("Größe: 7\n"));
 *     message_end(&w);
 *
 * Whatever stands in the head or in the text, it stays there: bytes that could end a field become
 * '?', and of the text every byte but printable ASCII is encoded, as are what a mailer could take
 * for the end of a line or message: blanks before a line's end, "." and "From " at its beginning.
 *
 * Pure.
 */
#include "core/base/slice.h"

struct message_head {
	const char *from, *to; /* addresses: message_is_address() */
	const char *subject;
	int64_t date;     /* seconds since the epoch */
	const char *id;   /* the left part of Message-ID, a word that is new each time */
	const char *host; /* its right part */
	bool html;        /* the text is a page */
};

struct message_writer {
	void (*put)(void *context, struct slice piece);
	void *context;
	unsigned column; /* of the text's line */
	char held;       /* a blank or tab that may be the last of its line; 0: none */
};

/* An address that can stand in a field as it is: ASCII, without quotes, comments or blanks, a
 * domain behind the '@' or none. */
bool message_is_address(const char *text);

/* Writes the head.  The pieces are valid for the call. */
struct message_writer message_begin(
    const struct message_head *, void (*put)(void *context, struct slice piece), void *context);

/* Any part of the text; '\n' ends a line. */
void message_text(struct message_writer *, struct slice text);

/* Ends the last line. */
void message_end(struct message_writer *);

/* "Mon, 30 Nov 2026 12:00:00 +0000"; returns out. */
enum { MESSAGE_DATE_MAX = 40 };
const char *message_date(int64_t seconds, char out[MESSAGE_DATE_MAX]);

#endif
