#include "core/auth/dkim_body.h"

/* Line ends that were held back are passed on in pieces of this many. */
#define NEWLINES_AT_ONCE 32

#define CRLF4 "\r\n\r\n\r\n\r\n"
static const char newlines[] = CRLF4 CRLF4 CRLF4 CRLF4 CRLF4 CRLF4 CRLF4 CRLF4;

void dkim_body_init(struct dkim_body *b, bool relaxed, dkim_body_sink *sink, void *self)
{
	*b = (struct dkim_body){.relaxed = relaxed, .sink = sink, .self = self};
}

static void pass(struct dkim_body *b, const char *bytes, size_t len)
{
	if (len == 0)
		return;
	b->octets += len;
	b->sink(b->self, bytes, len);
}

/* Something follows that stays: what was held back stays too. */
static void release(struct dkim_body *b)
{
	while (b->newlines > 0) {
		uint64_t n = b->newlines < NEWLINES_AT_ONCE ? b->newlines : NEWLINES_AT_ONCE;

		pass(b, newlines, (size_t)n * 2);
		b->newlines -= n;
	}
	if (b->blank)
		pass(b, " ", 1);
	b->blank = false;
}

/* One octet after something that was held back; true when nothing is held back any more and the
 * octet itself is still to be passed on. */
static bool step(struct dkim_body *b, char c)
{
	if (b->cr) {
		b->cr = false;
		if (c == '\n') {
			b->newlines++;
			b->blank = false;
			return false;
		}
		release(b);
		pass(b, "\r", 1);
	}
	if (c == '\r') {
		b->cr = true;
		return false;
	}
	if (b->relaxed && (c == ' ' || c == '\t')) {
		b->blank = true;
		return false;
	}
	release(b);
	return true;
}

/* Eight octets at once (SIMD within a register): the high bit of each that is below a limit, which
 * is at most 0x80; octets beyond 0x7f never are. */
#define EACH(octet) (UINT64_C(0x0101010101010101) * (octet))

static uint64_t below(uint64_t octets, uint64_t limit)
{
	uint64_t low = octets & EACH(0x7f);

	return ~(low + EACH(0x80 - limit)) & ~octets & EACH(0x80);
}

/* Octets of plain text in front, in steps of seven or eight: no control characters, and only
 * blanks that stand alone, with something that shows them behind. */
static size_t plain_run(const char *p, size_t len)
{
	size_t i = 0;

	while (len - i >= sizeof(uint64_t)) {
		uint64_t octets, blanks;

		memcpy(&octets, p + i, sizeof octets);
		blanks = below(octets, 0x21);
		if (below(octets, 0x20) != 0 || (blanks & blanks >> 8) != 0)
			break;
		i += sizeof octets - (p[i + sizeof octets - 1] == ' '); /* no branch to guess */
	}
	return i;
}

/* How much of the text is canonical as it stands and is followed by something that shows it. */
static size_t relaxed_run(const char *p, size_t len)
{
	size_t i = plain_run(p, len);

	while (i < len) {
		unsigned char c = (unsigned char)p[i];

		if (c > ' ' || (c != ' ' && c != '\t' && c != '\r'))
			i++;
		else if (c == ' ' && len - i > 1 && (unsigned char)p[i + 1] > ' ')
			i += 2;
		else if (c == '\r' && len - i > 2 && p[i + 1] == '\n' &&
			 (unsigned char)p[i + 2] > ' ')
			i += 3 + plain_run(p + i + 3, len - i - 3);
		else
			break;
	}
	return i;
}

/* All but the line ends, and the CR that may become one, at the end of the text. */
static size_t simple_run(const char *p, size_t len)
{
	if (len > 0 && p[len - 1] == '\r')
		len--;
	while (len > 1 && p[len - 2] == '\r' && p[len - 1] == '\n')
		len -= 2;
	return len;
}

void dkim_body_feed(struct dkim_body *b, const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len) {
		size_t run;

		if (!step(b, bytes[i])) {
			i++;
			continue;
		}
		run = b->relaxed ? relaxed_run(bytes + i, len - i) : simple_run(bytes + i, len - i);
		pass(b, bytes + i, run);
		i += run;
	}
}

void dkim_body_end(struct dkim_body *b)
{
	if (b->cr) {
		release(b);
		pass(b, "\r", 1);
		b->cr = false;
	}
	/* Simple: exactly one line end, also for no body.  Relaxed: one, unless nothing is left. */
	if (!b->relaxed || b->octets > 0)
		pass(b, "\r\n", 2);
	b->newlines = 0;
	b->blank = false;
}
