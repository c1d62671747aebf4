#include "core/rules/facts.h"

enum tls_version tls_version_of(struct slice given, bool was_given_before)
{
	static const struct {
		struct slice begins;
		enum tls_version version;
	} versions[] = {
	    {SLICE_INIT("TLSv1.0"), TLS_1_0},
	    {SLICE_INIT("TLSv1.1"), TLS_1_1},
	    {SLICE_INIT("TLSv1.2"), TLS_1_2},
	    {SLICE_INIT("TLSv1."), TLS_1_3},
	    {SLICE_INIT("TLSv1"), TLS_1_0},
	    {SLICE_INIT("TLSv"), TLS_1_3},
	    {SLICE_INIT("SSLv"), TLS_1_0},
	};

	if (given.len == 0)
		return was_given_before ? TLS_NONE : TLS_UNKNOWN;
	for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
		if (slice_starts_nocase(given, versions[i].begins))
			return versions[i].version;
	return TLS_UNKNOWN;
}

const char *tls_version_name(enum tls_version version)
{
	static const char *const names[TLS_COUNT] = {
	    [TLS_UNKNOWN] = "unknown",
	    [TLS_NONE] = "none",
	    [TLS_1_0] = "1.0",
	    [TLS_1_1] = "1.1",
	    [TLS_1_2] = "1.2",
	    [TLS_1_3] = "1.3",
	};

	return names[version];
}

bool facts_are_authenticated(const struct facts *facts)
{
	return !facts->not_smtp && facts->auth_state == FACT_KNOWN;
}

struct word_fact *facts_of_dns(struct facts *facts, unsigned need)
{
	switch (need) {
	case NEED_SENDER_DOMAIN:
		return &facts->sender_dns;
	case NEED_FROM_DOMAIN:
		return &facts->from_dns;
	case NEED_REVERSE:
		return &facts->reverse;
	default:
		return &facts->helo_dns;
	}
}

struct identity identity_of_address(const struct address *address)
{
	return (struct identity){
	    .state = FACT_KNOWN,
	    .text = address->text,
	    .folded = address->folded,
	    .composed = address->composed,
	    .name = address->domain,
	    .local = address->local,
	    .sent = address->sent,
	};
}

struct identity identity_of_name(struct slice text, const struct idna *idna, struct arena *arena)
{
	struct identity id = {.state = FACT_KNOWN};

	if (text.len == 0)
		return (struct identity){.state = FACT_ABSENT};
	if (name_parse(text, idna, arena, &id.name) != NULL) {
		id.name = slice_of(NULL, 0);
		id.text = id.folded = text;
		id.composed = idna_compose(idna, text, arena);
	} else {
		id.text = id.folded = id.composed = id.name;
	}
	return id;
}

void facts_set_author(struct facts *facts, const struct fromheader *from)
{
	facts->author_state = FACT_KNOWN;
	facts->author = from->more ? FROM_BAD : from->kind;
	facts->author_why =
	    from->more ? SLICE("it names more author domains than can be judged") : from->why;
}

struct identity identity_of_author(const struct fromheader *from, size_t i)
{
	if (i >= from->domain_count)
		return (struct identity){.state = FACT_ABSENT};
	if (i == 0 && from->author.text.len > 0)
		return identity_of_address(&from->author);
	return (struct identity){
	    .state = FACT_KNOWN,
	    .text = from->domains[i],
	    .folded = from->domains[i],
	    .composed = from->domains[i],
	    .name = from->domains[i],
	};
}
