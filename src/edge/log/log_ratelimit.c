#include "edge/log/log_ratelimit.h"

#include "core/base/fnv.h"

#include <stdlib.h>

/* Half empty, so that probing ends soon. */
enum { SLOTS = 2 * LOG_RATELIMIT_KEYS };

struct pair {
	char *text; /* recipient, then rule; NULL = free */
	size_t recipient_len, rule_len;
	unsigned written;
	uint64_t suppressed;
};

struct log_ratelimit {
	int64_t minute;
	unsigned used;
	uint64_t others; /* lines of pairs that found no slot */
	struct pair pairs[SLOTS];
};

struct log_ratelimit *log_ratelimit_create(void)
{
	return calloc(1, sizeof(struct log_ratelimit));
}

static void forget_pairs(struct log_ratelimit *s, int64_t minute)
{
	for (unsigned i = 0; s->used > 0 && i < SLOTS; i++)
		free(s->pairs[i].text);
	if (s->used > 0)
		memset(s->pairs, 0, sizeof s->pairs);
	s->used = 0;
	s->others = 0;
	s->minute = minute;
}

void log_ratelimit_free(struct log_ratelimit **s)
{
	if (!*s)
		return;
	forget_pairs(*s, 0);
	free(*s);
	*s = NULL;
}

static uint64_t hash_pair(struct slice a, struct slice b)
{
	uint64_t h = fnv(fnv(FNV_START + a.len, a), b);

	return h ^ h >> 29;
}

static struct slice recipient_of(const struct pair *p)
{
	return slice_of(p->text, p->recipient_len);
}

static struct slice rule_of(const struct pair *p)
{
	return slice_of(p->text + p->recipient_len, p->rule_len);
}

static void take_slot(
    struct log_ratelimit *s, struct pair *p, struct slice recipient, struct slice rule)
{
	p->text = malloc(recipient.len + rule.len + 1);
	if (!p->text)
		return;
	if (recipient.len)
		memcpy(p->text, recipient.ptr, recipient.len);
	if (rule.len)
		memcpy(p->text + recipient.len, rule.ptr, rule.len);
	p->recipient_len = recipient.len;
	p->rule_len = rule.len;
	s->used++;
}

/* The pair's slot, taken if need be; NULL when there is no room for another. */
static struct pair *find_pair(struct log_ratelimit *s, struct slice recipient, struct slice rule)
{
	uint64_t at = hash_pair(recipient, rule) % SLOTS;

	while (s->pairs[at].text) {
		struct pair *p = &s->pairs[at];
		if (slice_equal(recipient_of(p), recipient) && slice_equal(rule_of(p), rule))
			return p;
		at = (at + 1) % SLOTS;
	}
	if (s->used == LOG_RATELIMIT_KEYS)
		return NULL;
	take_slot(s, &s->pairs[at], recipient, rule);
	return s->pairs[at].text ? &s->pairs[at] : NULL;
}

bool log_ratelimit_allow(struct log_ratelimit *s, int64_t minute, struct slice recipient,
    struct slice rule, unsigned limit)
{
	struct pair *p;

	if (s->minute != minute && s->used == 0)
		s->minute = minute;
	p = find_pair(s, recipient, rule);
	if (!p) {
		s->others++;
		return false;
	}
	if (p->written < limit) {
		p->written++;
		return true;
	}
	p->suppressed++;
	return false;
}

void log_ratelimit_flush(struct log_ratelimit *s, int64_t minute,
    void (*each)(void *context, struct slice recipient, struct slice rule, uint64_t lines),
    void *context)
{
	if (s->minute == minute)
		return;
	for (unsigned i = 0; s->used > 0 && i < SLOTS; i++)
		if (s->pairs[i].suppressed > 0)
			each(context, recipient_of(&s->pairs[i]), rule_of(&s->pairs[i]),
			    s->pairs[i].suppressed);
	if (s->others > 0)
		each(context, slice_of(NULL, 0), slice_of(NULL, 0), s->others);
	forget_pairs(s, minute);
}
