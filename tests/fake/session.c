#include "fake/session.h"

#include "edge/idn/idn.h"

#include <stdlib.h>

static struct identity name(const char *text, struct arena *arena)
{
	if (!text)
		return (struct identity){.state = FACT_ABSENT};
	if (strcmp(text, SESSION_UNKNOWN) == 0)
		return (struct identity){.state = FACT_UNKNOWN};
	return identity_of_name(slice_str(text), &idn_uts46, arena);
}

static struct identity mailbox(const char *text, struct arena *arena)
{
	struct address a;

	if (!text)
		return (struct identity){.state = FACT_ABSENT};
	if (strcmp(text, SESSION_UNKNOWN) == 0)
		return (struct identity){.state = FACT_UNKNOWN};
	if (address_parse(slice_str(text), &idn_uts46, arena, &a))
		abort();
	return identity_of_address(&a);
}

struct facts session_facts(const struct session *s, struct arena *arena)
{
	struct facts f = {.auth_state = FACT_ABSENT};

	if (s->client && !ip_parse(slice_str(s->client), &f.client))
		abort();
	f.id[IDENTITY_CLIENT_NAME] = name(s->name, arena);
	f.id[IDENTITY_HELO] = name(s->helo, arena);
	f.id[IDENTITY_SENDER] = mailbox(s->sender, arena);
	f.id[IDENTITY_FROM] = mailbox(s->from, arena);
	f.id[IDENTITY_RECIPIENT] = mailbox(s->recipient, arena);
	return f;
}
