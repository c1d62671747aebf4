/* Lists that programs write: whether they are taken, and still written. */
#include "edge/doctor/doctor.h"

#include "edge/state/loaded.h"

#include <time.h>

/* As the alert of contrib/prometheus: a program that writes its list daily has missed three. */
enum { OLD_DAYS = 3 };

static void check_taken(struct doctor *d, const struct loaded_feed *f, long days)
{
	struct slice change =
	    f->shrunken ? arena_printf(d->arena,
			      "if its entries are right: susmilterctl reload --take %s", f->rule)
			: arena_printf(d->arena, "repair %s", f->path);

	doctor_add_finding(d, FINDING_WRONG, change.ptr,
	    "the feed %s of \"%s\" is not taken, and what the rule goes on with is %ld day%s old: "
	    "%s",
	    f->path, f->rule, days, days == 1 ? "" : "s", f->why);
}

static void check_feed(struct doctor *d, const struct loaded_feed *f)
{
	long days = (long)((time(NULL) - f->modified) / 86400);

	if (!f->taken)
		check_taken(d, f, days);
	else if (days >= OLD_DAYS)
		doctor_add_finding(d, FINDING_NOTE, NULL,
		    "the feed %s of \"%s\" was not written for %ld days: does its program still "
		    "run?",
		    f->path, f->rule, days);
	else
		doctor_add_finding(
		    d, FINDING_GOOD, NULL, "the feed %s of \"%s\" is taken", f->path, f->rule);
}

void doctor_feeds(struct doctor *d)
{
	for (const struct loaded_feed *f = d->config->loaded->feeds; f; f = f->next)
		check_feed(d, f);
}
