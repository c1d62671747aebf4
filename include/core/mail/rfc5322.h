#ifndef CORE_MAIL_RFC5322_H
#define CORE_MAIL_RFC5322_H
/*
 * rfc5322: the small parts that structured header fields are made of (RFC 5322 3.2, RFC 6532).
 *
 * A scanner over the raw body of one field, folding included.  Each function takes one thing off
 * the front.  The first offence sets `wrong`; from then on nothing is taken any more, so a caller
 * may look at the end only.
 *
 *     struct rfc5322 s = {.text = SLICE(" (Bob\r\n (\"Jr\"))\tbob@example.org")};
 *     rfc5322_skip(&s);                  // the comment and the blanks
 *     rfc5322_atom(&s, SLICE("."));      // "bob"
 *     rfc5322_peek(&s);                  // '@'
 *
 * What is refused everywhere, because readers disagree on it: NUL and other control bytes (the
 * obs-NO-WS-CTL of RFC 5322 4.1), a bare CR, a line end that no blank follows, comments and quoted
 * strings that do not end.  Bytes above 127 are taken as text whether or not they are valid UTF-8,
 * since raw Latin-1 stands in many display names; only in front of a backslash an invalid one is
 * refused, as in some charsets the two are one character and the quoting would end elsewhere.
 */
#include "core/base/slice.h"

struct rfc5322 {
	struct slice text;
	size_t at;
	const char *wrong; /* a literal sentence; NULL while all is well */
};

/* The next byte as 0 to 255; RFC5322_END at the end of the text or when something is wrong. */
enum { RFC5322_END = -1 };
int rfc5322_peek(const struct rfc5322 *);

/* Takes the byte c if it is next. */
bool rfc5322_take(struct rfc5322 *, char c);

/* Takes blanks, folding and nested comments (CFWS), and a line end at the very end of the text.
 * True when there were any. */
bool rfc5322_skip(struct rfc5322 *);

/* The run of atext (RFC 5322 3.2.3), bytes above 127, and bytes of `more`; may be empty. */
struct slice rfc5322_atom(struct rfc5322 *, struct slice more);

/* Takes a quoted string, whose '"' is next; false when it is broken. */
bool rfc5322_quoted(struct rfc5322 *);

#endif
