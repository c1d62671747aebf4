#include "core/policy/reply.h"

#include <stdio.h>

/* A bounded line under construction; what does not fit is cut. */
struct line {
	char *at;
	size_t len, max;
};

static void put(struct line *l, struct slice s)
{
	for (size_t i = 0; i < s.len && l->len < l->max; i++) {
		char c = s.ptr[i];
		l->at[l->len++] = c >= 0x20 && c <= 0x7e ? c : '?';
	}
}

/* ---- variables ----------------------------------------------------------------------- */

struct reply_ctx {
	const struct facts *facts;
	const struct verdict *verdict;
};

static void put_client(struct line *l, const struct reply_ctx *s)
{
	char text[IP_TEXT_MAX];

	put(l, slice_of(text, ip_format(&s->facts->client, text)));
}

static void put_network(struct line *l, const struct reply_ctx *s)
{
	char text[PREFIX_TEXT_MAX];

	if (s->verdict->has_network)
		put(l, slice_of(text, prefix_format(&s->verdict->network, text)));
	else
		put_client(l, s);
}

static void put_asn(struct line *l, const struct reply_ctx *s)
{
	char text[16];

	snprintf(text, sizeof text, "AS%u", s->facts->asn);
	put(l, s->facts->asn ? slice_str(text) : SLICE("AS unknown"));
}

static void put_rule(struct line *l, const struct reply_ctx *s)
{
	if (s->verdict->rule)
		put(l, s->verdict->rule->name);
}

static void put_domain(struct line *l, const struct identity *id)
{
	put(l, id->name.len > 0 ? id->name : id->text);
}

static void put_sender_domain(struct line *l, const struct reply_ctx *s)
{
	put_domain(l, &s->facts->id[IDENTITY_SENDER]);
}

static void put_from_domain(struct line *l, const struct reply_ctx *s)
{
	put_domain(l, &s->facts->id[IDENTITY_FROM]);
}

static void put_helo(struct line *l, const struct reply_ctx *s)
{
	put(l, s->facts->id[IDENTITY_HELO].text);
}

/* Whose mail a block refuses: the name that matched, or who is logged in, or else the client. */
static void put_name(struct line *l, const struct reply_ctx *s)
{
	const struct verdict *v = s->verdict;

	if (v->has_identity && v->identity != IDENTITY_RECIPIENT)
		put_domain(l, &s->facts->id[v->identity]);
	else if (facts_are_authenticated(s->facts))
		put(l, s->facts->auth);
	else
		put_client(l, s);
}

static void put_recipient(struct line *l, const struct reply_ctx *s)
{
	put(l, s->facts->id[IDENTITY_RECIPIENT].text);
}

static void put_spf_domain(struct line *l, const struct reply_ctx *s)
{
	put(l, s->facts->spf.domain);
}

static void put_policy_domain(struct line *l, const struct reply_ctx *s)
{
	put(l, s->facts->dmarc.policy_domain);
}

static void put_from_problem(struct line *l, const struct reply_ctx *s)
{
	put(l, s->facts->author_why);
}

static void put_policy(struct line *l, const struct reply_ctx *s)
{
	put(l, slice_str(dmarc_policy_name(s->facts->dmarc.published)));
}

static const struct variable {
	struct slice name;
	void (*put)(struct line *, const struct reply_ctx *);
} variables[] = {
    {SLICE_INIT("client"), put_client},
    {SLICE_INIT("network"), put_network},
    {SLICE_INIT("asn"), put_asn},
    {SLICE_INIT("rule"), put_rule},
    {SLICE_INIT("sender_domain"), put_sender_domain},
    {SLICE_INIT("from_domain"), put_from_domain},
    {SLICE_INIT("helo"), put_helo},
    {SLICE_INIT("name"), put_name},
    {SLICE_INIT("recipient"), put_recipient},
    {SLICE_INIT("spf_domain"), put_spf_domain},
    {SLICE_INIT("policy_domain"), put_policy_domain},
    {SLICE_INIT("policy"), put_policy},
    {SLICE_INIT("from_problem"), put_from_problem},
};

static const struct variable *find_variable(struct slice name)
{
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		if (slice_equal(variables[i].name, name))
			return &variables[i];
	return NULL;
}

/* Cuts "%{name}" off *rest when it stands there; *name is then what is inside. */
static bool cut_variable(struct slice *rest, struct slice *name)
{
	size_t end;

	if (!slice_starts(*rest, SLICE("%{")))
		return false;
	end = slice_find(*rest, '}');
	if (end == rest->len)
		return false;
	*name = slice_of(rest->ptr + 2, end - 2);
	*rest = slice_skip(*rest, end + 1);
	return true;
}

/* ---- templates ----------------------------------------------------------------------- */

/* A rule that asks for the recipient refuses to deliver to him, whatever else it asks for. */
static bool is_by_recipient(const struct verdict *v)
{
	return (v->rule->keys & 1u << KEY_RECIPIENT) != 0 ||
	       (v->has_identity && v->identity == IDENTITY_RECIPIENT);
}

/* What the DNS says, where the rule asks for it and it is so; NULL: nothing of that. */
static const char *dns_template(const struct rule *rule, const struct facts *facts)
{
	const struct {
		unsigned key, are;
		const char *none, *null_mx; /* by the first word, and the second */
	} rows[] = {
	    {KEY_SENDER_DOMAIN, facts->sender_dns.are,
		"550 5.1.8 The sender's domain %{sender_domain} does not exist, or takes no mail "
		"(%{rule})",
		"550 5.7.27 The sender's domain %{sender_domain} takes no mail (null MX, %{rule})"},
	    {KEY_FROM_DOMAIN, facts->from_dns.are,
		"550 5.1.8 The author's domain %{from_domain} does not exist, or takes no mail "
		"(%{rule})",
		"550 5.7.27 The author's domain %{from_domain} takes no mail (null MX, %{rule})"},
	    {KEY_REVERSE, facts->reverse.are, "550 5.7.25 %{client} has no reverse name (%{rule})",
		"550 5.7.25 No reverse name of %{client} leads back to it (%{rule})"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if ((rule->keys & 1u << rows[i].key) != 0 && rows[i].are != 0)
			return rows[i].are & 1 ? rows[i].none : rows[i].null_mx;
	return NULL;
}

/* The sentence of a rule without a reply of its own. */
static const char *rule_template(const struct verdict *v, const struct facts *facts)
{
	bool by_recipient = v->rule && is_by_recipient(v);
	const char *dns = v->rule ? dns_template(v->rule, facts) : NULL;

	if (v->family == FAMILY_SUSRANGES && (v->has_network || !by_recipient))
		return "550 5.7.1 Unauthenticated mail not allowed from this range "
		       "(%{network}, %{rule})";
	if (dns)
		return dns;
	return by_recipient ? "550 5.7.1 Mail to %{recipient} is not accepted here (%{rule})"
			    : "550 5.7.1 Mail from %{name} is not accepted here (%{rule})";
}

static struct slice default_template(const struct verdict *v, const struct facts *facts)
{
	static const char *const templates[REASON_COUNT] = {
	    [REASON_SPF_FAIL] = "550 5.7.23 SPF: %{client} is not allowed to send for "
				"%{spf_domain}",
	    [REASON_SPF_TEMPERROR] = "451 4.4.3 SPF: the DNS of %{spf_domain} gives no answer, "
				     "please try again",
	    [REASON_SPF_PERMERROR] = "550 5.7.24 SPF: the record of %{spf_domain} cannot be "
				     "evaluated",
	    [REASON_DMARC_FAIL] = "550 5.7.1 DMARC: %{policy_domain} publishes p=%{policy} and "
				  "this message fails it",
	    [REASON_DMARC_TEMPERROR] = "451 4.4.3 DMARC: the DNS of %{from_domain} gives no "
				       "answer, please try again",
	    [REASON_DMARC_UNPROVEN] =
		"451 4.4.3 DMARC: %{policy_domain} publishes p=%{policy}, and "
		"a DNS answer that could prove this message is missing",
	    [REASON_BAD_FROM] = "550 5.7.1 The From header has no valid author domain: "
				"%{from_problem}",
	    [REASON_OTHER_RECIPIENTS] = "452 4.5.3 Please send to this recipient in a message of "
					"its own",
	    [REASON_SPLIT] = "451 4.7.1 Recipients of this message ask for different checks, "
			     "please try again",
	    [REASON_POLICY_CHANGED] = "421 4.3.2 The policy has just changed, please connect again",
	    [REASON_TOO_MANY_SESSIONS] = "421 4.3.2 Too many sessions, please try again later",
	    [REASON_HEADERS_TOO_LARGE] = "552 5.3.4 The header of this message is too large",
	    [REASON_INTERNAL] = "451 4.3.0 Temporary internal error, please try again",
	    [REASON_UNDECIDED] = "451 4.4.3 A DNS answer that decides about this mail is missing, "
				 "please try again",
	};
	const char *template = templates[v->reason];

	if (v->reason == REASON_RULE)
		template = rule_template(v, facts);
	return slice_str(template ? template : templates[REASON_INTERNAL]);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Cuts the three digits and a blank off *rest; 0 when they are not there. */
static unsigned cut_code(struct slice *rest)
{
	struct slice word = slice_cut(rest, ' ');
	uint64_t code;

	if (word.len != 3 || !slice_to_uint(word, 599, &code) || code < 400)
		return 0;
	return (unsigned)code;
}

/* True for class "." subject "." detail (RFC 3463), 1 to 3 digits each but the first. */
static bool is_xcode(struct slice s)
{
	struct slice rest = s, class = slice_cut(&rest, '.'), subject = slice_cut(&rest, '.');
	uint64_t n;

	return s.len < REPLY_XCODE_MAX && class.len == 1 && subject.len <= 3 && rest.len <= 3 &&
	       slice_to_uint(class, 9, &n) && slice_to_uint(subject, 999, &n) &&
	       slice_to_uint(rest, 999, &n);
}

/* Cuts the enhanced status code off *rest, or chooses the one that says least. */
static void cut_xcode(struct slice *rest, unsigned code, char out[REPLY_XCODE_MAX])
{
	struct slice after = *rest, word = slice_cut(&after, ' ');

	if (is_xcode(word)) {
		*rest = after;
		snprintf(out, REPLY_XCODE_MAX, "%.*s", SLICE_ARG(word));
	} else {
		memcpy(out, code < 500 ? "4.7.1" : "5.7.1", sizeof "5.7.1");
	}
}

static void expand(struct line *l, struct slice template, const struct reply_ctx *ctx)
{
	struct slice name;

	while (template.len > 0) {
		if (cut_variable(&template, &name)) {
			const struct variable *v = find_variable(name);
			if (v)
				v->put(l, ctx);
			continue;
		}
		put(l, slice_of(template.ptr, 1));
		template = slice_skip(template, 1);
	}
}

void reply_make(const struct ruleset *rules, const struct facts *facts, const struct verdict *v,
    struct slice token, struct reply *out)
{
	struct reply_ctx ctx = {facts, v};
	bool own = v->rule && v->rule->reply.len > 0 && v->reason == REASON_RULE;
	struct slice template = own ? v->rule->reply : default_template(v, facts);
	struct slice url = rules ? rules->settings.help_url : slice_of(NULL, 0);
	size_t tail = url.len > 0 ? 1 + url.len + token.len : 0;
	struct line l = {.at = out->text};
	size_t codes;

	out->code = cut_code(&template);
	cut_xcode(&template, out->code, out->xcode);
	codes = 3 + 1 + strlen(out->xcode) + 1;
	l.max = REPLY_MAX - 1 - codes;
	l.max -= tail < l.max ? tail : l.max;
	expand(&l, template, &ctx);
	l.max = REPLY_MAX - 1 - codes;
	if (tail > 0) {
		put(&l, SLICE(" "));
		put(&l, url);
		put(&l, token);
	}
	out->text[l.len] = '\0';
	if (v->action == ACTION_QUARANTINE) {
		out->code = 250;
		out->xcode[0] = '2';
	}
}

static const char *unknown_variable(struct slice name, char why[REPLY_WHY_MAX])
{
	const char *before = "; there are ";
	int n = snprintf(why, REPLY_WHY_MAX, "unknown variable %%{%.*s}",
	    SLICE_ARG(slice_of(name.ptr, name.len < 20 ? name.len : 20)));

	for (size_t i = 0; i < sizeof variables / sizeof variables[0] && n < REPLY_WHY_MAX; i++) {
		n += snprintf(why + n, REPLY_WHY_MAX - (size_t)n, "%s%.*s", before,
		    SLICE_ARG(variables[i].name));
		before = ", ";
	}
	return why;
}

static const char *check_variables(struct slice text, char why[REPLY_WHY_MAX])
{
	struct slice name;

	while (text.len > 0) {
		if (!cut_variable(&text, &name)) {
			if (slice_starts(text, SLICE("%{")))
				return "a variable has no closing brace";
			text = slice_skip(text, 1);
			continue;
		}
		if (!find_variable(name))
			return unknown_variable(name, why);
	}
	return NULL;
}

const char *reply_check(struct slice template, char why[REPLY_WHY_MAX])
{
	struct slice rest = template, word;
	unsigned code = cut_code(&rest);

	if (code == 0)
		return "a reply starts with a code from 400 to 599 and a blank, such as \"550 "
		       "5.7.1 text\"";
	word = slice_cut(&(struct slice){rest.ptr, rest.len}, ' ');
	if (word.len > 0 && is_digit(word.ptr[0]) && slice_find(word, '.') < word.len) {
		if (!is_xcode(word))
			return "the second word is not an enhanced status code such as 5.7.1";
		if ((unsigned)(word.ptr[0] - '0') != code / 100)
			return "the enhanced status code is of another class than the reply code";
	}
	if (rest.len == 0 || (is_xcode(word) && word.len == rest.len))
		return "the reply has no text";
	if (template.len > REPLY_MAX)
		return "the reply is longer than 480 octets";
	if (!slice_is_printable_ascii(template))
		return "a reply is one line of printable ASCII";
	return check_variables(rest, why);
}
