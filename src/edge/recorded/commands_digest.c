/* `digest`: the operator's mail of the week (SPEC 10). */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/history/weekly.h"
#include "edge/config/config.h"
#include "edge/history/history.h"
#include "edge/history/history_seed.h"
#include "edge/managed/managed.h"
#include "edge/recorded/history_source.h"
#include "message_output.h"

#include <stdio.h>
#include <time.h>

enum {
	DAY = 86400,
	DAYS = 7,
	DAYS_MAX = 366,
	SOON_DAYS = 14,      /* what expires within is told */
	FEED_OLD_DAYS = 3,   /* as the alert has it */
	LIST_OLD_DAYS = 180, /* a list that nobody has touched for half a year */
	SHOWN = 20,          /* of each part */
};

struct digest {
	struct request *req;
	struct message_output out;
	const struct generation *g;
	int64_t now;
	uint64_t days;
	struct weekly *weekly; /* NULL: no history */
	struct history_scan scan;
	size_t shown; /* of the part that is written */
	bool failed;
};

/* ---- the history --------------------------------------------------------------------- */

static bool learn_row(void *context, const struct decision_row *row)
{
	struct digest *d = context;

	d->failed = !weekly_learn(d->weekly, row);
	return !d->failed;
}

static bool count_row(void *context, const struct decision_row *row)
{
	struct digest *d = context;

	d->failed = !weekly_count(d->weekly, row);
	return !d->failed;
}

/* False after a complaint; without a history there is nothing to read. */
static bool read_history(struct digest *d)
{
	struct history_seed seed;
	struct history_reader *reader;
	char why[HISTORY_FIND_WHY_MAX] = "out of memory";
	int64_t since_ms = (d->now - (int64_t)d->days * DAY) * 1000;
	bool read;

	if (!request_text(d->req, "history") && d->g->config->history_directory[0] == '\0')
		return true;
	reader = history_source_open(d->req);
	if (!reader)
		return false;
	if (history_seed_draw(&seed))
		d->weekly = weekly_create(d->g->rules, &seed, since_ms);
	read = d->weekly && history_replay(reader, 0, 0, false, learn_row, d, &d->scan, why) &&
	       !d->failed &&
	       history_replay(reader, since_ms, 0, true, count_row, d, &d->scan, why) && !d->failed;
	history_reader_free(&reader);
	if (!read) {
		channel_error(d->req->channel, "the history cannot be read: %s\n",
		    d->failed ? "out of memory" : why);
		return false;
	}
	history_source_tell(d->req, &d->scan);
	weekly_finish(d->weekly);
	return true;
}

/* ---- parts --------------------------------------------------------------------------- */

static const char *time_text(int64_t seconds, char out[RFC3339_TEXT_MAX])
{
	rfc3339_format(seconds, out);
	return out;
}

/* What strangers or files say: no line ends but ours, and not longer than a line should be. */
enum { SHOWN_MAX = 200 };
static const char *safe(struct slice s, char out[PLAIN_MAX])
{
	char text[SHOWN_MAX + 1];

	snprintf(text, sizeof text, "%.*s", SLICE_ARG(s));
	return plain_text(text, out);
}

static void begin_part(struct digest *d, const char *title)
{
	message_say(&d->out, "\n%s\n", title);
	for (size_t i = 0; title[i]; i++)
		message_say(&d->out, "-");
	message_say(&d->out, "\n");
	d->shown = 0;
}

/* Whether there is room for one more line of the part; those beyond are counted. */
static bool has_room(struct digest *d)
{
	return d->shown++ < SHOWN;
}

static void end_part(struct digest *d, const char *nothing)
{
	if (d->shown == 0)
		message_say(&d->out, "%s\n", nothing);
	if (d->shown > SHOWN)
		message_say(&d->out, "and %zu more\n", d->shown - SHOWN);
}

static void tell_cases(struct digest *d)
{
	const struct weekly *w = d->weekly;
	char client[IP_TEXT_MAX], at[RFC3339_TEXT_MAX], domain[PLAIN_MAX], recipient[PLAIN_MAX];

	begin_part(d, "Refusals that look legitimate");
	for (size_t i = 0; w && i < w->case_count; i++) {
		const struct weekly_case *c = &w->cases[i];

		if (!has_room(d))
			continue;
		ip_format(&c->client, client);
		message_say(&d->out, "%s: %llu refused by %.*s, last %s\n", safe(c->domain, domain),
		    (unsigned long long)c->count, SLICE_ARG(c->rule),
		    time_text(c->last_ms / 1000, at));
		message_say(&d->out, "    because%s%s%s\n",
		    c->why & WEEKLY_PROVEN_SELF ? " the refused message was proven;" : "",
		    c->why & WEEKLY_PROVEN_DOMAIN
			? " other mail of this author domain was proven and accepted;"
			: "",
		    c->why & WEEKLY_KNOWN ? " it has written to this recipient before;" : "");
		message_say(&d->out, "    for example from %s to %s\n", client,
		    safe(c->recipient, recipient));
		if (c->id.len > 0)
			message_say(&d->out,
			    "    susmilterctl explain --decision %.*s\n"
			    "    susmilterctl whitelist add --from %.*s --for 30d\n",
			    SLICE_ARG(c->id), SLICE_ARG(c->id));
	}
	if (w && w->more_cases > 0)
		message_say(&d->out, "and %llu refusals of further domains\n",
		    (unsigned long long)w->more_cases);
	end_part(d, w ? "None." : "Not known: no history is kept (history.directory).");
}

static void tell_rules(struct digest *d)
{
	const struct weekly *w = d->weekly;
	const bool monitor = d->g->rules->settings.monitor;
	char at[RFC3339_TEXT_MAX], comment[PLAIN_MAX];

	begin_part(d, "Rules and what they refused");
	for (size_t i = 0; w && i < w->rule_count; i++) {
		const struct weekly_rule *r = &w->rules[i];

		if (r->refused + r->monitored == 0 || !has_room(d))
			continue;
		message_say(&d->out, "%s%s%.*s: %llu refused", family_name(r->family),
		    r->name.len > 0 ? " " : "", SLICE_ARG(r->name), (unsigned long long)r->refused);
		if (r->monitored > 0)
			message_say(
			    &d->out, ", %llu would have been", (unsigned long long)r->monitored);
		message_say(&d->out, ", last %s%s%s%s\n", time_text(r->last_ms / 1000, at),
		    r->rule && (monitor || rule_monitors(r->rule, d->now)) ? "; monitor mode" : "",
		    r->rule && r->rule->comment.len > 0 ? "; " : "",
		    safe(r->rule ? r->rule->comment : SLICE(""), comment));
	}
	end_part(d, w ? "None refused anything." : "Not known: no history is kept.");
}

/* ---- what ends ----------------------------------------------------------------------- */

static void tell_end(
    struct digest *d, int64_t expires, const char *what, struct slice name, struct slice owner)
{
	char at[RFC3339_TEXT_MAX], shown[PLAIN_MAX], by[PLAIN_MAX];

	if (expires == 0 || expires > d->now + (int64_t)SOON_DAYS * DAY || !has_room(d))
		return;
	message_say(&d->out, "%s %s: %s %s%s%s\n", what, safe(name, shown),
	    expires <= d->now ? "expired" : "expires", time_text(expires, at),
	    owner.len > 0 ? ", by " : "", safe(owner, by));
}

static void tell_managed(void *context, const struct managed_line *l)
{
	tell_end(context, l->expires, "whitelist entry", l->entry, l->owner);
}

static void tell_ends(struct digest *d)
{
	const struct ruleset *rules = d->g->rules;
	const char *path = d->g->config->managed_whitelist;
	struct managed_edit e;
	char why[MANAGED_WHY_MAX];

	begin_part(d, "Expired, or about to expire");
	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (!slice_equal(rule->name, SLICE("managed")))
			tell_end(d, rule->expires, "rule", rule->name, rule->owner);
		if (rule_overridden(rule, d->now))
			tell_end(
			    d, rule->override.until, "mode of rule", rule->name, rule->override.by);
	}
	if (path[0] && managed_read(&e, path, d->req->arena, why))
		managed_each(&e, tell_managed, d);
	else if (path[0])
		message_say(&d->out, "The managed whitelist cannot be read: %s\n", why);
	end_part(d, "Nothing within two weeks.");
}

/* ---- lists, feeds, reloads ----------------------------------------------------------- */

static void tell_lists(struct digest *d)
{
	const struct loaded *loaded = d->g->config->loaded;
	char age[AGE_MAX];

	begin_part(d, "Lists and feeds");
	for (const struct loaded_feed *f = loaded->feeds; f; f = f->next) {
		bool old = f->modified + (int64_t)FEED_OLD_DAYS * DAY < d->now;

		if ((f->taken && !old) || !has_room(d))
			continue;
		message_say(&d->out, "feed %s of %s: %s%s, written %s ago\n", f->path, f->rule,
		    f->taken ? "old" : "not taken: ", f->taken ? "" : f->why,
		    age_text(d->now - f->modified, age));
	}
	for (const struct loaded_file *f = loaded->files; f; f = f->next)
		if (f->kind == LOADED_LIST && f->id.there &&
		    f->id.seconds + (int64_t)LIST_OLD_DAYS * DAY < d->now && has_room(d))
			message_say(&d->out,
			    "list %s: written %s ago (`susmilterctl stale` "
			    "lists what no longer does anything)\n",
			    f->path, age_text(d->now - f->id.seconds, age));
	end_part(d, "All are in use, and recent.");
}

static void tell_reloads(struct digest *d)
{
	struct reload_status r;
	char at[RFC3339_TEXT_MAX];

	begin_part(d, "Reloads");
	if (!d->req->worker) {
		message_say(&d->out, "Not known without the daemon.\n");
		return;
	}
	r = worker_reload_status(d->req->worker);
	message_say(&d->out, "%llu refused since %s.\n", (unsigned long long)r.refused,
	    time_text(d->req->worker->started_us / 1000000, at));
	if (r.at_us != 0 && !r.ok)
		message_say(&d->out,
		    "THE LAST ONE WAS REFUSED (%s): %s\n"
		    "The rules before it are in use.\n",
		    time_text(r.at_us / 1000000, at), r.first_error);
}

/* How far the figures can be trusted. */
static void tell_reach(struct digest *d)
{
	const struct weekly *w = d->weekly;
	struct history_counts c = {.dropped = 0};
	char at[RFC3339_TEXT_MAX];

	if (!w)
		return;
	begin_part(d, "History");
	message_say(&d->out, "It reaches back to %s.\n",
	    d->scan.oldest_ms ? time_text(d->scan.oldest_ms / 1000, at) : "nowhere: it is empty");
	if (w->folded > 0)
		message_say(&d->out,
		    "%llu decisions of floods share a row of their network: of "
		    "these, senders are known for examples only.\n",
		    (unsigned long long)w->folded);
	if (d->req->worker)
		c = history_counts(d->req->worker->history);
	if (c.dropped + c.failed > 0)
		message_say(&d->out, "%llu decisions are not in it: see `susmilterctl status`.\n",
		    (unsigned long long)(c.dropped + c.failed));
}

/* ---- the message --------------------------------------------------------------------- */

static void tell_head(struct digest *d)
{
	const struct weekly *w = d->weekly;
	char since[RFC3339_TEXT_MAX], until[RFC3339_TEXT_MAX], subject[400];

	time_text(d->now - (int64_t)d->days * DAY, since);
	time_text(d->now, until);
	if (w)
		snprintf(subject, sizeof subject,
		    "susmilter on %s: %llu refused, %zu look legitimate", d->out.host,
		    (unsigned long long)w->refused, w->case_count);
	else
		snprintf(subject, sizeof subject, "susmilter on %s: no history", d->out.host);
	message_open(&d->out, subject, d->now, false);
	message_say(&d->out, "susmilter on %s, %s to %s\n", d->out.host, since, until);
	if (d->g->rules->settings.monitor)
		message_say(&d->out, "MONITOR MODE: nothing is refused.\n");
	if (w)
		message_say(&d->out,
		    "%llu decisions accepted, %llu refused, %llu would have been "
		    "refused (monitor mode)\n",
		    (unsigned long long)w->accepted, (unsigned long long)w->refused,
		    (unsigned long long)w->monitored);
}

static int write_digest(struct digest *d)
{
	if (!read_history(d))
		return STATUS_FAILED;
	tell_head(d);
	tell_cases(d);
	tell_rules(d);
	tell_ends(d);
	tell_lists(d);
	tell_reloads(d);
	tell_reach(d);
	message_close(&d->out);
	return STATUS_OK;
}

int command_digest(struct request *req)
{
	const char *days = request_text(req, "days");
	struct digest d = {.req = req, .g = req->generation, .now = time(NULL), .days = DAYS};
	int status = STATUS_USAGE;

	if (days && (!slice_to_uint(slice_str(days), DAYS_MAX, &d.days) || d.days == 0))
		channel_error(req->channel, "--days must be from 1 to %d\n", DAYS_MAX);
	else if (message_output_start(&d.out, req, request_text(req, "to")))
		status = write_digest(&d);
	weekly_free(&d.weekly);
	return status;
}
