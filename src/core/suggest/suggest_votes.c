#include "core/suggest/suggest_votes.h"

#include "core/base/array.h"
#include "core/base/fnv.h"

#include <math.h>
#include <stdlib.h>

/* 12 and 80 bytes each: some 180 MB when all are there. */
enum { VOTES_MAX = 1 << 23, NETWORKS_MAX = 1 << 20 };

/* So many votes of a day are looked through for those that are the same. */
enum { SETTLE_MANY = 1 << 20 };

enum { NETWORK_V4 = 24, NETWORK_V6 = 48 };

#define DAY_MS INT64_C(86400000)

/* ---- life ---------------------------------------------------------------------------- */

struct suggest_votes *suggest_votes_create(uint64_t seed, const struct idna *idna)
{
	struct suggest_votes *v = calloc(1, sizeof *v);

	if (!v)
		return NULL;
	*v = (struct suggest_votes){.seed = seed};
	v->domains = suggest_domains_create(seed, idna, true);
	if (!v->domains)
		suggest_votes_free(&v);
	return v;
}

void suggest_votes_free(struct suggest_votes **votes)
{
	struct suggest_votes *v = *votes;

	if (!v)
		return;
	suggest_domains_free(&v->domains);
	free(v->network);
	table_free(&v->index);
	free(v->vote);
	free(v->known_since);
	free(v->good_votes);
	free(v);
	*votes = NULL;
}

/* ---- domains ------------------------------------------------------------------------- */

static bool room_for_domain(struct suggest_votes *v, uint32_t domain)
{
	uint32_t room = v->known_room ? v->known_room : 1024;
	int32_t *since;

	if (domain < v->known_room)
		return true;
	while (room <= domain)
		room *= 2;
	since = realloc(v->known_since, room * sizeof *since);
	if (!since) {
		v->no_memory = true;
		return false;
	}
	for (uint32_t i = v->known_room; i < room; i++)
		since[i] = INT32_MAX;
	v->known_since = since;
	v->known_room = room;
	return true;
}

void suggest_votes_know(struct suggest_votes *v, struct slice address)
{
	uint32_t domain = suggest_domains_add(v->domains, address);

	if (domain != SUGGEST_NO_DOMAIN && room_for_domain(v, domain) &&
	    v->known_since[domain] > v->day)
		v->known_since[domain] = v->day;
}

bool suggest_is_known(const struct suggest_votes *v, uint32_t domain, uint16_t day)
{
	int32_t latest = (int32_t)day - SUGGEST_KNOWN_DAYS;

	return domain < v->known_room && v->known_since[domain] <= (latest > 1 ? latest : 1);
}

/* ---- networks ------------------------------------------------------------------------ */

static bool is_network(const void *networks, uint32_t number, const void *prefix)
{
	return prefix_equal(&((const struct suggest_network *)networks)[number].prefix, prefix);
}

/* The network of the client, or NULL when there is no room for another. */
static struct suggest_network *network_of(struct suggest_votes *v, const struct decision_row *row)
{
	struct prefix p =
	    prefix_of(&row->client, row->client.family == IP_V6 ? NETWORK_V6 : NETWORK_V4);
	uint64_t hash =
	    fnv(fnv(FNV_START ^ v->seed, slice_of((const char *)&p.base.hi, sizeof p.base.hi)),
		slice_of((const char *)&p.length, sizeof p.length));
	uint32_t number = table_find(&v->index, hash, is_network, v->network, &p);

	if (number != TABLE_NONE)
		return &v->network[number];
	if (v->networks == NETWORKS_MAX ||
	    !ARRAY_ROOM(v->network, v->network_room, v->networks + 1UL) ||
	    !table_reserve(&v->index)) {
		v->lost++;
		return NULL;
	}
	number = v->networks++;
	v->network[number] = (struct suggest_network){.prefix = p, .asn = row->asn};
	memcpy(v->network[number].country, row->country, sizeof row->country);
	table_add(&v->index, hash, number);
	return &v->network[number];
}

/* ---- votes --------------------------------------------------------------------------- */

/* By network and domain, good ones first and weak ones last. */
static int compare_votes(const void *a, const void *b)
{
	const struct suggest_vote *one = a, *other = b;

	if (one->network != other->network)
		return one->network < other->network ? -1 : 1;
	if (one->domain != other->domain)
		return one->domain < other->domain ? -1 : 1;
	if (one->good != other->good)
		return (int)other->good - (int)one->good;
	return (int)one->weak - (int)other->weak;
}

/* Of one domain, day and network one vote stays: good, if one was. */
static void settle(struct suggest_votes *v)
{
	struct suggest_vote *vote = v->vote + v->settled;
	size_t n = v->votes - v->settled, kept = 0;

	if (n == 0)
		return;
	qsort(vote, n, sizeof *vote, compare_votes);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || vote[kept - 1].network != vote[i].network ||
		    vote[kept - 1].domain != vote[i].domain)
			vote[kept++] = vote[i];
	v->votes = v->settled + kept;
}

static bool grow_votes(struct suggest_votes *v)
{
	if (v->votes - v->settled >= SETTLE_MANY || v->votes >= VOTES_MAX)
		settle(v);
	return v->votes < VOTES_MAX && ARRAY_ROOM(v->vote, v->vote_room, v->votes + 1);
}

enum vote_kind { VOTE_GOOD, VOTE_BAD, VOTE_WEAK };

static void add_vote(struct suggest_votes *v, struct suggest_network *n,
    const struct decision_row *row, struct slice address, enum vote_kind kind)
{
	uint32_t domain = suggest_domains_find(v->domains, address);
	bool good = kind == VOTE_GOOD;

	if (domain == SUGGEST_NO_DOMAIN || !suggest_is_known(v, domain, v->day))
		return;
	if (good) {
		n->more_good |= n->good.family != IP_NONE && !ip_equal(&n->good, &row->client);
		n->good = row->client;
	}
	if (v->votes == v->vote_room && !grow_votes(v)) {
		v->lost++;
		n->lost_good |= good;
		return;
	}
	v->vote[v->votes++] = (struct suggest_vote){
	    (uint32_t)(n - v->network), domain, v->day, good, kind == VOTE_WEAK};
}

/* ---- rows ---------------------------------------------------------------------------- */

/* Refused for what the mail is, in monitor mode, too; not for whom it was to. */
static bool is_refused_as_bad(const struct decision_row *row)
{
	bool about_recipient = row->has_identity && row->identity == IDENTITY_RECIPIENT;

	return row->final && !about_recipient &&
	       (row->action == ACTION_REJECT || row->action == ACTION_QUARANTINE) &&
	       ((row->family == FAMILY_BLOCKS && row->reason == REASON_RULE) ||
		   row->reason == REASON_SPF_FAIL || row->reason == REASON_DMARC_FAIL);
}

static bool is_refused_by_range(const struct decision_row *row)
{
	return row->final && row->action == ACTION_REJECT && row->family == FAMILY_SUSRANGES;
}

/* The end of a message says most; RCPT only what was refused there. */
static void vote_by(
    struct suggest_votes *v, struct suggest_network *n, const struct decision_row *row)
{
	struct slice from = row->text[ROW_FROM], sender = row->text[ROW_SENDER];
	bool end = row->stage == STAGE_END, spf = row->spf_state == FACT_KNOWN;
	bool dmarc = end && row->dmarc_state == FACT_KNOWN;
	bool evaluated = dmarc || (row->flags & ROW_EVALUATED) != 0;

	if (dmarc && row->dmarc == DMARC_V_FAIL)
		add_vote(v, n, row, from, VOTE_BAD);
	else if (is_refused_as_bad(row))
		add_vote(v, n, row, sender, VOTE_WEAK);
	else if (end && decision_row_is_proven(row))
		add_vote(v, n, row, from, VOTE_GOOD);
	else if (spf && row->spf == SPFR_FAIL && (end || is_refused_by_range(row)))
		add_vote(v, n, row, sender, evaluated ? VOTE_BAD : VOTE_WEAK);
	else if (spf && row->spf == SPFR_PASS && is_refused_by_range(row))
		add_vote(v, n, row, sender, VOTE_GOOD);
}

/* A day has begun; what is dated back counts for this one. */
static void begin_day(struct suggest_votes *v, int64_t day)
{
	int64_t index;

	if (v->rows == 0)
		v->first_day = day;
	index = day - v->first_day;
	if (index <= v->day)
		return;
	settle(v);
	v->settled = v->votes;
	v->day = (uint16_t)(index < SUGGEST_DAYS_MAX ? index : SUGGEST_DAYS_MAX - 1);
}

void suggest_votes_row(struct suggest_votes *v, const struct decision_row *row)
{
	struct suggest_network *n;

	begin_day(v, row->time_ms / DAY_MS);
	v->rows++;
	if (row->client.family == IP_NONE || row->auth_state == FACT_KNOWN ||
	    row->family == FAMILY_TRUSTED || (row->stage != STAGE_RCPT && row->stage != STAGE_END))
		return;
	n = network_of(v, row);
	if (!n)
		return;
	n->messages += row->count;
	n->refused += is_refused_by_range(row) ? row->count : 0;
	vote_by(v, n, row);
	if (!row->final || row->action == ACTION_ACCEPT) {
		v->ends += row->stage == STAGE_END;
		v->evaluated += row->stage == STAGE_END && row->dmarc_state == FACT_KNOWN;
		suggest_votes_know(v, row->text[ROW_SENDER]);
		if (row->text[ROW_FROM].len > 0)
			suggest_votes_know(v, row->text[ROW_FROM]);
	}
}

/* ---- the end ------------------------------------------------------------------------- */

static int compare_networks(const void *a, const void *b)
{
	return prefix_compare(&((const struct suggest_network *)a)->prefix,
	    &((const struct suggest_network *)b)->prefix);
}

/* Networks in the order of their addresses; votes follow. */
static bool sort_networks(struct suggest_votes *v)
{
	uint32_t *place = malloc((v->networks + 1UL) * sizeof *place);
	struct prefix *before = malloc((v->networks + 1UL) * sizeof *before);
	bool ok = place && before;

	for (uint32_t i = 0; ok && i < v->networks; i++)
		before[i] = v->network[i].prefix;
	if (ok && v->networks > 1)
		qsort(v->network, v->networks, sizeof *v->network, compare_networks);
	for (uint32_t i = 0; ok && i < v->networks; i++) {
		const struct suggest_network key = {.prefix = before[i]};
		const struct suggest_network *now =
		    bsearch(&key, v->network, v->networks, sizeof key, compare_networks);

		place[i] = (uint32_t)(now - v->network);
	}
	for (size_t i = 0; ok && i < v->votes; i++)
		v->vote[i].network = place[v->vote[i].network];
	free(place);
	free(before);
	return ok;
}

bool suggest_votes_end(struct suggest_votes *v)
{
	uint32_t domains = suggest_domains_count(v->domains);

	settle(v);
	v->good_votes = calloc(domains + 1UL, sizeof *v->good_votes);
	if (!v->good_votes || !sort_networks(v))
		return false;
	if (v->votes > 1)
		qsort(v->vote, v->votes, sizeof *v->vote, compare_votes);
	for (size_t i = 0; i < v->votes; i++)
		v->good_votes[v->vote[i].domain] += v->vote[i].good;
	/* Good mail of a domain that had no place would be no counter-example. */
	return !v->no_memory && !suggest_domains_full(v->domains);
}

double suggest_share(const struct suggest_votes *v)
{
	return v->ends > 0 ? (double)v->evaluated / (double)v->ends : 0;
}

unsigned suggest_weighted(const struct suggest_votes *v, unsigned votes, unsigned weak)
{
	return votes - weak + (unsigned)(suggest_share(v) * weak);
}

uint16_t suggest_first_held_out(const bool has[SUGGEST_DAYS_MAX])
{
	unsigned days = 0, before = 0;
	uint16_t day = 0;

	for (unsigned i = 0; i < SUGGEST_DAYS_MAX; i++)
		days += has[i];
	while (day < SUGGEST_DAYS_MAX && before * 3 < days * 2)
		before += has[day++];
	return day;
}

double suggest_bound(uint64_t right, uint64_t all)
{
	const double z = 1.644854; /* of 95 %, one-sided */
	double n = (double)all, share = all > 0 ? (double)right / n : 0;

	if (all == 0)
		return 0;
	return (share + z * z / (2 * n) - z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))) /
	       (1 + z * z / n);
}

bool suggest_may_claim(uint64_t observations)
{
	return observations >= SUGGEST_CLAIM_VOTES &&
	       suggest_bound(observations, observations) >= 0.99;
}
