#ifndef CORE_AUTH_DNSWIRE_H
#define CORE_AUTH_DNSWIRE_H
/*
 * dnswire: a name on its way into the DNS, and record data on its way out.
 *
 * A name that mail brought along may hold blanks, quotes, backslashes or NUL: all of them are
 * plain bytes of a label, and none may be read as syntax.  Record data comes from whoever runs the
 * other end: every length in it is checked against what is there.
 *
 *     char question[DNSWIRE_QUESTION_MAX];
 *     dnswire_question(SLICE("Two words.example.org"), question)  → "two\032words.example.org"
 *     dnswire_record(DNS_MX, slice_of(rdata, len), room, &record) → {"mx.example.org", 10}
 *
 * Pure functions, safe in any thread.
 */
#include "core/auth/dns.h"
#include "core/name/name.h"

/* Room for a question: every byte escaped, and the NUL. */
enum { DNSWIRE_QUESTION_MAX = 4 * NAME_MAX_OCTETS + 1 };

/*
 * Writes the name in presentation form (RFC 1035 5.1), in lower case: letters, digits, "-" and "_"
 * as they are, every other byte of a label as \DDD.  Returns its length without the NUL, or 0 when
 * there is nothing to ask: an empty label (so also a dot at an end, and the root), a label over 63
 * or a name over 253 octets.
 */
size_t dnswire_question(struct slice name, char out[static DNSWIRE_QUESTION_MAX]);

/*
 * Reads one record's data, names uncompressed.  What `out` points to is written to `room`, which
 * must hold rdata.len bytes (decoded data is never longer).  False when the data is cut short, goes
 * on past its end, or is a host name that text cannot hold (a dot inside a label); then `out` is
 * unchanged.  The host "." is the empty slice.
 */
bool dnswire_record(enum dns_type, struct slice rdata, char *room, struct dns_record *out);

/* "TXT", "A", …; "?" for what core does not ask.  A static string. */
const char *dns_type_name(enum dns_type);

#endif
