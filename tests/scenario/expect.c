/* What a scenario wants of the last answer, its record and its header edits. */
#include "play.h"

#include <stdio.h>

void play_fail(struct play *p, const char *what, struct slice detail)
{
	fprintf(stderr, "%s:%u: %s: %s%.*s\n", p->file, p->line, p->title, what, SLICE_ARG(detail));
	if (p->record[0])
		fprintf(stderr, "    the decision: %s\n", p->record);
	p->case_failed = true;
}

static bool record_has(const struct play *p, const char *key, struct slice value)
{
	char text[512];

	snprintf(text, sizeof text, "\"%s\":\"%.*s\"", key, SLICE_ARG(value));
	return strstr(p->record, text) != NULL;
}

static bool is_code(struct slice word)
{
	return word.len >= 3 && word.ptr[0] >= '2' && word.ptr[0] <= '5' && word.ptr[1] >= '.' &&
	       word.ptr[1] <= '9';
}

static bool code_is(const struct play *p, struct slice word)
{
	char code[16];

	snprintf(code, sizeof code, "%u", p->answer.reply.code);
	return slice_equal(word,
	    slice_find(word, '.') < word.len ? slice_str(p->answer.reply.xcode) : slice_str(code));
}

/* Accepting can be silent; everything else is in the record. */
static bool action_is(const struct play *p, struct slice word)
{
	if (slice_equal(word, SLICE("done")))
		return p->answer.kind == ANSWER_DONE;
	if (slice_equal(word, SLICE("held")))
		return p->answer.kind == ANSWER_QUARANTINE;
	if (slice_equal(word, SLICE("goes")))
		return p->answer.kind == ANSWER_CONTINUE;
	if (slice_equal(word, SLICE("accept")) && !p->record[0])
		return p->answer.kind == ANSWER_CONTINUE;
	return record_has(p, "action", word);
}

static bool holds(const struct play *p, struct slice word)
{
	struct slice value = word, key = slice_cut(&value, '=');
	char name[32];

	if (is_code(word))
		return code_is(p, word);
	if (!value.ptr)
		return action_is(p, word);
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(key));
	return value.len > 0 ? record_has(p, name, value) : !strstr(p->record, name);
}

static void on_want(struct play *p, struct slice words)
{
	while (words.len > 0) {
		struct slice word = slice_cut(&words, ' ');
		if (word.len > 0 && !holds(p, word))
			play_fail(p, "not so: ", word);
	}
}

static bool has_edit(const struct play *p, struct slice wanted)
{
	bool begins = wanted.len > 0 && wanted.ptr[wanted.len - 1] == '*';

	for (size_t i = 0; i < p->edit_count; i++) {
		const struct header_edit *e = &p->edits[i];
		char text[2048];
		int n = e->remove
			    ? snprintf(text, sizeof text, "-%.*s %u", SLICE_ARG(e->name), e->index)
			    : snprintf(text, sizeof text, "+%.*s: %.*s", SLICE_ARG(e->name),
				  SLICE_ARG(e->value));
		for (char *c = text; *c; c++)
			if (*c == '\n' || *c == '\t')
				*c = ' ';
		if (begins ? slice_starts(
				 slice_of(text, (size_t)n), slice_of(wanted.ptr, wanted.len - 1))
			   : slice_equal(slice_of(text, (size_t)n), wanted))
			return true;
	}
	return false;
}

static void print_edits(const struct play *p)
{
	for (size_t i = 0; i < p->edit_count; i++)
		fprintf(stderr, "    %c%.*s: %.*s\n", p->edits[i].remove ? '-' : '+',
		    SLICE_ARG(p->edits[i].name), SLICE_ARG(p->edits[i].value));
}

static void on_edit(struct play *p, struct slice wanted, bool there)
{
	if (has_edit(p, wanted) == there)
		return;
	play_fail(p, there ? "no such edit: " : "such an edit: ", wanted);
	print_edits(p);
}

/* Between ";" and ";" or the end, each fold a blank. */
static void on_results(struct play *p, struct slice wanted)
{
	for (size_t i = 0; i < p->edit_count; i++) {
		struct slice rest = p->edits[i].value;

		while (rest.ptr && slice_equal(p->edits[i].name, SLICE("Authentication-Results"))) {
			struct slice part = slice_cut(&rest, ';');
			char text[2048];
			size_t n = 0;

			for (size_t at = 0; at < part.len && n < sizeof text; at++)
				if (part.ptr[at] != '\n')
					text[n++] = part.ptr[at] == '\t' ? ' ' : part.ptr[at];
			if (slice_equal(slice_trim(slice_of(text, n)), wanted))
				return;
		}
	}
	play_fail(p, "no such result: ", wanted);
	print_edits(p);
}

/* Nowhere in an Authentication-Results that is inserted. */
static void on_noresults(struct play *p, struct slice unwanted)
{
	for (size_t i = 0; i < p->edit_count; i++) {
		struct slice rest = p->edits[i].value;

		for (; slice_equal(p->edits[i].name, SLICE("Authentication-Results")) &&
		       rest.len >= unwanted.len && rest.len > 0;
		     rest = slice_skip(rest, 1))
			if (slice_starts(rest, unwanted)) {
				play_fail(p, "such a result: ", unwanted);
				print_edits(p);
				return;
			}
	}
}

static void on_say(struct play *p, struct slice text)
{
	char wanted[REPLY_MAX];

	snprintf(wanted, sizeof wanted, "%.*s", SLICE_ARG(text));
	if (!strstr(p->answer.reply.text, wanted))
		play_fail(p, "the reply is: ", slice_str(p->answer.reply.text));
}

static void on_count(struct play *p, const char *what, unsigned seen, struct slice wanted)
{
	uint64_t n = 0;
	char text[64];

	snprintf(text, sizeof text, "%u", seen);
	if (!slice_to_uint(wanted, 10000, &n) || seen != n)
		play_fail(p, what, slice_str(text));
}

static const char *result_text(enum auth_method method, int result)
{
	if (method == AUTH_SPF && result <= SPFR_PERMERROR)
		return spf_result_text((enum spf_result)result);
	if (method == AUTH_DKIM && result <= DKIM_PERMERROR)
		return dkim_result_name((enum dkim_result)result);
	if (method == AUTH_DMARC && result <= DMARC_V_PERMERROR)
		return dmarc_verdict_name((enum dmarc_verdict)result);
	return "";
}

static void on_found(struct play *p, struct slice words)
{
	static const char *const methods[] = {"spf", "dkim", "dmarc"};
	struct slice method = slice_cut(&words, ' '), result = slice_cut(&words, ' ');
	unsigned found = 0;

	transaction_abort(p->session);
	if (p->policy)
		policy_session_end(p->policy);
	for (int m = 0; m < AUTH_METHOD_COUNT; m++)
		for (int r = 0; r < RESULTS_MAX; r++)
			if (slice_equal(method, slice_str(methods[m])) &&
			    slice_equal(result, slice_str(result_text((enum auth_method)m, r))))
				found += p->found[m][r];
	on_count(p, "results: ", found, words);
}

static void on_hinted(struct play *p, struct slice words)
{
	struct slice number = slice_cut(&words, ' '), name = slice_cut(&words, ' ');
	enum dns_type type = slice_equal(words, SLICE("A")) ? DNS_A : DNS_TXT;

	on_count(p, "hints: ", counting_hinted(&p->counting, name, type), number);
}

static void on_authors(struct play *p, struct slice names)
{
	if (!slice_equal(slice_trim(slice_str(p->authors)), names))
		play_fail(p, "DKIM was told of the authors: ", slice_str(p->authors));
}

bool play_expect(struct play *p, struct slice word, struct slice rest)
{
	if (slice_equal(word, SLICE("want")))
		on_want(p, rest);
	else if (slice_equal(word, SLICE("say")))
		on_say(p, rest);
	else if (slice_equal(word, SLICE("edit")))
		on_edit(p, rest, true);
	else if (slice_equal(word, SLICE("noedit")))
		on_edit(p, rest, false);
	else if (slice_equal(word, SLICE("results")))
		on_results(p, rest);
	else if (slice_equal(word, SLICE("noresults")))
		on_noresults(p, rest);
	else if (slice_equal(word, SLICE("asked")))
		on_count(p, "DNS questions: ", counting_questions(&p->counting), rest);
	else if (slice_equal(word, SLICE("errors")))
		on_count(p, "errors of dnsbls: ", p->list_errors, rest);
	else if (slice_equal(word, SLICE("found")))
		on_found(p, rest);
	else if (slice_equal(word, SLICE("shown")))
		on_count(p, "fields for DKIM: ", p->shown, rest);
	else if (slice_equal(word, SLICE("hinted")))
		on_hinted(p, rest);
	else if (slice_equal(word, SLICE("authors")))
		on_authors(p, rest);
	else
		return false;
	return true;
}
