#include "core/mail/authres.h"

#include "core/mail/rfc5322.h"

/* Longer than any name in UTF-8: what does not fit cannot be our id. */
#define ID_MAX 1024

/* ---- reading ------------------------------------------------------------------------- */

/* The words in front of the first ";", joined as they come. */
struct head {
	struct slice id; /* ours */
	bool ascii;      /* 8-bit bytes are left out: some readers take them for blanks */
	char text[ID_MAX];
	size_t len, first, before_last; /* ends: of all, of the first word, of all but the last */
	bool ours, too_long;
};

static struct slice without_last_dot(struct slice s)
{
	return slice_of(s.ptr, s.len - (s.len > 0 && s.ptr[s.len - 1] == '.'));
}

static struct slice up_to(const struct head *h, size_t end)
{
	return without_last_dot(slice_of(h->text, end));
}

/* Where a lax reader may see the end of an id, in quotes too. */
static bool is_end(const struct head *h, unsigned char c)
{
	return c <= 0x20 || c == 0x7f || c == ';' || (h->ascii && c > 0x7f);
}

static void compare(struct head *h)
{
	h->ours |= slice_equal_nocase(up_to(h, h->len), h->id);
}

static void add_word(struct head *h, struct slice word)
{
	size_t before = h->len;

	for (size_t i = 0; i < word.len; i++) {
		unsigned char c = (unsigned char)word.ptr[i];

		if (c == '"' || c == '\\')
			continue;
		if (is_end(h, c))
			compare(h);
		else if (h->len < sizeof h->text)
			h->text[h->len++] = word.ptr[i];
		else
			h->too_long = true;
	}
	if (h->len == before)
		return;
	h->first = h->first ? h->first : h->len;
	h->before_last = before;
	compare(h);
}

/* NUL is among them. */
static bool separates(int c)
{
	return c == RFC5322_END || strchr(" \t\r\n()\";/=,:<>@[]?", c);
}

static void read_head(struct head *h, struct rfc5322 *s)
{
	for (;;) {
		size_t from;

		rfc5322_skip(s);
		from = s->at;
		if (rfc5322_peek(s) == RFC5322_END || rfc5322_peek(s) == ';')
			return;
		if (rfc5322_peek(s) == '"')
			rfc5322_quoted(s);
		else if (separates(rfc5322_peek(s)))
			s->at++;
		else
			while (!separates(rfc5322_peek(s)))
				s->at++;
		if (!separates((unsigned char)s->text.ptr[from]) || s->text.ptr[from] == '"')
			add_word(h, slice_of(s->text.ptr + from, s->at - from));
	}
}

/* U-labels against A-labels; what is equal as text was found while reading. */
static bool same_name(
    struct slice found, const struct head *h, const struct idna *idna, struct arena *arena)
{
	struct slice a, b;

	return !name_parse(found, idna, arena, &a) && !name_parse(h->id, idna, arena, &b) &&
	       slice_equal(a, b);
}

static bool is_name(struct slice text, const struct idna *idna, struct arena *arena)
{
	return !name_parse(text, idna, arena, &text);
}

enum authres_owner authres_owner(
    struct slice body, struct slice id, const struct idna *idna, struct arena *arena)
{
	struct rfc5322 s = {.text = body}, again = s;
	struct head h = {.id = without_last_dot(id)}, ascii = {.id = h.id, .ascii = true};

	read_head(&h, &s);
	read_head(&ascii, &again);
	if (h.ours || same_name(up_to(&h, h.first), &h, idna, arena) ||
	    (ascii.ours && !is_name(up_to(&h, h.first), idna, arena)))
		return AUTHRES_OURS;
	if (!h.too_long && (same_name(up_to(&h, h.len), &h, idna, arena) ||
			       same_name(up_to(&h, h.before_last), &h, idna, arena)))
		return AUTHRES_OURS;
	return s.wrong || h.len == 0 ? AUTHRES_UNREADABLE : AUTHRES_FOREIGN;
}

/* ---- writing ------------------------------------------------------------------------- */

/* RFC 5322 2.1.1: lines should not be longer, without their line end. */
#define LINE_MAX_OCTETS 78

/* One unbreakable part, "header.from=example.org": a name and a value with every byte escaped. */
#define ITEM_MAX (32 + 2 * AUTHRES_VALUE_MAX)

struct item {
	char text[ITEM_MAX];
	size_t len;
};

/* Where the field goes; the first pass only counts. */
struct sink {
	char *text; /* NULL: count */
	size_t len;
	size_t column;
};

static void put(struct sink *out, struct slice s)
{
	if (out->text && s.len)
		memcpy(out->text + out->len, s.ptr, s.len);
	out->len += s.len;
	out->column += s.len;
}

static void new_line(struct sink *out)
{
	put(out, SLICE("\n\t"));
	out->column = 8;
}

static void put_item(struct sink *out, const struct item *item)
{
	if (out->column + 1 + item->len >= LINE_MAX_OCTETS)
		new_line(out);
	else
		put(out, SLICE(" "));
	put(out, slice_of(item->text, item->len));
}

static void add_char(struct item *item, char c)
{
	item->text[item->len++] = c;
}

static void add_text(struct item *item, struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		add_char(item, s.ptr[i]);
}

static char visible(char c)
{
	return c >= 0x20 && c < 0x7f ? c : '?';
}

/* RFC 2045 5.1 */
static bool is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?=", s.ptr[i]))
			return false;
	return s.len > 0;
}

static struct slice at_most(struct slice s, size_t max)
{
	return slice_of(s.ptr, s.len < max ? s.len : max);
}

/* RFC 8601 2.2: a quoted string may hold anything; what a sender wrote shows no "=" and ";". */
static void add_quoted(struct item *item, struct slice value, bool is_own)
{
	add_char(item, '"');
	for (size_t i = 0; i < value.len; i++) {
		char c = visible(value.ptr[i]);

		if (c == '"' || c == '\\')
			add_char(item, '\\');
		add_char(item, !is_own && (c == '=' || c == ';') ? '?' : c);
	}
	add_char(item, '"');
}

static void add_value(struct item *item, struct slice value)
{
	value = at_most(value, AUTHRES_VALUE_MAX);
	if (is_token(value))
		add_text(item, value);
	else
		add_quoted(item, value, false);
}

/* Bytes that no reader takes for anything but part of an address. */
static bool is_plain(struct slice local)
{
	static const struct slice plain = SLICE_INIT("abcdefghijklmnopqrstuvwxyz0123456789-+._");

	for (size_t i = 0; i < local.len; i++)
		if (slice_find(plain, slice_lower(local.ptr[i])) == plain.len)
			return false;
	return local.len > 0;
}

static void put_property(struct sink *out, const char *name, struct slice value)
{
	struct item item = {.len = 0};

	if (value.len == 0)
		return;
	add_text(&item, slice_str(name));
	add_char(&item, '=');
	add_value(&item, value);
	put_item(out, &item);
}

/* reason="the version tag v= is missing" */
static void put_reason(struct sink *out, struct slice sentence)
{
	struct item item = {.len = 0};

	if (sentence.len == 0)
		return;
	add_text(&item, SLICE("reason="));
	add_quoted(&item, at_most(sentence, AUTHRES_COMMENT_MAX), true);
	put_item(out, &item);
}

/* RFC 8601 2.2 pvalue: an address stands as it is when it is plain; else "@" or nothing and its
 * domain. */
static void put_address(struct sink *out, const char *name, struct slice address, const char *at)
{
	struct slice domain = slice_after_last(address, '@');
	struct slice local = slice_of(address.ptr, address.len - domain.len);
	struct item item = {.len = 0};

	if (local.len == 0 || !is_token(domain) || address.len > AUTHRES_VALUE_MAX) {
		put_property(out, name, domain);
		return;
	}
	add_text(&item, slice_str(name));
	add_char(&item, '=');
	local.len--;
	if (is_plain(local)) {
		add_text(&item, address);
	} else {
		add_text(&item, slice_str(at));
		add_text(&item, domain);
	}
	put_item(out, &item);
}

static void put_comment(struct sink *out, struct slice comment)
{
	struct item item = {.len = 0};

	if (comment.len == 0)
		return;
	comment = at_most(comment, AUTHRES_COMMENT_MAX);
	add_char(&item, '(');
	for (size_t i = 0; i < comment.len; i++) {
		char c = visible(comment.ptr[i]);

		if (c == '(' || c == ')' || c == '\\')
			add_char(&item, '\\');
		add_char(&item, c);
	}
	add_char(&item, ')');
	put_item(out, &item);
}

/* ";", and on a new line "dkim=pass" */
static void put_method(struct sink *out, const char *method, struct slice result)
{
	struct item item = {.len = 0};

	add_text(&item, slice_str(method));
	add_char(&item, '=');
	add_value(&item, result);
	put(out, SLICE(";"));
	new_line(out);
	put(out, slice_of(item.text, item.len));
}

static void put_spf(struct sink *out, const struct authres_spf *spf)
{
	put_method(out, "spf", spf->result);
	put_comment(out, spf->comment);
	put_address(out, "smtp.mailfrom", spf->mailfrom, "");
	put_property(out, "smtp.helo", spf->helo);
}

/* RFC 6008: enough of the signature to tell it from others; folding inside b= does not count. */
static void put_signature(struct sink *out, struct slice signature)
{
	char start[8];
	size_t len = 0;

	for (size_t i = 0; i < signature.len && len < sizeof start; i++)
		if (!strchr(" \t\r\n", signature.ptr[i]))
			start[len++] = signature.ptr[i];
	put_property(out, "header.b", slice_of(start, len));
}

static void put_dkim(struct sink *out, const struct authres_dkim *dkim)
{
	put_method(out, "dkim", dkim->result);
	put_comment(out, dkim->comment);
	put_reason(out, dkim->reason);
	put_property(out, "header.d", dkim->domain);
	put_address(out, "header.i", dkim->identity, "@");
	put_property(out, "header.s", dkim->selector);
	put_property(out, "header.a", dkim->algorithm);
	put_signature(out, dkim->signature);
}

static void put_dmarc(struct sink *out, const struct authres_dmarc *dmarc)
{
	put_method(out, "dmarc", dmarc->result);
	put_comment(out, dmarc->comment);
	put_property(out, "header.from", dmarc->from);
	put_property(out, "policy.dmarc", dmarc->policy);
}

static void put_all(struct sink *out, const struct authres *a)
{
	struct item id = {.len = 0};

	add_value(&id, a->id);
	put(out, slice_of(id.text, id.len));
	if (!a->spf && a->dkim_count == 0 && a->dmarc_count == 0)
		put(out, SLICE("; none"));
	if (a->spf)
		put_spf(out, a->spf);
	for (size_t i = 0; i < a->dkim_count && i < AUTHRES_DKIM_MAX; i++)
		put_dkim(out, &a->dkim[i]);
	for (size_t i = 0; i < a->dmarc_count && i < AUTHRES_DMARC_MAX; i++)
		put_dmarc(out, &a->dmarc[i]);
}

struct slice authres_write(const struct authres *a, struct arena *arena)
{
	struct sink out = {.text = NULL};

	put_all(&out, a);
	out.text = arena_alloc(arena, out.len);
	if (!out.text)
		return slice_of(NULL, 0);
	out.len = out.column = 0;
	put_all(&out, a);
	return slice_of(out.text, out.len);
}
