#include "core/mail/fromheader.h"

#include "core/mail/rfc5322.h"

/* What may stand in atoms here: dots in local parts, in domains, and in obsolete phrases. */
#define DOT SLICE(".")

struct parser {
	struct rfc5322 s;
	const struct idna *idna;
	struct arena *arena;
	struct fromheader *out;
	size_t addresses, groups;
};

const char *from_kind_name(enum from_kind kind)
{
	static const char *const names[] = {"one", "none", "many", "bad"};

	return names[kind];
}

static void fail(struct parser *p, const char *wrong)
{
	if (!p->s.wrong)
		p->s.wrong = wrong;
}

/* ---- what was found ------------------------------------------------------------------ */

static void add_domain(struct fromheader *out, struct slice domain)
{
	for (size_t i = 0; i < out->domain_count; i++)
		if (slice_equal(out->domains[i], domain))
			return;
	if (out->domain_count == FROM_DOMAINS_MAX)
		out->more = true;
	else
		out->domains[out->domain_count++] = domain;
}

/* ---- one address --------------------------------------------------------------------- */

/* RFC 2047 section 5 (3) forbids it in an address; programs that decode first would see another. */
static bool has_encoded_word(struct slice s)
{
	for (size_t i = 0; i + 1 < s.len; i++)
		if (s.ptr[i] == '=' && s.ptr[i + 1] == '?')
			return true;
	return false;
}

/* As it is written: quotes or not, an address in it is a trap. */
static void check_local(struct parser *p, struct slice local)
{
	if (local.len == 0 || slice_equal(local, SLICE("\"\"")))
		fail(p, "an address without a local part");
	else if (slice_find(local, '@') < local.len || slice_find(local, '<') < local.len ||
		 slice_find(local, '>') < local.len)
		fail(p, "an address within the local part of another");
}

/* As it is meant, without quotes and backslashes. */
static void check_author(struct parser *p, const struct address *found)
{
	if (has_encoded_word(found->local))
		fail(p, "an encoded word in an address");
	else if (!slice_is_utf8(found->local))
		fail(p, "a local part that is not UTF-8");
}

static void take_domain(struct parser *p)
{
	struct slice domain = rfc5322_atom(&p->s, DOT);
	int next = rfc5322_peek(&p->s);

	if (next == '[')
		fail(p, "an address literal instead of a domain");
	else if (next == '@')
		fail(p, "more than one @ in an address");
	else if (domain.len == 0)
		fail(p, "nothing that can be a domain behind an @");
	else if (domain.ptr[domain.len - 1] == '.')
		fail(p, "a domain that ends in a dot");
}

/* Behind a local part: "@" and the domain. */
static void take_address(struct parser *p, struct slice local)
{
	struct address found;
	const char *wrong;

	rfc5322_take(&p->s, '@');
	check_local(p, local);
	take_domain(p);
	if (++p->addresses > FROM_ADDRESSES_MAX)
		fail(p, "more addresses than any author list has");
	if (p->s.wrong)
		return;
	wrong = address_parse(slice_of(local.ptr, (size_t)(p->s.text.ptr + p->s.at - local.ptr)),
	    p->idna, p->arena, &found);
	if (wrong)
		fail(p, wrong);
	else
		check_author(p, &found);
	if (p->s.wrong)
		return;
	if (p->addresses == 1)
		p->out->author = found;
	add_domain(p->out, found.domain);
}

/* The next atom with dots, or quoted string with its quotes; false when neither is next. */
static bool take_word(struct parser *p, struct slice *word)
{
	size_t from = p->s.at;

	if (rfc5322_peek(&p->s) == '"')
		rfc5322_quoted(&p->s);
	else
		rfc5322_atom(&p->s, DOT);
	*word = slice_of(p->s.text.ptr + from, p->s.at - from);
	return word->len > 0 && !p->s.wrong;
}

/* Behind "<". */
static void take_angle(struct parser *p)
{
	struct slice local;

	rfc5322_skip(&p->s);
	if (rfc5322_peek(&p->s) == '@')
		fail(p, "a source route or an address without a local part");
	else if (!take_word(p, &local))
		fail(p, "no address between < and >");
	else if (rfc5322_peek(&p->s) != '@')
		fail(p, "no address between < and >, or a blank or comment inside it");
	else
		take_address(p, local);
	rfc5322_skip(&p->s);
	if (!rfc5322_take(&p->s, '>'))
		fail(p, "an address in < without its >, or more than an address between them");
}

/* ---- lists and groups ---------------------------------------------------------------- */

static void take_members(struct parser *p);

/* What follows the display name. */
static void after_phrase(struct parser *p, bool named, bool in_group)
{
	int next = rfc5322_peek(&p->s);

	if (rfc5322_take(&p->s, '<'))
		take_angle(p);
	else if (next == ':' && named && !in_group && rfc5322_take(&p->s, ':'))
		take_members(p);
	else if (next == ':')
		fail(p, "a colon outside quotes");
	else if (next == '@')
		fail(p, "an @ where none can stand: an address beside a name without < >, or a "
			"blank or comment inside an address");
	else if (next == RFC5322_END || next == ',' || next == ';')
		fail(p, "a list member without an address (a comma in a name needs quotes)");
	else if (next == '>')
		fail(p, "a > without its <");
	else
		fail(p, "a character that needs quotes in a display name");
}

/* One mailbox, or outside a group a group. */
static void take_member(struct parser *p, bool in_group)
{
	struct slice word;
	bool named = take_word(p, &word);

	if (named && rfc5322_peek(&p->s) == '@') {
		take_address(p, word);
		return;
	}
	rfc5322_skip(&p->s);
	while (take_word(p, &word)) {
		named = true;
		rfc5322_skip(&p->s);
	}
	after_phrase(p, named, in_group);
}

/* Mailboxes between commas, of which some may be empty (obs-mbox-list), up to the end or ";". */
static void take_list(struct parser *p, bool in_group)
{
	while (!p->s.wrong) {
		rfc5322_skip(&p->s);
		if (rfc5322_take(&p->s, ','))
			continue;
		if (rfc5322_peek(&p->s) == RFC5322_END || (in_group && rfc5322_peek(&p->s) == ';'))
			return;
		take_member(p, in_group);
		rfc5322_skip(&p->s);
		if (rfc5322_peek(&p->s) != RFC5322_END && rfc5322_peek(&p->s) != ',' &&
		    !(in_group && rfc5322_peek(&p->s) == ';'))
			fail(p, "more behind an address than a comma or a comment");
	}
}

/* Behind the colon of a group, including its ";". */
static void take_members(struct parser *p)
{
	p->groups++;
	take_list(p, true);
	if (!rfc5322_take(&p->s, ';'))
		fail(p, "a group that does not end in ;");
}

static void take_field(struct parser *p, struct slice field)
{
	p->s = (struct rfc5322){.text = field};
	take_list(p, false);
	if (p->addresses == 0 && p->groups == 0)
		fail(p, "an empty From field");
}

/* ---- the message --------------------------------------------------------------------- */

/* Every name behind an "@", wherever it stands; `tries` bounds the work on a field full of "@(". */
static void guess_domains(struct parser *p, struct slice field, size_t *tries)
{
	struct slice name;

	for (; *tries > 0 && slice_find(field, '@') < field.len; --*tries) {
		slice_cut(&field, '@');
		p->s = (struct rfc5322){.text = field};
		rfc5322_skip(&p->s);
		name = rfc5322_atom(&p->s, DOT);
		if (name.len && !name_parse(name, p->idna, p->arena, &name))
			add_domain(p->out, name);
	}
}

static void turn_bad(struct parser *p, const struct slice *fields, size_t count, const char *wrong)
{
	size_t tries = FROM_ADDRESSES_MAX;

	*p->out = (struct fromheader){.kind = FROM_BAD, .why = slice_str(wrong)};
	for (size_t i = 0; i < count; i++)
		guess_domains(p, fields[i], &tries);
}

void fromheader_parse(const struct slice *fields, size_t count, const struct idna *idna,
    struct arena *arena, struct fromheader *out)
{
	struct parser p = {.idna = idna, .arena = arena, .out = out};

	*out = (struct fromheader){.kind = FROM_NONE, .why = SLICE("no From field")};
	if (count == 0)
		return;
	if (count == 1)
		take_field(&p, fields[0]);
	else
		fail(&p, "more than one From field");
	if (p.s.wrong) {
		turn_bad(&p, fields, count, p.s.wrong);
	} else if (out->domain_count == 0) {
		out->why = SLICE("the From field holds only groups without members");
	} else if (out->domain_count == 1) {
		out->kind = FROM_ONE;
		out->why = slice_of(NULL, 0);
	} else {
		out->kind = FROM_MANY;
		out->why = SLICE("the From field names more than one author domain");
	}
}
