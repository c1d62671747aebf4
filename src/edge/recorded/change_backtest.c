#include "edge/recorded/change_backtest.h"

#include "backtest_output.h"
#include "edge/config/config.h"
#include "edge/idn/idn.h"

#include <time.h>

/* Two seconds, of which the rest is for a segment that is being read when the time is over. */
enum { BUDGET_MS = 1700, SINCE_SECONDS = 24 * 3600 };

struct day {
	struct history_reader *reader;
	struct history_backtest_told told;
	struct backtest *backtest;
	int64_t since_ms;
};

static void end_day(struct day *d)
{
	backtest_free(&d->backtest);
	history_reader_free(&d->reader);
}

/* False without a history, or after a complaint. */
static bool try_day(
    struct request *req, const struct ruleset *before, const struct ruleset *after, struct day *d)
{
	const char *directory = req->generation ? req->generation->config->history_directory : "";
	struct history_backtest ask = {.before = before,
	    .after = after,
	    .now = time(NULL),
	    .idna = &idn_lenient,
	    .budget_ms = BUDGET_MS};
	char why[HISTORY_FIND_WHY_MAX];

	*d = (struct day){.since_ms = (ask.now - SINCE_SECONDS) * 1000};
	ask.since_ms = d->since_ms;
	if (directory[0] == '\0')
		return false;
	d->reader = history_reader_open(directory, why);
	if (d->reader)
		d->backtest = history_backtest(d->reader, &ask, &d->told, why);
	if (d->backtest)
		return true;
	channel_error(req->channel, "no backtest: the history cannot be read: %s\n", why);
	end_day(d);
	return false;
}

static void print_figures(struct request *req, const struct backtest_result *r)
{
	channel_print(req->channel, "%llu newly refused (%llu proven), %llu newly accepted",
	    (unsigned long long)r->newly_refused, (unsigned long long)r->newly_refused_proven,
	    (unsigned long long)r->newly_accepted);
}

void change_backtest_print(
    struct request *req, const struct ruleset *before, const struct ruleset *after)
{
	const struct backtest_result *r;
	struct day d;

	if (!try_day(req, before, after, &d))
		return;
	r = backtest_end(d.backtest);
	channel_print(req->channel, "backtest of the last 24 hours: ");
	if (d.told.finished) {
		print_figures(req, r);
		channel_print(req->channel, ", %llu unknown of %llu messages; %.2f s\n",
		    (unsigned long long)r->unknown, (unsigned long long)r->messages,
		    d.told.seconds);
	} else {
		channel_print(req->channel,
		    "not finished within 2 s: %llu of about %llu rows, at least ",
		    (unsigned long long)r->rows, (unsigned long long)d.told.about);
		print_figures(req, r);
		channel_print(req->channel, "; run susmilterctl backtest\n");
	}
	end_day(&d);
}

/* What is known when the time is over. */
static json_t *unfinished_json(const struct backtest_result *r, const struct day *d)
{
	return json_pack("{s:b, s:I, s:I, s:{s:I, s:I, s:I}, s:f}", "finished", 0, "rows_so_far",
	    (json_int_t)r->rows, "rows_about", (json_int_t)d->told.about, "at_least",
	    "newly_refused", (json_int_t)r->newly_refused, "newly_refused_proven",
	    (json_int_t)r->newly_refused_proven, "newly_accepted", (json_int_t)r->newly_accepted,
	    "seconds", d->told.seconds);
}

json_t *change_backtest_json(
    struct request *req, const struct ruleset *before, const struct ruleset *after)
{
	const struct backtest_result *r;
	struct day d;
	json_t *o;

	if (!try_day(req, before, after, &d))
		return json_null();
	r = backtest_end(d.backtest);
	if (d.told.finished) {
		o = backtest_json(d.reader, r, &d.told, d.since_ms);
		json_object_set_new(o, "finished", json_true());
	} else {
		o = unfinished_json(r, &d);
	}
	end_day(&d);
	return o;
}
