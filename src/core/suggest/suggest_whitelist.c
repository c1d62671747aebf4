#include "core/suggest/suggest_whitelist.h"

#include "core/base/array.h"
#include "core/base/fnv.h"
#include "core/base/table.h"

#include <stdlib.h>

/* 24 bytes each, 96 MB: refused mail with proof, and what speaks against it. */
enum { EVENTS_MAX = 1 << 22 };

/* Clients whose mail was refused with proof: what is said of others is of no use. */
enum { CLIENTS_MAX = 1 << 18 };

enum { DAYS_MIN = 3, RECIPIENTS_MIN = 3, CLIENT_DOMAINS_MIN = 2 };

/* One refused message with proof, or one that speaks against its domain and client. */
struct event {
	uint32_t domain; /* the sender's, as it stands */
	uint32_t organization;
	uint32_t client;
	uint32_t recipient; /* a hash */
	uint32_t count;
	uint16_t day;
	bool right;
	bool by_spf;
};

struct suggest_whitelist {
	struct suggest_votes *votes; /* for the days, and which domains are known */
	struct suggest_domains *domains;
	uint64_t seed;
	struct ip *client;
	uint32_t clients;
	size_t client_room;
	struct table index; /* of clients */
	struct event *event;
	size_t events, event_room;
	uint64_t lost;
	struct suggest_entries entries;
	size_t entry_room;
	bool searched, no_memory;
};

/* ---- life ---------------------------------------------------------------------------- */

struct suggest_whitelist *suggest_whitelist_create(uint64_t seed, const struct idna *idna)
{
	struct suggest_whitelist *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->seed = seed;
	w->votes = suggest_votes_create(seed, idna);
	w->domains = suggest_domains_create(seed, idna, false);
	if (!w->votes || !w->domains)
		suggest_whitelist_free(&w);
	return w;
}

void suggest_whitelist_free(struct suggest_whitelist **whitelist)
{
	struct suggest_whitelist *w = *whitelist;

	if (!w)
		return;
	suggest_votes_free(&w->votes);
	suggest_domains_free(&w->domains);
	free(w->client);
	table_free(&w->index);
	free(w->event);
	free(w->entries.entry);
	free(w);
	*whitelist = NULL;
}

uint64_t suggest_whitelist_lost(const struct suggest_whitelist *w)
{
	return w->lost + w->votes->lost;
}

/* ---- events -------------------------------------------------------------------------- */

static bool is_client(const void *clients, uint32_t number, const void *client)
{
	return ip_equal((const struct ip *)clients + number, client);
}

/* The number of a client; TABLE_NONE when it has none and is not to have one, or there is no room.
 */
static uint32_t number_of_client(struct suggest_whitelist *w, const struct ip *client, bool add)
{
	const uint64_t words[3] = {client->hi, client->lo, (uint64_t)client->family};
	uint64_t hash = fnv(FNV_START ^ w->seed, slice_of((const char *)words, sizeof words));
	uint32_t number = table_find(&w->index, hash, is_client, w->client, client);

	if (number != TABLE_NONE || !add)
		return number;
	if (w->clients == CLIENTS_MAX || !ARRAY_ROOM(w->client, w->client_room, w->clients + 1UL) ||
	    !table_reserve(&w->index)) {
		w->lost++;
		return TABLE_NONE;
	}
	w->client[w->clients] = *client;
	table_add(&w->index, hash, w->clients);
	return w->clients++;
}

static void add_event(struct suggest_whitelist *w, const struct event *event)
{
	if (w->events == EVENTS_MAX || !ARRAY_ROOM(w->event, w->event_room, w->events + 1))
		w->lost++;
	else
		w->event[w->events++] = *event;
}

static bool is_refused_by_range(const struct decision_row *row)
{
	return row->final && row->action == ACTION_REJECT && row->family == FAMILY_SUSRANGES;
}

/* What speaks against a domain or a client: blocks, or a proof that fails. */
static bool is_wrong(const struct decision_row *row)
{
	bool blocked = row->final && row->action == ACTION_REJECT && row->family == FAMILY_BLOCKS &&
		       !(row->has_identity && row->identity == IDENTITY_RECIPIENT);

	return blocked || (row->stage == STAGE_END && row->dmarc_state == FACT_KNOWN &&
			      row->dmarc == DMARC_V_FAIL);
}

static bool is_right_by_spf(const struct decision_row *row)
{
	return row->spf_state == FACT_KNOWN && row->spf == SPFR_PASS;
}

void suggest_whitelist_row(struct suggest_whitelist *w, const struct decision_row *row)
{
	bool refused = is_refused_by_range(row), spf = is_right_by_spf(row);
	bool right = refused && (spf || decision_row_is_proven(row));
	struct event e = {.count = (uint32_t)row->count, .right = right, .by_spf = spf};

	suggest_votes_row(w->votes, row);
	w->entries.unproven += refused && !right && row->spf_state != FACT_KNOWN ? row->count : 0;
	if ((!right && !is_wrong(row)) || row->client.family == IP_NONE)
		return;
	if (right)
		suggest_votes_know(w->votes, row->text[ROW_SENDER]);
	e.day = w->votes->day;
	e.domain = right ? suggest_domains_add(w->domains, row->text[ROW_SENDER])
			 : suggest_domains_find(w->domains, row->text[ROW_SENDER]);
	e.organization = suggest_domains_find(w->votes->domains, row->text[ROW_SENDER]);
	e.client = number_of_client(w, &row->client, right);
	e.recipient = (uint32_t)(fnv(FNV_START ^ w->seed, row->text[ROW_RECIPIENT]) >> 16);
	/* Of a forged domain's mail it is the client whom it speaks against. */
	if (!right && is_wrong(row) && row->family != FAMILY_BLOCKS)
		e.domain = SUGGEST_NO_DOMAIN;
	if (e.client != TABLE_NONE || e.domain != SUGGEST_NO_DOMAIN)
		add_event(w, &e);
}

/* ---- entries ------------------------------------------------------------------------- */

static int compare(uint64_t one, uint64_t other)
{
	return (one > other) - (one < other);
}

/* Within a domain by day and client. */
static int by_domain(const void *a, const void *b)
{
	const struct event *one = a, *other = b;
	int order = compare(one->domain, other->domain);

	order = order ? order : compare(one->day, other->day);
	return order ? order : compare(one->client, other->client);
}

/* Within a client by day and organization. */
static int by_client(const void *a, const void *b)
{
	const struct event *one = a, *other = b;
	int order = compare(one->client, other->client);

	order = order ? order : compare(one->day, other->day);
	return order ? order : compare(one->organization, other->organization);
}

/* Different numbers among the first so many; more count as one more. */
enum { DISTINCT_MAX = 256 };
struct distinct {
	uint32_t seen[DISTINCT_MAX];
	unsigned count;
};

static void note_distinct(struct distinct *d, uint32_t value)
{
	for (unsigned i = 0; i < d->count; i++)
		if (d->seen[i] == value)
			return;
	if (d->count < DISTINCT_MAX)
		d->seen[d->count++] = value;
}

/* What the events of one domain or client say. */
struct evidence {
	struct suggest_entry entry;
	unsigned wrong, learned, learned_days;
	bool by_spf; /* all that is right */
	struct distinct recipients, learned_recipients, clients, organizations;
};

static void add_up(const struct suggest_whitelist *w, const struct event *event, size_t n,
    uint16_t held_out, bool of_domain, struct evidence *e)
{
	int day = -1;
	uint32_t last = UINT32_MAX;

	memset(e, 0, sizeof *e);
	e->by_spf = true;
	for (size_t i = 0; i < n; i++) {
		uint32_t party = of_domain ? event[i].client : event[i].organization;
		bool learned = event[i].day < held_out, vote = event[i].day != day || party != last;

		if (!event[i].right) {
			e->entry.held_wrong += !learned;
			e->wrong += learned;
			continue;
		}
		if (!suggest_is_known(w->votes, event[i].organization, event[i].day))
			continue;
		e->entry.messages += event[i].count;
		e->by_spf &= event[i].by_spf;
		e->entry.days += event[i].day != day;
		e->learned_days += event[i].day != day && learned;
		e->entry.votes += vote;
		e->learned += vote && learned;
		e->entry.held_right += vote && !learned;
		note_distinct(&e->recipients, event[i].recipient);
		if (learned)
			note_distinct(&e->learned_recipients, event[i].recipient);
		note_distinct(&e->clients, event[i].client);
		note_distinct(&e->organizations, event[i].organization);
		day = event[i].day;
		last = party;
	}
	e->entry.recipients = e->recipients.count;
	e->entry.clients = e->clients.count;
	e->entry.domains = e->organizations.count;
}

static bool is_candidate(const struct evidence *e)
{
	return e->wrong == 0 && e->learned_days >= DAYS_MIN &&
	       e->learned_recipients.count >= RECIPIENTS_MIN;
}

/* Tried on the days that were held out; false when they contradict it. */
static bool take(struct suggest_whitelist *w, struct evidence *e)
{
	struct suggest_entries *s = &w->entries;

	s->held_right += e->entry.held_right;
	s->held_wrong += e->entry.held_wrong;
	if (e->entry.held_wrong > 0) {
		s->contradicted++;
		return false;
	}
	if (!ARRAY_ROOM(s->entry, w->entry_room, s->count + 1)) {
		w->no_memory = true;
		return false;
	}
	e->entry.bound = suggest_bound(e->entry.votes, e->entry.votes);
	e->entry.claimed = suggest_may_claim(e->entry.votes);
	s->entry[s->count++] = e->entry;
	return true;
}

/* Domains; events that an entry covers are of no domain and no client any more. */
static void find_domains(struct suggest_whitelist *w, uint16_t held_out, struct evidence *e)
{
	for (size_t i = 0, end; i < w->events; i = end) {
		struct event *event = &w->event[i];

		for (end = i; end < w->events && w->event[end].domain == event->domain; end++)
			;
		if (event->domain == SUGGEST_NO_DOMAIN)
			continue;
		add_up(w, event, end - i, held_out, true, e);
		e->entry.domain = suggest_domains_name(w->domains, event->domain);
		if (!e->by_spf || !is_candidate(e) || !take(w, e))
			continue;
		for (size_t k = i; k < end; k++)
			w->event[k].client = TABLE_NONE;
	}
}

static void find_clients(struct suggest_whitelist *w, uint16_t held_out, struct evidence *e)
{
	for (size_t i = 0, end; i < w->events; i = end) {
		const struct event *event = &w->event[i];

		for (end = i; end < w->events && w->event[end].client == event->client; end++)
			;
		if (event->client == TABLE_NONE)
			continue;
		add_up(w, event, end - i, held_out, false, e);
		e->entry.address = w->client[event->client];
		if (is_candidate(e) && (e->entry.domains >= CLIENT_DOMAINS_MIN || !e->by_spf))
			take(w, e);
	}
}

static int domains_first(const void *a, const void *b)
{
	const struct suggest_entry *one = a, *other = b;

	if ((one->domain.len > 0) != (other->domain.len > 0))
		return one->domain.len > 0 ? -1 : 1;
	return -compare(one->votes, other->votes);
}

static uint16_t first_held_out(const struct suggest_whitelist *w)
{
	bool has[SUGGEST_DAYS_MAX] = {false};

	for (size_t i = 0; i < w->events; i++)
		has[w->event[i].day] = true;
	return suggest_first_held_out(has);
}

const struct suggest_entries *suggest_whitelist_find(struct suggest_whitelist *w)
{
	struct suggest_entries *s = &w->entries;
	struct evidence *e = w->searched ? NULL : malloc(sizeof *e);
	uint16_t held_out = first_held_out(w);

	if (!e)
		return w->searched ? s : NULL;
	w->searched = true;
	if (w->events > 1)
		qsort(w->event, w->events, sizeof *w->event, by_domain);
	find_domains(w, held_out, e);
	if (w->events > 1)
		qsort(w->event, w->events, sizeof *w->event, by_client);
	find_clients(w, held_out, e);
	if (s->count > 1)
		qsort(s->entry, s->count, sizeof *s->entry, domains_first);
	free(e);
	w->searched = !w->no_memory && !w->votes->no_memory;
	return w->searched ? s : NULL;
}
