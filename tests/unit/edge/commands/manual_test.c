#include "unit/unit.h"

#include "core/import/import.h"
#include "core/stats/decision_text.h"
#include "edge/config/config.h"
#include "edge/control/commands.h"
#include "edge/metrics/metrics.h"
#include "edge/os/textfile.h"

#include "src/edge/config/config_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The manual pages against the tables in the code, both ways: what a page names in its lists
 * (.It), and what there is.
 */
enum { NAMES_MAX = 200, NAME_MAX_LENGTH = 80 };

struct names {
	char at[NAMES_MAX][NAME_MAX_LENGTH];
	size_t count;
};

static void add(struct names *n, const char *text)
{
	ck_assert_uint_lt(n->count, NAMES_MAX);
	snprintf(n->at[n->count++], NAME_MAX_LENGTH, "%s", text);
}

static bool has(const struct names *n, const char *text)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->at[i], text) == 0)
			return true;
	return false;
}

static void same(const char *label, const struct names *page, const struct names *code)
{
	ck_assert_msg(code->count > 0, "%s: the code has none", label);
	for (size_t i = 0; i < code->count; i++)
		ck_assert_msg(
		    has(page, code->at[i]), "%s: the page lacks \"%s\"", label, code->at[i]);
	for (size_t i = 0; i < page->count; i++)
		ck_assert_msg(
		    has(code, page->at[i]), "%s: there is no \"%s\" any more", label, page->at[i]);
	ck_assert_msg(page->count == code->count, "%s: the page names something twice", label);
}

static char *text_of(const char *path)
{
	char why[TEXTFILE_WHY_MAX];
	struct slice text;
	char *copy;

	ck_assert_msg(textfile_read(path, &text, why) == TEXTFILE_OK, "%s %s", path, why);
	copy = strndup(text.ptr, text.len);
	ck_assert_ptr_nonnull(copy);
	textfile_free(&text);
	return copy;
}

/* Calls `each` with every line of one section (.Sh) of a page. */
static void each_line(const char *path, const char *section,
    void (*each)(void *context, const char *line), void *context)
{
	char *text = text_of(path), *rest = text, *line;
	bool inside = false, found = false;

	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, ".Sh ", 4) == 0)
			inside = strcmp(line + 4, section) == 0;
		else if (inside)
			each(context, line);
		found |= inside;
	}
	ck_assert_msg(found, "%s has no section %s", path, section);
	free(text);
}

/* What stands in the lines ".It MACRO name ..." */
struct items {
	const char *macro;
	struct names *names;
};

static void take_item(void *context, const char *line)
{
	struct items *items = context;
	char begin[16], name[NAME_MAX_LENGTH];

	snprintf(begin, sizeof begin, ".It %s ", items->macro);
	if (strncmp(line, begin, strlen(begin)) == 0 &&
	    sscanf(line + strlen(begin), "%79s", name) == 1)
		add(items->names, name);
}

static void items_of(const char *path, const char *section, const char *macro, struct names *names)
{
	struct items items = {macro, names};

	each_line(path, section, take_item, &items);
}

/* The first string of each row of a table in the code that nothing but its own file can see. */
static void rows_of(const char *path, const char *table, struct names *names)
{
	char *text = text_of(path), *rest = strstr(text, table), *line;
	char name[NAME_MAX_LENGTH];

	ck_assert_msg(rest, "%s has no %s", path, table);
	for (strsep(&rest, "\n"); (line = strsep(&rest, "\n")) && line[0] != '}';)
		if (sscanf(line, " {\"%79[^\"]\"", name) == 1)
			add(names, name);
	free(text);
}

/* ---- susmilter.conf(5) --------------------------------------------------------------- */

static const char conf[] = "conf/susmilter.conf.5";

static void add_option(void *context, const char *group, const char *key, const char *fallback)
{
	char name[NAME_MAX_LENGTH];

	(void)fallback;
	snprintf(name, sizeof name, "%s%s%s", group, group[0] ? "." : "", key);
	add(context, name);
}

START_TEST(options)
{
	struct names page = {.count = 0}, code = {.count = 0};

	items_of(conf, "OPTIONS", "Va", &page);
	config_each_option(add_option, &code);
	same("options", &page, &code);
}
END_TEST

struct wanted {
	const char *item, *fallback;
	bool found;
};

static void look_for(void *context, const char *line)
{
	struct wanted *w = context;
	char words[NAME_MAX_LENGTH], *rest = words, *word;

	if (strncmp(line, w->item, strlen(w->item)) != 0)
		return;
	w->found = true;
	snprintf(words, sizeof words, "%s", w->fallback);
	while ((word = strsep(&rest, " ")))
		ck_assert_msg(
		    strstr(line, word), "\"%s\" does not tell the default %s", line, word);
}

static void check_default(void *context, const char *group, const char *key, const char *fallback)
{
	char item[NAME_MAX_LENGTH + 16];
	struct wanted w = {.item = item, .fallback = fallback};

	(void)context;
	snprintf(item, sizeof item, ".It Va %s%s%s No = ", group, group[0] ? "." : "", key);
	each_line(conf, "OPTIONS", look_for, &w);
	ck_assert_msg(w.found, "no line \"%s\"", item);
}

START_TEST(defaults)
{
	config_each_option(check_default, NULL);
}
END_TEST

START_TEST(keys_of_rules)
{
	struct names page = {.count = 0}, code = {.count = 0};

	items_of(conf, "RULES", "Cm", &page);
	rows_of("src/edge/config/config_attributes.c", "attributes[] = {", &code);
	for (size_t i = 0; i < CRITERIA; i++)
		add(&code, load_criteria[i].word);
	same("keys of rules", &page, &code);
}
END_TEST

START_TEST(keys_of_domains)
{
	struct names page = {.count = 0}, code = {.count = 0};

	items_of(conf, "RECIPIENT DOMAINS", "Cm", &page);
	for (unsigned n = 0; n < SWITCH_COUNT; n++)
		add(&code, switch_options[n].name);
	add(&code, "name");
	same("keys of domains", &page, &code);
}
END_TEST

/* ---- susmilterctl(8): "whitelist add", "whitelist add --for", ... -------------------- */

struct reading {
	struct names *names;
	char command[NAME_MAX_LENGTH];
};

static void take_command(void *context, const char *line)
{
	struct reading *r = context;
	char name[2 * NAME_MAX_LENGTH];
	const char *end;

	if (strncmp(line, ".It Ic ", 7) == 0) {
		end = strstr(line, " Op ");
		end = end ? end : strstr(line, " Ar ");
		end = end ? end : line + strlen(line);
		snprintf(r->command, sizeof r->command, "%.*s", (int)(end - line - 7), line + 7);
		add(r->names, r->command);
	} else if (strncmp(line, ".It Fl ", 7) == 0) {
		snprintf(name, sizeof name, "%s -%.*s", r->command, (int)strcspn(line + 7, " "),
		    line + 7);
		add(r->names, name);
	}
}

START_TEST(all_commands)
{
	struct names page = {.count = 0}, code = {.count = 0};
	struct reading reading = {.names = &page};
	char name[NAME_MAX_LENGTH];

	each_line("src/susmilterctl.8", "COMMANDS", take_command, &reading);
	for (const struct command *c = commands; c->words; c++) {
		add(&code, c->words);
		for (const struct command_option *o = c->options; o && o->name; o++) {
			snprintf(name, sizeof name, "%s %s", c->words, o->name);
			if (o->help)
				add(&code, name);
		}
	}
	same("commands", &page, &code);
}
END_TEST

START_TEST(formats_of_import)
{
	struct names page = {.count = 0}, code = {.count = 0};

	items_of("src/susmilterctl.8", "COMMANDS", "Cm", &page);
	for (int i = 0; i < IMPORT_FORMATS; i++)
		add(&code, import_format_name((enum import_format)i));
	same("formats", &page, &code);
}
END_TEST

/* ---- susmilter(8) -------------------------------------------------------------------- */

static void add_metric(void *context, const char *name, const char *help)
{
	(void)help;
	add(context, name);
}

START_TEST(all_metrics)
{
	struct names page = {.count = 0}, code = {.count = 0};

	items_of("src/susmilter.8", "METRICS", "Va", &page);
	metrics_each(add_metric, &code);
	same("metrics", &page, &code);
}
END_TEST

/* ---- susmilter-records(5) ------------------------------------------------------------ */

static const char records[] = "conf/susmilter-records.5";

static struct identity known(const char *text)
{
	return (struct identity){.state = FACT_KNOWN, .text = slice_str(text)};
}

/* The keys of a record that has all of them. */
static void add_fields(struct names *names)
{
	static const unsigned char address[4] = {198, 51, 100, 7};
	struct facts facts = {
	    .door = DOOR_POLICY,
	    .client = ip_from_v4(address),
	    .auth_state = FACT_KNOWN,
	    .auth = SLICE("anna"),
	    .spf_state = FACT_KNOWN,
	    .dkim_state = FACT_KNOWN,
	    .dmarc_state = FACT_KNOWN,
	    .asn = 64496,
	    .country = "XX",
	};
	struct rule rule = {.name = SLICE("dialup")};
	struct verdict verdict = {
	    .kind = VERDICT_FINAL,
	    .action = ACTION_REJECT,
	    .monitored = true,
	    .family = FAMILY_SUSRANGES,
	    .reason = REASON_SPF_FAIL,
	    .rule = &rule,
	    .undecided = &rule,
	    .has_network = true,
	    .network = {facts.client, 32},
	};
	struct reply reply = {550, "5.7.1", "no"};
	struct record record = {
	    .token = SLICE("t"),
	    .session = SLICE("s"),
	    .queue_id = SLICE("q"),
	    .generation = 1,
	    .stage = STAGE_RCPT,
	    .facts = &facts,
	    .decision = decision_of(&verdict),
	    .reply = &reply,
	};
	char line[RECORD_JSON_MAX];
	struct slice text;
	json_t *object, *value;
	const char *key;

	for (int i = 0; i < IDENTITY_COUNT; i++)
		facts.id[i] = known("x");
	text = record_json(&record, line);
	object = json_loadb(text.ptr, text.len, 0, NULL);
	ck_assert(json_is_object(object));
	json_object_foreach(object, key, value) add(names, key);
	json_decref(object);
}

START_TEST(fields)
{
	struct names page = {.count = 0}, code = {.count = 0};

	items_of(records, "DESCRIPTION", "Va", &page);
	add_fields(&code);
	add(&code, "suppressed");
	same("fields", &page, &code);
}
END_TEST

/* Words that a reader of records meets: each must be told. */
START_TEST(words)
{
	char *text = text_of(records);

	for (char *c = text; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	for (int i = 0; i < FAMILY_COUNT; i++)
		ck_assert_msg(i == FAMILY_NONE || strstr(text, family_name((enum family)i)),
		    "family %s", family_name((enum family)i));
	for (int i = 0; i < ACTION_COUNT; i++)
		ck_assert_msg(strstr(text, action_name((enum action)i)), "action %s",
		    action_name((enum action)i));
	for (int i = 0; i < REASON_COUNT; i++)
		ck_assert_msg(strstr(text, reason_name((enum reason)i)), "reason %s",
		    reason_name((enum reason)i));
	free(text);
}
END_TEST

static void in_page(void *context, const char *text)
{
	ck_assert_msg(strstr(context, text), "the page lacks \"%s\"", text);
}

START_TEST(ordinary_values)
{
	char *text = text_of(conf);

	config_each_ordinary(in_page, text);
	free(text);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("manual");
	TCase *t = tcase_create("manual");

	tcase_add_test(t, options);
	tcase_add_test(t, defaults);
	tcase_add_test(t, keys_of_rules);
	tcase_add_test(t, keys_of_domains);
	tcase_add_test(t, all_commands);
	tcase_add_test(t, formats_of_import);
	tcase_add_test(t, all_metrics);
	tcase_add_test(t, fields);
	tcase_add_test(t, words);
	tcase_add_test(t, ordinary_values);
	suite_add_tcase(s, t);
	return s;
}
