#include "edge/control/commands.h"

#define JSON_OPTION "--json", NULL, "as JSON"
#define END         NULL, NULL, NULL

static const struct command_option only_json[] = {{JSON_OPTION}, {END}};

static const struct command_option explain_options[] = {
    {"--client", "ADDRESS", "the connecting host"},
    {"--client-name", "NAME", "its verified name; \"\" = it has none"},
    {"--helo", "NAME", "its HELO"},
    {"--sender", "ADDRESS", "MAIL FROM; \"<>\" or \"\" = the null sender"},
    {"--recipient", "ADDRESS", "RCPT TO"},
    {"--from", "ADDRESS", "the author in the From header; judges the end of the message, too"},
    {"--auth", "USER", "who is logged in"},
    {"--spf", "RESULT", "what SPF said: pass, fail, softfail, none, temperror, …"},
    {"--dkim", "RESULT", "of a signature by the author's domain: pass, fail, none, …"},
    {"--dmarc", "RESULT", "pass, none, fail (p=reject), fail:quarantine, fail:none, …"},
    {"--message", "FILE", "a message; SPF, DKIM and DMARC are looked up, step by step"},
    {"--zone", "FILE", "with -c and --message: a zone file in the place of the DNS"},
    {"--all", NULL, "every rule, also those that nothing in the session fits"},
    {"--batch", NULL, "JSON lines in, JSON lines out, in order"},
    {"--decision", "TOKEN", "a decision that was made, by the id in its reply or record"},
    {JSON_OPTION},
    {"--now", "SECONDS", NULL},
    {END},
};

static const struct command_option add_options[] = {
    {"--for", "TIME", "how long: 30m, 12h, 7d, 4w; without it for good"},
    {"--owner", "WHO", "who answers for it, one word"},
    {"--comment", "TEXT", "why"},
    {"--from", "TOKEN", "instead of ENTRY: the client of this decision"},
    {END},
};

static const struct command_option tail_options[] = {
    {"--rule", "NAME", "only decisions by this rule"},
    {"--client", "NETWORK", "only of clients in this network, or with this address"},
    {"--recipient", "ADDRESS", "only for this recipient, or @DOMAIN"},
    {"--action", "ACTION", "only accept, reject, tempfail, quarantine, would_reject, …"},
    {"--count", "N", "ends after so many"},
    {JSON_OPTION},
    {END},
};

static const struct command_option top_options[] = {
    {"--once", NULL, "one look at one second, without a live screen"},
    {"--columns", "N", "as wide as that, whatever the terminal is"},
    {"--lines", "N", "as high as that"},
    {END},
};

static const struct command_option import_options[] = {
    {"--into", "PREFIX", "a file for each list: PREFIX-whitelist.networks, PREFIX-block.names, …"},
    {"--replace", NULL, "replace files that exist, each in one step"},
    {"--lenient", NULL, "exit status 0 although lines were skipped"},
    {END},
};

static const struct command_option export_options[] = {
    {"--family", "FAMILY", "susranges (without it) or blocks"},
    {END},
};

static const struct command_option report_options[] = {
    {"--since", "TIME", "how far back: 24h (without it), 7d, 4w"},
    {"--html", NULL, "one page that can be handed on"},
    {JSON_OPTION},
    {END},
};

static const struct command_option doctor_options[] = {
    {"--postfix", "DIRECTORY", "only this configuration of Postfix"},
    {"--sendmail", "FILE", "only this sendmail.cf"},
    {END},
};

enum { ADMIN = COMMAND_ADMIN, OFFLINE = COMMAND_OFFLINE };

const struct command commands[] = {
    {"status", "", "generation, age, sessions, the last reload", only_json, 0, command_status},
    {"stats", "", "decisions by family, rule and action", only_json, 0, command_stats},
    {"check", "[FILE]", "every error and warning of a configuration, and what would change",
	only_json, ADMIN | OFFLINE | COMMAND_EITHER | COMMAND_NO_TABLE, command_check},
    {"reload", "", "reads the configuration again and waits until it is live", only_json, ADMIN,
	command_reload},
    {"explain", "", "what would become of a session, and why", explain_options,
	OFFLINE | COMMAND_INPUT, command_explain},
    {"whitelist add", "[ENTRY]", "lets a network or a name in, at once", add_options, ADMIN,
	command_whitelist_add},
    {"whitelist remove", "ENTRY", "takes it out again, at once", NULL, ADMIN,
	command_whitelist_remove},
    {"whitelist list", "", "what was added, by whom, until when", only_json, OFFLINE,
	command_whitelist_list},
    {"tail", "", "decisions as they come", tail_options, 0, command_tail},
    {"top", "", "a live table of rules and clients", top_options, COMMAND_LIVE, command_top},
    {"import", "FORMAT FILE…", "convert lists of other software", import_options,
	COMMAND_LOCAL | COMMAND_NO_TABLE, command_import},
    {"export", "FORMAT", "refused networks for Postfix (cidr), nftables or rbldnsd", export_options,
	OFFLINE, command_export},
    {"doctor", "", "what is wrong with the MTA, the daemon and the host, and the line to change",
	doctor_options, OFFLINE | COMMAND_LOCAL | COMMAND_NO_TABLE, command_doctor},
    {"report", "DOMAIN", "what was refused for a recipient domain", report_options, OFFLINE,
	command_report},
    {NULL, NULL, NULL, NULL, 0, NULL},
};

const struct command *commands_find(const char *words)
{
	for (const struct command *c = commands; c->words; c++)
		if (strcmp(c->words, words) == 0)
			return c;
	return NULL;
}

const char *asked_text(const struct asked *a, const char *key)
{
	return json_string_value(json_object_get(a->request, key));
}

bool asked_switch(const struct asked *a, const char *key)
{
	return json_is_true(json_object_get(a->request, key));
}

const char *asked_argument(const struct asked *a, size_t n)
{
	return json_string_value(json_array_get(json_object_get(a->request, "arguments"), n));
}

static int put(const char *bytes, size_t len, void *channel)
{
	return channel_write(channel, slice_of(bytes, len)) ? 0 : -1;
}

void asked_json(struct asked *a, json_t *value)
{
	if (value)
		json_dump_callback(value, put, a->channel, JSON_COMPACT);
	channel_print(a->channel, "\n");
	json_decref(value);
}

json_t *asked_slice(struct slice s)
{
	json_t *text = json_stringn(s.ptr ? s.ptr : "", s.len);

	return text ? text : json_string("(bytes that are no text)");
}

const char *plain_text(const char *text, char out[PLAIN_MAX])
{
	size_t n = 0;

	for (; text[n] && n + 1 < PLAIN_MAX; n++) {
		unsigned char c = (unsigned char)text[n],
			      before = n ? (unsigned char)text[n - 1] : 0;
		/* C1 control characters are c2 80 to c2 9f in UTF-8. */
		bool control = c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0);
		out[n] = control ? '?' : text[n];
		if (control && before == 0xc2)
			out[n - 1] = '?';
	}
	out[n] = '\0';
	return out;
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

static void say(void *context, enum report_level level, const char *line)
{
	struct asked *a = context;

	channel_complain(a->channel, "%s%s\n", level == REPORT_ERROR ? "" : "warning: ", line);
}

void asked_report(struct asked *a, const struct report *report)
{
	report_each(report, say, a);
}
