/*
 * A whole SPF check, libspf2 included, against a DNS that the input makes up.
 *
 * The input is texts separated by byte 0xfe: one for each TXT question in turn, again from the
 * first when they run out.  Other questions are answered by one byte each, taken from the end.
 */
#include "core/auth/spf_check.h"
#include "edge/auth/spf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROBLEM_MAX = 2000 };

struct source {
	struct slice texts, rest; /* all of them, and what was not given yet */
	size_t bytes_taken;
	unsigned questions;
};

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static unsigned next_byte(struct source *s)
{
	if (s->texts.len == 0)
		return 0;
	s->bytes_taken = (s->bytes_taken + 1) % s->texts.len;
	return (unsigned char)s->texts.ptr[s->texts.len - 1 - s->bytes_taken];
}

static struct slice next_text(struct source *s)
{
	if (!s->rest.ptr)
		s->rest = s->texts;
	return slice_cut(&s->rest, '\xfe');
}

static struct slice record_data(struct source *s, enum dns_type type, unsigned byte)
{
	static const char v4[4] = {'\300', 0, 2, 1};
	static const char v6[16] = {0x20, 1, 0xd, '\xb8'};

	switch (type) {
	case DNS_A:
		return byte & 64 ? slice_of(v4, sizeof v4) : SLICE("\1\2\3\4");
	case DNS_AAAA:
		return byte & 64 ? slice_of(v6, sizeof v6) : SLICE("0123456789abcdef");
	case DNS_TXT:
		return next_text(s);
	default:
		return byte & 64   ? SLICE("a.e.example")
		       : byte & 32 ? SLICE("")
				   : SLICE("xe.example");
	}
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct source *s = self;
	unsigned byte = type == DNS_TXT ? 64 : next_byte(s);
	static const enum dns_status statuses[] = {
	    DNS_OK, DNS_OK, DNS_OK, DNS_OK, DNS_OK, DNS_NODATA, DNS_NXDOMAIN, DNS_TEMP};
	size_t count = byte & 128 ? 1 + byte % 16 : 1;
	struct dns_record *records = arena_calloc(arena, count, sizeof *records);

	insist(name.len <= 253);
	insist(++s->questions <= SPF_QUESTIONS_MAX);
	*out = (struct dns_answer){.status = records ? statuses[byte % 8] : DNS_TEMP};
	if (out->status != DNS_OK)
		return;
	out->records = records;
	out->count = count;
	for (size_t i = 0; i < count; i++)
		records[i].data = record_data(s, type, byte);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = {.texts = {(const char *)data, size}, .rest = {NULL, 0}};
	struct dns dns = {.self = &source, .lookup = lookup};
	struct arena *arena = arena_create(1 << 20);
	struct spf_query q = {.helo = SLICE("mx.e.example"),
	    .local = SLICE("strong-bad+tag"),
	    .domain = SLICE("e.example"),
	    .receiver = SLICE("in.example.net"),
	    .now = 1234567890,
	    .explain = true};
	struct spf_answer a;

	insist(ip_parse(size % 2 ? SLICE("192.0.2.1") : SLICE("2001:db8::"), &q.client));
	spf_check(&dns, &q, arena, &a);
	insist(a.questions == source.questions);
	insist(a.dns_terms <= SPF_TERMS_MAX);
	insist(a.result == SPFR_PERMERROR || a.void_lookups <= SPF_VOIDS_MAX);
	insist(a.explanation.len == 0 || a.result == SPFR_FAIL);
	insist(a.explanation.len <= SPF_EXPLANATION_MAX && a.problem.len <= PROBLEM_MAX);
	insist(slice_is_printable_ascii(a.explanation) && slice_is_printable_ascii(a.problem));
	insist((a.problem.len > 0) == (a.result == SPFR_TEMPERROR || a.result == SPFR_PERMERROR));
	arena_free(&arena);
	return 0;
}
