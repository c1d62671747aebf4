#include "fake/rdns.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const syllables[] = {"tel", "net", "com", "star", "link", "air", "fiber", "on",
    "ka", "bel", "vod", "uni", "glo", "max", "pro", "sky", "info", "volt", "era", "line"};
static const char *const tops[] = {"net", "com", "org", "net.br", "com.mx", "ne.jp", "net.id", "it",
    "pl", "ru", "co.za", "net.tw"};
static const char *const words[] = {"dynamic", "dyn", "pool", "dsl", "adsl", "cable", "dhcp", "ppp",
    "dialup", "broadband", "customer", "user", "host", "static"};

enum {
	SYLLABLES = sizeof syllables / sizeof syllables[0],
	TOPS = sizeof tops / sizeof tops[0],
	WORDS = sizeof words / sizeof words[0],
	PROVIDERS = 700
};

/* ---- providers ------------------------------------------------------------------------- */

static void domain(unsigned provider, char out[64], const char *dot)
{
	const char *top = tops[provider * 7 % TOPS];
	int n = snprintf(out, 64, "%s%s%u%s", syllables[provider % SYLLABLES],
	    syllables[provider / SYLLABLES % SYLLABLES], provider % 10, dot);

	for (; *top && n < 60; top++)
		n += snprintf(out + n, 64 - (size_t)n, "%.*s%s", *top == '.' ? 0 : 1, top,
		    *top == '.' ? dot : "");
}

void rdns_pattern(unsigned i, char out[RDNS_TEXT_MAX])
{
	const char *word = words[i % WORDS];
	char of[64];

	domain(i % PROVIDERS, of, "\\.");
	switch (i % 8) {
	case 0:
		snprintf(out, RDNS_TEXT_MAX, "^([0-9]{1,3}[.-]){3}[0-9]{1,3}\\.%s\\.%s$", word, of);
		break;
	case 1:
		snprintf(out, RDNS_TEXT_MAX, "^%s[0-9-]+\\.%s$", word, of);
		break;
	case 2:
		snprintf(out, RDNS_TEXT_MAX,
		    "^[a-z]+-?[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}-[0-9]{1,3}\\.(%s|dip)\\.%s$", word,
		    of);
		break;
	case 3:
		snprintf(out, RDNS_TEXT_MAX, "^.+\\.%s[0-9]*\\.[a-z]{2,12}\\.%s$", word, of);
		break;
	case 4:
		snprintf(out, RDNS_TEXT_MAX, "^(%s)?[0-9a-f]{8}\\.%s", word, of);
		break;
	case 5:
		snprintf(out, RDNS_TEXT_MAX, "^[^.]+-%s\\.([a-z0-9-]+\\.)?%s$", word, of);
		break;
	case 6: /* begins in the middle of a label */
		snprintf(out, RDNS_TEXT_MAX, ".*%s.*%s", word, of + 3);
		break;
	default:
		snprintf(out, RDNS_TEXT_MAX, "^(?:%s|%s)[-.]?[0-9]+[.-][0-9]+.*\\.%s$", word,
		    words[(i + 3) % WORDS], of);
		break;
	}
}

/* ---- names ------------------------------------------------------------------------------- */

uint64_t rdns_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(rdns_random(state) >> 20) % n;
}

/* One that the i-th pattern may match, but for its domain. */
static void generic(uint64_t *state, unsigned i, const char *of, char out[RDNS_TEXT_MAX])
{
	const char *word = words[i % WORDS];
	unsigned a = below(state, 256), b = below(state, 256), c = below(state, 256),
		 d = below(state, 256);

	switch (i % 8) {
	case 0:
		snprintf(out, RDNS_TEXT_MAX, "%u-%u-%u.%u.%s.%s", a, b, c, d, word, of);
		break;
	case 1:
		snprintf(out, RDNS_TEXT_MAX, "%s%u-%u.%s", word, a, b, of);
		break;
	case 2:
		snprintf(out, RDNS_TEXT_MAX, "host-%u-%u-%u-%u.%s.%s", a, b, c, d,
		    below(state, 2) ? "dip" : word, of);
		break;
	case 3:
		snprintf(out, RDNS_TEXT_MAX, "x%u.%s%u.town.%s", a, word, b, of);
		break;
	case 4:
		snprintf(out, RDNS_TEXT_MAX, "%02x%02x%02x%02x.%s", a, b, c, d, of);
		break;
	case 5:
		snprintf(out, RDNS_TEXT_MAX, "c%u-%s.%s", a, word, of);
		break;
	default:
		snprintf(out, RDNS_TEXT_MAX, "%s-%u-%u-%u.ny.%s", word, a, b, c, of);
		break;
	}
}

/* Capitals, the long s and the Kelvin sign in the place of their other cases, octets that are no
 * text. */
static void make_odd(uint64_t *state, char out[RDNS_TEXT_MAX])
{
	char odd[RDNS_TEXT_MAX];
	size_t n = 0;

	for (const char *at = out; *at && n < sizeof odd - 4; at++) {
		bool swap = below(state, 4) == 0;
		if (swap && (*at == 's' || *at == 'k'))
			n += (size_t)snprintf(
			    odd + n, 4, "%s", *at == 's' ? "\xc5\xbf" : "\xe2\x84\xaa");
		else
			odd[n++] = swap ? (char)toupper((unsigned char)*at) : *at;
	}
	if (below(state, 8) == 0)
		odd[below(state, (unsigned)n)] = (char)(0x80 + below(state, 128));
	memcpy(out, odd, n);
	out[n] = '\0';
}

void rdns_name(uint64_t *state, char out[RDNS_TEXT_MAX])
{
	unsigned kind = below(state, 20), i = below(state, RDNS_PATTERNS);
	char of[64];

	domain(i % PROVIDERS, of, ".");
	if (kind < 8) {
		generic(state, i, of, out);
	} else if (kind < 12) {
		of[0] = (char)('a' + below(state, 26)); /* mostly a provider without patterns */
		generic(state, i, of, out);
	} else if (kind < 18) {
		snprintf(out, RDNS_TEXT_MAX, "mx%u.%s", below(state, 30), of);
	} else {
		generic(state, i, of, out);
		make_odd(state, out);
	}
}
