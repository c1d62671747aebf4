#include "edge/metrics/metrics.h"

#include "edge/milter/milter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

/* One text under construction. */
struct page {
	FILE *out;
	struct worker *worker;
	const struct generation *generation;
	struct resolver_stats dns;
	struct recorder_counts records;
	struct reports_counts reports;
	struct reload_status reload;
	const char *name; /* of the metric that is being written */
	unsigned rules_told;
	uint64_t others[FAMILY_COUNT][ACTION_COUNT][2];
};

__attribute__((format(printf, 3, 4))) static void sample(
    struct page *p, double value, const char *labels, ...)
{
	va_list args;

	fprintf(p->out, "%s{", p->name);
	va_start(args, labels);
	vfprintf(p->out, labels, args);
	va_end(args);
	fprintf(p->out, "} %.15g\n", value);
}

static void plain(struct page *p, double value)
{
	fprintf(p->out, "%s %.15g\n", p->name, value);
}

/* ---- one function a metric ----------------------------------------------------------- */

static void decision(struct page *p, enum family family, struct slice rule, enum action action,
    bool monitored, uint64_t count)
{
	sample(p, (double)count, "family=\"%s\",rule=\"%.*s\",action=\"%s\",mode=\"%s\"",
	    family_name(family), SLICE_ARG(rule), action_name(action),
	    monitored ? "monitor" : "enforce");
}

static void one_decision(void *context, const struct counter *c)
{
	struct page *p = context;

	if (p->rules_told++ < METRICS_RULES_MAX)
		decision(p, c->family, c->rule, c->action, c->monitored, c->count);
	else
		p->others[c->family][c->action][c->monitored] += c->count;
}

static void decisions(struct page *p)
{
	counters_each(p->worker->counters, one_decision, p);
	for (int f = 0; f < FAMILY_COUNT; f++)
		for (int a = 0; a < ACTION_COUNT; a++)
			for (int monitored = 0; monitored < 2; monitored++)
				if (p->others[f][a][monitored] > 0)
					decision(p, (enum family)f, SLICE("other"), (enum action)a,
					    monitored, p->others[f][a][monitored]);
}

static void results_of(
    struct page *p, enum auth_method method, const char *name, int result, const char *word)
{
	sample(p, (double)counters_results(p->worker->counters, method, result),
	    "method=\"%s\",result=\"%s\"", name, word);
}

static void results(struct page *p)
{
	for (int r = SPFR_NONE; r <= SPFR_PERMERROR; r++)
		results_of(p, AUTH_SPF, "spf", r, spf_result_text((enum spf_result)r));
	for (int r = DKIM_NONE; r <= DKIM_PERMERROR; r++)
		results_of(p, AUTH_DKIM, "dkim", r, dkim_result_name((enum dkim_result)r));
	for (int r = DMARC_V_NONE; r <= DMARC_V_PERMERROR; r++)
		results_of(p, AUTH_DMARC, "dmarc", r, dmarc_verdict_name((enum dmarc_verdict)r));
}

static void latency_of(struct page *p, enum stage stage, const char *name)
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

static void latencies(struct page *p)
{
	latency_of(p, STAGE_MAIL, "mail");
	latency_of(p, STAGE_RCPT, "rcpt");
	latency_of(p, STAGE_END, "end");
}

static void sessions(struct page *p)
{
	plain(p, milter_sessions());
}

static void dns_lookups(struct page *p)
{
	static const char *const outcomes[] = {
	    [DNS_OK] = "ok",
	    [DNS_NODATA] = "nodata",
	    [DNS_NXDOMAIN] = "nxdomain",
	    [DNS_TEMP] = "temperror",
	    [DNS_BADNAME] = "badname",
	};

	for (int i = DNS_OK; i <= DNS_BADNAME; i++)
		sample(p, (double)p->dns.lookups[i], "outcome=\"%s\"", outcomes[i]);
}

static void dns_cached(struct page *p)
{
	plain(p, (double)p->dns.cached);
}

static void dns_asked(struct page *p)
{
	plain(p, (double)p->dns.asked);
}

static void dns_expired(struct page *p)
{
	plain(p, (double)p->dns.expired);
}

static void dns_in_flight(struct page *p)
{
	plain(p, (double)p->dns.in_flight);
}

static void dns_running(struct page *p)
{
	plain(p, p->dns.running);
}

static void table_number(struct page *p)
{
	plain(p, (double)p->generation->number);
}

static void table_loaded(struct page *p)
{
	plain(p, (double)p->generation->loaded_us / 1e6);
}

static void table_bytes(struct page *p)
{
	plain(p, (double)p->generation->bytes);
}

static void table_rules(struct page *p)
{
	plain(p, p->generation->rules->rule_count);
}

static void table_entries(struct page *p)
{
	const struct ruleset *rules = p->generation->rules;

	sample(p, (double)rules->network_entries, "kind=\"%s\"", "network");
	sample(p, (double)rules->name_entries, "kind=\"%s\"", "name");
	sample(p, (double)rules->domain_entries, "kind=\"%s\"", "recipient_domain");
}

static void table_generations(struct page *p)
{
	plain(p, table_retained(p->worker->table));
}

static void reload_ok(struct page *p)
{
	plain(p, p->reload.at_us == 0 || p->reload.ok);
}

static void reload_time(struct page *p)
{
	plain(p, (double)p->reload.at_us / 1e6);
}

static void geo_built_times(struct page *p)
{
	const struct config *c = p->generation->config;

	sample(p, (double)c->geo_asn_built, "database=\"%s\"", "asn");
	sample(p, (double)c->geo_country_built, "database=\"%s\"", "country");
}

static void records_written(struct page *p)
{
	plain(p, (double)p->records.written);
}

static void records_suppressed(struct page *p)
{
	plain(p, (double)p->records.suppressed);
}

static void records_dropped(struct page *p)
{
	plain(p, (double)p->records.dropped);
}

static void records_failed(struct page *p)
{
	plain(p, (double)p->records.failed);
}

static void records_queued(struct page *p)
{
	plain(p, (double)p->records.queued);
}

static void reports_counted(struct page *p)
{
	plain(p, (double)p->reports.counted);
}

static void reports_written(struct page *p)
{
	plain(p, (double)p->reports.written);
}

static void reports_lost(struct page *p)
{
	plain(p, (double)p->reports.lost);
}

static void reports_waiting_now(struct page *p)
{
	plain(p, (double)reports_waiting(&p->reports));
}

static void reports_bytes(struct page *p)
{
	plain(p, (double)p->reports.bytes);
}

static void restarts(struct page *p)
{
	plain(p, (double)p->worker->restarts);
}

static void started(struct page *p)
{
	plain(p, (double)p->worker->started_us / 1e6);
}

/* ---- the table ----------------------------------------------------------------------- */

/* Counters are named without their _total, which both formats put in different places. */
static const struct metric {
	const char *name;
	enum kind kind;
	const char *help;
	void (*write)(struct page *);
} metrics[] = {
    {"susmilter_decisions", COUNTER,
	"Decisions by family, rule, action and mode; in mode monitor the action was recorded, not "
	"taken.",
	decisions},
    {"susmilter_results", COUNTER,
	"Results of SPF, DKIM (each signature) and DMARC, for accepted and refused mail.", results},
    {"susmilter_decision_duration_seconds", HISTOGRAM,
	"Time from the MTA's request to the verdict, DNS included, by stage.", latencies},
    {"susmilter_sessions", GAUGE, "Open SMTP sessions.", sessions},
    {"susmilter_dns_lookups", COUNTER, "DNS lookups for verdicts, by outcome.", dns_lookups},
    {"susmilter_dns_cached", COUNTER, "DNS queries answered from the cache.", dns_cached},
    {"susmilter_dns_asked", COUNTER, "DNS queries sent to the name servers.", dns_asked},
    {"susmilter_dns_expired", COUNTER, "DNS queries that timed out.", dns_expired},
    {"susmilter_dns_in_flight", GAUGE, "DNS queries in flight.", dns_in_flight},
    {"susmilter_dns_up", GAUGE, "1 while the resolver runs.", dns_running},
    {"susmilter_table_generation", GAUGE, "Generation number of the rule table in use.",
	table_number},
    {"susmilter_table_loaded_timestamp_seconds", GAUGE, "Time when this table was loaded.",
	table_loaded},
    {"susmilter_table_bytes", GAUGE, "Memory used by this table.", table_bytes},
    {"susmilter_table_rules", GAUGE, "Rules in this table.", table_rules},
    {"susmilter_table_entries", GAUGE, "Entries in this table, by kind.", table_entries},
    {"susmilter_table_retained", GAUGE,
	"Rule tables in memory: the one in use, and older ones that open transactions still need.",
	table_generations},
    {"susmilter_reload_success", GAUGE, "1 if the last reload succeeded.", reload_ok},
    {"susmilter_reload_timestamp_seconds", GAUGE, "Time of the last reload; 0: none yet.",
	reload_time},
    {"susmilter_geo_built_timestamp_seconds", GAUGE, "Build time of each MMDB; 0: none.",
	geo_built_times},
    {"susmilter_records_written", COUNTER, "Decision records written to the log.", records_written},
    {"susmilter_records_suppressed", COUNTER,
	"Decision records not written: above the limit for their recipient and rule.",
	records_suppressed},
    {"susmilter_records_dropped", COUNTER, "Decision records not written: the queue was full.",
	records_dropped},
    {"susmilter_records_failed", COUNTER,
	"Decision records not written: the file could not be written.", records_failed},
    {"susmilter_records_queued", GAUGE, "Decision records waiting to be written.", records_queued},
    {"susmilter_reports_counted", COUNTER, "Refusals counted for reports.", reports_counted},
    {"susmilter_reports_written", COUNTER, "Of these, written to the database.", reports_written},
    {"susmilter_reports_lost", COUNTER,
	"Of these, lost: the database could not be written for too long.", reports_lost},
    {"susmilter_reports_waiting", GAUGE, "Of these, waiting to be written.", reports_waiting_now},
    {"susmilter_reports_bytes", GAUGE, "Memory used by waiting refusals.", reports_bytes},
    {"susmilter_worker_restarts", COUNTER, "Restarts of the worker since the daemon started.",
	restarts},
    {"susmilter_worker_start_timestamp_seconds", GAUGE, "Start time of the current worker.",
	started},
};

static void write_metric(struct page *p, const struct metric *m, bool open)
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
	m->write(p);
}

static void take_snapshot(struct page *p)
{
	struct worker *w = p->worker;

	p->records = recorder_counts(w->recorder);
	p->reports = reports_counts(w->reports);
	p->reload = worker_reload_status(w);
	pthread_mutex_lock(&w->resolver_lock);
	if (w->resolver)
		resolver_stats(w->resolver, &p->dns);
	pthread_mutex_unlock(&w->resolver_lock);
}

char *metrics_write(struct worker *w, bool open, size_t *len)
{
	char *text = NULL;
	struct page p = {.out = open_memstream(&text, len), .worker = w};

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
