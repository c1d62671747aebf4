#include "edge/control/commands.h"

#include "core/explain/batch.h"
#include "core/explain/explaintext.h"
#include "core/stats/decision_text.h"
#include "edge/config/config.h"
#include "edge/idn/idn.h"

#include <time.h>

/* Memory of one session of a batch: two addresses and two names of any length that a line has. */
enum { SESSION_MAX = 8 * CHANNEL_LINE_MAX };

/* ---- many ---------------------------------------------------------------------------- */

/* The table stays the same from the first line to the last. */
static int explain_batch(struct request *req)
{
	const struct ruleset *rules = req->generation->rules;
	struct arena *arena = arena_create(SESSION_MAX);
	int64_t now = time(NULL);
	struct slice line;
	bool cut, heard = arena;

	if (!arena)
		channel_error(req->channel, "out of memory\n");
	while (heard && channel_line(req->channel, &line, &cut)) {
		char text[BATCH_LINE_MAX];
		struct slice answer =
		    cut ? batch_error("the line is longer than 65536 bytes", text)
			: batch_answer(rules, line, now, &idn_lenient, arena, text);

		text[answer.len] = '\n'; /* in the place of the NUL */
		heard = channel_write(req->channel, slice_of(text, answer.len + 1));
	}
	arena_free(&arena);
	return heard ? STATUS_OK : STATUS_FAILED;
}

/* ---- one, step by step --------------------------------------------------------------- */

/* The keys of the request that tell of the session; false after a complaint. */
static bool read_question(struct request *req, struct session_query *q)
{
	char why[SESSION_QUERY_WHY_MAX];
	const char *key, *wrong = NULL;

	session_query_start(q, time(NULL), &idn_lenient, req->arena);
	for (unsigned i = 0; !wrong && (key = session_query_key(i)); i++) {
		const char *value = request_text(req, key);
		if (value)
			wrong = session_query_set(q, slice_str(key), slice_str(value), why);
	}
	if (!wrong && q->given == 0)
		wrong = "give at least one fact about the session, such as --client ADDRESS";
	if (wrong)
		channel_error(req->channel, "explain: %s\n", wrong);
	return !wrong;
}

/* Where the entries of the rule that decided stand: those of other rules would cost a second look
 * at every list. */
static void find_places(struct request *req, struct explanation *e)
{
	struct explain_rule *r = e->deciding;

	for (size_t i = 0; r && i < r->count; i++) {
		struct explain_criterion *c = &r->criteria[i];
		if (c->entry.len > 0 && !c->geo)
			c->place = config_find_entry(
			    req->generation->config, r->rule, c->slot, c->entry, req->arena);
	}
}

static void print_line(void *context, const char *line)
{
	channel_print(context, "%s\n", line);
}

static json_t *criterion_json(const struct explain_criterion *c)
{
	static const char *const truths[] = {"no", "yes", "unknown"};
	json_t *o = json_pack("{s:s, s:b, s:s}", "key",
	    rule_key_name((enum rule_key)(c->slot & (SLOT_UNLESS - 1))), "unless",
	    c->slot >= SLOT_UNLESS, "matches", truths[c->truth]);

	if (c->entry.len > 0) {
		json_object_set_new(o, "entry", json_from_slice(c->entry));
		json_object_set_new(o, "out", json_boolean(c->out));
	}
	if (c->has_identity)
		json_object_set_new(o, "identity", json_string(identity_name(c->identity)));
	if (c->place.len > 0)
		json_object_set_new(o, "place", json_from_slice(c->place));
	return o;
}

static json_t *rule_json(const struct explain_rule *r)
{
	static const char *const effects[] = {
	    [EXPLAIN_NO] = "no",
	    [EXPLAIN_EXPIRED] = "expired",
	    [EXPLAIN_UNKNOWN] = "unknown",
	    [EXPLAIN_DECIDES] = "decides",
	    [EXPLAIN_EXEMPTS] = "excuses",
	    [EXPLAIN_UNPROVEN] = "unproven",
	    [EXPLAIN_UNDECIDED] = "undecided",
	    [EXPLAIN_MONITOR] = "monitor",
	    [EXPLAIN_OFF] = "off",
	    [EXPLAIN_EXEMPTED] = "excused",
	    [EXPLAIN_NOT_REACHED] = "not-reached",
	};
	json_t *criteria = json_array();

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(criteria, criterion_json(&r->criteria[i]));
	return json_pack("{s:o, s:s, s:o, s:i, s:s, s:o}", "rule", json_from_slice(r->rule->name),
	    "family", family_name(r->rule->family), "file",
	    json_from_slice(slice_str(r->rule->where.file)), "line", (int)r->rule->where.line,
	    "effect", effects[r->effect], "criteria", criteria);
}

static json_t *verdict_json(const struct explanation *e)
{
	const struct verdict *v = &e->query->verdict;
	char network[PREFIX_TEXT_MAX];
	bool undecided = session_query_undecided(e->query);
	json_t *o = json_pack("{s:s, s:s, s:s, s:i}", "action",
	    undecided ? "undecided" : decision_of(v).word, "stage",
	    stage_name(e->query->phase == PHASE_END ? STAGE_END : STAGE_RCPT), "reason",
	    reason_name(v->reason), "code", e->has_reply ? (int)e->reply.code : 250);

	if (undecided)
		json_object_set_new(o, "otherwise", json_string(decision_of(v).word));
	if (e->has_reply)
		json_object_set_new(
		    o, "reply", json_sprintf("%s %s", e->reply.xcode, e->reply.text));
	if (v->family != FAMILY_NONE)
		json_object_set_new(o, "family", json_string(family_name(v->family)));
	if (v->rule) {
		json_object_set_new(o, "rule", json_from_slice(v->rule->name));
		json_object_set_new(o, "file", json_from_slice(slice_str(v->rule->where.file)));
		json_object_set_new(o, "line", json_integer(v->rule->where.line));
	}
	if (v->has_network) {
		prefix_format(&v->network, network);
		json_object_set_new(o, "network", json_string(network));
	}
	return o;
}

static json_t *explanation_json(const struct request *req, const struct explanation *e)
{
	json_t *o = verdict_json(e), *rules = json_array();
	unsigned untouched = 0;

	for (int i = 0; i < EXPLAIN_FAMILIES; i++) {
		const struct explain_family *f = &e->families[i];
		untouched += f->untouched;
		for (size_t k = 0; k < f->count; k++)
			json_array_append_new(rules, rule_json(&f->rules[k]));
	}
	if (req->generation->number > 0)
		json_object_set_new(
		    o, "generation", json_integer((json_int_t)req->generation->number));
	json_object_set_new(o, "rules", rules);
	json_object_set_new(o, "untouched", json_integer(untouched));
	return o;
}

static bool tells_of_a_session(const struct request *req)
{
	const char *key;

	for (unsigned i = 0; (key = session_query_key(i)); i++)
		if (request_text(req, key))
			return true;
	return request_text(req, "message");
}

/* An option that nobody would look at was meant to count: what to do about it, or NULL. */
static const char *contradiction(const struct request *req)
{
	bool batch = request_switch(req, "batch"), decision = request_text(req, "decision");

	if (batch && decision)
		return "use either --batch or --decision";
	if (batch && tells_of_a_session(req))
		return "--batch reads sessions from standard input and cannot be combined with "
		       "options that describe one";
	if (decision && tells_of_a_session(req))
		return "--decision cannot be combined with options that describe a session";
	if (request_text(req, "zone") && !request_text(req, "message"))
		return "--zone needs --message";
	return NULL;
}

int command_explain(struct request *req)
{
	const char *token = request_text(req, "decision"), *wrong = contradiction(req);
	struct explain_steps steps = {.arena = req->arena};
	struct explanation *e;
	struct session_query q;

	if (wrong) {
		channel_error(req->channel, "explain: %s\n", wrong);
		return STATUS_USAGE;
	}
	if (request_switch(req, "batch"))
		return explain_batch(req);
	if (token)
		return explain_decision(req, token);
	if (!read_question(req, &q))
		return STATUS_USAGE;
	if (!request_text(req, "message"))
		explain_session(req, &q, &steps);
	else if (!explain_message(req, &q, &steps))
		return STATUS_FAILED;
	e = explain_make(&q, req->generation->rules, request_switch(req, "all"), req->arena);
	if (!e) {
		channel_error(req->channel, "explain: out of memory\n");
		return STATUS_FAILED;
	}
	find_places(req, e);
	if (request_switch(req, "json"))
		return request_print_json(req, explanation_json(req, e));
	explain_text(e, print_line, req->channel);
	explain_print_steps(req, &steps);
	return STATUS_OK;
}
