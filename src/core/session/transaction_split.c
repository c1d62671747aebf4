/*
 * Recipients that disagree (SPEC 4): their message was answered 451, and when it comes again those
 * of another kind than the first are asked to come in a message of their own.
 */
#include "core/base/fnv.h"
#include "transaction_state.h"

/* A large sender tries again from another host of its network: so much of it is compared. */
enum { SPLIT_NETWORK_V4 = 16, SPLIT_NETWORK_V6 = 32 };

/* The number under which a disagreement of this recipient with others is remembered. */
static uint64_t split_key(const struct session *s, const struct identity *recipient, bool alone)
{
	const struct ip *client = &s->facts.client;
	struct slice sender = s->facts.id[IDENTITY_SENDER].folded;
	struct prefix network =
	    prefix_of(client, client->family == IP_V6 ? SPLIT_NETWORK_V6 : SPLIT_NETWORK_V4);
	uint64_t h = FNV_START;

	h = fnv(h, slice_of((const char *)&network.base.hi, sizeof network.base.hi));
	h = fnv(h, sender);
	h = fnv(h, alone ? SLICE("\1") : SLICE("\0"));
	return fnv(h, recipient->folded);
}

static bool same_kind(const struct recipient *a, const struct recipient *b)
{
	return a->exempt == b->exempt && a->switches == b->switches;
}

/* What was remembered may be of rules that have gone: where nothing is split, nobody waits. */
static bool is_splitting(const struct session *s)
{
	const struct settings *settings = &s->mail.rules->settings;

	return settings->dmarc_mixed == MIXED_SPLIT && !settings->monitor && s->env->split_known &&
	       s->facts.door == DOOR_MILTER;
}

bool transaction_must_come_apart(struct session *s, const struct recipient *r)
{
	const struct env *env = s->env;

	if (!is_splitting(s))
		return false;
	s->split |= env->split_known(env->self, split_key(s, &r->identity, false));
	s->split_alone |= env->split_known(env->self, split_key(s, &r->identity, true));
	if (!s->recipients)
		return false;
	return s->split_alone || (s->split && !same_kind(r, s->recipients));
}

/* Whether two recipients of one kind have different verdicts, by a rule that looks at the
 * recipient: then only each by itself is sure to have one of its own. */
static bool differ_within_kinds(const struct session *s)
{
	for (const struct recipient *r = s->recipients; r; r = r->next) {
		const struct recipient *first = s->recipients;

		while (!same_kind(first, r))
			first = first->next;
		if (first->severity != r->severity)
			return true;
	}
	return false;
}

void transaction_note_split(struct session *s)
{
	const struct env *env = s->env;
	bool alone = differ_within_kinds(s);

	for (struct recipient *r = s->recipients; r && env->split_note; r = r->next)
		env->split_note(env->self, split_key(s, &r->identity, alone));
}
