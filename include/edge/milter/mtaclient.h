#ifndef EDGE_MILTER_MTACLIENT_H
#define EDGE_MILTER_MTACLIENT_H
/*
 * mtaclient: the MTA's side of the milter protocol, as far as a check needs it: is there a milter
 * behind this socket, and what does it answer?
 *
 *     char why[MTACLIENT_WHY_MAX];
 *     struct mtaclient *c = mtaclient_open("inet:8891@127.0.0.1", 2000, why);
 *     mtaclient_connect(c, &ip, "mx.example");      // 'c' continue
 *     mtaclient_command(c, 'H', "mx.example");
 *     mtaclient_command(c, 'M', "<a@example.org>");
 *     mtaclient_command(c, 'R', "<b@example.net>"); // 'y', mtaclient_text(c) "550 5.7.1 …"
 *     mtaclient_close(&c);
 *
 * One thread at a time.  Every step ends by the time-out given to open; looking up a host that is
 * named instead of numbered is the system's affair.
 */
#include "core/net/ip.h"

struct mtaclient;

enum { MTACLIENT_WHY_MAX = 300, MTACLIENT_TEXT_MAX = 1024 };

/* A connection to a socket in libmilter's spelling, each step of which may take so long; -1, and
 * the reason in why[]. */
int mtaclient_socket(const char *spec, int timeout_ms, char why[MTACLIENT_WHY_MAX]);

/* Connects and negotiates.  spec: libmilter's spelling, inet:PORT@HOST, inet6:…, unix:PATH.  NULL,
 * and the reason in why[]. */
struct mtaclient *mtaclient_open(const char *spec, int timeout_ms, char why[MTACLIENT_WHY_MAX]);

/* The same over a connection that is there; fd is the client's, also when it fails. */
struct mtaclient *mtaclient_over(int fd, int timeout_ms, char why[MTACLIENT_WHY_MAX]);

/* Says goodbye and frees. */
void mtaclient_close(struct mtaclient **);

/* Macros for the step `command` ('C', 'M', …): NAME, VALUE, …, NULL. */
bool mtaclient_macros(struct mtaclient *, int command, ...) __attribute__((sentinel));

/* Each returns the milter's answer: 'c' continue, 'a' accept, 'r' reject, 't' tempfail, 'y' a
 * reply (see mtaclient_text), or 0 when the connection broke or timed out.  A step that was
 * negotiated away, or needs no answer, is 'c'. */
char mtaclient_connect(struct mtaclient *, const struct ip *client, const char *name);
char mtaclient_command(struct mtaclient *, char command, const char *argument);

/* What came with the last 'y'. */
const char *mtaclient_text(const struct mtaclient *);

#endif
