#include "core/mail/fromheader.h"

#include "fromheader_parser.h"

/* What may stand in atoms here: dots in local parts, in domains, and in obsolete phrases. */
#define DOT SLICE(".")

const char *from_kind_name(enum from_kind kind)
{
	static const char *const names[] = {"one", "none", "many", "bad"};

	return names[kind];
}

static void report_bad_from(struct from_parser *p, const char *wrong)
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
static void check_local(struct from_parser *p, struct slice local)
{
	if (local.len == 0 || slice_equal(local, SLICE("\"\"")))
		report_bad_from(p, "an address without a local part");
	else if (slice_find(local, '@') < local.len || slice_find(local, '<') < local.len ||
		 slice_find(local, '>') < local.len)
		report_bad_from(p, "an address within the local part of another");
}

/* As it is meant, without quotes and backslashes.  A domain that the DNS cannot hold has no policy,
 * but to some readers it is another one that has: U+2024 is a full stop, and an emoji has a name by
 * IDNA2003. */
static void check_author(struct from_parser *p, const struct address *found)
{
	if (has_encoded_word(found->local))
		report_bad_from(p, "an encoded word in an address");
	else if (!slice_is_utf8(found->local))
		report_bad_from(p, "a local part that is not UTF-8");
	else if (name_has_bytes_label(found->domain))
		report_bad_from(p, "a domain with characters that no domain has (IDNA)");
}

static void take_domain(struct from_parser *p)
{
	struct slice domain = rfc5322_atom(&p->s, DOT);
	int next = rfc5322_peek(&p->s);

	if (next == '[')
		report_bad_from(p, "an address literal instead of a domain");
	else if (next == '@')
		report_bad_from(p, "more than one @ in an address");
	else if (domain.len == 0)
		report_bad_from(p, "nothing that can be a domain behind an @");
	else if (domain.ptr[domain.len - 1] == '.')
		report_bad_from(p, "a domain that ends in a dot");
}

static const char *ill_formed(struct from_parser *p, const char *wrong)
{
	struct slice phrase =
	    arena_printf(p->arena, "an address that is not well formed: %s", wrong);

	return phrase.ptr ? phrase.ptr : wrong;
}

void from_take_address(struct from_parser *p, struct slice local)
{
	struct address found;
	const char *wrong;

	rfc5322_take(&p->s, '@');
	check_local(p, local);
	take_domain(p);
	if (++p->addresses > FROM_ADDRESSES_MAX)
		report_bad_from(p, "more addresses than any author list has");
	if (p->s.wrong)
		return;
	wrong = address_parse(slice_of(local.ptr, (size_t)(p->s.text.ptr + p->s.at - local.ptr)),
	    p->idna, p->arena, &found);
	if (wrong)
		report_bad_from(p, ill_formed(p, wrong));
	else
		check_author(p, &found);
	if (p->s.wrong)
		return;
	if (p->addresses == 1)
		p->out->author = found;
	add_domain(p->out, found.domain);
}

bool from_take_word(struct from_parser *p, struct slice *word)
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
static void take_angle(struct from_parser *p)
{
	struct slice local;

	rfc5322_skip(&p->s);
	if (rfc5322_peek(&p->s) == '@')
		report_bad_from(p, "a source route or an address without a local part");
	else if (!from_take_word(p, &local))
		report_bad_from(p, "no address between < and >");
	else if (rfc5322_peek(&p->s) != '@')
		report_bad_from(p, "no address between < and >, or a blank or comment inside it");
	else
		from_take_address(p, local);
	rfc5322_skip(&p->s);
	if (!rfc5322_take(&p->s, '>'))
		report_bad_from(
		    p, "an address in < without its >, or more than an address between them");
}

/* ---- lists and groups ---------------------------------------------------------------- */

static void take_members(struct from_parser *p);

/* What follows the display name. */
static void after_phrase(struct from_parser *p, bool named, bool in_group)
{
	int next = rfc5322_peek(&p->s);

	if (rfc5322_take(&p->s, '<'))
		take_angle(p);
	else if (next == ':' && named && !in_group && rfc5322_take(&p->s, ':'))
		take_members(p);
	else if (next == ':')
		report_bad_from(p, "a colon outside quotes");
	else if (next == '@')
		report_bad_from(p,
		    "an @ where none can stand: an address beside a name without < >, or a "
		    "blank or comment inside an address");
	else if (next == RFC5322_END || next == ',' || next == ';')
		report_bad_from(
		    p, "a list member without an address (a comma in a name needs quotes)");
	else if (next == '>')
		report_bad_from(p, "a > without its <");
	else
		report_bad_from(p, "a character that needs quotes in a display name");
}

/* One mailbox, or outside a group a group. */
static void take_member(struct from_parser *p, bool in_group)
{
	struct slice word;
	bool named = from_take_word(p, &word);

	if (named && rfc5322_peek(&p->s) == '@') {
		from_take_address(p, word);
		return;
	}
	rfc5322_skip(&p->s);
	while (from_take_word(p, &word)) {
		named = true;
		rfc5322_skip(&p->s);
	}
	after_phrase(p, named, in_group);
}

/* Mailboxes between commas, of which some may be empty (obs-mbox-list), up to the end or ";". */
static void take_list(struct from_parser *p, bool in_group)
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
			report_bad_from(p, "more behind an address than a comma or a comment");
	}
}

/* Behind the colon of a group, including its ";". */
static void take_members(struct from_parser *p)
{
	p->groups++;
	take_list(p, true);
	if (!rfc5322_take(&p->s, ';'))
		report_bad_from(p, "a group that does not end in ;");
}

static void take_field(struct from_parser *p, struct slice field)
{
	p->s = (struct rfc5322){.text = field};
	take_list(p, false);
	if (p->addresses == 0 && p->groups == 0)
		report_bad_from(p, "no address");
}

/* ---- the message --------------------------------------------------------------------- */

/* The reason as a sentence, from the phrase that the parser has. */
static struct slice sentence(struct from_parser *p, const char *phrase)
{
	struct slice s = arena_printf(p->arena, "the From field has %s", phrase);

	return s.ptr ? s : SLICE("the From field is not well formed");
}

void fromheader_parse(const struct slice *fields, size_t count, const struct idna *idna,
    struct arena *arena, struct fromheader *out)
{
	struct from_parser p = {.idna = idna, .arena = arena, .out = out};

	*out =
	    (struct fromheader){.kind = FROM_NONE, .why = SLICE("the message has no From field")};
	if (count == 0)
		return;
	if (count > 1) {
		from_judge_crooked(
		    &p, fields, count, SLICE("the message has more than one From field"));
		return;
	}
	take_field(&p, fields[0]);
	if (p.s.wrong) {
		from_judge_crooked(&p, fields, 1, sentence(&p, p.s.wrong));
	} else if (out->domain_count == 0) {
		out->why = SLICE("the From field holds only groups without members");
	} else if (out->domain_count == 1) {
		out->kind = FROM_ONE;
		out->why = slice_of(NULL, 0);
	} else {
		out->kind = FROM_MANY;
		out->why = out->more ? SLICE("the From field names more than eight author domains")
				     : SLICE("the From field names more than one author domain");
	}
}
