#include "decision_reply.h"

#include <stdio.h>

/* The texts that a byte may stand for: MARK_ID is the byte 1, and so on. */
enum mark {
	MARK_ID,
	MARK_CLIENT,
	MARK_NETWORK,
	MARK_IDENTITY,
	MARKS = MARK_IDENTITY + IDENTITY_COUNT
};

/* Of a shorter text little is saved, and much would look like it by chance. */
enum { MARK_TEXT_MIN = 4 };

struct marks {
	struct slice text[MARKS];
	char client[IP_TEXT_MAX], network[PREFIX_TEXT_MAX];
};

static void marks_of(const struct decision_row *row, struct marks *m)
{
	*m = (struct marks){.text = {{NULL, 0}}};
	m->text[MARK_ID] = row->id;
	if (row->client.family != IP_NONE)
		m->text[MARK_CLIENT] = slice_of(m->client, ip_format(&row->client, m->client));
	if (row->has_network)
		m->text[MARK_NETWORK] =
		    slice_of(m->network, prefix_format(&row->network, m->network));
	for (int i = 0; i < IDENTITY_COUNT; i++)
		m->text[MARK_IDENTITY + i] = row->text[i];
}

/* The longest text that stands at the beginning of `rest`; MARKS: none does. */
static int find_mark(const struct marks *m, struct slice rest)
{
	int best = MARKS;

	for (int i = 0; i < MARKS; i++)
		if (m->text[i].len >= MARK_TEXT_MIN && slice_starts(rest, m->text[i]) &&
		    (best == MARKS || m->text[i].len > m->text[best].len))
			best = i;
	return best;
}

struct slice decision_reply_template(
    const struct decision_row *row, const struct reply *reply, char out[DECISION_REPLY_MAX])
{
	struct slice rest = slice_str(reply->text);
	struct marks m;
	size_t len = (size_t)snprintf(out, DECISION_REPLY_MAX, "%s ", reply->xcode);

	marks_of(row, &m);
	while (rest.len > 0) {
		int mark = find_mark(&m, rest);

		out[len++] = mark < MARKS ? (char)(mark + 1) : rest.ptr[0];
		rest = slice_skip(rest, mark < MARKS ? m.text[mark].len : 1);
	}
	return slice_of(out, len);
}

void decision_reply_expand(const struct decision_row *row, struct reply *out)
{
	struct slice text = row->text[ROW_REPLY], xcode = slice_cut(&text, ' ');
	struct marks m;
	size_t len = 0;

	marks_of(row, &m);
	out->code = row->code;
	snprintf(out->xcode, sizeof out->xcode, "%.*s", SLICE_ARG(xcode));
	for (size_t i = 0; i < text.len; i++) {
		unsigned mark = (unsigned char)text.ptr[i];
		struct slice piece =
		    mark >= 1 && mark <= MARKS ? m.text[mark - 1] : slice_of(text.ptr + i, 1);
		if (piece.len < sizeof out->text - len) {
			memcpy(out->text + len, piece.ptr ? piece.ptr : "", piece.len);
			len += piece.len;
		}
	}
	out->text[len] = '\0';
}
