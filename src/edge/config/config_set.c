#include "config_option.h"

#include "edge/dns/resolver.h"

#include <math.h>
#include <stdlib.h>

/* ---- values -------------------------------------------------------------------------- */

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
	diag_error(load->diag, at, "%s must be %s", full_name(load, o), what);
}

/* Strings: the value as it goes to its place. */
static void set_text(struct load *load, const struct option *o, struct slice text, struct origin at)
{
	char why[WHY_MAX];
	const char *wrong;

	if (slice_find(text, '\n') < text.len)
		wrong = "has a line break inside";
	else
		wrong = o->check ? o->check(text, why) : NULL;
	if (wrong && load->start)
		diag_error(load->diag, at, "%s %s", full_name(load, o), wrong);
	else if (wrong)
		diag_error(
		    load->diag, at, "%s \"%.*s\" %s", full_name(load, o), SLICE_ARG(text), wrong);
	if (o->type == OPTION_SLICE)
		*(struct slice *)target(load, o) = arena_copy(load->config->arena, text);
	else
		*(const char **)target(load, o) = arena_strdup(load->config->arena, text);
}

/* A path, or the path inside "unix:PATH", belongs to the directory of the file that names it.  The
 * control socket has no other kind: "unix:" is said for nothing there. */
static void set_path(struct load *load, const struct option *o, struct slice text, struct origin at)
{
	struct slice scheme = SLICE("unix:");
	bool is_socket = o->check == check_milter_socket;

	if (o->check == check_socket_path && slice_starts(text, scheme))
		text = slice_skip(text, scheme.len);
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

/* "8G": a number and how many times 1024. */
static void set_bytes(
    struct load *load, const struct option *o, struct slice text, struct origin at)
{
	static const char units[] = "KMGT";
	const char *unit = text.len > 0 ? strchr(units, text.ptr[text.len - 1]) : NULL;
	size_t digits = text.len - (unit && *unit);
	uint64_t n;

	if (slice_to_uint(slice_of(text.ptr, digits), UINT64_C(1) << 20, &n)) {
		n <<= unit && *unit ? 10 * (unit - units + 1) : 0;
		if ((double)n >= o->min && (double)n <= o->max) {
			*(uint64_t *)target(load, o) = n;
			return;
		}
	}
	wants(load, o, at,
	    arena_printf(load->arena, "a size such as \"%s\", from %.0fM to %.0fT", o->fallback,
		o->min / (1 << 20), o->max / (1 << 20) / (1 << 20))
		.ptr);
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

_Static_assert(
    sizeof(enum dmarc_mixed) == sizeof(int) && sizeof(enum row_local_parts) == sizeof(int) &&
	sizeof(enum spf_switch) == sizeof(int) && sizeof(enum dmarc_switch) == sizeof(int),
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

static void add_server(void *context, struct slice text, struct origin at)
{
	struct load *load = context;
	struct config *c = load->config;
	bool word = slice_equal(text, SLICE("system")) || slice_equal(text, SLICE("recursive"));
	bool alone = c->resolver_server_count == 0;

	if (!word && !resolver_is_address(text))
		diag_error(load->diag, at,
		    "resolver.servers \"%.*s\" is neither \"system\" nor \"recursive\" nor an "
		    "address such as 192.0.2.53 or 192.0.2.53@5353",
		    SLICE_ARG(text));
	else if (!alone && (word || !resolver_is_address(slice_str(c->resolver_servers[0]))))
		diag_error(load->diag, at,
		    "\"system\" and \"recursive\" must be the only value of resolver.servers");
	else if (c->resolver_server_count == CONFIG_SERVERS_MAX)
		diag_error(
		    load->diag, at, "more than %d resolver.servers", (int)CONFIG_SERVERS_MAX);
	else
		c->resolver_servers[c->resolver_server_count++] = arena_strdup(c->arena, text);
}

/* ---- one option ---------------------------------------------------------------------- */

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
	case OPTION_BYTES:
		set_bytes(load, o, text, at);
		break;
	default:
		set_word(load, o, text, at);
		break;
	}
}

void option_set_fallback(struct load *load, const struct option *o)
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

static double number_of(const struct setting *s)
{
	switch (s->type) {
	case SETTING_INTEGER:
		return (double)s->integer;
	case SETTING_FLOAT:
		return s->real;
	default:
		return NAN;
	}
}

void option_set(struct load *load, const struct option *o, const struct setting *s)
{
	struct origin at = load_where(load, s);
	struct value_walk servers = {add_server, load, true, NULL};

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
		if (s->type == SETTING_STRING)
			set_string(load, o, setting_text(s), at);
		else
			wants(load, o, at, "a string in quotes");
	}
}
