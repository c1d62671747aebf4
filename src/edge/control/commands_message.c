/* `explain --message`: the message comes as lines of input; SPF, DKIM and DMARC are asked of the
 * daemon's resolver, of one of our own where there is no daemon, or of a zone file. */
#include "edge/control/commands.h"

#include "edge/config/config.h"
#include "edge/control/trial.h"
#include "edge/dns/zone.h"
#include "edge/os/textfile.h"

#include <stdlib.h>

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

static void print_step(void *context, const char *line)
{
	struct asked *a = context;

	if (!asked_switch(a, "json"))
		channel_print(a->channel, "%s\n", line);
}

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

bool explain_message(struct asked *a, struct question *q)
{
	struct answerer w;
	struct question_source source;
	struct trial *trial;
	bool read;

	if (!open_answerer(a, &w)) {
		close_answerer(&w);
		return false;
	}
	trial = trial_create(&w.dns, q->facts.now, a->arena, print_step, a);
	if (!trial)
		channel_complain(a->channel, "explain: out of memory\n");
	read = trial && read_message(a, trial);
	if (read) {
		trial_author(trial, q);
		source = trial_source(trial);
		question_decide(q, a->generation->rules, &source);
		print_step(a, "");
	}
	trial_free(&trial);
	close_answerer(&w);
	return read;
}
