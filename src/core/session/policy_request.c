#include "core/session/policy_request.h"

#include <stdio.h>

static const struct {
	struct slice name;
	size_t at; /* of its slice in struct policy_request */
} attributes[] = {
#define ATTRIBUTE(field)                                                                           \
	{                                                                                          \
		SLICE_INIT(#field), offsetof(struct policy_request, field)                         \
	}
    ATTRIBUTE(request),
    ATTRIBUTE(protocol_state),
    ATTRIBUTE(client_address),
    ATTRIBUTE(client_name),
    ATTRIBUTE(client_port),
    ATTRIBUTE(helo_name),
    ATTRIBUTE(sender),
    ATTRIBUTE(recipient),
    ATTRIBUTE(sasl_username),
    ATTRIBUTE(encryption_protocol),
    ATTRIBUTE(queue_id),
    ATTRIBUTE(instance),
};

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0] };

/* ---- where it ends ------------------------------------------------------------------- */

size_t policy_request_length(struct slice bytes, size_t looked)
{
	/* The line break in front of an empty line may have been looked at. */
	size_t at = looked > 2 ? looked - 2 : 0;

	for (; at < bytes.len; at++) {
		size_t back = at;

		if (bytes.ptr[at] != '\n')
			continue;
		if (back > 0 && bytes.ptr[back - 1] == '\r')
			back--;
		if (back == 0 || bytes.ptr[back - 1] == '\n')
			return at + 1;
	}
	return 0;
}

/* ---- what it says -------------------------------------------------------------------- */

static bool has_control(struct slice line)
{
	return slice_find(line, '\0') < line.len || slice_find(line, '\r') < line.len;
}

static const char *take_line(struct slice line, struct policy_request *r, unsigned *given)
{
	struct slice value = line, name;

	if (has_control(line))
		return "a line of it holds NUL or CR";
	name = slice_cut(&value, '=');
	if (!value.ptr)
		return "a line of it has no '='";
	for (unsigned i = 0; i < ATTRIBUTES; i++) {
		if (!slice_equal(name, attributes[i].name))
			continue;
		if ((*given & 1u << i) != 0)
			return "an attribute is given twice";
		*given |= 1u << i;
		*(struct slice *)(void *)((char *)r + attributes[i].at) = value;
	}
	return NULL;
}

const char *policy_request_parse(struct slice text, struct policy_request *r)
{
	const char *wrong = NULL;
	unsigned given = 0;

	*r = (struct policy_request){.request = slice_of(NULL, 0)};
	while (text.len > 0 && !wrong) {
		struct slice line = slice_cut(&text, '\n');

		if (slice_ends(line, SLICE("\r")))
			line.len--;
		if (line.len > 0)
			wrong = take_line(line, r, &given);
	}
	if (!wrong && !slice_equal(r->request, SLICE("smtpd_access_policy")))
		wrong = "it does not say request=smtpd_access_policy";
	return wrong;
}

/* ---- the answer ---------------------------------------------------------------------- */

size_t policy_answer(const struct answer *a, bool tempfail, char out[POLICY_ANSWER_MAX])
{
	bool refuses = a->kind == ANSWER_REJECT || a->kind == ANSWER_TEMPFAIL;
	int n;

	if (a->broken && tempfail)
		n = snprintf(out, POLICY_ANSWER_MAX,
		    "action=451 4.3.0 Temporary failure of a filter, try again later\n\n");
	else if (!refuses || a->broken)
		n = snprintf(out, POLICY_ANSWER_MAX, "action=DUNNO\n\n");
	else
		n = snprintf(out, POLICY_ANSWER_MAX, "action=%u %s %s\n\n", a->reply.code,
		    a->reply.xcode, a->reply.text);
	return (size_t)n;
}
