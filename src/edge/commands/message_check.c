#include "edge/commands/message_check.h"

#include "core/auth/dkim_verifier.h"
#include "core/auth/dnswire.h"
#include "core/base/text.h"
#include "core/policy/gather.h"
#include "core/session/transaction.h"
#include "edge/auth/dkim_library.h"
#include "edge/auth/spf.h"
#include "edge/idn/idn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A step that says more is cut. */
enum { STEP_MAX = 1024 };

/* A field as it was read. */
struct header_line {
	struct header_line *next;
	struct slice name, value;
};

/* The DNS behind a told one: that which was given, or one opened on a purse of its own. */
struct told {
	struct message_check *check;
	struct dns real;
};

struct message_check {
	struct told whole;
	struct dns asked; /* told, then asked of `whole.real` */
	struct arena *arena;
	const struct ruleset *rules;
	void (*tell)(void *context, const char *line);
	void *context;
	struct dkim_crypto *library;
	struct dkim_verifier *verifier;
	char *field; /* the header field under construction, folds included */
	size_t field_len;
	bool in_body, wants_body;
	struct slice from_fields[FROM_FIELDS_MAX];
	size_t from_count;
	struct fromheader from;
	struct header_line *header, **last_header; /* for the rules */
};

__attribute__((format(printf, 2, 3))) static void step(
    struct message_check *t, const char *format, ...)
{
	char line[STEP_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	text_mask_ascii(line, strlen(line));
	t->tell(t->context, line);
}

/* ---- the DNS, told ------------------------------------------------------------------- */

static void tell_record(struct message_check *t, enum dns_type type, const struct dns_record *r)
{
	char text[IP_TEXT_MAX];
	struct ip ip;

	if ((type == DNS_A && r->data.len == 4) || (type == DNS_AAAA && r->data.len == 16)) {
		ip = type == DNS_A ? ip_from_v4((const void *)r->data.ptr)
				   : ip_from_v6((const void *)r->data.ptr);
		ip_format(&ip, text);
		step(t, "       %s", text);
	} else if (type == DNS_MX) {
		step(t, "       %u %.*s", r->preference, SLICE_ARG(r->data));
	} else {
		step(t, "       %.*s", SLICE_ARG(r->data));
	}
}

static void told_lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	static const char *const words[] = {
	    [DNS_OK] = "",
	    [DNS_NODATA] = "  no such record",
	    [DNS_NXDOMAIN] = "  no such name",
	    [DNS_TEMP] = "  no answer",
	    [DNS_BADNAME] = "  not asked: not a name",
	};
	const struct told *told = self;
	struct message_check *t = told->check;

	dns_lookup(&told->real, name, type, arena, out);
	step(t, "  dns  %s %.*s%s", dns_type_name(type), SLICE_ARG(name), words[out->status]);
	for (size_t i = 0; out->status == DNS_OK && i < out->count; i++)
		tell_record(t, type, &out->records[i]);
}

static void told_hint(void *self, struct slice name, enum dns_type type)
{
	dns_hint(&((struct told *)self)->real, name, type);
}

static void *told_open(void *self, unsigned ms, struct arena *arena)
{
	const struct told *told = self;
	struct told *own = arena_alloc(arena, sizeof *own);

	if (own)
		*own = (struct told){told->check, dns_open(&told->real, ms, arena)};
	return own;
}

/* ---- reading the message ------------------------------------------------------------- */

struct message_check *message_check_create(const struct dns *dns, int64_t now, struct arena *arena,
    void (*tell)(void *context, const char *line), void *context)
{
	struct message_check *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->whole = (struct told){t, *dns};
	t->asked = (struct dns){
	    .self = &t->whole, .lookup = told_lookup, .hint = told_hint, .open = told_open};
	t->arena = arena;
	t->last_header = &t->header;
	t->tell = tell;
	t->context = context;
	t->field = malloc(HEADER_BYTES_MAX);
	t->library = dkim_library_create();
	if (t->library) {
		dkim_library_probe(t->library); /* as the daemon did: its log says what was found */
		t->verifier = dkim_verifier_create(
		    t->library, &t->asked, &idn_uts46, arena, now > 0 ? (uint64_t)now : 0);
	}
	if (!t->field || !t->verifier)
		message_check_free(&t);
	return t;
}

void message_check_free(struct message_check **t)
{
	if (!*t)
		return;
	dkim_verifier_free(&(*t)->verifier);
	dkim_library_free(&(*t)->library);
	free((*t)->field);
	free(*t);
	*t = NULL;
}

static void keep_field(struct message_check *t, struct slice name, struct slice value)
{
	struct header_line *l = arena_alloc(t->arena, sizeof *l);

	if (!l)
		return;
	*l = (struct header_line){NULL, arena_copy(t->arena, name), arena_copy(t->arena, value)};
	*t->last_header = l;
	t->last_header = &l->next;
}

static void end_field(struct message_check *t)
{
	struct slice value = slice_of(t->field, t->field_len), name = slice_cut(&value, ':');

	t->field_len = 0;
	if (!value.ptr || name.len == 0)
		return;
	name = slice_trim(name);
	if (slice_equal_nocase(name, SLICE("From")) && t->from_count < FROM_FIELDS_MAX)
		t->from_fields[t->from_count++] = arena_copy(t->arena, value);
	keep_field(t, name, value);
	dkim_verifier_header(t->verifier, name, value);
}

static void end_header(struct message_check *t)
{
	end_field(t);
	t->in_body = true;
	fromheader_parse(t->from_fields, t->from_count, &idn_lenient, t->arena, &t->from);
	t->wants_body =
	    dkim_verifier_end_of_headers(t->verifier, t->from.domains, t->from.domain_count);
}

static void append(struct message_check *t, struct slice bytes)
{
	size_t room = HEADER_BYTES_MAX - t->field_len;
	size_t n = bytes.len < room ? bytes.len : room;

	if (n > 0)
		memcpy(t->field + t->field_len, bytes.ptr, n);
	t->field_len += n;
}

void message_check_line(struct message_check *t, struct slice line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (t->in_body) {
		if (t->wants_body) {
			dkim_verifier_body(t->verifier, line.ptr, line.len);
			dkim_verifier_body(t->verifier, "\r\n", 2);
		}
		return;
	}
	if (line.len == 0) {
		end_header(t);
	} else if (line.ptr[0] == ' ' || line.ptr[0] == '\t') {
		append(t, SLICE("\r\n"));
		append(t, line);
	} else {
		end_field(t);
		append(t, line);
	}
}

void message_check_author(struct message_check *t, struct session_query *q)
{
	if (!t->in_body)
		end_header(t);
	session_query_set_author(q, &t->from);
	for (const struct header_line *l = t->header; l; l = l->next)
		session_query_add_field(q, l->name, l->value);
	q->facts.header_state = FACT_KNOWN;
	step(t, "from   %s%s%s%.*s", from_kind_name(t->from.kind),
	    t->from.forgiven ? ", forgiven" : "", t->from.why.len > 0 ? ": " : "",
	    SLICE_ARG(t->from.why));
	for (size_t i = 0; i < t->from.domain_count; i++)
		step(t, "       %s %.*s",
		    t->from.kind == FROM_BAD ? "domain behind an @" : "author domain",
		    SLICE_ARG(t->from.domains[i]));
}

/* ---- facts, told --------------------------------------------------------------------- */

static const struct dns *asked_dns(void *env)
{
	return &((struct message_check *)env)->asked;
}

static bool told_spf(void *env, const struct spf_query *query, struct spf_answer *out)
{
	struct message_check *t = env;
	struct spf_query told = *query;
	struct dns own = dns_open(&t->asked, DNS_SPF_RCPT_MS + DNS_SPF_END_MS, t->arena);

	told.explain = true;
	spf_check(&own, &told, t->arena, out);
	step(t, "spf    %s for %.*s", spf_result_text(out->result), SLICE_ARG(out->domain));
	if (out->mechanism.len > 0)
		step(t, "       decided by %.*s", SLICE_ARG(out->mechanism));
	if (out->problem.len > 0)
		step(t, "       %.*s", SLICE_ARG(out->problem));
	if (out->explanation.len > 0)
		step(t, "       the domain says: %.*s", SLICE_ARG(out->explanation));
	step(t, "       %u term%s, %u void lookup%s, %u question%s", out->dns_terms,
	    out->dns_terms == 1 ? "" : "s", out->void_lookups, out->void_lookups == 1 ? "" : "s",
	    out->questions, out->questions == 1 ? "" : "s");
	return true;
}

static bool told_dkim(void *env, struct dkim_answer *out)
{
	struct message_check *t = env;

	dkim_verifier_finish(t->verifier, out);
	if (out->count == 0)
		step(t, "dkim   none: not signed");
	for (size_t i = 0; i < out->count; i++) {
		const struct dkim_signature_result *s = &out->signatures[i];
		step(t, "dkim   %s d=%.*s s=%.*s a=%.*s %u bits%s%.*s", dkim_result_name(s->result),
		    SLICE_ARG(s->domain), SLICE_ARG(s->selector), SLICE_ARG(s->algorithm), s->bits,
		    s->reason.len > 0 ? ": " : "", SLICE_ARG(s->reason));
	}
	if (out->not_looked_at > 0)
		step(t, "       %zu more signatures were not looked at", out->not_looked_at);
	return true;
}

static void tell_dmarc_step(void *self, struct slice sentence)
{
	step(self, "       %.*s", SLICE_ARG(sentence));
}

static void tell_dmarc(struct message_check *t, const struct dmarc_result *r)
{
	step(t, "dmarc  %s: %.*s", dmarc_verdict_name(r->verdict), SLICE_ARG(r->why));
	if (r->policy_domain.len > 0)
		step(t, "       %.*s publishes p=%s; after t= it is %s",
		    SLICE_ARG(r->policy_domain), dmarc_policy_name(r->published),
		    dmarc_policy_name(r->policy));
	if (r->aligned)
		step(t, "       aligned by %s: %.*s", dmarc_method_name(r->aligned->method),
		    SLICE_ARG(r->aligned->domain));
}

static void get_facts(void *self, struct facts *facts, unsigned need)
{
	struct message_check *t = self;
	const struct dmarc_trace trace = {t, tell_dmarc_step};
	const struct gather g = {
	    .facts = facts,
	    .arena = t->arena,
	    .idna = &idn_lenient,
	    .trace = &trace,
	    .env = t,
	    .dns = asked_dns,
	    .spf = told_spf,
	    .dkim = told_dkim,
	    .rules = t->rules,
	};
	bool judged = facts->dmarc_state != FACT_UNKNOWN;

	gather_facts(&g, need);
	if (!judged && facts->dmarc_state == FACT_KNOWN)
		tell_dmarc(t, &facts->dmarc);
}

struct session_query_source message_check_source(
    struct message_check *t, const struct ruleset *rules)
{
	t->rules = rules;
	return (struct session_query_source){t, get_facts};
}
