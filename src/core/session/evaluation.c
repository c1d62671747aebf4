#include "core/session/evaluation.h"

#include "core/policy/gather.h"
#include "core/session/transaction.h"

#include <stdlib.h>

/* A header of the largest size, with its canonical form, and what the DNS answers. */
#define ARENA_MAX ((size_t)2 << 20)

/* Rows of one transaction that get its results: more recipients than any real mail has refused. */
enum { ROWS_MAX = 100 };

struct evaluation_row {
	struct evaluation_row *next;
	struct record_number number;
	struct verdict verdict; /* without what points into the rules, which may be gone by then */
	struct slice author;    /* the domain that it is about */
};

struct evaluation {
	const struct env *env;
	struct arena *arena;
	struct message *message; /* NULL until a field is shown or a question asked */
	struct facts facts;
	struct slice receiver;
	size_t header_bytes, header_fields;
	struct slice from_fields[FROM_FIELDS_MAX];
	size_t from_count;
	struct fromheader from;
	bool has_from;   /* the header was whole */
	bool wants_body; /* … and a signature may pass */
	bool given_up;   /* too large: of signatures and author nothing is known */
	bool ended;      /* the whole message was seen */
	struct evaluation_row *rows;
	size_t row_count;
};

/* ---- life ---------------------------------------------------------------------------- */

static struct identity copy_identity(struct arena *arena, const struct identity *id)
{
	return (struct identity){
	    .state = id->state,
	    .text = arena_copy(arena, id->text),
	    .name = arena_copy(arena, id->name),
	    .sent = arena_copy(arena, id->sent),
	};
}

static void take_facts(struct evaluation *e, const struct facts *facts)
{
	static const enum identity_kind kept[] = {IDENTITY_HELO, IDENTITY_SENDER};

	e->facts = (struct facts){.now = facts->now, .client = facts->client};
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		e->facts.id[kept[i]] = copy_identity(e->arena, &facts->id[kept[i]]);
}

struct evaluation *evaluation_create(
    const struct env *env, const struct facts *facts, struct slice receiver)
{
	struct evaluation *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->env = env;
	e->arena = arena_create(ARENA_MAX);
	if (!e->arena) {
		free(e);
		return NULL;
	}
	take_facts(e, facts);
	e->receiver = arena_copy(e->arena, receiver);
	return e;
}

void evaluation_free(struct evaluation **evaluation)
{
	struct evaluation *e = *evaluation;

	if (!e)
		return;
	if (e->message)
		e->env->message_end(e->message);
	arena_free(&e->arena);
	free(e);
	*evaluation = NULL;
}

/* ---- the message as it passes -------------------------------------------------------- */

static struct message *message_of(struct evaluation *e)
{
	if (!e->message)
		e->message = e->env->quiet_message(e->env->self, e->arena, e->facts.now);
	return e->message;
}

void evaluation_header(struct evaluation *e, struct slice name, struct slice value)
{
	e->header_bytes += name.len + 1 + value.len + 2;
	e->given_up |= ++e->header_fields > HEADER_FIELDS_MAX ||
		       e->header_bytes > HEADER_BYTES_MAX || !message_of(e);
	if (e->given_up)
		return;
	if (slice_equal_nocase(name, SLICE("From")) && e->from_count < FROM_FIELDS_MAX)
		e->from_fields[e->from_count++] = arena_copy(e->arena, value);
	e->env->dkim_header(e->message, name, value);
}

bool evaluation_end_of_headers(struct evaluation *e)
{
	if (e->given_up || !message_of(e))
		return false;
	fromheader_parse(e->from_fields, e->from_count, e->env->idna, e->arena, &e->from);
	facts_set_author(&e->facts, &e->from);
	e->has_from = true;
	e->wants_body =
	    e->env->dkim_end_of_headers(e->message, e->from.domains, e->from.domain_count);
	return e->wants_body;
}

bool evaluation_body(struct evaluation *e, const char *bytes, size_t len)
{
	if (e->wants_body)
		e->env->dkim_body(e->message, bytes, len);
	return e->wants_body;
}

const struct fromheader *evaluation_from(const struct evaluation *e)
{
	return e->has_from && !arena_failed(e->arena) ? &e->from : NULL;
}

void evaluation_end(struct evaluation *e)
{
	e->ended = e->has_from;
}

/* ---- its rows ------------------------------------------------------------------------ */

/* A row that others share, or that stands for others, is not about this message alone. */
void evaluation_note(struct evaluation *e, const struct record_number *number,
    const struct verdict *v, const struct facts *facts)
{
	struct evaluation_row *row;

	if (number->row == 0 || number->shared || number->flags != 0 || e->row_count >= ROWS_MAX ||
	    !(row = arena_alloc(e->arena, sizeof *row)))
		return;
	*row = (struct evaluation_row){
	    .next = e->rows,
	    .number = *number,
	    .verdict = {.kind = v->kind, .action = v->action, .monitored = v->monitored},
	    .author = arena_copy(e->arena, facts->id[IDENTITY_FROM].name),
	};
	e->rows = row;
	e->row_count++;
	if (facts->spf_state == FACT_KNOWN || facts->spf_state == FACT_FAILED) {
		e->facts.spf_state = facts->spf_state;
		e->facts.spf_late = facts->spf_late;
		e->facts.spf = (struct spf_answer){.result = facts->spf.result,
		    .sends_no_mail = facts->spf.sends_no_mail,
		    .null_sender_used_helo = facts->spf.null_sender_used_helo};
	}
}

bool evaluation_has_rows(const struct evaluation *e)
{
	return e->rows;
}

size_t evaluation_bytes(const struct evaluation *e)
{
	return sizeof *e + arena_used(e->arena);
}

/* ---- afterwards ---------------------------------------------------------------------- */

static const struct dns *ask_dns(void *context)
{
	struct evaluation *e = context;

	return e->env->dns(e->message);
}

static bool ask_spf(void *context, const struct spf_query *query, struct spf_answer *out)
{
	struct evaluation *e = context;

	return e->env->spf(e->message, query, out);
}

static bool ask_dkim(void *context, struct dkim_answer *out)
{
	struct evaluation *e = context;

	return e->env->dkim_finish(e->message, out);
}

/* What DMARC says of the author whom the row is about. */
static void judge_author(const struct gather *g, struct evaluation *e, struct slice author)
{
	size_t i = 0;

	while (i < e->from.domain_count && !slice_equal(e->from.domains[i], author))
		i++;
	i = i < e->from.domain_count ? i : 0;
	e->facts.dmarc_state = FACT_UNKNOWN;
	e->facts.id[IDENTITY_FROM] = identity_of_author(&e->from, i);
	gather_facts(g, i < e->from.domain_count ? NEED_DMARC : NEED_DKIM);
}

static void give_results(const struct evaluation *e, const struct evaluation_row *row)
{
	const struct record record = {
	    .facts = &e->facts,
	    .decision = decision_of(&row->verdict),
	    .number = &row->number,
	};

	e->env->evaluated(e->env->self, &record);
}

bool evaluation_run(struct evaluation *e)
{
	const struct gather g = {
	    .facts = &e->facts,
	    .arena = e->arena,
	    .idna = e->env->idna,
	    .receiver = e->receiver,
	    .env = e,
	    .dns = ask_dns,
	    .spf = ask_spf,
	    .dkim = ask_dkim,
	};

	if (arena_failed(e->arena) || !message_of(e))
		return false;
	e->env->at_end(e->message);
	gather_facts(&g, NEED_SPF);
	for (const struct evaluation_row *row = e->rows; row; row = row->next) {
		if (e->ended)
			judge_author(&g, e, row->author);
		if (arena_failed(e->arena))
			return false;
		give_results(e, row);
	}
	return true;
}
