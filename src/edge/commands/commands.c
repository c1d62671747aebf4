#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "edge/control/json_memory.h"

#define JSON_OPTION "--json", NULL, "as JSON"
#define END         NULL, NULL, NULL

static const struct command_option only_json[] = {{JSON_OPTION}, {END}};

static const struct command_option check_options[] = {
    {"--strict", NULL, "exit with 1 when there are warnings, too"}, {JSON_OPTION}, {END}};

static const struct command_option reload_options[] = {
    {"--if-changed", NULL, "reload only if a file changed; otherwise nothing is read"},
    {"--previous", NULL, "go back to the files of the previous generation, from their copies"},
    {"--take", "RULE", "accept the feeds of this rule although they shrank"},
    {JSON_OPTION},
    {END},
};

static const struct command_option explain_options[] = {
    {"--client", "ADDRESS", "the connecting host"},
    {"--client-name", "NAME", "its verified name; \"\" = it has none"},
    {"--helo", "NAME", "its HELO"},
    {"--sender", "ADDRESS", "MAIL FROM; \"<>\" or \"\" = the null sender"},
    {"--recipient", "ADDRESS", "RCPT TO"},
    {"--from", "ADDRESS", "author address of the From header; also decides the end of the message"},
    {"--auth", "USER", "authenticated user"},
    {"--tls", "VERSION", "TLS of the session: none, 1.0, 1.1, 1.2 or 1.3"},
    {"--header", "FIELDS", "header fields, such as \"Subject: hello\", a line each"},
    {"--spf", "RESULT", "SPF result: pass, fail, softfail, none, temperror, …"},
    {"--dkim", "RESULT", "DKIM result of a signature by the author's domain: pass, fail, none, …"},
    {"--dmarc", "RESULT", "pass, none, fail (p=reject), fail:quarantine, fail:none, …"},
    {"--sender-domain", "ANSWER", "the DNS of the sender's domain: exists, missing, null-mx"},
    {"--from-domain", "ANSWER", "the DNS of the author's domain: exists, missing, null-mx"},
    {"--reverse", "ANSWER", "the client's reverse name: confirmed, none, unconfirmed"},
    {"--helo-resolves", "ANSWER", "whether the HELO name is in the DNS: yes, no"},
    {"--listed", "NAMES", "the dnsbls that list it; \"\" = none"},
    {"--message", "FILE", "a message: evaluate SPF, DKIM and DMARC and show each step"},
    {"--zone", "FILE", "with -c and --message: answer DNS queries from this zone file"},
    {"--all", NULL, "show every rule, including those that nothing matches"},
    {"--batch", NULL, "read sessions as JSON lines, write verdicts as JSON lines"},
    {"--decision", "TOKEN", "explain a past decision, by the id in its reply or record"},
    {JSON_OPTION},
    {"--now", "SECONDS", NULL},
    {END},
};

static const struct command_option rule_options[] = {
    {"--for", "TIME", "how long: 30m, 12h, 7d, 4w; default: until it is taken back"},
    {JSON_OPTION},
    {END},
};

static const struct command_option add_options[] = {
    {"--for", "TIME", "how long: 30m, 12h, 7d, 4w; default: permanent"},
    {"--covers", "FAMILIES", "susranges, blocks, spf, dmarc, with commas; default: susranges"},
    {"--proof", "PROOF", "spf, client_name, or both with a comma"},
    {"--sender", "NAME", "only mail from this domain or address"},
    {"--recipient", "NAME", "only mail to this domain or address"},
    {"--owner", "WHO", "who is responsible for it, one word"},
    {"--comment", "TEXT", "why"},
    {"--from", "TOKEN", "the client of this decision, for what refused it"},
    {JSON_OPTION},
    {END},
};

static const struct command_option tail_options[] = {
    {"--rule", "NAME", "only decisions by this rule"},
    {"--client", "NETWORK", "only clients in this network or with this address"},
    {"--recipient", "ADDRESS", "only for this recipient, or @DOMAIN"},
    {"--action", "ACTION",
	"only this action: accept, reject, tempfail, quarantine, would_reject, …"},
    {"--last", "N", "first the last N of the history (default: 10, for scripts 0)"},
    {"--since", "TIME", "first those of the history since 5m ago, or a time"},
    {"--count", "N", "exit after N decisions that follow"},
    {JSON_OPTION},
    {"--color", NULL, NULL},
    {END},
};

static const struct command_option top_options[] = {
    {"--once", NULL, "print one sample and exit"},
    {"--window", "SECONDS", "how long a page looks back, up to 60 (default: 1)"},
    {"--sort", "ORDER", "rate (default), all or name"},
    {"--columns", "N", "width in columns (default: the terminal's)"},
    {"--lines", "N", "height in lines (default: the terminal's)"},
    {"--json", NULL, "one sample as JSON"},
    {END},
};

static const struct command_option import_options[] = {
    {"--into", "PREFIX", "a file for each list: PREFIX-whitelist.networks, PREFIX-block.names, …"},
    {"--replace", NULL, "replace files that exist, each in one step"},
    {"--lenient", NULL, "exit status 0 although lines were skipped"},
    {END},
};

static const struct command_option export_options[] = {
    {"--family", "FAMILY", "susranges (default) or blocks"},
    {END},
};

static const struct command_option report_options[] = {
    {"--since", "TIME", "how far back: 24h (default), 7d, 4w"},
    {"--html", NULL, "as one HTML page"},
    {"--all", NULL, "for each domain with refusals, as messages to its postmaster"},
    {"--to", "ADDRESS", "send it there, through sendmail; %d stands for the domain"},
    {JSON_OPTION},
    {END},
};

#define HISTORY_OPTION "--history", "DIR", "read this directory, or a copy of one, without a daemon"
#define SINCE_OPTION                                                                               \
	"--since", "TIME", "not before: 24h ago, or a time such as 2026-11-28T12:00:00Z"
#define UNTIL_OPTION "--until", "TIME", "before that time"

static const struct command_option find_options[] = {
    {"--client", "CLIENT", "an address, a network, or a client name"},
    {"--sender", "ADDRESS", "MAIL FROM; \"<>\" = the null sender"},
    {"--from", "ADDRESS", "author address of the From header"},
    {"--recipient", "ADDRESS", "RCPT TO"},
    {"--helo", "NAME", "HELO name"},
    {"--rule", "NAME", "only decisions by this rule"},
    {"--action", "ACTION",
	"only this action: accept, reject, tempfail, quarantine, would_reject, …"},
    {"--decision", "TOKEN", "this decision, by its id or by the URL of its reply"},
    {SINCE_OPTION},
    {UNTIL_OPTION},
    {"--count", "N", "at most N, the newest first (default: 100)"},
    {HISTORY_OPTION},
    {JSON_OPTION},
    {END},
};

static const struct command_option rules_options[] = {
    {"--names", NULL, "only their names, one a line"},
    {HISTORY_OPTION},
    {JSON_OPTION},
    {END},
};

static const struct command_option stale_options[] = {
    {"--days", "N", "how far back, in days (default: 30)"},
    {HISTORY_OPTION},
    {JSON_OPTION},
    {END},
};

static const struct command_option backtest_options[] = {
    {"--since", "TIME", "how far back: 24h (default), 7d, or a time"},
    {"--full", NULL, "decide every row again, not only those that the change can touch"},
    {"--max-proven", "N", "exit status 3 when more than N proven messages are newly refused"},
    {"--history", "DIR", "read this directory, or a copy of one"},
    {JSON_OPTION},
    {END},
};

static const struct command_option suggest_options[] = {
    {"--count", "N", "at most N, the strongest evidence first (default: 20)"},
    {SINCE_OPTION},
    {UNTIL_OPTION},
    {HISTORY_OPTION},
    {JSON_OPTION},
    {END},
};

static const struct command_option audit_options[] = {
    {"--count", "N", "ask about at most N domains, those with the most mail (default: 1000)"},
    {"--list", "PARTY", "print only the list for a rule: sender or recipient"},
    {SINCE_OPTION},
    {HISTORY_OPTION},
    {JSON_OPTION},
    {"--now", "SECONDS", NULL},
    {END},
};

static const struct command_option digest_options[] = {
    {"--to", "ADDRESS", "send it there, through sendmail; default: print it"},
    {"--days", "N", "how far back, in days (default: 7)"},
    {HISTORY_OPTION},
    {END},
};

static const struct command_option history_export_options[] = {
    {"--jsonl", NULL, "as JSON lines"},
    {"--csv", NULL, "as comma-separated values with a line of names"},
    {SINCE_OPTION},
    {UNTIL_OPTION},
    {HISTORY_OPTION},
    {END},
};

static const struct command_option history_forget_options[] = {
    {"--domain", "NAME", "all addresses of this domain; .NAME: and of those below"},
    {JSON_OPTION},
    {END},
};

static const struct command_option doctor_options[] = {
    {"--postfix", "DIRECTORY", "only this configuration of Postfix"},
    {"--sendmail", "FILE", "only this sendmail.cf"},
    {JSON_OPTION},
    {END},
};

enum { ADMIN = COMMAND_ADMIN, OFFLINE = COMMAND_OFFLINE };

const struct command commands[] = {
    {"status", "", "show generation, uptime, sessions and the last reload", only_json, 0,
	command_status},
    {"stats", "", "count decisions by family, rule and action", only_json, 0, command_stats},
    {"check", "[FILE]", "report every error and warning, and what would change", check_options,
	ADMIN | OFFLINE | COMMAND_EITHER | COMMAND_NO_TABLE, command_check},
    {"reload", "", "reload the configuration and wait until it is live", reload_options, ADMIN,
	command_reload},
    {"rule", "NAME MODE", "set the mode of a rule, monitor or enforce, effective at once",
	rule_options, ADMIN, command_rule},
    {"explain", "", "show the verdict for a session, and why", explain_options,
	OFFLINE | COMMAND_INPUT, command_explain},
    {"lookup", "VALUE", "show every entry and switch that knows an address, network or name",
	only_json, OFFLINE, command_lookup},
    {"whitelist add", "[ENTRY]", "add an entry, effective at once", add_options, ADMIN,
	command_whitelist_add},
    {"whitelist remove", "ENTRY", "remove an entry, effective at once", only_json, ADMIN,
	command_whitelist_remove},
    {"whitelist list", "", "list the entries: who added them, until when", only_json, OFFLINE,
	command_whitelist_list},
    {"tail", "", "follow decisions as they are made", tail_options, 0, command_tail},
    {"top", "", "live view of the busiest rules and clients", top_options, COMMAND_LIVE,
	command_top},
    {"import", "FORMAT FILE…", "convert lists of other software", import_options,
	COMMAND_LOCAL | COMMAND_NO_TABLE, command_import},
    {"export", "FORMAT", "write refused networks for Postfix (cidr), nftables or rbldnsd",
	export_options, OFFLINE, command_export},
    {"doctor", "", "find problems of the MTA, the daemon and the host, with the line to change",
	doctor_options, OFFLINE | COMMAND_LOCAL | COMMAND_NO_TABLE, command_doctor},
    {"report", "[DOMAIN]", "report what was refused for a recipient domain, or for all",
	report_options, OFFLINE | COMMAND_MAIL, command_report},
    {"find", "", "find past decisions, newest first", find_options, OFFLINE | COMMAND_HISTORY,
	command_find},
    {"backtest", "[FILE]", "replay recorded mail against the rules of FILE", backtest_options,
	ADMIN | OFFLINE, command_backtest},
    {"rules", "", "list the rules: owner, expiry, entries, hits", rules_options, OFFLINE,
	command_rules},
    {"stale", "", "list entries that decided nothing, and whitelist entries that no rule needs",
	stale_options, OFFLINE, command_stale},
    {"suggest ranges", "", "propose ranges that send no proven mail, with the evidence",
	suggest_options, OFFLINE | COMMAND_HISTORY, command_suggest_ranges},
    {"suggest whitelist", "", "propose whitelist entries for refused mail with proof",
	suggest_options, OFFLINE | COMMAND_HISTORY, command_suggest_whitelist},
    {"audit domains", "", "find sender and recipient domains that do not exist", audit_options,
	ADMIN | OFFLINE, command_audit_domains},
    {"digest", "", "the operator's mail of the week: refusals, rules, what ends or is stale",
	digest_options, OFFLINE | COMMAND_MAIL, command_digest},
    {"history export", "", "write all decisions that are kept", history_export_options,
	OFFLINE | COMMAND_HISTORY, command_history_export},
    {"history forget", "[ADDRESS]", "erase an address or a domain from the history",
	history_forget_options, ADMIN, command_history_forget},
    {NULL, NULL, NULL, NULL, 0, NULL},
};

const struct command *commands_find(const char *words)
{
	for (const struct command *c = commands; c->words; c++)
		if (strcmp(c->words, words) == 0)
			return c;
	return NULL;
}

const char *request_text(const struct request *req, const char *key)
{
	return json_string_value(json_object_get(req->json, key));
}

bool request_switch(const struct request *req, const char *key)
{
	return json_is_true(json_object_get(req->json, key));
}

const char *request_argument(const struct request *req, size_t n)
{
	return json_string_value(json_array_get(json_object_get(req->json, "arguments"), n));
}

static int put(const char *bytes, size_t len, void *channel)
{
	return channel_write(channel, slice_of(bytes, len)) ? 0 : -1;
}

int request_print_json(struct request *req, json_t *value)
{
	bool whole = value && !json_memory_failed() &&
		     json_dump_callback(value, put, req->channel, JSON_COMPACT) == 0;

	json_decref(value);
	if (whole)
		channel_print(req->channel, "\n");
	else
		channel_error(req->channel, "out of memory for the answer\n");
	return whole ? STATUS_OK : STATUS_FAILED;
}

json_t *json_from_slice(struct slice s)
{
	json_t *text = json_stringn(s.ptr ? s.ptr : "", s.len);

	return text ? text : json_string("(not text)");
}

json_t *json_from_time(int64_t seconds)
{
	char text[RFC3339_TEXT_MAX];

	if (seconds == 0)
		return json_null();
	rfc3339_format(seconds, text);
	return json_string(text);
}

const char *plain_text(const char *text, char out[PLAIN_MAX])
{
	return text_shown(slice_str(text), out, PLAIN_MAX);
}

int64_t span_of(const char *text)
{
	enum { DAY = 86400, YEARS_MAX = 10 };
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'m', 60}, {'h', 3600}, {'d', DAY}, {'w', 7 * DAY}, {'y', 365 * DAY}};
	const int64_t most = (int64_t)YEARS_MAX * 365 * DAY;
	struct slice s = slice_str(text);
	uint64_t n;

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (s.len > 1 && s.ptr[s.len - 1] == units[i].unit &&
		    slice_to_uint(
			slice_of(s.ptr, s.len - 1), (uint64_t)(most / units[i].seconds), &n))
			return (int64_t)n * units[i].seconds;
	return 0;
}

static void say(void *context, enum diag_level level, const char *line)
{
	struct request *req = context;

	channel_error(req->channel, "%s%s\n", level == DIAG_ERROR ? "" : "warning: ", line);
}

void request_print_diag(struct request *req, const struct diag *diag)
{
	diag_each(diag, say, req);
}
