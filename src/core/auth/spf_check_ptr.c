#include "spf_private.h"

#include "core/name/name.h"

/* SPF_HOSTS_MAX of the names that the client's PTR records give; a missing answer is no name. */
static enum dns_status look_up_names(struct spf_check *s)
{
	struct spf_macro_values values = {.client = s->query->client};
	struct slice reverse = spf_macro_name(SLICE("%{ir}.%{v}.arpa"), &values, s->arena);
	struct dns_answer answer;
	enum dns_status status;

	if (!reverse.ptr)
		return DNS_TEMP;
	status = spf_ask_hosts(s, reverse, DNS_PTR, &answer);
	if (status == DNS_TEMP)
		spf_skip_answer(s, reverse, DNS_PTR);
	for (size_t i = 0; status == DNS_OK && i < answer.count && i < SPF_HOSTS_MAX; i++)
		s->client_names[s->client_count++] = answer.records[i].data;
	return status;
}

/* Asks once; each term that needs the names has had that answer. */
static void ask_names(struct spf_check *s)
{
	if (!s->client_asked)
		s->client_status = look_up_names(s);
	s->client_asked = true;
	spf_term_heard(s, s->client_status);
}

/* Validated: the client is among the addresses of the name.  A missing answer skips the name. */
static bool is_valid(struct spf_check *s, size_t i)
{
	unsigned char client[16];
	size_t len = ip_to_bytes(&s->query->client, client);
	struct slice wanted = slice_of((const char *)client, len);
	struct dns_answer answer;
	enum dns_status status;

	if (s->client_valid[i] != NAME_UNKNOWN)
		return s->client_valid[i] == NAME_VALID;
	s->client_valid[i] = NAME_INVALID;
	status = spf_question(s, s->client_names[i], spf_address_type(s), &answer);
	if (status == DNS_TEMP)
		spf_skip_answer(s, s->client_names[i], spf_address_type(s));
	if (status != DNS_OK)
		return false;
	for (size_t k = 0; k < answer.count; k++)
		if (slice_equal(answer.records[k].data, wanted))
			s->client_valid[i] = NAME_VALID;
	return s->client_valid[i] == NAME_VALID;
}

enum spf_reply spf_client_within(struct spf_check *s, struct slice domain)
{
	ask_names(s);
	for (size_t i = 0; i < s->client_count && domain.len && !s->stopped; i++)
		if (name_is_within(s->client_names[i], domain) && is_valid(s, i))
			return SPF_REPLY_FOUND;
	return s->stopped ? SPF_REPLY_STOP : SPF_REPLY_NOTHING;
}

struct slice spf_client_name(struct spf_check *s, struct slice domain)
{
	ask_names(s);
	/* The domain itself, else a name below it, else any. */
	for (int rank = 0; rank < 3; rank++) {
		for (size_t i = 0; i < s->client_count && !s->stopped; i++) {
			struct slice name = s->client_names[i];
			bool fits = rank == 2 || (rank == 1 && name_is_within(name, domain)) ||
				    slice_equal_nocase(name, domain);
			if (fits && is_valid(s, i))
				return name;
		}
	}
	return SLICE("unknown");
}
