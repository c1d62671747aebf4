#include "core/session/policy_session.h"

#include <stdlib.h>

/* An `instance` that never changes is no message: what belongs to one does not grow without end.
 * Postfix takes 1,000 recipients (smtpd_recipient_limit). */
enum { RECIPIENTS_MAX = 1000 };

/* The paths of one question, quoted. */
enum { REQUEST_ARENA_MAX = 8 * POLICY_REQUEST_MAX };

struct policy_session {
	const struct env *env;
	struct arena *arena;     /* of one question */
	struct arena *kept;      /* of one message */
	struct session *session; /* NULL: none yet */
	/* What all questions of one message have in common, one value behind the other, each with
	 * its length; those of the client first. */
	struct slice message;
	bool open;    /* a message is being asked about */
	bool inbound; /* … and judged */
	bool restart; /* … with what is no good for another recipient */
	unsigned recipients;
};

struct policy_session *policy_session_create(const struct env *env)
{
	struct policy_session *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->env = env;
	p->arena = arena_create(REQUEST_ARENA_MAX);
	p->kept = arena_create(REQUEST_ARENA_MAX);
	if (!p->arena || !p->kept)
		policy_session_free(&p);
	return p;
}

void policy_session_free(struct policy_session **p)
{
	if (!*p)
		return;
	session_free(&(*p)->session);
	arena_free(&(*p)->arena);
	arena_free(&(*p)->kept);
	free(*p);
	*p = NULL;
}

/* ---- which message ------------------------------------------------------------------- */

/* The values in which questions of one message agree: those of the client, then the others. */
enum { CLIENT_VALUES = 3, MESSAGE_VALUES = 8 };

static void values_of(const struct policy_request *r, struct slice out[MESSAGE_VALUES])
{
	const struct slice values[MESSAGE_VALUES] = {r->client_address, r->client_port,
	    r->client_name, r->instance, r->helo_name, r->sender, r->sasl_username,
	    r->encryption_protocol};

	memcpy(out, values, sizeof values);
}

/* Whether the first values are those of the message that was asked about last. */
static bool same(const struct policy_session *p, const struct policy_request *r, unsigned count)
{
	struct slice values[MESSAGE_VALUES], rest = p->message;

	values_of(r, values);
	for (unsigned i = 0; i < count; i++) {
		size_t len;

		if (rest.len < sizeof len)
			return false;
		memcpy(&len, rest.ptr, sizeof len);
		rest = slice_skip(rest, sizeof len);
		if (len != values[i].len || !slice_starts(rest, values[i]))
			return false;
		rest = slice_skip(rest, len);
	}
	return true;
}

static bool keep_message(struct policy_session *p, const struct policy_request *r)
{
	struct slice values[MESSAGE_VALUES];
	size_t len = 0;
	char *at;

	values_of(r, values);
	for (unsigned i = 0; i < MESSAGE_VALUES; i++)
		len += sizeof len + values[i].len;
	arena_reset(p->kept);
	at = arena_alloc(p->kept, len);
	p->message = slice_of(at, at ? len : 0);
	for (unsigned i = 0; i < MESSAGE_VALUES && at; i++) {
		memcpy(at, &values[i].len, sizeof values[i].len);
		at += sizeof values[i].len;
		if (values[i].len > 0)
			memcpy(at, values[i].ptr, values[i].len);
		at += values[i].len;
	}
	return at;
}

bool policy_session_goes_on(const struct policy_session *p, const struct policy_request *r)
{
	return p->open && !p->restart && p->recipients < RECIPIENTS_MAX && r->instance.len > 0 &&
	       same(p, r, MESSAGE_VALUES);
}

void policy_session_end(struct policy_session *p)
{
	if (p->session)
		transaction_abort(p->session);
	p->open = false;
}

/* ---- what is asked ------------------------------------------------------------------- */

static bool is_quoted(struct slice local)
{
	return local.len >= 2 && local.ptr[0] == '"' && local.ptr[local.len - 1] == '"';
}

/*
 * The path as it would stand in an SMTP command.  Postfix tells addresses as it keeps them, without
 * the quotes of RFC 5321: a"b@example.org.  The null sender is told as nothing.
 */
static struct slice path_of(struct policy_session *p, struct slice address)
{
	size_t at = slice_find_last(address, '@'), n = 0;
	struct slice local = slice_of(address.ptr, at), domain = slice_skip(address, at);
	char *path;

	if (address.len == 0)
		return SLICE("<>");
	if (is_quoted(local) || slice_starts(address, SLICE("<")))
		return address;
	path = arena_alloc(p->arena, 2 * address.len + 2);
	if (!path)
		return slice_of(NULL, 0);
	path[n++] = '"';
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"' || local.ptr[i] == '\\')
			path[n++] = '\\';
		path[n++] = local.ptr[i];
	}
	path[n++] = '"';
	if (domain.len > 0)
		memcpy(path + n, domain.ptr, domain.len);
	return slice_of(path, n + domain.len);
}

/* What an MTA says of a client without a confirmed name. */
static struct slice verified_name(struct slice name)
{
	return slice_equal_nocase(name, SLICE("unknown")) || slice_starts(name, SLICE("["))
		   ? slice_of(NULL, 0)
		   : name;
}

static bool meet_client(struct policy_session *p, const struct policy_request *r)
{
	struct ip ip = {.family = IP_NONE};
	uint64_t port = 0;

	if (p->session && r->client_port.len > 0 && same(p, r, CLIENT_VALUES))
		return true;
	session_free(&p->session);
	p->session = session_create(p->env);
	if (!p->session)
		return false;
	ip_parse(r->client_address, &ip);
	slice_to_uint(r->client_port, UINT16_MAX, &port);
	session_through(p->session, DOOR_POLICY, (uint16_t)port);
	session_connect(p->session, &ip, verified_name(r->client_name), false);
	return true;
}

static struct answer begin(struct policy_session *p, const struct policy_request *r,
    const struct ruleset *rules, uint64_t generation)
{
	struct slice path = path_of(p, r->sender);

	session_helo(p->session, r->helo_name);
	return transaction_mail(p->session, &(struct mail_event){
						.rules = rules,
						.generation = generation,
						.sender = r->sender.len > 0 ? r->sender : path,
						.mta_sender = path,
						.auth = r->sasl_username,
						.queue_id = r->queue_id,
						.tls = r->encryption_protocol,
						.gives_tls = r->encryption_protocol.ptr != NULL,
						.sees_headers = true,
						.sees_body = true,
					    });
}

/* Nothing could be decided for want of memory. */
static const struct answer no_memory = {.kind = ANSWER_TEMPFAIL, .broken = true};

static struct answer ask(struct policy_session *p, const struct policy_request *r,
    const struct ruleset *rules, uint64_t generation)
{
	struct answer answer = {.kind = ANSWER_CONTINUE};

	if (!p->open) {
		if (!meet_client(p, r) || !keep_message(p, r))
			return no_memory;
		p->open = true;
		p->restart = false;
		p->recipients = 0;
		answer = begin(p, r, rules, generation);
		p->inbound = answer.kind == ANSWER_CONTINUE;
	}
	p->recipients++;
	if (p->inbound)
		answer = transaction_rcpt(p->session, r->recipient, path_of(p, r->recipient));
	p->restart = answer.broken;
	return answer;
}

struct answer policy_session_ask(struct policy_session *p, const struct policy_request *r,
    const struct ruleset *rules, uint64_t generation)
{
	struct answer answer = {.kind = ANSWER_CONTINUE};

	if (!slice_equal(r->protocol_state, SLICE("RCPT")))
		return answer;
	arena_reset(p->arena);
	answer = ask(p, r, rules, generation);
	if (arena_failed(p->arena))
		answer = no_memory;
	return answer;
}
