#include "edge/dns/resolvconf.h"

#include "edge/os/textfile.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

static const char keyword[] = "nameserver";
static const char fallback[] = "127.0.0.1";

/* ---- one address --------------------------------------------------------------------- */

static const char *write_v4(struct in_addr address, char out[RESOLVCONF_ADDRESS_MAX])
{
	/* An answer to a question for 0.0.0.0 comes from 127.0.0.1, and libunbound drops it. */
	if (address.s_addr == htonl(INADDR_ANY))
		address.s_addr = htonl(INADDR_LOOPBACK);
	inet_ntop(AF_INET, &address, out, RESOLVCONF_ADDRESS_MAX);
	return NULL;
}

/* The number of an interface, which may be given by name; 0: there is none. */
static unsigned interface_number(struct slice name)
{
	char text[IF_NAMESIZE] = "";
	uint64_t number;

	if (name.len == 0 || name.len >= sizeof text)
		return 0;
	memcpy(text, name.ptr, name.len);
	if (if_nametoindex(text) > 0)
		return if_nametoindex(text);
	return slice_to_uint(name, UINT32_MAX, &number) &&
		       if_indextoname((unsigned)number, (char[IF_NAMESIZE]){0})
		   ? (unsigned)number
		   : 0;
}

static const char *write_v6(
    struct in6_addr address, struct slice scope, char out[RESOLVCONF_ADDRESS_MAX])
{
	unsigned number = scope.ptr ? interface_number(scope) : 0;
	size_t len;

	if (scope.ptr && number == 0)
		return "names an interface that does not exist";
	if (IN6_IS_ADDR_UNSPECIFIED(&address))
		address = in6addr_loopback;
	inet_ntop(AF_INET6, &address, out, RESOLVCONF_ADDRESS_MAX);
	len = strlen(out);
	if (number)
		snprintf(out + len, RESOLVCONF_ADDRESS_MAX - len, "%%%u", number);
	return NULL;
}

const char *resolvconf_address(struct slice text, char out[RESOLVCONF_ADDRESS_MAX])
{
	struct slice scope = text, address = slice_cut(&scope, '%');
	char copy[RESOLVCONF_ADDRESS_MAX] = "";
	struct in_addr v4;
	struct in6_addr v6;

	/* inet_aton(3) would pass over white space behind the address; glibc does not here. */
	if (address.len == 0 || address.len >= sizeof copy || !slice_is_printable_ascii(text))
		return "is not an IP address";
	memcpy(copy, address.ptr, address.len);
	if (!scope.ptr && inet_aton(copy, &v4))
		return write_v4(v4, out);
	if (inet_pton(AF_INET6, copy, &v6) == 1)
		return write_v6(v6, scope, out);
	return "is not an IP address";
}

/* ---- the file ------------------------------------------------------------------------ */

static void warn(struct diag *diag, struct origin at, struct slice word, const char *wrong)
{
	if (!diag)
		return;
	if (slice_is_printable_ascii(word))
		diag_warning(diag, at, "nameserver \"%.*s\" %s: this line is ignored",
		    SLICE_ARG(word), wrong);
	else
		diag_warning(
		    diag, at, "nameserver with bytes that are not printable: this line is ignored");
}

static void add_server(struct resolvconf *r, struct slice word, struct origin at, struct diag *diag)
{
	char address[RESOLVCONF_ADDRESS_MAX];
	const char *wrong = resolvconf_address(word, address);

	if (!wrong && r->count == RESOLVCONF_SERVERS_MAX)
		wrong = "is the fourth server or a later one";
	if (wrong)
		warn(diag, at, word, wrong);
	else
		memcpy(r->servers[r->count++], address, sizeof address);
}

static void read_line(struct resolvconf *r, struct slice line, struct origin at, struct diag *diag)
{
	struct slice rest = line, first = slice_word(&rest), word = slice_word(&rest);

	if (!slice_equal(first, slice_str(keyword)))
		return;
	if (first.ptr != line.ptr)
		warn(diag, at, word, "has a blank before it");
	else
		add_server(r, word, at, diag);
}

void resolvconf_read(const char *path, struct resolvconf *out, struct diag *diag)
{
	struct origin at = {path, 0};
	char why[TEXTFILE_WHY_MAX] = "names no usable name server";
	struct slice text, rest;

	*out = (struct resolvconf){.count = 0};
	if (textfile_read(path, &text, why) == TEXTFILE_OK)
		for (rest = text; rest.len > 0;) {
			struct slice line = slice_cut(&rest, '\n');

			at.line++;
			read_line(out, line, at, diag);
		}
	textfile_free(&text);
	if (out->count > 0)
		return;
	memcpy(out->servers[out->count++], fallback, sizeof fallback);
	if (diag)
		diag_warning(diag, (struct origin){path, 0}, "%s: %s is used", why, fallback);
}

bool resolvconf_equal(const struct resolvconf *a, const struct resolvconf *b)
{
	bool equal = a->count == b->count;

	for (size_t i = 0; equal && i < a->count; i++)
		equal = strcmp(a->servers[i], b->servers[i]) == 0;
	return equal;
}
