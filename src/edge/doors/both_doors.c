#include "edge/doors/both_doors.h"

#include "core/base/fnv.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

/* Between the two questions about one recipient lie a few milliseconds and a DNS answer. */
enum { REMEMBERED_SECONDS = 60 };

/* Decisions that are remembered: 300 recipients a second for a minute.  Beyond, the oldest goes,
 * and what both doors see then counts twice. */
enum { SETS = 4096, WAYS = 4 };

/* Lists of open sessions, of one or two each at the usual max_sessions. */
enum { CLIENTS = 2048 };

struct seen {
	uint64_t key; /* 0: free */
	int64_t at;   /* seconds, of the clock of records */
	enum door door;
};

struct client {
	struct client *next;
	uint64_t key;
};

struct both_doors {
	uint64_t seed;
	/* Guards all below.  Nothing else is taken inside. */
	pthread_mutex_t lock;
	struct seen decisions[SETS][WAYS];
	struct client *clients[CLIENTS];
};

struct both_doors *both_doors_create(void)
{
	struct both_doors *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	/* A stranger chooses sender and recipient, and shall not choose what is taken for one. */
	if (getrandom(&b->seed, sizeof b->seed, GRND_NONBLOCK) != (ssize_t)sizeof b->seed)
		b->seed = (uintptr_t)b;
	pthread_mutex_init(&b->lock, NULL);
	return b;
}

void both_doors_free(struct both_doors **both)
{
	struct client *next;

	if (!*both)
		return;
	for (int i = 0; i < CLIENTS; i++)
		for (struct client *c = (*both)->clients[i]; c; c = next) {
			next = c->next;
			free(c);
		}
	pthread_mutex_destroy(&(*both)->lock);
	free(*both);
	*both = NULL;
}

/* ---- keys ---------------------------------------------------------------------------- */

static uint64_t client_key(const struct both_doors *b, const struct facts *f)
{
	uint64_t h = FNV_START ^ b->seed;

	h = fnv(h, slice_of((const char *)&f->client.hi, sizeof f->client.hi));
	h = fnv(h, slice_of((const char *)&f->client.lo, sizeof f->client.lo));
	return fnv(h, slice_of((const char *)&f->client_port, sizeof f->client_port));
}

static uint64_t add_text(uint64_t h, struct slice text)
{
	const uint64_t len = text.len;

	return fnv(fnv(h, slice_of((const char *)&len, sizeof len)), text);
}

static bool refuses(const struct verdict *v)
{
	return v->kind == VERDICT_FINAL && !v->monitored && v->action != ACTION_ACCEPT;
}

/* Of what was refused the rule counts as well; what was not may have been looked at by one door
 * more closely. */
static uint64_t decision_key(const struct both_doors *b, const struct record *r)
{
	const struct verdict *v = r->decision.verdict;
	uint64_t h = client_key(b, r->facts);
	const unsigned char outcome[] = {(unsigned char)r->stage, refuses(v),
	    (unsigned char)v->action, (unsigned char)v->family};

	h = add_text(h, r->facts->id[IDENTITY_SENDER].folded);
	h = add_text(h, r->facts->id[IDENTITY_RECIPIENT].folded);
	h = fnv(h, slice_of((const char *)outcome, refuses(v) ? sizeof outcome : 2));
	h = add_text(h, refuses(v) && v->rule ? v->rule->name : slice_of(NULL, 0));
	return h ? h : 1;
}

/* ---- milter sessions ------------------------------------------------------------------ */

static struct client **find_client(struct both_doors *b, uint64_t key)
{
	struct client **at = &b->clients[key % CLIENTS];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

void both_doors_connected(struct both_doors *b, const struct facts *f, bool now)
{
	struct client *c = NULL, **at;

	if (f->door != DOOR_MILTER || f->client_port == 0 || f->client.family == IP_NONE)
		return;
	if (now)
		c = calloc(1, sizeof *c);
	pthread_mutex_lock(&b->lock);
	at = find_client(b, client_key(b, f));
	if (c) {
		*c = (struct client){.next = *at, .key = client_key(b, f)};
		*at = c;
		c = NULL;
	} else if (!now && *at) {
		c = *at;
		*at = c->next;
	}
	pthread_mutex_unlock(&b->lock);
	free(c);
}

/* ---- decisions ------------------------------------------------------------------------ */

/* Under the lock.  True when the other door had it, which is forgotten now; else it is remembered.
 */
static bool matches(struct both_doors *b, uint64_t key, enum door door, int64_t now)
{
	struct seen *set = b->decisions[key % SETS], *oldest = set;

	for (int i = 0; i < WAYS; i++) {
		struct seen *d = &set[i];
		bool stale = now - d->at > REMEMBERED_SECONDS || now < d->at;

		if (d->key == key && d->door != door && !stale) {
			d->key = 0;
			return true;
		}
		if (oldest->key && (!d->key || d->at < oldest->at))
			oldest = d;
	}
	*oldest = (struct seen){key, now, door};
	return false;
}

bool both_doors_elsewhere(struct both_doors *b, const struct record *r)
{
	const struct facts *f = r->facts;
	bool elsewhere;

	if (f->client_port == 0 || (r->stage != STAGE_RCPT && r->stage != STAGE_MAIL))
		return false;
	pthread_mutex_lock(&b->lock);
	if (f->door == DOOR_POLICY && !refuses(r->decision.verdict) &&
	    *find_client(b, client_key(b, f)))
		elsewhere = true;
	else
		elsewhere = matches(b, decision_key(b, r), f->door, r->time_us / 1000000);
	pthread_mutex_unlock(&b->lock);
	return elsewhere;
}
