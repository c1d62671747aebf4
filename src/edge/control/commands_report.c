#include "edge/control/commands.h"

#include "edge/config/config.h"
#include "edge/idn/idn.h"
#include "edge/stats/reports.h"

#include <time.h>

/* How long the newest refusals may take to get into the database before an answer goes without. */
enum { FLUSH_MS = 800 };

static json_t *list_json(const struct domain_report *d, enum tally_kind kind)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->top_count[kind]; i++)
		json_array_append_new(
		    list, json_pack("{s:o, s:I}", "key", json_from_slice(d->top[kind][i].key),
			      "count", (json_int_t)d->top[kind][i].count));
	return list;
}

static json_t *totals_json(const struct domain_report *d, bool monitored)
{
	json_t *o = json_object();

	for (int family = 0; family < FAMILY_COUNT; family++)
		if (d->totals[family][monitored] > 0)
			json_object_set_new(o, family_name((enum family)family),
			    json_integer((json_int_t)d->totals[family][monitored]));
	return o;
}

static json_t *hours_json(const struct domain_report *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->hour_count; i++)
		json_array_append_new(
		    list, json_pack("{s:I, s:I, s:I}", "time", (json_int_t)d->hours[i].hour * 3600,
			      "refused", (json_int_t)d->hours[i].refused, "would",
			      (json_int_t)d->hours[i].monitored));
	return list;
}

static json_t *report_json(const struct domain_report *d)
{
	json_t *o = json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "domain",
	    json_from_slice(d->domain), "since", (json_int_t)d->since * 3600, "until",
	    (json_int_t)d->until * 3600, "refused", (json_int_t)domain_report_total(d, false),
	    "would_refuse", (json_int_t)domain_report_total(d, true), "families",
	    totals_json(d, false), "would_families", totals_json(d, true), "hours", hours_json(d));

	json_object_set_new(o, "recipients", list_json(d, TALLY_RECIPIENTS));
	json_object_set_new(o, "rules", list_json(d, TALLY_RULES));
	json_object_set_new(o, "clients", list_json(d, TALLY_CLIENTS));
	if (d->recipients > 0)
		json_object_set_new(
		    o, "different_recipients", json_integer((json_int_t)d->recipients));
	return o;
}

/*
 * The rules of a report by their comments, as the running table has them: a page for the owner of a
 * domain has the comment alone, since the names of rules are ours; a text has both.
 */
static void use_rule_comments(struct request *req, struct domain_report *d, bool alone)
{
	size_t n = d->top_count[TALLY_RULES];
	struct domain_report_key *keys = arena_calloc(req->arena, n, sizeof *keys);

	for (size_t i = 0; keys && i < n; i++) {
		struct slice key = d->top[TALLY_RULES][i].key; /* "susranges dialup", or "spf" */
		const struct rule *rule =
		    slice_find(key, ' ') < key.len
			? ruleset_find_rule(req->generation->rules, slice_after_last(key, ' '))
			: NULL;

		keys[i] = d->top[TALLY_RULES][i];
		if (!rule || rule->comment.len == 0)
			continue;
		keys[i].key = alone ? rule->comment
				    : arena_printf(req->arena, "%.*s: %.*s", SLICE_ARG(key),
					  SLICE_ARG(rule->comment));
	}
	if (keys)
		d->top[TALLY_RULES] = keys;
}

static void put(void *context, const char *piece)
{
	channel_write(context, slice_str(piece));
}

static int complain(struct request *req, int status, const char *why)
{
	channel_error(req->channel, "report: %s\n", why);
	return status;
}

int command_report(struct request *req)
{
	const char *since = request_text(req, "since"), *wrong;
	int64_t span = span_of(since ? since : "24h"), now = time(NULL);
	const char *database = req->generation->config->reports_database;
	char why[REPORTS_WHY_MAX];
	struct domain_report report;
	struct slice domain;

	if (!request_argument(req, 0))
		return complain(req, STATUS_USAGE, "needs a recipient domain, such as example.org");
	wrong = name_parse(slice_str(request_argument(req, 0)), &idn_uts46, req->arena, &domain);
	if (wrong)
		return complain(req, STATUS_USAGE, wrong);
	if (span <= 0)
		return complain(
		    req, STATUS_USAGE, "--since needs a duration such as 24h, 7d or 4w");
	if (!database[0])
		return complain(
		    req, STATUS_FAILED, "refusals are not kept: reports.database is not set");
	if (req->worker)
		reports_flush(req->worker->reports, FLUSH_MS);
	if (!reports_read(database, domain, now - span, now + 3600, req->arena, &report, why))
		return complain(req, STATUS_FAILED, why);
	if (request_switch(req, "json"))
		return request_print_json(req, report_json(&report));
	use_rule_comments(req, &report, request_switch(req, "html"));
	if (request_switch(req, "html"))
		domain_report_html(&report, now, put, req->channel);
	else
		domain_report_text(&report, put, req->channel);
	return STATUS_OK;
}
