/*
 * Whole SMTP sessions: any events in any order, as an MTA that has lost its mind might send them,
 * through the transaction with SPF, DKIM and DMARC at work.
 *
 * The input is events separated by byte 0xfe, each a letter and what it is about:
 *
 *     C ADDRESS NAME   another client  S LOGIN   authenticated from the next MAIL on
 *     T VERSION        TLS from the next MAIL on
 *     H NAME           HELO            M, R      MAIL, RCPT with an address
 *     L NAME:VALUE     header field    N         the header is over
 *     B TEXT           body            E         end of the message
 *     A                abort           Q ID      queue id
 *     X                there is no resolver from the next message on, or there is one again
 *
 * Insists on what an MTA, a client and a reader of the log are promised of every answer.
 */
#include "core/auth/dkim_verifier.h"
#include "core/base/json_read.h"
#include "core/session/evaluation.h"
#include "core/session/transaction.h"
#include "core/stats/decision_text.h"
#include "edge/auth/dkim_library.h"
#include "edge/config/config.h"
#include "edge/dns/zone.h"
#include "edge/idn/idn.h"
#include "fake/spf_both.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW = 1800000000, SPLITS = 8 };

static const char conf[] =
    "trusted_networks = [ \"192.0.2.0/24\" ];\n"
    "exempt_recipients = [ \"postmaster@\" ];\n"
    "susranges = ( { name = \"range\"; networks = [ \"198.51.100.0/24\" ]; },\n"
    "              { name = \"seen\"; networks = [ \"203.0.113.0/24\" ]; mode = \"monitor\"; } );\n"
    "blocks = ( { name = \"monster\"; domains = [ \".monster\" ];\n"
    "             reply = \"550 5.7.1 %{helo} %{sender_domain} %{from_domain} %{name}\"; },\n"
    "           { name = \"digits\"; helo = [ \"/^[0-9.]+$/\" ]; },\n"
    "           { name = \"subject\"; header = [ \"Subject: /.*(a|aa)+[bc]/\", \"X-Bulk\" ];\n"
    "             unless = { all_headers = [ \"!Date\", \"To: /.*/\" ]; }; },\n"
    "           { name = \"plain\"; tls = [ \"none\", \"<1.2\" ]; sender = [ \"tls.example\" ]; "
    "},\n"
    "           { name = \"user\"; login = [ \"bob\", \"/al.*/\" ]; recipient = [ \"gone@\" ];\n"
    "             applies = \"authenticated\"; },\n"
    "           { name = \"both\"; header = [ \"X-Both\" ]; from = [ \".both.example\" ];\n"
    "             applies = \"both\"; } );\n"
    "headers = { verdict = \"X-Verdict\"; };\n"
    "whitelist = ( { name = \"good\"; domains = [ \".good.example\" ];\n"
    "                proof = [ \"spf\", \"client_name\" ];\n"
    "                covers = [ \"spf\", \"dmarc\", \"susranges\" ]; } );\n"
    "spf = { fail = \"unless-dkim\"; };\n"
    "dmarc = { default = \"reject\"; };\n"
    "domains = ( { name = \"off.example\"; dmarc = \"off\"; susranges = \"off\"; },\n"
    "            { name = \"hold.example\"; dmarc = \"quarantine\"; spf = \"reject\"; } );\n";

static const char zone_text[] =
    "pass.example TXT \"v=spf1 +all\"\n"
    "fail.example TXT \"v=spf1 include:%{d}.pass.example -all\"\n"
    "good.example TXT \"v=spf1 ip4:198.51.100.7 -all\"\n"
    "_dmarc.fail.example TXT \"v=DMARC1; p=reject\"\n"
    "_dmarc.example TXT \"v=DMARC1; p=quarantine; psd=y\"\n"
    "sel._domainkey.fail.example TXT \"v=DKIM1; k=rsa; p="
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDGoa3IvfWJG49gJf8ikuJS46uX/ZMkftFev4qhUj/8"
    "jb00j0kqjNKOr922VzrmbBAHhyPP60YcMXQfAMuxK2LjynNxTQZRPYmIWkCuII0/r03ST8/OsMFjl0NL"
    "nzK4aVsBmFG9NYQ2pvTjdJGQozfM7hgMA2KgM8oI6i+uabBx7QIDAQAB\"\n"
    "slow.example ANY TIMEOUT\n";

struct world {
	struct config *config;
	struct ruleset *rules;
	struct zone *zone;
	struct dkim_crypto *library;
	struct env env;
	struct session *session;
	struct slice auth, tls;
	bool gives_tls, authenticated, no_resolver;
	unsigned results_fields; /* Authentication-Results shown of this message */
	unsigned open;           /* messages begun and not ended */
	unsigned splits;
	uint64_t split[SPLITS];
};

struct message {
	struct world *world;
	struct arena *arena;
	struct dns dns;
	struct dkim_verifier *verifier;
	bool ended;
};

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* ---- the outside --------------------------------------------------------------------- */

static int64_t now_us(void *self)
{
	(void)self;
	return (int64_t)NOW * 1000000;
}

static void token(void *self, char *out)
{
	(void)self;
	memcpy(out, "aaaabbbbccccdddd", TOKEN_CHARS);
}

/* No line end, and nothing that a terminal obeys. */
static bool is_quiet(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool wide = c >= 0x80 && c <= 0x9f && i > 0 && text.ptr[i - 1] == '\xc2';

		if (c < ' ' || c == 0x7f || wide)
			return false;
	}
	return true;
}

/* A line of the log holds what is true of it whatever the client sent. */
static void record(void *self, const struct record *r)
{
	char json[RECORD_JSON_MAX], line[RECORD_LINE_MAX];
	struct arena *arena = arena_create(1 << 16);
	struct slice text = record_json(r, json), key, value;
	struct json_read reader = json_read_begin(text, arena);

	(void)self;
	insist(text.len > 0 && is_quiet(text));
	while (json_read_next(&reader, &key, &value))
		insist(key.len > 0);
	insist(!reader.wrong);
	insist(is_quiet(record_line(r, line)));
	arena_free(&arena);
}

static struct message *message_start(void *self, struct arena *arena, int64_t now)
{
	struct world *w = self;
	struct message *m = w->no_resolver ? NULL : calloc(1, sizeof *m);

	insist(now == NOW);
	if (!m)
		return NULL;
	w->open++;
	*m = (struct message){.world = w, .arena = arena, .dns = zone_dns(w->zone)};
	return m;
}

static void message_end(struct message *m)
{
	m->world->open--;
	dkim_verifier_free(&m->verifier);
	free(m);
}

static const struct dns *message_dns(struct message *m)
{
	return &m->dns;
}

/* For some it takes longer than RCPT may wait. */
static bool message_spf(struct message *m, const struct spf_query *query, struct spf_answer *out)
{
	spf_both(&m->dns, query, m->arena, out);
	return m->ended || query->domain.len % 3 != 0;
}

static void message_at_end(struct message *m)
{
	m->ended = true;
}

static void dkim_header(struct message *m, struct slice name, struct slice value)
{
	if (!m->verifier)
		m->verifier =
		    dkim_verifier_create(m->world->library, &m->dns, &idn_uts46, m->arena, NOW);
	dkim_verifier_header(m->verifier, name, value);
}

static bool dkim_end_of_headers(struct message *m, const struct slice *authors, size_t count)
{
	return m->verifier && dkim_verifier_end_of_headers(m->verifier, authors, count);
}

static void dkim_body(struct message *m, const char *bytes, size_t len)
{
	dkim_verifier_body(m->verifier, bytes, len);
}

static bool dkim_finish(struct message *m, struct dkim_answer *out)
{
	*out = (struct dkim_answer){.count = 0};
	if (m->verifier)
		dkim_verifier_finish(m->verifier, out);
	return true;
}

static void split_note(void *self, uint64_t key)
{
	struct world *w = self;

	w->split[w->splits++ % SPLITS] = key;
}

static bool split_known(void *self, uint64_t key)
{
	struct world *w = self;

	for (unsigned i = 0; i < w->splits && i < SPLITS; i++)
		if (w->split[i] == key)
			return true;
	return false;
}

/* ---- each message is evaluated for the history, too ---------------------------------- */

static bool sampled(void *self, struct slice session)
{
	(void)self;
	(void)session;
	return true;
}

static bool number(void *self, const struct record *r, struct record_number *out)
{
	(void)r;
	token(self, out->token);
	out->row = 1;
	return true;
}

static void accepted(void *self, const struct record *r)
{
	(void)self;
	(void)r;
}

static void evaluate(void *self, struct evaluation *e)
{
	(void)self;
	evaluation_run(e);
	evaluation_free(&e);
}

static void evaluated(void *self, const struct record *r)
{
	(void)self;
	insist(r->facts->spf_state == FACT_KNOWN && r->number->row == 1);
	insist(r->facts->dmarc_state != FACT_KNOWN || r->facts->dkim_state == FACT_KNOWN);
}

static struct env env_of(struct world *w)
{
	return (struct env){
	    .self = w,
	    .now_us = now_us,
	    .monotonic_us = now_us,
	    .token = token,
	    .record = record,
	    .sampled = sampled,
	    .number = number,
	    .accepted = accepted,
	    .evaluate = evaluate,
	    .evaluated = evaluated,
	    .quiet_message = message_start,
	    .message_start = message_start,
	    .message_end = message_end,
	    .dns = message_dns,
	    .spf = message_spf,
	    .at_end = message_at_end,
	    .dkim_header = dkim_header,
	    .dkim_end_of_headers = dkim_end_of_headers,
	    .dkim_body = dkim_body,
	    .dkim_finish = dkim_finish,
	    .split_note = split_note,
	    .split_known = split_known,
	    .idna = &idn_lenient,
	};
}

/* ---- what is promised ---------------------------------------------------------------- */

static void check_answer(const struct answer *a)
{
	const struct reply *r = &a->reply;

	if (a->kind == ANSWER_CONTINUE || a->kind == ANSWER_DONE)
		return;
	insist(slice_is_printable_ascii(slice_str(r->text)) && r->text[0]);
	if (a->kind == ANSWER_QUARANTINE)
		return;
	insist(r->code / 100 == (a->kind == ANSWER_REJECT ? 5 : 4));
	insist((unsigned)(r->xcode[0] - '0') == r->code / 100);
	insist(strlen(r->text) + strlen(r->xcode) + sizeof "550  " - 1 <= REPLY_MAX);
}

/* No line of an inserted value may be taken for another field, or for the end of the header. */
static void check_value(struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.ptr[i];
		bool folds = c == '\n' && i + 1 < value.len &&
			     (value.ptr[i + 1] == ' ' || value.ptr[i + 1] == '\t');

		insist(folds || c == '\t' || (c >= ' ' && c != 0x7f));
	}
	insist(slice_is_utf8(value));
}

/* Fields are removed from the last to the first, so that no index moves. */
static void check_edits(const struct world *w, const struct header_edit *edits, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice name = edits[i].name;
		bool results = slice_equal(name, SLICE("Authentication-Results"));

		insist(slice_is_printable_ascii(name) && name.len > 0);
		if (!edits[i].remove) {
			check_value(edits[i].value);
			continue;
		}
		insist(edits[i].index > 0 && (!results || edits[i].index <= w->results_fields));
		for (size_t k = 0; k < i; k++)
			insist(!edits[k].remove || !slice_equal(edits[k].name, name) ||
			       edits[k].index > edits[i].index);
	}
}

/* ---- events -------------------------------------------------------------------------- */

static void on_connect(struct world *w, struct slice rest)
{
	struct ip ip = {.family = IP_NONE};
	struct slice address = slice_cut(&rest, ' ');

	session_free(&w->session);
	w->session = session_create(&w->env);
	ip_parse(address, &ip);
	session_connect(w->session, &ip, rest, slice_equal(address, SLICE("local")));
}

static void on_mail(struct world *w, struct slice sender)
{
	struct answer a = transaction_mail(w->session, &(struct mail_event){
							   .rules = w->rules,
							   .generation = 1,
							   .sender = sender,
							   .mta_sender = slice_skip(sender, 1),
							   .auth = w->auth,
							   .tls = w->tls,
							   .gives_tls = w->gives_tls,
							   .mta_name = SLICE("mx.test"),
							   .sees_headers = true,
							   .sees_body = true,
						       });

	insist(a.kind != ANSWER_QUARANTINE);
	check_answer(&a);
	w->authenticated = w->auth.len > 0;
	w->results_fields = 0;
}

static void on_rcpt(struct world *w, struct slice recipient)
{
	struct answer a = transaction_rcpt(w->session, recipient, slice_skip(recipient, 1));

	insist(a.kind != ANSWER_QUARANTINE);
	check_answer(&a);
}

static void on_header(struct world *w, struct slice value)
{
	struct slice name = slice_cut(&value, ':');
	struct answer a = transaction_header(w->session, name, value);

	insist(a.kind == ANSWER_CONTINUE || a.kind == ANSWER_REJECT || a.kind == ANSWER_TEMPFAIL);
	check_answer(&a);
	w->results_fields += slice_equal_nocase(slice_trim(name), SLICE("Authentication-Results"));
}

static void on_end(struct world *w)
{
	const struct header_edit *edits;
	size_t count;
	struct answer a = transaction_end(w->session, &edits, &count);

	check_answer(&a);
	insist(count == 0 || a.kind == ANSWER_CONTINUE || a.kind == ANSWER_QUARANTINE);
	/* Mail of users is refused or left alone. */
	insist(!w->authenticated || (count == 0 && a.kind != ANSWER_QUARANTINE));
	check_edits(w, edits, count);
}

static void play(struct world *w, char event, struct slice rest)
{
	switch (event) {
	case 'C':
		on_connect(w, rest);
		break;
	case 'S':
		w->auth = rest;
		break;
	case 'T':
		w->tls = rest;
		w->gives_tls = true;
		break;
	case 'H':
		session_helo(w->session, rest);
		break;
	case 'M':
		on_mail(w, rest);
		break;
	case 'R':
		on_rcpt(w, rest);
		break;
	case 'L':
		on_header(w, rest);
		break;
	case 'N':
		transaction_end_of_headers(w->session);
		break;
	case 'B':
		transaction_body(w->session, rest.ptr, rest.len);
		break;
	case 'E':
		on_end(w);
		break;
	case 'A':
		transaction_abort(w->session);
		break;
	case 'Q':
		transaction_queue_id(w->session, rest);
		break;
	case 'X':
		w->no_resolver = !w->no_resolver;
		break;
	default:
		break;
	}
}

/* ---- once ---------------------------------------------------------------------------- */

static void load(struct world *w)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);
	struct diag *diag = diag_create();
	char path[32], why[ZONE_WHY_MAX];

	insist(fd >= 0 && write(fd, conf, sizeof conf - 1) == (ssize_t)sizeof conf - 1);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	w->config = config_load(path, NULL, diag, &w->rules);
	insist(w->config != NULL);
	w->zone = zone_create();
	insist(zone_load(w->zone, slice_str(zone_text), why) == NULL);
	w->library = dkim_library_create();
	diag_free(&diag);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct slice rest = {(const char *)data, size};

	if (!w.rules)
		load(&w);
	w.env = env_of(&w);
	w.session = session_create(&w.env);
	w.auth = w.tls = slice_of(NULL, 0);
	w.gives_tls = w.authenticated = w.no_resolver = false;
	w.splits = w.results_fields = 0;
	while (rest.ptr) {
		struct slice event = slice_cut(&rest, '\xfe');

		if (event.len > 0)
			play(&w, event.ptr[0], slice_skip(event, 1));
	}
	session_free(&w.session);
	insist(w.open == 0);
	return 0;
}
