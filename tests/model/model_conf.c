#include "model.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void adder(struct list *, const char *);

/* ---- list files ---------------------------------------------------------------------- */

static char *beside(const char *conf, const char *path)
{
	const char *slash = strrchr(conf, '/');
	size_t room = strlen(conf) + strlen(path) + 2;
	char *out = need(malloc(room));

	if (*path == '/' || !slash)
		snprintf(out, room, "%s", path);
	else
		snprintf(out, room, "%.*s/%s", (int)(slash - conf), conf, path);
	return out;
}

/* The line without comment and blanks around it; patterns keep theirs up to the closing slash. */
static char *strip(char *line)
{
	char *end;

	line += strncmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	line += strspn(line, " \t\r\n");
	end = line + (line[0] == '!');
	if (*end == '/')
		for (end++; *end && *end != '/'; end++)
			end += *end == '\\' && end[1];
	end += strcspn(end, "#;");
	*end = '\0';
	while (end > line && strchr(" \t\r\n", end[-1]))
		*--end = '\0';
	return line;
}

static FILE *open_list(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		exit(2);
	}
	return f;
}

static void add_text(struct list *l, adder *add, const char *text, const char *conf)
{
	char line[8192], *entry;
	FILE *f;

	if (strncmp(text, "file:", 5) != 0) {
		add(l, strip(need(strdup(text))));
		return;
	}
	f = open_list(beside(conf, text + 5));
	while (fgets(line, sizeof line, f)) {
		entry = strip(line);
		if (*entry)
			add(l, entry);
	}
	fclose(f);
}

static void add_value(struct list *l, adder *add, const config_setting_t *s, const char *conf)
{
	char number[32];

	if (config_setting_is_aggregate(s)) {
		for (int i = 0; i < config_setting_length(s); i++)
			add_value(l, add, config_setting_get_elem(s, (unsigned)i), conf);
	} else if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		add_text(l, add, config_setting_get_string(s), conf);
	} else {
		snprintf(number, sizeof number, "%lld", config_setting_get_int64(s));
		add(l, number);
	}
}

/* ---- rules --------------------------------------------------------------------------- */

static const char *const identities[IDS] = {"client_name", "helo", "sender", "from", "recipient"};

static void read_key(struct criteria *c, int key, adder *add, const config_setting_t *group,
    const char *word, const char *conf)
{
	const config_setting_t *s = config_setting_get_member(group, word);

	if (!s)
		return;
	if (!c->key[key])
		c->key[key] = need(calloc(1, sizeof *c->key[key]));
	add_value(c->key[key], add, s, conf);
}

const char *const fact_names[FACTS] = {
    "spf", "dkim", "dmarc", "sender_domain", "from_domain", "reverse", "helo_is", "listed"};

const char *const fact_words[FACTS][WORDS_MAX] = {
    {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"},
    {"none", "pass", "fail", "policy", "neutral", "temperror", "permerror"},
    {"none", "pass", "fail", "temperror", "permerror"}, {"missing", "null-mx"},
    {"missing", "null-mx"}, {"none", "unconfirmed"},
    {"address", "ours", "single-label", "unresolvable"},
    {"one", "other", "authors"}, /* the names that the generator gives */
};

static bool says(const config_setting_t *s, const char *word)
{
	if (!s)
		return false;
	if (!config_setting_is_aggregate(s))
		return strcmp(config_setting_get_string(s), word) == 0;
	for (int i = 0; i < config_setting_length(s); i++)
		if (strcmp(config_setting_get_string_elem(s, i), word) == 0)
			return true;
	return false;
}

static void add_ask(struct asks *asks, const char *text)
{
	struct ask *a = &asks->at[asks->count++];
	const char *colon = strchr(text, ':');

	a->absent = *text == '!';
	text += a->absent;
	a->name = lower(text);
	if (!colon)
		return;
	a->name[colon - text] = '\0';
	a->has_pattern = true;
	set_whole_pattern(&a->re, colon + 1 + strspn(colon + 1, " "));
}

static void read_asks(struct asks *asks, const config_setting_t *s)
{
	for (int i = 0; s && i < config_setting_length(s); i++)
		add_ask(asks, config_setting_get_string_elem(s, i));
}

static void read_criteria(struct criteria *c, const config_setting_t *group, const char *conf)
{
	const config_setting_t *in = config_setting_get_member(group, "in"), *tls;

	for (int i = 0; i < IDS; i++) {
		read_key(c, i, add_word, group, identities[i], conf);
		if (in ? says(in, identities[i]) : i != ID_RECIPIENT)
			c->in |= 1u << i;
	}
	read_key(c, K_NETWORKS, add_network, group, "networks", conf);
	read_key(c, K_NETWORKS, add_asn, group, "asn", conf);
	read_key(c, K_NETWORKS, add_country, group, "country", conf);
	read_key(c, K_DOMAINS, add_word, group, "domains", conf);
	read_key(c, K_LOGIN, add_login, group, "login", conf);
	for (int f = 0; f < FACTS; f++)
		for (int w = 0; w < WORDS_MAX && fact_words[f][w]; w++) {
			const config_setting_t *s = config_setting_get_member(group, fact_names[f]);
			char out[32];

			snprintf(out, sizeof out, "!%s", fact_words[f][w]);
			c->words[f] |= says(s, fact_words[f][w]) ? 1u << w : 0;
			c->out_words[f] |= says(s, out) ? 1u << w : 0;
		}
	read_asks(&c->header, config_setting_get_member(group, "header"));
	read_asks(&c->all_headers, config_setting_get_member(group, "all_headers"));
	tls = config_setting_get_member(group, "tls");
	c->tls = (says(tls, "none") ? TLS_NO : 0u) | (says(tls, "<1.2") ? TLS_BELOW_1_2 : 0u) |
		 (says(tls, "<1.3") ? TLS_BELOW_1_3 : 0u);
}

/* "2027-06-30": the end of that day; or with T and time, in UTC. */
static int64_t read_time(const char *text)
{
	struct tm tm = {0};
	bool whole_day = !strchr(text, 'T');

	strptime(text, whole_day ? "%Y-%m-%d" : "%Y-%m-%dT%H:%M:%S", &tm);
	return timegm(&tm) + (whole_day ? 24 * 3600 : 0);
}

static void read_covers(struct rule *r, const config_setting_t *s)
{
	r->covers = s ? 0 : COVERS_BLOCKS | COVERS_SUSRANGES;
	r->covers |= says(s, "blocks") ? COVERS_BLOCKS : 0;
	r->covers |= says(s, "susranges") ? COVERS_SUSRANGES : 0;
	r->covers |= says(s, "spf") ? COVERS_SPF : 0;
	r->covers |= says(s, "dmarc") ? COVERS_DMARC : 0;
}

/* Whether only the end of the message shows what these look at. */
static bool is_late(const struct criteria *c, bool with_domains)
{
	static const int late[] = {W_DKIM, W_DMARC, W_FROM_DOMAIN};

	for (int i = 0; i < 3; i++)
		if (c->words[late[i]] | c->out_words[late[i]])
			return true;
	return c->header.count > 0 || c->all_headers.count > 0 || c->key[ID_FROM] ||
	       (with_domains && c->key[K_DOMAINS] && c->in == 1u << ID_FROM);
}

static void read_rule(struct rule *r, const config_setting_t *group, const char *conf)
{
	const config_setting_t *unless = config_setting_get_member(group, "unless");
	const config_setting_t *proof = config_setting_get_member(group, "proof");
	const char *text;

	memset(r, 0, sizeof *r);
	if (config_setting_lookup_string(group, "name", &text))
		r->name = need(strdup(text));
	read_criteria(&r->match, group, conf);
	if (unless) {
		read_criteria(&r->unless, unless, conf);
		if (!config_setting_get_member(unless, "in") && !is_late(&r->match, true) &&
		    !is_late(&r->unless, false))
			r->unless.in &= ~(1u << ID_FROM);
	}
	if (config_setting_lookup_string(group, "mode", &text))
		r->monitor = strcmp(text, "monitor") == 0;
	if (config_setting_lookup_string(group, "undecided", &text))
		r->put_off = strcmp(text, "tempfail") == 0;
	if (config_setting_lookup_string(group, "expires", &text))
		r->expires = read_time(text);
	if (config_setting_lookup_string(group, "reply", &text))
		r->code = atoi(text);
	r->inbound = !config_setting_lookup_string(group, "applies", &text) ||
		     strcmp(text, "authenticated") != 0;
	r->authenticated =
	    config_setting_lookup_string(group, "applies", &text) && strcmp(text, "inbound") != 0;
	read_covers(r, config_setting_get_member(group, "covers"));
	r->proof = (says(proof, "spf") ? PROOF_SPF : 0u) |
		   (says(proof, "client_name") ? PROOF_CLIENT_NAME : 0u);
}

static void read_rules(
    struct rules *rules, const config_t *config, const char *word, const char *conf)
{
	const config_setting_t *s = config_lookup(config, word);
	int n = s ? config_setting_length(s) : 0;

	rules->count = (size_t)n;
	rules->rule = need(calloc((size_t)n + 1, sizeof *rules->rule));
	for (int i = 0; i < n; i++)
		read_rule(&rules->rule[i], config_setting_get_elem(s, (unsigned)i), conf);
}

/* ---- recipient domains --------------------------------------------------------------- */

static enum spf_switch spf_of(const char *word)
{
	static const char *const words[] = {"off", "monitor", "unless-dkim", "reject"};
	int i = 3;

	while (i > 0 && strcmp(words[i], word) != 0)
		i--;
	return (enum spf_switch)i;
}

static enum dmarc_switch dmarc_of(const char *word)
{
	static const char *const words[] = {"off", "monitor", "quarantine", "reject", "strict"};
	int i = 4;

	while (i > 0 && strcmp(words[i], word) != 0)
		i--;
	return (enum dmarc_switch)i;
}

static void set_switch(struct domain *d, const char *key, const char *value)
{
	if (strcmp(key, "susranges") == 0)
		d->value[SW_SUSRANGES] = strcmp(value, "on") == 0;
	else if (strcmp(key, "blocks") == 0)
		d->value[SW_BLOCKS] = strcmp(value, "on") == 0;
	else if (strcmp(key, "spf") == 0)
		d->value[SW_SPF] = (int)spf_of(value);
	else if (strcmp(key, "dmarc") == 0)
		d->value[SW_DMARC] = (int)dmarc_of(value);
	else if (strcmp(key, "forwards") == 0)
		d->value[SW_FORWARDS] = strcmp(value, "true") == 0;
}

static struct domain *add_domain(struct conf *c, const char *name)
{
	struct domain d = {.value = {-1, -1, -1, -1, -1}, .form = F_NAME};

	if (strcmp(name, "*") == 0)
		d.form = F_TREE;
	else if (name[0] == '*')
		d.form = F_BELOW;
	else if (name[0] == '.')
		d.form = F_TREE;
	d.name = strcmp(name, "*") == 0 ? NULL
					: parse_name(name + (d.form == F_BELOW     ? 2
								: d.form == F_TREE ? 1
										   : 0));
	c->domains = need(realloc(c->domains, (c->domain_count + 1) * sizeof d));
	c->domains[c->domain_count] = d;
	return &c->domains[c->domain_count++];
}

static void read_domains(struct conf *c, const config_t *config)
{
	static const char *const keys[] = {"susranges", "blocks", "spf", "dmarc"};
	const config_setting_t *s = config_lookup(config, "domains");

	for (int i = 0; s && i < config_setting_length(s); i++) {
		const config_setting_t *group = config_setting_get_elem(s, (unsigned)i);
		const char *text = "";
		struct domain *d;
		int forwards;

		config_setting_lookup_string(group, "name", &text);
		d = add_domain(c, text);
		if (config_setting_lookup_bool(group, "forwards", &forwards))
			d->value[SW_FORWARDS] = forwards;
		for (int k = 0; k < 4; k++)
			if (config_setting_lookup_string(group, keys[k], &text))
				set_switch(d, keys[k], text);
	}
}

static void read_domains_file(struct conf *c, const char *path)
{
	char line[8192], *word, *equals;
	FILE *f = open_list(path);

	while (fgets(line, sizeof line, f)) {
		struct domain *d;

		word = strtok(strip(line), " \t");
		if (!word)
			continue;
		d = add_domain(c, word);
		while ((word = strtok(NULL, " \t")) && (equals = strchr(word, '='))) {
			*equals = '\0';
			set_switch(d, word, equals + 1);
		}
	}
	fclose(f);
}

/* ---- the whole ----------------------------------------------------------------------- */

static bool option(const config_t *config, const char *key, const char *word)
{
	const char *text;

	return config_lookup_string(config, key, &text) && strcmp(text, word) == 0;
}

static void read_plain(struct list *l, adder *add, const config_t *config, const char *key,
    const char *const fallback[2], const char *conf)
{
	const config_setting_t *s = config_lookup(config, key);

	if (s)
		add_value(l, add, s, conf);
	for (int i = 0; !s && i < 2; i++)
		add(l, fallback[i]);
}

void read_conf(struct conf *c, const char *path)
{
	static const char *const trusted[2] = {"127.0.0.0/8", "::1"};
	static const char *const exempt[2] = {"postmaster@", "abuse@"};
	const char *text;
	config_t config;

	config_init(&config);
	if (!config_read_file(&config, path)) {
		fprintf(stderr, "model: %s:%d: %s\n", path, config_error_line(&config),
		    config_error_text(&config));
		exit(2);
	}
	memset(c, 0, sizeof *c);
	c->defaults = (struct switches){true, true, SPF_REJECT, DMARC_OFF};
	if (config_lookup_string(&config, "spf.fail", &text))
		c->defaults.spf = spf_of(text);
	if (config_lookup_string(&config, "dmarc.default", &text))
		c->defaults.dmarc = dmarc_of(text);
	c->monitor = option(&config, "mode", "monitor");
	c->spf_temp = option(&config, "spf.temperror", "tempfail");
	c->spf_perm = option(&config, "spf.permerror", "reject");
	c->dmarc_temp = option(&config, "dmarc.temperror", "tempfail");
	c->unproven_accept = option(&config, "dmarc.unproven", "accept");
	c->bad_from_accept = option(&config, "dmarc.bad_from", "accept");
	c->hold = option(&config, "dmarc.quarantine", "hold");
	c->lenient = option(&config, "mixed", "lenient");
	c->strict = option(&config, "mixed", "strict");
	if (config_lookup_string(&config, "geo.asn", &text) && *text)
		read_geo(&c->asn, beside(path, text));
	if (config_lookup_string(&config, "geo.country", &text) && *text)
		read_geo(&c->country, beside(path, text));
	read_plain(&c->trusted, add_network, &config, "trusted_networks", trusted, path);
	read_plain(&c->exempt, add_word, &config, "exempt_recipients", exempt, path);
	read_rules(&c->susranges, &config, "susranges", path);
	read_rules(&c->whitelist, &config, "whitelist", path);
	read_rules(&c->blocks, &config, "blocks", path);
	read_domains(c, &config);
	if (config_lookup_string(&config, "domains_file", &text) && *text)
		read_domains_file(c, beside(path, text));
	config_destroy(&config);
}
