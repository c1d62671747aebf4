#include "fake/spf_both.h"

#include <stdio.h>
#include <stdlib.h>

const struct spf_named_evaluator spf_evaluators[SPF_EVALUATORS] = {
    {"spf_check", spf_check}, {"spf_eval", spf_eval}};

const char *spf_difference(const struct spf_answer *a, const struct spf_answer *b)
{
	const struct {
		const char *member;
		bool equal;
	} members[] = {
	    {"result", a->result == b->result},
	    {"domain", slice_equal(a->domain, b->domain)},
	    {"null_sender_used_helo", a->null_sender_used_helo == b->null_sender_used_helo},
	    {"sends_no_mail", a->sends_no_mail == b->sends_no_mail},
	    {"mechanism", slice_equal(a->mechanism, b->mechanism)},
	    {"record", slice_equal(a->record, b->record)},
	    {"explanation", slice_equal(a->explanation, b->explanation)},
	    {"problem", slice_equal(a->problem, b->problem)},
	    {"dns_terms", a->dns_terms == b->dns_terms},
	    {"void_lookups", a->void_lookups == b->void_lookups},
	    {"questions", a->questions == b->questions},
	};
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (!members[i].equal)
			return members[i].member;
	return NULL;
}

static void print(const char *name, const struct spf_answer *a)
{
	fprintf(stderr, "%s: %s by \"%.*s\", \"%.*s\" %.*s, %u terms, %u void, %u questions\n",
	    name, spf_result_text(a->result), SLICE_ARG(a->mechanism), SLICE_ARG(a->explanation),
	    SLICE_ARG(a->problem), a->dns_terms, a->void_lookups, a->questions);
}

void spf_both(const struct dns *dns, const struct spf_query *query, struct arena *arena,
    struct spf_answer *out)
{
	struct spf_answer native;
	const char *member;

	spf_check(dns, query, arena, out);
	spf_eval(dns, query, arena, &native);
	member = spf_difference(out, &native);
	if (!member)
		return;
	fprintf(stderr, "spf_both: %.*s, record \"%.*s\": %s differs\n", SLICE_ARG(out->domain),
	    SLICE_ARG(out->record), member);
	print("spf_check", out);
	print("spf_eval", &native);
	abort();
}
