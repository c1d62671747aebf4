#include "edge/metrics/metrics.h"

#include "edge/dns/dnsbl_watch.h"

#include "edge/milter/milter.h"
#include "edge/os/version.h"
#include "metrics_page.h"

#include <stdio.h>
#include <stdlib.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* ---- one function a metric ----------------------------------------------------------- */

static void write_decision(struct metrics_page *p, enum family family, struct slice rule,
    enum action action, bool monitored, uint64_t count)
{
	metrics_write_sample(p, (double)count,
	    "family=\"%s\",rule=\"%.*s\",action=\"%s\",mode=\"%s\"", family_name(family),
	    SLICE_ARG(rule), action_name(action), monitored ? "monitor" : "enforce");
}

static void write_rule_decisions(void *context, const struct counter *c)
{
	struct metrics_page *p = context;

	if (p->rules_written++ < METRICS_RULES_MAX)
		write_decision(p, c->family, c->rule, c->action, c->monitored, c->count);
	else
		p->others[c->family][c->action][c->monitored] += c->count;
}

static bool is_told_apart(const struct metrics_page *p)
{
	return p->generation->rules->rule_count <= METRICS_RULES_MAX;
}

/* A series for what each rule does now, before it has done it.  Tables that are not told apart
 * anyway have none. */
static void declare_rules(const struct metrics_page *p)
{
	const struct ruleset *rules = p->generation->rules;
	int64_t now = p->worker->env.now_us(p->worker->env.self) / 1000000;

	for (unsigned i = 0; i < rules->rule_count && is_told_apart(p); i++) {
		const struct rule *rule = &rules->rules[i];
		bool refuses = rule->family == FAMILY_BLOCKS || rule->family == FAMILY_SUSRANGES;
		enum action action = !refuses ? ACTION_ACCEPT
				     : rule->reply.len > 0 && rule->reply.ptr[0] == '4'
					 ? ACTION_TEMPFAIL
					 : ACTION_REJECT;

		counters_declare(p->worker->counters, rule->family, rule->name, action,
		    refuses && (rules->settings.monitor || rule_monitors(rule, now)));
	}
}

static void write_decisions(struct metrics_page *p)
{
	declare_rules(p);
	counters_each_declared(p->worker->counters, write_rule_decisions, p);
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int a = 0; a < ACTION_COUNT; a++)
			for (int monitored = 0; monitored < 2; monitored++)
				if (p->others[f][a][monitored] > 0)
					write_decision(p, (enum family)f, SLICE("other"),
					    (enum action)a, monitored, p->others[f][a][monitored]);
}

static void write_undecided_of(
    struct metrics_page *p, enum family family, struct slice rule, uint64_t count)
{
	metrics_write_sample(
	    p, (double)count, "family=\"%s\",rule=\"%.*s\"", family_name(family), SLICE_ARG(rule));
}

static void write_rule_undecided(void *context, const struct counter *c)
{
	struct metrics_page *p = context;

	if (p->undecided_written++ < METRICS_RULES_MAX)
		write_undecided_of(p, c->family, c->rule, c->count);
	else
		p->undecided_others[c->family] += c->count;
}

static void write_undecided(struct metrics_page *p)
{
	counters_each_undecided(p->worker->counters, write_rule_undecided, p);
	for (int f = 0; f < FAMILY_COUNT; f++)
		if (p->undecided_others[f] > 0)
			write_undecided_of(
			    p, (enum family)f, SLICE("other"), p->undecided_others[f]);
}

static void write_refusals(struct metrics_page *p)
{
	static const char *const proofs[REFUSED_COUNT] = {
	    [REFUSED_UNKNOWN] = "unknown",
	    [REFUSED_UNPROVEN] = "unproven",
	    [REFUSED_PROVEN] = "proven",
	};

	for (int i = 0; i < REFUSED_COUNT; i++)
		metrics_write_sample(p,
		    (double)counters_refusals(p->worker->counters, (enum refusal_proof)i),
		    "author=\"%s\"", proofs[i]);
}

static void write_result(
    struct metrics_page *p, enum auth_method method, const char *name, int result, const char *word)
{
	metrics_write_sample(p, (double)counters_results(p->worker->counters, method, result),
	    "method=\"%s\",result=\"%s\"", name, word);
}

static void write_results(struct metrics_page *p)
{
	for (int r = SPFR_NONE; r <= SPFR_PERMERROR; r++)
		write_result(p, AUTH_SPF, "spf", r, spf_result_text((enum spf_result)r));
	for (int r = DKIM_NONE; r <= DKIM_PERMERROR; r++)
		write_result(p, AUTH_DKIM, "dkim", r, dkim_result_name((enum dkim_result)r));
	for (int r = DMARC_V_NONE; r <= DMARC_V_PERMERROR; r++)
		write_result(p, AUTH_DMARC, "dmarc", r, dmarc_verdict_name((enum dmarc_verdict)r));
}

static void write_latency(struct metrics_page *p, enum stage stage, const char *name)
{
	struct latency l = counters_latency(p->worker->counters, stage);
	uint64_t below = 0;

	for (int i = 0; i < COUNTERS_BUCKETS; i++) {
		char bound[32] = "+Inf";
		below += l.bucket[i];
		if (i < COUNTERS_BUCKETS - 1)
			snprintf(bound, sizeof bound, "%g", (double)counters_bounds_us[i] / 1e6);
		fprintf(p->out, "%s_bucket{stage=\"%s\",le=\"%s\"} %llu\n", p->name, name, bound,
		    (unsigned long long)below);
	}
	fprintf(p->out, "%s_sum{stage=\"%s\"} %.15g\n", p->name, name, (double)l.sum_us / 1e6);
	fprintf(
	    p->out, "%s_count{stage=\"%s\"} %llu\n", p->name, name, (unsigned long long)l.count);
}

static void write_latencies(struct metrics_page *p)
{
	write_latency(p, STAGE_MAIL, "mail");
	write_latency(p, STAGE_RCPT, "rcpt");
	write_latency(p, STAGE_END, "end");
}

static void write_sessions(struct metrics_page *p)
{
	metrics_write_value(p, milter_sessions());
}

static void write_sessions_max(struct metrics_page *p)
{
	const struct config *start = p->worker->start;

	metrics_write_value(
	    p, start ? start->milter_max_sessions : p->generation->config->milter_max_sessions);
}

static void write_build(struct metrics_page *p)
{
	metrics_write_sample(p, 1, "version=\"%s\"", susmilter_version);
}

static void write_mode(struct metrics_page *p)
{
	bool monitor = p->generation->rules->settings.monitor;

	metrics_write_sample(p, !monitor, "mode=\"%s\"", "enforce");
	metrics_write_sample(p, monitor, "mode=\"%s\"", "monitor");
}

static void write_policy_open(struct metrics_page *p)
{
	metrics_write_value(p, p->policy.open);
}

static void write_policy_busy(struct metrics_page *p)
{
	metrics_write_value(p, p->policy.busy);
}

static void write_dns_lookups(struct metrics_page *p)
{
	static const char *const outcomes[] = {
	    [DNS_OK] = "ok",
	    [DNS_NODATA] = "nodata",
	    [DNS_NXDOMAIN] = "nxdomain",
	    [DNS_TEMP] = "temperror",
	    [DNS_BADNAME] = "badname",
	};

	for (int i = DNS_OK; i <= DNS_BADNAME; i++)
		metrics_write_sample(p, (double)p->dns.lookups[i], "outcome=\"%s\"", outcomes[i]);
}

static void write_dns_in_flight(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->dns.in_flight);
}

static void write_dns_running(struct metrics_page *p)
{
	metrics_write_value(p, p->dns.running);
}

static void write_table_number(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->generation->number);
}

static void write_table_loaded(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->generation->loaded_us / 1e6);
}

static void write_table_bytes(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->generation->bytes);
}

static void write_table_rules(struct metrics_page *p)
{
	metrics_write_value(p, p->generation->rules->rule_count);
}

static void write_table_entries(struct metrics_page *p)
{
	const struct ruleset *rules = p->generation->rules;

	metrics_write_sample(p, (double)rules->network_entries, "kind=\"%s\"", "network");
	metrics_write_sample(p, (double)rules->name_entries, "kind=\"%s\"", "name");
	metrics_write_sample(p, (double)rules->domain_entries, "kind=\"%s\"", "recipient_domain");
}

static void write_table_generations(struct metrics_page *p)
{
	metrics_write_value(p, table_retained(p->worker->table));
}

static void write_reload_ok(struct metrics_page *p)
{
	metrics_write_value(p, p->reload.at_us == 0 || p->reload.ok);
}

static void write_reload_time(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->reload.at_us / 1e6);
}

static void write_geo_built_times(struct metrics_page *p)
{
	const struct config *c = p->generation->config;

	metrics_write_sample(p, (double)c->geo_asn_built, "database=\"%s\"", "asn");
	metrics_write_sample(p, (double)c->geo_country_built, "database=\"%s\"", "country");
}

static void write_list_in_use(void *context, const struct dnsbl_state *s)
{
	struct metrics_page *p = context;

	metrics_write_sample(p, s->in_use, "list=\"%.*s\"", SLICE_ARG(s->name));
}

static void write_lists_in_use(struct metrics_page *p)
{
	if (p->worker->dnsbls)
		dnsbl_watch_each(p->worker->dnsbls, write_list_in_use, p);
}

static void write_list_errors(void *context, const struct dnsbl_state *s)
{
	struct metrics_page *p = context;

	metrics_write_sample(p, (double)s->errors, "list=\"%.*s\"", SLICE_ARG(s->name));
}

static void write_lists_errors(struct metrics_page *p)
{
	if (p->worker->dnsbls)
		dnsbl_watch_each(p->worker->dnsbls, write_list_errors, p);
}

static void write_table_from_copy(struct metrics_page *p)
{
	metrics_write_value(p, p->generation->config->from != NULL);
}

static void write_state_ok(struct metrics_page *p)
{
	metrics_write_value(p, p->reload.copies_why[0] == '\0');
}

static void write_reports_waiting_now(struct metrics_page *p)
{
	metrics_write_value(p, (double)reports_waiting(&p->reports));
}

static void write_reports_bytes(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->reports.bytes);
}

static void write_history_oldest(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->history.oldest_ms / 1000);
}

static void write_restarts(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->worker->restarts);
}

static void write_start_time(struct metrics_page *p)
{
	metrics_write_value(p, (double)p->worker->started_us / 1e6);
}

/* ---- the table ----------------------------------------------------------------------- */

#define COUNT(field) NULL, offsetof(struct metrics_page, field)

/* Counters are named without their _total, which both formats put in different places. */
static const struct metric {
	const char *name;
	enum kind kind;
	const char *help;
	void (*write)(struct metrics_page *); /* NULL: the number at `count` */
	size_t count;                         /* of a uint64_t in struct metrics_page */
} metrics[] = {
    {"susmilter_decisions", COUNTER,
	"Decisions by family, rule, action and mode; in mode monitor the action was recorded, not "
	"taken.",
	write_decisions, 0},
    {"susmilter_undecided", COUNTER,
	"Rules that a fact was missing for: the rule was passed over, or a refusal put off.",
	write_undecided, 0},
    {"susmilter_refusals", COUNTER,
	"Refusals by what is known of the author's domain: proven, unproven, or unknown.",
	write_refusals, 0},
    {"susmilter_results", COUNTER,
	"Results of SPF, DKIM (each signature) and DMARC, for accepted and refused mail.",
	write_results, 0},
    {"susmilter_decision_duration_seconds", HISTOGRAM,
	"Time from the MTA's request to the verdict, DNS included, by stage.", write_latencies, 0},
    {"susmilter_sessions", GAUGE, "Open SMTP sessions.", write_sessions, 0},
    {"susmilter_policy_requests", COUNTER, "Requests of the policy protocol answered.",
	COUNT(policy.requests)},
    {"susmilter_policy_failed", COUNTER,
	"Of these, answered as policy.failure says: no memory, no thread or a request that is "
	"none.",
	COUNT(policy.failed)},
    {"susmilter_policy_malformed", COUNTER, "Of these, those that are no request of the protocol.",
	COUNT(policy.malformed)},
    {"susmilter_policy_closed", COUNTER,
	"Connections to policy.socket closed: idle while others wanted in, or half a request.",
	COUNT(policy.closed)},
    {"susmilter_policy_connections", GAUGE, "Open connections to policy.socket.", write_policy_open,
	0},
    {"susmilter_policy_busy", GAUGE, "Requests of the policy protocol being answered.",
	write_policy_busy, 0},
    {"susmilter_sessions_max", GAUGE, "SMTP sessions that are allowed at a time.",
	write_sessions_max, 0},
    {"susmilter_build_info", GAUGE, "The version; always 1.", write_build, 0},
    {"susmilter_mode", GAUGE, "1 for the global mode in use, 0 for the other.", write_mode, 0},
    {"susmilter_rule_monitor", GAUGE, "1 while a rule is in monitor mode, 0 while it enforces.",
	metrics_write_rule_modes, 0},
    {"susmilter_rule_expires_timestamp_seconds", GAUGE,
	"When a rule expires; of the managed whitelist when its next entry does.",
	metrics_write_rule_expiries, 0},
    {"susmilter_list_modified_timestamp_seconds", GAUGE,
	"When a list file that is in use was written.", metrics_write_lists_modified, 0},
    {"susmilter_dns_lookups", COUNTER, "DNS lookups for verdicts, by outcome.", write_dns_lookups,
	0},
    {"susmilter_dns_cached", COUNTER, "DNS queries answered from the cache.", COUNT(dns.cached)},
    {"susmilter_dns_asked", COUNTER, "DNS queries sent to the name servers.", COUNT(dns.asked)},
    {"susmilter_dns_expired", COUNTER, "DNS queries that timed out.", COUNT(dns.expired)},
    {"susmilter_dns_in_flight", GAUGE, "DNS queries in flight.", write_dns_in_flight, 0},
    {"susmilter_dns_up", GAUGE, "1 while the resolver runs.", write_dns_running, 0},
    {"susmilter_table_generation", GAUGE, "Generation number of the rule table in use.",
	write_table_number, 0},
    {"susmilter_table_loaded_timestamp_seconds", GAUGE, "Time when this table was loaded.",
	write_table_loaded, 0},
    {"susmilter_table_bytes", GAUGE, "Memory used by this table.", write_table_bytes, 0},
    {"susmilter_table_rules", GAUGE, "Rules in this table.", write_table_rules, 0},
    {"susmilter_table_entries", GAUGE, "Entries in this table, by kind.", write_table_entries, 0},
    {"susmilter_table_retained", GAUGE,
	"Rule tables in memory: the one in use, and older ones that open transactions still need.",
	write_table_generations, 0},
    {"susmilter_reload_success", GAUGE, "1 if the last reload succeeded.", write_reload_ok, 0},
    {"susmilter_reload_timestamp_seconds", GAUGE, "Time of the last reload; 0: none yet.",
	write_reload_time, 0},
    {"susmilter_geo_built_timestamp_seconds", GAUGE, "Build time of each MMDB; 0: none.",
	write_geo_built_times, 0},
    {"susmilter_dnsbl_in_use", GAUGE,
	"1 when a list in the DNS is in use, 0 when its test points do not answer as they should.",
	write_lists_in_use, 0},
    {"susmilter_dnsbl_errors", COUNTER,
	"Answers of a list in the DNS that the configuration does not declare.", write_lists_errors,
	0},
    {"susmilter_feed_taken", GAUGE, "1 when a feed is in use as it stands, 0 when a copy is.",
	metrics_write_feeds_taken, 0},
    {"susmilter_feed_entries", GAUGE, "Entries of a feed that are in use.",
	metrics_write_feeds_entries, 0},
    {"susmilter_feed_modified_timestamp_seconds", GAUGE,
	"When what is in use of a feed was written.", metrics_write_feeds_modified, 0},
    {"susmilter_table_from_copy", GAUGE,
	"1 when that table is from the copy of earlier files (reload --previous).",
	write_table_from_copy, 0},
    {"susmilter_state_success", GAUGE,
	"1 when the files of that table have their copies in the state directory.", write_state_ok,
	0},
    {"susmilter_records_written", COUNTER, "Decision records written to the log.",
	COUNT(records.written)},
    {"susmilter_records_suppressed", COUNTER,
	"Decision records not written: above the limit for their recipient and rule.",
	COUNT(records.suppressed)},
    {"susmilter_records_dropped", COUNTER, "Decision records not written: the queue was full.",
	COUNT(records.dropped)},
    {"susmilter_records_failed", COUNTER,
	"Decision records not written: the file could not be written.", COUNT(records.failed)},
    {"susmilter_records_queued", GAUGE, "Decision records waiting to be written.",
	COUNT(records.queued)},
    {"susmilter_history_rows", COUNTER, "Rows of the history written.", COUNT(history.rows)},
    {"susmilter_history_shared", COUNTER, "Decisions counted in the row of earlier ones.",
	COUNT(history.shared)},
    {"susmilter_history_dropped", COUNTER,
	"Decisions not kept: no room in the queue, or no directory.", COUNT(history.dropped)},
    {"susmilter_history_failed", COUNTER, "Decisions not kept: the rows could not be written.",
	COUNT(history.failed)},
    {"susmilter_history_damaged", COUNTER, "Rows lost in damaged segments.",
	COUNT(history.damaged)},
    {"susmilter_history_evaluated", COUNTER,
	"Rows of the sample (history.evaluate) that got SPF, DKIM and DMARC.",
	COUNT(history.evaluated)},
    {"susmilter_history_unevaluated", COUNTER,
	"Messages of the sample that were not evaluated: too many waited, or no resolver.",
	COUNT(unevaluated)},
    {"susmilter_history_bytes", GAUGE, "Size of the history.", COUNT(history.bytes)},
    {"susmilter_history_oldest_timestamp_seconds", GAUGE, "Time of the oldest row; 0: none.",
	write_history_oldest, 0},
    {"susmilter_reports_counted", COUNTER, "Refusals counted for reports.", COUNT(reports.counted)},
    {"susmilter_reports_written", COUNTER, "Of these, written to the database.",
	COUNT(reports.written)},
    {"susmilter_reports_lost", COUNTER,
	"Of these, lost: the database could not be written for too long.", COUNT(reports.lost)},
    {"susmilter_reports_waiting", GAUGE, "Of these, waiting to be written.",
	write_reports_waiting_now, 0},
    {"susmilter_reports_bytes", GAUGE, "Memory used by waiting refusals.", write_reports_bytes, 0},
    {"susmilter_worker_restarts", COUNTER, "Restarts of the worker since the daemon started.",
	write_restarts, 0},
    {"susmilter_worker_start_timestamp_seconds", GAUGE, "Start time of the current worker.",
	write_start_time, 0},
};

static void write_metric(struct metrics_page *p, const struct metric *m, bool open)
{
	static const char *const kinds[] = {
	    [COUNTER] = "counter",
	    [GAUGE] = "gauge",
	    [HISTOGRAM] = "histogram",
	};
	char sampled[96];
	const char *family;

	snprintf(sampled, sizeof sampled, "%s%s", m->name, m->kind == COUNTER ? "_total" : "");
	family = open ? m->name : sampled;
	fprintf(p->out, "# HELP %s %s\n# TYPE %s %s\n", family, m->help, family, kinds[m->kind]);
	p->name = sampled;
	if (m->write)
		m->write(p);
	else
		metrics_write_value(p, (double)*(const uint64_t *)((const char *)p + m->count));
}

static void take_snapshot(struct metrics_page *p)
{
	struct worker *w = p->worker;

	p->records = recorder_counts(w->recorder);
	p->reports = reports_counts(w->reports);
	p->history = history_counts(w->history);
	p->policy = policy_door_counts();
	p->unevaluated = p->history.unevaluated + evaluator_counts(w->evaluator).dropped;
	p->reload = worker_reload_status(w);
	pthread_mutex_lock(&w->resolver_lock);
	if (w->resolver)
		resolver_stats(w->resolver, &p->dns);
	pthread_mutex_unlock(&w->resolver_lock);
}

char *metrics_write(struct worker *w, bool open, size_t *len)
{
	char *text = NULL;
	struct metrics_page p = {.out = open_memstream(&text, len), .worker = w};

	if (!p.out)
		return NULL;
	p.generation = table_pin(w->table);
	take_snapshot(&p);
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		write_metric(&p, &metrics[i], open);
	if (open)
		fputs("# EOF\n", p.out);
	table_unpin(&p.generation);
	if (fclose(p.out) == 0)
		return text;
	free(text);
	return NULL;
}

void metrics_each(void (*each)(void *context, const char *name, const char *help), void *context)
{
	for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++)
		each(context, metrics[i].name, metrics[i].help);
}
