/*
 * Authentication-Results: reading a field, and writing ours from hostile values.
 *
 * The input, separated by byte 0xfe: the body of an incoming field, then the values that go into
 * ours in turn, again from the first when they run out.
 */
#include "core/mail/authres.h"
#include "core/mail/rfc5322.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES = 10 };

static const struct slice our_id = SLICE_INIT("mx.example.org");

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* A field that plainly begins with our id is ours, whatever follows. */
static void check_reading(struct slice body, struct arena *arena)
{
	enum authres_owner owner = authres_owner(body, our_id, NULL, arena);
	struct slice at = slice_trim(body);

	if (slice_starts_nocase(at, our_id) &&
	    (at.len == our_id.len || strchr("; \t(", at.ptr[our_id.len])))
		insist(owner == AUTHRES_OURS);
}

/* ---- what a reader of the standard makes of our field -------------------------------- */

struct seen {
	size_t semicolons, results; /* outside quotes and comments */
};

static struct seen read_ours(struct slice field)
{
	static const struct slice result = SLICE_INIT("dmarc=pass");
	struct rfc5322 s = {.text = field};
	struct seen seen = {0, 0};

	while (rfc5322_skip(&s), rfc5322_peek(&s) != RFC5322_END) {
		if (rfc5322_peek(&s) == '"')
			rfc5322_quoted(&s);
		else if (rfc5322_take(&s, ';'))
			seen.semicolons++;
		else if (slice_starts(slice_skip(field, s.at), result))
			seen.results++, s.at++;
		else
			s.at++;
	}
	insist(!s.wrong && s.at == field.len);
	return seen;
}

/* Filters that know no grammar search the whole field; comments are our own words. */
static size_t count(struct slice text, struct slice part)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += slice_starts(slice_skip(text, i), part);
	return n;
}

static void check_writing(const struct slice values[VALUES], struct arena *arena)
{
	struct authres_spf spf = {SLICE("fail"), values[0], values[1], values[9]};
	struct authres_dkim dkim = {SLICE("fail"), values[2], values[3], values[4], values[5],
	    values[6], SLICE("our own words: v= is missing; x"), values[7]};
	struct authres_dmarc dmarc = {SLICE("pass"), values[8], SLICE("reject"), slice_of(NULL, 0)};
	struct authres a = {our_id, &spf, &dkim, 1, &dmarc, 1};
	struct slice field = authres_write(&a, arena), line;
	struct seen seen;

	insist(field.ptr && authres_owner(field, our_id, NULL, arena) == AUTHRES_OURS);
	seen = read_ours(field);
	insist(seen.semicolons == 3 && seen.results == 1);
	spf.comment.len = dkim.comment.len = 0;
	field = authres_write(&a, arena);
	insist(count(field, SLICE("dmarc=pass")) == 1);
	insist(count(field, SLICE("spf=pass")) + count(field, SLICE("dkim=pass")) == 0);
	for (bool first = true; field.ptr; first = false) {
		line = slice_cut(&field, '\n');
		insist(line.len <= 998 && (first || slice_starts(line, SLICE("\t"))));
		insist(slice_is_printable_ascii(slice_skip(line, !first)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = {(const char *)data, size}, rest = all, values[VALUES];
	struct arena *arena = arena_create(16 << 20);

	check_reading(slice_cut(&rest, '\xfe'), arena);
	for (size_t i = 0; i < VALUES; i++) {
		rest = rest.ptr ? rest : all;
		values[i] = slice_cut(&rest, '\xfe');
	}
	check_writing(values, arena);
	insist(!arena_failed(arena));
	arena_free(&arena);
	return 0;
}
