/* `stale`: entries that decided nothing, and whitelist entries that no rule needs (SPEC 10). */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/history/history_usage.h"
#include "core/rules/whitelist_need.h"
#include "edge/config/config.h"
#include "edge/geo/geo.h"
#include "edge/history/history.h"
#include "edge/history/history_seed.h"
#include "edge/idn/idn.h"
#include "edge/recorded/history_source.h"

#include <stdio.h>
#include <time.h>

enum { DAYS = 30, DAYS_MAX = 3650, DAY = 86400 };

struct stale {
	struct request *req;
	struct history_usage *usage;
	struct whitelist_need *need;
	int64_t now;
	uint64_t days;
	json_t *list; /* NULL: as text */
	size_t entries, unused, unneeded;
	/* of the history: */
	struct history_scan scan;
	uint64_t decisions, folded; /* those, and of them without a row of their own */
};

/* ---- the history --------------------------------------------------------------------- */

static void find_place(void *context, const struct ip *ip, uint32_t *asn, uint32_t *country)
{
	const struct config *config = context;
	struct geo_place place = {.asn = 0};

	geo_lookup(config->geo_asn_db, ip, &place);
	geo_lookup(config->geo_country_db, ip, &place);
	*asn = place.asn;
	*country = config_country_number(&place);
}

static bool take_row(void *context, const struct decision_row *row)
{
	struct stale *s = context;

	s->decisions += row->count;
	s->folded += row->flags & ROW_FOLDED ? row->count : 0;
	if (history_usage_add(s->usage, row))
		return true;
	history_usage_free(&s->usage);
	return false;
}

/* False after a complaint. */
static bool read_history(struct stale *s)
{
	struct history_reader *reader = history_source_open(s->req);
	char why[HISTORY_FIND_WHY_MAX] = "out of memory";
	bool read;

	if (!reader)
		return false;
	read = s->usage && history_replay(reader, (s->now - (int64_t)s->days * DAY) * 1000, 0,
			       false, take_row, s, &s->scan, why);
	history_reader_free(&reader);
	if (read && s->usage) {
		history_source_tell(s->req, &s->scan);
		return true;
	}
	channel_error(
	    s->req->channel, "the history cannot be read: %s\n", s->usage ? why : "out of memory");
	return false;
}

/* ---- entries ------------------------------------------------------------------------- */

static bool has_decided(const struct stale *s, unsigned rule, const struct config_entry *e)
{
	return e->entry
		   ? history_usage_has(s->usage, rule, e->slot, e->entry)
		   : history_usage_has_place(s->usage, rule, e->slot, e->rank, e->number, e->out);
}

static bool is_unneeded(
    const struct stale *s, const struct rule *rule, const struct config_entry *e)
{
	const struct entry *n = e->entry;
	struct ip last;

	if (!n || n->kind != ENTRY_NETWORK || e->slot != KEY_NETWORKS || e->out ||
	    rule->family != FAMILY_WHITELIST)
		return false;
	last = n->is_range ? n->last : prefix_last(&n->prefix);
	return !whitelist_need_covers(
	    s->need, rule->covers, n->is_range ? &n->first : &n->prefix.base, &last);
}

static json_t *entry_json(const struct config_entry *e, bool unused, bool unneeded)
{
	return json_pack("{s:o, s:s, s:s, s:b, s:o, s:s, s:i, s:b, s:b}", "rule",
	    json_from_slice(e->name), "family", family_name(e->family), "key", e->key, "unless",
	    e->slot >= SLOT_UNLESS, "entry", json_from_slice(e->text), "file", e->where.file,
	    "line", (int)e->where.line, "unused", unused, "unneeded", unneeded);
}

static void print_entry(
    struct request *req, const struct config_entry *e, bool unused, bool unneeded)
{
	char bounded[PLAIN_MAX], plain[PLAIN_MAX];

	snprintf(bounded, sizeof bounded, "%.*s", SLICE_ARG(e->text));
	channel_print(req->channel, "%s %.*s %s%s %s (%s:%u): %s%s%s\n", family_name(e->family),
	    SLICE_ARG(e->name), e->slot >= SLOT_UNLESS ? "unless." : "", e->key,
	    plain_text(bounded, plain), e->where.file, e->where.line,
	    unused ? "decided nothing" : "", unused && unneeded ? "; " : "",
	    unneeded ? "no rule refuses its addresses" : "");
}

/* What is found of an entry, of one rule or several: the lines of the managed whitelist are spread
 * over rules of one name. */
struct findings {
	bool found, used, unneeded;
};

static void look_at(
    const struct stale *s, unsigned rule, const struct config_entry *e, struct findings *f)
{
	f->found = true;
	f->used |= has_decided(s, rule, e);
	f->unneeded |= is_unneeded(s, &s->req->generation->rules->rules[rule], e);
}

static struct findings find_in_rules(const struct stale *s, const struct config_entry *e)
{
	const struct ruleset *rules = s->req->generation->rules;
	struct findings f = {.found = false};

	if (e->rule)
		look_at(s, (unsigned)(e->rule - rules->rules), e, &f);
	for (unsigned i = 0; !e->rule && i < rules->rule_count; i++)
		if (rules->rules[i].family == e->family && rules->rules[i].expires == e->expires &&
		    slice_equal(rules->rules[i].name, e->name))
			look_at(s, i, e, &f);
	return f;
}

static void take_entry(void *context, const struct config_entry *e)
{
	struct stale *s = context;
	struct findings f;

	if (e->where.line == 0) /* a default, which nobody wrote */
		return;
	f = find_in_rules(s, e);
	s->entries += f.found;
	if (!f.found || (f.used && !f.unneeded))
		return;
	s->unused += !f.used;
	s->unneeded += f.unneeded;
	if (s->list)
		json_array_append_new(s->list, entry_json(e, !f.used, f.unneeded));
	else
		print_entry(s->req, e, !f.used, f.unneeded);
}

/* False after a complaint: what is shown then is not all. */
static bool read_entries(struct stale *s)
{
	const struct generation *g = s->req->generation;
	const struct config_visitor visitor = {take_entry, NULL, s};
	struct diag *diag = diag_create();
	bool read = diag && config_each_entry(g->config, g->rules, &visitor, diag);

	if (!diag)
		channel_error(s->req->channel, "stale: out of memory\n");
	else if (!read)
		request_print_diag(s->req, diag);
	diag_free(&diag);
	return read;
}

/* ---- how far it can be trusted ------------------------------------------------------- */

/* To standard error with --json, whose output is the array alone. */
__attribute__((format(printf, 2, 3))) static void tell(struct stale *s, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (s->list)
		channel_error(s->req->channel, "%s\n", line);
	else
		channel_print(s->req->channel, "%s\n", line);
}

static bool reaches(const struct stale *s)
{
	return s->scan.oldest_ms != 0 &&
	       s->scan.oldest_ms / 1000 <= s->now - (int64_t)s->days * DAY;
}

static void tell_reach(struct stale *s)
{
	struct history_counts c = {.dropped = 0};
	char at[RFC3339_TEXT_MAX];

	if (s->req->worker)
		c = history_counts(s->req->worker->history);
	rfc3339_format(s->scan.oldest_ms / 1000, at);
	tell(s,
	    "%zu of %zu entries decided nothing; %zu whitelist entries let in addresses that no "
	    "rule refuses",
	    s->unused, s->entries, s->unneeded);
	if (s->scan.oldest_ms == 0)
		tell(s, "the history is empty: nothing is known of %llu days",
		    (unsigned long long)s->days);
	else
		tell(s,
		    "the history reaches back to %s%s: %llu decisions of %llu days asked for, "
		    "%zu distinct clients and names",
		    at, reaches(s) ? "" : ", not far enough", (unsigned long long)s->decisions,
		    (unsigned long long)s->days, history_usage_values(s->usage));
	tell(s, "%.2f %% of the decisions share a row of their network%s",
	    s->decisions ? 100.0 * (double)s->folded / (double)s->decisions : 0.0,
	    s->req->worker ? "" : "; how many were dropped only the daemon knows");
	if (s->req->worker)
		tell(s, "%.2f %% of the decisions since the daemon started were dropped",
		    c.dropped + c.failed ? 100.0 * (double)(c.dropped + c.failed) /
					       (double)(c.rows + c.dropped + c.failed)
					 : 0.0);
}

/* ---- the command --------------------------------------------------------------------- */

static int answer(struct stale *s)
{
	int status = STATUS_OK;

	if (!read_history(s) || !read_entries(s)) {
		json_decref(s->list);
		return STATUS_FAILED;
	}
	if (s->list)
		status = request_print_json(s->req, s->list);
	tell_reach(s);
	return status != STATUS_OK || reaches(s) ? status : STATUS_SHORT;
}

int command_stale(struct request *req)
{
	const struct ruleset *rules = req->generation->rules;
	const struct history_world world = {&idn_lenient, find_place, req->generation->config};
	const char *days = request_text(req, "days");
	struct stale s = {.req = req, .now = time(NULL), .days = DAYS};
	struct history_seed seed;
	int status;

	if (days && (!slice_to_uint(slice_str(days), DAYS_MAX, &s.days) || s.days == 0)) {
		channel_error(req->channel, "--days must be from 1 to %d\n", DAYS_MAX);
		return STATUS_USAGE;
	}
	if (history_seed_draw(&seed))
		s.usage = history_usage_create(rules, &seed, &world, s.now);
	s.need = whitelist_need_create(rules, s.now);
	if (!s.usage || !s.need) {
		channel_error(req->channel, "stale: out of memory\n");
		status = STATUS_FAILED;
	} else {
		s.list = request_switch(req, "json") ? json_array() : NULL;
		status = answer(&s);
	}
	history_usage_free(&s.usage);
	whitelist_need_free(&s.need);
	return status;
}
