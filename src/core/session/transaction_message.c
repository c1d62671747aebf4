/*
 * The message as it passes: header fields are looked at and counted, shown to DKIM only where some
 * recipient's verdict may hang on a signature, and the body is seen only as far as that needs.
 * Messages of the sample are shown to their evaluation, which changes nothing of all that.
 */
#include "core/mail/authres.h"
#include "core/mail/rfc2047.h"
#include "transaction_state.h"

bool transaction_wants_authenticated_end(const struct session *s)
{
	return s->authenticated && s->mail.rules->has_authenticated_end && s->mail.sees_headers;
}

/* Whether the rules look at header fields. */
static bool rules_want_headers(const struct session *s)
{
	return s->inbound ? ruleset_wants_headers(s->mail.rules)
			  : transaction_wants_authenticated_end(s);
}

static bool is_shown_to_sample(const struct session *s)
{
	return s->inbound && s->sampled && s->mail.sees_headers && s->mail.sees_body;
}

bool transaction_wants_headers(const struct session *s)
{
	return rules_want_headers(s) || is_shown_to_sample(s);
}

/* Whether some recipient's verdict may hang on a signature, so that it pays to verify. */
static bool needs_signatures(const struct session *s)
{
	bool spf_waits = s->facts.spf_state == FACT_UNDER_WAY ||
			 (s->facts.spf_state == FACT_KNOWN && s->facts.spf.result == SPFR_FAIL);

	for (const struct recipient *r = s->recipients; r; r = r->next)
		if (!r->exempt && (s->mail.rules->has_results || r->switches->dmarc != DMARC_OFF ||
				      (spf_waits && r->switches->spf == SPF_UNLESS_DKIM)))
			return true;
	return false;
}

static void start_signatures(struct session *s)
{
	s->wants_dkim = s->inbound && ruleset_wants_body(s->mail.rules) && needs_signatures(s) &&
			transaction_message(s);
}

/* Whether DMARC, and with it all that it needs, is asked for some recipient's sake. */
static bool needs_dmarc(const struct session *s)
{
	for (const struct recipient *r = s->recipients; r; r = r->next)
		if (!r->exempt && r->switches->dmarc != DMARC_OFF)
			return true;
	return false;
}

/* The message begins: its evaluation sees it from here on, where it has one. */
static void start_evaluation(struct session *s)
{
	if (!is_shown_to_sample(s) || needs_dmarc(s))
		return;
	if (!s->evaluation)
		s->evaluation = evaluation_create(s->env, &s->facts, s->mail.mta_name);
	s->shows_evaluation = s->evaluation != NULL;
}

/* Whether programs behind us could take this Authentication-Results for ours. */
static bool is_ours(const struct session *s, struct slice value)
{
	struct slice id = s->mail.rules->settings.authserv_id;

	if (id.len == 0)
		id = s->mail.mta_name;
	return id.len > 0 &&
	       authres_owner(value, id, s->env->idna, s->mail_arena) != AUTHRES_FOREIGN;
}

/* An incoming field that could pass for one of ours is noted, last one first; of results in the
 * standard field those that bear our id, of the others all. */
static void look_for_forgery(struct session *s, struct slice name, struct slice value)
{
	for (enum own_field own = 0; own < OWN_FIELDS; own++) {
		struct slice ours = transaction_own_field(s, own);
		struct forged *f;

		if (!s->inbound || ours.len == 0 || !slice_equal_nocase(name, ours))
			continue;
		s->own_count[own]++;
		if (own == OWN_STANDARD_RESULTS && !is_ours(s, value))
			return;
		f = arena_alloc(s->mail_arena, sizeof *f);
		if (!f)
			return;
		*f = (struct forged){s->forged, ours, s->own_count[own]};
		s->forged = f;
		return;
	}
}

/* A field that some rule asks for is kept as a reader sees it. */
static void keep_field(struct session *s, struct slice name, struct slice value)
{
	char folded[HEADER_NAME_MAX], decoded[RFC2047_TEXT_MAX];
	struct slice key = header_name_fold(name, folded);
	struct header_field *f;

	if (!ruleset_asks_field(s->mail.rules, key))
		return;
	f = arena_alloc(s->mail_arena, sizeof *f);
	if (!f)
		return;
	value = arena_copy(s->mail_arena, rfc2047_decode(value, decoded));
	*f = (struct header_field){.next = s->asked_fields,
	    .name = arena_copy(s->mail_arena, key),
	    .value = idna_compose(s->env->idna, value, s->mail_arena)};
	s->asked_fields = f;
}

/* The clocks are read only here: a header has many fields. */
static struct answer refuse(struct session *s, enum action action, enum reason reason)
{
	struct event e = transaction_event(s, STAGE_END);

	return transaction_refuse(&e, action, reason);
}

/* Beyond the limit nothing more is looked at.  Monitor mode takes the message all the same, judged
 * by its envelope: its author is not known.  Of an authenticated session no rule decides then. */
static struct answer refuse_header(struct session *s)
{
	struct event e = transaction_event(s, STAGE_END);
	struct verdict v = {
	    .kind = VERDICT_FINAL,
	    .action = ACTION_REJECT,
	    .monitored = s->mail.rules->settings.monitor,
	    .family = FAMILY_LIMITS,
	    .reason = REASON_HEADERS_TOO_LARGE,
	};

	s->headers_ended = true;
	s->wants_dkim = false;
	s->facts.header_state = FACT_FAILED;
	if (s->authenticated) {
		s->authenticated = false;
		return (struct answer){.kind = ANSWER_CONTINUE};
	}
	transaction_keep_monitored_verdict(s, &v);
	return transaction_conclude(&e, &v);
}

struct answer transaction_header(struct session *s, struct slice name, struct slice value)
{
	struct answer answer = {.kind = ANSWER_CONTINUE};

	if (!transaction_wants_headers(s) || s->headers_ended)
		return answer;
	name = slice_trim(name); /* "From : x" is a From field (RFC 5322 4.5) */
	if (s->header_fields++ == 0) {
		start_signatures(s);
		start_evaluation(s);
	}
	if (s->shows_evaluation)
		evaluation_header(s->evaluation, name, value);
	if (!rules_want_headers(s))
		return answer;
	s->header_bytes += name.len + 1 + value.len + 2;
	if (s->header_fields > HEADER_FIELDS_MAX || s->header_bytes > HEADER_BYTES_MAX)
		return refuse_header(s);
	if (slice_equal_nocase(name, SLICE("From")) && s->from_count < FROM_FIELDS_MAX)
		s->from_fields[s->from_count++] = arena_copy(s->mail_arena, value);
	else
		look_for_forgery(s, name, value);
	if (s->mail.rules->field_count > 0)
		keep_field(s, name, value);
	if (s->wants_dkim)
		s->env->dkim_header(s->message, name, value);
	if (arena_failed(s->mail_arena))
		return refuse(s, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}

struct answer transaction_no_memory(struct session *s)
{
	arena_starve(s->mail_arena);
	return refuse(s, ACTION_TEMPFAIL, REASON_INTERNAL);
}

void transaction_end_of_headers(struct session *s)
{
	if (!transaction_wants_headers(s) || s->headers_ended)
		return;
	s->headers_ended = true;
	if (s->header_fields == 0) {
		start_signatures(s);
		start_evaluation(s);
	}
	if (s->shows_evaluation)
		evaluation_end_of_headers(s->evaluation);
	if (!rules_want_headers(s))
		return;
	fromheader_parse(s->from_fields, s->from_count, s->env->idna, s->mail_arena, &s->from);
	facts_set_author(&s->facts, &s->from);
	s->facts.header_state = FACT_KNOWN;
	s->facts.header = s->asked_fields;
	s->facts.header_said = arena_calloc(s->mail_arena, s->mail.rules->header_count + 1, 1);
	if (s->wants_dkim) {
		const struct gather g = transaction_gather(s);

		s->wants_body =
		    s->env->dkim_end_of_headers(s->message, s->from.domains, s->from.domain_count);
		gather_dmarc_hints(&g, s->from.domains, s->from.domain_count);
	}
}

bool transaction_body(struct session *s, const char *bytes, size_t len)
{
	bool evaluated = s->shows_evaluation && evaluation_body(s->evaluation, bytes, len);

	if (s->wants_body)
		s->env->dkim_body(s->message, bytes, len);
	return s->wants_body || evaluated;
}

static struct answer judge(const struct event *e)
{
	const struct env *env = e->s->env;
	struct answer answer = transaction_judge(e);

	if (env->observe_latency)
		env->observe_latency(env->self, env->monotonic_us(env->self) - e->started_us);
	return answer;
}

/* RCPT could not wait for SPF; now there is time for it, and it decides what RCPT left open. */
static void go_on(struct session *s)
{
	s->at_end = true;
	if (s->message)
		s->env->at_end(s->message);
	if (s->facts.spf_state == FACT_UNDER_WAY) {
		s->facts.spf_state = FACT_UNKNOWN;
		s->facts.spf_late = true;
	}
}

/* The end of a message at which nothing is decided.  Its author is known if its evaluation saw it.
 */
static void note_end(const struct event *e)
{
	const struct verdict nothing = {.kind = VERDICT_CONTINUE};
	struct session *s = e->s;
	const struct fromheader *from = s->shows_evaluation ? evaluation_from(s->evaluation) : NULL;

	if (!s->recipients)
		return;
	if (from) {
		facts_set_author(&s->facts, from);
		s->facts.id[IDENTITY_FROM] = identity_of_author(from, 0);
	}
	s->facts.id[IDENTITY_RECIPIENT] = s->recipients->identity;
	transaction_note_accepted(e, &nothing);
}

struct answer transaction_end(struct session *s, const struct header_edit **edits, size_t *count)
{
	struct event e = transaction_event(s, STAGE_END);
	struct answer answer = {.kind = ANSWER_CONTINUE};

	*edits = NULL;
	*count = 0;
	if (!s->inbound && !transaction_wants_authenticated_end(s))
		return answer;
	transaction_end_of_headers(s); /* should the MTA not have said so */
	if (s->shows_evaluation)
		evaluation_end(s->evaluation);
	go_on(s);
	if (s->authenticated || ruleset_wants_headers(s->mail.rules))
		answer = judge(&e);
	else
		note_end(&e);
	if (s->inbound && (answer.kind == ANSWER_CONTINUE || answer.kind == ANSWER_QUARANTINE))
		transaction_edits(s, edits, count);
	if (arena_failed(s->mail_arena))
		return transaction_refuse(&e, ACTION_TEMPFAIL, REASON_INTERNAL);
	return answer;
}
