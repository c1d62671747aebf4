#ifndef CORE_AUTH_DKIM_VERIFIER_H
#define CORE_AUTH_DKIM_VERIFIER_H
/*
 * dkim_verifier: verifies the DKIM signatures of one message as it passes.
 *
 * create → header … → end_of_headers → body … → finish, in this order; free at any time.
 *
 *     struct dkim_verifier *v = dkim_verifier_create(crypto, &dns, &idn_uts46, arena, now);
 *     dkim_verifier_header(v, SLICE("Subject"), SLICE(" hello"));   // each field, in order
 *     if (dkim_verifier_end_of_headers(v, from.domains, from.domain_count))
 *             dkim_verifier_body(v, chunk, len);                 // as often as it comes
 *     dkim_verifier_finish(v, &answer);                          // asks the DNS, verifies
 *     dkim_verifier_free(&v);
 *
 * Keys are hinted to the resolver while the message arrives and asked for at finish, where they
 * are there by then, and so are the tree walks that DMARC will make from the domains of signatures
 * that may be aligned, at most DMARC_WALK_MAX questions for each.  The work for one message is
 * bounded whatever it holds: five signatures, one pass over the body for each of the two
 * canonicalisations, keys of 4,096 bits.
 *
 * Failure is a result, never an exception: out of memory, in any place, is temperror.
 */
#include "core/auth/dkim_crypto.h"
#include "core/auth/dkim_result.h"
#include "core/auth/dns.h"

struct dkim_verifier;

/*
 * All but now are borrowed until free; the answer and all that it points to are in the arena.
 * idna is for U-labels in signatures, now in seconds since 1970.  NULL when out of memory.
 */
struct dkim_verifier *dkim_verifier_create(const struct dkim_crypto *, const struct dns *,
    const struct idna *, struct arena *, uint64_t now);

/*
 * One field, copied.  value is everything after the colon, exactly as the MTA delivers it with
 * SMFIP_HDR_LEADSPC (the blank after the colon included; folds may be LF or CRLF).  The caller
 * bounds the header as a whole (256 KiB, 1,000 fields).
 */
void dkim_verifier_header(struct dkim_verifier *, struct slice name, struct slice value);

/*
 * authors: the canonical domains of the authors, all that DMARC will judge: a signature that may be
 * aligned with any of them is preferred (dkim_field_choose()), and its key has the time of aligned
 * ones.  May be none.  False when no signature can pass any more: the body is not needed, but
 * finish still is.
 */
bool dkim_verifier_end_of_headers(
    struct dkim_verifier *, const struct slice *authors, size_t author_count);

/* A part of the body, of any length, with CRLF line ends. */
void dkim_verifier_body(struct dkim_verifier *, const char *bytes, size_t len);

/* Waits for keys: first DNS_ALIGNED_KEYS_MS for those that may be aligned with an author, then
 * DNS_OTHER_KEYS_MS for the others.  All were hinted at the end of the header, so that several
 * authors' keys are under way side by side. */
void dkim_verifier_finish(struct dkim_verifier *, struct dkim_answer *out);

void dkim_verifier_free(struct dkim_verifier **);

#endif
