#include "model.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

void *need(void *memory)
{
	if (!memory) {
		fprintf(stderr, "model: out of memory\n");
		exit(2);
	}
	return memory;
}

char *lower(const char *s)
{
	char *copy = need(strdup(s));

	for (char *p = copy; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return copy;
}

/* ---- addresses of hosts -------------------------------------------------------------- */

bool parse_ip(const char *text, u128 *out)
{
	unsigned char b[16] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET, text, b + 12) != 1 && inet_pton(AF_INET6, text, b) != 1)
		return false;
	*out = 0;
	for (int i = 0; i < 16; i++)
		*out = *out << 8 | b[i];
	return true;
}

static u128 mask_of(int length)
{
	return length == 0 ? 0 : ~(u128)0 << (128 - length);
}

bool in_net(u128 ip, const struct net *n)
{
	return (ip & mask_of(n->length)) == n->base;
}

bool parse_net(const char *text, struct net *out)
{
	char copy[80];
	char *slash;

	snprintf(copy, sizeof copy, "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (!parse_ip(copy, &out->base))
		return false;
	out->length = slash ? atoi(slash + 1) + (strchr(copy, ':') ? 0 : 96) : 128;
	return true;
}

void print_net(const struct net *n, char *out, size_t size)
{
	unsigned char b[16];
	char text[INET6_ADDRSTRLEN];
	bool v4 = n->base >> 32 == 0xffff && n->length >= 96;

	for (int i = 0; i < 16; i++)
		b[i] = (unsigned char)(n->base >> (120 - 8 * i));
	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? b + 12 : b, text, sizeof text);
	snprintf(out, size, "%s/%d", text, n->length - (v4 ? 96 : 0));
}

/* ---- names --------------------------------------------------------------------------- */

static bool is_ascii(const char *s)
{
	while (*s)
		if ((unsigned char)*s++ >= 0x80)
			return false;
	return true;
}

static bool well_formed(const char *name)
{
	size_t label = 0, all = strlen(name);

	if (all == 0 || all > 253)
		return false;
	for (size_t i = 0; i <= all; i++) {
		if (name[i] == '.' || name[i] == '\0') {
			if (label == 0 || label > 63)
				return false;
			label = 0;
		} else if (isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_') {
			label++;
		} else {
			return false;
		}
	}
	return true;
}

char *parse_name(const char *text)
{
	char *name = lower(text), *ascii;
	size_t n = strlen(name);

	if (!is_ascii(name)) {
		int flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
		if (idn2_to_ascii_8z(name, &ascii, flags) != IDN2_OK)
			return NULL;
		name = ascii;
		n = strlen(name);
	}
	if (n > 1 && name[n - 1] == '.')
		name[n - 1] = '\0';
	return well_formed(name) ? name : NULL;
}

bool is_below(const char *name, const char *ancestor)
{
	size_t n = strlen(name), a = strlen(ancestor);

	return n > a && strcmp(name + n - a, ancestor) == 0 && name[n - a - 1] == '.';
}

int labels(const char *name)
{
	int n = 1;

	while (*name)
		n += *name++ == '.';
	return n;
}

/* ---- mail addresses ------------------------------------------------------------------ */

/* Without quotes and backslashes. */
static char *unquoted(const char *s)
{
	char *out = need(malloc(strlen(s) + 1)), *to = out;

	for (; *s; s++) {
		if (*s == '"')
			continue;
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*to = '\0';
	return out;
}

char *fold_local(const char *local)
{
	size_t n = 0;
	uint8_t *folded =
	    u8_casefold((const uint8_t *)local, strlen(local) + 1, NULL, UNINORM_NFC, NULL, &n);

	return folded ? (char *)folded : need(strdup(local));
}

/* In NFC, as patterns and what they look at are; what cannot be composed stays. */
char *composed(const char *text)
{
	size_t n = 0;
	uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)text, strlen(text) + 1, NULL, &n);

	return nfc ? (char *)nfc : need(strdup(text));
}

static char *compose(const char *local, const char *domain)
{
	bool quotes = local[0] == '\0' || strpbrk(local, " ()<>[]:;@\\,\"") != NULL;
	size_t room = 2 * strlen(local) + strlen(domain) + 4;
	char *out = need(malloc(room)), *to = out;

	if (quotes)
		*to++ = '"';
	for (const char *s = local; *s; s++) {
		if (*s == '"' || *s == '\\')
			*to++ = '\\';
		*to++ = *s;
	}
	if (quotes)
		*to++ = '"';
	snprintf(to, room - (size_t)(to - out), "%s%s", domain[0] ? "@" : "", domain);
	return out;
}

/* The '@' that ends the local part, or NULL. */
static char *find_at(char *s)
{
	bool quoted = false;
	char *at = NULL;

	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (*s == '"')
			quoted = !quoted;
		else if (*s == '@' && !quoted)
			at = s;
	}
	return at;
}

struct address parse_address(const char *text)
{
	char *s = lower(text), *at;
	size_t n = strlen(s);
	struct address a = {composed(text), NULL, NULL};

	if (n >= 2 && s[0] == '<' && s[n - 1] == '>') {
		s[n - 1] = '\0';
		s++;
	}
	if (*s == '\0')
		return (struct address){need(strdup("<>")), NULL, NULL};
	if (*s == '@' && strchr(s, ':'))
		s = strchr(s, ':') + 1;
	at = find_at(s);
	if (at == s)
		return a;
	if (at && at[1] == '[') {
		*at = '\0';
		a.local = unquoted(s);
		a.text = composed(compose(a.local, at + 1));
		a.local = fold_local(a.local);
		return a;
	}
	if (at) {
		*at = '\0';
		a.domain = parse_name(at + 1);
		if (!a.domain)
			return a;
	}
	a.local = unquoted(s);
	a.text = composed(compose(a.local, a.domain ? a.domain : ""));
	a.local = fold_local(a.local);
	return a;
}
