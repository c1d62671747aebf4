#include "core/explain/batch.h"

#include "core/base/json_read.h"
#include "core/base/json_write.h"
#include "core/stats/decision_text.h"

struct slice batch_error(const char *why, char out[BATCH_LINE_MAX])
{
	struct json_write j = json_write_begin(out, BATCH_LINE_MAX);

	json_write_string(&j, "error", slice_str(why));
	return json_write_end(&j);
}

/* NULL, or what is wrong with the line. */
static const char *read_session(
    struct session_query *q, struct slice line, char why[SESSION_QUERY_WHY_MAX])
{
	struct json_read r = json_read_begin(line, q->arena);
	struct slice key, value;

	while (json_read_next(&r, &key, &value)) {
		const char *wrong = value.ptr ? session_query_set(q, key, value, why) : NULL;
		if (wrong)
			return wrong;
	}
	return r.wrong;
}

/* The code of the reply that the client would get or, in monitor mode, would have got. */
static unsigned code_of(const struct ruleset *rules, const struct session_query *q)
{
	const struct verdict *v = &q->verdict;
	struct reply reply;

	if (v->kind != VERDICT_FINAL || v->action == ACTION_ACCEPT)
		return 250;
	reply_make(rules, &q->facts, v, slice_of(NULL, 0), &reply);
	return reply.code;
}

static struct slice write_verdict(
    const struct ruleset *rules, const struct session_query *q, char out[BATCH_LINE_MAX])
{
	const struct verdict *v = &q->verdict;
	struct json_write j = json_write_begin(out, BATCH_LINE_MAX);
	char text[PREFIX_TEXT_MAX];

	json_write_string(&j, "action", slice_str(decision_of(v).word));
	json_write_number(&j, "code", code_of(rules, q));
	if (v->family != FAMILY_NONE)
		json_write_string(&j, "family", slice_str(family_name(v->family)));
	if (v->rule)
		json_write_string(&j, "rule", v->rule->name);
	if (v->has_network)
		json_write_string(&j, "network", slice_of(text, prefix_format(&v->network, text)));
	return json_write_end(&j);
}

struct slice batch_answer(const struct ruleset *rules, struct slice line, int64_t now,
    const struct idna *idna, struct arena *arena, char out[BATCH_LINE_MAX])
{
	char why[SESSION_QUERY_WHY_MAX];
	struct session_query q;
	const char *wrong;

	arena_reset(arena);
	session_query_start(&q, now, idna, arena);
	wrong = read_session(&q, line, why);
	if (!wrong && arena_failed(arena))
		wrong = "out of memory";
	if (wrong)
		return batch_error(wrong, out);
	session_query_decide(&q, rules, NULL);
	return write_verdict(rules, &q, out);
}
