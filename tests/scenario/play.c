/*
 * play: reads scenarios aloud: SMTP events through core/transaction and core/policy, with a DNS
 * zone, signatures and a clock that the scenario makes up.
 *
 *     play FILE...          prints what went wrong, then "N passed, N failed"
 *
 * A file holds cases.  Lines before the first `case` belong to every case of the file.
 *
 *     conf    LINE            a line of the configuration (as in susmilter.conf)
 *     list    FILE LINE       a line of a list file beside it
 *     dns     NAME TYPE DATA  include/edge/dns/zone.h
 *     case    TITLE           begins a case
 *     reload                  the configuration again, with the lines that came since; what is
 *                             remembered stays
 *     now     2027-01-01      the clock
 *     client  ADDRESS [NAME]  connects; `client local` has no address, `client played ADDRESS` a
 *                             session that the MTA plays for mail that is not from SMTP
 *     helo    NAME
 *     auth    LOGIN           before mail
 *     tls     TEXT            {tls_version} of the next mails; `tls none`: the MTA, which gives it,
 *                             has none; `tls` alone: it never does
 *     reads   ADDRESS         how the MTA reads the address of the next mail or rcpt
 *     mail    <a@example.org>
 *     rcpt    <b@example.net>
 *     header  NAME: VALUE
 *     fields  N SIZE          N fields of SIZE octets each, line ends included
 *     starves                 no memory for a field that came
 *     sign    RESULT DOMAIN [partly]  what DKIM says of one signature, and that it leaves a part of
 *                             the body out
 *     fails   dns | dkim      there is no resolver, or no memory for DKIM
 *     slow    spf             it takes longer than RCPT may wait
 *     errors  N               so many answers of dnsbls that they do not declare
 *     mta     [NAME]          what the MTA calls itself, instead of mx.test; the host is host.test
 *     hides   headers | body  the connection was negotiated without them
 *     end                     end of the message
 *     ask     KEY=VALUE …     a request of the policy protocol; protocol_state is RCPT, a blank in
 *                             a value is written %20
 *     want    WORDS           the last answer and its record, each word one of
 *                             accept, reject, would_reject, tempfail, quarantine, done: ACTION
 *                             held, goes: in the hold queue, or on its way
 *                             NNN N.N.N: reply code, enhanced status code
 *                             family= rule= network= reason= …: of the record
 *     say     TEXT            the last reply holds this text
 *     edit    TEXT            some header edit of `end` is this, as "+Name: value" or "-Name N"; a
 *                             `*` at the end: begins with this
 *     noedit  TEXT            … none is
 *     results TEXT            the Authentication-Results that `end` inserts has this part
 *     noresults TEXT          … has this text nowhere
 *     asked   N               so many DNS questions since the case began
 *     found   METHOD RESULT N  the message ends; so often this was told to be counted since the
 *                             case began
 *     shown   N               so many header fields went to DKIM since the case began
 *     hinted  N NAME TYPE     the resolver was told so many times that this will be asked
 *     authors NAMES           these author domains DKIM was told of, in this order
 *
 * With --sampled first, each message is evaluated for the history beside
 * (core/session/evaluation.h), which must change nothing of all this.
 */
#include "play.h"

#include "core/base/rfc3339.h"
#include "core/session/evaluation.h"
#include "edge/idn/idn.h"
#include "fake/spf_both.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the outside, made up ------------------------------------------------------------ */

struct message {
	struct play *play;
	struct arena *arena;
	bool ended;
	bool quiet; /* of an evaluation: nothing is counted */
	struct dns dns;
};

static struct message only_message, evaluated_message;

static int64_t now_us(void *self)
{
	return ((struct play *)self)->now * 1000000;
}

static void token(void *self, char *out)
{
	(void)self;
	memcpy(out, "aaaabbbbccccdddd", TOKEN_CHARS);
}

static void record(void *self, const struct record *r)
{
	record_json(r, ((struct play *)self)->record);
}

static void authenticated(void *self, enum auth_method method, int result)
{
	((struct play *)self)->found[method][result]++;
}

static struct message *message_start(void *self, struct arena *arena, int64_t now)
{
	struct play *p = self;

	(void)now;
	only_message = (struct message){.play = p, .arena = arena, .dns = p->dns};
	return p->no_dns ? NULL : &only_message;
}

static struct message *quiet_message(void *self, struct arena *arena, int64_t now)
{
	struct play *p = self;

	(void)now;
	evaluated_message =
	    (struct message){.play = p, .arena = arena, .quiet = true, .dns = zone_dns(p->zone)};
	return p->no_dns ? NULL : &evaluated_message;
}

static bool sampled(void *self, struct slice session)
{
	(void)session;
	return ((struct play *)self)->sampled;
}

static bool number(void *self, const struct record *r, struct record_number *out)
{
	(void)r;
	token(self, out->token);
	out->row = 1;
	return ((struct play *)self)->sampled;
}

static void accepted(void *self, const struct record *r)
{
	(void)self;
	(void)r;
}

/* Later is now. */
static void evaluate(void *self, struct evaluation *e)
{
	(void)self;
	evaluation_run(e);
	evaluation_free(&e);
}

static void evaluated(void *self, const struct record *r)
{
	((struct play *)self)->evaluated += r->facts->spf_state != FACT_UNKNOWN;
}

static void message_end(struct message *m)
{
	(void)m;
}

static const struct dns *message_dns(struct message *m)
{
	return &m->dns;
}

static bool message_spf(struct message *m, const struct spf_query *query, struct spf_answer *out)
{
	struct dns zone = zone_dns(m->play->zone);
	struct spf_answer again;

	if (m->play->slow_spf && !m->ended) {
		*out = (struct spf_answer){.result = SPFR_TEMPERROR, .domain = spf_identity(query)};
		return false;
	}
	spf_check(&m->dns, query, m->arena, out);
	spf_both(&zone, query, m->arena, &again); /* uncounted: the evaluators agree */
	return true;
}

static void message_at_end(struct message *m)
{
	m->ended = true;
}

static void dkim_header(struct message *m, struct slice name, struct slice value)
{
	(void)name;
	(void)value;
	m->play->shown += !m->quiet;
}

static bool dkim_end_of_headers(struct message *m, const struct slice *authors, size_t count)
{
	char *told = m->play->authors;
	size_t n = 0;

	if (m->quiet)
		return false;
	for (size_t i = 0; i < count && n < sizeof m->play->authors; i++)
		n += (size_t)snprintf(
		    told + n, sizeof m->play->authors - n, "%.*s ", SLICE_ARG(authors[i]));
	return false;
}

static bool dkim_finish(struct message *m, struct dkim_answer *out)
{
	*out = (struct dkim_answer){m->play->signatures, m->play->signature_count, 0};
	return !m->play->no_dkim;
}

static void split_note(void *self, uint64_t key)
{
	struct play *p = self;

	if (p->split_count < SPLIT_MEMORY_MAX)
		p->splits[p->split_count++] = key;
}

static bool split_known(void *self, uint64_t key)
{
	struct play *p = self;

	for (unsigned i = 0; i < p->split_count; i++)
		if (p->splits[i] == key)
			return true;
	return false;
}

/* The test points are asked each time: what they say holds until they say otherwise. */
static bool list_in_use(void *self, const struct dnsbl *list)
{
	struct play *p = self;
	struct dns zone = zone_dns(p->zone);
	struct arena *arena = arena_create(64 * 1024);
	bool *in_use = &p->list_in_use[list - p->rules->dnsbls];
	enum dnsbl_health health = list->has_test ? dnsbl_test(list, &zone, arena) : DNSBL_RIGHT;

	arena_free(&arena);
	if (health != DNSBL_SILENT)
		*in_use = health == DNSBL_RIGHT;
	return *in_use;
}

static void list_error(void *self, const struct dnsbl *list)
{
	(void)list;
	((struct play *)self)->list_errors++;
}

static struct env made_up(struct play *p)
{
	return (struct env){
	    .self = p,
	    .now_us = now_us,
	    .monotonic_us = now_us,
	    .token = token,
	    .record = record,
	    .authenticated = authenticated,
	    .number = number,
	    .accepted = accepted,
	    .sampled = sampled,
	    .evaluate = evaluate,
	    .evaluated = evaluated,
	    .quiet_message = quiet_message,
	    .message_start = message_start,
	    .message_end = message_end,
	    .dns = message_dns,
	    .spf = message_spf,
	    .at_end = message_at_end,
	    .without_end = message_at_end,
	    .dkim_header = dkim_header,
	    .dkim_end_of_headers = dkim_end_of_headers,
	    .dkim_finish = dkim_finish,
	    .split_note = split_note,
	    .split_known = split_known,
	    .list_in_use = list_in_use,
	    .list_error = list_error,
	    .host_name = SLICE("host.test"),
	    .idna = &idn_lenient,
	};
}

/* ---- one case ------------------------------------------------------------------------ */

static void write_file(const struct play *p, const char *name, const char *text, const char *mode)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", p->directory, name);
	f = fopen(path, mode);
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static void print_error(void *context, enum diag_level level, const char *line)
{
	if (level == DIAG_ERROR)
		play_fail(context, line, slice_of(NULL, 0));
}

static void end_case(struct play *p)
{
	session_free(&p->session);
	policy_session_free(&p->policy);
	ruleset_free(&p->rules);
	config_free(&p->config);
	zone_free(&p->zone);
	if (p->in_case && p->case_failed)
		p->failed++;
	else if (p->in_case)
		p->passed++;
	p->in_case = false;
}

static void load_zone(struct play *p, const char *text)
{
	char why[ZONE_WHY_MAX];
	const char *wrong = zone_load(p->zone, slice_str(text), why);

	if (wrong)
		play_fail(p, wrong, slice_of(NULL, 0));
}

static void start_case(struct play *p, struct slice title)
{
	end_case(p);
	snprintf(p->title, sizeof p->title, "%.*s", SLICE_ARG(title));
	snprintf(p->conf, sizeof p->conf, "%s", p->shared_conf);
	p->in_case = true;
	p->case_failed = p->case_over = false;
	p->now = 1800000000;
	p->auth[0] = p->reads[0] = p->record[0] = p->tls[0] = '\0';
	p->gives_tls = false;
	p->signature_count = 0;
	p->split_count = 0;
	p->edit_count = 0;
	p->no_dns = p->no_dkim = p->no_headers = p->no_body = p->slow_spf = false;
	p->shown = 0;
	p->list_errors = 0;
	memset(p->list_in_use, 0, sizeof p->list_in_use);
	p->authors[0] = '\0';
	memset(p->found, 0, sizeof p->found);
	snprintf(p->mta, sizeof p->mta, "mx.test");
	p->answer = (struct answer){.kind = ANSWER_CONTINUE};
	p->zone = zone_create();
	p->dns = counting_dns(&p->counting, zone_dns(p->zone));
	load_zone(p, p->shared_dns);
}

/* The rules are loaded when the first event needs them. */
static bool ready(struct play *p)
{
	char path[512];
	struct diag *diag;

	if (p->rules)
		return true;
	snprintf(path, sizeof path, "%s/susmilter.conf", p->directory);
	write_file(p, "susmilter.conf", p->conf, "w");
	diag = diag_create();
	p->config = config_load(path, NULL, diag, &p->rules);
	diag_each(diag, print_error, p);
	diag_free(&diag);
	p->generation++;
	p->case_over = !p->rules;
	if (p->case_over)
		return false;
	p->env = made_up(p);
	if (!p->session)
		p->session = session_create(&p->env);
	return true;
}

static void on_reload(struct play *p)
{
	if (p->session)
		transaction_abort(p->session);
	if (p->policy)
		policy_session_end(p->policy);
	ruleset_free(&p->rules);
	config_free(&p->config);
}

static void on_client(struct play *p, struct slice words)
{
	struct ip ip = {.family = IP_NONE};
	struct slice address = slice_cut(&words, ' ');
	bool played = slice_equal(address, SLICE("played"));

	if (played)
		address = slice_cut(&words, ' ');
	if (!slice_equal(address, SLICE("local")) && !ip_parse(address, &ip))
		play_fail(p, "no address: ", address);
	session_connect(p->session, &ip, slice_trim(words), played);
}

static void on_mail(struct play *p, struct slice sender)
{
	p->record[0] = '\0';
	p->answer = transaction_mail(p->session, &(struct mail_event){
						     .rules = p->rules,
						     .generation = p->generation,
						     .sender = sender,
						     .mta_sender = slice_str(p->reads),
						     .auth = slice_str(p->auth),
						     .tls = slice_str(p->tls),
						     .gives_tls = p->gives_tls,
						     .mta_name = slice_str(p->mta),
						     .sees_headers = !p->no_headers,
						     .sees_body = !p->no_body,
						 });
	p->reads[0] = '\0';
}

static void on_rcpt(struct play *p, struct slice recipient)
{
	p->record[0] = '\0';
	p->answer = transaction_rcpt(p->session, recipient, slice_str(p->reads));
	p->reads[0] = '\0';
}

static void on_header(struct play *p, struct slice field)
{
	struct slice name = slice_cut(&field, ':');

	p->answer = transaction_header(p->session, name, field);
}

static void on_fields(struct play *p, struct slice words)
{
	static const char value[4096] = "";
	uint64_t count = 0, size = 0;

	if (!slice_to_uint(slice_cut(&words, ' '), 10000, &count) ||
	    !slice_to_uint(words, sizeof value, &size) || size < 4)
		play_fail(p, "no number and size: ", words);
	for (uint64_t i = 0; i < count && p->answer.kind == ANSWER_CONTINUE; i++)
		p->answer =
		    transaction_header(p->session, SLICE("X"), slice_of(value, (size_t)size - 4));
}

/* The words as the lines of a request. */
static void on_ask(struct play *p, struct slice words)
{
	char text[4096];
	size_t n = 0;
	struct policy_request r;
	const char *wrong;

	n = (size_t)snprintf(text, sizeof text, "request=smtpd_access_policy\n");
	if (!strstr(words.ptr, "protocol_state="))
		n += (size_t)snprintf(text + n, sizeof text - n, "protocol_state=RCPT\n");
	for (; words.len > 0 && n < sizeof text - 2; words = slice_skip(words, 1)) {
		bool blank = slice_starts(words, SLICE("%20"));

		text[n++] = blank ? ' ' : words.ptr[0] == ' ' ? '\n' : words.ptr[0];
		words = slice_skip(words, blank ? 2 : 0);
	}
	text[n++] = '\n';
	p->record[0] = '\0';
	wrong = policy_request_parse(slice_of(text, n), &r);
	if (wrong) {
		play_fail(p, wrong, slice_of(NULL, 0));
		return;
	}
	if (!p->policy)
		p->policy = policy_session_create(&p->env);
	if (!policy_session_goes_on(p->policy, &r))
		policy_session_end(p->policy);
	p->answer = policy_session_ask(p->policy, &r, p->rules, p->generation);
}

static void on_end(struct play *p)
{
	transaction_end_of_headers(p->session);
	p->record[0] = '\0';
	p->answer = transaction_end(p->session, &p->edits, &p->edit_count);
}

static void on_sign(struct play *p, struct slice words)
{
	struct slice result = slice_cut(&words, ' ');
	struct slice domain = slice_cut(&words, ' ');
	struct dkim_signature_result *s = &p->signatures[p->signature_count];

	if (p->signature_count == SIGNATURES_MAX)
		return;
	snprintf(p->signature_domains[p->signature_count], 256, "%.*s", SLICE_ARG(domain));
	*s = (struct dkim_signature_result){
	    .domain = slice_str(p->signature_domains[p->signature_count++]),
	    .selector = SLICE("s"),
	    .algorithm = SLICE("rsa-sha256"),
	    .body_covered = !slice_equal(words, SLICE("partly")),
	};
	for (int r = DKIM_NONE; r <= DKIM_PERMERROR; r++)
		if (slice_equal(result, slice_str(dkim_result_name((enum dkim_result)r))))
			s->result = (enum dkim_result)r;
}

/* ---- lines --------------------------------------------------------------------------- */

static void append(char *to, struct slice line)
{
	size_t len = strlen(to);

	snprintf(to + len, TEXT_MAX - len, "%.*s\n", SLICE_ARG(line));
}

static void on_list(struct play *p, struct slice words)
{
	struct slice file = slice_cut(&words, ' ');
	char name[64], line[1024];

	snprintf(name, sizeof name, "%.*s", SLICE_ARG(file));
	snprintf(line, sizeof line, "%.*s\n", SLICE_ARG(words));
	write_file(p, name, line, "a");
}

static void on_tls(struct play *p, struct slice version)
{
	p->gives_tls = version.len > 0;
	if (slice_equal(version, SLICE("none")))
		version.len = 0;
	snprintf(p->tls, sizeof p->tls, "%.*s", SLICE_ARG(version));
}

/* Lines that describe the world; true when it was one. */
static bool set_up(struct play *p, struct slice word, struct slice rest)
{
	char text[1024];

	snprintf(text, sizeof text, "%.*s\n", SLICE_ARG(rest));
	if (slice_equal(word, SLICE("conf")))
		append(p->in_case ? p->conf : p->shared_conf, rest);
	else if (slice_equal(word, SLICE("list")))
		on_list(p, rest);
	else if (slice_equal(word, SLICE("dns")) && !p->in_case)
		append(p->shared_dns, rest);
	else if (slice_equal(word, SLICE("dns")))
		load_zone(p, text);
	else if (slice_equal(word, SLICE("case")))
		start_case(p, rest);
	else if (slice_equal(word, SLICE("now")) && !rfc3339_parse(rest, &p->now))
		play_fail(p, "no time: ", rest);
	else if (slice_equal(word, SLICE("reload")))
		on_reload(p);
	else if (slice_equal(word, SLICE("auth")))
		snprintf(p->auth, sizeof p->auth, "%.*s", SLICE_ARG(rest));
	else if (slice_equal(word, SLICE("tls")))
		on_tls(p, rest);
	else if (slice_equal(word, SLICE("reads")))
		snprintf(p->reads, sizeof p->reads, "%.*s", SLICE_ARG(rest));
	else if (slice_equal(word, SLICE("sign")))
		on_sign(p, rest);
	else if (slice_equal(word, SLICE("mta")))
		snprintf(p->mta, sizeof p->mta, "%.*s", SLICE_ARG(rest));
	else if (slice_equal(word, SLICE("hides")))
		*(slice_equal(rest, SLICE("body")) ? &p->no_body : &p->no_headers) = true;
	else if (slice_equal(word, SLICE("slow")))
		p->slow_spf = true;
	else if (slice_equal(word, SLICE("fails")))
		*(slice_equal(rest, SLICE("dns")) ? &p->no_dns : &p->no_dkim) = true;
	else
		return slice_equal(word, SLICE("now"));
	return true;
}

static void play_event(struct play *p, struct slice word, struct slice rest)
{
	if (slice_equal(word, SLICE("client")))
		on_client(p, rest);
	else if (slice_equal(word, SLICE("helo")))
		session_helo(p->session, rest);
	else if (slice_equal(word, SLICE("mail")))
		on_mail(p, rest);
	else if (slice_equal(word, SLICE("rcpt")))
		on_rcpt(p, rest);
	else if (slice_equal(word, SLICE("header")))
		on_header(p, rest);
	else if (slice_equal(word, SLICE("fields")))
		on_fields(p, rest);
	else if (slice_equal(word, SLICE("starves")))
		p->answer = transaction_no_memory(p->session);
	else if (slice_equal(word, SLICE("end")))
		on_end(p);
	else if (slice_equal(word, SLICE("ask")))
		on_ask(p, rest);
	else if (!play_expect(p, word, rest))
		play_fail(p, "unknown word: ", word);
}

static void play_line(struct play *p, struct slice line)
{
	struct slice word = slice_cut(&line, ' ');
	struct slice rest = slice_trim(line);

	if (!set_up(p, word, rest) && !p->case_over && ready(p))
		play_event(p, word, rest);
}

static void play_file(struct play *p, const char *file)
{
	char line[2048];
	FILE *f = fopen(file, "r");

	p->file = file;
	p->line = 0;
	p->shared_conf[0] = p->shared_dns[0] = '\0';
	if (!f) {
		perror(file);
		p->failed++;
		return;
	}
	while (fgets(line, sizeof line, f)) {
		p->line++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			play_line(p, slice_str(line));
	}
	fclose(f);
	end_case(p);
}

int main(int argc, char **argv)
{
	struct play *p = calloc(1, sizeof *p);
	unsigned failed;

	if (!p)
		return EXIT_FAILURE;
	p->sampled = argc > 1 && strcmp(argv[1], "--sampled") == 0;
	for (int i = 1 + p->sampled; i < argc; i++) {
		char clean[128];
		snprintf(p->directory, sizeof p->directory, "/tmp/susmilter-play.XXXXXX");
		if (!mkdtemp(p->directory))
			return EXIT_FAILURE;
		play_file(p, argv[i]);
		snprintf(clean, sizeof clean, "rm -r %s", p->directory);
		if (system(clean) != 0)
			fprintf(stderr, "%s stays\n", p->directory);
	}
	printf("scenarios%s: %u passed, %u failed\n", p->sampled ? " with a sample" : "", p->passed,
	    p->failed);
	failed = p->failed;
	if (p->sampled && p->evaluated == 0) {
		fprintf(stderr, "nothing was evaluated\n");
		failed++;
	}
	free(p);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
