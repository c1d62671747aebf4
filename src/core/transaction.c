#include "core/transaction.h"

#include "core/authres.h"
#include "transaction_state.h"

#include <stdlib.h>

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
	transaction_abort(*s);
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

struct answer transaction_conclude(const struct event *e, const struct verdict *v)
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

struct answer transaction_refuse(const struct event *e, enum action action, enum reason reason)
{
	struct verdict v = {
	    .kind = VERDICT_FINAL,
	    .action = action,
	    .family = FAMILY_LIMITS,
	    .reason = reason,
	};

	return transaction_conclude(e, &v);
}

/* ---- MAIL and RCPT
 * -------------------------------------------------------------------------------- */

static void forget_transaction(struct session *s)
{
	static const struct identity nobody = {.state = FACT_UNKNOWN};

	if (s->message)
		s->env->message_end(s->message);
	s->message = NULL;
	arena_reset(s->mail_arena);
	s->open = s->inbound = s->split = s->split_alone = s->wants_dkim = s->body_done = false;
	s->mail = (struct mail_event){.rules = NULL};
	s->queue_id = slice_of(NULL, 0);
	s->recipients = NULL;
	s->recipients_end = &s->recipients;
	s->woulds = NULL;
	s->header_bytes = s->header_fields = s->from_count = 0;
	s->results_fields = 0;
	s->forged = NULL;
	s->from = (struct fromheader){.kind = FROM_NONE};
	s->facts.auth_state = FACT_ABSENT;
	s->facts.spf_state = s->facts.dkim_state = s->facts.dmarc_state = FACT_UNKNOWN;
	s->facts.author_state = FACT_UNKNOWN;
	s->facts.spf = (struct spf_answer){.result = SPFR_NONE};
	s->facts.dkim = (struct dkim_answer){.count = 0};
	s->facts.dmarc = (struct dmarc_result){.verdict = DMARC_V_NONE};
	s->facts.id[IDENTITY_SENDER] = s->facts.id[IDENTITY_FROM] =
	    s->facts.id[IDENTITY_RECIPIENT] = nobody;
}

static struct identity envelope_identity(struct session *s, struct slice text)
{
	struct address address;

	address_parse(arena_copy(s->mail_arena, text), s->env->idna, s->mail_arena, &address);
	return identity_of_address(&address);
}

/* The record is asked for at RCPT by nearly every message where SPF is on: let it set out now. */
static void hint_spf(struct session *s)
{
	const struct switches *defaults = &s->mail.rules->settings.defaults;
	struct spf_query query = {
	    .helo = s->facts.id[IDENTITY_HELO].text,
	    .domain = s->facts.id[IDENTITY_SENDER].name,
	};
	struct message *m;

	if ((defaults->spf == SPF_OFF && defaults->dmarc == DMARC_OFF) ||
	    !(m = transaction_message(s)))
		return;
	spf_hints(s->env->dns(m), &query);
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
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	v = transaction_decide(s, PHASE_MAIL);
	if (v.kind == VERDICT_FINAL) {
		answer = transaction_conclude(&e, &v);
		answer.kind = ANSWER_DONE;
		return answer;
	}
	if ((ruleset_wants_headers(mail->rules) && !mail->sees_headers) ||
	    (ruleset_wants_body(mail->rules) && !mail->sees_body))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_POLICY_CHANGED);
	s->inbound = true;
	hint_spf(s);
	return answer;
}

static struct recipient recipient_now(const struct session *s, const struct verdict *v)
{
	const struct identity *id = &s->facts.id[IDENTITY_RECIPIENT];

	return (struct recipient){
	    .identity = *id,
	    .switches = ruleset_switches(s->mail.rules, id->name),
	    .exempt = v->reason == REASON_EXEMPT,
	};
}

/* After a disagreement, recipients of another kind than the first are asked to come apart. */
static bool must_come_apart(struct session *s, const struct recipient *r)
{
	const struct env *env = s->env;

	if (!env->split_known)
		return false;
	s->split |= env->split_known(env->self, transaction_split_key(s, &r->identity, false));
	s->split_alone |= env->split_known(env->self, transaction_split_key(s, &r->identity, true));
	if (!s->recipients)
		return false;
	return s->split_alone || (s->split && (r->exempt != s->recipients->exempt ||
						  r->switches != s->recipients->switches));
}

static bool keep_recipient(struct session *s, const struct recipient *accepted)
{
	struct recipient *r = arena_alloc(s->mail_arena, sizeof *r);

	if (!r)
		return false;
	*r = *accepted;
	*s->recipients_end = r;
	s->recipients_end = &r->next;
	return true;
}

void transaction_keep_would(struct session *s, const struct verdict *v)
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
	struct recipient recipient_is;
	struct verdict v;

	if (!s->inbound)
		return answer;
	s->facts.id[IDENTITY_RECIPIENT] = envelope_identity(s, recipient);
	v = transaction_decide(s, PHASE_RCPT);
	transaction_keep_would(s, &v);
	if (arena_failed(s->mail_arena))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	recipient_is = recipient_now(s, &v);
	if (policy_effect(&v) == ACTION_ACCEPT && must_come_apart(s, &recipient_is))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_OTHER_RECIPIENTS);
	answer = transaction_conclude(&e, &v);
	if (answer.kind == ANSWER_CONTINUE && !keep_recipient(s, &recipient_is))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
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

/* Whether some recipient's verdict may hang on a signature, so that it pays to verify. */
static bool needs_signatures(const struct session *s)
{
	bool spf_waits = s->facts.spf_state == FACT_KNOWN && s->facts.spf.result == SPFR_FAIL;

	for (const struct recipient *r = s->recipients; r; r = r->next)
		if (!r->exempt && (r->switches->dmarc != DMARC_OFF ||
				      (spf_waits && r->switches->spf == SPF_UNLESS_DKIM)))
			return true;
	return false;
}

static void start_signatures(struct session *s)
{
	s->wants_dkim =
	    ruleset_wants_body(s->mail.rules) && needs_signatures(s) && transaction_message(s);
}

/* An incoming Authentication-Results that could pass for ours is noted, last one first. */
static void look_for_forgery(struct session *s, struct slice value)
{
	struct slice id = s->mail.rules->settings.authserv_id;
	struct forged *f;

	s->results_fields++;
	if (id.len == 0)
		id = s->mail.mta_name;
	if (id.len == 0 || authres_owner(value, id, s->env->idna, s->mail_arena) == AUTHRES_FOREIGN)
		return;
	f = arena_alloc(s->mail_arena, sizeof *f);
	if (!f)
		return;
	*f = (struct forged){s->forged, s->results_fields};
	s->forged = f;
}

struct answer transaction_header(struct session *s, struct slice name, struct slice value)
{
	struct event e = event_start(s, STAGE_END);
	struct answer answer = {.kind = ANSWER_CONTINUE};

	if (!transaction_wants_headers(s))
		return answer;
	name = slice_trim(name); /* "From : x" is a From field (RFC 5322 4.5) */
	if (s->header_fields++ == 0)
		start_signatures(s);
	s->header_bytes += name.len + 1 + value.len + 2;
	if (s->header_fields > HEADER_FIELDS_MAX || s->header_bytes > HEADER_BYTES_MAX)
		return transaction_refuse(&e, ACTION_REJECT, REASON_HEADERS_TOO_LARGE);
	if (slice_equal_nocase(name, SLICE("From")) && s->from_count < FROM_FIELDS_MAX)
		s->from_fields[s->from_count++] = arena_copy(s->mail_arena, value);
	else if (slice_equal_nocase(name, SLICE("Authentication-Results")))
		look_for_forgery(s, value);
	if (s->wants_dkim)
		s->env->dkim_header(s->message, name, value);
	if (arena_failed(s->mail_arena))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}

struct answer transaction_end_of_headers(struct session *s)
{
	struct slice domain = slice_of(NULL, 0);

	s->body_done = true;
	if (!transaction_wants_headers(s))
		return (struct answer){.kind = ANSWER_CONTINUE};
	if (s->header_fields == 0)
		start_signatures(s);
	fromheader_parse(s->from_fields, s->from_count, s->env->idna, s->mail_arena, &s->from);
	s->facts.author = s->from.kind;
	s->facts.author_state = FACT_KNOWN;
	if (s->from.kind == FROM_ONE)
		domain = s->from.domains[0];
	if (s->wants_dkim) {
		s->body_done = !s->env->dkim_end_of_headers(s->message, domain);
		if (domain.len > 0)
			dmarc_hint(s->env->dns(s->message), domain);
	}
	return (struct answer){.kind = ANSWER_CONTINUE};
}

bool transaction_body(struct session *s, const char *bytes, size_t len)
{
	if (!s->inbound || s->body_done)
		return false;
	s->env->dkim_body(s->message, bytes, len);
	return true;
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
		answer = transaction_judge(&e);
	if (answer.kind == ANSWER_CONTINUE || answer.kind == ANSWER_QUARANTINE)
		transaction_edits(s, edits, count);
	if (arena_failed(s->mail_arena))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
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
