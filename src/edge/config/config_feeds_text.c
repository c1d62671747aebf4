/* What is said of a feed: what is left out, why it is not taken, and what the rule does then. */
#include "config_feeds.h"

#include "core/base/line.h"
#include "core/base/rfc3339.h"

#include <stdio.h>

enum { SUMMARY_MAX = 700 };

/* What is left out, in the order of enum feed_fault. */
static const char *const faults[FEED_FAULTS] = {
    [FEED_EXCEPTED] = "taken out by the rule's \"!\"",
    [FEED_UNREADABLE] = "not an entry",
    [FEED_WIDE] = "wider than a feed may be",
    [FEED_WIDE_NAME] = "a name that matches nearly everything",
    [FEED_SIGN] = "\"!\" (allowed only in the configuration)",
    [FEED_PATTERN] = "a pattern (allowed only in the configuration)",
    [FEED_FILE] = "a file (allowed only in the configuration)",
    [FEED_NO_END] = "last line without a newline (still being written?)",
};

/* "3 no entry (lines 4, 9, 12, …: \"foo\" is not an address)" */
static void describe(struct line *l, const struct feed_counts *c, unsigned fault)
{
	size_t n = c->faults[fault];

	line_append(l, "%zu: %s (line%s", n, faults[fault], n == 1 ? "" : "s");
	for (size_t i = 0; i < n && i < FEED_EXAMPLES; i++)
		line_append(l, "%s %u", i ? "," : "", c->examples[fault][i]);
	line_append(l, "%s%s%s)", n > FEED_EXAMPLES ? ", …" : "",
	    fault == FEED_UNREADABLE ? "; first: " : "", fault == FEED_UNREADABLE ? c->why : "");
}

static const char *summary(const struct feed_counts *c, char out[SUMMARY_MAX])
{
	struct line l = line_start(out, SUMMARY_MAX);

	for (unsigned i = FEED_EXCEPTED; i < FEED_FAULTS; i++) {
		if (c->faults[i] == 0)
			continue;
		line_append(&l, "%s", l.len > 0 ? "; " : "");
		describe(&l, c, i);
	}
	return out;
}

static unsigned first_line(const struct feed_counts *c)
{
	unsigned first = 0;

	for (unsigned i = FEED_EXCEPTED; i < FEED_FAULTS; i++)
		if (c->faults[i] > 0 && (first == 0 || c->examples[i][0] < first))
			first = c->examples[i][0];
	return first;
}

void feed_tell_left_out(struct load *load, const struct loaded_feed *f, const struct feed_counts *c)
{
	char text[SUMMARY_MAX];

	if (f->left_out > 0)
		diag_warning(load->diag, (struct origin){f->path, first_line(c)},
		    "%zu of %zu lines of the feed of \"%s\" were left out: %s", f->left_out,
		    c->entries + c->bad, f->rule, summary(c, text));
}

void feed_say_why(struct loaded_feed *f, const struct feed_counts *c, enum feed_verdict v,
    const struct feed_want *w)
{
	size_t lost = f->memory.entries - c->entries;
	char text[SUMMARY_MAX];

	if (v == FEED_TOO_BAD)
		snprintf(f->why, sizeof f->why, "%zu of its %zu lines are bad: %.300s", c->bad,
		    c->entries + c->bad, summary(c, text));
	else if (v == FEED_EMPTY)
		snprintf(f->why, sizeof f->why,
		    "it has no entries, and may_be_empty is not set%s%.250s", c->bad ? "; " : "",
		    summary(c, text));
	else if (v == FEED_SHRUNKEN)
		snprintf(f->why, sizeof f->why,
		    "%zu of its %zu entries are gone (%zu %%, max_shrink = %u); if this is "
		    "correct, "
		    "run susmilterctl reload --take %s",
		    lost, f->memory.entries, lost * 100 / f->memory.entries, w->limits.max_shrink,
		    f->rule);
}

void feed_tell_kept(struct load *load, const struct loaded_feed *f)
{
	char since[RFC3339_TEXT_MAX];

	rfc3339_format(f->modified, since);
	diag_headline(load->diag, (struct origin){f->path, 0},
	    "the feed of \"%s\" is not taken: %s; the rule keeps the %zu entries of %s", f->rule,
	    f->why, f->memory.entries, since);
}

void feed_tell_never_read(struct load *load, const struct feed_want *w, const struct loaded_feed *f)
{
	if (!load->request->live && load->disk_result == COPIES_DENIED)
		diag_headline(load->diag, (struct origin){w->path, 0},
		    "the feed of \"%s\" is not taken: %s; whether the daemon has a copy "
		    "is unknown",
		    f->rule, f->why);
	else
		diag_error(load->diag, w->where,
		    "the feed %s of \"%s\" cannot be taken: %s; it was never read, so there is no "
		    "copy",
		    w->path, f->rule, f->why);
}
