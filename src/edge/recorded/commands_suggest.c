/* `suggest ranges`: rules of susranges that the history speaks for, with their evidence (SPEC 10).
 */
#include "core/suggest/suggest_ranges.h"
#include "edge/idn/idn.h"
#include "suggest_output.h"

#include <stdio.h>

static bool take_vote(void *context, const struct decision_row *row)
{
	suggest_votes_row(context, row);
	return true;
}

static const char *const kind_names[] = {
    [SUGGEST_COUNTRY] = "country", [SUGGEST_ASN] = "asn", [SUGGEST_NETWORK] = "network"};

static const char *range_text(const struct suggest_range *r, char out[PREFIX_TEXT_MAX])
{
	if (r->kind == SUGGEST_NETWORK)
		prefix_format(&r->network, out);
	else if (r->kind == SUGGEST_ASN)
		snprintf(out, PREFIX_TEXT_MAX, "AS%u", r->asn);
	else
		snprintf(out, PREFIX_TEXT_MAX, "%s", r->country);
	return out;
}

static json_t *range_json(const struct suggest_votes *votes, const struct suggest_range *r)
{
	char value[PREFIX_TEXT_MAX], address[IP_TEXT_MAX];
	json_t *except = json_array(), *own = json_array();

	for (unsigned i = 0; i < r->excepts; i++) {
		ip_format(&r->except[i], address);
		json_array_append_new(except, json_string(address));
	}
	for (unsigned i = 0; i < r->owns; i++)
		json_array_append_new(
		    own, json_from_slice(suggest_domains_name(votes->domains, r->own[i])));
	return json_pack(
	    "{s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:b, s:i, s:i, s:o, s:o}",
	    "kind", kind_names[r->kind], "value", range_text(r, value), "messages",
	    (json_int_t)r->messages, "networks", (int)r->networks, "votes", (int)r->votes,
	    "weak_votes", (int)r->weak, "weighted_votes", (int)r->weighted, "domains",
	    (int)r->domains, "days", (int)r->days, "counter_examples", 0, "bound", r->bound,
	    "claimed", r->claimed, "held_right", (int)r->held_bad, "held_wrong", (int)r->held_good,
	    "except", except, "own_domains", own);
}

/* The entries of a rule: the range, and what is taken out of it. */
static void print_entries(struct request *req, const struct suggest_range *r)
{
	char value[PREFIX_TEXT_MAX], address[IP_TEXT_MAX];

	if (r->kind == SUGGEST_ASN)
		channel_print(req->channel, "asn = [ %u ]; ", r->asn);
	else if (r->kind == SUGGEST_COUNTRY)
		channel_print(req->channel, "country = [ \"%s\" ]; ", r->country);
	if (r->kind != SUGGEST_NETWORK && r->excepts == 0)
		return;
	channel_print(req->channel, "networks = [ ");
	if (r->kind == SUGGEST_NETWORK)
		channel_print(
		    req->channel, "\"%s\"%s", range_text(r, value), r->excepts > 0 ? ", " : "");
	for (unsigned i = 0; i < r->excepts; i++) {
		ip_format(&r->except[i], address);
		channel_print(req->channel, "\"!%s\"%s", address, i + 1 < r->excepts ? ", " : "");
	}
	channel_print(req->channel, " ]; ");
}

static void print_range(const struct suggest_run *run, const struct suggest_votes *votes,
    const struct suggest_range *r, bool last)
{
	struct request *req = run->req;
	char value[PREFIX_TEXT_MAX], name[SUGGEST_RULE_MAX], claim[SUGGEST_CLAIM_MAX];

	channel_print(req->channel,
	    "  # %llu message%s from %u network%s; %u votes of %u domains on %u days, none against",
	    (unsigned long long)r->messages, r->messages == 1 ? "" : "s", r->networks,
	    r->networks == 1 ? "" : "s", r->votes, r->domains, r->days);
	if (r->weak > 0)
		channel_print(req->channel,
		    ";\n  # %u of them by refusals alone: they count %.2f each, the share of "
		    "accepted mail that "
		    "was evaluated",
		    r->weak, suggest_share(votes));
	if (r->excepts > 0)
		channel_print(req->channel, " but from %u address%s excepted", r->excepts,
		    r->excepts == 1 ? "," : "es,");
	channel_print(req->channel, ";\n  # %s; held out: %u right\n",
	    suggest_claim(r->claimed, r->bound, claim), r->held_bad);
	for (unsigned i = 0; i < r->owns; i++)
		channel_print(req->channel,
		    "  # proven mail of %.*s comes only from here: it was not counted\n",
		    SLICE_ARG(suggest_domains_name(votes->domains, r->own[i])));
	channel_print(
	    req->channel, "  { name = \"%s\"; ", suggest_rule(range_text(r, value), name));
	print_entries(req, r);
	suggest_print_end(run, last);
}

static int show_ranges(
    struct suggest_run *run, const struct suggest_votes *votes, const struct suggest_ranges *s)
{
	json_t *list;

	run->candidates = s->count;
	run->contradicted = s->contradicted;
	run->shown = s->count < run->most ? s->count : run->most;
	run->right = s->held_bad;
	run->wrong = s->held_good;
	run->lost = votes->lost;
	if (request_switch(run->req, "json")) {
		list = json_array();
		for (size_t i = 0; i < run->shown; i++)
			json_array_append_new(list, range_json(votes, &s->range[i]));
		return request_print_json(run->req, suggest_json(run, list));
	}
	suggest_print(run);
	if (run->shown == 0)
		return STATUS_OK;
	channel_print(run->req->channel, "susranges = (\n");
	for (size_t i = 0; i < run->shown; i++)
		print_range(run, votes, &s->range[i], i + 1 == run->shown);
	channel_print(run->req->channel, ");\n");
	return STATUS_OK;
}

static int suggest_by(struct suggest_run *run, struct suggest_votes *votes)
{
	struct suggest_ranges *s = NULL;
	int status = STATUS_FAILED;

	if (votes && !suggest_read(run, take_vote, votes))
		return STATUS_FAILED;
	if (votes && suggest_votes_end(votes))
		s = suggest_ranges_find(votes);
	if (s)
		status = show_ranges(run, votes, s);
	else
		channel_error(run->req->channel, SUGGEST_NO_ROOM);
	suggest_ranges_free(&s);
	return status;
}

int command_suggest_ranges(struct request *req)
{
	struct suggest_run run;
	struct suggest_votes *votes;
	int status;

	if (!suggest_begin(req, &run))
		return run.status;
	votes = suggest_votes_create(run.seed, &idn_lenient);
	status = suggest_by(&run, votes);
	suggest_votes_free(&votes);
	suggest_end();
	return status;
}
