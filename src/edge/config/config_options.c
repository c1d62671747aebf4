#include "config_option.h"

#include <stdio.h>

/* A path, or the longest name of a host, with quotes. */
enum { VALUE_MAX = 4200 };

static const struct word local_words[] = {
    {"full", ROW_LOCAL_FULL}, {"hashed", ROW_LOCAL_HASHED}, {"none", ROW_LOCAL_NONE}, {NULL, 0}};

/* ---- the table ----------------------------------------------------------------------- */

#define CONFIG(field)  .offset = offsetof(struct config, field)
#define START(field)   .start = true, CONFIG(field)
#define SETTING(field) .setting = true, .offset = offsetof(struct settings, field)

/* Sections stand behind what they refer to, rules in the order of the families. */
static const struct option options[] = {
    {"", "mode", OPTION_FLAG, "enforce", SETTING(monitor), .words = mode_words},
    {"", "state", OPTION_PATH, "/var/lib/susmilter", CONFIG(state)},
    {"milter", "socket", OPTION_PATH, "", START(milter_socket), .check = check_milter_socket},
    {"milter", "socket_mode", OPTION_OCTAL, "0660", START(milter_socket_mode)},
    {"milter", "socket_group", OPTION_TEXT, "", START(milter_socket_group)},
    {"milter", "user", OPTION_TEXT, "susmilter", START(milter_user)},
    {"milter", "authserv_id", OPTION_SLICE, "", SETTING(authserv_id), .check = check_authserv_id},
    {"milter", "max_sessions", OPTION_COUNT, "2000", START(milter_max_sessions), .min = 1,
	.max = 100000},
    {"control", "socket", OPTION_PATH, "/run/susmilter/control.sock", START(control_socket),
	.check = check_socket_path},
    {"policy", "socket", OPTION_PATH, "", START(policy_socket), .check = check_milter_socket},
    {"policy", "socket_mode", OPTION_OCTAL, "0660", START(policy_socket_mode)},
    {"policy", "socket_group", OPTION_TEXT, "", START(policy_socket_group)},
    {"policy", "failure", OPTION_FLAG, "accept", CONFIG(policy_failure_tempfail),
	.words = accept_tempfail_words},
    {"metrics", "listen", OPTION_TEXT, "", START(metrics_listen), .check = check_listen},
    {"metrics", "file", OPTION_PATH, "", START(metrics_file)},
    {"resolver", "servers", OPTION_SERVERS, "system", CONFIG(resolver_servers)},
    {"resolver", "timeout", OPTION_SECONDS, "5.0", CONFIG(resolver_timeout), .min = 0.1, .max = 20},
    {"geo", "asn", OPTION_PATH, "", CONFIG(geo_asn)},
    {"geo", "country", OPTION_PATH, "", CONFIG(geo_country)},
    {"log", "decisions", OPTION_PATH, "", CONFIG(log_decisions)},
    {"log", "syslog", OPTION_BOOL, "true", CONFIG(log_syslog)},
    {"log", "per_recipient_minute", OPTION_COUNT, "20", CONFIG(log_per_recipient_minute), .min = 1,
	.max = 1000000},
    {"history", "directory", OPTION_PATH, "", CONFIG(history_directory)},
    {"history", "keep_days", OPTION_COUNT, "30", CONFIG(history_keep_days), .min = 1, .max = 3650},
    {"history", "max_size", OPTION_BYTES, "8G", CONFIG(history_max_bytes), .min = 256.0 * (1 << 20),
	.max = 64.0 * (1 << 20) * (1 << 20)},
    {"history", "min_free", OPTION_COUNT, "10", CONFIG(history_min_free), .min = 0, .max = 90},
    {"history", "local_parts", OPTION_CHOICE, "full", CONFIG(history_local_parts),
	.words = local_words},
    {"history", "per_network_minute", OPTION_COUNT, "600", CONFIG(history_per_network_minute),
	.min = 1, .max = 1000000},
    {"history", "evaluate", OPTION_COUNT, "10", CONFIG(history_evaluate), .min = 0, .max = 1000000},
    {"reports", "database", OPTION_PATH, "", CONFIG(reports_database)},
    {"reports", "keep_days", OPTION_COUNT, "30", CONFIG(reports_keep_days), .min = 1, .max = 3650},
    {"headers", "results", OPTION_SLICE, "Authentication-Results", SETTING(headers_results),
	.check = check_results_field},
    {"headers", "verdict", OPTION_SLICE, "", SETTING(headers_verdict), .check = check_own_field},
    {"spf", "fail", OPTION_CHOICE, "reject", SETTING(defaults.spf), .words = spf_words},
    {"spf", "temperror", OPTION_FLAG, "accept", SETTING(spf_temperror_tempfail),
	.words = accept_tempfail_words},
    {"spf", "permerror", OPTION_FLAG, "accept", SETTING(spf_permerror_reject),
	.words = accept_reject_words},
    {"dmarc", "default", OPTION_CHOICE, "off", SETTING(defaults.dmarc), .words = dmarc_words},
    {"dmarc", "quarantine", OPTION_FLAG, "mark", SETTING(dmarc_hold), .words = mark_hold_words},
    {"dmarc", "temperror", OPTION_FLAG, "accept", SETTING(dmarc_temperror_tempfail),
	.words = accept_tempfail_words},
    {"dmarc", "unproven", OPTION_FLAG, "tempfail", SETTING(dmarc_unproven_accept),
	.words = tempfail_accept_words},
    {"dmarc", "bad_from", OPTION_FLAG, "reject", SETTING(dmarc_bad_from_accept),
	.words = reject_accept_words},
    {"dmarc", "mixed", OPTION_CHOICE, "split", SETTING(dmarc_mixed), .words = mixed_words,
	.now = "mixed"},
    {"", "mixed", OPTION_CHOICE, "split", SETTING(dmarc_mixed), .words = mixed_words},
    {"", "help_url", OPTION_SLICE, "", SETTING(help_url), .check = check_url},
    {"", "managed_whitelist", OPTION_PATH, "", CONFIG(managed_whitelist)},
    {"", "trusted_networks", OPTION_SECTION, "127.0.0.0/8 ::1", .section = load_trusted},
    {"", "exempt_recipients", OPTION_SECTION, "postmaster@ abuse@", .section = load_exempt},
    {"", "dnsbls", OPTION_SECTION, "", .section = load_dnsbls},
    {"", "whitelist", OPTION_SECTION, "", .section = load_whitelist},
    {"", "blocks", OPTION_SECTION, "", .section = load_blocks},
    {"", "susranges", OPTION_SECTION, "", .section = load_susranges},
    {"", "domains", OPTION_SECTION, "", .section = load_domains},
    {"", "domains_file", OPTION_SECTION, "", .section = load_domains_file},
};

enum { OPTIONS = sizeof options / sizeof options[0] };

/* ---- what only a start reads --------------------------------------------------------- */

/* The value as it would stand in a configuration. */
static void spell(const struct option *o, const struct config *c, char out[VALUE_MAX])
{
	const void *at = (const char *)c + o->offset;

	if (o->type == OPTION_OCTAL)
		snprintf(out, VALUE_MAX, "\"0%o\"", *(const unsigned *)at);
	else if (o->type == OPTION_COUNT)
		snprintf(out, VALUE_MAX, "%u", *(const unsigned *)at);
	else
		snprintf(out, VALUE_MAX, "\"%s\"", *(const char *const *)at);
}

void config_compare_start(
    const struct config *start, const struct config *loaded, bool starting, struct diag *diag)
{
	const struct origin file = {loaded->path, 0};

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];
		char then[VALUE_MAX], now[VALUE_MAX];

		if (!o->start)
			continue;
		spell(o, start, then);
		spell(o, loaded, now);
		if (strcmp(then, now) == 0)
			continue;
		if (starting)
			diag_error(diag, file,
			    "%s.%s is %s, but root reads %s: it takes what a start needs from this "
			    "file and from included files that are root's and that nobody else can "
			    "write to; put it into one of these",
			    o->group, o->key, now, then);
		else
			diag_warning(diag, file, "%s.%s stays %s until susmilter is restarted",
			    o->group, o->key, then);
	}
}

void config_each_option(
    void (*each)(void *context, const char *group, const char *key, const char *fallback),
    void *context)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (!options[i].now)
			each(context, options[i].group, options[i].key, options[i].fallback);
}

/* ---- all options --------------------------------------------------------------------- */

static bool is_group_name(const char *name)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].group[0] && strcmp(options[i].group, name) == 0)
			return true;
	return false;
}

/* The keys of a group; at top level also the groups themselves. */
static void known_keys(const char *group, const char *known[OPTIONS + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];
		bool first = i == 0 || strcmp(o->group, options[i - 1].group) != 0;

		if (strcmp(o->group, group) == 0)
			known[n++] = o->key;
		else if (!group[0] && o->group[0] && first)
			known[n++] = o->group;
	}
	known[n] = NULL;
}

static void check_keys(struct load *load, const struct setting *group, const char *name)
{
	const char *known[OPTIONS + 1];

	known_keys(name, known);
	for (unsigned i = 0; i < setting_count(group); i++) {
		const struct setting *s = setting_element(group, i);

		load_unknown_key(load, s, known);
		if (!name[0] && is_group_name(s->name) && load_is_group(load, s))
			check_keys(load, s, s->name);
	}
}

static const struct setting *find_setting(
    const struct setting *root, const char *group, const char *key)
{
	const struct setting *in = group[0] ? setting_member(root, group) : root;

	return in && in->type == SETTING_GROUP ? setting_member(in, key) : NULL;
}

/* What the configuration says of an option, or of its old name.  Where both are given, the old one
 * is not looked at. */
static const struct setting *find_option(
    struct load *load, const struct setting *root, const struct option *o)
{
	const struct setting *s = find_setting(root, o->group, o->key), *old;

	for (size_t i = 0; i < OPTIONS && !o->group[0]; i++) {
		if (!options[i].now || strcmp(options[i].now, o->key) != 0)
			continue;
		old = find_setting(root, options[i].group, options[i].key);
		if (s && old)
			diag_warning(load->diag, load_where(load, old),
			    "%s.%s is the old name of %s, which is given, too, and counts: take "
			    "the old one out",
			    options[i].group, options[i].key, o->key);
		s = s ? s : old;
	}
	return s;
}

void load_options(struct load *load)
{
	const struct setting *root = load->root;

	if (!load->start)
		check_keys(load, root, "");
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];
		const struct setting *s;

		if (o->now || (load->start && !o->start))
			continue;
		s = find_option(load, root, o);
		if (s)
			option_set(load, o, s);
		else
			option_set_fallback(load, o);
	}
}
