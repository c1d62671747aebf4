#include "config_load.h"

#include "core/ip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum option_type {
	OPTION_TEXT,    /* const char * */
	OPTION_SLICE,   /* struct slice, of the settings */
	OPTION_PATH,    /* const char *, resolved against the file that names it */
	OPTION_OCTAL,   /* unsigned, written as a string of octal digits */
	OPTION_CHOICE,  /* one of some words, an enum */
	OPTION_FLAG,    /* one of two words, a bool */
	OPTION_BOOL,    /* true or false */
	OPTION_COUNT,   /* unsigned, min to max */
	OPTION_SECONDS, /* double, min to max */
	OPTION_SERVERS, /* resolver.servers */
	OPTION_SECTION, /* `section` takes it */
};

enum { WHY_MAX = 160 };

/* One option: its name, what it may be, what it is when it is absent, and where it goes. */
struct option {
	const char *group, *key; /* group "": top level */
	enum option_type type;
	const char *fallback; /* as it would stand in a configuration, strings without quotes */
	bool setting;         /* goes to struct settings, else to struct config */
	size_t offset;
	const struct word *words;
	double min, max;
	/* of a string that is not empty: NULL, or the sentence that says what is wrong */
	const char *(*check)(struct slice text, char why[WHY_MAX]);
	void (*section)(struct load *, const config_setting_t *);
};

const struct word mode_words[] = {{"enforce", 0}, {"monitor", 1}, {NULL, 0}};
const struct word spf_words[] = {{"off", SPF_OFF}, {"monitor", SPF_MONITOR},
    {"unless-dkim", SPF_UNLESS_DKIM}, {"reject", SPF_REJECT}, {NULL, 0}};
const struct word dmarc_words[] = {{"off", DMARC_OFF}, {"monitor", DMARC_MONITOR},
    {"quarantine", DMARC_QUARANTINE}, {"reject", DMARC_REJECT}, {"strict", DMARC_STRICT},
    {NULL, 0}};
static const struct word accept_tempfail[] = {{"accept", 0}, {"tempfail", 1}, {NULL, 0}};
static const struct word accept_reject[] = {{"accept", 0}, {"reject", 1}, {NULL, 0}};
static const struct word reject_accept[] = {{"reject", 0}, {"accept", 1}, {NULL, 0}};
static const struct word mark_hold[] = {{"mark", 0}, {"hold", 1}, {NULL, 0}};
static const struct word mixed_words[] = {
    {"split", MIXED_SPLIT}, {"lenient", MIXED_LENIENT}, {"strict", MIXED_STRICT}, {NULL, 0}};

/* ---- checks of single strings ---------------------------------------------------------------- */

/* sun_path of unix(7) with its NUL */
enum { SOCKET_PATH_MAX = 107, URL_MAX = 200, WORD_MAX = 253 };

static const char *check_socket_path(struct slice text, char why[WHY_MAX])
{
	if (text.len <= SOCKET_PATH_MAX)
		return NULL;
	snprintf(why, WHY_MAX, "is longer than the %d bytes that a unix socket's name may have",
	    (int)SOCKET_PATH_MAX);
	return why;
}

static const char *check_milter_socket(struct slice text, char why[WHY_MAX])
{
	bool inet = slice_starts(text, SLICE("inet:")), inet6 = slice_starts(text, SLICE("inet6:"));
	struct slice host = slice_skip(text, inet6 ? 6 : 5), port;
	uint64_t number;

	if (slice_starts(text, SLICE("unix:")) && text.len > 5)
		return check_socket_path(slice_skip(text, 5), why);
	port = slice_cut(&host, '@');
	if ((inet || inet6) && host.len > 0 && slice_to_uint(port, 65535, &number) && number > 0)
		return NULL;
	return "is none of inet:PORT@HOST, inet6:PORT@HOST and unix:PATH";
}

static const char *check_listen(struct slice text, char why[WHY_MAX])
{
	size_t colon = slice_find_last(text, ':');
	struct slice host = slice_of(text.ptr, colon), port = slice_skip(text, colon + 1);
	uint64_t number;
	struct ip ip;

	(void)why;
	if (slice_starts(host, SLICE("[")) && slice_ends(host, SLICE("]")))
		host = slice_of(host.ptr + 1, host.len - 2);
	if (ip_parse(host, &ip) && slice_to_uint(port, 65535, &number) && number > 0)
		return NULL;
	return "is neither ADDRESS:PORT nor [IPV6-ADDRESS]:PORT";
}

static const char *check_url(struct slice text, char why[WHY_MAX])
{
	(void)why;
	if (!slice_starts(text, SLICE("https://")) && !slice_starts(text, SLICE("http://")))
		return "does not begin with https:// or http://";
	if (!slice_is_printable_ascii(text) || slice_find(text, ' ') < text.len)
		return "must be printable ASCII without blanks: it stands at the end of a reply";
	return text.len <= URL_MAX ? NULL : "is longer than 200 bytes: a reply has 480 in all";
}

/* An authserv-id that needs no quotes: a token of RFC 2045 (RFC 8601 2.5). */
static const char *check_authserv_id(struct slice text, char why[WHY_MAX])
{
	(void)why;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' ||
		    strchr("()<>@,;:\\\"/[]?=", text.ptr[i]))
			return "must be one word such as a host name";
	return text.len <= WORD_MAX ? NULL : "is longer than a host name can be";
}

/* ---- the table ---------------------------------------------------------------------------------
 */

#define CONFIG(field)  .offset = offsetof(struct config, field)
#define SETTING(field) .setting = true, .offset = offsetof(struct settings, field)

/* Sections stand behind what they refer to, rules in the order of the families. */
static const struct option options[] = {
    {"", "mode", OPTION_FLAG, "enforce", SETTING(monitor), .words = mode_words},
    {"milter", "socket", OPTION_PATH, "inet:8891@127.0.0.1", CONFIG(milter_socket),
	.check = check_milter_socket},
    {"milter", "socket_mode", OPTION_OCTAL, "0660", CONFIG(milter_socket_mode)},
    {"milter", "socket_group", OPTION_TEXT, "", CONFIG(milter_socket_group)},
    {"milter", "user", OPTION_TEXT, "susmilter", CONFIG(milter_user)},
    {"milter", "authserv_id", OPTION_SLICE, "", SETTING(authserv_id), .check = check_authserv_id},
    {"milter", "max_sessions", OPTION_COUNT, "2000", CONFIG(milter_max_sessions), .min = 1,
	.max = 100000},
    {"control", "socket", OPTION_PATH, "/run/susmilter/control.sock", CONFIG(control_socket),
	.check = check_socket_path},
    {"metrics", "listen", OPTION_TEXT, "", CONFIG(metrics_listen), .check = check_listen},
    {"resolver", "servers", OPTION_SERVERS, "system", CONFIG(resolver_servers)},
    {"resolver", "timeout", OPTION_SECONDS, "5.0", CONFIG(resolver_timeout), .min = 0.1, .max = 20},
    {"geo", "asn", OPTION_PATH, "", CONFIG(geo_asn)},
    {"geo", "country", OPTION_PATH, "", CONFIG(geo_country)},
    {"log", "decisions", OPTION_PATH, "", CONFIG(log_decisions)},
    {"log", "syslog", OPTION_BOOL, "true", CONFIG(log_syslog)},
    {"log", "per_recipient_minute", OPTION_COUNT, "20", CONFIG(log_per_recipient_minute), .min = 1,
	.max = 1000000},
    {"spf", "fail", OPTION_CHOICE, "reject", SETTING(defaults.spf), .words = spf_words},
    {"spf", "temperror", OPTION_FLAG, "accept", SETTING(spf_temperror_tempfail),
	.words = accept_tempfail},
    {"spf", "permerror", OPTION_FLAG, "accept", SETTING(spf_permerror_reject),
	.words = accept_reject},
    {"dmarc", "default", OPTION_CHOICE, "off", SETTING(defaults.dmarc), .words = dmarc_words},
    {"dmarc", "quarantine", OPTION_FLAG, "mark", SETTING(dmarc_hold), .words = mark_hold},
    {"dmarc", "temperror", OPTION_FLAG, "accept", SETTING(dmarc_temperror_tempfail),
	.words = accept_tempfail},
    {"dmarc", "bad_from", OPTION_FLAG, "reject", SETTING(dmarc_bad_from_accept),
	.words = reject_accept},
    {"dmarc", "mixed", OPTION_CHOICE, "split", SETTING(dmarc_mixed), .words = mixed_words},
    {"", "help_url", OPTION_SLICE, "", SETTING(help_url), .check = check_url},
    {"", "managed_whitelist", OPTION_PATH, "", CONFIG(managed_whitelist)},
    {"", "trusted_networks", OPTION_SECTION, "127.0.0.0/8 ::1", .section = load_trusted},
    {"", "exempt_recipients", OPTION_SECTION, "postmaster@ abuse@", .section = load_exempt},
    {"", "whitelist", OPTION_SECTION, "", .section = load_whitelist},
    {"", "blocks", OPTION_SECTION, "", .section = load_blocks},
    {"", "susranges", OPTION_SECTION, "", .section = load_susranges},
    {"", "domains", OPTION_SECTION, "", .section = load_domains},
    {"", "domains_file", OPTION_SECTION, "", .section = load_domains_file},
};

enum { OPTIONS = sizeof options / sizeof options[0] };

void config_each_option(
    void (*each)(void *context, const char *group, const char *key, const char *fallback),
    void *context)
{
	for (size_t i = 0; i < OPTIONS; i++)
		each(context, options[i].group, options[i].key, options[i].fallback);
}

/* ---- values ------------------------------------------------------------------------------------
 */

/* "milter.socket" for messages. */
static const char *full_name(struct load *load, const struct option *o)
{
	return arena_printf(load->arena, "%s%s%s", o->group, o->group[0] ? "." : "", o->key).ptr;
}

static void *target(struct load *load, const struct option *o)
{
	char *base = o->setting ? (char *)&load->settings : (char *)load->config;

	return base + o->offset;
}

static void wants(struct load *load, const struct option *o, struct origin at, const char *what)
{
	report_error(load->report, at, "%s must be %s", full_name(load, o), what);
}

/* Strings: the value as it goes to its place. */
static void set_text(struct load *load, const struct option *o, struct slice text, struct origin at)
{
	char why[WHY_MAX];
	const char *wrong;

	if (slice_find(text, '\n') < text.len)
		wrong = "has a line break inside";
	else
		wrong = text.len > 0 && o->check ? o->check(text, why) : NULL;
	if (wrong)
		report_error(
		    load->report, at, "%s \"%.*s\" %s", full_name(load, o), SLICE_ARG(text), wrong);
	if (o->type == OPTION_SLICE)
		*(struct slice *)target(load, o) = arena_copy(load->config->arena, text);
	else
		*(const char **)target(load, o) = arena_strdup(load->config->arena, text);
}

/* A path, or the path inside "unix:PATH", belongs to the directory of the file that names it. */
static void set_path(struct load *load, const struct option *o, struct slice text, struct origin at)
{
	struct slice scheme = SLICE("unix:");
	bool is_socket = o->check == check_milter_socket;

	if (is_socket && slice_starts(text, scheme) && text.len > scheme.len)
		text = arena_printf(load->arena, "unix:%s",
		    config_path(load->arena, at.file, slice_skip(text, scheme.len)));
	else if (!is_socket && text.len > 0)
		text = slice_str(config_path(load->arena, at.file, text));
	set_text(load, o, text, at);
}

static void set_octal(
    struct load *load, const struct option *o, struct slice text, struct origin at)
{
	unsigned value = 0;
	bool good = text.len >= 3 && text.len <= 4;

	for (size_t i = 0; i < text.len; i++) {
		good &= text.ptr[i] >= '0' && text.ptr[i] <= '7';
		value = value * 8 + (unsigned)(text.ptr[i] - '0');
	}
	if (!good || value > 0777)
		wants(
		    load, o, at, "octal digits of file permissions as a string, such as \"0660\"");
	else
		*(unsigned *)target(load, o) = value;
}

static void set_word(struct load *load, const struct option *o, struct slice text, struct origin at)
{
	int value = load_word(load, text, full_name(load, o), o->words, at);

	if (value < 0)
		return;
	if (o->type == OPTION_FLAG)
		*(bool *)target(load, o) = value != 0;
	else
		memcpy(target(load, o), &value, sizeof(enum dmarc_mixed));
}

_Static_assert(sizeof(enum dmarc_mixed) == sizeof(int) && sizeof(enum spf_switch) == sizeof(int) &&
		   sizeof(enum dmarc_switch) == sizeof(int),
    "enums of options are stored as int");

static void set_number(struct load *load, const struct option *o, double value, struct origin at)
{
	bool whole = o->type == OPTION_COUNT;

	if (!(value >= o->min && value <= o->max) || (whole && value != floor(value)))
		wants(load, o, at,
		    arena_printf(load->arena, "%s from %g to %.15g",
			whole ? "a whole number" : "a number of seconds", o->min, o->max)
			.ptr);
	else if (whole)
		*(unsigned *)target(load, o) = (unsigned)value;
	else
		*(double *)target(load, o) = value;
}

/* "system", "recursive", or addresses with optional @port. */
static bool is_server(struct slice text)
{
	struct slice port = text, address = slice_cut(&port, '@');
	uint64_t number;
	struct ip ip;

	return ip_parse(address, &ip) &&
	       (!port.ptr || (slice_to_uint(port, 65535, &number) && number > 0));
}

static void add_server(void *context, struct slice text, struct origin at)
{
	struct load *load = context;
	struct config *c = load->config;
	bool word = slice_equal(text, SLICE("system")) || slice_equal(text, SLICE("recursive"));
	bool alone = c->resolver_server_count == 0;

	if (!word && !is_server(text))
		report_error(load->report, at,
		    "resolver.servers \"%.*s\" is neither \"system\" nor \"recursive\" nor an "
		    "address "
		    "such as 192.0.2.53 or 192.0.2.53@5353",
		    SLICE_ARG(text));
	else if (!alone && (word || !is_server(slice_str(c->resolver_servers[0]))))
		report_error(load->report, at,
		    "\"system\" and \"recursive\" stand alone in resolver.servers");
	else if (c->resolver_server_count == CONFIG_SERVERS_MAX)
		report_error(
		    load->report, at, "more than %d resolver.servers", (int)CONFIG_SERVERS_MAX);
	else
		c->resolver_servers[c->resolver_server_count++] = arena_strdup(c->arena, text);
}

/* ---- one option ---------------------------------------------------------------------------------
 */

static void set_string(
    struct load *load, const struct option *o, struct slice text, struct origin at)
{
	switch (o->type) {
	case OPTION_TEXT:
	case OPTION_SLICE:
		set_text(load, o, text, at);
		break;
	case OPTION_PATH:
		set_path(load, o, text, at);
		break;
	case OPTION_OCTAL:
		set_octal(load, o, text, at);
		break;
	default:
		set_word(load, o, text, at);
		break;
	}
}

static void set_fallback(struct load *load, const struct option *o)
{
	struct origin at = {load->config->path, 0};

	if (o->type == OPTION_SECTION)
		o->section(load, NULL);
	else if (o->type == OPTION_BOOL)
		*(bool *)target(load, o) = strcmp(o->fallback, "true") == 0;
	else if (o->type == OPTION_COUNT || o->type == OPTION_SECONDS)
		set_number(load, o, strtod(o->fallback, NULL), at);
	else if (o->type == OPTION_SERVERS)
		add_server(load, slice_str(o->fallback), at);
	else
		set_string(load, o, slice_str(o->fallback), at);
}

static double number_of(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
		return config_setting_get_int(s);
	case CONFIG_TYPE_INT64:
		return (double)config_setting_get_int64(s);
	case CONFIG_TYPE_FLOAT:
		return config_setting_get_float(s);
	default:
		return NAN;
	}
}

static void set_given(struct load *load, const struct option *o, const config_setting_t *s)
{
	struct origin at = load_where(load, s);
	struct value_walk servers = {add_server, load, true};

	switch (o->type) {
	case OPTION_SECTION:
		o->section(load, s);
		break;
	case OPTION_BOOL:
		load_bool(load, s, target(load, o));
		break;
	case OPTION_COUNT:
	case OPTION_SECONDS:
		set_number(load, o, number_of(s), at);
		break;
	case OPTION_SERVERS:
		load_each_value(load, s, &servers);
		if (load->config->resolver_server_count == 0)
			wants(load, o, at, "\"system\", \"recursive\" or a list of addresses");
		break;
	default:
		if (config_setting_type(s) == CONFIG_TYPE_STRING)
			set_string(load, o, load_string(s), at);
		else
			wants(load, o, at, "a string in quotes");
	}
}

/* ---- all options
 * ---------------------------------------------------------------------------------- */

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

static void check_keys(struct load *load, const config_setting_t *group, const char *name)
{
	const char *known[OPTIONS + 1];

	known_keys(name, known);
	for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, i);

		load_unknown_key(load, s, known);
		if (!name[0] && is_group_name(config_setting_name(s)) && load_is_group(load, s))
			check_keys(load, s, config_setting_name(s));
	}
}

void load_options(struct load *load)
{
	config_setting_t *root = config_root_setting(&load->tree);

	check_keys(load, root, "");
	for (size_t i = 0; i < OPTIONS; i++) {
		const struct option *o = &options[i];
		config_setting_t *group =
		    o->group[0] ? config_setting_get_member(root, o->group) : root;
		config_setting_t *s = group && config_setting_is_group(group)
					  ? config_setting_get_member(group, o->key)
					  : NULL;

		if (s)
			set_given(load, o, s);
		else
			set_fallback(load, o);
	}
}
