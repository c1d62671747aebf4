#include "config_option.h"

#include "core/net/ip.h"

#include <stdio.h>

/* sun_path of unix(7) with its NUL */
enum { SOCKET_PATH_MAX = 107, URL_MAX = 200, WORD_MAX = 253 };

const char *check_socket_path(struct slice text, char why[WHY_MAX])
{
	if (text.len == 0)
		return "is not a path";
	if (text.len <= SOCKET_PATH_MAX)
		return NULL;
	snprintf(why, WHY_MAX, "is longer than the %d bytes that a unix socket's name may have",
	    (int)SOCKET_PATH_MAX);
	return why;
}

/* What the resolver may know, or an address. */
static bool is_host(struct slice text)
{
	return text.len > 0 && slice_is_printable_ascii(text) &&
	       slice_find(text, ' ') == text.len && slice_find(text, '@') == text.len;
}

const char *check_milter_socket(struct slice text, char why[WHY_MAX])
{
	bool inet = slice_starts(text, SLICE("inet:")), inet6 = slice_starts(text, SLICE("inet6:"));
	struct slice host = slice_skip(text, inet6 ? 6 : 5), port;
	uint64_t number;

	if (text.len == 0)
		return NULL;
	if (slice_starts(text, SLICE("unix:")) && text.len > 5)
		return check_socket_path(slice_skip(text, 5), why);
	port = slice_cut(&host, '@');
	if ((inet || inet6) && is_host(host) && slice_to_uint(port, 65535, &number) && number > 0)
		return NULL;
	return "is none of inet:PORT@HOST, inet6:PORT@HOST and unix:PATH";
}

const char *check_listen(struct slice text, char why[WHY_MAX])
{
	uint16_t port;
	struct ip ip;

	(void)why;
	if (text.len == 0 || ip_parse_with_port(text, &ip, &port))
		return NULL;
	return "is neither ADDRESS:PORT nor [IPV6-ADDRESS]:PORT";
}

const char *check_url(struct slice text, char why[WHY_MAX])
{
	(void)why;
	if (text.len == 0)
		return NULL;
	if (!slice_starts(text, SLICE("https://")) && !slice_starts(text, SLICE("http://")))
		return "does not begin with https:// or http://";
	if (!slice_is_printable_ascii(text) || slice_find(text, ' ') < text.len)
		return "must be printable ASCII without blanks: it ends a reply";
	return text.len <= URL_MAX ? NULL : "is longer than 200 bytes: a reply has 480 in all";
}

/* A field of our own: incoming fields of its name are removed, so that it may be none that mail
 * needs.  Longer than any in use is a slip. */
const char *check_own_field(struct slice text, char why[WHY_MAX])
{
	enum { FIELD_NAME_MAX = 60 };

	(void)why;
	if (text.len == 0)
		return NULL;
	if (!slice_starts_nocase(text, SLICE("X-")) || text.len < 3)
		return "must be a field name that begins with X-";
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == ':')
			return "must be a field name: printable ASCII without blanks and colons";
	return text.len <= FIELD_NAME_MAX ? NULL : "is longer than 60 characters";
}

const char *check_results_field(struct slice text, char why[WHY_MAX])
{
	return slice_equal_nocase(text, SLICE("Authentication-Results"))
		   ? NULL
		   : check_own_field(text, why);
}

/* An authserv-id that needs no quotes: a token of RFC 2045 (RFC 8601 2.5). */
const char *check_authserv_id(struct slice text, char why[WHY_MAX])
{
	(void)why;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] > '~' ||
		    strchr("()<>@,;:\\\"/[]?=", text.ptr[i]))
			return "must be one word such as a host name";
	return text.len <= WORD_MAX ? NULL : "is longer than a host name can be";
}
