/* `report`: what was refused for one recipient domain, or for each of them. */
#include "edge/control/commands.h"

#include "core/history/history_report.h"
#include "core/history/history_set.h"
#include "edge/config/config.h"
#include "edge/history/history_seed.h"
#include "edge/idn/idn.h"
#include "edge/recorded/history_source.h"
#include "edge/stats/reports.h"
#include "message_output.h"

#include <stdio.h>
#include <string.h>
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

static json_t *senders_json(const struct domain_report *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->sender_count; i++)
		json_array_append_new(list,
		    json_pack("{s:o, s:I, s:b, s:b}", "key", json_from_slice(d->senders[i].domain),
			"count", (json_int_t)d->senders[i].count, "proven", d->senders[i].proven,
			"known", d->senders[i].known));
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
	if (d->senders)
		json_object_set_new(o, "senders", senders_json(d));
	json_object_set_new(o, "exact", json_boolean(!d->folded));
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

/* ---- where it comes from -------------------------------------------------------------- */

/* Domains of `report --all` without a database: more than any host takes mail for. */
enum { DOMAINS_MAX = 100000 };

struct reporting {
	struct request *req;
	struct message_output out;
	const char *database; /* "": none */
	int64_t since, now;
	bool html, json, all, mail;
	struct history_reader *reader; /* NULL: no history */
	struct weekly *weekly;
	struct history_report *rows; /* of the domain that is read */
	struct slice *domains;
	struct history_set *seen; /* of these */
	size_t count;
	json_t *list;
	bool failed;
};

static int complain(struct request *req, int status, const char *why)
{
	channel_error(req->channel, "report: %s\n", why);
	return status;
}

static bool learn_row(void *context, const struct decision_row *row)
{
	struct reporting *r = context;

	r->failed |= !weekly_learn(r->weekly, row);
	return !r->failed;
}

/* Who is good, by all that the history has; false after a complaint. */
static bool open_history(struct reporting *r)
{
	struct history_seed seed;
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX] = "out of memory";

	if (r->req->generation->config->history_directory[0] == '\0')
		return true;
	r->reader = history_source_open(r->req);
	if (!r->reader)
		return false;
	if (history_seed_draw(&seed))
		r->weekly = weekly_create(r->req->generation->rules, &seed, r->since * 1000);
	if (r->weekly && history_replay(r->reader, 0, 0, false, learn_row, r, &scan, why) &&
	    !r->failed) {
		history_source_tell(r->req, &scan);
		return true;
	}
	channel_error(
	    r->req->channel, "the history cannot be read: %s\n", r->failed ? "out of memory" : why);
	return false;
}

static bool add_row(void *context, const struct decision_row *row)
{
	struct reporting *r = context;

	r->failed |= !history_report_add(r->rows, row);
	return !r->failed;
}

/* The history's part: the senders, and without a database all of it. */
static bool read_rows(struct reporting *r, struct slice domain, struct domain_report *report)
{
	const struct history_query query = {.recipient = domain, .since_ms = r->since * 1000};
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX] = "out of memory";
	bool ok;

	r->rows = history_report_create(r->weekly, r->since, r->now);
	ok = r->rows && history_find(r->reader, &query, add_row, r, &scan, why) && !r->failed;
	if (ok && r->database[0])
		ok = history_report_senders(r->rows, r->req->arena, report);
	else if (ok)
		ok = history_report_fill(r->rows, domain, r->req->arena, report);
	if (ok && !r->database[0])
		report->folded = true;
	history_report_free(&r->rows);
	if (!ok)
		channel_error(r->req->channel, "the history cannot be read: %s\n", why);
	return ok;
}

/* False after a complaint. */
static bool read_domain(struct reporting *r, struct slice domain, struct domain_report *report)
{
	char why[REPORTS_WHY_MAX];

	if (r->database[0] && !reports_read(r->database, domain, r->since, r->now + 3600,
				  r->req->arena, report, why)) {
		complain(r->req, STATUS_FAILED, why);
		return false;
	}
	return !r->reader || read_rows(r, domain, report);
}

/* ---- how it is written ---------------------------------------------------------------- */

static void put(void *context, const char *piece)
{
	struct reporting *r = context;

	if (r->mail)
		message_write(&r->out, slice_str(piece));
	else
		channel_write(r->req->channel, slice_str(piece));
}

/* "postmaster@%d" → "postmaster@example.org" */
static bool address_for(struct reporting *r, struct slice domain)
{
	const char *to = request_text(r->req, "to"), *here;

	if (!to)
		to = "postmaster@%d";
	here = strstr(to, "%d");
	if (!here)
		snprintf(r->out.to, sizeof r->out.to, "%s", to);
	else
		snprintf(r->out.to, sizeof r->out.to, "%.*s%.*s%s", (int)(here - to), to,
		    SLICE_ARG(domain), here + 2);
	if (!message_is_address(r->out.to))
		channel_error(r->req->channel, "report: \"%s\" is no mail address\n", r->out.to);
	return message_is_address(r->out.to);
}

static bool begin_message(struct reporting *r, const struct domain_report *report)
{
	char subject[400];

	if (!address_for(r, report->domain))
		return false;
	snprintf(subject, sizeof subject, "%.*s: %llu refused", SLICE_ARG(report->domain),
	    (unsigned long long)domain_report_total(report, false));
	message_open(&r->out, subject, r->now, r->html);
	return true;
}

static bool write_domain(struct reporting *r, struct slice domain)
{
	struct domain_report report;

	if (!read_domain(r, domain, &report))
		return false;
	if (r->json) {
		json_array_append_new(r->list, report_json(&report));
		return true;
	}
	use_rule_comments(r->req, &report, r->html || r->all);
	if (r->mail && !begin_message(r, &report))
		return false;
	if (r->html)
		domain_report_html(&report, r->now, put, r);
	else
		domain_report_text(&report, put, r);
	if (r->mail)
		message_close(&r->out);
	return true;
}

/* ---- the domains ---------------------------------------------------------------------- */

static bool add_domain(void *context, struct slice domain)
{
	struct reporting *r = context;

	bool is_new;

	if (r->count == DOMAINS_MAX || !history_set_add(r->seen, domain, &is_new))
		return false;
	if (!is_new)
		return true;
	r->domains[r->count++] = arena_copy(r->req->arena, domain);
	return true;
}

static bool add_domain_of_row(void *context, const struct decision_row *row)
{
	struct slice recipient = row->text[ROW_RECIPIENT];
	size_t at = slice_find_last(recipient, '@');

	if (row->final && row->action != ACTION_ACCEPT && at + 1 < recipient.len)
		return add_domain(context, slice_skip(recipient, at + 1));
	return true;
}

static bool find_domains(struct reporting *r)
{
	struct history_seed seed;
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX];
	bool ok;

	if (history_seed_draw(&seed))
		r->seen = history_set_create(&seed);
	r->domains = arena_calloc(r->req->arena, DOMAINS_MAX, sizeof *r->domains);
	if (!r->domains || !r->seen)
		return complain(r->req, false, "out of memory");
	if (r->database[0])
		ok = reports_each_domain(r->database, r->since, r->now + 3600, add_domain, r, why);
	else
		ok = history_replay(
		    r->reader, r->since * 1000, 0, false, add_domain_of_row, r, &scan, why);
	if (!ok)
		complain(r->req, STATUS_FAILED, why);
	return ok;
}

static int write_all_domains(struct reporting *r)
{
	int status = STATUS_OK;

	if (!find_domains(r))
		return STATUS_FAILED;
	for (size_t i = 0; i < r->count && status == STATUS_OK; i++)
		if (!write_domain(r, r->domains[i]))
			status = STATUS_FAILED;
	return status;
}

/* ---- the command ---------------------------------------------------------------------- */

static int write_report(struct reporting *r, struct slice domain)
{
	int status = STATUS_OK;

	if (r->json)
		r->list = json_array();
	if (r->all)
		status = write_all_domains(r);
	else if (!write_domain(r, domain))
		status = STATUS_FAILED;
	if (r->json && status == STATUS_OK)
		status = request_print_json(r->req,
		    r->all ? json_incref(r->list) : json_incref(json_array_get(r->list, 0)));
	json_decref(r->list);
	return status;
}

/* NULL, or what is wrong with the words. */
static const char *read_words(struct request *req, struct reporting *r, struct slice *domain)
{
	const char *since = request_text(req, "since"), *name = request_argument(req, 0);
	int64_t span = span_of(since ? since : "24h");

	*r = (struct reporting){.req = req,
	    .database = req->generation->config->reports_database,
	    .now = time(NULL),
	    .html = request_switch(req, "html"),
	    .json = request_switch(req, "json"),
	    .all = request_switch(req, "all")};
	r->since = r->now - span;
	r->mail = !r->json && (r->all || request_text(req, "to"));
	if (!name == !r->all)
		return "needs a recipient domain, such as example.org, or --all";
	if (r->json && request_text(req, "to"))
		return "--to sends text or a page, not --json";
	if (span <= 0)
		return "--since needs a duration such as 24h, 7d or 4w";
	return name ? name_parse(slice_str(name), &idn_uts46, req->arena, domain) : NULL;
}

int command_report(struct request *req)
{
	struct reporting r;
	struct slice domain = SLICE("");
	const char *wrong = read_words(req, &r, &domain);
	int status = STATUS_FAILED;

	if (wrong)
		return complain(req, STATUS_USAGE, wrong);
	if (!r.database[0] && req->generation->config->history_directory[0] == '\0')
		return complain(req, STATUS_FAILED,
		    "refusals are not kept: neither reports.database nor history.directory is set");
	/* %d stands for a domain, of which there is none yet. */
	if (r.mail && !message_output_start(&r.out, req, request_text(req, "to")))
		return STATUS_USAGE;
	r.out.mbox = r.all;
	if (req->worker && r.database[0])
		reports_flush(req->worker->reports, FLUSH_MS);
	if (open_history(&r))
		status = write_report(&r, domain);
	history_set_free(&r.seen);
	weekly_free(&r.weekly);
	if (r.reader)
		history_reader_free(&r.reader);
	return status;
}
