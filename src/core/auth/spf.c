#include "core/auth/spf.h"

#include "core/name/name.h"

const char *const spf_result_words[] = {
    [SPFR_NONE] = "none",
    [SPFR_NEUTRAL] = "neutral",
    [SPFR_PASS] = "pass",
    [SPFR_FAIL] = "fail",
    [SPFR_SOFTFAIL] = "softfail",
    [SPFR_TEMPERROR] = "temperror",
    [SPFR_PERMERROR] = "permerror",
    NULL,
};

const char *spf_result_text(enum spf_result result)
{
	return spf_result_words[result];
}

static struct slice without_dot(struct slice name)
{
	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	return name;
}

bool spf_is_domain(struct slice name)
{
	unsigned labels = 0;

	if (name.len > NAME_MAX_OCTETS || !slice_is_printable_ascii(name) ||
	    slice_starts(name, SLICE("[")))
		return false;
	while (name.ptr) {
		struct slice label = slice_cut(&name, '.');
		if (label.len == 0 || label.len > NAME_LABEL_MAX)
			return false;
		labels++;
	}
	return labels >= 2;
}

struct slice spf_identity(const struct spf_query *query)
{
	struct slice domain = without_dot(query->domain.len ? query->domain : query->helo);

	return spf_is_domain(domain) ? domain : slice_of(NULL, 0);
}

void spf_hints(const struct dns *dns, const struct spf_query *query)
{
	struct slice domain = spf_identity(query);

	if (domain.len)
		dns_hint(dns, domain, DNS_TXT);
}
