#include "suggest_evidence.h"

/* What a candidate needs on the days that it is chosen by. */
enum { VOTES_MIN = 20, DOMAINS_MIN = 5, DAYS_MIN = 3 };

/* Bad votes for each address that is excepted. */
enum { VOTES_AN_EXCEPTION = 100 };

/* Where susranges refuse already so much of the mail, nothing is to be proposed. */
enum { REFUSED_PER_CENT = 90 };

static const struct suggest_vote *votes_of(
    const struct suggest_chooser *c, uint32_t network, const struct suggest_vote **end)
{
	*end = c->votes->vote + c->first[network + 1];
	return c->votes->vote + c->first[network];
}

/* Good votes of each domain in these networks; whose none are elsewhere is the candidate's own. */
static void count_good(struct suggest_chooser *c, const uint32_t *networks, size_t n)
{
	const struct suggest_vote *vote, *end;

	for (size_t i = 0; i < n; i++)
		for (vote = votes_of(c, networks[i], &end); vote < end; vote++) {
			if (!vote->good)
				continue;
			if (c->good_seen[vote->domain] != c->round)
				c->good_here[vote->domain] = 0;
			c->good_seen[vote->domain] = c->round;
			c->good_here[vote->domain]++;
		}
}

static bool is_own(const struct suggest_chooser *c, uint32_t domain)
{
	return c->good_here[domain] == c->votes->good_votes[domain];
}

/* Takes down the domains that have good votes only here; too many of them are like all others. */
static void find_own(
    struct suggest_chooser *c, const uint32_t *networks, size_t n, struct suggest_range *r)
{
	const struct suggest_vote *vote, *end;

	r->owns = 0;
	for (size_t i = 0; i < n; i++)
		for (vote = votes_of(c, networks[i], &end); vote < end; vote++) {
			unsigned k = 0;

			if (!vote->good || !is_own(c, vote->domain))
				continue;
			while (k < r->owns && r->own[k] != vote->domain)
				k++;
			if (k == SUGGEST_OWN_MAX) {
				r->owns = 0;
				return;
			}
			r->own[k] = vote->domain;
			r->owns += k == r->owns;
		}
}

static bool is_spared(const struct suggest_range *r, uint32_t domain)
{
	for (unsigned k = 0; k < r->owns; k++)
		if (r->own[k] == domain)
			return true;
	return false;
}

static bool is_excepted(const struct suggest_range *r, const struct ip *address)
{
	for (unsigned k = 0; k < r->excepts; k++)
		if (ip_equal(&r->except[k], address))
			return true;
	return false;
}

/* Excepts the address of a network's good votes; false if it is not known or there are too many. */
static bool except(struct suggest_range *r, const struct suggest_network *n)
{
	if (n->more_good || n->good.family == IP_NONE)
		return false;
	if (is_excepted(r, &n->good))
		return true;
	if (r->excepts == SUGGEST_EXCEPT_MAX)
		return false;
	r->except[r->excepts++] = n->good;
	return true;
}

/* Counts bad votes before `until`; false when a good one before it cannot be excepted. */
static bool count_votes(struct suggest_chooser *c, const uint32_t *networks, size_t n,
    uint16_t until, struct suggest_range *r)
{
	const struct suggest_vote *vote, *end;

	c->bad_networks = 0;
	for (size_t i = 0; i < n; i++) {
		const struct suggest_network *network = &c->votes->network[networks[i]];
		unsigned before = r->votes;

		r->messages += network->messages;
		if (network->lost_good)
			return false;
		for (vote = votes_of(c, networks[i], &end); vote < end; vote++) {
			if (vote->day >= until)
				continue;
			if (vote->good) {
				if (!is_spared(r, vote->domain) && !except(r, network))
					return false;
				r->own_votes += is_spared(r, vote->domain);
				continue;
			}
			r->votes++;
			r->weak += vote->weak;
			r->domains += c->bad_seen[vote->domain] != c->round;
			r->days += c->day_seen[vote->day] != c->round;
			c->bad_seen[vote->domain] = c->day_seen[vote->day] = c->round;
		}
		c->bad_networks += r->votes > before;
	}
	r->weighted = suggest_weighted(c->votes, r->votes, r->weak);
	return true;
}

void suggest_count_held_out(
    const struct suggest_chooser *c, const uint32_t *networks, size_t n, struct suggest_range *r)
{
	const struct suggest_vote *vote, *end;

	for (size_t i = 0; i < n; i++)
		for (vote = votes_of(c, networks[i], &end); vote < end; vote++) {
			const struct suggest_network *network = &c->votes->network[networks[i]];

			if (vote->day < c->found->held_out)
				continue;
			r->held_weak += vote->weak;
			if (!vote->good)
				r->held_bad++;
			else if (!is_spared(r, vote->domain) &&
				 (network->more_good || !is_excepted(r, &network->good)))
				r->held_good++;
		}
}

static bool is_refused_already(const struct suggest_chooser *c, const uint32_t *networks, size_t n)
{
	uint64_t messages = 0, refused = 0;

	for (size_t i = 0; i < n; i++) {
		messages += c->votes->network[networks[i]].messages;
		refused += c->votes->network[networks[i]].refused;
	}
	return refused * 100 >= messages * REFUSED_PER_CENT;
}

/* A wider candidate has them, or some of them, with exceptions that would not hold in another. */
static bool is_covered(const struct suggest_chooser *c, const uint32_t *networks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c->covered[networks[i]])
			return true;
	return false;
}

bool suggest_is_candidate(
    struct suggest_chooser *c, const uint32_t *networks, size_t n, struct suggest_range *r)
{
	if (is_covered(c, networks, n))
		return false;
	c->round++;
	r->networks = (unsigned)n;
	count_good(c, networks, n);
	find_own(c, networks, n, r);
	return count_votes(c, networks, n, c->found->held_out, r) && r->weighted >= VOTES_MIN &&
	       r->domains >= DOMAINS_MIN && r->days >= DAYS_MIN &&
	       r->weighted >= r->excepts * VOTES_AN_EXCEPTION &&
	       !is_refused_already(c, networks, n);
}

bool suggest_count_all(
    struct suggest_chooser *c, const uint32_t *networks, size_t n, struct suggest_range *r)
{
	r->votes = r->weak = r->domains = r->days = r->own_votes = 0;
	r->messages = 0;
	c->round++;
	return count_votes(c, networks, n, SUGGEST_DAYS_MAX, r);
}
