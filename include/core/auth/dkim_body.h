#ifndef CORE_AUTH_DKIM_BODY_H
#define CORE_AUTH_DKIM_BODY_H
/*
 * dkim_body: the canonical form of a body, as a stream (RFC 6376 3.4.3 and 3.4.4).
 *
 *     struct dkim_body b;
 *     dkim_body_init(&b, true, hash_update, hash);      // relaxed
 *     dkim_body_feed(&b, chunk, len);                   // any number of times, any lengths
 *     dkim_body_end(&b);                                // b.octets: the canonical length
 *
 * The canonical octets go to the sink in runs as long as the input allows: what is canonical
 * already (nearly all mail is) is passed on where it stands, not copied.  That is why this is not
 * left to libopendkim, which copies every octet, once for each way in which signatures differ:
 * 60 MB/s against more than 1 GB/s here.
 *
 * Lines end in CRLF; a bare CR or LF is an octet like others.  Held back are only blanks and line
 * ends whose fate the next octet decides, as counts: memory does not grow with the body.
 */
#include "core/base/slice.h"

/* Called with len > 0; the bytes are borrowed for the call. */
typedef void dkim_body_sink(void *self, const char *bytes, size_t len);

struct dkim_body {
	bool relaxed;
	bool blank;        /* relaxed: white space seen, not yet passed on */
	bool cr;           /* a CR seen, perhaps half of a line end */
	uint64_t newlines; /* line ends seen, not yet passed on */
	uint64_t octets;   /* canonical octets passed on */
	dkim_body_sink *sink;
	void *self;
};

void dkim_body_init(struct dkim_body *, bool relaxed, dkim_body_sink *, void *self);
void dkim_body_feed(struct dkim_body *, const char *bytes, size_t len);
void dkim_body_end(struct dkim_body *);

#endif
