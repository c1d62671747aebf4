#include "edge/worker/environment.h"

#include "core/auth/dkim_verifier.h"
#include "edge/auth/spf.h"
#include "edge/dns/dnsbl_watch.h"
#include "edge/geo/geo.h"
#include "edge/idn/idn.h"
#include "edge/os/monotonic.h"

#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static int64_t now_us(void *self)
{
	struct timespec ts;

	(void)self;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t monotonic_us(void *self)
{
	(void)self;
	return monotonic_now() / 1000;
}

/* Random octets that each thread draws for its next tokens: the most that getrandom() gives without
 * being interrupted. */
enum { RANDOM_DRAWN = 256 };

/* Base 32 (RFC 4648 alphabet, lower case): five bits a character. */
static void token(void *self, char *out)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	static _Thread_local unsigned char random[RANDOM_DRAWN];
	static _Thread_local size_t left;

	(void)self;
	if (left < TOKEN_CHARS) {
		left = sizeof random;
		if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
			memset(random, 0, sizeof random); /* only before the kernel has entropy */
	}
	for (int i = 0; i < TOKEN_CHARS; i++)
		out[i] = alphabet[random[--left] & 31];
}

static void connected(void *self, const struct facts *client, bool now)
{
	struct worker *w = self;

	both_doors_connected(w->both_doors, client, now);
}

static bool elsewhere(void *self, const struct record *r)
{
	struct worker *w = self;

	return both_doors_elsewhere(w->both_doors, r);
}

static bool number(void *self, const struct record *r, struct record_number *out)
{
	struct worker *w = self;

	return history_number(w->history, r, out);
}

static unsigned lines(void *self, const struct record *r)
{
	struct worker *w = self;

	return recorder_admit(w->recorder, r);
}

static void accepted(void *self, const struct record *r)
{
	struct worker *w = self;

	history_record(w->history, r);
}

static void record(void *self, const struct record *r)
{
	struct worker *w = self;

	counters_count(w->counters, r);
	clients_count(w->clients, r);
	recorder_record(w->recorder, r);
	reports_count(w->reports, r);
	history_record(w->history, r);
}

static void observe_latency(void *self, int64_t took_us)
{
	struct worker *w = self;

	counters_judged(w->counters, took_us);
}

static void authenticated(void *self, enum auth_method method, int result)
{
	struct worker *w = self;

	counters_authenticated(w->counters, method, result);
}

static bool sampled(void *self, struct slice session)
{
	struct worker *w = self;

	return evaluator_samples(w->evaluator, session);
}

static void evaluate(void *self, struct evaluation *e)
{
	struct worker *w = self;

	evaluator_put(w->evaluator, e);
}

static void evaluated(void *self, const struct record *r)
{
	struct worker *w = self;

	history_results(w->history, r);
}

static void geo(void *self, const struct ip *client, uint32_t *asn, char country[3])
{
	struct worker *w = self;
	const struct generation *g = table_pin(w->table);
	struct geo_place place = {.asn = 0};

	geo_lookup(g->config->geo_asn_db, client, &place);
	geo_lookup(g->config->geo_country_db, client, &place);
	table_unpin(&g);
	*asn = place.asn;
	memcpy(country, place.country, sizeof place.country);
}

/* ---- one message --------------------------------------------------------------------- */

struct message {
	struct worker *worker;
	struct arena *arena;
	int64_t now;
	struct resolver_session session;
	struct dns dns;
	struct resolver_purse spf;
	bool ended;                     /* the message is whole: SPF has all its time */
	bool quiet;                     /* hints go nowhere */
	struct dkim_verifier *verifier; /* NULL until the first header field is shown to it */
	bool no_verifier;               /* there was no memory for one: nothing can be said */
};

static struct message *message_start(void *self, struct arena *arena, int64_t now)
{
	struct worker *w = self;
	struct message *m = calloc(1, sizeof *m);

	if (!m) {
		arena_starve(arena);
		return NULL;
	}
	*m = (struct message){.worker = w, .arena = arena, .now = now};
	pthread_mutex_lock(&w->resolver_lock);
	if (w->resolver)
		resolver_session_start(&m->session, w->resolver);
	pthread_mutex_unlock(&w->resolver_lock);
	if (!m->session.resolver) {
		free(m);
		return NULL;
	}
	m->dns = resolver_session_dns(&m->session);
	resolver_purse_fill(&m->spf, &m->session, DNS_SPF_RCPT_MS);
	return m;
}

/* What may be asked for: one question at a time, where it is quiet. */
static struct dns dns_of(const struct message *m, struct dns dns)
{
	if (m->quiet)
		dns.hint = NULL;
	return dns;
}

static struct message *quiet_message(void *self, struct arena *arena, int64_t now)
{
	struct message *m = message_start(self, arena, now);

	if (m) {
		m->quiet = true;
		m->dns = dns_of(m, m->dns);
	}
	return m;
}

static void message_end(struct message *m)
{
	dkim_verifier_free(&m->verifier);
	resolver_session_end(&m->session);
	free(m);
}

static const struct dns *message_dns(struct message *m)
{
	return &m->dns;
}

static bool message_spf(struct message *m, const struct spf_query *query, struct spf_answer *out)
{
	struct dns dns = dns_of(m, resolver_purse_dns(&m->spf));

	spf_check(&dns, query, m->arena, out);
	return out->result != SPFR_TEMPERROR || !m->spf.dry || m->ended;
}

static bool list_in_use(void *self, const struct dnsbl *list)
{
	struct worker *w = self;

	return w->dnsbls && dnsbl_watch_in_use(w->dnsbls, list);
}

static void list_error(void *self, const struct dnsbl *list)
{
	struct worker *w = self;

	if (w->dnsbls)
		dnsbl_watch_error(w->dnsbls, list);
}

static void message_at_rcpt(struct message *m)
{
	resolver_session_limit(&m->session, DNS_RCPT_MS);
}

static void message_at_end(struct message *m)
{
	m->ended = true;
	resolver_session_limit(&m->session, DNS_END_MS);
	resolver_purse_fill(&m->spf, &m->session, DNS_SPF_END_MS);
}

static void message_without_end(struct message *m)
{
	m->ended = true;
	resolver_session_limit(&m->session, DNS_SPF_MS);
	resolver_purse_fill(&m->spf, &m->session, DNS_SPF_MS);
}

static void message_dkim_header(struct message *m, struct slice name, struct slice value)
{
	if (!m->verifier && !m->no_verifier) {
		m->verifier = dkim_verifier_create(m->worker->dkim, &m->dns, &idn_uts46, m->arena,
		    m->now > 0 ? (uint64_t)m->now : 0);
		m->no_verifier = !m->verifier;
		if (m->no_verifier)
			arena_starve(m->arena);
	}
	if (m->verifier)
		dkim_verifier_header(m->verifier, name, value);
}

static bool message_dkim_end_of_headers(
    struct message *m, const struct slice *authors, size_t author_count)
{
	return m->verifier && dkim_verifier_end_of_headers(m->verifier, authors, author_count);
}

static void message_dkim_body(struct message *m, const char *bytes, size_t len)
{
	dkim_verifier_body(m->verifier, bytes, len);
}

static bool message_dkim_finish(struct message *m, struct dkim_answer *out)
{
	*out = (struct dkim_answer){.count = 0};
	if (m->verifier)
		dkim_verifier_finish(m->verifier, out);
	return !m->no_verifier;
}

static void split_note(void *self, uint64_t key)
{
	struct worker *w = self;

	split_memory_note(w->splits, key, now_us(w) / 1000000);
}

static bool split_known(void *self, uint64_t key)
{
	struct worker *w = self;

	return split_memory_known(w->splits, key, now_us(w) / 1000000);
}

/* The full name: of a short one the resolver of the C library makes it, mostly from /etc/hosts. */
static struct slice host_name(void)
{
	static char name[HOST_NAME_MAX + 1]; /* written once, before any thread starts */
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found = NULL;

	if (gethostname(name, sizeof name - 1) != 0)
		return slice_of(NULL, 0);
	if (!strchr(name, '.') && getaddrinfo(name, NULL, &hints, &found) == 0 &&
	    found->ai_canonname && strchr(found->ai_canonname, '.'))
		snprintf(name, sizeof name, "%s", found->ai_canonname);
	if (found)
		freeaddrinfo(found);
	return slice_str(name);
}

void environment_fill(struct worker *w)
{
	w->env = (struct env){
	    .self = w,
	    .now_us = now_us,
	    .monotonic_us = monotonic_us,
	    .token = token,
	    .number = number,
	    .lines = lines,
	    .record = record,
	    .accepted = accepted,
	    .observe_latency = observe_latency,
	    .authenticated = authenticated,
	    .sampled = sampled,
	    .evaluate = evaluate,
	    .evaluated = evaluated,
	    .quiet_message = quiet_message,
	    .geo = geo,
	    .message_start = message_start,
	    .message_end = message_end,
	    .dns = message_dns,
	    .spf = message_spf,
	    .list_in_use = list_in_use,
	    .list_error = list_error,
	    .at_rcpt = message_at_rcpt,
	    .at_end = message_at_end,
	    .without_end = message_without_end,
	    .dkim_header = message_dkim_header,
	    .dkim_end_of_headers = message_dkim_end_of_headers,
	    .dkim_body = message_dkim_body,
	    .dkim_finish = message_dkim_finish,
	    .split_note = split_note,
	    .split_known = split_known,
	    .host_name = host_name(),
	    .idna = &idn_lenient,
	};
	if (w->both_doors) {
		w->env.connected = connected;
		w->env.elsewhere = elsewhere;
	}
}
