#include "policy_connection.h"

#include "core/session/policy_session.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct policy_connection {
	int fd;
	const struct env *env;
	struct table *table;
	char *in; /* POLICY_REQUEST_MAX octets, or NULL */
	size_t len, looked;
	struct policy_session *session;  /* NULL until the first request */
	const struct generation *pinned; /* of the session's message */
};

struct policy_connection *policy_connection_create(
    int fd, const struct env *env, struct table *table)
{
	struct policy_connection *c = calloc(1, sizeof *c);

	if (!c) {
		close(fd);
		return NULL;
	}
	*c = (struct policy_connection){.fd = fd, .env = env, .table = table};
	return c;
}

void policy_connection_free(struct policy_connection **connection)
{
	struct policy_connection *c = *connection;

	if (!c)
		return;
	policy_session_free(&c->session);
	table_unpin(&c->pinned);
	free(c->in);
	close(c->fd);
	free(c);
	*connection = NULL;
}

int policy_connection_fd(const struct policy_connection *c)
{
	return c->fd;
}

bool policy_connection_is_waiting(const struct policy_connection *c)
{
	return c->len > 0;
}

bool policy_connection_has_message(const struct policy_connection *c)
{
	return c->session;
}

void policy_connection_rest(struct policy_connection *c)
{
	policy_session_free(&c->session);
	table_unpin(&c->pinned);
}

/* ---- one request --------------------------------------------------------------------- */

/* An MTA that takes no answers is gone: what a socket holds of them is hundreds. */
static bool say(struct policy_connection *c, const struct answer *answer, bool tempfail)
{
	char text[POLICY_ANSWER_MAX];
	size_t len = policy_answer(answer, tempfail, text);

	return send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len;
}

static struct answer decide(struct policy_connection *c, const struct policy_request *r, bool full)
{
	const struct answer broken = {.kind = ANSWER_TEMPFAIL, .broken = true};

	if (full)
		return broken;
	if (!c->session)
		c->session = policy_session_create(c->env);
	if (!c->session)
		return broken;
	if (!policy_session_goes_on(c->session, r)) {
		policy_session_end(c->session);
		table_unpin(&c->pinned);
		c->pinned = table_pin(c->table);
	}
	return policy_session_ask(c->session, r, c->pinned->rules, c->pinned->number);
}

/* What is said where nothing could be decided is a setting of the generation of now. */
static bool says_tempfail(struct table *table)
{
	const struct generation *g = table_pin(table);
	bool tempfail = g->config->policy_failure_tempfail;

	table_unpin(&g);
	return tempfail;
}

static bool answer_request(
    struct policy_connection *c, struct slice text, bool full, struct policy_served *served)
{
	struct policy_request request;
	struct answer answer = {.kind = ANSWER_TEMPFAIL, .broken = true};
	bool whole = policy_request_parse(text, &request) == NULL;

	if (whole)
		answer = decide(c, &request, full);
	served->requests++;
	served->malformed += !whole;
	served->failed += answer.broken;
	served->refused +=
	    !answer.broken && answer.kind != ANSWER_CONTINUE && answer.kind != ANSWER_DONE;
	return say(c, &answer, answer.broken && says_tempfail(c->table)) && whole;
}

/* ---- octets -------------------------------------------------------------------------- */

/* All whole requests of the buffer; what is left stands at its beginning. */
static bool answer_all(struct policy_connection *c, bool full, struct policy_served *served)
{
	struct slice rest = slice_of(c->in, c->len);
	bool going = true;
	size_t n;

	while (going && (n = policy_request_length(rest, c->looked)) > 0) {
		c->looked = 0;
		/* Line ends between requests are none. */
		if (n > 2)
			going = answer_request(c, slice_of(rest.ptr, n), full, served);
		rest = slice_skip(rest, n);
	}
	if (rest.len > 0)
		memmove(c->in, rest.ptr, rest.len);
	c->len = c->looked = rest.len;
	return going;
}

/* False when nothing more will come: the other side has closed, at least for writing, and what it
 * wrote before that is answered. */
static bool read_some(struct policy_connection *c)
{
	ssize_t n;

	if (!c->in)
		c->in = malloc(POLICY_REQUEST_MAX);
	if (!c->in)
		return false;
	n = recv(c->fd, c->in + c->len, POLICY_REQUEST_MAX - c->len, MSG_DONTWAIT);
	if (n > 0)
		c->len += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
}

/* A request that is longer than any: it is answered, for an MTA that waits. */
static void refuse_long(struct policy_connection *c, struct policy_served *served)
{
	const struct answer broken = {.kind = ANSWER_TEMPFAIL, .broken = true};

	served->requests++;
	served->failed++;
	served->malformed++;
	say(c, &broken, says_tempfail(c->table));
}

bool policy_connection_serve(struct policy_connection *c, bool full, struct policy_served *served)
{
	if (!read_some(c) || !answer_all(c, full, served))
		return false;
	if (c->len == POLICY_REQUEST_MAX) {
		refuse_long(c, served);
		return false;
	}
	if (c->len == 0) {
		free(c->in);
		c->in = NULL;
	}
	return true;
}
