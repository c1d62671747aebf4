/*
 * A whole SPF check by both evaluators, which must agree, against a DNS that the input makes up.
 *
 * The input is texts separated by byte 0xfe: one for each TXT question in turn, again from the
 * first when they run out.  Other questions are answered by one byte each, and one for each record,
 * taken from the end: the client's address or one that differs from it in one bit, hosts by any
 * preference.
 */
#include "fake/spf_both.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROBLEM_MAX = 2000 };

struct source {
	const struct ip *client;
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

/* The client's address, or its neighbour by one bit. */
static struct slice address(
    const struct source *s, enum dns_type type, unsigned byte, struct arena *arena)
{
	unsigned char bytes[16] = {0};
	size_t bit = byte % (8 * ip_to_bytes(s->client, bytes));

	if (byte < 224)
		bytes[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
	return arena_copy(arena, slice_of((const char *)bytes, type == DNS_A ? 4 : 16));
}

static struct dns_record next_record(struct source *s, enum dns_type type, struct arena *arena)
{
	static const struct slice hosts[] = {SLICE_INIT("a.e.example"), SLICE_INIT("xe.example"),
	    SLICE_INIT("e.example"), SLICE_INIT("")};
	unsigned byte = type == DNS_TXT ? 0 : next_byte(s);

	switch (type) {
	case DNS_A:
	case DNS_AAAA:
		return (struct dns_record){.data = address(s, type, byte, arena)};
	case DNS_TXT:
		return (struct dns_record){.data = next_text(s)};
	default:
		return (struct dns_record){
		    .data = hosts[byte % 4], .preference = (uint16_t)(byte >> 4)};
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
		records[i] = next_record(s, type, arena);
}

static struct spf_answer check(const struct spf_named_evaluator *by, const struct spf_query *q,
    struct slice texts, struct arena *arena)
{
	struct source source = {.client = &q->client, .texts = texts, .rest = {NULL, 0}};
	struct dns dns = {.self = &source, .lookup = lookup};
	struct spf_answer a;

	by->evaluate(&dns, q, arena, &a);
	insist(a.questions == source.questions);
	return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice texts = {(const char *)data, size};
	struct arena *arena = arena_create(1 << 20);
	struct spf_query q = {.helo = SLICE("mx.e.example"),
	    .local = size % 5 ? SLICE("strong-bad+tag") : SLICE("b\303\266se"),
	    .domain = SLICE("e.example"),
	    .receiver = SLICE("in.example.net"),
	    .now = 1234567890,
	    .explain = true};
	struct spf_answer a, other;

	insist(ip_parse(size % 2 ? SLICE("192.0.2.1") : SLICE("2001:db8::"), &q.client));
	a = check(&spf_evaluators[0], &q, texts, arena);
	other = check(&spf_evaluators[1], &q, texts, arena);
	insist(!spf_difference(&a, &other));
	insist(a.dns_terms <= SPF_TERMS_MAX);
	insist(a.result == SPFR_PERMERROR || a.void_lookups <= SPF_VOIDS_MAX);
	insist(a.explanation.len == 0 || a.result == SPFR_FAIL);
	insist(a.explanation.len <= SPF_EXPLANATION_MAX && a.problem.len <= PROBLEM_MAX);
	insist(slice_is_printable_ascii(a.explanation) && slice_is_printable_ascii(a.problem));
	insist((a.problem.len > 0) == (a.result == SPFR_TEMPERROR || a.result == SPFR_PERMERROR));
	arena_free(&arena);
	return 0;
}
