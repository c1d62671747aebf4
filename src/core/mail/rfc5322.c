#include "core/mail/rfc5322.h"

static const char control_byte[] = "a control character";
static const char loose_line_end[] = "a line end that no blank follows";

/* True for a byte that may stand in an atom (RFC 5322 3.2.3 atext, ASCII only). */
static bool is_atext(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

static bool is_control(int c)
{
	return (c >= 0 && c < 0x20) || c == 0x7f;
}

static bool report_wrong(struct rfc5322 *s, const char *wrong)
{
	if (!s->wrong)
		s->wrong = wrong;
	return false;
}

static struct slice rest(const struct rfc5322 *s)
{
	return slice_skip(s->text, s->at);
}

int rfc5322_peek(const struct rfc5322 *s)
{
	return s->wrong || s->at >= s->text.len ? RFC5322_END : (unsigned char)s->text.ptr[s->at];
}

bool rfc5322_take(struct rfc5322 *s, char c)
{
	if (rfc5322_peek(s) != (unsigned char)c)
		return false;
	s->at++;
	return true;
}

/* One blank, or one line end with the blank behind it; a line end may also end the text. */
static bool take_blank(struct rfc5322 *s)
{
	struct slice r = rest(s);
	size_t line_end = slice_starts(r, SLICE("\r\n")) ? 2 : slice_starts(r, SLICE("\n")) ? 1 : 0;

	if (s->wrong)
		return false;
	if (line_end && r.len > line_end && r.ptr[line_end] != ' ' && r.ptr[line_end] != '\t')
		return report_wrong(s, loose_line_end);
	if (line_end) {
		s->at += line_end;
		return true;
	}
	return rfc5322_take(s, ' ') || rfc5322_take(s, '\t');
}

/*
 * Takes one byte of text inside quotes or a comment, or one whole UTF-8 sequence.  A byte above
 * 127 that is in no valid sequence must not stand before a backslash (see the header).
 */
static bool take_text(struct rfc5322 *s)
{
	struct slice r = rest(s);
	size_t len = 2;

	if (is_control((unsigned char)r.ptr[0]))
		return report_wrong(s, control_byte);
	if (!((unsigned char)r.ptr[0] & 0x80)) {
		s->at++;
		return true;
	}
	while (len <= 4 && len <= r.len && !slice_is_utf8(slice_of(r.ptr, len)))
		len++;
	if (len <= 4 && len <= r.len) {
		s->at += len;
		return true;
	}
	s->at++;
	if (rfc5322_peek(s) == '\\')
		return report_wrong(s, "a backslash behind a byte that is not UTF-8");
	return true;
}

/* Behind a backslash: any printable character or blank (RFC 5322 3.2.1). */
static bool take_escaped(struct rfc5322 *s)
{
	if (rfc5322_peek(s) == RFC5322_END)
		return report_wrong(s, "a backslash at the end");
	return rfc5322_take(s, '\t') || take_text(s);
}

static bool take_comment(struct rfc5322 *s)
{
	size_t depth = 0;

	do {
		if (rfc5322_take(s, '('))
			depth++;
		else if (rfc5322_take(s, ')'))
			depth--;
		else if (rfc5322_peek(s) == RFC5322_END)
			return report_wrong(s, "a comment that does not end");
		else if (rfc5322_take(s, '\\'))
			take_escaped(s);
		else if (!take_blank(s) && !s->wrong)
			take_text(s);
	} while (depth > 0 && !s->wrong);
	return !s->wrong;
}

bool rfc5322_skip(struct rfc5322 *s)
{
	size_t from = s->at;

	while (take_blank(s) || (rfc5322_peek(s) == '(' && take_comment(s)))
		;
	return s->at > from;
}

struct slice rfc5322_atom(struct rfc5322 *s, struct slice more)
{
	struct slice r = rest(s);
	size_t len = 0;

	if (s->wrong)
		return slice_of(r.ptr, 0);
	while (len < r.len && (is_atext(r.ptr[len]) || (r.ptr[len] & 0x80) ||
				  slice_find(more, r.ptr[len]) < more.len))
		len++;
	s->at += len;
	return slice_of(r.ptr, len);
}

bool rfc5322_quoted(struct rfc5322 *s)
{
	if (!rfc5322_take(s, '"'))
		return report_wrong(s, "no quoted string");
	while (!s->wrong && !rfc5322_take(s, '"')) {
		if (rfc5322_peek(s) == RFC5322_END)
			return report_wrong(s, "a quoted string that does not end");
		if (rfc5322_take(s, '\\'))
			take_escaped(s);
		else if (!take_blank(s) && !s->wrong)
			take_text(s);
	}
	return !s->wrong;
}
