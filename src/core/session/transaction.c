#include "core/session/transaction.h"

#include "core/mail/rfc5322.h"
#include "transaction_state.h"

/* ---- answers and records ------------------------------------------------------------- */

struct event transaction_event(struct session *s, enum stage stage)
{
	int64_t now = s->env->monotonic_us(s->env->self);

	s->facts.now = s->env->now_us(s->env->self) / 1000000;
	return (struct event){s, stage, now};
}

static struct record record_of(const struct event *e, const struct verdict *v)
{
	const struct session *s = e->s;
	const struct env *env = s->env;

	return (struct record){
	    .time_us = env->now_us(env->self),
	    .took_us = env->monotonic_us(env->self) - e->started_us,
	    .session = slice_of(s->id, TOKEN_CHARS),
	    .transaction = s->transactions,
	    .queue_id = s->queue_id,
	    .generation = s->mail.generation,
	    .stage = e->stage,
	    .rules = s->mail.rules,
	    .facts = &s->facts,
	    .decision = decision_of(v),
	};
}

/* Gives the record its id; `number` must live as long as the record. */
static void number_record(const struct env *env, struct record *r, struct record_number *number)
{
	*number = (struct record_number){.row = 0};
	if (!env->number || !env->number(env->self, r, number))
		env->token(env->self, number->token);
	r->token = slice_of(number->token, sizeof number->token);
	r->number = number;
}

/* The id, if `explain --decision` will find it by a row of the history or a line of the log; a
 * reply with any other id would lead nowhere. */
static struct slice findable(const struct record *r)
{
	bool kept = r->number->row != 0 || (r->number->lines & RECORD_FILE);

	return kept ? r->token : slice_of(NULL, 0);
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

/* A row of the sample that lacks results which may be found out afterwards: of a recipient that is
 * refused SPF, and of the end of a message all that nothing needed. */
static void note_evaluated(
    const struct event *e, const struct record_number *number, const struct verdict *v)
{
	struct session *s = e->s;
	bool refusal = e->stage == STAGE_RCPT && s->facts.spf_state == FACT_UNKNOWN &&
		       (policy_effect(v) == ACTION_REJECT || policy_effect(v) == ACTION_TEMPFAIL);
	bool end = e->stage == STAGE_END && s->facts.dmarc_state == FACT_UNKNOWN &&
		   (s->shows_evaluation || s->facts.spf_state == FACT_UNKNOWN);

	if (!s->sampled || !s->inbound || v->family == FAMILY_LIMITS || (!refusal && !end))
		return;
	if (!s->evaluation)
		s->evaluation = evaluation_create(s->env, &s->facts, s->mail.mta_name);
	if (s->evaluation)
		evaluation_note(s->evaluation, number, v, &s->facts);
}

struct answer transaction_conclude(const struct event *e, const struct verdict *v)
{
	const struct env *env = e->s->env;
	struct answer answer = {.kind = answer_of(v)};
	struct record r = record_of(e, v);
	struct record_number number;
	bool elsewhere = env->elsewhere && env->elsewhere(env->self, &r);

	e->s->elsewhere |= elsewhere;
	if (elsewhere && answer.kind == ANSWER_CONTINUE)
		return answer;
	number_record(env, &r, &number);
	if (env->lines && !elsewhere)
		number.lines = env->lines(env->self, &r);
	if (r.decision.action != ACTION_ACCEPT) {
		reply_make(e->s->mail.rules, &e->s->facts, v, findable(&r), &answer.reply);
		r.reply = &answer.reply;
	}
	if (!elsewhere)
		env->record(env->self, &r);
	note_evaluated(e, &number, v);
	return answer;
}

void transaction_note_accepted(const struct event *e, const struct verdict *v)
{
	const struct env *env = e->s->env;
	struct record r = record_of(e, v);
	struct record_number number;

	if (!env->accepted || (env->elsewhere && env->elsewhere(env->self, &r)))
		return;
	number_record(env, &r, &number);
	env->accepted(env->self, &r);
	note_evaluated(e, &number, v);
}

struct answer transaction_refuse(const struct event *e, enum action action, enum reason reason)
{
	struct verdict v = {
	    .kind = VERDICT_FINAL,
	    .action = action,
	    .family = FAMILY_LIMITS,
	    .reason = reason,
	};
	struct answer answer;

	answer = transaction_conclude(e, &v);
	answer.broken = reason == REASON_INTERNAL;
	return answer;
}

struct answer transaction_one_too_many(struct session *s)
{
	struct event e = transaction_event(s, STAGE_CONNECT);

	return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_TOO_MANY_SESSIONS);
}

/* ---- facts on demand ----------------------------------------------------------------- */

/* A question of the policy protocol has no end of the message to go on at: it waits for all of SPF
 * (SPEC 9). */
static void limit_rcpt(struct session *s)
{
	if (s->message && s->env->at_rcpt && s->facts.door == DOOR_MILTER)
		s->env->at_rcpt(s->message);
}

struct message *transaction_message(struct session *s)
{
	if (s->message || !s->env->message_start)
		return s->message;
	s->message = s->env->message_start(s->env->self, s->mail_arena, s->facts.now);
	if (s->message && s->at_end)
		s->env->at_end(s->message);
	else if (s->message && s->facts.door == DOOR_POLICY)
		s->env->without_end(s->message);
	else
		limit_rcpt(s);
	return s->message;
}

static const struct dns *ask_dns(void *env)
{
	struct session *s = env;
	struct message *m = transaction_message(s);

	return m ? s->env->dns(m) : NULL;
}

static bool ask_spf(void *env, const struct spf_query *query, struct spf_answer *out)
{
	struct session *s = env;

	return s->env->spf(s->message, query, out);
}

static bool ask_dkim(void *env, struct dkim_answer *out)
{
	struct session *s = env;

	return s->message && s->wants_dkim && s->env->dkim_finish(s->message, out);
}

static bool list_in_use(void *env, const struct dnsbl *list)
{
	const struct session *s = env;

	return !s->env->list_in_use || s->env->list_in_use(s->env->self, list);
}

static void list_error(void *env, const struct dnsbl *list)
{
	const struct session *s = env;

	if (s->env->list_error)
		s->env->list_error(s->env->self, list);
}

struct gather transaction_gather(struct session *s)
{
	return (struct gather){
	    .facts = &s->facts,
	    .arena = s->mail_arena,
	    .idna = s->env->idna,
	    .receiver = s->mail.mta_name,
	    .env = s,
	    .dns = ask_dns,
	    .spf = ask_spf,
	    .dkim = ask_dkim,
	    .rules = s->mail.rules,
	    .list_in_use = list_in_use,
	    .list_error = list_error,
	};
}

void transaction_look_at(
    struct session *s, enum identity_kind kind, const struct identity *identity)
{
	s->facts.id[kind] = *identity;
	dnsbl_forget(s->mail.rules->dnsbls, s->mail.rules->dnsbl_count, kind, &s->facts);
}

struct verdict transaction_decide(struct session *s, enum phase phase)
{
	const struct gather g = transaction_gather(s);
	struct verdict v;

	while ((v = policy_decide(s->mail.rules, &s->facts, phase)).kind == VERDICT_NEED)
		gather_facts(&g, v.need);
	return v;
}

/* ---- MAIL and RCPT ------------------------------------------------------------------- */

/* What the DNS says of the client stands for the session; what it did not say is asked again. */
static void forget_failure(struct word_fact *fact)
{
	if (fact->state != FACT_KNOWN || fact->unknown != 0)
		*fact = (struct word_fact){.state = FACT_UNKNOWN};
}

static void forget_transaction(struct session *s)
{
	static const struct identity nobody = {.state = FACT_UNKNOWN};

	transaction_tell_results(s);
	if (s->evaluation && evaluation_has_rows(s->evaluation))
		s->env->evaluate(s->env->self, s->evaluation);
	else
		evaluation_free(&s->evaluation);
	s->evaluation = NULL;
	s->shows_evaluation = false;
	if (s->message)
		s->env->message_end(s->message);
	s->message = NULL;
	arena_reset(s->mail_arena);
	s->open = s->inbound = s->authenticated = s->elsewhere = false;
	s->split = s->split_alone = false;
	s->wants_dkim = s->headers_ended = s->wants_body = s->at_end = false;
	s->mail = (struct mail_event){.rules = NULL};
	s->queue_id = slice_of(NULL, 0);
	s->recipients = NULL;
	s->recipients_end = &s->recipients;
	s->monitored_rules = NULL;
	s->header_bytes = s->header_fields = s->from_count = 0;
	memset(s->own_count, 0, sizeof s->own_count);
	s->forged = NULL;
	s->from = (struct fromheader){.kind = FROM_NONE};
	memset(s->authors, 0, sizeof s->authors);
	s->facts.auth_state = FACT_ABSENT;
	s->facts.tls = TLS_UNKNOWN;
	s->facts.spf_state = s->facts.dkim_state = s->facts.dmarc_state = FACT_UNKNOWN;
	s->facts.author_state = FACT_UNKNOWN;
	s->facts.aligned_state = FACT_UNKNOWN;
	s->facts.sender_dns = s->facts.from_dns = (struct word_fact){.state = FACT_UNKNOWN};
	s->facts.lists_asked = s->facts.lists = s->facts.lists_open = 0;
	forget_failure(&s->facts.reverse);
	forget_failure(&s->facts.helo_dns);
	s->facts.mta_name = slice_of(NULL, 0);
	s->facts.author_why = slice_of(NULL, 0);
	s->facts.header_state = FACT_UNKNOWN;
	s->facts.header = NULL;
	s->facts.header_said = NULL;
	s->asked_fields = NULL;
	s->facts.spf_late = false;
	s->facts.spf = (struct spf_answer){.result = SPFR_NONE};
	s->facts.dkim = (struct dkim_answer){.count = 0};
	s->facts.dmarc = (struct dmarc_result){.verdict = DMARC_V_NONE};
	s->facts.id[IDENTITY_SENDER] = s->facts.id[IDENTITY_FROM] =
	    s->facts.id[IDENTITY_RECIPIENT] = nobody;
}

/* A local part in which no reader sees the end of an address: a dot-string, with any number of dots
 * and 8-bit bytes, or a quoted string. */
static bool is_plain(struct slice path)
{
	struct rfc5322 s = {.text = slice_of(path.ptr, slice_find_last(path, '@'))};

	rfc5322_take(&s, '<');
	if (rfc5322_peek(&s) == '"')
		rfc5322_quoted(&s);
	else
		rfc5322_atom(&s, SLICE("."));
	return !s.wrong && s.at == s.text.len;
}

/*
 * MTAs take more than RFC 5321: "<a@(x)example.org>", "<A <a@example.org>>", and to Postfix
 * "<a@example.org(@example.net>" is a@example.org.  Where an address is not plain or shows no
 * domain, that which the MTA makes of it counts: there the mail goes.
 */
static struct identity envelope_identity(struct session *s, struct slice text, struct slice mta)
{
	struct address given, read;
	struct identity id;

	address_parse(arena_copy(s->mail_arena, text), s->env->idna, s->mail_arena, &given);
	if ((given.domain.len == 0 || !is_plain(text)) && !given.null &&
	    !address_parse(arena_copy(s->mail_arena, mta), s->env->idna, s->mail_arena, &read) &&
	    read.domain.len > 0)
		given = read;
	id = identity_of_address(&given);
	if (s->mail.rules->pattern_count > 0)
		id.hits = arena_calloc(s->mail_arena, 1, sizeof *id.hits);
	return id;
}

/* What patterns said of the client holds under these rules alone. */
static void forget_hits_of_others(struct session *s, const struct mail_event *mail)
{
	if (s->hits_rules == mail->rules && s->hits_generation == mail->generation)
		return;
	s->hits_rules = mail->rules;
	s->hits_generation = mail->generation;
	s->name_hits.known = s->helo_hits.known = false;
}

/* The record is asked for at RCPT by nearly every message where SPF is on: let it set out now. */
static void hint_spf(struct session *s)
{
	const struct switches *defaults = &s->mail.rules->settings.defaults;
	struct spf_query query = gather_spf_query(&s->facts, s->mail.mta_name);
	struct message *m;

	if ((defaults->spf == SPF_OFF && defaults->dmarc == DMARC_OFF) ||
	    !(m = transaction_message(s)))
		return;
	spf_hints(s->env->dns(m), &query);
}

struct answer transaction_mail(struct session *s, const struct mail_event *mail)
{
	struct event e = transaction_event(s, STAGE_MAIL);
	struct verdict v;
	struct answer answer = {.kind = ANSWER_CONTINUE};

	forget_transaction(s);
	s->transactions++;
	s->open = true;
	s->mail = *mail;
	forget_hits_of_others(s, mail);
	s->mail.mta_name =
	    arena_copy(s->mail_arena, mail->mta_name.len > 0 ? mail->mta_name : s->env->host_name);
	if (mail->rules->asks_for_own_names &&
	    name_parse(s->mail.mta_name, s->env->idna, s->mail_arena, &s->facts.mta_name) != NULL)
		s->facts.mta_name = slice_of(NULL, 0);
	s->queue_id = arena_copy(s->mail_arena, mail->queue_id);
	s->facts.id[IDENTITY_SENDER] = envelope_identity(s, mail->sender, mail->mta_sender);
	s->facts.tls = tls_version_of(mail->tls, mail->gives_tls);
	if (mail->auth.len > 0) {
		s->facts.auth_state = FACT_KNOWN;
		s->facts.auth = arena_copy(s->mail_arena, mail->auth);
	}
	/* Of the client, too: a name that was not kept would be one that it does not have. */
	if (arena_failed(s->mail_arena) || arena_starved(s->arena) || arena_starved(s->helo_arena))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	v = transaction_decide(s, PHASE_MAIL);
	if (v.kind == VERDICT_FINAL) {
		answer = transaction_conclude(&e, &v);
		s->authenticated =
		    facts_are_authenticated(&s->facts) && mail->rules->has_authenticated;
		if (!s->authenticated)
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
	    .monitored = v->monitored,
	    .spf_override = (v->withdrawn & 1u << FAMILY_SPF) != 0 ? v->rule : NULL,
	};
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

void transaction_keep_monitored_verdict(struct session *s, const struct verdict *v)
{
	const struct slice name = decision_of(v).cause;
	struct monitored_rule **at = &s->monitored_rules;

	if (!v->monitored)
		return;
	for (; *at; at = &(*at)->next)
		if (slice_equal((*at)->name, name))
			return;
	*at = arena_alloc(s->mail_arena, sizeof **at);
	if (*at)
		**at = (struct monitored_rule){NULL, name};
}

/* MAIL has recorded that it is accepted; what is said here is what a rule does to it. */
static struct answer rcpt_of_authenticated(const struct event *e)
{
	struct session *s = e->s;
	struct verdict v = transaction_decide(s, PHASE_RCPT);
	struct recipient recipient = {.identity = s->facts.id[IDENTITY_RECIPIENT],
	    .exempt = v.reason == REASON_EXEMPT,
	    .monitored = v.monitored};
	struct answer answer = {.kind = ANSWER_CONTINUE};

	if (arena_failed(s->mail_arena))
		return transaction_refuse(e, ACTION_TEMPFAIL, REASON_INTERNAL);
	if (v.action != ACTION_ACCEPT || v.undecided)
		answer = transaction_conclude(e, &v);
	else
		transaction_note_accepted(e, &v);
	if (answer.kind == ANSWER_CONTINUE && !keep_recipient(s, &recipient))
		return transaction_refuse(e, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}

struct answer transaction_rcpt(
    struct session *s, struct slice recipient, struct slice mta_recipient)
{
	struct event e = transaction_event(s, STAGE_RCPT);
	struct answer answer = {.kind = ANSWER_CONTINUE};
	struct recipient recipient_is;
	struct identity identity;
	struct verdict v;

	if (!s->inbound && !s->authenticated)
		return answer;
	limit_rcpt(s);
	identity = envelope_identity(s, recipient, mta_recipient);
	transaction_look_at(s, IDENTITY_RECIPIENT, &identity);
	if (s->authenticated)
		return rcpt_of_authenticated(&e);
	v = transaction_decide(s, PHASE_RCPT);
	transaction_keep_monitored_verdict(s, &v);
	if (arena_failed(s->mail_arena))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	recipient_is = recipient_now(s, &v);
	if (policy_effect(&v) == ACTION_ACCEPT && transaction_must_come_apart(s, &recipient_is))
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

void transaction_abort(struct session *s)
{
	if (s->open)
		forget_transaction(s);
}
