#ifndef CORE_POLICY_AUTH_H
#define CORE_POLICY_AUTH_H
/*
 * policy_auth: what SPF, DKIM and DMARC have to say to a recipient's domain (SPEC 4, steps 5 and 7
 * to 9), apart from the whitelist, which policy.c puts above it.
 */
#include "core/policy/policy.h"

/*
 * False when there is nothing against the mail (yet); true with a refusal, or with VERDICT_NEED for
 * facts that are wanted first, in *out.  What the switch only monitors is a `would`: whatever
 * reject, the enforcing switch, would do, a missing answer and a bad From among it.
 */
bool policy_judge_spf(const struct settings *, const struct facts *, enum spf_switch, enum phase,
    struct verdict *out);

/* The same at the end of the message. */
bool policy_judge_dmarc(
    const struct settings *, const struct facts *, enum dmarc_switch, struct verdict *out);

#endif
