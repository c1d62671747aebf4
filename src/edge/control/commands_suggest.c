/* `suggest`: rules that the history speaks for, with their evidence (SPEC 10). */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/change/suggest_ranges.h"
#include "core/change/suggest_whitelist.h"
#include "edge/idn/idn.h"
#include "history_source.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

enum { SHOWN = 20, EXPIRES_DAYS = 30, DAY_SECONDS = 86400 };

/* Of a rule, made of an address or a name. */
enum { RULE_NAME_MAX = 300 };

/* One at a time in a process: each takes some 200 MB for a large history. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* What both commands say of their figures. */
struct summary {
	uint64_t right, wrong; /* on the days that were held out */
	size_t candidates, contradicted, shown;
	uint64_t lost;
	struct history_scan scan;
};

/* ---- reading ------------------------------------------------------------------------- */

static bool read_rows(
    struct request *req, history_row_fn *each, void *context, struct history_scan *scan)
{
	struct history_reader *reader;
	char why[HISTORY_FIND_WHY_MAX];
	int64_t since, until;
	bool ok;

	if (!history_source_time(req, "since", &since) ||
	    !history_source_time(req, "until", &until))
		return false;
	reader = history_source_open(req);
	if (!reader)
		return false;
	ok = history_replay(reader, since, until, false, each, context, scan, why);
	if (ok)
		history_source_tell(req, scan);
	else
		channel_error(req->channel, "the history cannot be read: %s\n", why);
	history_reader_free(&reader);
	return ok;
}

/* A key of tables of strangers' names; false after a complaint. */
static bool draw_seed(struct request *req, uint64_t *seed)
{
	if (getrandom(seed, sizeof *seed, 0) == (ssize_t)sizeof *seed)
		return true;
	channel_error(req->channel, "suggest: no random numbers\n");
	return false;
}

/* How many are shown; false after a complaint. */
static bool count_of(struct request *req, size_t *count)
{
	const char *text = request_text(req, "count");
	uint64_t n = SHOWN;

	if (text && (!slice_to_uint(slice_str(text), UINT32_MAX, &n) || n == 0)) {
		channel_error(req->channel, "--count must be at least 1\n");
		return false;
	}
	*count = (size_t)n;
	return true;
}

/* ---- both ---------------------------------------------------------------------------- */

/* "suggested-198-51-100-0-24": what is no letter or digit becomes a hyphen. */
static const char *rule_name(const char *text, char out[RULE_NAME_MAX])
{
	size_t n = (size_t)snprintf(out, RULE_NAME_MAX, "suggested");
	bool hyphen = true;

	for (; *text && n + 3 < RULE_NAME_MAX; text++) {
		char c = (char)(*text >= 'A' && *text <= 'Z' ? *text | 0x20 : *text);
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (plain && hyphen)
			out[n++] = '-';
		hyphen = !plain;
		if (plain)
			out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

static const char *expiry(char out[RFC3339_TEXT_MAX])
{
	rfc3339_format(time(NULL) + EXPIRES_DAYS * (int64_t)DAY_SECONDS, out);
	out[10] = '\0'; /* the date */
	return out;
}

static double precision_of(uint64_t right, uint64_t wrong)
{
	return right + wrong > 0 ? (double)right / (double)(right + wrong) : 0;
}

/* Rounded down: 0.9999 is not 1. */
static double floored(double share)
{
	return (double)(uint64_t)(share * 10000) / 10000;
}

static json_t *summary_json(const struct summary *s, json_t *candidates)
{
	json_t *oldest = s->scan.oldest_ms ? NULL : json_null();
	char at[RFC3339_TEXT_MAX];

	if (!oldest) {
		rfc3339_format(s->scan.oldest_ms / 1000, at);
		oldest = json_string(at);
	}
	return json_pack("{s:o, s:I, s:I, s:{s:I, s:I, s:f, s:f}, s:I, s:I, s:o}", "candidates",
	    candidates, "found", (json_int_t)s->candidates, "contradicted",
	    (json_int_t)s->contradicted, "held_out", "right", (json_int_t)s->right, "wrong",
	    (json_int_t)s->wrong, "precision", precision_of(s->right, s->wrong), "bound",
	    suggest_bound(s->right, s->right + s->wrong), "rows", (json_int_t)s->scan.rows, "lost",
	    (json_int_t)s->lost, "since", oldest);
}

/* As comments: what is printed can stand in a configuration. */
static void print_summary(struct request *req, const struct summary *s)
{
	char at[RFC3339_TEXT_MAX];

	if (s->scan.oldest_ms == 0) {
		channel_print(req->channel, "# The history is empty.\n");
		return;
	}
	rfc3339_format(s->scan.oldest_ms / 1000, at);
	channel_print(req->channel,
	    "# %zu candidate%s (%zu shown) by %llu rows since %s.  Chosen by the first two thirds "
	    "of the days,\n# tried on the others: %llu right, %llu wrong",
	    s->candidates, s->candidates == 1 ? "" : "s", s->shown,
	    (unsigned long long)s->scan.rows, at, (unsigned long long)s->right,
	    (unsigned long long)s->wrong);
	if (s->right + s->wrong > 0)
		channel_print(req->channel, ", precision %.4f (at least %.4f with 95 %%)",
		    floored(precision_of(s->right, s->wrong)),
		    floored(suggest_bound(s->right, s->right + s->wrong)));
	channel_print(req->channel, ".\n");
	if (s->contradicted > 0)
		channel_print(req->channel, "# %zu more %s contradicted there and left out.\n",
		    s->contradicted, s->contradicted == 1 ? "was" : "were");
	if (s->lost > 0)
		channel_print(req->channel,
		    "# %llu observations had no room in memory: there may be more candidates.\n",
		    (unsigned long long)s->lost);
}

/* "precision at least 0.9912" where it may be claimed. */
static const char *claim_text(bool claimed, double bound, char out[64])
{
	if (claimed)
		snprintf(out, 64, "precision at least 0.99");
	else
		snprintf(out, 64, "too few to claim 0.99 (bound %.3f)", floored(bound));
	return out;
}

/* ---- ranges -------------------------------------------------------------------------- */

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
	return json_pack("{s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:i, s:f, s:b, s:i, s:i, s:o, s:o}",
	    "kind", kind_names[r->kind], "value", range_text(r, value), "messages",
	    (json_int_t)r->messages, "networks", (int)r->networks, "votes", (int)r->votes,
	    "domains", (int)r->domains, "days", (int)r->days, "counter_examples", 0, "bound",
	    r->bound, "claimed", r->claimed, "held_right", (int)r->held_bad, "held_wrong",
	    (int)r->held_good, "except", except, "own_domains", own);
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

static void print_range(struct request *req, const struct suggest_votes *votes,
    const struct suggest_range *r, bool last)
{
	char value[PREFIX_TEXT_MAX], name[RULE_NAME_MAX], date[RFC3339_TEXT_MAX], claim[64];

	channel_print(req->channel,
	    "  # %llu message%s from %u network%s; %u votes of %u domains on %u days, none against",
	    (unsigned long long)r->messages, r->messages == 1 ? "" : "s", r->networks,
	    r->networks == 1 ? "" : "s", r->votes, r->domains, r->days);
	if (r->excepts > 0)
		channel_print(req->channel, " but from %u address%s excepted", r->excepts,
		    r->excepts == 1 ? "," : "es,");
	channel_print(req->channel, ";\n  # %s; held out: %u right\n",
	    claim_text(r->claimed, r->bound, claim), r->held_bad);
	for (unsigned i = 0; i < r->owns; i++)
		channel_print(req->channel,
		    "  # proven mail of %.*s comes only from here: it was not counted\n",
		    SLICE_ARG(suggest_domains_name(votes->domains, r->own[i])));
	channel_print(req->channel, "  { name = \"%s\"; ", rule_name(range_text(r, value), name));
	print_entries(req, r);
	channel_print(req->channel, "mode = \"monitor\"; expires = \"%s\"; }%s\n", expiry(date),
	    last ? "" : ",");
}

static int show_ranges(struct request *req, const struct suggest_votes *votes,
    const struct suggest_ranges *s, size_t count, struct summary *sum)
{
	json_t *list;

	sum->candidates = s->count;
	sum->contradicted = s->contradicted;
	sum->shown = s->count < count ? s->count : count;
	sum->right = s->held_bad;
	sum->wrong = s->held_good;
	sum->lost = votes->lost;
	if (request_switch(req, "json")) {
		list = json_array();
		for (size_t i = 0; i < sum->shown; i++)
			json_array_append_new(list, range_json(votes, &s->range[i]));
		return request_print_json(req, summary_json(sum, list));
	}
	print_summary(req, sum);
	if (sum->shown == 0)
		return STATUS_OK;
	channel_print(req->channel, "susranges = (\n");
	for (size_t i = 0; i < sum->shown; i++)
		print_range(req, votes, &s->range[i], i + 1 == sum->shown);
	channel_print(req->channel, ");\n");
	return STATUS_OK;
}

static int suggest_ranges_of(struct request *req, struct suggest_votes *votes, size_t count)
{
	struct summary sum = {.right = 0};
	struct suggest_ranges *s;
	int status;

	if (!read_rows(req, take_vote, votes, &sum.scan))
		return STATUS_FAILED;
	s = suggest_votes_end(votes) ? suggest_ranges_find(votes) : NULL;
	if (!s) {
		channel_error(req->channel, "suggest: out of memory\n");
		return STATUS_FAILED;
	}
	status = show_ranges(req, votes, s, count, &sum);
	suggest_ranges_free(&s);
	return status;
}

/* Only one at a time; false after a complaint. */
static bool begin(struct request *req)
{
	if (pthread_mutex_trylock(&one_at_a_time) == 0)
		return true;
	channel_error(req->channel, "another suggest is running: try again when it has ended\n");
	return false;
}

int command_suggest_ranges(struct request *req)
{
	struct suggest_votes *votes;
	int status = STATUS_FAILED;
	uint64_t seed;
	size_t count;

	if (!count_of(req, &count))
		return STATUS_USAGE;
	if (!draw_seed(req, &seed) || !begin(req))
		return STATUS_FAILED;
	votes = suggest_votes_create(seed, &idn_lenient);
	if (votes)
		status = suggest_ranges_of(req, votes, count);
	else
		channel_error(req->channel, "suggest: out of memory\n");
	suggest_votes_free(&votes);
	pthread_mutex_unlock(&one_at_a_time);
	return status;
}

/* ---- whitelist ----------------------------------------------------------------------- */

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

static void print_entry(struct request *req, const struct suggest_entry *e, bool last)
{
	char value[NAME_MAX_OCTETS + 1], name[RULE_NAME_MAX], date[RFC3339_TEXT_MAX], claim[64];

	channel_print(req->channel,
	    "  # %llu refused message%s with proof, from %u client%s and %u domain%s, for %u "
	    "recipients;\n  # %u votes on %u days, none against; %s; held out: %u right\n",
	    (unsigned long long)e->messages, e->messages == 1 ? "" : "s", e->clients,
	    e->clients == 1 ? "" : "s", e->domains, e->domains == 1 ? "" : "s", e->recipients,
	    e->votes, e->days, claim_text(e->claimed, e->bound, claim), e->held_right);
	channel_print(req->channel, "  { name = \"%s\"; ", rule_name(entry_text(e, value), name));
	if (e->domain.len > 0)
		channel_print(req->channel, "domains = [ \"%s\" ]; proof = [ \"spf\" ]; ", value);
	else
		channel_print(req->channel, "networks = [ \"%s\" ]; ", value);
	channel_print(req->channel, "mode = \"monitor\"; expires = \"%s\"; }%s\n", expiry(date),
	    last ? "" : ",");
}

static int show_entries(
    struct request *req, const struct suggest_entries *s, size_t count, struct summary *sum)
{
	json_t *list, *all;

	sum->candidates = s->count;
	sum->contradicted = s->contradicted;
	sum->shown = s->count < count ? s->count : count;
	sum->right = s->held_right;
	sum->wrong = s->held_wrong;
	if (request_switch(req, "json")) {
		list = json_array();
		for (size_t i = 0; i < sum->shown; i++)
			json_array_append_new(list, entry_json(&s->entry[i]));
		all = summary_json(sum, list);
		json_object_set_new(all, "not_evaluated", json_integer((json_int_t)s->unproven));
		return request_print_json(req, all);
	}
	print_summary(req, sum);
	if (s->unproven > 0)
		channel_print(req->channel,
		    "# %llu more refused messages were not evaluated (history.evaluate).\n",
		    (unsigned long long)s->unproven);
	if (sum->shown == 0)
		return STATUS_OK;
	channel_print(req->channel, "whitelist = (\n");
	for (size_t i = 0; i < sum->shown; i++)
		print_entry(req, &s->entry[i], i + 1 == sum->shown);
	channel_print(req->channel, ");\n");
	return STATUS_OK;
}

static int suggest_entries_of(struct request *req, struct suggest_whitelist *w, size_t count)
{
	struct summary sum = {.right = 0};
	const struct suggest_entries *s;

	if (!read_rows(req, take_refused, w, &sum.scan))
		return STATUS_FAILED;
	s = suggest_whitelist_find(w);
	sum.lost = suggest_whitelist_lost(w);
	if (s)
		return show_entries(req, s, count, &sum);
	channel_error(req->channel, "suggest: out of memory\n");
	return STATUS_FAILED;
}

int command_suggest_whitelist(struct request *req)
{
	struct suggest_whitelist *w;
	int status = STATUS_FAILED;
	uint64_t seed;
	size_t count;

	if (!count_of(req, &count))
		return STATUS_USAGE;
	if (!draw_seed(req, &seed) || !begin(req))
		return STATUS_FAILED;
	w = suggest_whitelist_create(seed, &idn_lenient);
	if (w)
		status = suggest_entries_of(req, w, count);
	else
		channel_error(req->channel, "suggest: out of memory\n");
	suggest_whitelist_free(&w);
	pthread_mutex_unlock(&one_at_a_time);
	return status;
}
