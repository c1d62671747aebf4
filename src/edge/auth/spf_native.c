/* The SPF check of a build without libspf2 (`make SPF=native`). */
#include "edge/auth/spf.h"

#include "core/auth/spf_eval.h"

void spf_check(const struct dns *dns, const struct spf_query *query, struct arena *arena,
    struct spf_answer *out)
{
	spf_eval(dns, query, arena, out);
}
