#include "model.h"

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- a session ----------------------------------------------------------------------- */

struct session {
	int64_t now;
	bool has_client, auth;
	struct who login;
	const char *tls; /* NULL: not told */
	bool has_header; /* its end is there */
	const char *header;
	u128 client;
	struct who id[IDS];
	bool from_told;                 /* also when it says that there is no author */
	const char *spf, *dkim, *dmarc; /* NULL: no answer */
	const char *sender_domain, *from_domain, *reverse, *helo_resolves; /* the same */
	const char *helo;                                                  /* as it was told */
	const char *listed; /* names of lists, with blanks; NAME:temperror has no answer */
};

/* What stands against the session, or for it. */
struct verdict {
	const char *action; /* NULL: nothing */
	bool monitored;
	int code;
	const char *family, *rule;
	bool has_net;
	struct net net;
};

static struct who name_told(const char *text)
{
	struct who w = {.known = text != NULL};

	if (!text || !*text)
		return w;
	w.name = parse_name(text);
	w.text = w.name ? w.name : composed(text);
	return w;
}

static struct who address_told(const char *text)
{
	struct who w = {.known = text != NULL};
	struct address a;

	if (!text)
		return w;
	a = parse_address(text);
	w.text = a.text;
	w.name = a.domain;
	w.local = a.local;
	return w;
}

static const char *told(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static struct session read_session(const json_t *o, int64_t now)
{
	struct session s = {.now = now};
	const char *client = told(o, "client"), *auth = told(o, "auth"), *from = told(o, "from");
	const json_t *then = json_object_get(o, "now");

	s.has_client = client && parse_ip(client, &s.client);
	s.auth = auth && *auth;
	s.login = (struct who){.known = true, .text = s.auth ? need(strdup(auth)) : NULL};
	s.id[ID_CLIENT_NAME] = name_told(told(o, "client_name"));
	s.id[ID_HELO] = name_told(told(o, "helo"));
	s.id[ID_SENDER] = address_told(told(o, "sender"));
	s.id[ID_RECIPIENT] = address_told(told(o, "recipient"));
	s.tls = told(o, "tls");
	s.header = told(o, "header");
	s.has_header = s.header != NULL;
	s.from_told = from != NULL || s.has_header;
	s.id[ID_FROM] = from && *from ? address_told(from) : (struct who){.known = s.from_told};
	s.spf = told(o, "spf");
	s.dkim = told(o, "dkim");
	s.dmarc = told(o, "dmarc");
	s.sender_domain = told(o, "sender_domain");
	s.from_domain = told(o, "from_domain");
	s.reverse = told(o, "reverse");
	s.helo_resolves = told(o, "helo_resolves");
	s.helo = told(o, "helo");
	s.listed = told(o, "listed");
	if (json_is_integer(then))
		s.now = json_integer_value(then);
	else if (json_is_string(then))
		s.now = atoll(json_string_value(then));
	return s;
}

/* ---- one rule ------------------------------------------------------------------------ */

struct look {
	const struct conf *conf;
	const struct session *session;
};

static enum tri identity_matches(const struct list *l, const struct who *w)
{
	if (!w->known)
		return UNKNOWN;
	return list_holds(l, w) ? YES : NO;
}

static enum tri domains_match(const struct criteria *c, unsigned in, const struct session *s)
{
	enum tri all = NO;

	for (int i = 0; i < IDS; i++) {
		enum tri one;

		if (!(in & 1u << i))
			continue;
		one = identity_matches(c->key[K_DOMAINS], &s->id[i]);
		if (one == YES)
			return YES;
		if (one == UNKNOWN)
			all = UNKNOWN;
	}
	return all;
}

static enum tri key_matches(
    struct look l, const struct criteria *c, int key, unsigned in, struct net *net)
{
	if (key == K_DOMAINS)
		return domains_match(c, in, l.session);
	if (key == K_LOGIN)
		return identity_matches(c->key[key], &l.session->login);
	if (key != K_NETWORKS)
		return identity_matches(c->key[key], &l.session->id[key]);
	return l.session->has_client && list_holds_ip(c->key[key], l.session->client, &l.conf->asn,
					    &l.conf->country, net)
		   ? YES
		   : NO;
}

/* ---- criteria on one fact ------------------------------------------------------------ */

/* What is known of one word: also that the session has not shown it yet. */
enum word_truth { W_NO, W_YES, W_UNDECIDED, W_LATER };

/* The result of a method; without answer it is temperror, and nothing else is known. */
static enum word_truth result_is(const char *result, const char *word)
{
	size_t len = result ? strcspn(result, ":") : 0;

	if (!result || (len == 9 && strncmp(result, "temperror", 9) == 0))
		return strcmp(word, "temperror") == 0 ? W_YES : W_UNDECIDED;
	return strlen(word) == len && strncmp(result, word, len) == 0 ? W_YES : W_NO;
}

/* An answer of the DNS about a name. */
static enum word_truth answer_is(const char *answer, const char *word)
{
	if (!answer || strcmp(answer, "temperror") == 0)
		return W_UNDECIDED;
	return strcmp(answer, word) == 0 ? W_YES : W_NO;
}

static enum word_truth domain_is(const struct who *w, const char *answer, const char *word)
{
	if (!w->known)
		return W_LATER;
	return w->name ? answer_is(answer, word) : W_NO;
}

/* A recipient domain, by the session or listed itself. */
static bool is_ours(const struct conf *c, const struct session *s, const char *name)
{
	const char *to = s->id[ID_RECIPIENT].name;

	if (to && strcmp(to, name) == 0)
		return true;
	for (size_t i = 0; i < c->domain_count; i++)
		if (c->domains[i].name && c->domains[i].form != F_BELOW &&
		    strcmp(c->domains[i].name, name) == 0)
			return true;
	return false;
}

static enum word_truth helo_is(const struct look l, const char *word)
{
	const struct session *s = l.session;
	const char *text = s->helo;
	bool literal;
	char inside[300];
	u128 ip;

	if (!text)
		return W_LATER;
	if (!*text)
		return W_NO;
	literal = text[0] == '[';
	if (literal || parse_ip(text, &ip)) {
		const char *from = strncasecmp(text, "[IPv6:", 6) == 0 ? text + 6 : text + 1;

		snprintf(inside, sizeof inside, "%s", from);
		if (*inside)
			inside[strlen(inside) - 1] = 0;
		if (literal && s->has_client && parse_ip(inside, &ip) && ip == s->client)
			return W_NO;
		return strcmp(word, "address") == 0 ? W_YES : W_NO;
	}
	if (strcmp(word, "ours") == 0)
		return s->id[ID_HELO].name && is_ours(l.conf, s, s->id[ID_HELO].name) ? W_YES
										      : W_NO;
	if (strcmp(word, "single-label") == 0)
		return strchr(s->id[ID_HELO].name ? s->id[ID_HELO].name : text, '.') ? W_NO : W_YES;
	if (strcmp(word, "unresolvable") != 0)
		return W_NO;
	return s->id[ID_HELO].name ? answer_is(s->helo_resolves, "no") : W_YES;
}

/* "one" lists clients, "other" senders, "authors" authors; whoever has no name is in none. */
static enum word_truth listed_is(const struct session *s, const char *word)
{
	size_t len = strlen(word);
	const struct who *w = NULL;

	if (strcmp(word, "other") == 0)
		w = &s->id[ID_SENDER];
	else if (strcmp(word, "authors") == 0)
		w = &s->id[ID_FROM];
	if (w && !w->known)
		return W_LATER;
	if (w ? !w->name : !s->has_client)
		return W_NO;
	if (!s->listed)
		return W_UNDECIDED;
	for (const char *at = s->listed; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strncmp(at, word, len) == 0 && (at[len] == 0 || at[len] == ' '))
			return W_YES;
		else if (strncmp(at, word, len) == 0 && at[len] == ':')
			return W_UNDECIDED;
	return W_NO;
}

static enum word_truth word_is(const struct look l, int fact, const char *word)
{
	const struct session *s = l.session;
	const struct who *from = &s->id[ID_FROM], *name = &s->id[ID_CLIENT_NAME];

	switch (fact) {
	case W_SPF:
		return result_is(s->spf, word);
	case W_DKIM:
		return !from->known ? W_LATER : from->name ? result_is(s->dkim, word) : W_NO;
	case W_DMARC:
		return !from->known ? W_LATER : from->name ? result_is(s->dmarc, word) : W_NO;
	case W_SENDER_DOMAIN:
		return domain_is(&s->id[ID_SENDER], s->sender_domain, word);
	case W_FROM_DOMAIN:
		return domain_is(from, s->from_domain, word);
	case W_REVERSE:
		return (name->known && name->text) || !s->has_client ? W_NO
								     : answer_is(s->reverse, word);
	case W_LISTED:
		return listed_is(s, word);
	default:
		return helo_is(l, word);
	}
}

/* Of two words of which one is enough: what the session may still show is waited for. */
static enum word_truth either(enum word_truth a, enum word_truth b)
{
	if (a == W_YES || b == W_YES)
		return W_YES;
	return a == W_LATER || b == W_LATER ? W_LATER : a != W_NO ? a : b;
}

/* Any word that is taken out ends it; else any that is in is enough. */
static enum word_truth fact_matches(const struct look l, const struct criteria *c, int fact)
{
	enum word_truth in = W_NO, out = W_NO;

	for (int w = 0; w < WORDS_MAX && fact_words[fact][w]; w++) {
		enum word_truth one = word_is(l, fact, fact_words[fact][w]);

		if (c->out_words[fact] & 1u << w)
			out = either(out, one);
		if (c->words[fact] & 1u << w)
			in = either(in, one);
	}
	if (out == W_YES)
		return W_NO;
	if (in == W_NO || out == W_NO)
		return in;
	return in == W_LATER || out == W_LATER ? W_LATER : W_UNDECIDED;
}

/* ---- header and TLS ------------------------------------------------------------------ */

/* The value of a field as it is read: words of UTF-8 and quoted-printable are all that sessions
 * have; blanks between two of them go. */
static char *read_value(const char *text, size_t n)
{
	static const char word[] = "=?utf-8?q?";
	const size_t begin = sizeof word - 1;
	char *out = need(calloc(n + 1, 1)), *at = out;
	const char *end = text + n;

	while (text < end) {
		if (strncmp(text, word, begin) != 0) {
			*at++ = *text++;
			continue;
		}
		for (text += begin; strncmp(text, "?=", 2) != 0; text++) {
			char hex[3] = {text[1], text[1] ? text[2] : 0, 0};

			*at++ = *text == '_' ? ' ' : *text;
			if (*text == '=') {
				at[-1] = (char)strtol(hex, NULL, 16);
				text += 2;
			}
		}
		text += 2;
		if (strncmp(text + strspn(text, " "), word, begin) == 0)
			text += strspn(text, " ");
	}
	for (text = out; *text == ' '; text++)
		;
	while (at > text && at[-1] == ' ')
		*--at = '\0';
	return composed(text);
}

/* Whether some field of the header, a line each, is as the entry wants it. */
static bool ask_holds(const struct ask *a, const char *header)
{
	size_t n = strlen(a->name);
	bool there = false;

	for (const char *line = header; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncasecmp(line, a->name, n) != 0 || line[n] != ':')
			continue;
		there = true;
		if (a->has_pattern &&
		    regexec(&a->re, read_value(line + n + 1, strcspn(line + n + 1, "\n")), 0, NULL,
			0) == 0)
			return true;
	}
	return !a->has_pattern && there != a->absent;
}

/* The criteria on the header, and on TLS; `none` where a rule has none. */
static enum tri asks_match(
    const struct session *s, const struct asks *asks, bool all, enum tri none)
{
	if (asks->count == 0)
		return none;
	if (!s->has_header)
		return UNKNOWN;
	for (size_t i = 0; i < asks->count; i++)
		if (ask_holds(&asks->at[i], s->header) != all)
			return all ? NO : YES;
	return all ? YES : NO;
}

static enum tri tls_matches(const struct session *s, unsigned words, enum tri none)
{
	unsigned is;

	if (words == 0)
		return none;
	if (!s->tls)
		return UNKNOWN;
	is = strcmp(s->tls, "none") == 0  ? TLS_NO
	     : strcmp(s->tls, "1.1") <= 0 ? TLS_BELOW_1_2 | TLS_BELOW_1_3
	     : strcmp(s->tls, "1.2") == 0 ? TLS_BELOW_1_3
					  : 0;
	return (is & words) != 0 ? YES : NO;
}

enum { ASKS = 3 };

static enum tri asked_matches(
    const struct session *s, const struct criteria *c, int which, enum tri none)
{
	return which == 0   ? tls_matches(s, c->tls, none)
	       : which == 1 ? asks_match(s, &c->header, false, none)
			    : asks_match(s, &c->all_headers, true, none);
}

/* ---- the whole rule ------------------------------------------------------------------ */

/* UNKNOWN; *later: for what the session has not shown, which is nobody's failure. */
static void open_slot(enum tri *all, bool *later, bool is_later)
{
	*all = UNKNOWN;
	*later |= is_later;
}

static enum tri rule_is(
    struct look l, const struct rule *r, unsigned in, struct net *net, bool *later)
{
	enum tri all = YES;
	struct net other;

	*later = false;
	if (r->expires && l.session->now >= r->expires)
		return NO;
	for (int key = 0; key < KEYS; key++) {
		enum tri one = r->match.key[key] ? key_matches(l, &r->match, key, in, net) : YES;

		if (one == NO)
			return NO;
		if (one == UNKNOWN)
			open_slot(&all, later, true);
	}
	for (int i = 0; i < ASKS; i++) {
		enum tri one = asked_matches(l.session, &r->match, i, YES);

		if (one == NO)
			return NO;
		if (one == UNKNOWN)
			open_slot(&all, later, i > 0 && !l.session->id[ID_FROM].known);
	}
	for (int key = 0; key < KEYS; key++) {
		enum tri one =
		    r->unless.key[key] ? key_matches(l, &r->unless, key, r->unless.in, &other) : NO;

		if (one == YES)
			return NO;
		if (one == UNKNOWN)
			open_slot(&all, later, true);
	}
	for (int f = 0; f < FACTS; f++) {
		enum word_truth one = W_YES, unless = W_NO;

		if (r->match.words[f] | r->match.out_words[f])
			one = fact_matches(l, &r->match, f);
		if (r->unless.words[f] | r->unless.out_words[f])
			unless = fact_matches(l, &r->unless, f);
		if (one == W_NO || unless == W_YES)
			return NO;
		if (one != W_YES)
			open_slot(&all, later, one == W_LATER);
		if (unless != W_NO)
			open_slot(&all, later, unless == W_LATER);
	}
	for (int i = 0; i < ASKS; i++) {
		enum tri one = asked_matches(l.session, &r->unless, i, NO);

		if (one == YES)
			return NO;
		if (one == UNKNOWN)
			open_slot(&all, later, i > 0 && !l.session->id[ID_FROM].known);
	}
	return all;
}

static enum tri rule_matches(struct look l, const struct rule *r, unsigned in, struct net *net)
{
	bool later;

	return rule_is(l, r, in, net, &later);
}

/* ---- whitelist ----------------------------------------------------------------------- */

static bool is(const char *result, const char *word)
{
	return result && strcmp(result, word) == 0;
}

/* A DNS answer that did not come. */
static bool is_missing(const char *result)
{
	return !result || strcmp(result, "temperror") == 0;
}

/* By which of the identities that a whitelist rule by domain may be proved it is, when SPF says
 * this of the sender. */
static unsigned proved(const struct rule *r, bool pass)
{
	unsigned in = 0;

	if (r->proof & PROOF_CLIENT_NAME)
		in |= 1u << ID_CLIENT_NAME;
	if (r->proof & PROOF_SPF && pass)
		in |= 1u << ID_SENDER;
	return in;
}

/* Whether a rule might excuse from the family if answers had come. */
static bool is_doubtful(struct look l, const struct rule *r, unsigned family)
{
	struct net net;
	bool later, missing = is_missing(l.session->spf) || is(l.session->spf, "pass");
	unsigned in = r->match.key[K_DOMAINS] ? proved(r, missing) : 0;
	enum tri all = rule_is(l, r, in, &net, &later);

	return !r->monitor && (r->covers & family) != 0 &&
	       (all == YES || (all == UNKNOWN && !later));
}

/* The first rule that excuses from one of `families` when SPF says this; NULL when none does. */
static const struct rule *excuse_if(struct look l, unsigned families, bool pass, struct verdict *v)
{
	const struct rules *w = &l.conf->whitelist;

	for (size_t i = 0; i < w->count; i++) {
		const struct rule *r = &w->rule[i];
		struct net net = {0};
		unsigned in = r->match.key[K_DOMAINS] ? proved(r, pass) : 0;

		if (r->monitor || !(r->covers & families))
			continue;
		if (rule_matches(l, r, in, &net) != YES)
			continue;
		*v = (struct verdict){"accept", false, 250, "whitelist", r->name,
		    r->match.key[K_NETWORKS] != NULL, net};
		return r;
	}
	return NULL;
}

static const struct rule *excuse(struct look l, unsigned families, struct verdict *v)
{
	return excuse_if(l, families, is(l.session->spf, "pass"), v);
}

/* Whether the refusals of a family are withdrawn; unknown where that hangs on the answer of SPF
 * that did not come. */
static enum tri excused(struct look l, unsigned family)
{
	struct verdict ignored;

	if (excuse(l, family, &ignored))
		return YES;
	for (size_t i = 0; i < l.conf->whitelist.count; i++)
		if (is_doubtful(l, &l.conf->whitelist.rule[i], family))
			return UNKNOWN;
	return NO;
}

/* ---- verdicts ------------------------------------------------------------------------ */

/* Keeps the first verdict that is enforced, before it the first that would be. */
static void keep(struct verdict *v, struct verdict found)
{
	if (!v->action || (v->monitored && !found.monitored))
		*v = found;
}

static bool decided(const struct verdict *v)
{
	return v->action && !v->monitored;
}

static struct verdict found(const char *family, int code, bool monitored)
{
	return (struct verdict){.action = code >= 500 ? "reject" : "tempfail",
	    .code = code,
	    .family = family,
	    .monitored = monitored};
}

static bool asks_from(const struct criteria *c)
{
	static const int late[] = {W_DKIM, W_DMARC, W_FROM_DOMAIN};

	if ((c->words[W_LISTED] | c->out_words[W_LISTED]) & 4)
		return true; /* the list of authors */
	for (int i = 0; i < 3; i++)
		if (c->words[late[i]] | c->out_words[late[i]])
			return true;
	return c->header.count > 0 || c->all_headers.count > 0 || c->key[ID_FROM] ||
	       (c->key[K_DOMAINS] && c->in & 1u << ID_FROM);
}

/* A refusal that might be withdrawn is put off. */
static struct verdict put_off(struct verdict v, enum tri withdrawn)
{
	if (withdrawn == UNKNOWN && v.code >= 400) {
		v.action = "tempfail";
		v.code = 451;
	}
	return v;
}

/* A family of rules, as far as this phase decides them: at the end those that look at From. */
static void try_rules(struct look l, const struct rules *rules, const char *family, bool at_end,
    enum tri withdrawn, struct verdict *v, struct verdict put_off_by[2])
{
	for (size_t i = 0; i < rules->count && !decided(v); i++) {
		const struct rule *r = &rules->rule[i];
		struct verdict f = found(family, r->code ? r->code : 550, r->monitor);
		enum tri all;
		bool later;

		if (!(l.session->auth ? r->authenticated : r->inbound) ||
		    (at_end && !asks_from(&r->match) && !asks_from(&r->unless)))
			continue;
		all = rule_is(l, r, r->match.in, &f.net, &later);
		f.rule = r->name;
		f.has_net = r->match.key[K_NETWORKS] != NULL;
		if (all == YES) {
			keep(v, put_off(f, withdrawn));
		} else if (all == UNKNOWN && !later && r->put_off &&
			   !put_off_by[r->monitor].action) {
			f.action = "tempfail";
			f.code = 451;
			put_off_by[r->monitor] = f;
		}
	}
}

static void try_families(struct look l, const struct switches *sw, bool at_end, struct verdict *v)
{
	enum tri blocks = excused(l, COVERS_BLOCKS), ranges = excused(l, COVERS_SUSRANGES);

	struct verdict now = {0}, put_off_by[2] = {{0}};

	if (sw->blocks && blocks != YES)
		try_rules(l, &l.conf->blocks, "blocks", at_end, blocks, &now, put_off_by);
	if (sw->susranges && ranges != YES)
		try_rules(l, &l.conf->susranges, "susranges", at_end, ranges, &now, put_off_by);
	/* Refusals count before what is put off, and what is enforced before what is not. */
	if (put_off_by[false].action && !decided(&now))
		now = put_off_by[false];
	if (put_off_by[true].action && !now.action)
		now = put_off_by[true];
	if (now.action)
		keep(v, now);
}

/* A refusal by SPF or DMARC stands, or an entry that covers the family withdraws it and is told. */
static void meet(
    struct look l, unsigned family, struct verdict f, struct verdict *v, struct verdict *told_by)
{
	struct verdict by;

	if (!excuse(l, family, &by))
		keep(v, put_off(f, excused(l, family)));
	else if (!f.monitored)
		*told_by = by;
}

static void try_spf(struct look l, const struct switches *sw, bool at_end, struct verdict *v,
    struct verdict *told_by)
{
	const char *spf = l.session->spf, *dkim = l.session->dkim;
	bool monitored = sw->spf == SPF_MONITOR;
	bool waits = sw->spf == SPF_UNLESS_DKIM;

	if (sw->spf == SPF_OFF || decided(v))
		return;
	if (is(spf, "fail") && waits == at_end) {
		bool signable = l.session->id[ID_FROM].name != NULL;

		if (!waits || !signable || (!is(dkim, "pass") && !is_missing(dkim)))
			meet(l, COVERS_SPF, found("spf", 550, monitored), v, told_by);
	} else if (!at_end && is_missing(spf) && l.conf->spf_temp) {
		meet(l, COVERS_SPF, found("spf", 451, monitored), v, told_by);
	} else if (!at_end && is(spf, "permerror") && l.conf->spf_perm) {
		meet(l, COVERS_SPF, found("spf", 550, monitored), v, told_by);
	}
}

/* policy: behind the colon of the result; without one it is p=reject. */
static struct verdict dmarc_failed(const char *policy, enum dmarc_switch sw)
{
	bool p_reject = !policy || strcmp(policy, ":reject") == 0;
	struct verdict v = found("dmarc", 550, sw == DMARC_MONITOR);

	if (sw == DMARC_QUARANTINE || (sw != DMARC_STRICT && !p_reject)) {
		v.action = "quarantine";
		v.code = 250;
	}
	return v;
}

/* Nothing proves it, and what might is missing: a refusal becomes 451, or nothing. */
static void meet_unproven(struct look l, const char *policy, enum dmarc_switch sw,
    struct verdict *v, struct verdict *told_by)
{
	struct verdict failed = dmarc_failed(policy, sw);
	bool refused = strcmp(failed.action, "reject") == 0;

	if (refused && l.conf->unproven_accept)
		return;
	meet(l, COVERS_DMARC, refused ? found("dmarc", 451, failed.monitored) : failed, v, told_by);
}

static void try_dmarc(
    struct look l, const struct switches *sw, struct verdict *v, struct verdict *told_by)
{
	const char *dmarc = l.session->dmarc;
	const char *policy = dmarc ? strchr(dmarc, ':') : NULL;

	if (sw->dmarc == DMARC_OFF || decided(v))
		return;
	if (!l.session->id[ID_FROM].text) {
		struct verdict f = found("dmarc", 550, sw->dmarc == DMARC_MONITOR);

		if (sw->dmarc == DMARC_QUARANTINE) {
			f.action = "quarantine";
			f.code = 250;
		} else if (l.conf->bad_from_accept) {
			return;
		}
		meet(l, COVERS_DMARC, f, v, told_by);
	} else if (is_missing(dmarc)) {
		if (l.conf->dmarc_temp)
			meet(l, COVERS_DMARC, found("dmarc", 451, sw->dmarc == DMARC_MONITOR), v,
			    told_by);
	} else if (policy && strcmp(policy, ":none") == 0) {
		return;
	} else if (strncmp(dmarc, "temperror:", 10) == 0) {
		meet_unproven(l, policy, sw->dmarc, v, told_by);
	} else if (strncmp(dmarc, "fail", 4) == 0) {
		meet(l, COVERS_DMARC, dmarc_failed(policy, sw->dmarc), v, told_by);
	}
}

/* ---- one session --------------------------------------------------------------------- */

/* How specific a listed domain is for this name; 0: it does not fit, 1: it is "*". */
static int domain_fits(const struct domain *d, const char *name)
{
	bool same, below;

	if (!d->name)
		return 1;
	if (!name)
		return 0;
	same = strcmp(d->name, name) == 0;
	below = is_below(name, d->name);
	if (!(d->form != F_BELOW && same) && !(d->form != F_NAME && below))
		return 0;
	return 3 * labels(d->name) + (d->form == F_NAME ? 2 : d->form == F_BELOW ? 1 : 0);
}

/* The value of one switch, of the most specific domain that gives it and is not passed over; -1
 * when none does. */
static int switch_of(const struct conf *c, const char *name, int key, bool pass_off)
{
	int best = 0, value = -1;

	for (size_t i = 0; i < c->domain_count; i++) {
		const struct domain *d = &c->domains[i];
		int fits = domain_fits(d, name), v = d->value[key];

		if (fits <= best || v < 0 || (pass_off && v == 0 && fits > 1))
			continue;
		best = fits;
		value = v;
	}
	return value;
}

/* Each switch by itself; where mail is forwarded, the "off" of names does not count. */
static struct switches switches_of(const struct conf *c, const char *name)
{
	struct switches s = c->defaults;
	bool forwards = switch_of(c, name, SW_FORWARDS, false) == 1;
	int susranges = switch_of(c, name, SW_SUSRANGES, forwards);
	int blocks = switch_of(c, name, SW_BLOCKS, forwards);
	int spf = switch_of(c, name, SW_SPF, false), dmarc = switch_of(c, name, SW_DMARC, false);

	s.susranges = susranges < 0 ? s.susranges : susranges == 1;
	s.blocks = blocks < 0 ? s.blocks : blocks == 1;
	s.spf = spf < 0 ? s.spf : (enum spf_switch)spf;
	s.dmarc = dmarc < 0 ? s.dmarc : (enum dmarc_switch)dmarc;
	return s;
}

/* Mail of somebody who is logged in (SPEC 3.5): blocks that are for it, and nothing else. */
static struct verdict decide_authenticated(struct look rcpt, struct look end)
{
	const struct conf *c = end.conf;
	struct verdict v = {0}, put_off_by[2] = {{0}}; /* which passes over what is undecided */

	if (identity_matches(&c->exempt, &end.session->id[ID_RECIPIENT]) == YES)
		return (struct verdict){.action = "accept",
		    .code = 250,
		    .family = "exempt_recipients",
		    .rule = "exempt_recipients"};
	try_rules(rcpt, &c->blocks, "blocks", false, NO, &v, put_off_by);
	if (end.session->from_told && !decided(&v))
		try_rules(end, &c->blocks, "blocks", true, NO, &v, put_off_by);
	if (!v.action)
		return (struct verdict){.action = "accept", .code = 250};
	v.monitored |= c->monitor;
	return v;
}

static struct verdict decide(const struct conf *c, const struct session *s)
{
	struct session before = *s; /* what RCPT knows */
	struct look rcpt = {c, &before}, end = {c, s};
	struct verdict v = {0}, early = {0}, whitelisted = {0}; /* the end's word counts */
	struct switches sw = switches_of(c, s->id[ID_RECIPIENT].name);

	before.id[ID_FROM].known = before.has_header = false;
	if (s->auth)
		return decide_authenticated(rcpt, end);
	if (s->has_client && list_holds_ip(&c->trusted, s->client, &c->asn, &c->country, &v.net))
		return (struct verdict){
		    "accept", false, 250, "trusted_networks", "trusted_networks", true, v.net};
	if (identity_matches(&c->exempt, &s->id[ID_RECIPIENT]) == YES)
		return (struct verdict){.action = "accept",
		    .code = 250,
		    .family = "exempt_recipients",
		    .rule = "exempt_recipients"};
	try_families(rcpt, &sw, false, &v);
	excuse(s->from_told ? end : rcpt, ~0u, &whitelisted);
	try_spf(rcpt, &sw, false, &v, s->from_told ? &early : &whitelisted);
	if (s->from_told && !decided(&v)) {
		try_families(end, &sw, true, &v);
		try_spf(end, &sw, true, &v, &whitelisted);
		try_dmarc(end, &sw, &v, &whitelisted);
	}
	if (!v.action && whitelisted.action)
		return whitelisted;
	if (!v.action)
		return (struct verdict){.action = "accept", .code = 250};
	/* mode = "monitor" decides the same and refuses nothing */
	v.monitored |= c->monitor;
	return v;
}

/* ---- one message (SPEC 4, "Recipients that disagree") -------------------------------- */

enum { RECIPIENTS_MAX = 8 };

/* From mild to strict. */
enum fate { ACCEPT, HOLD, TEMPFAIL, REJECT };

static const char *const fate_words[] = {"accept", "hold", "tempfail", "reject"};

static enum fate fate_of(const struct conf *c, const struct verdict *v)
{
	if (v->monitored || strcmp(v->action, "accept") == 0)
		return ACCEPT;
	if (strcmp(v->action, "quarantine") == 0)
		return c->hold ? HOLD : ACCEPT;
	return strcmp(v->action, "tempfail") == 0 ? TEMPFAIL : REJECT;
}

/*
 * Who is refused at RCPT has his answer.  The others have a verdict of their own at the end; where
 * these are not all the same, the strictest or the mildest is for all, or each gets his own in the
 * end, after one 451 for all of them.
 */
static void print_fates(const struct conf *c, const struct session *s, char *recipients)
{
	enum fate fate[RECIPIENTS_MAX], mildest = REJECT, strictest = ACCEPT;
	bool at_end[RECIPIENTS_MAX];
	size_t n = 0;

	for (char *r = strtok(recipients, " "); r && n < RECIPIENTS_MAX;
	     r = strtok(NULL, " "), n++) {
		struct session at_rcpt = *s, whole = *s;
		struct verdict v;

		at_rcpt.id[ID_RECIPIENT] = whole.id[ID_RECIPIENT] = address_told(r);
		at_rcpt.from_told = at_rcpt.id[ID_FROM].known = at_rcpt.has_header = false;
		v = decide(c, &at_rcpt);
		fate[n] = fate_of(c, &v);
		at_end[n] = fate[n] == ACCEPT;
		if (!at_end[n])
			continue;
		v = decide(c, &whole);
		fate[n] = fate_of(c, &v);
		mildest = fate[n] < mildest ? fate[n] : mildest;
		strictest = fate[n] > strictest ? fate[n] : strictest;
	}
	printf("%d", !s->auth && !c->lenient && !c->strict && mildest < strictest);
	for (size_t i = 0; i < n; i++) {
		if (at_end[i] && c->lenient && !s->auth)
			fate[i] = mildest;
		if (at_end[i] && (c->strict || s->auth))
			fate[i] = strictest;
		printf(" %s", fate_words[fate[i]]);
	}
	printf("\n");
}

/* ---- lines in, lines out ------------------------------------------------------------- */

static void print(const struct verdict *v)
{
	char net[80];

	printf(
	    "{\"action\":\"%s%s\",\"code\":%d", v->monitored ? "would_" : "", v->action, v->code);
	if (v->family)
		printf(",\"family\":\"%s\"", v->family);
	if (v->rule)
		printf(",\"rule\":\"%s\"", v->rule);
	if (v->has_net) {
		print_net(&v->net, net, sizeof net);
		printf(",\"network\":\"%s\"", net);
	}
	printf("}\n");
}

int main(int argc, char **argv)
{
	static char line[65536];
	struct conf conf;

	if (argc != 2) {
		fprintf(stderr, "usage: model CONFIGURATION <SESSIONS\n");
		return 2;
	}
	setlocale(LC_CTYPE, "C.UTF-8"); /* for patterns: letters beyond ASCII have a case, too */
	read_conf(&conf, argv[1]);
	while (fgets(line, sizeof line, stdin)) {
		json_t *o = json_loads(line, 0, NULL);
		struct session s;
		struct verdict v;

		if (!o) {
			fprintf(stderr, "model: no JSON: %s", line);
			return 2;
		}
		s = read_session(o, time(NULL));
		if (told(o, "recipients")) {
			print_fates(&conf, &s, need(strdup(told(o, "recipients"))));
		} else {
			v = decide(&conf, &s);
			print(&v);
		}
		json_decref(o);
	}
	return 0;
}
