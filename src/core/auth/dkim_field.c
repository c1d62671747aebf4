#include "core/auth/dkim_field.h"

#include "core/auth/dmarc.h"
#include "core/auth/taglist.h"
#include "core/base/base64.h"
#include "core/name/name.h"

/* Enough of b= to tell five signatures apart. */
enum { PREFIX_MAX = 64 };

static bool has_8_bits(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return true;
	return false;
}

/* What a header field may be called (RFC 5322 3.6.8), without the semicolon that h= cannot hold. */
static bool is_field_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e)
			return false;
	return s.len > 0;
}

/* The text without its folding white space, at most max octets of it. */
static struct slice without_blanks(struct slice text, size_t max, struct arena *arena)
{
	size_t cap = text.len < max ? text.len : max, n = 0;
	char *copy = arena_alloc(arena, cap + 1);

	if (!copy)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < text.len && n < cap; i++)
		if (!taglist_is_blank(text.ptr[i]))
			copy[n++] = text.ptr[i];
	return slice_of(copy, n);
}

/* What every reader of a tag is given: it fills its part of the field, or says what is wrong. */
struct reading {
	const struct taglist *tags;
	const struct idna *idna;
	uint64_t now;
	struct arena *arena;
	struct dkim_field *field;
};

static const char *read_version(struct reading *r)
{
	struct slice value;

	if (!taglist_get(r->tags, "v", &value))
		return "the version tag v= is missing";
	return slice_equal(value, SLICE("1")) ? NULL : "unknown version in v=";
}

static const char *read_domain(struct reading *r)
{
	struct slice value;

	if (!taglist_get(r->tags, "d", &value))
		return "the domain tag d= is missing";
	return name_parse(value, r->idna, r->arena, &r->field->domain) ? "d= is not a domain name"
								       : NULL;
}

static const struct slice key_label = SLICE_INIT("._domainkey.");

static const char *read_selector(struct reading *r)
{
	struct slice value;

	if (!taglist_get(r->tags, "s", &value))
		return "the selector tag s= is missing";
	if (name_parse(value, r->idna, r->arena, &r->field->selector))
		return "s= is not a selector";
	if (r->field->selector.len + key_label.len + r->field->domain.len > NAME_MAX_OCTETS)
		return "s= and d= together are longer than a name can be";
	return NULL;
}

/* {NULL, 0} when out of memory. */
static struct slice make_key_name(const struct dkim_field *f, struct arena *arena)
{
	char *text = arena_alloc(arena, f->selector.len + key_label.len + f->domain.len);

	if (!text)
		return slice_of(NULL, 0);
	memcpy(text, f->selector.ptr, f->selector.len);
	memcpy(text + f->selector.len, key_label.ptr, key_label.len);
	memcpy(text + f->selector.len + key_label.len, f->domain.ptr, f->domain.len);
	return slice_of(text, f->selector.len + key_label.len + f->domain.len);
}

/* dkim-quoted-printable (RFC 6376 2.11) to the octets it means; blanks are none of them. */
static struct slice decode_quoted(struct slice text, struct arena *arena)
{
	struct slice in = without_blanks(text, text.len, arena);
	char *out = (char *)in.ptr;
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		int high = i + 2 < in.len ? slice_hex_digit(in.ptr[i + 1]) : -1;
		int low = i + 2 < in.len ? slice_hex_digit(in.ptr[i + 2]) : -1;

		out[n++] = in.ptr[i];
		if (in.ptr[i] != '=' || high < 0 || low < 0)
			continue;
		out[n - 1] = (char)(high << 4 | low);
		i += 2;
	}
	return slice_of(out, n);
}

/* The other way, of a local part: "@" is quoted, too, so that the last one divides. */
static struct slice join_identity(struct slice local, struct slice domain, struct arena *arena)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(arena, local.len * 3 + 1 + domain.len);
	size_t n = 0;

	if (!out)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < local.len; i++) {
		unsigned char c = (unsigned char)local.ptr[i];

		if (c > 0x20 && c < 0x7f && c != '=' && c != ';' && c != '@') {
			out[n++] = local.ptr[i];
			continue;
		}
		out[n++] = '=';
		out[n++] = digits[c >> 4];
		out[n++] = digits[c & 15];
	}
	out[n++] = '@';
	memcpy(out + n, domain.ptr, domain.len);
	return slice_of(out, n + domain.len);
}

static const char *read_identity(struct reading *r)
{
	struct slice value, identity, domain;
	size_t at;

	if (r->field->domain.len == 0)
		return "there is no domain for an identity";
	if (!taglist_get(r->tags, "i", &value)) {
		r->field->identity = arena_printf(r->arena, "@%.*s", SLICE_ARG(r->field->domain));
		return NULL;
	}
	identity = decode_quoted(value, r->arena);
	at = slice_find_last(identity, '@');
	if (at == identity.len ||
	    name_parse(slice_skip(identity, at + 1), r->idna, r->arena, &domain))
		return "i= is not an identity";
	if (!name_is_within(domain, r->field->domain))
		return "i= is outside of the domain in d=";
	r->field->identity = join_identity(slice_of(identity.ptr, at), domain, r->arena);
	r->field->identity_below = domain.len != r->field->domain.len;
	return NULL;
}

static const char *read_algorithm(struct reading *r)
{
	struct slice value;

	if (!taglist_get(r->tags, "a", &value))
		return "the algorithm tag a= is missing";
	if (!has_8_bits(value))
		r->field->algorithm_name = value;
	if (slice_equal_nocase(r->field->algorithm_name, SLICE("rsa-sha256")))
		r->field->algorithm = DKIM_RSA_SHA256;
	else if (slice_equal_nocase(r->field->algorithm_name, SLICE("ed25519-sha256")))
		r->field->algorithm = DKIM_ED25519_SHA256;
	else if (slice_equal_nocase(r->field->algorithm_name, SLICE("rsa-sha1")))
		r->field->algorithm = DKIM_RSA_SHA1;
	return r->field->algorithm == DKIM_UNKNOWN ? "unknown algorithm in a=" : NULL;
}

static bool read_one_canonicalization(struct slice value, bool *relaxed)
{
	*relaxed = slice_equal_nocase(value, SLICE("relaxed"));
	return *relaxed || slice_equal_nocase(value, SLICE("simple"));
}

static const char *read_canonicalization(struct reading *r)
{
	struct slice rest, header;

	if (!taglist_get(r->tags, "c", &rest))
		return NULL;
	header = slice_cut(&rest, '/');
	if (!read_one_canonicalization(header, &r->field->relaxed_header) ||
	    (rest.ptr && !read_one_canonicalization(rest, &r->field->relaxed_body)))
		return "unknown canonicalization in c=";
	return NULL;
}

static const char *read_signed_fields(struct reading *r)
{
	struct slice rest, name;
	bool from = false;
	size_t n = 0;

	if (!taglist_get(r->tags, "h", &rest))
		return "the list of signed fields h= is missing";
	r->field->signed_names = rest;
	r->field->plain = r->field->plain && rest.len <= DKIM_PLAIN_LIST_MAX;
	while (taglist_element(&rest, &name)) {
		if (name.len > 0 && !is_field_name(name))
			return "h= is not a list of header fields";
		if (n++ == DKIM_SIGNED_NAMES_MAX)
			return "the list of signed fields h= is too long";
		from = from || slice_equal_nocase(name, SLICE("from"));
		if (name.len == 0 || slice_equal_nocase(name, SLICE("dkim-signature")) ||
		    n > DKIM_PLAIN_NAMES_MAX)
			r->field->plain = false;
	}
	return from ? NULL : "the From field is not signed";
}

static const char *read_query(struct reading *r)
{
	struct slice rest, method;

	if (!taglist_get(r->tags, "q", &rest))
		return NULL;
	while (taglist_element(&rest, &method))
		if (slice_equal_nocase(method, SLICE("dns/txt")))
			return NULL;
	return "unknown query method in q=";
}

static const char *read_length(struct reading *r)
{
	struct slice value;

	r->field->has_length = taglist_get(r->tags, "l", &value);
	if (r->field->has_length && !slice_to_uint(value, INT64_MAX, &r->field->length))
		return "l= is not a number of octets";
	return NULL;
}

static const char *read_hash(struct reading *r)
{
	struct slice value;
	size_t len;

	if (!taglist_get(r->tags, "bh", &value))
		return "the body hash tag bh= is missing";
	if (r->field->algorithm != DKIM_RSA_SHA1 &&
	    (!base64_decode(value, r->field->body_hash, DKIM_HASH_LEN, &len) ||
		len != DKIM_HASH_LEN))
		return "bh= is not a SHA-256 hash";
	return NULL;
}

static bool ends_in_b(struct slice name)
{
	return name.ptr[name.len - 1] == 'b' && name.len > 1;
}

static const char *read_signature(struct reading *r)
{
	if (!taglist_get(r->tags, "b", &r->field->signature) || r->field->signature.len == 0)
		return "the signature tag b= is missing";
	if (has_8_bits(r->field->signature)) {
		r->field->signature = slice_of(NULL, 0);
		return "b= is not base64";
	}
	for (size_t i = 0; i < r->tags->count; i++) {
		struct slice name = r->tags->tags[i].name;

		if (ends_in_b(name) || (slice_equal(name, SLICE("b")) && name.ptr[name.len] != '='))
			r->field->plain = false;
	}
	return NULL;
}

/* RFC 6376 3.5: t= is when it was signed, x= when it ends; an end before the start is an error. */
static const char *read_times(struct reading *r)
{
	struct slice value;
	uint64_t signed_at = 0, expires = 0;
	bool has_start = taglist_get(r->tags, "t", &value);

	if (has_start && !slice_to_uint(value, INT64_MAX, &signed_at))
		return "t= is not a time";
	if (has_start && signed_at > r->now + DKIM_CLOCK_DRIFT)
		return "the signature is from the future";
	if (!taglist_get(r->tags, "x", &value))
		return NULL;
	if (!slice_to_uint(value, INT64_MAX, &expires))
		return "x= is not a time";
	if (has_start && expires <= signed_at)
		return "the signature expires before it starts";
	return r->now >= expires + DKIM_CLOCK_DRIFT ? "the signature has expired" : NULL;
}

/* In this order: a later reader uses what an earlier one found. */
static const char *(*const readers[])(struct reading *) = {
    read_version,
    read_domain,
    read_selector,
    read_identity,
    read_algorithm,
    read_canonicalization,
    read_signed_fields,
    read_query,
    read_length,
    read_hash,
    read_signature,
    read_times,
};

/* All are run: even a field that cannot pass is reported with its domain. */
static const char *read_tags(struct reading *r)
{
	const char *first = NULL;

	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		const char *wrong = readers[i](r);

		first = first ? first : wrong;
	}
	return first;
}

static void set_flaw(struct dkim_field *f, enum dkim_result result, const char *reason)
{
	f->result = result;
	f->reason = reason;
}

void dkim_field_parse(struct slice value, const struct idna *idna, uint64_t now,
    struct arena *arena, struct dkim_field *out)
{
	struct taglist tags;
	struct reading reading = {&tags, idna, now, arena, out};
	const char *wrong;

	*out = (struct dkim_field){.result = DKIM_NONE};
	if (value.len > DKIM_FIELD_MAX) {
		set_flaw(out, DKIM_PERMERROR, "the DKIM-Signature field is too long");
		return;
	}
	out->plain = !has_8_bits(value);
	wrong = taglist_parse(value, &tags);
	if (!wrong)
		wrong = read_tags(&reading);
	if (wrong)
		set_flaw(out, DKIM_PERMERROR, wrong);
	else if (out->algorithm == DKIM_RSA_SHA1)
		set_flaw(out, DKIM_POLICY, "rsa-sha1 is not accepted (RFC 8301)");
	else
		out->key_name = make_key_name(out, arena);
	if (arena_failed(arena))
		set_flaw(out, DKIM_TEMPERROR, "out of memory");
}

/* Those that cannot pass stand behind the farthest. */
enum { HOPELESS = DMARC_FAR + 1 };

static int rank(const struct dkim_field *f, struct slice author)
{
	return f->result == DKIM_NONE ? (int)dmarc_nearness(f->domain, &author, 1) : HOPELESS;
}

struct choice {
	const struct dkim_field *fields;
	size_t n;
	size_t *chosen, count;
};

static bool is_chosen(const struct choice *c, size_t i)
{
	for (size_t k = 0; k < c->count; k++)
		if (c->chosen[k] == i)
			return true;
	return false;
}

/* Takes the nearest to this author, the first of equals, unless it is farther than `farthest`. */
static bool choose_author(struct choice *c, struct slice author, int farthest)
{
	size_t best = c->n;

	for (size_t i = 0; i < c->n && c->count < DKIM_VERIFIED_MAX; i++) {
		int of_this = rank(&c->fields[i], author);
		if (of_this > farthest || is_chosen(c, i))
			continue;
		farthest = of_this - 1; /* from here on only nearer ones */
		best = i;
	}
	if (best < c->n)
		c->chosen[c->count++] = best;
	return best < c->n;
}

size_t dkim_field_choose(const struct dkim_field *fields, size_t n, const struct slice *authors,
    size_t author_count, size_t chosen[DKIM_VERIFIED_MAX])
{
	struct choice c = {fields, n, chosen, 0};
	size_t before;

	do {
		before = c.count;
		for (size_t i = 0; i < author_count; i++)
			choose_author(&c, authors[i], DMARC_BESIDE);
	} while (c.count > before);
	while (choose_author(&c, slice_of(NULL, 0), HOPELESS))
		continue;
	return c.count;
}

struct dkim_signature_result dkim_field_result(const struct dkim_field *f, struct arena *arena)
{
	return (struct dkim_signature_result){
	    .result = f->result == DKIM_NONE ? DKIM_NEUTRAL : f->result,
	    .reason = slice_str(f->reason),
	    .domain = f->domain,
	    .selector = f->selector,
	    .identity = f->identity,
	    .algorithm = f->algorithm_name,
	    .b_prefix = without_blanks(f->signature, PREFIX_MAX, arena),
	};
}

enum dkim_result dkim_field_check_body(const struct dkim_field *f, const unsigned char *hash,
    uint64_t octets, bool *covered, const char **reason)
{
	*covered = false;
	if (f->has_length && f->length > octets) {
		*reason = "l= is beyond the end of the body";
		return DKIM_PERMERROR;
	}
	if (!hash || memcmp(hash, f->body_hash, DKIM_HASH_LEN) != 0) {
		*reason = "the body was changed";
		return DKIM_FAIL;
	}
	*covered = !f->has_length || f->length == octets;
	return DKIM_NONE;
}
