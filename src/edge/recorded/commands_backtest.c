/* `backtest`: what a change of the rules would have done to recorded mail (SPEC 10). */
#include "backtest_output.h"
#include "edge/config/config.h"
#include "edge/idn/idn.h"
#include "edge/recorded/history_source.h"

#include <time.h>

enum { SINCE_SECONDS = 24 * 3600 };

/* Exit status beside those of every command. */
enum { STATUS_HARMFUL = 3, STATUS_CANNOT_TELL = 4 };

/* Fewer evaluated messages say nothing of the others. */
enum { EVALUATED_MIN = 30 };

/* ---- the command --------------------------------------------------------------------- */

/* Whether what would be refused is within --max-proven N. */
static int judge(struct request *req, const struct backtest_result *r, uint64_t most)
{
	uint64_t evaluated = r->newly_refused - r->newly_refused_unevaluated;

	if (r->newly_refused_proven > most)
		return STATUS_HARMFUL;
	if (r->newly_refused <= most || r->newly_refused_unevaluated == 0)
		return STATUS_OK;
	if (evaluated < EVALUATED_MIN) {
		channel_error(req->channel,
		    "only %llu of the newly refused messages were evaluated: too few to tell how "
		    "many are proven\n",
		    (unsigned long long)evaluated);
		return STATUS_CANNOT_TELL;
	}
	return backtest_proven_bound(r) > most ? STATUS_HARMFUL : STATUS_OK;
}

/* What the rows of the history say, told and judged. */
static int tell(struct request *req, struct history_reader *reader, const struct backtest_result *r,
    const struct history_backtest_told *told, int64_t since_ms)
{
	const char *most = request_text(req, "max_proven");
	uint64_t n = UINT64_MAX;

	if (r->no_memory) {
		channel_error(req->channel, "out of memory: ask for less with --since\n");
		return STATUS_FAILED;
	}
	if (request_switch(req, "json"))
		request_print_json(req, backtest_json(reader, r, told, since_ms));
	else
		backtest_print(req, reader, r, told, since_ms);
	if (most)
		slice_to_uint(slice_str(most), UINT64_MAX, &n);
	return most ? judge(req, r, n) : STATUS_OK;
}

static int run(struct request *req, struct history_reader *reader, const struct ruleset *rules,
    int64_t since_ms)
{
	const struct history_backtest ask = {.before = req->generation->rules,
	    .after = rules,
	    .now = time(NULL),
	    .idna = &idn_lenient,
	    .since_ms = since_ms,
	    .full = request_switch(req, "full")};
	struct history_backtest_told told;
	char why[HISTORY_FIND_WHY_MAX];
	struct backtest *b = history_backtest(reader, &ask, &told, why);
	int status = STATUS_FAILED;

	if (b) {
		history_source_tell(req, &told.scan);
		status = tell(req, reader, backtest_end(b), &told, since_ms);
	} else {
		channel_error(req->channel, "the history cannot be read: %s\n", why);
	}
	backtest_free(&b);
	return status;
}

/* Loads the changed rules aside, and compares. */
static int compare(struct request *req, const char *file, int64_t since_ms)
{
	struct history_reader *reader = history_source_open(req);
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *config =
	    reader && diag ? config_load(file, req->generation->config, diag, &rules) : NULL;
	int status = config ? run(req, reader, rules, since_ms) : STATUS_FAILED;

	if (reader && diag && !config)
		request_print_diag(req, diag);
	ruleset_free(&rules);
	config_free(&config);
	diag_free(&diag);
	history_reader_free(&reader);
	return status;
}

int command_backtest(struct request *req)
{
	const char *file = request_argument(req, 0), *most = request_text(req, "max_proven");
	int64_t since_ms;
	uint64_t n;

	if (most && !slice_to_uint(slice_str(most), UINT64_MAX, &n)) {
		channel_error(req->channel, "--max-proven needs a number\n");
		return STATUS_USAGE;
	}
	if (!history_source_time(req, "since", &since_ms))
		return STATUS_USAGE;
	if (since_ms == 0)
		since_ms = ((int64_t)time(NULL) - SINCE_SECONDS) * 1000;
	return compare(req, file ? file : req->config_path, since_ms);
}
