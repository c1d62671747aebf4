#include "edge/commands.h"

static const struct command_option json_option[] = {
    {"--json", NULL, "as one JSON object"},
    {NULL, NULL, NULL},
};

const struct command commands[] = {
    {"status", "", "generation, age, sessions, last reload", json_option, 0, command_status},
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
