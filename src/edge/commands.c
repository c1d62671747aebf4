#include "edge/commands.h"

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

enum { OFFLINE = COMMAND_OFFLINE };

const struct command commands[] = {
    {"status", "", "generation, age, sessions, the last reload", only_json, 0, command_status},
    {"explain", "", "what would become of a session, and why", explain_options,
	OFFLINE | COMMAND_INPUT, command_explain},
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

static void say(void *context, enum report_level level, const char *line)
{
	struct asked *a = context;

	if (level == REPORT_NOTE)
		channel_print(a->channel, "%s\n", line);
	else
		channel_complain(
		    a->channel, "%s: %s\n", level == REPORT_ERROR ? "error" : "warning", line);
}

void asked_report(struct asked *a, const struct report *report)
{
	report_each(report, say, a);
}
