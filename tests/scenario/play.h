#ifndef SCENARIO_PLAY_H
#define SCENARIO_PLAY_H
/*
 * play: the state of a scenario while it is read; play.c makes things happen, expect.c looks at
 * what came of them.
 */
#include "core/session/policy_session.h"
#include "core/session/transaction.h"
#include "core/stats/decision_text.h"
#include "edge/config/config.h"
#include "edge/dns/zone.h"
#include "fake/counting.h"

enum { SIGNATURES_MAX = 5, SPLIT_MEMORY_MAX = 64, TEXT_MAX = 64 * 1024, RESULTS_MAX = 8 };

struct play {
	const char *file;
	unsigned line, passed, failed, generation;
	char title[256];
	char directory[64];
	char conf[TEXT_MAX], shared_conf[TEXT_MAX];
	struct zone *zone;
	char shared_dns[TEXT_MAX];
	bool in_case, case_failed, case_over;
	struct config *config;
	struct ruleset *rules;
	struct env env;
	struct session *session;
	struct policy_session *policy; /* NULL until the first `ask` */
	struct dns dns;
	struct counting counting;
	int64_t now;
	char auth[256], reads[256], tls[64];
	bool gives_tls;
	struct dkim_signature_result signatures[SIGNATURES_MAX];
	size_t signature_count;
	char signature_domains[SIGNATURES_MAX][256];
	bool no_dns, no_dkim, no_headers, no_body, slow_spf;
	bool sampled;       /* every message is evaluated for the history, too */
	unsigned evaluated; /* rows of the history that got results by that */
	unsigned shown;
	char authors[1024]; /* told to DKIM at the end of the header, each with a blank */
	unsigned found[AUTH_METHOD_COUNT][RESULTS_MAX]; /* told of messages that have ended */
	char mta[256];
	uint64_t splits[SPLIT_MEMORY_MAX];
	unsigned split_count;
	bool list_in_use[DNSBLS_MAX]; /* by what its test points said last */
	unsigned list_errors;
	struct answer answer;
	char record[RECORD_JSON_MAX]; /* of the last decision */
	const struct header_edit *edits;
	size_t edit_count;
};

/* The case has failed, and why; told at once. */
void play_fail(struct play *, const char *what, struct slice detail);

/* Lines that want something of the last answer; false when the word is none of them. */
bool play_expect(struct play *, struct slice word, struct slice rest);

#endif
