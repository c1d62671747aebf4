/* `audit domains`: domains of recorded mail that do not exist (SPEC 10). */
#include "edge/control/commands.h"

#include "audit_ask.h"
#include "core/base/rfc3339.h"
#include "edge/idn/idn.h"
#include "edge/os/statedir.h"
#include "edge/recorded/history_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { ASKED = 1000, DAY_SECONDS = 86400 };

/* Where the state is: a directory below that of the configuration, and its file. */
static const char directory_name[] = "audit", file_name[] = "domains";

/* One at a time in a process: they share the state. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static const char *const party_names[AUDIT_PARTIES] = {
    [AUDIT_SENDER] = "sender", [AUDIT_RECIPIENT] = "recipient"};

/* What is asked for, and what is needed for it. */
struct audit_request {
	struct request *req;
	struct audit *audit;
	struct audit_ask ask;
	struct history_scan scan;
	size_t most;
	int only;  /* an audit_party whose list is printed; -1: all */
	int state; /* a directory */
};

/* ---- options ------------------------------------------------------------------------- */

static bool read_options(struct request *req, struct audit_request *a, int32_t *today)
{
	const char *count = request_text(req, "count"), *list = request_text(req, "list"),
		   *now = request_text(req, "now");
	uint64_t n = ASKED, seconds = (uint64_t)time(NULL);

	a->only = -1;
	for (int party = 0; party < AUDIT_PARTIES && list; party++)
		if (strcmp(list, party_names[party]) == 0)
			a->only = party;
	if (list && a->only < 0) {
		channel_error(req->channel, "--list needs sender or recipient\n");
		return false;
	}
	if (count && (!slice_to_uint(slice_str(count), UINT32_MAX, &n) || n == 0)) {
		channel_error(req->channel, "--count must be at least 1\n");
		return false;
	}
	if (now && !slice_to_uint(slice_str(now), INT64_MAX, &seconds)) {
		channel_error(req->channel, "--now needs seconds since 1970\n");
		return false;
	}
	a->most = (size_t)n;
	*today = (int32_t)(seconds / DAY_SECONDS);
	return true;
}

/* ---- the state ----------------------------------------------------------------------- */

/* Reads it; false after a complaint, since what is not read would be lost with the next write. */
static bool read_state(struct audit_request *a)
{
	const char *directory = a->req->generation->config->state;
	char why[STATEDIR_WHY_MAX];
	enum textfile_result result;
	struct slice text;

	if (directory[0] == '\0') {
		channel_error(a->req->channel,
		    "audit domains needs a state directory: set state in the configuration\n");
		return false;
	}
	a->state = statedir_open(directory, directory_name, true, why);
	if (a->state < 0) {
		channel_error(a->req->channel, "%s/%s: %s\n", directory, directory_name, why);
		return false;
	}
	result = statedir_read(a->state, file_name, &text, why);
	if (result == TEXTFILE_BROKEN) {
		channel_error(
		    a->req->channel, "%s/%s/%s: %s\n", directory, directory_name, file_name, why);
		return false;
	}
	if (result == TEXTFILE_OK) {
		audit_read(a->audit, text);
		textfile_free(&text);
	}
	if (a->audit->bad_lines > 0)
		channel_error(a->req->channel,
		    "warning: %s/%s/%s: %u line%s could not be read and will be left out\n",
		    directory, directory_name, file_name, a->audit->bad_lines,
		    a->audit->bad_lines == 1 ? "" : "s");
	return true;
}

static bool write_state(struct audit_request *a)
{
	struct slice text = audit_write(a->audit, a->req->arena);
	char why[STATEDIR_WHY_MAX] = "out of memory";

	if (!arena_failed(a->req->arena) && statedir_write(a->state, file_name, text, why))
		return true;
	channel_error(a->req->channel, "the state cannot be written: %s/%s/%s: %s\n",
	    a->req->generation->config->state, directory_name, file_name, why);
	return false;
}

/* ---- asking -------------------------------------------------------------------------- */

static bool take_row(void *context, const struct decision_row *row)
{
	audit_row(context, row);
	return true;
}

static bool read_history(struct audit_request *a)
{
	struct history_reader *reader;
	char why[HISTORY_FIND_WHY_MAX];
	int64_t since;
	bool ok;

	if (!history_source_time(a->req, "since", &since))
		return false;
	reader = history_source_open(a->req);
	if (!reader)
		return false;
	ok = history_replay(reader, since, 0, false, take_row, a->audit, &a->scan, why);
	if (ok)
		history_source_tell(a->req, &a->scan);
	else
		channel_error(a->req->channel, "the history cannot be read: %s\n", why);
	history_reader_free(&reader);
	return ok;
}

static bool is_gone(void *context)
{
	return channel_is_gone(context);
}

/* All that is asked, decided and kept; false after a complaint. */
static bool audit_all(struct audit_request *a)
{
	char why[RESOLVER_WHY_MAX];
	bool ok;

	if (!read_state(a) || !read_history(a))
		return false;
	if (!audit_choose(a->audit, a->most) || a->audit->no_memory) {
		channel_error(a->req->channel, "audit: out of memory\n");
		return false;
	}
	if (!audit_ask_open(&a->ask, a->req->generation->config, why, sizeof why)) {
		channel_error(a->req->channel, "resolver: %s\n", why);
		return false;
	}
	ok = audit_ask_all(&a->ask, a->audit, is_gone, a->req->channel);
	if (ok)
		audit_decide(a->audit);
	audit_ask_close(&a->ask);
	return ok && write_state(a);
}

/* ---- the answer ---------------------------------------------------------------------- */

static const char *resolver_says(const struct audit_request *a, unsigned r)
{
	if (a->ask.gave_up[r])
		return "no answer";
	return a->audit->credible[r] ? "ok" : "not believed: it does not find domains that exist";
}

/* Shown: what does not exist today, and what is listed. */
static bool is_shown(const struct audit_domain *d)
{
	return d->now == AUDIT_ABSENT || audit_is_listed(d);
}

static bool is_on_list(const struct audit_domain *d, enum audit_party party)
{
	return audit_is_listed(d) && d->messages[party] > 0;
}

static json_t *domain_json(const struct audit *audit, uint32_t n)
{
	const struct audit_domain *d = &audit->domain[n];
	json_t *days = json_array();
	char date[RFC3339_TEXT_MAX];

	for (unsigned i = 0; i < d->days; i++) {
		rfc3339_format(d->day[i] * (int64_t)DAY_SECONDS, date);
		date[10] = '\0';
		json_array_append_new(days, json_string(date));
	}
	return json_pack("{s:o, s:I, s:I, s:s, s:o, s:b}", "domain",
	    json_from_slice(suggest_domains_name(audit->domains, n)), "sender",
	    (json_int_t)d->messages[AUDIT_SENDER], "recipient",
	    (json_int_t)d->messages[AUDIT_RECIPIENT], "today",
	    d->now == AUDIT_ABSENT ? "absent" : "unknown", "days", days, "listed",
	    audit_is_listed(d));
}

static int print_json(struct audit_request *a)
{
	json_t *resolvers = json_array(), *domains = json_array();
	size_t unknown = 0;

	for (unsigned r = 0; r < a->audit->resolvers; r++)
		json_array_append_new(
		    resolvers, json_pack("{s:s, s:b, s:b}", "server", a->ask.server[r], "answers",
				   !a->ask.gave_up[r], "believed", a->audit->credible[r]));
	for (size_t i = 0; i < a->audit->asks; i++) {
		const struct audit_domain *d = &a->audit->domain[a->audit->asked[i]];

		unknown += d->now == AUDIT_UNKNOWN;
		if (is_shown(d))
			json_array_append_new(domains, domain_json(a->audit, a->audit->asked[i]));
	}
	return request_print_json(
	    a->req, json_pack("{s:o, s:I, s:I, s:I, s:o}", "resolvers", resolvers, "asked",
			(json_int_t)a->audit->asks, "unknown", (json_int_t)unknown, "rows",
			(json_int_t)a->scan.rows, "domains", domains));
}

/* One a line, for a file of a rule. */
static int print_list(struct audit_request *a, enum audit_party party)
{
	for (size_t i = 0; i < a->audit->asks; i++)
		if (is_on_list(&a->audit->domain[a->audit->asked[i]], party))
			channel_print(a->req->channel, "%.*s\n",
			    SLICE_ARG(suggest_domains_name(a->audit->domains, a->audit->asked[i])));
	return STATUS_OK;
}

static void print_resolvers(struct audit_request *a)
{
	for (unsigned r = 0; r < a->audit->resolvers; r++)
		channel_print(a->req->channel, "# %s: %s\n", a->ask.server[r], resolver_says(a, r));
}

static void print_table(struct audit_request *a)
{
	bool head = false;

	for (size_t i = 0; i < a->audit->asks; i++) {
		const struct audit_domain *d = &a->audit->domain[a->audit->asked[i]];

		if (!is_shown(d))
			continue;
		if (!head)
			channel_print(
			    a->req->channel, "#  as sender  as recipient  days absent  domain\n");
		head = true;
		channel_print(a->req->channel, "# %10llu %13llu %12u  %.*s%s\n",
		    (unsigned long long)d->messages[AUDIT_SENDER],
		    (unsigned long long)d->messages[AUDIT_RECIPIENT], d->days,
		    SLICE_ARG(suggest_domains_name(a->audit->domains, a->audit->asked[i])),
		    d->now == AUDIT_UNKNOWN ? " (no answer today)" : "");
	}
}

/* A rule for what is listed, in monitor mode. */
static void print_rule(struct audit_request *a, enum audit_party party, bool *first)
{
	bool open = false;

	for (size_t i = 0; i < a->audit->asks; i++) {
		if (!is_on_list(&a->audit->domain[a->audit->asked[i]], party))
			continue;
		if (!open)
			channel_print(a->req->channel, "%s  { name = \"absent-%ss\"; %s = [",
			    *first ? "blocks = (\n" : ",\n", party_names[party],
			    party_names[party]);
		channel_print(a->req->channel, "%s\n      \"%.*s\"", open ? "," : "",
		    SLICE_ARG(suggest_domains_name(a->audit->domains, a->audit->asked[i])));
		open = true;
		*first = false;
	}
	if (open)
		channel_print(a->req->channel, " ];\n    mode = \"monitor\"; }");
}

static int print_all(struct audit_request *a)
{
	size_t absent = 0, unknown = 0, listed = 0;
	bool first = true;

	for (size_t i = 0; i < a->audit->asks; i++) {
		const struct audit_domain *d = &a->audit->domain[a->audit->asked[i]];

		absent += d->now == AUDIT_ABSENT;
		unknown += d->now == AUDIT_UNKNOWN;
		listed += audit_is_listed(d);
	}
	print_resolvers(a);
	channel_print(a->req->channel,
	    "# %zu domain%s asked about: %zu absent today, %zu without an answer; %zu absent on at "
	    "least %d days\n",
	    a->audit->asks, a->audit->asks == 1 ? "" : "s", absent, unknown, listed,
	    AUDIT_DAYS_LISTED);
	print_table(a);
	for (int party = 0; party < AUDIT_PARTIES; party++)
		print_rule(a, (enum audit_party)party, &first);
	if (!first)
		channel_print(a->req->channel, "\n);\n");
	return STATUS_OK;
}

static int answer(struct audit_request *a)
{
	if (a->only >= 0)
		return print_list(a, (enum audit_party)a->only);
	return request_switch(a->req, "json") ? print_json(a) : print_all(a);
}

int command_audit_domains(struct request *req)
{
	struct audit_request a = {.req = req, .state = -1};
	int status = STATUS_FAILED;
	int32_t today;
	uint64_t seed;

	if (!read_options(req, &a, &today))
		return STATUS_USAGE;
	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed ||
	    !(a.audit = audit_create(seed, &idn_lenient, today))) {
		channel_error(req->channel, "audit: out of memory or of random numbers\n");
		return STATUS_FAILED;
	}
	if (pthread_mutex_trylock(&one_at_a_time) != 0) {
		channel_error(
		    req->channel, "another audit is running: try again when it has ended\n");
	} else {
		if (audit_all(&a))
			status = answer(&a);
		pthread_mutex_unlock(&one_at_a_time);
	}
	if (a.state >= 0)
		close(a.state);
	audit_free(&a.audit);
	return status;
}
