#include "core/name/address.h"

#include "core/net/ip.h"

/* The two halves of a path as they are written, and what has to be done to the first. */
struct halves {
	struct slice local, domain;
	bool has_domain;
	bool encoded; /* quotes or backslashes to take away */
	bool upper;
	bool wide; /* bytes beyond ASCII */
};

/* ---- taking apart -------------------------------------------------------------------- */

static bool holds(struct slice s, char c)
{
	return slice_find(s, c) < s.len;
}

/*
 * Splits at the last '@' outside quotes.  Local parts are taken as they come, broken ones too: a
 * rule for example.org has to see every sender there that the MTA was willing to take.  What
 * cannot stand on an SMTP line is refused.
 */
static const char *split(struct slice path, struct halves *h)
{
	size_t at = path.len;
	bool quoted = false;

	*h = (struct halves){.local = path};
	if (holds(path, '\0') || holds(path, '\r') || holds(path, '\n'))
		return "a NUL or a line end inside";
	for (size_t i = 0; i < path.len; i++) {
		switch (path.ptr[i]) {
		case '"':
			quoted = !quoted;
			h->encoded = true;
			break;
		case '\\':
			if (++i == path.len)
				return "nothing follows the backslash";
			h->encoded = true;
			break;
		case '@':
			at = quoted ? at : i;
			break;
		default:
			break;
		}
	}
	if (quoted)
		return "the closing quote is missing";
	h->has_domain = at < path.len;
	h->local.len = at;
	h->domain = slice_skip(path, at + 1);
	for (size_t i = 0; i < at; i++) {
		h->upper |= slice_lower(path.ptr[i]) != path.ptr[i];
		h->wide |= (unsigned char)path.ptr[i] >= 0x80;
	}
	return NULL;
}

/* RFC 5321 app. C: "@a.example,@b.example:user@example.org" goes to the last of them. */
static const char *without_route(struct slice *path)
{
	size_t colon;

	if (!slice_starts(*path, SLICE("@")))
		return NULL;
	colon = slice_find(*path, ':');
	if (colon == path->len)
		return "no user in front of the '@'";
	*path = slice_skip(*path, colon + 1);
	return NULL;
}

/* ---- the local part ------------------------------------------------------------------ */

/* Quotes and backslashes taken away. */
static bool unquoted(struct slice from, struct arena *arena, struct slice *out)
{
	char *to = arena_alloc(arena, from.len + 1);
	size_t n = 0;

	if (!to)
		return false;
	for (size_t i = 0; i < from.len; i++) {
		if (from.ptr[i] == '"')
			continue;
		if (from.ptr[i] == '\\')
			i++;
		to[n++] = from.ptr[i];
	}
	*out = slice_of(to, n);
	return true;
}

static bool lowered(struct slice from, struct arena *arena, struct slice *out)
{
	char *to = arena_alloc(arena, from.len);

	if (!to)
		return false;
	for (size_t i = 0; i < from.len; i++)
		to[i] = slice_lower(from.ptr[i]);
	*out = slice_of(to, from.len);
	return true;
}

/* The local part as local parts are compared; what cannot be folded stays as it is. */
static bool fold_local(
    struct slice lower, const struct idna *idna, struct arena *arena, struct slice *out)
{
	char *folded = arena_alloc(arena, lower.len * IDNA_GROWTH);
	size_t len;

	if (!folded)
		return false;
	len = idna->fold_local(lower, folded, lower.len * IDNA_GROWTH);
	if (len > 0)
		*out = slice_of(folded, len);
	return true;
}

static bool is_special(char c)
{
	return (c >= 0 && c <= ' ') || c == 0x7f || strchr("()<>[]:;@\\,\"", c);
}

static bool needs_quotes(struct slice local)
{
	for (size_t i = 0; i < local.len; i++)
		if (is_special(local.ptr[i]))
			return true;
	return local.len == 0;
}

/* Writes the local part as it has to be written, at most 2 * len + 2 bytes; returns the end. */
static char *put_local(char *at, struct slice local)
{
	bool quotes = needs_quotes(local);

	if (quotes)
		*at++ = '"';
	for (size_t i = 0; i < local.len; i++) {
		if (local.ptr[i] == '"' || local.ptr[i] == '\\')
			*at++ = '\\';
		*at++ = local.ptr[i];
	}
	if (quotes)
		*at++ = '"';
	return at;
}

/* ---- the domain ---------------------------------------------------------------------- */

/* "[192.0.2.1]", "[IPv6:2001:db8::1]" (RFC 5321 4.1.3) in canonical form. */
static const char *literal(struct slice text, struct arena *arena, struct slice *out)
{
	static const struct slice tag = SLICE_INIT("IPv6:");
	struct slice inner = slice_of(text.ptr + 1, text.len - 2);
	bool tagged = slice_starts_nocase(inner, tag);
	char shown[IP_TEXT_MAX];
	struct ip ip;

	if (!ip_parse(tagged ? slice_skip(inner, tag.len) : inner, &ip))
		return "the address literal holds no address";
	ip_format(&ip, shown);
	*out = arena_printf(arena, "[%s%s]", ip.family == IP_V6 ? "IPv6:" : "", shown);
	return out->ptr ? NULL : "out of memory";
}

static bool is_literal(struct slice domain)
{
	return domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']';
}

/* ---- putting together ---------------------------------------------------------------- */

/* "local@domain"; the memory that was parsed when it reads exactly so. */
static const char *compose(const struct halves *h, struct slice local, struct slice domain,
    struct arena *arena, struct slice *out)
{
	char *start, *end;

	if (local.ptr == h->local.ptr && domain.ptr == h->domain.ptr && !needs_quotes(local)) {
		*out = slice_of(local.ptr, local.len + h->has_domain + domain.len);
		return NULL;
	}
	start = arena_alloc(arena, 2 * local.len + sizeof "\"\"@" + domain.len);
	if (!start)
		return "out of memory";
	end = put_local(start, local);
	if (h->has_domain) {
		*end++ = '@';
		memcpy(end, domain.ptr, domain.len);
		end += domain.len;
	}
	*out = slice_of(start, (size_t)(end - start));
	return NULL;
}

/* The local part as it was sent, as it is compared, and composed for patterns. */
static const char *local_part(const struct halves *h, const struct idna *idna, struct arena *arena,
    struct address *out, struct slice *composed)
{
	struct slice lower;

	out->sent = h->local;
	if (h->encoded && !unquoted(h->local, arena, &out->sent))
		return "out of memory";
	lower = out->sent;
	if (h->upper && !lowered(out->sent, arena, &lower))
		return "out of memory";
	out->local = *composed = lower;
	if (!h->wide || !idna)
		return NULL;
	*composed = idna_compose(idna, lower, arena);
	if (idna->fold_local && !fold_local(lower, idna, arena, &out->local))
		return "out of memory";
	return arena_failed(arena) ? "out of memory" : NULL;
}

static const char *mailbox(
    struct slice path, const struct idna *idna, struct arena *arena, struct address *out)
{
	struct halves h;
	struct slice domain; /* a name or a literal, in canonical form */
	struct slice composed;
	const char *wrong = without_route(&path);

	if (!wrong)
		wrong = split(path, &h);
	if (wrong)
		return wrong;
	if (h.local.len == 0)
		return "no user in front of the '@'";
	domain = h.domain;
	if ((holds(domain, '"') || holds(domain, '\\')) && !unquoted(domain, arena, &domain))
		return "out of memory";
	if (is_literal(domain))
		wrong = literal(domain, arena, &domain);
	else if (h.has_domain)
		wrong = name_parse(domain, idna, arena, &out->domain);
	if (wrong)
		return wrong;
	if (out->domain.len > 0)
		domain = out->domain;
	wrong = local_part(&h, idna, arena, out, &composed);
	if (!wrong)
		wrong = compose(&h, out->local, domain, arena, &out->folded);
	out->composed = out->folded;
	if (!wrong && h.wide)
		wrong = compose(&h, composed, domain, arena, &out->composed);
	out->text = path;
	/* Behind a route some begin so that by themselves they would read as another address. */
	if (!wrong && strchr("<@ \t", path.ptr[0]))
		wrong = compose(&h, out->sent, h.domain, arena, &out->text);
	return wrong;
}

static const char *parse(
    struct slice path, const struct idna *idna, struct arena *arena, struct address *out)
{
	struct address found = {.null = false};
	const char *wrong;

	if (path.len == 0)
		return "empty address";
	if (path.ptr[0] == '<') {
		if (path.len < 2 || path.ptr[path.len - 1] != '>')
			return "the closing > is missing";
		path = slice_trim(slice_of(path.ptr + 1, path.len - 2));
	}
	if (path.len == 0) {
		out->text = out->folded = out->composed = SLICE("<>");
		out->null = true;
		return NULL;
	}
	wrong = mailbox(path, idna, arena, &found);
	if (!wrong)
		*out = found;
	return wrong;
}

const char *address_parse(
    struct slice text, const struct idna *idna, struct arena *arena, struct address *out)
{
	const char *wrong;

	*out = (struct address){.text = text, .folded = text, .composed = text};
	wrong = parse(slice_trim(text), idna, arena, out);
	if (wrong)
		out->composed = idna_compose(idna, text, arena);
	return wrong;
}
