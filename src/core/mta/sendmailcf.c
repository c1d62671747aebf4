#include "sendmailcf.h"

/* Sendmail's default time-outs, without T= (milter.c). */
enum { ANSWER_DEFAULT = 10, END_DEFAULT = 300 };

/* Limit of a number: larger ones mean no time-out in practice, and products still fit. */
enum { NUMBER_MAX = 100000000 };

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct slice skip_blanks(struct slice s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = slice_skip(s, 1);
	return s;
}

/* ---- lines --------------------------------------------------------------------------- */

/* A line with all that continues it, as it stands in the file. */
static struct slice folded_line(struct slice *rest)
{
	struct slice all = *rest;
	size_t len;

	slice_cut(rest, '\n');
	while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t'))
		slice_cut(rest, '\n');
	len = all.len - rest->len;
	return slice_of(all.ptr, len > 0 && all.ptr[len - 1] == '\n' ? len - 1 : len);
}

/* Without carriage returns and comments; each comment ends where the next piece begins. */
static struct slice clean_line(struct arena *arena, struct slice line)
{
	char *text = arena_alloc(arena, line.len + 1);
	size_t n = 0;

	if (!text)
		return slice_of("", 0);
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i], before = n > 0 ? text[n - 1] : '\n';

		if (c == '\r')
			continue;
		if (c == '#' && n > 0 && before == '\\') {
			text[n - 1] = c;
		} else if (c == '#' && n > 0 && before != '$') {
			while (n > 0 && is_blank(text[n - 1]))
				n--;
			while (i + 1 < line.len && line.ptr[i + 1] != '\n')
				i++;
		} else {
			text[n++] = c;
		}
	}
	return slice_of(text, n);
}

/* The next line of this kind; its letter is cut off. */
static bool next_line(struct slice *rest, struct arena *arena, char kind, struct slice *line)
{
	while (rest->len > 0) {
		*line = folded_line(rest);
		if (line->len == 0 || line->ptr[0] != kind)
			continue;
		*line = slice_skip(clean_line(arena, *line), 1);
		return true;
	}
	return false;
}

/* ---- options ------------------------------------------------------------------------- */

/* `least`: the length of the shortest abbreviation that is unique. */
static const struct {
	const char *name;
	size_t least;
	char letter;
} options[] = {
    [SENDMAILCF_INPUT_MAIL_FILTERS] = {"InputMailFilters", 2, 0},
    [SENDMAILCF_DAEMON_PORT_OPTIONS] = {"DaemonPortOptions", 3, 'O'},
    [SENDMAILCF_RUN_AS_USER] = {"RunAsUser", 2, 0},
    [SENDMAILCF_DONT_BLAME_SENDMAIL] = {"DontBlameSendmail", 5, 0},
};

/* The value of a line O that sets this option. */
static bool option_value(struct slice line, enum sendmailcf_option o, struct slice *value)
{
	struct slice name;

	*value = slice_skip(line, 1);
	if (line.len == 0 || line.ptr[0] != ' ')
		return line.len > 0 && options[o].letter != 0 && line.ptr[0] == options[o].letter;
	name = slice_cut(value, '=');
	while (name.len > 0 && name.ptr[name.len - 1] == ' ')
		name.len--;
	if (name.len < options[o].least || !slice_starts_nocase(slice_str(options[o].name), name))
		return false;
	while (value->len > 0 && value->ptr[0] == ' ')
		*value = slice_skip(*value, 1);
	return true;
}

static bool next_option(
    struct slice *rest, struct arena *arena, enum sendmailcf_option o, struct slice *value)
{
	struct slice line;

	while (next_line(rest, arena, 'O', &line))
		if (option_value(line, o, value))
			return true;
	return false;
}

bool sendmailcf_last(
    struct slice cf, struct arena *arena, enum sendmailcf_option o, struct slice *value)
{
	struct slice next;
	bool found = false;

	while (next_option(&cf, arena, o, &next)) {
		*value = next;
		found = true;
	}
	return found;
}

struct slice sendmailcf_all(struct slice cf, struct arena *arena, enum sendmailcf_option o)
{
	struct slice all = slice_of("", 0), next;

	while (next_option(&cf, arena, o, &next))
		all = arena_printf(arena, "%.*s,%.*s", SLICE_ARG(all), SLICE_ARG(next));
	return all;
}

/* ---- filters ------------------------------------------------------------------------- */

/* Sendmail's munchstring(): up to the separator, without quotes and backslashes. */
static struct slice cut_value(struct slice *rest, struct arena *arena, char separator)
{
	char *text = arena_alloc(arena, rest->len + 1);
	bool quoted = false, literal = false;
	size_t n = 0, i;

	if (!text) {
		*rest = slice_of("", 0);
		return *rest;
	}
	for (i = 0; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (literal || (c != '\\' && c != '"' && (c != separator || quoted))) {
			text[n++] = c;
			literal = false;
		} else if (c == '\\') {
			literal = true;
		} else if (c == '"') {
			quoted = !quoted;
		} else {
			break;
		}
	}
	*rest = slice_skip(*rest, i);
	return slice_of(text, n);
}

/* "LETTER… SIGN VALUE", behind separators and blanks; false when no more is there, or it is none.
 */
static bool next_field(struct slice *rest, struct arena *arena, char separator, char sign,
    char *letter, struct slice *value)
{
	while (rest->len > 0 && (rest->ptr[0] == separator || is_blank(rest->ptr[0])))
		*rest = slice_skip(*rest, 1);
	if (rest->len == 0 || slice_find(*rest, sign) == rest->len)
		return false;
	*letter = rest->ptr[0];
	slice_cut(rest, sign);
	*rest = skip_blanks(*rest);
	*value = cut_value(rest, arena, separator);
	return true;
}

long sendmailcf_seconds(struct slice s)
{
	static const char units[] = "smhdw";
	static const long seconds[] = {1, 60, 3600, 86400, 604800};
	long sum = 0;

	while (s.len > 0) {
		const char *unit;
		long n = 0;

		for (; s.len > 0 && s.ptr[0] >= '0' && s.ptr[0] <= '9'; s = slice_skip(s, 1))
			n = n < NUMBER_MAX ? n * 10 + (s.ptr[0] - '0') : n;
		unit = s.len > 0 ? memchr(units, s.ptr[0], sizeof units - 1) : NULL;
		sum += n < NUMBER_MAX ? n * (unit ? seconds[unit - units] : 1) : NUMBER_MAX;
		sum = sum < NUMBER_MAX ? sum : NUMBER_MAX;
		s = slice_skip(s, s.len > 0);
	}
	return sum;
}

static void read_times(struct slice times, struct arena *arena, struct sendmailcf_filter *f)
{
	struct slice value;
	char letter;

	while (next_field(&times, arena, ';', ':', &letter, &value)) {
		if (letter == 'R')
			f->answer = sendmailcf_seconds(value);
		else if (letter == 'E')
			f->end = sendmailcf_seconds(value);
	}
}

static void read_filter(struct slice line, struct arena *arena, struct sendmailcf_filter *f)
{
	struct slice value;
	size_t n = 0;
	char letter;

	while (n < line.len && line.ptr[n] != ',' && !is_blank(line.ptr[n]))
		n++;
	*f = (struct sendmailcf_filter){
	    .name = slice_of(line.ptr, n), .answer = ANSWER_DEFAULT, .end = END_DEFAULT};
	line = slice_skip(line, n);
	while (next_field(&line, arena, ',', '=', &letter, &value)) {
		if (letter == 'S')
			f->socket = value;
		else if (letter == 'F')
			f->flags =
			    arena_printf(arena, "%.*s%.*s", SLICE_ARG(f->flags), SLICE_ARG(value));
		else if (letter == 'T')
			read_times(value, arena, f);
	}
}

bool sendmailcf_next_filter(
    struct slice *rest, struct arena *arena, struct sendmailcf_filter *filter)
{
	struct slice line;

	if (!next_line(rest, arena, 'X', &line))
		return false;
	read_filter(line, arena, filter);
	return true;
}

bool sendmailcf_next_name(struct slice *list, struct slice *name)
{
	size_t n = 0;

	*list = skip_blanks(*list);
	if (list->len == 0)
		return false;
	while (n < list->len && list->ptr[n] != ',' && list->ptr[n] != ';')
		n++;
	*name = slice_of(list->ptr, n);
	*list = slice_skip(*list, n < list->len ? n + 1 : n);
	return true;
}

/* ---- ports --------------------------------------------------------------------------- */

bool sendmailcf_next_port(struct slice *rest, struct arena *arena, struct sendmailcf_port *port)
{
	struct slice options_text;

	if (!next_option(rest, arena, SENDMAILCF_DAEMON_PORT_OPTIONS, &options_text))
		return false;
	*port = (struct sendmailcf_port){.is_smtp = true};
	while (options_text.len > 0) {
		struct slice value = skip_blanks(slice_cut(&options_text, ','));
		char letter = value.len > 0 ? slice_lower(value.ptr[0]) : '\0';

		if (slice_find(value, '=') == value.len)
			continue;
		slice_cut(&value, '=');
		value = skip_blanks(value);
		if (letter == 'i') {
			port->filters = value;
			port->own_filters = true;
		} else if (letter == 'n') {
			port->name = value;
		} else if (letter == 'p') {
			port->is_smtp = slice_equal_nocase(slice_trim(value), SLICE("smtp")) ||
					slice_equal(slice_trim(value), SLICE("25"));
		} else if (letter == 'm') {
			port->needs_login = slice_find(value, 'a') < value.len;
		}
	}
	return true;
}
