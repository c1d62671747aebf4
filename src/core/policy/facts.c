#include "core/policy/facts.h"

struct identity identity_of_address(const struct address *address)
{
	return (struct identity){
	    .state = FACT_KNOWN,
	    .text = address->text,
	    .name = address->domain,
	    .local = address->local,
	};
}

struct identity identity_of_name(struct slice text, const struct idna *idna, struct arena *arena)
{
	struct identity id = {.state = FACT_KNOWN, .text = text};

	if (text.len == 0)
		return (struct identity){.state = FACT_ABSENT};
	if (name_parse(text, idna, arena, &id.name) != NULL)
		id.name = slice_of(NULL, 0);
	else
		id.text = id.name;
	return id;
}
