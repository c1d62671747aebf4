/* What `explain` looks up: SPF of a session; with --message, which comes as lines of input, SPF,
 * DKIM and DMARC.  They are asked of the daemon's resolver, of one of our own where there is no
 * daemon, or of a zone file. */
#include "edge/control/commands.h"

#include "edge/commands/message_check.h"
#include "edge/config/config.h"
#include "edge/dns/zone.h"
#include "edge/os/textfile.h"

/* Whoever answers questions about the message. */
struct answerer {
	struct resolver *own; /* NULL: the daemon's */
	struct resolver_session session;
	struct zone *zone;
	struct dns dns;
};

static bool open_zone(struct request *req, struct answerer *w, const char *path)
{
	char why[TEXTFILE_WHY_MAX], where[ZONE_WHY_MAX];
	const char *wrong;
	struct slice text;

	if (textfile_read(path, &text, why) != TEXTFILE_OK) {
		channel_error(req->channel, "explain: %s: %s\n", path, why);
		return false;
	}
	w->zone = zone_create();
	wrong = w->zone ? zone_load(w->zone, text, where) : "out of memory";
	textfile_free(&text);
	if (wrong)
		channel_error(req->channel, "explain: %s: %s\n", path, wrong);
	else
		w->dns = zone_dns(w->zone);
	return !wrong;
}

static struct resolver *own_resolver(struct request *req)
{
	char why[RESOLVER_WHY_MAX];
	struct resolver *resolver =
	    config_resolver(req->generation->config, NULL, NULL, why, sizeof why);

	if (!resolver)
		channel_error(req->channel, "explain: resolver: %s\n", why);
	return resolver;
}

static bool open_answerer(struct request *req, struct answerer *w)
{
	const char *zone = request_text(req, "zone");
	struct resolver *resolver;

	*w = (struct answerer){.own = NULL};
	if (zone && req->worker) {
		channel_error(req->channel, "explain: --zone is for a file with -c: the daemon "
					    "does not read files for you\n");
		return false;
	}
	if (zone)
		return open_zone(req, w, zone);
	if (!req->worker && !(w->own = own_resolver(req)))
		return false;
	if (req->worker)
		pthread_mutex_lock(&req->worker->resolver_lock);
	resolver = req->worker ? req->worker->resolver : w->own;
	if (resolver)
		resolver_session_start(&w->session, resolver);
	if (req->worker)
		pthread_mutex_unlock(&req->worker->resolver_lock);
	if (!resolver) {
		channel_error(req->channel, "explain: the resolver does not run\n");
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

void explain_print_steps(struct request *req, const struct explain_steps *steps)
{
	if (steps->first)
		channel_print(req->channel, "\nlooked up:\n");
	for (const struct explain_step *s = steps->first; s; s = s->next)
		if (s->line)
			channel_print(req->channel, "%s\n", s->line);
}

/* ---- a session without a message ----------------------------------------------------- */

/* Opened with the first question that is needed. */
struct lookup {
	struct request *req;
	struct explain_steps *steps;
	struct answerer answerer;
	struct message_check *check;
	bool tried;
};

static bool open_lookup(struct lookup *l, const struct facts *facts)
{
	if (l->tried)
		return l->check;
	l->tried = true;
	if (open_answerer(l->req, &l->answerer))
		l->check = message_check_create(
		    &l->answerer.dns, facts->now, l->req->arena, keep_step, l->steps);
	return l->check;
}

/* SPF can be asked for: of the sender's domain, or of HELO for the null sender. */
static bool knows_what_to_ask(const struct facts *facts)
{
	const struct identity *sender = &facts->id[IDENTITY_SENDER];

	return facts->client.family != IP_NONE && sender->state != FACT_UNKNOWN &&
	       (sender->name.len > 0 || facts->id[IDENTITY_HELO].state == FACT_KNOWN);
}

/* What the session tells enough of to be asked: bits of enum need. */
static unsigned can_be_asked(const struct facts *facts)
{
	unsigned asked = NEED_SENDER_DOMAIN | NEED_FROM_DOMAIN | NEED_HELO | NEEDS_OF_LISTS;

	if (facts->spf_state == FACT_UNKNOWN && knows_what_to_ask(facts))
		asked |= NEED_SPF;
	/* The MTA's own answer, a verified name or none, is not known here. */
	if (facts->client.family != IP_NONE)
		asked |= NEED_REVERSE;
	return asked;
}

static void look_up(void *self, struct facts *facts, unsigned need)
{
	struct lookup *l = self;
	struct session_query_source source;

	need &= can_be_asked(facts);
	if (need == 0 || !open_lookup(l, facts))
		return;
	source = message_check_source(l->check, l->req->generation->rules);
	source.get(source.self, facts, need);
}

void explain_session(struct request *req, struct session_query *q, struct explain_steps *steps)
{
	struct lookup l = {.req = req, .steps = steps};
	const struct session_query_source source = {&l, look_up};

	session_query_decide(q, req->generation->rules, &source);
	message_check_free(&l.check);
	close_answerer(&l.answerer);
}

/* ---- a message ----------------------------------------------------------------------- */

static bool read_message(struct request *req, struct message_check *check)
{
	struct slice line;
	bool cut;

	while (channel_line(req->channel, &line, &cut)) {
		if (cut) {
			channel_error(req->channel, "explain: a line of the message is longer than "
						    "65536 bytes\n");
			return false;
		}
		message_check_line(check, line);
	}
	return true;
}

bool explain_message(struct request *req, struct session_query *q, struct explain_steps *steps)
{
	struct answerer w;
	struct session_query_source source;
	struct message_check *check;
	bool read;

	if (!open_answerer(req, &w)) {
		close_answerer(&w);
		return false;
	}
	check = message_check_create(&w.dns, q->facts.now, req->arena, keep_step, steps);
	if (!check)
		channel_error(req->channel, "explain: out of memory\n");
	read = check && read_message(req, check);
	if (read) {
		message_check_author(check, q);
		source = message_check_source(check, req->generation->rules);
		session_query_decide(q, req->generation->rules, &source);
	}
	message_check_free(&check);
	close_answerer(&w);
	return read;
}
