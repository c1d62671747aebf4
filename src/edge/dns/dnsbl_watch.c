#include "edge/dns/dnsbl_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Names and test points of one list. */
enum { TEXTS = 4, TEST_ARENA_BYTES = 64 * 1024 };

struct watched {
	struct dnsbl list; /* its texts are in `text` */
	char *text[TEXTS];
	bool in_use, tested;
	int64_t since_s, due_s;
	uint64_t errors;
};

struct dnsbl_watch {
	struct dnsbl_watch_settings settings;
	pthread_t thread;
	/* Guards all below; nothing is asked and nobody is called inside. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct watched lists[DNSBLS_MAX];
	unsigned count;
};

static int64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

/* ---- which list ---------------------------------------------------------------------- */

static bool same_list(const struct dnsbl *a, const struct dnsbl *b)
{
	bool same = slice_equal(a->name, b->name) && slice_equal(a->zone, b->zone) &&
		    a->of == b->of && a->has_test == b->has_test &&
		    slice_equal(a->listed, b->listed) && slice_equal(a->unlisted, b->unlisted) &&
		    a->answer_count == b->answer_count;

	for (unsigned i = 0; same && i < a->answer_count; i++)
		same = ip_equal(&a->answers[i].first, &b->answers[i].first) &&
		       ip_equal(&a->answers[i].last, &b->answers[i].last);
	return same;
}

static struct watched *find(struct dnsbl_watch *w, const struct dnsbl *list)
{
	for (unsigned i = 0; i < w->count; i++)
		if (same_list(&w->lists[i].list, list))
			return &w->lists[i];
	return NULL;
}

static void watched_free(struct watched *one)
{
	for (int i = 0; i < TEXTS; i++)
		free(one->text[i]);
}

/* False when out of memory: the list is then not watched, and so not in use. */
static bool watched_copy(struct watched *one, const struct dnsbl *list)
{
	const struct slice from[TEXTS] = {list->name, list->zone, list->listed, list->unlisted};
	struct slice *const to[TEXTS] = {
	    &one->list.name, &one->list.zone, &one->list.listed, &one->list.unlisted};
	bool good = true;

	*one = (struct watched){.list = *list, .in_use = !list->has_test, .since_s = now_s()};
	one->list.networks = NULL;
	one->list.names = NULL;
	for (int i = 0; i < TEXTS; i++) {
		one->text[i] = strndup(from[i].len > 0 ? from[i].ptr : "", from[i].len);
		*to[i] = slice_of(one->text[i], from[i].len);
		good &= one->text[i] != NULL;
	}
	if (!good)
		watched_free(one);
	return good;
}

void dnsbl_watch_lists(struct dnsbl_watch *w, const struct dnsbl *lists, unsigned count)
{
	struct watched fresh[DNSBLS_MAX];
	unsigned n = 0;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < count; i++) {
		struct watched *known = find(w, &lists[i]);

		if (lists[i].zone.len == 0 || !watched_copy(&fresh[n], &lists[i]))
			continue;
		if (known) {
			fresh[n].in_use = known->in_use;
			fresh[n].tested = known->tested;
			fresh[n].since_s = known->since_s;
			fresh[n].due_s = known->due_s;
			fresh[n].errors = known->errors;
		}
		n++;
	}
	for (unsigned i = 0; i < w->count; i++)
		watched_free(&w->lists[i]);
	for (unsigned i = 0; i < n; i++)
		w->lists[i] = fresh[i];
	w->count = n;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
}

/* ---- the tests ----------------------------------------------------------------------- */

/* The list that is to be tested now, else when the next one is. */
static struct watched *next_due(struct dnsbl_watch *w, int64_t now, int64_t *when)
{
	*when = now + DNSBL_TEST_SECONDS;
	for (unsigned i = 0; i < w->count; i++) {
		struct watched *one = &w->lists[i];

		if (!one->list.has_test)
			continue;
		if (one->due_s <= now)
			return one;
		if (one->due_s < *when)
			*when = one->due_s;
	}
	return NULL;
}

static enum dnsbl_health ask(struct dnsbl_watch *w, const struct dnsbl *list)
{
	struct arena *arena = arena_create(TEST_ARENA_BYTES);
	enum dnsbl_health health = DNSBL_SILENT;
	struct resolver_session session;

	if (arena && w->settings.open(w->settings.context, &session)) {
		struct dns dns = resolver_session_dns(&session);

		health = dnsbl_test(list, &dns, arena);
		resolver_session_end(&session);
	}
	arena_free(&arena);
	return health;
}

/* True when the state changed. */
static bool note(struct watched *one, enum dnsbl_health health, int64_t now)
{
	bool in_use = health == DNSBL_RIGHT;

	if (health == DNSBL_SILENT) {
		one->due_s = now + (one->tested ? DNSBL_TEST_SECONDS : DNSBL_FIRST_SECONDS);
		return false;
	}
	one->due_s = now + DNSBL_TEST_SECONDS;
	if (one->tested && one->in_use == in_use)
		return false;
	one->tested = true;
	one->in_use = in_use;
	one->since_s = now;
	return true;
}

/* Asks without the lock: the list may be gone when its answer comes. */
static void test(struct dnsbl_watch *w, struct watched *one)
{
	char line[DNSBL_TELL_MAX];
	struct watched copy, *then;
	enum dnsbl_health health;
	bool changed;

	one->due_s = now_s() + DNSBL_FIRST_SECONDS;
	if (!watched_copy(&copy, &one->list))
		return;
	pthread_mutex_unlock(&w->lock);
	health = ask(w, &copy.list);
	pthread_mutex_lock(&w->lock);
	then = find(w, &copy.list);
	changed = then && note(then, health, now_s());
	pthread_mutex_unlock(&w->lock);
	if (changed) {
		snprintf(line, sizeof line, "dnsbl %.*s (%.*s): %s", SLICE_ARG(copy.list.name),
		    SLICE_ARG(copy.list.zone),
		    health == DNSBL_RIGHT
			? "in use: its test points answer as they should"
			: "out of use: its test points have a wrong answer; rules "
			  "that ask it are undecided");
		w->settings.tell(w->settings.context, health == DNSBL_RIGHT, line);
	}
	watched_free(&copy);
	pthread_mutex_lock(&w->lock);
}

static void *watch(void *context)
{
	struct dnsbl_watch *w = context;

	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		int64_t when;
		struct watched *one = next_due(w, now_s(), &when);
		const struct timespec until = {.tv_sec = when};

		if (one)
			test(w, one);
		else
			pthread_cond_timedwait(&w->wake, &w->lock, &until);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct dnsbl_watch *dnsbl_watch_create(const struct dnsbl_watch_settings *settings)
{
	struct dnsbl_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->settings = *settings;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	if (pthread_create(&w->thread, NULL, watch, w) == 0)
		return w;
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void dnsbl_watch_free(struct dnsbl_watch **watch)
{
	struct dnsbl_watch *w = *watch;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	for (unsigned i = 0; i < w->count; i++)
		watched_free(&w->lists[i]);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	*watch = NULL;
}

/* ---- questions ----------------------------------------------------------------------- */

bool dnsbl_watch_in_use(struct dnsbl_watch *w, const struct dnsbl *list)
{
	const struct watched *one;
	bool in_use;

	pthread_mutex_lock(&w->lock);
	one = find(w, list);
	in_use = one && one->in_use;
	pthread_mutex_unlock(&w->lock);
	return in_use;
}

void dnsbl_watch_error(struct dnsbl_watch *w, const struct dnsbl *list)
{
	struct watched *one;

	pthread_mutex_lock(&w->lock);
	one = find(w, list);
	if (one)
		one->errors++;
	pthread_mutex_unlock(&w->lock);
}

void dnsbl_watch_each(
    struct dnsbl_watch *w, void (*each)(void *context, const struct dnsbl_state *), void *context)
{
	pthread_mutex_lock(&w->lock);
	for (unsigned i = 0; i < w->count; i++) {
		const struct watched *one = &w->lists[i];
		const struct dnsbl_state state = {.name = one->list.name,
		    .zone = one->list.zone,
		    .has_test = one->list.has_test,
		    .in_use = one->in_use,
		    .tested = one->tested,
		    .since_s = one->since_s,
		    .errors = one->errors};

		each(context, &state);
	}
	pthread_mutex_unlock(&w->lock);
}
