#include "core/auth/dkim_key.h"

#include "core/auth/taglist.h"
#include "core/base/base64.h"

/* ---- the answer of the DNS ----------------------------------------------------------- */

static enum dkim_result set_flaw(struct slice *to, enum dkim_result result, const char *reason)
{
	*to = slice_str(reason);
	return result;
}

enum dkim_result dkim_key_of_answer(
    const struct dns_answer *answer, struct slice *record, struct slice *reason)
{
	*record = *reason = slice_of(NULL, 0);
	switch (answer->status) {
	case DNS_OK:
		break;
	case DNS_TEMP:
		return set_flaw(reason, DKIM_TEMPERROR, "the DNS gave no answer for the key");
	case DNS_BADNAME:
		return set_flaw(reason, DKIM_PERMERROR, "the name of the key is not a name");
	case DNS_NODATA:
	case DNS_NXDOMAIN:
	default:
		return set_flaw(reason, DKIM_PERMERROR, "there is no key in the DNS");
	}
	if (answer->count != 1)
		return set_flaw(reason, DKIM_PERMERROR, "there are several key records");
	*record = answer->records[0].data;
	return DKIM_NONE;
}

/* ---- the record ---------------------------------------------------------------------- */

static bool has_element(
    const struct taglist *tags, const char *name, struct slice a, struct slice b)
{
	struct slice rest, element;

	if (!taglist_get(tags, name, &rest))
		return false;
	while (taglist_element(&rest, &element))
		if (slice_equal_nocase(element, a) || slice_equal_nocase(element, b))
			return true;
	return false;
}

/* An absent list allows everything (RFC 6376 3.6.1: h= and s=). */
static bool allows(const struct taglist *tags, const char *name, struct slice a, struct slice b)
{
	struct slice value;

	return !taglist_get(tags, name, &value) || has_element(tags, name, a, b);
}

static enum dkim_key_flaw read_flags(const struct taglist *tags, struct dkim_key *key)
{
	struct slice value;

	if (taglist_get(tags, "v", &value) && !slice_equal(value, SLICE("DKIM1")))
		return DKIM_KEY_VERSION;
	key->testing = has_element(tags, "t", SLICE("y"), SLICE("y"));
	key->strict = has_element(tags, "t", SLICE("s"), SLICE("s"));
	if (!allows(tags, "h", SLICE("sha256"), SLICE("sha256")))
		return DKIM_KEY_NOT_SHA256;
	return allows(tags, "s", SLICE("email"), SLICE("*")) ? DKIM_KEY_FLAWLESS
							     : DKIM_KEY_NOT_FOR_EMAIL;
}

static enum dkim_key_flaw read_type(const struct taglist *tags, struct dkim_key *key)
{
	struct slice value;

	key->algorithm = DKIM_RSA_SHA256;
	if (!taglist_get(tags, "k", &value) || slice_equal_nocase(value, SLICE("rsa")))
		return DKIM_KEY_FLAWLESS;
	key->algorithm = DKIM_ED25519_SHA256;
	return slice_equal_nocase(value, SLICE("ed25519")) ? DKIM_KEY_FLAWLESS : DKIM_KEY_TYPE;
}

static enum dkim_key_flaw read_octets(
    const struct taglist *tags, struct dkim_key *key, unsigned char *room, size_t *len)
{
	struct slice text;

	if (!taglist_get(tags, "p", &text))
		return DKIM_KEY_MISSING;
	if (text.len == 0)
		return DKIM_KEY_REVOKED;
	if (!base64_decode(text, room, DKIM_KEY_RECORD_MAX, len))
		return DKIM_KEY_NOT_BASE64;
	if (key->algorithm != DKIM_ED25519_SHA256)
		return DKIM_KEY_FLAWLESS;
	key->bits = 8 * DKIM_POINT_LEN;
	return *len == DKIM_POINT_LEN ? DKIM_KEY_FLAWLESS : DKIM_KEY_NOT_ED25519;
}

struct slice dkim_key_parse(
    struct slice record, unsigned char room[DKIM_KEY_RECORD_MAX], struct dkim_key *out)
{
	struct taglist tags;
	size_t len = 0;

	*out = (struct dkim_key){.flaw = DKIM_KEY_TOO_LONG};
	if (record.len > DKIM_KEY_RECORD_MAX)
		return slice_of(NULL, 0);
	out->flaw = taglist_parse(record, &tags) ? DKIM_KEY_MALFORMED : read_flags(&tags, out);
	if (out->flaw == DKIM_KEY_FLAWLESS)
		out->flaw = read_type(&tags, out);
	if (out->flaw == DKIM_KEY_FLAWLESS)
		out->flaw = read_octets(&tags, out, room, &len);
	return out->flaw == DKIM_KEY_FLAWLESS ? slice_of((const char *)room, len)
					      : slice_of(NULL, 0);
}

static enum dkim_key_flaw judge_numbers(const struct dkim_key_numbers *numbers)
{
	if (numbers->modulus_bits < DKIM_BITS_MIN || numbers->modulus_bits > DKIM_BITS_MAX)
		return DKIM_KEY_SIZE;
	if (numbers->exponent_bits > DKIM_EXPONENT_BITS_MAX)
		return DKIM_KEY_EXPONENT;
	return numbers->odd && numbers->exponent_bits > 1 ? DKIM_KEY_FLAWLESS : DKIM_KEY_NUMBERS;
}

void dkim_key_set_rsa(struct dkim_key *key, const struct dkim_key_numbers *numbers)
{
	key->bits = numbers ? numbers->modulus_bits : 0;
	key->flaw = numbers ? judge_numbers(numbers) : DKIM_KEY_NOT_RSA;
}

/* ---- for one signature --------------------------------------------------------------- */

static const char not_rsa[] = "the key is not an RSA key";

static const struct {
	enum dkim_result result;
	const char *reason;
} flaws[] = {
    [DKIM_KEY_TOO_LONG] = {DKIM_PERMERROR, "the key record is too long"},
    [DKIM_KEY_MALFORMED] = {DKIM_PERMERROR, "the key record is malformed"},
    [DKIM_KEY_VERSION] = {DKIM_PERMERROR, "the key record has an unknown version"},
    [DKIM_KEY_NOT_SHA256] = {DKIM_PERMERROR, "the key does not allow SHA-256"},
    [DKIM_KEY_NOT_FOR_EMAIL] = {DKIM_PERMERROR, "the key is not for email"},
    [DKIM_KEY_TYPE] = {DKIM_PERMERROR, "the key is of an unknown type"},
    [DKIM_KEY_MISSING] = {DKIM_PERMERROR, "the key record has no key"},
    [DKIM_KEY_REVOKED] = {DKIM_PERMERROR, "the key is revoked"},
    [DKIM_KEY_NOT_BASE64] = {DKIM_PERMERROR, "the key is not base64"},
    [DKIM_KEY_NOT_ED25519] = {DKIM_PERMERROR, "the key is not an ed25519 key"},
    [DKIM_KEY_NOT_RSA] = {DKIM_PERMERROR, not_rsa},
    [DKIM_KEY_SIZE] = {DKIM_POLICY, NULL}, /* with the number of bits */
    [DKIM_KEY_EXPONENT] = {DKIM_POLICY, "the public exponent of the key is too large"},
    [DKIM_KEY_NUMBERS] = {DKIM_PERMERROR, not_rsa},
    [DKIM_KEY_FLAWLESS] = {DKIM_NONE, ""},
};

enum dkim_result dkim_key_judge(const struct dkim_key *key, const struct dkim_field *field,
    struct arena *arena, struct slice *reason)
{
	if (key->flaw > DKIM_KEY_NOT_FOR_EMAIL && key->strict && field->identity_below)
		return set_flaw(reason, DKIM_PERMERROR, "the key does not allow an i= below d=");
	if (key->flaw > DKIM_KEY_TYPE && key->algorithm != field->algorithm)
		return set_flaw(
		    reason, DKIM_PERMERROR, "the key is of another type than the signature");
	if (key->flaw != DKIM_KEY_SIZE)
		return set_flaw(reason, flaws[key->flaw].result, flaws[key->flaw].reason);
	*reason = arena_printf(arena, "the key has %u bits; accepted are %d to %d", key->bits,
	    DKIM_BITS_MIN, DKIM_BITS_MAX);
	return DKIM_POLICY;
}
