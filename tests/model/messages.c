/*
 * messages CONFIGURATION <MESSAGES: what becomes of each recipient of a message that comes again
 * until all of them have their answer.
 *
 * A line is a session as `susmilterctl explain --batch` takes it (here nothing may be left out but
 * auth), with "recipients" in place of recipient, a blank between two, and "policy", what the DNS
 * says of the author's domain: none, timeout, or the p= of its record.  SPF and the one signature,
 * of the author's domain, say what the session says.
 *
 * Plays SMTP as a sender does who tries again what was put off: recipients that were answered 452
 * 4.5.3 or whose message was answered 451 4.7.1 come again, all others have their answer.  Prints
 * how often a message was answered 451 4.7.1, and the fate of each recipient.
 */
#include "core/base/json_read.h"
#include "core/explain/session_query.h"
#include "core/session/transaction.h"
#include "edge/config/config.h"
#include "edge/dns/zone.h"
#include "edge/idn/idn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 1024 * 1024, RECIPIENTS_MAX = 8, SPLITS_MAX = 1024, ATTEMPTS_MAX = 40 };

/* A message as it is told, and the outside that it meets. */
struct told {
	struct session_query
	    q; /* client, names, sender, SPF and DKIM, read by the product's own reader */
	struct slice recipients[RECIPIENTS_MAX];
	size_t count;
	struct slice client_name, helo, sender, from, policy, header;
	struct zone *zone;
	struct dns dns;
	struct dkim_signature_result signature;
	char author[256];
	uint64_t splits[SPLITS_MAX];
	size_t split_count;
};

struct message {
	struct told *told;
};

static struct message the_message;

/* ---- the outside --------------------------------------------------------------------- */

static int64_t now_us(void *self)
{
	return ((struct told *)self)->q.facts.now * 1000000;
}

static void make_token(void *self, char *out)
{
	(void)self;
	memcpy(out, "aaaabbbbccccdddd", TOKEN_CHARS);
}

static void record_nothing(void *self, const struct record *r)
{
	(void)self;
	(void)r;
}

static struct message *message_start(void *self, struct arena *arena, int64_t now)
{
	(void)arena;
	(void)now;
	the_message.told = self;
	return &the_message;
}

static void message_end(struct message *m)
{
	(void)m;
}

static const struct dns *message_dns(struct message *m)
{
	return &m->told->dns;
}

static bool message_spf(struct message *m, const struct spf_query *query, struct spf_answer *out)
{
	*out = (struct spf_answer){
	    .result = m->told->q.facts.spf.result, .domain = spf_identity(query)};
	return true;
}

static void message_at_end(struct message *m)
{
	(void)m;
}

static void dkim_header(struct message *m, struct slice name, struct slice value)
{
	(void)m;
	(void)name;
	(void)value;
}

static bool dkim_end_of_headers(struct message *m, const struct slice *authors, size_t count)
{
	if (count > 0)
		snprintf(m->told->author, sizeof m->told->author, "%.*s", SLICE_ARG(authors[0]));
	return false;
}

static bool dkim_finish(struct message *m, struct dkim_answer *out)
{
	struct told *t = m->told;

	t->signature = t->q.signature;
	t->signature.domain = slice_str(t->author);
	*out = (struct dkim_answer){&t->signature, t->author[0] ? t->q.facts.dkim.count : 0, 0};
	return true;
}

static void split_note(void *self, uint64_t key)
{
	struct told *t = self;

	if (t->split_count < SPLITS_MAX)
		t->splits[t->split_count++] = key;
}

static bool split_known(void *self, uint64_t key)
{
	const struct told *t = self;

	for (size_t i = 0; i < t->split_count; i++)
		if (t->splits[i] == key)
			return true;
	return false;
}

static struct env outside_of(struct told *t)
{
	return (struct env){
	    .self = t,
	    .now_us = now_us,
	    .monotonic_us = now_us,
	    .token = make_token,
	    .record = record_nothing,
	    .message_start = message_start,
	    .message_end = message_end,
	    .dns = message_dns,
	    .spf = message_spf,
	    .at_end = message_at_end,
	    .dkim_header = dkim_header,
	    .dkim_end_of_headers = dkim_end_of_headers,
	    .dkim_finish = dkim_finish,
	    .split_note = split_note,
	    .split_known = split_known,
	    .host_name = SLICE("host.test"),
	    .idna = &idn_lenient,
	};
}

/* ---- reading ------------------------------------------------------------------------- */

static void read_recipients(struct told *t, struct slice rest)
{
	while (rest.len > 0 && t->count < RECIPIENTS_MAX)
		t->recipients[t->count++] = slice_cut(&rest, ' ');
}

/* What is not for session_query_set(), or is needed as it was told as well. */
static bool read_own(struct told *t, struct slice key, struct slice value)
{
	if (slice_equal(key, SLICE("client_name")))
		t->client_name = value;
	else if (slice_equal(key, SLICE("helo")))
		t->helo = value;
	else if (slice_equal(key, SLICE("sender")))
		t->sender = value;
	else if (slice_equal(key, SLICE("from")))
		t->from = value;
	else if (slice_equal(key, SLICE("header")))
		t->header = value;
	else if (slice_equal(key, SLICE("policy")))
		t->policy = value;
	else if (slice_equal(key, SLICE("recipients")))
		read_recipients(t, value);
	return slice_equal(key, SLICE("policy")) || slice_equal(key, SLICE("recipients"));
}

static bool read_message(struct told *t, struct slice line)
{
	struct json_read r = json_read_begin(line, t->q.arena);
	char why[SESSION_QUERY_WHY_MAX];
	struct slice key, value;

	while (json_read_next(&r, &key, &value))
		if (!read_own(t, key, value) && session_query_set(&t->q, key, value, why))
			return false;
	return !r.wrong && t->count > 0;
}

/* The record of the author's domain, and nothing of anybody else's. */
static bool publish(struct told *t)
{
	struct slice domain = t->q.facts.id[IDENTITY_FROM].name;
	char text[400], why[ZONE_WHY_MAX];

	t->zone = zone_create();
	if (!t->zone)
		return false;
	t->dns = zone_dns(t->zone);
	if (domain.len == 0 || slice_equal(t->policy, SLICE("none")))
		return true;
	if (slice_equal(t->policy, SLICE("timeout")))
		snprintf(text, sizeof text, "_dmarc.%.*s TXT TIMEOUT\n", SLICE_ARG(domain));
	else
		snprintf(text, sizeof text, "_dmarc.%.*s TXT \"v=DMARC1; p=%.*s\"\n",
		    SLICE_ARG(domain), SLICE_ARG(t->policy));
	return !zone_load(t->zone, slice_str(text), why);
}

/* ---- SMTP ---------------------------------------------------------------------------- */

static bool comes_again(const struct answer *a)
{
	return a->kind == ANSWER_TEMPFAIL &&
	       (strcmp(a->reply.xcode, "4.5.3") == 0 ||
		   (a->reply.code == 451 && strcmp(a->reply.xcode, "4.7.1") == 0 &&
		       strstr(a->reply.text, "Recipients of this")));
}

static const char *fate_of(const struct answer *a)
{
	switch (a->kind) {
	case ANSWER_REJECT:
		return "reject";
	case ANSWER_TEMPFAIL:
		return "tempfail";
	case ANSWER_QUARANTINE:
		return "hold";
	default:
		return "accept";
	}
}

/* A field a line. */
static void show_header(struct session *s, struct slice fields)
{
	while (fields.len > 0) {
		struct slice value = slice_cut(&fields, '\n'), name = slice_cut(&value, ':');

		transaction_header(s, name, value);
	}
}

static struct slice tls_macro(enum tls_version version)
{
	static const char *const texts[] = {"", "", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};

	return slice_str(texts[version]);
}

/* One transaction with the recipients that have no fate yet; true when it was split. */
static bool attempt(
    struct told *t, struct session *s, const struct ruleset *rules, const char **fates)
{
	const struct header_edit *edits;
	bool accepted[RECIPIENTS_MAX] = {false}, any = false, split;
	struct answer a = transaction_mail(
	    s, &(struct mail_event){
		   .rules = rules,
		   .sender = t->sender.len > 0 ? t->sender : SLICE("<>"),
		   .auth = t->q.facts.auth_state == FACT_KNOWN ? t->q.facts.auth : SLICE(""),
		   .tls = tls_macro(t->q.facts.tls),
		   .gives_tls = t->q.facts.tls != TLS_UNKNOWN,
		   .mta_name = SLICE("mx.test"),
		   .sees_headers = true,
		   .sees_body = true,
	       });
	size_t n;

	for (size_t i = 0; i < t->count; i++) {
		if (fates[i])
			continue;
		a = transaction_rcpt(s, t->recipients[i], SLICE(""));
		accepted[i] = a.kind == ANSWER_CONTINUE;
		any |= accepted[i];
		if (!accepted[i] && !comes_again(&a))
			fates[i] = fate_of(&a);
	}
	if (!any)
		return false;
	if (t->from.len > 0)
		transaction_header(s, SLICE("From"), t->from);
	show_header(s, t->header);
	transaction_end_of_headers(s);
	a = transaction_end(s, &edits, &n);
	split = comes_again(&a);
	for (size_t i = 0; i < t->count && !split; i++)
		if (accepted[i])
			fates[i] = fate_of(&a);
	return split;
}

static bool play(struct told *t, const struct ruleset *rules)
{
	struct env env = outside_of(t);
	struct session *s = session_create(&env);
	const char *fates[RECIPIENTS_MAX] = {NULL};
	unsigned splits = 0;

	if (!s)
		return false;
	session_connect(s, &t->q.facts.client, t->client_name, false);
	session_helo(s, t->helo);
	for (int i = 0; i < ATTEMPTS_MAX; i++)
		splits += attempt(t, s, rules, fates);
	session_free(&s);
	printf("%u", splits);
	for (size_t i = 0; i < t->count; i++)
		printf(" %s", fates[i] ? fates[i] : "never");
	printf("\n");
	return true;
}

static bool play_line(const struct ruleset *rules, struct slice line, struct arena *arena)
{
	static struct told told;
	bool good;

	arena_reset(arena);
	told = (struct told){.count = 0};
	session_query_start(&told.q, 1000000000, &idn_lenient, arena);
	good = read_message(&told, line) && publish(&told) && play(&told, rules);
	zone_free(&told.zone);
	return good;
}

static void print_error(void *context, enum diag_level level, const char *line)
{
	(void)context;
	if (level == DIAG_ERROR)
		fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	struct diag *diag = diag_create();
	struct arena *arena = arena_create(ARENA_BYTES);
	struct ruleset *rules = NULL;
	struct config *config;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	bool good = true;

	if (argc != 2 || !diag || !arena)
		return 2;
	config = config_load(argv[1], NULL, diag, &rules);
	diag_each(diag, print_error, NULL);
	while (config && good && (n = getline(&line, &size, stdin)) > 0)
		good = play_line(rules, slice_of(line, (size_t)n - (line[n - 1] == '\n')), arena);
	if (!good)
		fprintf(stderr, "not a message: %s\n", line);
	free(line);
	good = good && config;
	config_free(&config);
	ruleset_free(&rules);
	diag_free(&diag);
	arena_free(&arena);
	return good ? 0 : 1;
}
