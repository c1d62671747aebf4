#include "core/mail/message_write.h"

#include <stdio.h>

/* RFC 2045 6.7: 76 characters, of which the last may be the "=" of a soft line break. */
enum { LINE_MAX_CHARS = 76, ADDRESS_MAX = 254, FIELD_MAX = 990 };

/* ---- the head ------------------------------------------------------------------------ */

bool message_is_address(const char *text)
{
	struct slice s = slice_str(text);
	size_t at = slice_find(s, '@');

	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || strchr("()<>[]:;\\,\"", s.ptr[i]))
			return false;
	return s.len > 0 && s.len <= ADDRESS_MAX && at > 0 && at + 1 != s.len && s.ptr[0] != '-' &&
	       slice_find_last(s, '@') == at;
}

const char *message_date(int64_t seconds, char out[MESSAGE_DATE_MAX])
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {
	    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	int64_t day = seconds / 86400, second = seconds % 86400;
	/* Days from 0000-03-01, in eras of 400 years (Hinnant). */
	int64_t z = day + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);

	snprintf(out, MESSAGE_DATE_MAX, "%s, %02d %s %04d %02d:%02d:%02d +0000", days[day % 7],
	    (int)(doy - (153 * mp + 2) / 5 + 1), months[month - 1],
	    (int)(yoe + era * 400 + (month <= 2)), (int)(second / 3600), (int)(second / 60 % 60),
	    (int)(second % 60));
	return out;
}

static void put(struct message_writer *w, const char *text, size_t len)
{
	w->put(w->context, slice_of(text, len));
}

/* A field, folded at blanks; what is not printable ASCII becomes '?'. */
static void put_field(struct message_writer *w, const char *name, const char *value)
{
	char text[FIELD_MAX];
	size_t column = 0, len, start = 0;

	snprintf(text, sizeof text, "%s: %s", name, value);
	len = strlen(text);
	for (size_t i = 0; i < len; i++)
		text[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	for (size_t i = 0; i <= len; i++) {
		bool end = i == len;

		if (!end && (text[i] != ' ' || i == strlen(name) + 1))
			continue;
		if (column > 0 && column + i - start > LINE_MAX_CHARS) {
			put(w, "\n", 1);
			column = 0;
		}
		put(w, text + start, i - start);
		column += i - start;
		start = i;
	}
	put(w, "\n", 1);
}

struct message_writer message_begin(const struct message_head *head,
    void (*write)(void *context, struct slice piece), void *context)
{
	struct message_writer w = {.put = write, .context = context};
	char date[MESSAGE_DATE_MAX], id[FIELD_MAX];

	snprintf(id, sizeof id, "<%s@%s>", head->id, head->host);
	put_field(&w, "From", head->from);
	put_field(&w, "To", head->to);
	put_field(&w, "Subject", head->subject);
	put_field(&w, "Date", message_date(head->date, date));
	put_field(&w, "Message-ID", id);
	/* RFC 3834: nobody is to answer, no vacation program either. */
	put_field(&w, "Auto-Submitted", "auto-generated");
	put_field(&w, "MIME-Version", "1.0");
	put_field(&w, "Content-Type",
	    head->html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8");
	put_field(&w, "Content-Transfer-Encoding", "quoted-printable");
	put(&w, "\n", 1);
	return w;
}

/* ---- the text ------------------------------------------------------------------------ */

/* One character of the encoded text, which may be three bytes. */
static void put_encoded(struct message_writer *w, char c, bool encode)
{
	char text[4];
	unsigned len = 1;

	if (encode)
		len = (unsigned)snprintf(text, sizeof text, "=%02X", (unsigned)(unsigned char)c);
	else
		text[0] = c;
	if (w->column + len > LINE_MAX_CHARS - 1) {
		put(w, "=\n", 2);
		w->column = 0;
	}
	put(w, text, len);
	w->column += len;
}

static void put_held(struct message_writer *w, bool encode)
{
	char c = w->held;

	w->held = '\0';
	if (c)
		put_encoded(w, c, encode);
}

/* mbox and SMTP look at how lines begin; a soft line break may make a beginning anywhere. */
static bool begins_badly(const struct message_writer *w, char c)
{
	return (c == '.' || c == 'F') && (w->column == 0 || w->column + 1 > LINE_MAX_CHARS - 1);
}

void message_text(struct message_writer *w, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\n') {
			put_held(w, true);
			put(w, "\n", 1);
			w->column = 0;
			continue;
		}
		put_held(w, false);
		if (c == ' ' || c == '\t')
			w->held = c;
		else
			put_encoded(w, c, c < ' ' || c > '~' || c == '=' || begins_badly(w, c));
	}
}

void message_end(struct message_writer *w)
{
	put_held(w, true);
	if (w->column > 0)
		put(w, "\n", 1);
	w->column = 0;
}
