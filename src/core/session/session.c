#include "core/session/session.h"

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
	if (s && env->sampled)
		s->sampled = env->sampled(env->self, slice_of(s->id, TOKEN_CHARS));
	return s;
}

bool session_is_sampled(const struct session *s)
{
	return s->sampled;
}

void session_free(struct session **s)
{
	if (!*s)
		return;
	transaction_abort(*s);
	if ((*s)->connected && (*s)->env->connected)
		(*s)->env->connected((*s)->env->self, &(*s)->facts, false);
	arena_free(&(*s)->arena);
	arena_free(&(*s)->helo_arena);
	arena_free(&(*s)->mail_arena);
	free(*s);
	*s = NULL;
}

static struct slice keep(char *buffer, size_t size, struct slice s)
{
	size_t len = s.len < size ? s.len : size;

	if (len)
		memcpy(buffer, s.ptr, len);
	return slice_of(buffer, len);
}

void session_through(struct session *s, enum door door, uint16_t client_port)
{
	s->facts.door = door;
	s->facts.client_port = client_port;
}

void session_connect(
    struct session *s, const struct ip *client, struct slice client_name, bool not_smtp)
{
	s->facts = (struct facts){
	    .door = s->facts.door,
	    .client = *client,
	    .client_port = s->facts.client_port,
	    .not_smtp = not_smtp || client->family == IP_NONE,
	};
	s->facts.id[IDENTITY_HELO].state = FACT_ABSENT;
	s->facts.id[IDENTITY_CLIENT_NAME] = identity_of_name(
	    keep(s->client_name, sizeof s->client_name, client_name), s->env->idna, s->arena);
	s->facts.id[IDENTITY_CLIENT_NAME].hits = &s->name_hits;
	s->name_hits.known = false;
	if (client->family != IP_NONE && s->env->geo)
		s->env->geo(s->env->self, client, &s->facts.asn, s->facts.country);
	if (s->env->connected && !s->connected)
		s->env->connected(s->env->self, &s->facts, true);
	s->connected = true;
}

void session_helo(struct session *s, struct slice helo)
{
	arena_reset(s->helo_arena);
	s->facts.helo_dns = (struct word_fact){.state = FACT_UNKNOWN};
	s->facts.id[IDENTITY_HELO] =
	    identity_of_name(keep(s->helo, sizeof s->helo, helo), s->env->idna, s->helo_arena);
	s->facts.id[IDENTITY_HELO].hits = &s->helo_hits;
	s->helo_hits.known = false;
}
