/* Of rules, lists and feeds: a series each, up to METRICS_RULES_MAX. */
#include "metrics_page.h"

#include <stdarg.h>

/* Longer paths are cut. */
enum { LABEL_MAX = 512 };

void metrics_write_sample(struct metrics_page *p, double value, const char *labels, ...)
{
	va_list args;

	fprintf(p->out, "%s{", p->name);
	va_start(args, labels);
	vfprintf(p->out, labels, args);
	va_end(args);
	fprintf(p->out, "} %.15g\n", value);
}

void metrics_write_value(struct metrics_page *p, double value)
{
	fprintf(p->out, "%s %.15g\n", p->name, value);
}

void metrics_write_rule_modes(struct metrics_page *p)
{
	const struct ruleset *rules = p->generation->rules;
	int64_t now = p->worker->env.now_us(p->worker->env.self) / 1000000;

	for (unsigned i = 0, n = 0; i < rules->rule_count && n < METRICS_RULES_MAX; i++) {
		const struct rule *rule = &rules->rules[i];

		/* Neither mode is of the lists without rules; "managed" is many of one name. */
		if (rule->family == FAMILY_TRUSTED || rule->family == FAMILY_EXEMPT ||
		    slice_equal(rule->name, SLICE("managed")))
			continue;
		metrics_write_sample(p, rule_monitors(rule, now), "family=\"%s\",rule=\"%.*s\"",
		    family_name(rule->family), SLICE_ARG(rule->name));
		n++;
	}
}

/* The next end of each rule name, of the managed whitelist that of its next line. */
void metrics_write_rule_expiries(struct metrics_page *p)
{
	const struct ruleset *rules = p->generation->rules;
	int64_t now = p->worker->env.now_us(p->worker->env.self) / 1000000, managed = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < rules->rule_count; i++) {
		const struct rule *rule = &rules->rules[i];

		if (rule->expires == 0)
			continue;
		if (slice_equal(rule->name, SLICE("managed"))) {
			if (rule->expires > now && (managed == 0 || rule->expires < managed))
				managed = rule->expires;
		} else if (n++ < METRICS_RULES_MAX) {
			metrics_write_sample(p, (double)rule->expires,
			    "family=\"%s\",rule=\"%.*s\"", family_name(rule->family),
			    SLICE_ARG(rule->name));
		}
	}
	if (managed)
		metrics_write_sample(p, (double)managed, "family=\"%s\",rule=\"managed\"",
		    family_name(FAMILY_WHITELIST));
}

/* A label's value as both formats escape it; what has no room is cut. */
static const char *escape_label(const char *text, char out[LABEL_MAX])
{
	size_t n = 0;

	for (; *text && n + 2 < LABEL_MAX; text++) {
		if (*text == '\\' || *text == '"' || *text == '\n')
			out[n++] = '\\';
		out[n++] = *text == '\n' ? 'n' : *text;
	}
	out[n] = '\0';
	if (!slice_is_utf8(slice_of(out, n)))
		for (size_t i = 0; i < n; i++)
			out[i] = (unsigned char)out[i] > '~' ? '?' : out[i];
	return out;
}

/* `value` of each feed; beyond METRICS_RULES_MAX they are not told apart any more. */
static void write_feeds(struct metrics_page *p, double (*value)(const struct loaded_feed *))
{
	const struct loaded_feed *f = p->generation->config->loaded->feeds;
	char path[LABEL_MAX];

	for (unsigned n = 0; f && n < METRICS_RULES_MAX; f = f->next, n++)
		metrics_write_sample(p, value(f), "rule=\"%s\",key=\"%s\",path=\"%s\"", f->rule,
		    f->key, escape_label(f->path, path));
}

static double feed_taken(const struct loaded_feed *f)
{
	return f->taken;
}

static double feed_entries(const struct loaded_feed *f)
{
	return (double)f->entries;
}

static double feed_modified(const struct loaded_feed *f)
{
	return (double)f->modified;
}

void metrics_write_feeds_taken(struct metrics_page *p)
{
	write_feeds(p, feed_taken);
}

void metrics_write_feeds_entries(struct metrics_page *p)
{
	write_feeds(p, feed_entries);
}

void metrics_write_feeds_modified(struct metrics_page *p)
{
	write_feeds(p, feed_modified);
}

void metrics_write_lists_modified(struct metrics_page *p)
{
	char path[LABEL_MAX];
	unsigned n = 0;

	for (const struct loaded_file *f = p->generation->config->loaded->files;
	     f && n < METRICS_RULES_MAX; f = f->next) {
		if (f->kind != LOADED_LIST || !f->id.there)
			continue;
		metrics_write_sample(
		    p, (double)f->id.seconds, "path=\"%s\"", escape_label(f->path, path));
		n++;
	}
}
