#include "edge/control/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One piece of output: a pipe's worth, so that both sides work at the same time. */
enum { PIECE = 64 * 1024 };

/* A single channel_print() or channel_error(). */
enum { TEXT_MAX = 8 * 1024 };

struct channel {
	enum channel_kind kind;
	int in, out, err;
	bool gone;       /* a write failed: there is nobody to talk to */
	bool skipping;   /* the rest of a line that was too long */
	size_t from, to; /* input that was read and not yet given */
	size_t len;      /* of the piece under construction */
	char input[2 * CHANNEL_LINE_MAX];
	char piece[PIECE];
};

struct channel *channel_create(enum channel_kind kind, int in, int out, int err)
{
	struct channel *c = malloc(sizeof *c);

	if (!c)
		return NULL;
	c->kind = kind;
	c->in = in;
	c->out = out;
	c->err = err;
	c->gone = c->skipping = false;
	c->from = c->to = c->len = 0;
	return c;
}

void channel_free(struct channel **c)
{
	if (!*c)
		return;
	channel_flush(*c);
	free(*c);
	*c = NULL;
}

/* ---- input --------------------------------------------------------------------------- */

/* Makes room and reads on; false at the end of input. */
static bool fill(struct channel *c)
{
	ssize_t n;

	memmove(c->input, c->input + c->from, c->to - c->from);
	c->to -= c->from;
	c->from = 0;
	/* What was asked for may depend on what was said: nothing waits in our buffer meanwhile. */
	channel_flush(c);
	do
		n = read(c->in, c->input + c->to, sizeof c->input - c->to);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return false;
	c->to += (size_t)n;
	return true;
}

/* What stands at the front of the input. */
struct found {
	struct slice line;
	size_t taken; /* with its line end */
	bool cut;     /* it is longer than a line may be */
	bool ended;
};

/* False when a line has begun and may yet end within its limit. */
static bool find_line(const struct channel *c, struct found *f)
{
	const char *start = c->input + c->from;
	size_t have = c->to - c->from;
	const char *end = memchr(start, '\n', have);
	size_t len = end ? (size_t)(end - start) : have;

	*f = (struct found){.ended = end, .cut = len > CHANNEL_LINE_MAX};
	f->line = slice_of(start, f->cut ? CHANNEL_LINE_MAX : len);
	f->taken = len + (end != NULL);
	if (slice_ends(f->line, SLICE("\r")))
		f->line.len--;
	return f->ended || f->cut;
}

bool channel_line(struct channel *c, struct slice *line, bool *cut)
{
	struct found f;

	for (;;) {
		bool rest = c->skipping;

		if (!find_line(c, &f)) {
			if (fill(c))
				continue;
			/* A last line without its end. */
			*line = slice_of(c->input + c->from, c->to - c->from);
			*cut = false;
			c->from = c->to;
			return line->len > 0 && !rest;
		}
		c->from += f.taken;
		c->skipping = !f.ended;
		if (rest)
			continue;
		*line = f.line;
		*cut = f.cut;
		return true;
	}
}

/* ---- output -------------------------------------------------------------------------- */

static void send_all(struct channel *c, int fd, const char *bytes, size_t len)
{
	while (len > 0 && !c->gone) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		c->gone = n <= 0;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

static void send_frame(struct channel *c, const char *kind, int fd, const char *bytes, size_t len)
{
	char head[32];

	if (len == 0)
		return;
	if (c->kind == CHANNEL_PLAIN) {
		send_all(c, fd, bytes, len);
		return;
	}
	send_all(c, c->out, head, (size_t)snprintf(head, sizeof head, "%s %zu\n", kind, len));
	send_all(c, c->out, bytes, len);
}

void channel_begin(struct channel *c)
{
	static const char empty[] = "out 0\n";

	if (c->kind == CHANNEL_FRAMED)
		send_all(c, c->out, empty, sizeof empty - 1);
}

bool channel_flush(struct channel *c)
{
	send_frame(c, "out", c->out, c->piece, c->len);
	c->len = 0;
	return !c->gone;
}

bool channel_write(struct channel *c, struct slice bytes)
{
	while (bytes.len > 0 && !c->gone) {
		size_t room = PIECE - c->len, n = bytes.len < room ? bytes.len : room;

		memcpy(c->piece + c->len, bytes.ptr, n);
		c->len += n;
		bytes = slice_skip(bytes, n);
		if (c->len == PIECE)
			channel_flush(c);
	}
	return !c->gone;
}

/* The length of what vsnprintf() left in a buffer of TEXT_MAX. */
static size_t fitting(int n)
{
	return n < 0 ? 0 : n < TEXT_MAX ? (size_t)n : TEXT_MAX - 1;
}

bool channel_print(struct channel *c, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	return channel_write(c, slice_of(text, fitting(n)));
}

bool channel_error(struct channel *c, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	channel_flush(c);
	send_frame(c, "err", c->err, text, fitting(n));
	return !c->gone;
}

bool channel_exit(struct channel *c, int status)
{
	char text[32];

	channel_flush(c);
	if (c->kind == CHANNEL_FRAMED)
		send_all(c, c->out, text, (size_t)snprintf(text, sizeof text, "exit %d\n", status));
	return !c->gone;
}

bool channel_is_gone(struct channel *c)
{
	struct pollfd fd = {.fd = c->out}; /* hang-up and errors only */

	return c->gone || (c->kind == CHANNEL_FRAMED && poll(&fd, 1, 0) > 0);
}

enum channel_event channel_wait(struct channel *c, int fd, int timeout_ms)
{
	/* Nobody reads `out`: only its hang-up and errors are told. */
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = c->out, .events = POLLRDHUP}};
	int n;

	if (!channel_flush(c))
		return CHANNEL_GONE;
	do
		n = poll(fds, 2, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0 || fds[1].revents)
		return CHANNEL_GONE;
	return n > 0 ? CHANNEL_READABLE : CHANNEL_TIMEOUT;
}
