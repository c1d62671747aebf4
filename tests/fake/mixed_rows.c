#include "fake/mixed_rows.h"

#include <stdio.h>
#include <stdlib.h>

#define BEGIN_MS  INT64_C(1795000000000)
#define ARENA_MAX ((size_t)256 << 20)

const char *const mixed_clients[] = {"192.0.2.1", "192.0.2.7", "192.0.2.8", "192.0.2.130",
    "198.51.100.1", "198.51.100.77", "203.0.113.9", "203.0.113.255", "10.1.2.3", "2001:db8::1",
    "2001:db8:0:1::7", "2001:db8:ffff::", "fe80::1", NULL};
const char *const mixed_networks[] = {"192.0.2.0/24", "192.0.2.0/29", "192.0.2.7", "192.0.2.8/29",
    "192.0.2.1-192.0.2.9", "198.51.100.0/25", "198.51.100.64/26", "203.0.113.0/24", "203.0.113.255",
    "10.0.0.0/8", "0.0.0.0/1", "2001:db8::/32", "2001:db8::/64", "2001:db8:0:1::/64", "2001:db8::1",
    "fe80::/10", NULL};
const char *const mixed_names[] = {"mx.a.example", "mx1.sub.a.example", "b.example", "localhost",
    "host.c.test", "MX.A.Example.", "[192.0.2.1]", "not a name", "b\303\274cher.example",
    "dyn-1.isp.test", NULL};
const char *const mixed_domains[] = {"a.example", "sub.a.example", "mx.a.example", "b.example",
    "c.test", "test", "example", "b\303\274cher.example", "isp.test", "localhost", NULL};
const char *const mixed_addresses[] = {"u@a.example", "v@a.example", "u+x@a.example", "U@B.example",
    "\"w\"@sub.a.example", "<>", "x@c.test", "y+tag@c.test", "m\303\274ller@b\303\274cher.example",
    "M\303\234LLER@xn--bcher-kva.example", "z@[192.0.2.1]", "postmaster", "no@address@b.example",
    NULL};
const char *const mixed_patterns[] = {
    "[uv]@.*", ".*\\\\.test", "dyn-[0-9]+\\\\..*", ".*\\\\+.*", "m.ller@.*", "<>", ".*", NULL};

uint64_t mixed_draw(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct making {
	struct mixed_rows *m;
	size_t room;
	uint64_t state;
};

static unsigned below(struct making *g, unsigned n)
{
	return (unsigned)(mixed_draw(&g->state) % n);
}

static bool chance(struct making *g, unsigned per_cent)
{
	return below(g, 100) < per_cent;
}

static struct slice one_of(struct making *g, const char *const *list)
{
	unsigned n = 0;

	while (list[n])
		n++;
	return slice_str(list[below(g, n)]);
}

static void identity(
    struct making *g, struct decision_row *row, enum identity_kind kind, const char *const *list)
{
	static const enum fact_state others[] = {FACT_ABSENT, FACT_FAILED, FACT_UNKNOWN};

	row->state[kind] = chance(g, 85) ? FACT_KNOWN : others[below(g, 3)];
	row->text[kind] = row->state[kind] == FACT_KNOWN ? one_of(g, list) : slice_of(NULL, 0);
}

static void draw_spf(struct making *g, struct decision_row *row)
{
	static const enum fact_state states[] = {
	    FACT_UNKNOWN, FACT_KNOWN, FACT_KNOWN, FACT_KNOWN, FACT_FAILED, FACT_UNDER_WAY};

	row->spf_state = states[below(g, 6)];
	row->spf_late = row->spf_state == FACT_UNDER_WAY || chance(g, 5);
	row->spf = (enum spf_result)below(g, SPFR_PERMERROR + 1);
	row->spf_sends_no_mail = row->spf == SPFR_FAIL && chance(g, 20);
}

static void draw_end(struct making *g, struct decision_row *row)
{
	static const char *const signatures[] = {"", "pass:a.example", "fail:a.example",
	    "pass:c.test pass:b.example", "temperror:sub.a.example", "pass~:xn--bcher-kva.example",
	    NULL};

	row->stage = STAGE_END;
	row->author_state = chance(g, 90) ? FACT_KNOWN : FACT_UNKNOWN;
	row->author = chance(g, 80) ? FROM_ONE : (enum from_kind)below(g, FROM_BAD + 1);
	identity(g, row, IDENTITY_FROM, chance(g, 80) ? mixed_addresses : mixed_domains);
	row->dkim_state = chance(g, 60) ? FACT_KNOWN : chance(g, 50) ? FACT_UNKNOWN : FACT_FAILED;
	if (row->dkim_state == FACT_KNOWN)
		row->text[ROW_DKIM] = one_of(g, signatures);
	row->dmarc_state = chance(g, 60) ? FACT_KNOWN : chance(g, 50) ? FACT_UNKNOWN : FACT_FAILED;
	row->dmarc = (enum dmarc_verdict)below(g, DMARC_V_PERMERROR + 1);
	row->dmarc_published = row->dmarc_policy = (enum dmarc_policy)below(g, DMARC_P_REJECT + 1);
	row->dmarc_may_be_aligned = chance(g, 10);
}

static void refuse(struct making *g, struct decision_row *row)
{
	row->final = true;
	row->action = chance(g, 80) ? ACTION_REJECT : ACTION_TEMPFAIL;
	row->family = FAMILY_BLOCKS;
	row->reason = REASON_RULE;
	row->code = 550;
	row->text[ROW_RULE] = SLICE("then");
	row->text[ROW_REPLY] = SLICE("5.7.1 no");
}

static bool add(struct making *g, const struct decision_row *row)
{
	struct mixed_rows *m = g->m;

	if (m->count == g->room)
		return false;
	m->row[m->count++] = *row;
	return true;
}

static void next_time(struct making *g, struct decision_row *row)
{
	row->time_ms += 1 + below(g, chance(g, 2) ? 900000 : 3000);
}

static void recipients(struct making *g, struct decision_row *row)
{
	unsigned n = chance(g, 60) ? 1 : 1 + below(g, 4);
	bool accepted = false;

	for (unsigned i = 0; i < n; i++) {
		struct decision_row one;

		next_time(g, row);
		one = *row;
		one.stage = STAGE_RCPT;
		identity(g, &one, IDENTITY_RECIPIENT, mixed_addresses);
		row->text[ROW_RECIPIENT] = one.text[ROW_RECIPIENT];
		row->state[IDENTITY_RECIPIENT] = one.state[IDENTITY_RECIPIENT];
		if (chance(g, 40)) {
			refuse(g, &one);
			if (chance(g, 10))
				one.flags = chance(g, 50) ? ROW_FOLDED : ROW_EXAMPLE;
			one.count = one.flags != ROW_EXAMPLE && chance(g, 10) ? 1 + below(g, 5) : 1;
		} else {
			accepted = true;
		}
		add(g, &one);
	}
	if (!accepted || chance(g, 15))
		return;
	next_time(g, row);
	draw_end(g, row);
	if (chance(g, 15))
		refuse(g, row);
	add(g, row);
}

static void session(struct making *g)
{
	struct decision_row row = {.time_ms = BEGIN_MS + below(g, 1 + (unsigned)g->room * 400),
	    .count = 1,
	    .generation = 1,
	    .tls = (enum tls_version)below(g, TLS_COUNT),
	    .auth_state = chance(g, 10) ? FACT_KNOWN : FACT_ABSENT};
	unsigned transactions = chance(g, 80) ? 1 : 2 + below(g, 2);
	struct slice client = one_of(g, mixed_clients);

	row.text[ROW_SESSION] =
	    arena_printf(g->m->arena, "s%015llx", (unsigned long long)mixed_draw(&g->state) >> 4);
	if (row.auth_state == FACT_KNOWN)
		row.text[ROW_AUTH] = SLICE("somebody");
	if (!chance(g, 2))
		ip_parse(client, &row.client);
	identity(g, &row, IDENTITY_CLIENT_NAME, mixed_names);
	identity(g, &row, IDENTITY_HELO, mixed_names);
	if (chance(g, 3)) {
		struct decision_row refused = row;

		refused.stage = STAGE_CONNECT;
		refuse(g, &refused);
		add(g, &refused);
	}
	for (unsigned t = 1; t <= transactions; t++) {
		struct decision_row one = row;

		one.transaction = t;
		identity(g, &one, IDENTITY_SENDER, mixed_addresses);
		draw_spf(g, &one);
		if (chance(g, 5)) {
			one.stage = STAGE_MAIL;
			add(g, &one);
		}
		if (!chance(g, 3))
			recipients(g, &one);
		row.time_ms = one.time_ms;
		next_time(g, &row);
	}
}

static int by_time(const void *one, const void *other)
{
	const struct decision_row *a = one, *b = other;

	if (a->time_ms != b->time_ms)
		return a->time_ms < b->time_ms ? -1 : 1;
	return slice_compare(a->text[ROW_SESSION], b->text[ROW_SESSION]);
}

struct mixed_rows *mixed_rows_create(uint64_t seed, size_t rows)
{
	struct mixed_rows *m = calloc(1, sizeof *m);
	struct making g = {.m = m, .room = rows, .state = seed};

	if (!m)
		abort();
	m->row = calloc(rows, sizeof *m->row);
	m->arena = arena_create(ARENA_MAX);
	if (!m->row || !m->arena)
		abort();
	while (m->count < rows)
		session(&g);
	qsort(m->row, m->count, sizeof *m->row, by_time);
	return m;
}

void mixed_rows_hide(struct mixed_rows *m, bool hashed)
{
	static const enum identity_kind kinds[] = {
	    IDENTITY_SENDER, IDENTITY_FROM, IDENTITY_RECIPIENT};

	for (size_t i = 0; i < m->count; i++)
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
			struct slice *text = &m->row[i].text[kinds[k]];
			size_t at = slice_find_last(*text, '@');
			char hash[] = "~aaaaaaaaaaaaa";

			if (at == text->len)
				continue;
			for (size_t c = 0; c < at; c++)
				hash[1 + c % 13] =
				    (char)('a' + (hash[1 + c % 13] + text->ptr[c] + 256) % 26);
			*text = arena_printf(m->arena, "%s%.*s", hashed ? hash : "",
			    SLICE_ARG(slice_skip(*text, at)));
		}
}

void mixed_rows_free(struct mixed_rows **rows)
{
	arena_free(&(*rows)->arena);
	free((*rows)->row);
	free(*rows);
	*rows = NULL;
}
