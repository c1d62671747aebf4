#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grown(void *memory, size_t count, size_t size)
{
	return need(realloc(memory, count * size));
}

/* ---- adding -------------------------------------------------------------------------- */

static void add_net(struct list *l, struct net n, bool out)
{
	if (l->net_count == l->net_room) {
		l->net_room = l->net_room ? 2 * l->net_room : 16;
		l->nets = grown(l->nets, l->net_room, sizeof *l->nets);
		l->net_out = grown(l->net_out, l->net_room, sizeof *l->net_out);
		l->base4 = grown(l->base4, l->net_room, sizeof *l->base4);
		l->mask4 = grown(l->mask4, l->net_room, sizeof *l->mask4);
		l->at4 = grown(l->at4, l->net_room, sizeof *l->at4);
	}
	if (n.base >> 32 == 0xffff && n.length >= 96) {
		uint64_t all = UINT32_MAX;
		l->base4[l->count4] = (uint32_t)n.base;
		l->mask4[l->count4] = (uint32_t)(all << (128 - n.length));
		l->at4[l->count4++] = (uint32_t)l->net_count;
	}
	l->nets[l->net_count] = n;
	l->net_out[l->net_count++] = out;
}

/* The fewest networks that are first..last: from the left, each the widest that fits. */
static void add_range(struct list *l, u128 first, u128 last, bool out)
{
	for (;;) {
		int length = 128;
		u128 size = 1;

		while (
		    length > 0 && (first & (2 * size - 1)) == 0 && first + (2 * size - 1) <= last) {
			size *= 2;
			length--;
		}
		add_net(l, (struct net){first, length}, out);
		if (first + (size - 1) >= last)
			return;
		first += size;
	}
}

void add_network(struct list *l, const char *text)
{
	bool out = *text == '!';
	struct net n;
	char first[80];
	const char *dash;
	u128 low, high;

	text += out;
	dash = strchr(text, '-');
	if (!dash) {
		if (parse_net(text, &n))
			add_net(l, n, out);
		return;
	}
	snprintf(first, sizeof first, "%.*s", (int)(dash - text), text);
	if (parse_ip(first, &low) && parse_ip(dash + 1, &high))
		add_range(l, low, high, out);
}

static uint64_t hash_of(const char *s)
{
	uint64_t h = 14695981039346656037u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 1099511628211u;
	return h;
}

void set_whole_pattern(regex_t *out, const char *text)
{
	const char *re = composed(text); /* with its slashes */
	size_t n = strlen(re);
	char *whole = need(malloc(n + 8));

	snprintf(whole, n + 8, "^(%.*s)$", (int)n - 2, re + 1);
	if (regcomp(out, whole, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0) {
		fprintf(stderr, "model: cannot read the pattern %s\n", text);
		exit(2);
	}
}

static void set_pattern(struct entry *e, const char *text)
{
	e->form = F_PATTERN;
	set_whole_pattern(&e->re, text);
}

static void set_name(struct entry *e, const char *text)
{
	e->form = F_NAME;
	if (text[0] == '*' && text[1] == '.') {
		e->form = F_BELOW;
		text += 2;
	} else if (text[0] == '.') {
		e->form = F_TREE;
		text++;
	}
	e->name = parse_name(text);
}

static void set_address(struct entry *e, const char *text)
{
	const char *at = strrchr(text, '@'), *plus = strstr(text, "+*@");
	size_t n = (size_t)((plus ? plus : at) - text);

	if (n == 0) {
		set_name(e, at + 1);
		return;
	}
	e->local = lower(text);
	e->local[n] = '\0';
	e->local = fold_local(e->local);
	e->form = at[1] == '\0' ? F_LOCAL : plus ? F_SUB : F_ADDRESS;
	if (at[1])
		e->name = parse_name(at + 1);
}

static void add_entry(struct list *l, struct entry e)
{
	e.hash = e.name ? hash_of(e.name) : 0;
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->entries = grown(l->entries, l->room, sizeof *l->entries);
		l->hashes = grown(l->hashes, l->room, sizeof *l->hashes);
	}
	l->hashes[l->count] = e.hash;
	l->entries[l->count++] = e;
}

void add_login(struct list *l, const char *text)
{
	struct entry e = {.out = *text == '!', .form = F_LOGIN};

	text += e.out;
	if (*text == '/')
		set_pattern(&e, text);
	else
		e.local = lower(text);
	add_entry(l, e);
}

void add_word(struct list *l, const char *text)
{
	struct entry e = {.out = *text == '!'};

	text += e.out;
	if (*text == '/')
		set_pattern(&e, text);
	else if (strcmp(text, "<>") == 0)
		e.form = F_NULL;
	else if (strchr(text, '@'))
		set_address(&e, text);
	else
		set_name(&e, text);
	add_entry(l, e);
}

void add_asn(struct list *l, const char *text)
{
	l->asn_out[l->asn_count] = *text == '!';
	text += *text == '!';
	l->asn[l->asn_count++] = atol(*text == 'A' || *text == 'a' ? text + 2 : text);
}

void add_country(struct list *l, const char *text)
{
	l->country_out[l->country_count] = *text == '!';
	text += *text == '!';
	snprintf(l->country[l->country_count++], sizeof l->country[0], "%s", lower(text));
}

void read_geo(struct geo *g, const char *mmdb)
{
	char path[4096], net[80], asn[20], country[20];
	FILE *f;

	snprintf(path, sizeof path, "%s.txt", mmdb);
	f = fopen(path, "r");
	if (!f) {
		perror(path);
		exit(2);
	}
	while (fscanf(f, "%79s %19s %19s", net, asn, country) == 3) {
		struct place p = {.asn = atol(asn)};

		if (!parse_net(net, &p.net))
			continue;
		snprintf(
		    p.country, sizeof p.country, "%s", country[0] == '-' ? "" : lower(country));
		g->places = grown(g->places, g->count + 1, sizeof p);
		g->places[g->count++] = p;
	}
	fclose(f);
}

/* ---- looking: clients ---------------------------------------------------------------- */

/* The number of the longest network that holds ip, or -1. */
static long longest(const struct list *l, u128 ip)
{
	enum { BLOCK = 64 };
	uint32_t ip4 = (uint32_t)ip;
	long best = -1;

	if (ip >> 32 != 0xffff) {
		for (size_t i = 0; i < l->net_count; i++)
			if (in_net(ip, &l->nets[i]) &&
			    (best < 0 || l->nets[i].length > l->nets[best].length))
				best = (long)i;
		return best;
	}
	for (size_t from = 0; from < l->count4; from += BLOCK) {
		size_t to = from + BLOCK < l->count4 ? from + BLOCK : l->count4;
		unsigned hits = 0;

		for (size_t i = from; i < to; i++)
			hits += (ip4 & l->mask4[i]) == l->base4[i];
		for (size_t i = from; hits > 0 && i < to; i++)
			if ((ip4 & l->mask4[i]) == l->base4[i] &&
			    (best < 0 || l->nets[l->at4[i]].length > l->nets[best].length))
				best = l->at4[i];
	}
	return best;
}

static const struct place *find_place(const struct geo *g, u128 ip)
{
	for (size_t i = 0; i < g->count; i++)
		if (in_net(ip, &g->places[i].net))
			return &g->places[i];
	return NULL;
}

bool list_holds_ip(const struct list *l, u128 ip, const struct geo *asn, const struct geo *country,
    struct net *matched)
{
	long best = longest(l, ip);
	const struct place *p;

	if (best >= 0) {
		*matched = l->nets[best];
		return !l->net_out[best];
	}
	p = find_place(asn, ip);
	for (size_t i = 0; p && i < l->asn_count; i++) {
		if (l->asn[i] != p->asn)
			continue;
		*matched = p->net;
		return !l->asn_out[i];
	}
	p = find_place(country, ip);
	for (size_t i = 0; p && i < l->country_count; i++) {
		if (strcmp(l->country[i], p->country) != 0)
			continue;
		*matched = p->net;
		return !l->country_out[i];
	}
	return false;
}

/* ---- looking: identities ------------------------------------------------------------- */

enum { LABELS_MAX = 127 };

/* How specific an entry that fits is; 0: it does not fit. */
static int fit(const struct entry *e, const struct who *w)
{
	size_t n = e->local ? strlen(e->local) : 0;
	bool same = e->name && w->name && strcmp(e->name, w->name) == 0;

	switch (e->form) {
	case F_NULL:
		return strcmp(w->text, "<>") == 0 ? 100000 : 0;
	case F_ADDRESS:
		return same && w->local && strcmp(e->local, w->local) == 0 ? 100000 : 0;
	case F_SUB:
		return same && w->local && strncmp(e->local, w->local, n) == 0 && w->local[n] == '+'
			   ? 50000 + (int)n
			   : 0;
	case F_NAME:
		return same ? 10 * labels(e->name) + 1002 : 0;
	case F_BELOW:
		return w->name && is_below(w->name, e->name) ? 10 * labels(e->name) + 1001 : 0;
	case F_TREE:
		return same || (w->name && is_below(w->name, e->name)) ? 10 * labels(e->name) + 1000
								       : 0;
	case F_LOCAL:
		return w->local && strcmp(e->local, w->local) == 0 ? 2 : 0;
	case F_LOGIN:
		return strcmp(e->local, lower(w->text)) == 0 ? 100000 : 0;
	case F_PATTERN:
		return regexec(&e->re, w->text, 0, NULL, 0) == 0 ? 1 : 0;
	}
	return 0;
}

/* Hashes of the name and of all above it. */
static int hashes_above(const char *name, uint64_t out[LABELS_MAX])
{
	int n = 0;

	while (name && n < LABELS_MAX) {
		out[n++] = hash_of(name);
		name = strchr(name, '.');
		name += name != NULL;
	}
	return n;
}

/* A pattern that takes out decides against one that takes in: of equals neither is closer. */
bool list_holds(const struct list *l, const struct who *w)
{
	enum { BLOCK = 64 };
	uint64_t above[LABELS_MAX];
	int n = w->name ? hashes_above(w->name, above) : 0, best = 0;
	bool in = false;

	if (!w->text)
		return false;
	for (size_t from = 0; from < l->count; from += BLOCK) {
		size_t to = from + BLOCK < l->count ? from + BLOCK : l->count;
		unsigned hits = 0;

		for (size_t i = from; i < to; i++) {
			hits += l->hashes[i] == 0; /* no name: local parts, patterns, <> */
			for (int k = 0; k < n; k++)
				hits += l->hashes[i] == above[k];
		}
		for (size_t i = from; hits > 0 && i < to; i++) {
			int fits = fit(&l->entries[i], w);

			if (fits > best || (fits == best && fits > 0 && l->entries[i].out)) {
				best = fits;
				in = !l->entries[i].out;
			}
		}
	}
	return in;
}
