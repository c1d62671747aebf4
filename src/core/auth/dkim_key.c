#include "core/auth/dkim_key.h"

#include "core/auth/taglist.h"
#include "core/base/base64.h"

/* ---- DER, as much of it as an RSA public key needs ----------------------------------- */

enum { DER_INTEGER = 0x02, DER_BITS = 0x03, DER_SEQUENCE = 0x30 };

/* AlgorithmIdentifier of rsaEncryption (1.2.840.113549.1.1.1), with and without its NULL. */
static const char rsa_with_null[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
static const struct slice rsa_id = {rsa_with_null, 13};
static const struct slice rsa_id_bare = {rsa_with_null, 11};

/* The length octets in front of *der, or false; *der then begins after them. */
static bool der_length(struct slice *der, size_t *length)
{
	size_t octets;

	if (der->len == 0)
		return false;
	*length = (unsigned char)der->ptr[0];
	*der = slice_skip(*der, 1);
	if (*length < 0x80)
		return true;
	octets = *length & 0x7f;
	if (octets == 0 || octets > 2 || der->len < octets)
		return false;
	*length = 0;
	for (size_t i = 0; i < octets; i++)
		*length = *length << 8 | (unsigned char)der->ptr[i];
	*der = slice_skip(*der, octets);
	return true;
}

/* Takes one element with this tag off the front of *der. */
static bool der_take(struct slice *der, int tag, struct slice *content)
{
	size_t length;

	if (der->len == 0 || (unsigned char)der->ptr[0] != tag)
		return false;
	*der = slice_skip(*der, 1);
	if (!der_length(der, &length) || length > der->len)
		return false;
	*content = slice_of(der->ptr, length);
	*der = slice_skip(*der, length);
	return true;
}

/* A positive integer, without its leading zeros. */
static bool der_positive(struct slice *der, struct slice *number)
{
	if (!der_take(der, DER_INTEGER, number) || number->len == 0 ||
	    (unsigned char)number->ptr[0] >= 0x80)
		return false;
	while (number->len > 0 && number->ptr[0] == 0)
		*number = slice_skip(*number, 1);
	return number->len > 0;
}

static bool read_rsa_public_key(struct slice der, struct dkim_key *out)
{
	struct slice key;

	return der_take(&der, DER_SEQUENCE, &key) && der.len == 0 &&
	       der_positive(&key, &out->modulus) && der_positive(&key, &out->exponent) &&
	       key.len == 0;
}

/* What stands in the bit string of a SubjectPublicKeyInfo for RSA. */
static bool unwrap_rsa(struct slice der, struct slice *inner)
{
	struct slice info, id, bits;

	if (!der_take(&der, DER_SEQUENCE, &info) || der.len != 0 ||
	    !der_take(&info, DER_SEQUENCE, &id) || !der_take(&info, DER_BITS, &bits) ||
	    info.len != 0)
		return false;
	if (!slice_equal(id, rsa_id) && !slice_equal(id, rsa_id_bare))
		return false;
	if (bits.len == 0 || bits.ptr[0] != 0)
		return false;
	*inner = slice_skip(bits, 1);
	return true;
}

static unsigned bits_of(struct slice number)
{
	unsigned top = (unsigned char)number.ptr[0], bits = (unsigned)(number.len - 1) * 8;

	while (top > 0) {
		bits++;
		top >>= 1;
	}
	return bits;
}

/* ---- the record ---------------------------------------------------------------------- */

/* What the readers below share. */
struct reading {
	struct taglist tags;
	const struct dkim_field *field;
	struct arena *arena;
	struct dkim_key *record;
	struct slice *reason;
};

static enum dkim_result refuse(struct reading *r, enum dkim_result result, const char *reason)
{
	*r->reason = slice_str(reason);
	return result;
}

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

static enum dkim_result read_flags(struct reading *r)
{
	struct slice value;

	if (taglist_get(&r->tags, "v", &value) && !slice_equal(value, SLICE("DKIM1")))
		return refuse(r, DKIM_PERMERROR, "the key record has an unknown version");
	r->record->testing = has_element(&r->tags, "t", SLICE("y"), SLICE("y"));
	if (!allows(&r->tags, "h", SLICE("sha256"), SLICE("sha256")))
		return refuse(r, DKIM_PERMERROR, "the key does not allow SHA-256");
	if (!allows(&r->tags, "s", SLICE("email"), SLICE("*")))
		return refuse(r, DKIM_PERMERROR, "the key is not for email");
	if (r->field->identity_below && has_element(&r->tags, "t", SLICE("s"), SLICE("s")))
		return refuse(r, DKIM_PERMERROR, "the key does not allow an i= below d=");
	return DKIM_NONE;
}

static enum dkim_result read_type(struct reading *r)
{
	struct slice value;

	r->record->algorithm = DKIM_RSA_SHA256;
	if (taglist_get(&r->tags, "k", &value)) {
		if (slice_equal_nocase(value, SLICE("ed25519")))
			r->record->algorithm = DKIM_ED25519_SHA256;
		else if (!slice_equal_nocase(value, SLICE("rsa")))
			return refuse(r, DKIM_PERMERROR, "the key is of an unknown type");
	}
	if (r->record->algorithm != r->field->algorithm)
		return refuse(r, DKIM_PERMERROR, "the key is of another type than the signature");
	return DKIM_NONE;
}

static enum dkim_result check_rsa(struct reading *r)
{
	struct dkim_key *key = r->record;

	key->bits = bits_of(key->modulus);
	if (key->bits < DKIM_BITS_MIN || key->bits > DKIM_BITS_MAX) {
		*r->reason = arena_printf(r->arena, "the key has %u bits; accepted are %d to %d",
		    key->bits, DKIM_BITS_MIN, DKIM_BITS_MAX);
		return DKIM_POLICY;
	}
	if (bits_of(key->exponent) > DKIM_EXPONENT_BITS_MAX)
		return refuse(r, DKIM_POLICY, "the public exponent of the key is too large");
	if ((key->modulus.ptr[key->modulus.len - 1] & 1) == 0 ||
	    (key->exponent.ptr[key->exponent.len - 1] & 1) == 0 || bits_of(key->exponent) < 2)
		return refuse(r, DKIM_PERMERROR, "the key is not an RSA key");
	return DKIM_NONE;
}

static enum dkim_result read_key(struct reading *r)
{
	struct slice text, inner, der;
	unsigned char *octets;
	size_t len;

	if (!taglist_get(&r->tags, "p", &text))
		return refuse(r, DKIM_PERMERROR, "the key record has no key");
	if (text.len == 0)
		return refuse(r, DKIM_PERMERROR, "the key is revoked");
	octets = arena_alloc(r->arena, base64_room(text.len));
	if (!octets)
		return refuse(r, DKIM_TEMPERROR, "out of memory");
	if (!base64_decode(text, octets, base64_room(text.len), &len))
		return refuse(r, DKIM_PERMERROR, "the key is not base64");
	der = slice_of((const char *)octets, len);
	if (r->record->algorithm == DKIM_ED25519_SHA256) {
		r->record->point = der;
		r->record->bits = 8 * DKIM_POINT_LEN;
		return len == DKIM_POINT_LEN
			   ? DKIM_NONE
			   : refuse(r, DKIM_PERMERROR, "the key is not an ed25519 key");
	}
	if (!read_rsa_public_key(unwrap_rsa(der, &inner) ? inner : der, r->record))
		return refuse(r, DKIM_PERMERROR, "the key is not an RSA key");
	return check_rsa(r);
}

static enum dkim_result read_record(struct reading *r, struct slice text)
{
	enum dkim_result result;

	if (text.len > DKIM_KEY_RECORD_MAX)
		return refuse(r, DKIM_PERMERROR, "the key record is too long");
	if (taglist_parse(text, &r->tags))
		return refuse(r, DKIM_PERMERROR, "the key record is malformed");
	result = read_flags(r);
	if (result == DKIM_NONE)
		result = read_type(r);
	return result == DKIM_NONE ? read_key(r) : result;
}

enum dkim_result dkim_key_read(const struct dns_answer *answer, const struct dkim_field *field,
    struct arena *arena, struct dkim_key *out, struct slice *reason)
{
	struct reading r = {.field = field, .arena = arena, .record = out, .reason = reason};

	*out = (struct dkim_key){.algorithm = DKIM_UNKNOWN};
	*reason = slice_of(NULL, 0);
	switch (answer->status) {
	case DNS_OK:
		break;
	case DNS_TEMP:
		return refuse(&r, DKIM_TEMPERROR, "the DNS gave no answer for the key");
	case DNS_BADNAME:
		return refuse(&r, DKIM_PERMERROR, "the name of the key is not a name");
	case DNS_NODATA:
	case DNS_NXDOMAIN:
	default:
		return refuse(&r, DKIM_PERMERROR, "there is no key in the DNS");
	}
	if (answer->count != 1)
		return refuse(&r, DKIM_PERMERROR, "there are several key records");
	return read_record(&r, answer->records[0].data);
}
