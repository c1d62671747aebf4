#include "core/transaction.h"

#include "core/fromheader.h"

#include <stdlib.h>

/* A HELO longer than a command line (RFC 5321 4.5.3.1.4: 512 octets) is cut. */
enum { HELO_TEXT_MAX = 512, CLIENT_NAME_TEXT_MAX = 1024 };

/* The From fields of one message that are kept: two already make it bad. */
enum { FROM_FIELDS_MAX = 8 };

/* A recipient that was accepted at RCPT. */
struct recipient {
	struct recipient *next;
	struct identity identity;
};

/* A rule of monitor mode that would have refused, for the X-Susmilter header. */
struct would {
	struct would *next;
	struct slice name;
};

struct session {
	const struct env *env;
	struct arena *arena, *helo_arena, *mail_arena;
	char id[TOKEN_CHARS];
	char helo[HELO_TEXT_MAX];
	char client_name[CLIENT_NAME_TEXT_MAX];
	struct facts facts; /* of the client; in a transaction also of the message */
	/* one transaction */
	bool open;
	bool inbound;
	struct mail_event mail;
	struct slice queue_id;
	struct recipient *recipients, **recipients_end;
	struct would *woulds;
	size_t header_bytes, header_fields;
	struct slice from_fields[FROM_FIELDS_MAX];
	size_t from_count;
};

struct session *session_create(const struct env *env)
{
	struct session *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->env = env;
	s->arena = arena_create(SESSION_ARENA_MAX);
	s->helo_arena = arena_create(SESSION_ARENA_MAX);
	s->mail_arena = arena_create(TRANSACTION_ARENA_MAX);
	if (!s->arena || !s->helo_arena || !s->mail_arena)
		session_free(&s);
	else
		env->token(env->self, s->id);
	return s;
}

void session_free(struct session **s)
{
	if (!*s)
		return;
	arena_free(&(*s)->arena);
	arena_free(&(*s)->helo_arena);
	arena_free(&(*s)->mail_arena);
	free(*s);
	*s = NULL;
}

struct slice session_id(const struct session *s)
{
	return slice_of(s->id, TOKEN_CHARS);
}

static struct slice keep(char *buffer, size_t size, struct slice s)
{
	size_t len = s.len < size ? s.len : size;

	if (len)
		memcpy(buffer, s.ptr, len);
	return slice_of(buffer, len);
}

void session_connect(
    struct session *s, const struct ip *client, struct slice client_name, bool not_smtp)
{
	s->facts = (struct facts){.client = *client, .not_smtp = not_smtp};
	s->facts.id[IDENTITY_HELO].state = FACT_ABSENT;
	s->facts.id[IDENTITY_CLIENT_NAME] = identity_of_name(
	    keep(s->client_name, sizeof s->client_name, client_name), s->env->idna, s->arena);
	if (client->family != IP_NONE && s->env->geo)
		s->env->geo(s->env->self, client, &s->facts.asn, s->facts.country);
}

void session_helo(struct session *s, struct slice helo)
{
	arena_reset(s->helo_arena);
	s->facts.id[IDENTITY_HELO] =
	    identity_of_name(keep(s->helo, sizeof s->helo, helo), s->env->idna, s->helo_arena);
}

/* ---- answers and records ----------------------------------------------------------------------
 */

/* What one event needs to be answered and recorded. */
struct event {
	struct session *s;
	enum stage stage;
	int64_t started_us;
};

static struct event event_start(struct session *s, enum stage stage)
{
	int64_t now = s->env->monotonic_us(s->env->self);

	s->facts.now = s->env->now_us(s->env->self) / 1000000;
	return (struct event){s, stage, now};
}

static void record(
    const struct event *e, const struct verdict *v, struct slice token, const struct reply *reply)
{
	const struct session *s = e->s;
	const struct env *env = s->env;
	struct record r = {
	    .time_us = env->now_us(env->self),
	    .took_us = env->monotonic_us(env->self) - e->started_us,
	    .token = token,
	    .session = session_id(s),
	    .queue_id = s->queue_id,
	    .generation = s->mail.generation,
	    .stage = e->stage,
	    .rules = s->mail.rules,
	    .facts = &s->facts,
	    .verdict = v,
	    .reply = reply,
	};

	env->record(env->self, &r);
}

static enum answer_kind answer_of(const struct verdict *v)
{
	switch (policy_effect(v)) {
	case ACTION_REJECT:
		return ANSWER_REJECT;
	case ACTION_TEMPFAIL:
		return ANSWER_TEMPFAIL;
	case ACTION_QUARANTINE:
		return ANSWER_QUARANTINE;
	default:
		return ANSWER_CONTINUE;
	}
}

/* Turns a verdict into the answer and records it, once. */
static struct answer conclude(const struct event *e, const struct verdict *v)
{
	struct answer answer = {.kind = answer_of(v)};
	bool refusal = v->kind == VERDICT_FINAL && v->action != ACTION_ACCEPT;
	char token[TOKEN_CHARS];

	e->s->env->token(e->s->env->self, token);
	if (refusal)
		reply_make(e->s->mail.rules, &e->s->facts, v, slice_of(token, sizeof token),
		    &answer.reply);
	record(e, v, slice_of(token, sizeof token), refusal ? &answer.reply : NULL);
	return answer;
}

static struct answer refuse(const struct event *e, enum action action, enum reason reason)
{
	struct verdict v = {
	    .kind = VERDICT_FINAL,
	    .action = action,
	    .family = FAMILY_LIMITS,
	    .reason = reason,
	};

	return conclude(e, &v);
}

/* ---- the gather loop ----------------------------------------------------------------------------
 */

/* Each fact that was asked for leaves FACT_UNKNOWN here, whatever the outside says. */
static void gather(struct session *s, unsigned need)
{
	const struct env *env = s->env;

	if (need & NEED_SPF) {
		if (env->spf)
			env->spf(env->self, &s->facts, s->mail_arena);
		if (s->facts.spf_state == FACT_UNKNOWN)
			s->facts.spf_state = FACT_FAILED;
	}
}

static struct verdict decide(struct session *s, enum phase phase)
{
	struct verdict v;

	while ((v = policy_decide(s->mail.rules, &s->facts, phase)).kind == VERDICT_NEED)
		gather(s, v.need);
	return v;
}

/* ---- MAIL and RCPT
 * -------------------------------------------------------------------------------- */

static void forget_transaction(struct session *s)
{
	static const struct identity nobody = {.state = FACT_UNKNOWN};

	arena_reset(s->mail_arena);
	s->open = s->inbound = false;
	s->mail = (struct mail_event){.rules = NULL};
	s->queue_id = slice_of(NULL, 0);
	s->recipients = NULL;
	s->recipients_end = &s->recipients;
	s->woulds = NULL;
	s->header_bytes = s->header_fields = s->from_count = 0;
	s->facts.auth_state = FACT_ABSENT;
	s->facts.spf_state = FACT_UNKNOWN;
	s->facts.id[IDENTITY_SENDER] = s->facts.id[IDENTITY_FROM] =
	    s->facts.id[IDENTITY_RECIPIENT] = nobody;
}

static struct identity envelope_identity(struct session *s, struct slice text)
{
	struct address address;

	address_parse(arena_copy(s->mail_arena, text), s->env->idna, s->mail_arena, &address);
	return identity_of_address(&address);
}

struct answer transaction_mail(struct session *s, const struct mail_event *mail)
{
	struct event e = event_start(s, STAGE_MAIL);
	struct verdict v;
	struct answer answer = {.kind = ANSWER_CONTINUE};

	forget_transaction(s);
	s->open = true;
	s->mail = *mail;
	s->mail.mta_name = arena_copy(s->mail_arena, mail->mta_name);
	s->queue_id = arena_copy(s->mail_arena, mail->queue_id);
	s->facts.id[IDENTITY_SENDER] = envelope_identity(s, mail->sender);
	if (mail->auth.len > 0) {
		s->facts.auth_state = FACT_KNOWN;
		s->facts.auth = arena_copy(s->mail_arena, mail->auth);
	}
	if (arena_failed(s->mail_arena))
		return refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	v = decide(s, PHASE_MAIL);
	if (v.kind == VERDICT_FINAL) {
		answer = conclude(&e, &v);
		answer.kind = ANSWER_DONE;
		return answer;
	}
	if (ruleset_wants_headers(mail->rules) && !mail->sees_headers)
		return refuse(&e, ACTION_TEMPFAIL, REASON_POLICY_CHANGED);
	s->inbound = true;
	return answer;
}

static bool keep_recipient(struct session *s)
{
	struct recipient *r = arena_alloc(s->mail_arena, sizeof *r);

	if (!r)
		return false;
	*r = (struct recipient){NULL, s->facts.id[IDENTITY_RECIPIENT]};
	*s->recipients_end = r;
	s->recipients_end = &r->next;
	return true;
}

/* Remembers what monitor mode would have refused, each rule once. */
static void keep_would(struct session *s, const struct verdict *v)
{
	struct slice name = v->rule ? v->rule->name : slice_str(family_name(v->family));
	struct would **at = &s->woulds;

	if (!v->would)
		return;
	for (; *at; at = &(*at)->next)
		if (slice_equal((*at)->name, name))
			return;
	*at = arena_alloc(s->mail_arena, sizeof **at);
	if (*at)
		**at = (struct would){NULL, name};
}

struct answer transaction_rcpt(struct session *s, struct slice recipient)
{
	struct event e = event_start(s, STAGE_RCPT);
	struct answer answer = {.kind = ANSWER_CONTINUE};
	struct verdict v;

	if (!s->inbound)
		return answer;
	s->facts.id[IDENTITY_RECIPIENT] = envelope_identity(s, recipient);
	v = decide(s, PHASE_RCPT);
	keep_would(s, &v);
	if (arena_failed(s->mail_arena))
		return refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	answer = conclude(&e, &v);
	if (answer.kind == ANSWER_CONTINUE && !keep_recipient(s))
		return refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}

void transaction_queue_id(struct session *s, struct slice queue_id)
{
	if (s->open && queue_id.len > 0 && !slice_equal(s->queue_id, queue_id))
		s->queue_id = arena_copy(s->mail_arena, queue_id);
}

/* ---- the message
 * ---------------------------------------------------------------------------------- */

bool transaction_wants_headers(const struct session *s)
{
	return s->inbound && ruleset_wants_headers(s->mail.rules);
}

struct answer transaction_header(struct session *s, struct slice name, struct slice value)
{
	struct event e = event_start(s, STAGE_END);
	struct answer answer = {.kind = ANSWER_CONTINUE};

	if (!transaction_wants_headers(s))
		return answer;
	s->header_fields++;
	s->header_bytes += name.len + 1 + value.len + 2;
	if (s->header_fields > HEADER_FIELDS_MAX || s->header_bytes > HEADER_BYTES_MAX)
		return refuse(&e, ACTION_REJECT, REASON_HEADERS_TOO_LARGE);
	if (slice_equal_nocase(name, SLICE("From")) && s->from_count < FROM_FIELDS_MAX)
		s->from_fields[s->from_count++] = arena_copy(s->mail_arena, value);
	if (arena_failed(s->mail_arena))
		return refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}

struct answer transaction_end_of_headers(struct session *s)
{
	(void)s;
	return (struct answer){.kind = ANSWER_CONTINUE};
}

/* One author domain as the identity that rules look at; the first is the author's address. */
static struct identity author_identity(const struct fromheader *from, size_t i)
{
	if (i == 0 && from->author.text.len > 0)
		return identity_of_address(&from->author);
	return (struct identity){
	    .state = FACT_KNOWN,
	    .text = from->domains[i],
	    .name = from->domains[i],
	};
}

/* The worst that any author domain brings upon one recipient. */
static struct verdict decide_authors(struct session *s, const struct fromheader *from)
{
	struct verdict v, worst = {.kind = VERDICT_CONTINUE};
	size_t i = 0;

	do {
		s->facts.id[IDENTITY_FROM] = from->domain_count > 0
						 ? author_identity(from, i)
						 : (struct identity){.state = FACT_ABSENT};
		v = decide(s, PHASE_END);
		if (i == 0 || policy_effect(&v) != ACTION_ACCEPT || (v.would && !worst.would))
			worst = v;
	} while (policy_effect(&worst) == ACTION_ACCEPT && ++i < from->domain_count);
	return worst;
}

static struct answer decide_message(struct session *s, const struct event *e)
{
	struct answer answer = {.kind = ANSWER_CONTINUE};
	struct fromheader from;

	fromheader_parse(s->from_fields, s->from_count, s->env->idna, s->mail_arena, &from);
	if (arena_failed(s->mail_arena))
		return refuse(e, ACTION_TEMPFAIL, REASON_INTERNAL);
	for (struct recipient *r = s->recipients; r && answer.kind == ANSWER_CONTINUE;
	     r = r->next) {
		struct verdict v;
		s->facts.id[IDENTITY_RECIPIENT] = r->identity;
		v = decide_authors(s, &from);
		keep_would(s, &v);
		if (v.kind == VERDICT_FINAL && v.action != ACTION_ACCEPT)
			answer = conclude(e, &v);
	}
	return answer;
}

static size_t would_edits(struct session *s, const struct header_edit **edits)
{
	struct header_edit *made;
	size_t n = 0, i = 0;

	for (struct would *w = s->woulds; w; w = w->next)
		n++;
	*edits = made = n ? arena_calloc(s->mail_arena, n, sizeof *made) : NULL;
	for (struct would *w = s->woulds; w && made; w = w->next)
		made[i++] = (struct header_edit){
		    .name = SLICE("X-Susmilter"),
		    .value =
			arena_printf(s->mail_arena, "rule=%.*s mode=monitor", SLICE_ARG(w->name)),
		};
	return i;
}

struct answer transaction_end(struct session *s, const struct header_edit **edits, size_t *count)
{
	struct event e = event_start(s, STAGE_END);
	struct answer answer = {.kind = ANSWER_CONTINUE};

	*edits = NULL;
	*count = 0;
	if (!s->inbound)
		return answer;
	if (ruleset_wants_headers(s->mail.rules))
		answer = decide_message(s, &e);
	if (answer.kind == ANSWER_CONTINUE || answer.kind == ANSWER_QUARANTINE)
		*count = would_edits(s, edits);
	if (arena_failed(s->mail_arena))
		return refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}

void transaction_abort(struct session *s)
{
	if (s->open)
		forget_transaction(s);
}

bool transaction_open(const struct session *s)
{
	return s->open;
}
