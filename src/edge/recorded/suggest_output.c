#include "suggest_output.h"

#include "core/base/rfc3339.h"
#include "core/suggest/suggest_votes.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

enum { SHOWN = 20, EXPIRES_DAYS = 30, DAY_SECONDS = 86400 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

bool suggest_begin(struct request *req, struct suggest_run *run)
{
	const char *count = request_text(req, "count");
	uint64_t most = SHOWN;

	*run = (struct suggest_run){.req = req, .status = STATUS_USAGE};
	if (count && (!slice_to_uint(slice_str(count), UINT32_MAX, &most) || most == 0)) {
		channel_error(req->channel, "--count must be at least 1\n");
		return false;
	}
	run->most = (size_t)most;
	run->status = STATUS_FAILED;
	if (getrandom(&run->seed, sizeof run->seed, 0) != (ssize_t)sizeof run->seed) {
		channel_error(req->channel, "suggest: no random numbers\n");
		return false;
	}
	if (pthread_mutex_trylock(&one_at_a_time) == 0)
		return true;
	channel_error(req->channel, "another suggest is running: try again when it has ended\n");
	return false;
}

void suggest_end(void)
{
	pthread_mutex_unlock(&one_at_a_time);
}

bool suggest_read(struct suggest_run *run, history_row_fn *each, void *context)
{
	struct history_reader *reader;
	char why[HISTORY_FIND_WHY_MAX];
	int64_t since, until;
	bool ok;

	if (!history_source_time(run->req, "since", &since) ||
	    !history_source_time(run->req, "until", &until))
		return false;
	reader = history_source_open(run->req);
	if (!reader)
		return false;
	ok = history_replay(reader, since, until, false, each, context, &run->scan, why);
	if (ok)
		history_source_tell(run->req, &run->scan);
	else
		channel_error(run->req->channel, "the history cannot be read: %s\n", why);
	history_reader_free(&reader);
	return ok;
}

/* ---- figures ------------------------------------------------------------------------- */

/* "suggested-198-51-100-0-24": what is no letter or digit becomes a hyphen. */
const char *suggest_rule(const char *text, char out[SUGGEST_RULE_MAX])
{
	size_t n = (size_t)snprintf(out, SUGGEST_RULE_MAX, "suggested");
	bool hyphen = true;

	for (; *text && n + 3 < SUGGEST_RULE_MAX; text++) {
		char c = (char)(*text >= 'A' && *text <= 'Z' ? *text | 0x20 : *text);
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (plain && hyphen)
			out[n++] = '-';
		hyphen = !plain;
		if (plain)
			out[n++] = c;
	}
	out[n] = '\0';
	return out;
}

void suggest_print_end(const struct suggest_run *s, bool last)
{
	char date[RFC3339_TEXT_MAX];

	rfc3339_format(time(NULL) + EXPIRES_DAYS * (int64_t)DAY_SECONDS, date);
	channel_print(s->req->channel, "mode = \"monitor\"; expires = \"%.10s\"; }%s\n", date,
	    last ? "" : ",");
}

static double precision_of(uint64_t right, uint64_t wrong)
{
	return right + wrong > 0 ? (double)right / (double)(right + wrong) : 0;
}

/* Rounded down: 0.9999 is not 1. */
static double floored(double share)
{
	return (double)(uint64_t)(share * 10000) / 10000;
}

json_t *suggest_json(const struct suggest_run *s, json_t *candidates)
{
	json_t *oldest = s->scan.oldest_ms ? NULL : json_null();
	char at[RFC3339_TEXT_MAX];

	if (!oldest) {
		rfc3339_format(s->scan.oldest_ms / 1000, at);
		oldest = json_string(at);
	}
	return json_pack("{s:o, s:I, s:I, s:{s:I, s:I, s:f, s:f}, s:I, s:I, s:o}", "candidates",
	    candidates, "found", (json_int_t)s->candidates, "contradicted",
	    (json_int_t)s->contradicted, "held_out", "right", (json_int_t)s->right, "wrong",
	    (json_int_t)s->wrong, "precision", precision_of(s->right, s->wrong), "bound",
	    suggest_bound(s->right, s->right + s->wrong), "rows", (json_int_t)s->scan.rows, "lost",
	    (json_int_t)s->lost, "since", oldest);
}

/* As comments: what is printed can stand in a configuration. */
void suggest_print(const struct suggest_run *s)
{
	char at[RFC3339_TEXT_MAX];

	if (s->scan.oldest_ms == 0) {
		channel_print(s->req->channel, "# The history is empty.\n");
		return;
	}
	rfc3339_format(s->scan.oldest_ms / 1000, at);
	channel_print(s->req->channel,
	    "# %zu candidate%s (%zu shown) by %llu rows since %s.  Chosen by the first two thirds "
	    "of the days,\n# tried on the others: %llu right, %llu wrong",
	    s->candidates, s->candidates == 1 ? "" : "s", s->shown,
	    (unsigned long long)s->scan.rows, at, (unsigned long long)s->right,
	    (unsigned long long)s->wrong);
	if (s->right + s->wrong > 0)
		channel_print(s->req->channel, ", precision %.4f (at least %.4f with 95 %%)",
		    floored(precision_of(s->right, s->wrong)),
		    floored(suggest_bound(s->right, s->right + s->wrong)));
	channel_print(s->req->channel, ".\n");
	if (s->contradicted > 0)
		channel_print(s->req->channel, "# %zu more %s contradicted there and left out.\n",
		    s->contradicted, s->contradicted == 1 ? "was" : "were");
	if (s->lost > 0)
		channel_print(s->req->channel,
		    "# %llu observations had no room in memory: there may be more candidates.\n",
		    (unsigned long long)s->lost);
}

/* "precision at least 0.9912" where it may be claimed. */
const char *suggest_claim(bool claimed, double bound, char out[SUGGEST_CLAIM_MAX])
{
	if (claimed)
		snprintf(out, SUGGEST_CLAIM_MAX, "precision at least 0.99");
	else
		snprintf(
		    out, SUGGEST_CLAIM_MAX, "too few to claim 0.99 (bound %.3f)", floored(bound));
	return out;
}
