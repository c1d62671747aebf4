#include "fake/mixed_rules.h"

#include "core/base/line.h"
#include "fake/mixed_rows.h"

#include <stdio.h>

#define ROWS(a) (sizeof(a) / sizeof *(a))

enum { SET_MODE, SET_SPF, SET_DMARC, SET_TRUSTED, SET_EXEMPT, SET_DOMAINS, SET_EVERYWHERE };

void mixed_rules_draw(struct mixed_rules *m, uint64_t seed)
{
	for (size_t i = 0; i < sizeof m->settings / sizeof *m->settings; i++)
		m->settings[i] = mixed_draw(&seed);
	for (int i = 0; i < MIXED_RULES; i++) {
		m->rule[i].shape = mixed_draw(&seed);
		m->rule[i].entries = mixed_draw(&seed);
		m->rule[i].variant = 0;
	}
}

void mixed_rules_change(struct mixed_rules *m, uint64_t seed, unsigned per_cent)
{
#define CHANCE (mixed_draw(&seed) % 100 < per_cent)
	/* Settings touch everything: seldom, or nothing else would be tried. */
	for (size_t i = 0; i < sizeof m->settings / sizeof *m->settings; i++)
		if (CHANCE && (i == SET_DOMAINS || i == SET_TRUSTED || mixed_draw(&seed) % 8 == 0))
			m->settings[i] = mixed_draw(&seed);
	for (int i = 0; i < MIXED_RULES; i++) {
		if (CHANCE && mixed_draw(&seed) % 2)
			m->rule[i].shape = mixed_draw(&seed);
		if (CHANCE && mixed_draw(&seed) % 4 == 0)
			m->rule[i].entries = mixed_draw(&seed);
		if (CHANCE)
			m->rule[i].variant ^= 1U << mixed_draw(&seed) % 20;
	}
#undef CHANCE
}

/* ---- text ---------------------------------------------------------------------------- */

static const char *pick(uint64_t *state, const char *const *list)
{
	unsigned n = 0;

	while (list[n])
		n++;
	return list[mixed_draw(state) % n];
}

static bool chance(uint64_t *state, unsigned per_cent)
{
	return mixed_draw(state) % 100 < per_cent;
}

/* `names` or `addresses`; the forms of core/name/entry.h. */
static void put_name(struct line *l, uint64_t *state, bool addresses)
{
	static const char *const forms[] = {"", ".", "*.", NULL};
	static const char *const mailboxes[] = {"u@a.example", "v@a.example", "u+*@a.example", "u@",
	    "x@c.test", "y+*@c.test", "w@sub.a.example", "m\303\274ller@b\303\274cher.example",
	    "<>", "postmaster@", NULL};
	unsigned form = (unsigned)(mixed_draw(state) % 10);

	line_append(l, "%s", chance(state, 15) ? "!" : "");
	if (form < 2)
		line_append(l, "/%s/", pick(state, mixed_patterns));
	else if (addresses && form < 6)
		line_append(l, "%s", pick(state, mailboxes));
	else
		line_append(l, "%s%s", pick(state, forms), pick(state, mixed_domains));
}

static const char *const keys[] = {
    "networks", "client_name", "helo", "sender", "from", "recipient", "domains"};

static void put_entry(struct line *l, unsigned key, uint64_t *state)
{
	static const char *const forms[] = {"", ".", "*.", NULL};

	line_append(l, "\"");
	if (key == 0)
		line_append(l, "%s%s", chance(state, 15) ? "!" : "", pick(state, mixed_networks));
	else if (key == 6)
		line_append(l, "%s%s%s", chance(state, 15) ? "!" : "", pick(state, forms),
		    pick(state, mixed_domains));
	else
		put_name(l, state, key >= 3);
	line_append(l, "\"");
}

/* One key with one to four entries, each of which has two variants. */
static void put_key(struct line *l, unsigned key, uint64_t entries, uint32_t variant)
{
	uint64_t count = entries + key;
	unsigned n = 1 + (unsigned)(mixed_draw(&count) % 4);

	line_append(l, "%s = [ ", keys[key]);
	for (unsigned i = 0; i < n; i++) {
		unsigned bit = (key * 4 + i) % 20;
		uint64_t state = entries * 31 + key * 1009 + i * 7919 + (variant >> bit & 1);

		line_append(l, "%s", i ? ", " : "");
		put_entry(l, key, &state);
	}
	line_append(l, " ]; ");
}

static const char *const actions[] = {"550 5.7.1 no", "450 4.7.1 later", NULL};

static void put_attributes(struct line *l, unsigned number, uint64_t *state)
{
	static const char *const ends[] = {"2020-01-01", "2099-01-01", NULL};

	line_append(l, "{ name = \"r%u\"; wide = true; ", number);
	if (chance(state, 10))
		line_append(l, "mode = \"monitor\"; ");
	if (chance(state, 10))
		line_append(l, "expires = \"%s\"; ", pick(state, ends));
	if (chance(state, 20))
		line_append(l, "comment = \"c%u\"; ", (unsigned)(mixed_draw(state) % 9));
}

/* A criterion on one fact, with one or two words; a bit of the variant changes them. */
static void put_fact(struct line *l, uint64_t *state, uint32_t variant)
{
	static const char *const facts[] = {"spf", "dkim", "dmarc", "sender_domain", "from_domain",
	    "reverse", "helo_is", "tls", "header", "all_headers", "listed", NULL};
	static const char *const words[][5] = {{"fail", "pass", "none", "temperror", NULL},
	    {"fail", "pass", "none", "neutral", NULL}, {"fail", "pass", "none", "temperror", NULL},
	    {"missing", "null-mx", NULL}, {"missing", "null-mx", NULL},
	    {"none", "unconfirmed", NULL},
	    {"address", "ours", "single-label", "unresolvable", NULL},
	    {"none", "<1.2", "<1.3", NULL}, {"X-A", "X-B: /b/", NULL}, {"!X-A", "X-C", NULL},
	    {"zone", "names", "authors", NULL}};
	unsigned fact = (unsigned)(mixed_draw(state) % ROWS(words));
	uint64_t of_words = mixed_draw(state) + (variant >> 19 & 1);
	const char *first = pick(&of_words, words[fact]), *second = pick(&of_words, words[fact]);
	bool out = chance(&of_words, 15) && fact != 8 && fact != 9;

	line_append(l, "%s = [ \"%s%s\"", facts[fact], out ? "!" : "", first);
	if (second != first)
		line_append(l, ", \"%s\"", second);
	line_append(l, " ]; ");
}

static void put_unless(struct line *l, uint64_t *state, uint64_t entries, uint32_t variant)
{
	if (!chance(state, 25))
		return;
	line_append(l, "unless = { ");
	if (chance(state, 30))
		put_fact(l, state, variant);
	else
		put_key(l, (unsigned)(mixed_draw(state) % 7), entries + 1, variant >> 3);
	line_append(l, "}; ");
}

/* A rule of blocks for authenticated sessions. */
static void put_authenticated(
    struct line *l, unsigned number, uint64_t shape, uint64_t entries, uint32_t variant)
{
	static const char *const criteria[] = {"login = [ \"somebody\" ]", "login = [ \"/some/\" ]",
	    "login = [ \"nobody\" ]", "sender_domain = [ \"missing\" ]", "header = [ \"X-A\" ]",
	    NULL};
	uint64_t which = mixed_draw(&shape) + (variant >> 19 & 1);

	put_attributes(l, number, &shape);
	line_append(l, "applies = \"%s\"; ", chance(&shape, 50) ? "both" : "authenticated");
	if (chance(&shape, 60))
		line_append(l, "%s; ", pick(&which, criteria));
	put_key(l, 2 + (unsigned)(mixed_draw(&shape) % 4), entries, variant);
	line_append(l, "}");
}

static void put_in(struct line *l, uint64_t *state)
{
	static const char *const lists[] = {"\"sender\"", "\"helo\", \"client_name\"", "\"from\"",
	    "\"sender\", \"from\"", "\"recipient\"", NULL};

	if (chance(state, 60))
		line_append(l, "in = [ %s ]; ", pick(state, lists));
}

/* A rule of blocks, or of susranges, which needs networks. */
static void put_refusal(
    struct line *l, unsigned number, uint64_t shape, uint64_t entries, uint32_t variant, bool range)
{
	unsigned first = range ? 0 : (unsigned)(mixed_draw(&shape) % 7),
		 second = (unsigned)(mixed_draw(&shape) % 7);

	put_attributes(l, number, &shape);
	if (chance(&shape, 15))
		line_append(l, "reply = \"%s\"; ", pick(&shape, actions));
	put_key(l, first, entries, variant);
	if (second != first && chance(&shape, 35))
		put_key(l, second, entries, variant);
	else
		second = first;
	if (first == 6 || second == 6)
		put_in(l, &shape);
	if (chance(&shape, 25))
		put_fact(l, &shape, variant);
	if (chance(&shape, 20))
		line_append(l, "undecided = \"%s\"; ", chance(&shape, 80) ? "tempfail" : "pass");
	put_unless(l, &shape, entries, variant);
	line_append(l, "}");
}

static void put_whitelist(
    struct line *l, unsigned number, uint64_t shape, uint64_t entries, uint32_t variant)
{
	static const char *const covers[] = {"\"susranges\"", "\"blocks\"", "\"spf\"", "\"dmarc\"",
	    "\"susranges\", \"blocks\"", "\"spf\", \"dmarc\", \"blocks\"", NULL};
	static const char *const proofs[] = {
	    "\"spf\"", "\"client_name\"", "\"spf\", \"client_name\"", NULL};
	static const unsigned alone[] = {0, 1, 5, 6};
	unsigned first = alone[mixed_draw(&shape) % 4], second = (unsigned)(mixed_draw(&shape) % 6);

	put_attributes(l, number, &shape);
	if (chance(&shape, 50))
		line_append(l, "covers = [ %s ]; ", pick(&shape, covers));
	put_key(l, first, entries, variant);
	if (first == 6)
		line_append(l, "proof = [ %s ]; ", pick(&shape, proofs));
	if (second != first && chance(&shape, 25))
		put_key(l, second, entries, variant);
	if (chance(&shape, 20))
		put_fact(l, &shape, variant);
	put_unless(l, &shape, entries, variant);
	line_append(l, "}");
}

static void put_rules(struct line *l, const struct mixed_rules *m)
{
	static const struct {
		const char *section;
		int first, end;
	} sections[] = {{"whitelist", 0, 4}, {"blocks", 4, 10}, {"susranges", 10, MIXED_RULES}};

	for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
		bool any = false;

		line_append(l, "%s = (", sections[s].section);
		for (int i = sections[s].first; i < sections[s].end; i++) {
			uint64_t shape = m->rule[i].shape;

			if (!chance(&shape, 70))
				continue;
			line_append(l, "%s\n  ", any ? "," : "");
			any = true;
			if (s == 1 && chance(&shape, 15))
				put_authenticated(
				    l, (unsigned)i, shape, m->rule[i].entries, m->rule[i].variant);
			else if (s == 0)
				put_whitelist(
				    l, (unsigned)i, shape, m->rule[i].entries, m->rule[i].variant);
			else
				put_refusal(l, (unsigned)i, shape, m->rule[i].entries,
				    m->rule[i].variant, s == 2);
		}
		line_append(l, " );\n");
	}
}

static const char *const spf_switch[] = {"off", "monitor", "unless-dkim", "reject", NULL};
static const char *const dmarc_switch[] = {
    "off", "off", "monitor", "quarantine", "reject", "strict", NULL};
static const char *const yes_words[] = {"accept", "tempfail", NULL};
static const char *const permerror_words[] = {"accept", "reject", NULL};

static void put_domains(struct line *l, uint64_t state)
{
	static const char *const names[] = {
	    "a.example", ".b.example", "*.example", "c.test", ".test", "xn--bcher-kva.example"};
	bool any = false;

	line_append(l, "domains = (");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (!chance(&state, 40))
			continue;
		line_append(l, "%s\n  { name = \"%s\"; ", any ? "," : "", names[i]);
		any = true;
		line_append(l, "spf = \"%s\"; ", pick(&state, spf_switch));
		if (chance(&state, 50))
			line_append(l, "dmarc = \"%s\"; ", pick(&state, dmarc_switch));
		if (chance(&state, 40))
			line_append(l, "susranges = \"%s\"; ", chance(&state, 50) ? "off" : "on");
		if (chance(&state, 40))
			line_append(l, "blocks = \"%s\"; ", chance(&state, 50) ? "off" : "on");
		if (chance(&state, 10))
			line_append(l, "forwards = true; ");
		line_append(l, "}");
	}
	line_append(l, " );\n");
}

void mixed_rules_text(const struct mixed_rules *m, char text[MIXED_RULES_TEXT_MAX])
{
	struct line l = line_start(text, MIXED_RULES_TEXT_MAX);
	uint64_t spf = m->settings[SET_SPF], dmarc = m->settings[SET_DMARC],
		 trusted = m->settings[SET_TRUSTED], exempt = m->settings[SET_EXEMPT];

	line_append(&l, "mode = \"%s\";\n", m->settings[SET_MODE] % 12 ? "enforce" : "monitor");
	line_append(&l, "spf = { fail = \"%s\"; ", pick(&spf, spf_switch));
	line_append(&l, "temperror = \"%s\"; ", pick(&spf, yes_words));
	line_append(&l, "permerror = \"%s\"; };\n", pick(&spf, permerror_words));
	line_append(&l, "dmarc = { default = \"%s\"; ", pick(&dmarc, dmarc_switch));
	line_append(&l, "temperror = \"%s\"; ", pick(&dmarc, yes_words));
	line_append(&l, "unproven = \"%s\"; ", pick(&dmarc, yes_words));
	line_append(&l, "bad_from = \"%s\"; };\n", pick(&dmarc, permerror_words));
	line_append(&l, "trusted_networks = [ ");
	if (chance(&trusted, 50))
		line_append(&l, "\"%s\"", pick(&trusted, mixed_clients));
	line_append(&l, " ];\nexempt_recipients = [ ");
	if (chance(&exempt, 50))
		line_append(&l, "\"%s\"", chance(&exempt, 50) ? "postmaster@" : "x@c.test");
	line_append(&l, " ];\n");
	line_append(&l,
	    "dnsbls = ( { name = \"zone\"; zone = \"bl.test\"; of = \"client\"; "
	    "answers = [ \"127.0.0.2\" ]; },\n  { name = \"names\"; zone = \"n.test\"; "
	    "of = \"recipient\"; answers = [ \"127.0.0.2\" ]; },\n  { name = \"authors\"; "
	    "zone = \"a.test\"; of = \"from\"; answers = [ \"127.0.0.2\" ]; } );\n");
	put_rules(&l, m);
	put_domains(&l, m->settings[SET_DOMAINS]);
}
