#include "core/stats/decision_text.h"

#include "core/base/json_write.h"
#include "core/base/rfc3339.h"

#include <stdio.h>

/* "2026-11-21T03:45:31.123456Z" (RFC 3339), NUL-terminated.  us: since the epoch, not negative. */
enum { TIME_TEXT_MAX = RFC3339_TEXT_MAX + 16 };
static struct slice format_time_us(int64_t us, char out[TIME_TEXT_MAX])
{
	char seconds[RFC3339_TEXT_MAX];
	size_t n = rfc3339_format(us / 1000000, seconds);

	n = (size_t)snprintf(
	    out, TIME_TEXT_MAX, "%.*s.%06dZ", (int)n - 1, seconds, (int)(us % 1000000));
	return slice_of(out, n);
}

const char *stage_name(enum stage stage)
{
	static const char *const names[] = {
	    [STAGE_CONNECT] = "connect",
	    [STAGE_MAIL] = "mail",
	    [STAGE_RCPT] = "rcpt",
	    [STAGE_END] = "end",
	};

	return names[stage];
}

static void json_put_text(struct json_write *j, const char *key, struct slice value)
{
	if (value.len > 0)
		json_write_string(j, key, value);
}

static void json_put_identity(struct json_write *j, const char *key, const struct identity *id)
{
	if (id->state == FACT_KNOWN)
		json_write_string(j, key, id->text);
}

static void json_put_client(struct json_write *j, const struct facts *facts)
{
	char text[IP_TEXT_MAX];

	if (facts->client.family != IP_NONE)
		json_write_string(j, "client", slice_of(text, ip_format(&facts->client, text)));
	json_put_identity(j, "client_name", &facts->id[IDENTITY_CLIENT_NAME]);
	json_put_identity(j, "helo", &facts->id[IDENTITY_HELO]);
	if (facts->asn)
		json_write_number(j, "asn", facts->asn);
	json_put_text(j, "country", slice_str(facts->country));
	if (facts->auth_state == FACT_KNOWN)
		json_write_string(j, "auth", facts->auth);
}

/* "bad From: more than one From field" */
static void json_put_reason(struct json_write *j, const struct record *r)
{
	const enum reason reason = r->decision.verdict->reason;
	const char *name = reason_name(reason);
	struct slice why = r->facts->author_why;
	char text[256];

	if (reason == REASON_NONE || reason == REASON_RULE)
		return;
	if (reason == REASON_BAD_FROM && why.len > 0)
		snprintf(text, sizeof text, "%s: %.*s", name, SLICE_ARG(why));
	else
		snprintf(text, sizeof text, "%s", name);
	json_write_string(j, "reason", slice_str(text));
}

static void json_put_verdict(struct json_write *j, const struct record *r)
{
	const struct verdict *v = r->decision.verdict;
	char text[PREFIX_TEXT_MAX];

	json_write_string(j, "action", slice_str(r->decision.word));
	json_write_number(j, "code", r->reply ? (int64_t)r->reply->code : 250);
	if (r->reply) {
		char reply[REPLY_MAX + REPLY_XCODE_MAX + 2];
		int n = snprintf(reply, sizeof reply, "%s %s", r->reply->xcode, r->reply->text);
		json_write_string(j, "reply", slice_of(reply, (size_t)n));
	}
	if (v->family != FAMILY_NONE)
		json_write_string(j, "family", slice_str(family_name(v->family)));
	json_put_text(j, "rule", r->decision.rule);
	if (v->has_network)
		json_write_string(j, "network", slice_of(text, prefix_format(&v->network, text)));
	json_put_reason(j, r);
	if (v->undecided)
		json_write_string(j, "undecided", v->undecided->name);
	if (v->monitored)
		json_write_string(j, "mode", SLICE("monitor"));
	if (r->facts->door == DOOR_POLICY)
		json_write_string(j, "door", SLICE("policy"));
}

/* "pass:example.org fail:example.net", a word a signature. */
static void json_put_dkim(struct json_write *j, const struct dkim_answer *dkim)
{
	char text[DKIM_VERIFIED_MAX * 280];
	size_t len = 0;

	for (size_t i = 0; i < dkim->count; i++) {
		const struct dkim_signature_result *s = &dkim->signatures[i];
		int n = snprintf(text + len, sizeof text - len, "%s%s:%.*s", i ? " " : "",
		    dkim_result_name(s->result), SLICE_ARG(s->domain));
		if (n < 0 || (size_t)n >= sizeof text - len)
			break;
		len += (size_t)n;
	}
	json_write_string(j, "dkim", dkim->count ? slice_of(text, len) : SLICE("none"));
}

struct slice record_json(const struct record *r, char out[RECORD_JSON_MAX])
{
	struct json_write j = json_write_begin(out, RECORD_JSON_MAX);
	const struct facts *facts = r->facts;
	char time[TIME_TEXT_MAX];

	json_write_string(&j, "time", format_time_us(r->time_us, time));
	json_put_text(&j, "id", r->token);
	json_put_text(&j, "session", r->session);
	json_put_text(&j, "queue_id", r->queue_id);
	if (r->generation)
		json_write_number(&j, "generation", (int64_t)r->generation);
	json_write_string(&j, "stage", slice_str(stage_name(r->stage)));
	json_put_verdict(&j, r);
	json_put_client(&j, facts);
	json_put_identity(&j, "sender", &facts->id[IDENTITY_SENDER]);
	json_put_identity(&j, "recipient", &facts->id[IDENTITY_RECIPIENT]);
	json_put_identity(&j, "from", &facts->id[IDENTITY_FROM]);
	if (facts->spf_state == FACT_KNOWN)
		json_write_string(&j, "spf", slice_str(spf_result_text(facts->spf.result)));
	if (facts->dkim_state == FACT_KNOWN)
		json_put_dkim(&j, &facts->dkim);
	if (facts->dmarc_state == FACT_KNOWN)
		json_write_string(&j, "dmarc", slice_str(dmarc_verdict_name(facts->dmarc.verdict)));
	json_write_number(&j, "us", r->took_us);
	return json_write_end(&j);
}

/* ---- the syslog line ----------------------------------------------------------------- */

struct syslog_line {
	char *at;
	size_t len;
};

/* Appends without control characters: also not U+0080 to U+009F, which begin with octet C2. */
static void line_append(struct syslog_line *l, struct slice s)
{
	for (size_t i = 0; i < s.len && l->len + 1 < RECORD_LINE_MAX; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c >= 0x80 && c <= 0x9f && l->len > 0 && l->at[l->len - 1] == '\xc2')
			l->at[l->len - 1] = '?';
		else
			l->at[l->len++] = c >= 0x20 && c != 0x7f ? (char)c : '?';
	}
}

/* " key=value", or " key=<value>" with brackets that the value cannot close. */
static void line_append_field(
    struct syslog_line *l, const char *key, struct slice value, bool brackets)
{
	line_append(l, SLICE(" "));
	line_append(l, slice_str(key));
	line_append(l, brackets ? SLICE("=<") : SLICE("="));
	for (size_t i = 0; i < value.len; i++)
		line_append(l, brackets && (value.ptr[i] == '<' || value.ptr[i] == '>')
				   ? slice_of(NULL, 0)
				   : slice_of(value.ptr + i, 1));
	if (brackets)
		line_append(l, SLICE(">"));
}

static void line_append_identity(struct syslog_line *l, const char *key, const struct identity *id)
{
	struct slice text = id->text;

	if (id->state != FACT_KNOWN)
		return;
	if (!slice_is_utf8(text))
		text = SLICE("(not text)");
	line_append_field(l, key, text, true);
}

static const char *smtp_stage_name(enum stage stage)
{
	static const char *const names[] = {
	    [STAGE_CONNECT] = "CONNECT",
	    [STAGE_MAIL] = "MAIL",
	    [STAGE_RCPT] = "RCPT",
	    [STAGE_END] = "END-OF-MESSAGE",
	};

	return names[stage];
}

/* An id of the MTA: ASCII in those that we know; any other byte would not be text in the log. */
static void line_append_id(struct syslog_line *l, struct slice id)
{
	char escaped[8];

	for (size_t i = 0; i < id.len; i++) {
		unsigned char c = (unsigned char)id.ptr[i];

		if (c < 0x80)
			line_append(l, slice_of(id.ptr + i, 1));
		else
			line_append(l, slice_of(escaped, (size_t)snprintf(escaped, sizeof escaped,
							     "\\x%02x", c)));
	}
}

static void line_append_head(struct syslog_line *l, const struct record *r)
{
	const struct identity *name = &r->facts->id[IDENTITY_CLIENT_NAME];
	char text[IP_TEXT_MAX];

	line_append_id(l, r->queue_id.len > 0 ? r->queue_id : r->session);
	line_append(l, SLICE(": "));
	line_append(l, slice_str(r->decision.word));
	line_append(l, SLICE(": "));
	line_append(l, slice_str(smtp_stage_name(r->stage)));
	line_append(l, SLICE(" from "));
	line_append(l,
	    name->state == FACT_KNOWN && slice_is_utf8(name->text) ? name->text : SLICE("unknown"));
	line_append(l, SLICE("["));
	line_append(l, slice_of(text, ip_format(&r->facts->client, text)));
	line_append(l, SLICE("]:"));
	if (r->reply) {
		char reply[REPLY_MAX + REPLY_XCODE_MAX + 8];
		int n = snprintf(reply, sizeof reply, " %u %s %s", r->reply->code, r->reply->xcode,
		    r->reply->text);
		line_append(l, slice_of(reply, (size_t)n));
	} else {
		line_append(l, SLICE(" "));
		line_append(l, slice_str(reason_name(r->decision.verdict->reason)));
	}
	line_append(l, SLICE(";"));
}

struct slice record_line(const struct record *r, char out[RECORD_LINE_MAX])
{
	struct syslog_line l = {.at = out};
	const struct verdict *v = r->decision.verdict;
	char text[PREFIX_TEXT_MAX];

	line_append_head(&l, r);
	line_append_identity(&l, "from", &r->facts->id[IDENTITY_SENDER]);
	line_append_identity(&l, "to", &r->facts->id[IDENTITY_RECIPIENT]);
	line_append_identity(&l, "helo", &r->facts->id[IDENTITY_HELO]);
	if (r->facts->auth_state == FACT_KNOWN)
		line_append_field(&l, "auth",
		    slice_is_utf8(r->facts->auth) ? r->facts->auth : SLICE("(not text)"), true);
	if (v->rule)
		line_append_field(&l, "rule", r->decision.rule, false);
	if (v->family != FAMILY_NONE)
		line_append_field(&l, "family", slice_str(family_name(v->family)), false);
	if (v->has_network)
		line_append_field(
		    &l, "network", slice_of(text, prefix_format(&v->network, text)), false);
	if (v->undecided)
		line_append_field(&l, "undecided", v->undecided->name, false);
	if (r->facts->door == DOOR_POLICY)
		line_append_field(&l, "door", SLICE("policy"), false);
	line_append_field(&l, "id", r->token, false);
	out[l.len] = '\0';
	return slice_of(out, l.len);
}

/* ---- what was left out --------------------------------------------------------------- */

struct slice suppressed_json(const struct suppressed *s, char out[RECORD_JSON_MAX])
{
	struct json_write j = json_write_begin(out, RECORD_JSON_MAX);
	char time[TIME_TEXT_MAX];

	json_write_string(&j, "time", format_time_us(s->time_us, time));
	json_write_number(&j, "suppressed", (int64_t)s->lines);
	json_put_text(&j, "rule", s->rule);
	json_put_text(&j, "recipient", s->recipient);
	return json_write_end(&j);
}

struct slice suppressed_line(const struct suppressed *s, char out[RECORD_LINE_MAX])
{
	struct syslog_line l = {.at = out};
	char number[24];
	int n = snprintf(number, sizeof number, "%llu", (unsigned long long)s->lines);

	line_append(&l, SLICE("suppressed: "));
	line_append(&l, slice_of(number, (size_t)n));
	line_append(&l, SLICE(" lines in a minute;"));
	line_append_field(
	    &l, "to", slice_is_utf8(s->recipient) ? s->recipient : SLICE("(not text)"), true);
	line_append_field(&l, "rule", s->rule, false);
	out[l.len] = '\0';
	return slice_of(out, l.len);
}
