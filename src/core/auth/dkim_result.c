#include "core/auth/dkim_result.h"

/* RFC 6008 4: at least the first eight characters. */
enum { PREFIX_MIN = 8 };

const char *const dkim_result_words[] = {
    [DKIM_NONE] = "none",
    [DKIM_PASS] = "pass",
    [DKIM_FAIL] = "fail",
    [DKIM_POLICY] = "policy",
    [DKIM_NEUTRAL] = "neutral",
    [DKIM_TEMPERROR] = "temperror",
    [DKIM_PERMERROR] = "permerror",
    NULL,
};

const char *dkim_result_name(enum dkim_result result)
{
	return dkim_result_words[result];
}

static size_t common(struct slice a, struct slice b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.ptr[n] == b.ptr[n])
		n++;
	return n;
}

void dkim_shorten_prefixes(struct dkim_signature_result *results, size_t n)
{
	size_t lengths[DKIM_VERIFIED_MAX];

	for (size_t i = 0; i < n && i < DKIM_VERIFIED_MAX; i++) {
		lengths[i] = PREFIX_MIN;
		for (size_t j = 0; j < n; j++) {
			size_t same = common(results[i].b_prefix, results[j].b_prefix);

			if (j != i && same >= lengths[i])
				lengths[i] = same + 1;
		}
	}
	for (size_t i = 0; i < n && i < DKIM_VERIFIED_MAX; i++)
		if (results[i].b_prefix.len > lengths[i])
			results[i].b_prefix.len = lengths[i];
}
