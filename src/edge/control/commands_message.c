/* What `explain` looks up: SPF of a session; with --message, which comes as lines of input, SPF,
 * DKIM and DMARC.  They are asked of the daemon's resolver, of one of our own where there is no
 * daemon, or of a zone file. */
#include "edge/control/commands.h"

#include "edge/config/config.h"
#include "edge/control/trial.h"
#include "edge/dns/zone.h"
#include "edge/os/textfile.h"

/* Whoever answers questions about the message. */
struct answerer {
	struct resolver *own; /* NULL: the daemon's */
	struct resolver_session session;
	struct zone *zone;
	struct dns dns;
};

static bool open_zone(struct asked *a, struct answerer *w, const char *path)
{
	char why[TEXTFILE_WHY_MAX], where[ZONE_WHY_MAX];
	const char *wrong;
	struct slice text;

	if (textfile_read(path, &text, why) != TEXTFILE_OK) {
		channel_complain(a->channel, "explain: %s: %s\n", path, why);
		return false;
	}
	w->zone = zone_create();
	wrong = w->zone ? zone_load(w->zone, text, where) : "out of memory";
	textfile_free(&text);
	if (wrong)
		channel_complain(a->channel, "explain: %s: %s\n", path, wrong);
	else
		w->dns = zone_dns(w->zone);
	return !wrong;
}

static struct resolver *own_resolver(struct asked *a)
{
	char why[RESOLVER_WHY_MAX];
	struct resolver *resolver =
	    config_resolver(a->generation->config, NULL, NULL, why, sizeof why);

	if (!resolver)
		channel_complain(a->channel, "explain: resolver: %s\n", why);
	return resolver;
}

static bool open_answerer(struct asked *a, struct answerer *w)
{
	const char *zone = asked_text(a, "zone");
	struct resolver *resolver;

	*w = (struct answerer){.own = NULL};
	if (zone && a->worker) {
		channel_complain(a->channel, "explain: --zone is for a file with -c: the daemon "
					     "does not read files for you\n");
		return false;
	}
	if (zone)
		return open_zone(a, w, zone);
	if (!a->worker && !(w->own = own_resolver(a)))
		return false;
	if (a->worker)
		pthread_mutex_lock(&a->worker->resolver_lock);
	resolver = a->worker ? a->worker->resolver : w->own;
	if (resolver)
		resolver_session_start(&w->session, resolver);
	if (a->worker)
		pthread_mutex_unlock(&a->worker->resolver_lock);
	if (!resolver) {
		channel_complain(a->channel, "explain: the resolver does not run\n");
		return false;
	}
	w->dns = resolver_session_dns(&w->session);
	return true;
}

static void close_answerer(struct answerer *w)
{
	if (w->session.resolver)
		resolver_session_end(&w->session);
	resolver_free(&w->own);
	zone_free(&w->zone);
}

/* ---- steps --------------------------------------------------------------------------- */

struct explain_step {
	struct explain_step *next;
	const char *line;
};

static void keep_step(void *context, const char *line)
{
	struct explain_steps *steps = context;
	struct explain_step *s = arena_alloc(steps->arena, sizeof *s);

	if (!s)
		return;
	*s = (struct explain_step){NULL, arena_strdup(steps->arena, slice_str(line))};
	*(steps->last ? &steps->last->next : &steps->first) = s;
	steps->last = s;
}

void explain_print_steps(struct asked *a, const struct explain_steps *steps)
{
	if (steps->first)
		channel_print(a->channel, "\nlooked up:\n");
	for (const struct explain_step *s = steps->first; s; s = s->next)
		if (s->line)
			channel_print(a->channel, "%s\n", s->line);
}

/* ---- a session without a message ----------------------------------------------------- */

/* Opened with the first question that is needed. */
struct lookup {
	struct asked *a;
	struct explain_steps *steps;
	struct answerer answerer;
	struct trial *trial;
	bool tried;
};

static bool open_lookup(struct lookup *l, const struct facts *facts)
{
	if (l->tried)
		return l->trial;
	l->tried = true;
	if (open_answerer(l->a, &l->answerer))
		l->trial =
		    trial_create(&l->answerer.dns, facts->now, l->a->arena, keep_step, l->steps);
	return l->trial;
}

/* SPF can be asked for: of the sender's domain, or of HELO for the null sender. */
static bool knows_what_to_ask(const struct facts *facts)
{
	const struct identity *sender = &facts->id[IDENTITY_SENDER];

	return facts->client.family != IP_NONE && sender->state != FACT_UNKNOWN &&
	       (sender->name.len > 0 || facts->id[IDENTITY_HELO].state == FACT_KNOWN);
}

static void look_up_spf(void *self, struct facts *facts, unsigned need)
{
	struct lookup *l = self;
	struct question_source source;

	if ((need & NEED_SPF) == 0 || facts->spf_state != FACT_UNKNOWN ||
	    !knows_what_to_ask(facts) || !open_lookup(l, facts))
		return;
	source = trial_source(l->trial);
	source.get(source.self, facts, NEED_SPF);
}

void explain_session(struct asked *a, struct question *q, struct explain_steps *steps)
{
	struct lookup l = {.a = a, .steps = steps};
	const struct question_source source = {&l, look_up_spf};

	question_decide(q, a->generation->rules, &source);
	trial_free(&l.trial);
	close_answerer(&l.answerer);
}

/* ---- a message ----------------------------------------------------------------------- */

static bool read_message(struct asked *a, struct trial *trial)
{
	struct slice line;
	bool cut;

	while (channel_line(a->channel, &line, &cut)) {
		if (cut) {
			channel_complain(a->channel,
			    "explain: a line of the message is longer than "
			    "65536 bytes\n");
			return false;
		}
		trial_line(trial, line);
	}
	return true;
}

bool explain_message(struct asked *a, struct question *q, struct explain_steps *steps)
{
	struct answerer w;
	struct question_source source;
	struct trial *trial;
	bool read;

	if (!open_answerer(a, &w)) {
		close_answerer(&w);
		return false;
	}
	trial = trial_create(&w.dns, q->facts.now, a->arena, keep_step, steps);
	if (!trial)
		channel_complain(a->channel, "explain: out of memory\n");
	read = trial && read_message(a, trial);
	if (read) {
		trial_author(trial, q);
		source = trial_source(trial);
		question_decide(q, a->generation->rules, &source);
	}
	trial_free(&trial);
	close_answerer(&w);
	return read;
}
