/* `suggest whitelist`: entries for refused mail with proof, with their evidence (SPEC 10). */
#include "core/suggest/suggest_whitelist.h"
#include "edge/idn/idn.h"
#include "suggest_output.h"

#include <stdio.h>

static bool take_refused(void *context, const struct decision_row *row)
{
	suggest_whitelist_row(context, row);
	return true;
}

static const char *entry_text(const struct suggest_entry *e, char out[NAME_MAX_OCTETS + 1])
{
	if (e->domain.len > 0)
		snprintf(out, NAME_MAX_OCTETS + 1, "%.*s", SLICE_ARG(e->domain));
	else
		ip_format(&e->address, out);
	return out;
}

static json_t *entry_json(const struct suggest_entry *e)
{
	char value[NAME_MAX_OCTETS + 1];

	return json_pack("{s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:b, s:i, s:i}",
	    "kind", e->domain.len > 0 ? "domain" : "address", "value", entry_text(e, value),
	    "messages", (json_int_t)e->messages, "votes", (int)e->votes, "days", (int)e->days,
	    "recipients", (int)e->recipients, "clients", (int)e->clients, "domains",
	    (int)e->domains, "counter_examples", 0, "bound", e->bound, "claimed", e->claimed,
	    "held_right", (int)e->held_right, "held_wrong", (int)e->held_wrong);
}

static void print_entry(const struct suggest_run *run, const struct suggest_entry *e, bool last)
{
	struct request *req = run->req;
	char value[NAME_MAX_OCTETS + 1], name[SUGGEST_RULE_MAX], claim[SUGGEST_CLAIM_MAX];

	channel_print(req->channel,
	    "  # %llu refused message%s with proof, from %u client%s and %u domain%s, for %u "
	    "recipients;\n  # %u votes on %u days, none against; %s; held out: %u right\n",
	    (unsigned long long)e->messages, e->messages == 1 ? "" : "s", e->clients,
	    e->clients == 1 ? "" : "s", e->domains, e->domains == 1 ? "" : "s", e->recipients,
	    e->votes, e->days, suggest_claim(e->claimed, e->bound, claim), e->held_right);
	channel_print(
	    req->channel, "  { name = \"%s\"; ", suggest_rule(entry_text(e, value), name));
	if (e->domain.len > 0)
		channel_print(req->channel, "domains = [ \"%s\" ]; proof = [ \"spf\" ]; ", value);
	else
		channel_print(req->channel, "networks = [ \"%s\" ]; ", value);
	suggest_print_end(run, last);
}

static int show_entries(struct suggest_run *run, const struct suggest_entries *s)
{
	json_t *list, *all;

	run->candidates = s->count;
	run->contradicted = s->contradicted;
	run->shown = s->count < run->most ? s->count : run->most;
	run->right = s->held_right;
	run->wrong = s->held_wrong;
	if (request_switch(run->req, "json")) {
		list = json_array();
		for (size_t i = 0; i < run->shown; i++)
			json_array_append_new(list, entry_json(&s->entry[i]));
		all = suggest_json(run, list);
		json_object_set_new(all, "not_evaluated", json_integer((json_int_t)s->unproven));
		return request_print_json(run->req, all);
	}
	suggest_print(run);
	if (s->unproven > 0)
		channel_print(run->req->channel,
		    "# %llu more refused message%s not evaluated (history.evaluate).\n",
		    (unsigned long long)s->unproven, s->unproven == 1 ? " was" : "s were");
	if (run->shown == 0)
		return STATUS_OK;
	channel_print(run->req->channel, "whitelist = (\n");
	for (size_t i = 0; i < run->shown; i++)
		print_entry(run, &s->entry[i], i + 1 == run->shown);
	channel_print(run->req->channel, ");\n");
	return STATUS_OK;
}

static int suggest_by(struct suggest_run *run, struct suggest_whitelist *w)
{
	const struct suggest_entries *s;

	if (w && !suggest_read(run, take_refused, w))
		return STATUS_FAILED;
	s = w ? suggest_whitelist_find(w) : NULL;
	if (!s) {
		channel_error(run->req->channel, SUGGEST_NO_ROOM);
		return STATUS_FAILED;
	}
	run->lost = suggest_whitelist_lost(w);
	return show_entries(run, s);
}

int command_suggest_whitelist(struct request *req)
{
	struct suggest_run run;
	struct suggest_whitelist *w;
	int status;

	if (!suggest_begin(req, &run))
		return run.status;
	w = suggest_whitelist_create(run.seed, &idn_lenient);
	status = suggest_by(&run, w);
	suggest_whitelist_free(&w);
	suggest_end();
	return status;
}
