#include "core/auth/dmarc.h"

/* One tag of the record while it is read: the value, and how often it stood there. */
enum tag { TAG_P, TAG_SP, TAG_NP, TAG_ADKIM, TAG_ASPF, TAG_T, TAG_PSD, TAG_RUA, TAG_COUNT };

struct value {
	struct slice text;
	unsigned times;
};

/* RFC 9989 4.7.  The tags for failure reports, which a filter does not send, are among the unknown
 * ones here. */
static const struct slice tag_names[TAG_COUNT] = {
    [TAG_P] = SLICE_INIT("p"),
    [TAG_SP] = SLICE_INIT("sp"),
    [TAG_NP] = SLICE_INIT("np"),
    [TAG_ADKIM] = SLICE_INIT("adkim"),
    [TAG_ASPF] = SLICE_INIT("aspf"),
    [TAG_T] = SLICE_INIT("t"),
    [TAG_PSD] = SLICE_INIT("psd"),
    [TAG_RUA] = SLICE_INIT("rua"),
};

static const char *const policy_names[] = {"none", "quarantine", "reject"};

const char *dmarc_policy_name(enum dmarc_policy policy)
{
	return policy_names[policy];
}

/* ---- tags ---------------------------------------------------------------------------- */

/* "NAME = VALUE" into its trimmed halves; false when there is no "=". */
static bool split_tag(struct slice text, struct slice *name, struct slice *value)
{
	if (slice_find(text, '=') == text.len)
		return false;
	*name = slice_trim(slice_cut(&text, '='));
	*value = slice_trim(text);
	return true;
}

static void note_tag(struct value values[TAG_COUNT], struct slice name, struct slice text)
{
	for (size_t i = 0; i < TAG_COUNT; i++)
		if (slice_equal_nocase(name, tag_names[i])) {
			values[i].text = text;
			values[i].times++;
		}
}

/* dmarc-version: nothing may stand in front of it, the value is case-sensitive. */
static bool is_version(struct slice first)
{
	struct slice name, value;

	return first.len > 0 && first.ptr[0] != ' ' && first.ptr[0] != '\t' &&
	       split_tag(first, &name, &value) && slice_equal_nocase(name, SLICE("v")) &&
	       slice_equal(value, SLICE("DMARC1"));
}

/* Whether the one value of this tag is the word. */
static bool is(const struct value *value, const char *word)
{
	return value->times == 1 && slice_equal_nocase(value->text, slice_str(word));
}

/* ---- rua ----------------------------------------------------------------------------- */

static bool is_alpha(char c)
{
	return slice_lower(c) >= 'a' && slice_lower(c) <= 'z';
}

/* RFC 3986 2: reserved and unreserved characters and "%"; "," and "!" are for the list around. */
static bool is_uri_char(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~:/?#[]@$&'()*+;=%", c) != NULL);
}

/* RFC 3986 3: scheme ":" and something; "mailto:" needs an address, since it names a mailbox. */
static bool is_uri(struct slice uri)
{
	size_t colon = slice_find(uri, ':'), at = slice_find(uri, '@');

	if (colon == 0 || colon + 1 >= uri.len || !is_alpha(uri.ptr[0]))
		return false;
	for (size_t i = 1; i < colon; i++)
		if (!is_uri_char(uri.ptr[i]) || strchr("_~/?#[]@$&'()*;=%", uri.ptr[i]))
			return false;
	for (size_t i = colon + 1; i < uri.len; i++)
		if (!is_uri_char(uri.ptr[i]))
			return false;
	if (slice_starts_nocase(uri, SLICE("mailto:")))
		return at > colon + 1 && at + 1 < uri.len;
	return true;
}

/* At least one URI of the list can be used; a size limit behind "!" is obsolete and ignored. */
static bool has_uri(struct slice list)
{
	while (list.ptr) {
		struct slice member = slice_trim(slice_cut(&list, ','));

		if (is_uri(slice_trim(slice_cut(&member, '!'))))
			return true;
	}
	return false;
}

/* ---- record -------------------------------------------------------------------------- */

/* False when the tag is there with a value that is no policy; absent gives the default. */
static bool read_policy(const struct value *value, enum dmarc_policy absent, enum dmarc_policy *out)
{
	*out = absent;
	if (value->times == 0)
		return true;
	for (size_t i = 0; i < sizeof policy_names / sizeof policy_names[0]; i++)
		if (is(value, policy_names[i])) {
			*out = (enum dmarc_policy)i;
			return true;
		}
	return false;
}

static void read_policies(const struct value values[TAG_COUNT], struct dmarc_record *out)
{
	bool good = read_policy(&values[TAG_P], DMARC_P_NONE, &out->p);

	good &= read_policy(&values[TAG_SP], out->p, &out->sp);
	good &= read_policy(&values[TAG_NP], out->sp, &out->np);
	if (good)
		return;
	out->p = out->sp = out->np = DMARC_P_NONE;
	if (values[TAG_RUA].times != 1 || !has_uri(out->rua))
		out->unusable =
		    "p, sp or np is none of none, quarantine and reject, and there is no rua";
}

bool dmarc_record_parse(struct slice text, struct dmarc_record *out)
{
	struct value values[TAG_COUNT] = {{{NULL, 0}, 0}};
	struct slice rest = text, name, value;

	*out = (struct dmarc_record){.text = text};
	if (!is_version(slice_cut(&rest, ';')))
		return false;
	while (rest.ptr)
		if (split_tag(slice_cut(&rest, ';'), &name, &value))
			note_tag(values, name, value);
	out->strict_dkim = is(&values[TAG_ADKIM], "s");
	out->strict_spf = is(&values[TAG_ASPF], "s");
	out->testing = is(&values[TAG_T], "y");
	out->psd = is(&values[TAG_PSD], "y")   ? DMARC_PSD_YES
		   : is(&values[TAG_PSD], "n") ? DMARC_PSD_NO
					       : DMARC_PSD_UNKNOWN;
	out->rua = values[TAG_RUA].text;
	read_policies(values, out);
	return true;
}
