/*
 * DMARC records, and whole evaluations over a DNS that the input makes up.
 *
 * The input is texts separated by byte 0xfe.  The first three are the author domain and two domains
 * that passed or were left open; each that follows is the answer to one question in turn, again
 * from the first when they run out.  Answers may be several records, separated by byte 0xfd; empty
 * is no such name, "!" no answer.
 */
#include "core/auth/dmarc.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 3, IDS = 2, QUESTIONS_MAX = (1 + IDS) * DMARC_WALK_MAX + 1 };

struct source {
	struct slice all, rest;
	unsigned questions;
	bool failed;
};

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct source *s = self;
	struct dns_record *records = arena_calloc(arena, RECORDS_MAX, sizeof *records);
	struct slice text;

	insist(name.len > 0 && (type == DNS_A || slice_starts(name, SLICE("_dmarc."))));
	insist(++s->questions <= QUESTIONS_MAX);
	s->rest = s->rest.ptr ? s->rest : s->all;
	text = slice_cut(&s->rest, '\xfe');
	*out = (struct dns_answer){.status = DNS_NXDOMAIN, .records = records};
	if (slice_equal(text, SLICE("!")))
		out->status = DNS_TEMP;
	else if (text.len > 0)
		out->status = DNS_OK;
	s->failed |= out->status == DNS_TEMP;
	while (out->status == DNS_OK && text.ptr && out->count < RECORDS_MAX)
		records[out->count++].data = slice_cut(&text, '\xfd');
}

static struct slice name_from(struct source *s, struct slice otherwise, struct arena *arena)
{
	struct slice text = slice_cut(&s->rest, '\xfe'), name;

	return name_parse(text, NULL, arena, &name) ? otherwise : name;
}

static void check_record(struct slice text)
{
	struct dmarc_record r;

	if (!dmarc_record_parse(text, &r))
		return;
	insist(slice_starts_nocase(text, SLICE("v")) && slice_equal(r.text, text));
	insist(r.p <= DMARC_P_REJECT && r.sp <= DMARC_P_REJECT && r.np <= DMARC_P_REJECT);
	insist(!r.unusable || (r.p | r.sp | r.np) == DMARC_P_NONE);
	insist(r.rua.len < text.len);
}

static void no_step(void *self, struct slice sentence)
{
	(void)self;
	insist(sentence.len > 0 && slice_is_printable_ascii(sentence));
}

static void check_result(const struct dmarc_query *q, const struct dmarc_result *r, bool failed)
{
	bool pass = r->verdict == DMARC_V_PASS, found = r->policy_domain.len > 0;

	insist(r->why.len > 0 && slice_is_printable_ascii(r->why));
	insist(pass == (r->aligned != NULL));
	insist(found == (r->verdict != DMARC_V_NONE) || r->verdict == DMARC_V_TEMPERROR);
	insist(r->policy <= r->published && r->published - r->policy <= 1);
	insist((r->verdict == DMARC_V_PERMERROR) == (found && r->record.unusable));
	insist(!found || name_is_within(q->from_domain, r->policy_domain));
	insist(!r->org_domain.len || name_is_within(q->from_domain, r->org_domain));
	insist(r->verdict != DMARC_V_TEMPERROR || failed || q->ids[1].outcome == DMARC_TEMPERROR);
	if (!pass)
		return;
	insist(r->aligned->outcome == DMARC_PASSED);
	insist(slice_equal(r->aligned->domain, q->from_domain) ||
	       (name_is_within(r->aligned->domain, r->org_domain) && r->org_domain.len > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice all = {(const char *)data, size};
	struct source source = {.all = all, .rest = all};
	struct arena *arena = arena_create(16 << 20);
	struct dns dns = {.self = &source, .lookup = lookup};
	struct dmarc_identifier ids[IDS] = {
	    {DMARC_SPF, DMARC_PASSED, name_from(&source, SLICE("example.org"), arena)},
	    {DMARC_DKIM, size % 2 ? DMARC_PASSED : DMARC_TEMPERROR,
		name_from(&source, SLICE("a.b.example.org"), arena)}};
	struct dmarc_query query = {name_from(&source, SLICE("b.example.org"), arena), ids, IDS};
	struct dmarc_trace trace = {NULL, no_step};
	struct dmarc_result result;

	check_record(all);
	source.all = source.rest;
	dmarc_evaluate(&dns, &query, arena, &trace, &result);
	check_result(&query, &result, source.failed);
	insist(!arena_failed(arena));
	arena_free(&arena);
	return 0;
}
