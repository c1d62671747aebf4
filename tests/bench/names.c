#include "bench/names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_ROOM = 96 };

static const char *const words[] = {"mail", "news", "web", "shop", "info", "data", "net", "cloud",
    "host", "server", "media", "group", "digital", "smart", "best", "top", "deal", "offer",
    "online", "market", "health", "care", "home", "energy", "solar", "loan", "credit", "bank",
    "pay", "coin", "trade", "invest", "travel", "hotel", "auto", "car", "parts", "tech", "soft",
    "ware", "game", "play", "win", "lucky", "star", "sun", "blue", "green", "red", "fast", "quick",
    "easy", "pro", "expert", "master", "king", "royal", "prime", "global", "world", "euro", "asia",
    "north", "west", "city", "town", "land", "house", "garden", "food", "kitchen", "fashion",
    "style", "beauty"};

static const char *const hosts[] = {"mail", "mx", "mx1", "mx2", "smtp", "smtp1", "out", "mta",
    "relay", "www", "ns1", "server", "vps", "host", "static", "dyn", "newsletter", "bounce", "em",
    "s1"};

static const char *const common_suffixes[] = {"com", "net", "org", "de", "ru", "co.uk", "info",
    "xyz", "top", "fr", "nl", "it", "com.br", "shop", "online", "site", "pl", "eu", "cn", "in",
    "us", "biz", "co.jp", "com.au", "click", "icu", "monster", "live", "store", "work"};

enum { SUFFIXES = 300, COMMON = sizeof common_suffixes / sizeof common_suffixes[0] };

#define PICK(array, state) (array)[names_below(state, sizeof(array) / sizeof(array)[0])]

uint64_t names_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

size_t names_below(uint64_t *state, size_t n)
{
	return (size_t)((names_random(state) >> 32) * n >> 32);
}

static void *must(void *allocated)
{
	if (!allocated) {
		fputs("out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	return allocated;
}

/* The suffix of rank r has a share of about 1/r. */
static int write_suffix(char *out, uint64_t *state)
{
	double u = (double)(names_random(state) >> 11) * 0x1p-53;
	size_t rank = (size_t)(pow(SUFFIXES, u)) - 1;

	if (rank < COMMON)
		return sprintf(out, "%s", common_suffixes[rank]);
	return sprintf(
	    out, "%c%c%s", (int)('a' + rank % 26), (int)('a' + rank / 26), rank % 3 ? "" : "x");
}

static void write_domain(char *out, uint64_t *state)
{
	unsigned number = (unsigned)names_below(state, 1000);

	switch (names_below(state, 6)) {
	case 0:
		out += sprintf(out, "%s%u", PICK(words, state), number * 37 % 10000);
		break;
	case 1:
		out += sprintf(out, "%s%s%u", PICK(words, state), PICK(words, state), number);
		break;
	case 2:
		out += sprintf(
		    out, "%s-%s-%s", PICK(words, state), PICK(words, state), PICK(words, state));
		break;
	case 3:
		out += sprintf(
		    out, "%s%s%s", PICK(words, state), PICK(words, state), PICK(words, state));
		break;
	default:
		for (size_t len = 6 + names_below(state, 9); len > 0; len--)
			*out++ = "abcdefghijklmnopqrstuvwxyz0123456789"[names_below(state, 36)];
	}
	*out++ = '.';
	write_suffix(out, state);
}

/* 11 of 20 are the domain itself; the others hosts of it, with one label or two in front. */
static int write_name(char *out, const char *domain, uint64_t *state)
{
	size_t kind = names_below(state, 20);
	unsigned number = (unsigned)names_below(state, 256);

	if (kind < 11)
		return sprintf(out, "%s", domain);
	if (kind < 15)
		return sprintf(out, "%s.%s", PICK(hosts, state), domain);
	if (kind < 18)
		return sprintf(out, "%s%u.%s", PICK(hosts, state), number, domain);
	return sprintf(out, "%u-%u.%s.%s", number, (unsigned)names_below(state, 256),
	    PICK(hosts, state), domain);
}

struct names names_make(size_t n, uint64_t seed)
{
	struct names names = {must(calloc(n + 1, sizeof *names.list)), n, NULL};
	char *end = names.text = must(malloc((n + 1) * NAME_ROOM));
	char domain[NAME_ROOM] = "";

	for (size_t i = 0; i < n; i++) {
		int len;

		/* A third of the names belong to the domain of the one before. */
		if (i == 0 || names_below(&seed, 3) != 0)
			write_domain(domain, &seed);
		len = write_name(end, domain, &seed);
		names.list[i] = slice_of(end, (size_t)len);
		end += len;
	}
	return names;
}

struct names names_read(const char *path)
{
	struct names names = {0};
	FILE *file = fopen(path, "rb");
	size_t room = 0, len = 0, got;
	struct slice rest;

	if (!file)
		return names;
	do {
		room = 2 * room + 65536;
		names.text = must(realloc(names.text, room));
		got = fread(names.text + len, 1, room - len, file);
		len += got;
	} while (got > 0);
	fclose(file);
	for (size_t i = 0; i < len; i++)
		names.text[i] = slice_lower(names.text[i]);
	names.list = must(calloc(len + 1, sizeof *names.list));
	for (rest = slice_of(names.text, len); rest.ptr;) {
		struct slice line = slice_trim(slice_cut(&rest, '\n'));

		if (line.len != 0)
			names.list[names.n++] = line;
	}
	return names;
}

static int compare(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void names_sort(struct names *names)
{
	size_t kept = 0;

	qsort(names->list, names->n, sizeof *names->list, compare);
	for (size_t i = 0; i < names->n; i++)
		if (i == 0 || !slice_equal(names->list[i], names->list[kept - 1]))
			names->list[kept++] = names->list[i];
	names->n = kept;
}

void names_shuffle(struct names *names, uint64_t seed)
{
	size_t size = 1;
	char *text, *end;

	for (size_t i = names->n; i > 1; i--) {
		size_t k = names_below(&seed, i);
		struct slice s = names->list[i - 1];

		names->list[i - 1] = names->list[k];
		names->list[k] = s;
	}
	for (size_t i = 0; i < names->n; i++)
		size += names->list[i].len + 1;
	end = text = must(malloc(size));
	for (size_t i = 0; i < names->n; i++) {
		memcpy(end, names->list[i].ptr, names->list[i].len);
		names->list[i].ptr = end;
		end += names->list[i].len;
		*end++ = '\n';
	}
	free(names->text);
	names->text = text;
}

void names_free(struct names *names)
{
	free(names->list);
	free(names->text);
	*names = (struct names){0};
}
