/*
 * Requests of the policy protocol, as octets that come in two parts; then each is asked of a
 * session whose rules refuse some, as the door does, and what is answered must be one action.
 */
#include "core/session/policy_session.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static int64_t no_time(void *self)
{
	(void)self;
	return 1;
}

static void token(void *self, char *out)
{
	(void)self;
	memset(out, 'a', TOKEN_CHARS);
}

static void record(void *self, const struct record *r)
{
	(void)self;
	insist(r->facts->door == DOOR_POLICY && r->stage != STAGE_END);
}

static struct ruleset *make_rules(void)
{
	struct diag *diag = diag_create();
	struct ruleset_builder *b = ruleset_builder_create(diag);
	struct settings settings = {.defaults = {.susranges = true, .blocks = true}};
	struct ruleset *rules;

	ruleset_set_settings(b, &settings);
	rules = ruleset_finish(&b);
	diag_free(&diag);
	return rules;
}

static void ask(struct policy_session *p, struct slice text, const struct ruleset *rules)
{
	struct policy_request r;
	struct answer answer;
	char out[POLICY_ANSWER_MAX];
	size_t n;

	if (policy_request_parse(text, &r))
		return;
	if (!policy_session_goes_on(p, &r))
		policy_session_end(p);
	answer = policy_session_ask(p, &r, rules, 1);
	n = policy_answer(&answer, true, out);
	insist(n < sizeof out && slice_starts(slice_of(out, n), SLICE("action=")) &&
	       slice_find(slice_of(out, n), '\n') == n - 2 && out[n - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ruleset *rules;
	const struct env env = {
	    .now_us = no_time, .monotonic_us = no_time, .token = token, .record = record};
	struct slice all = {(const char *)data, size};
	struct policy_session *p = policy_session_create(&env);
	size_t n, half = size / 2;

	if (!rules)
		rules = make_rules();
	/* In two parts it ends where it ends as a whole. */
	n = policy_request_length(slice_of(all.ptr, half), 0);
	insist((n ? n : policy_request_length(all, half)) == policy_request_length(all, 0));
	while ((n = policy_request_length(all, 0)) > 0) {
		ask(p, slice_of(all.ptr, n), rules);
		all = slice_skip(all, n);
	}
	policy_session_free(&p);
	return 0;
}
