#include "core/change/table_diff.h"
#include "core/rules/survey_text.h"

static void add_examples(struct line *l, const struct prefix *list, unsigned count, bool *first)
{
	char text[PREFIX_TEXT_MAX];

	for (unsigned i = 0; i < count; i++) {
		prefix_format(&list[i], text);
		line_append(l, "%s%s", *first ? ": " : ", ", text);
		*first = false;
	}
}

static bool change_text(const struct table_diff_change *c, const char *what,
    void (*each)(void *context, const char *line), void *context)
{
	char text[SURVEY_LINE_MAX];
	struct line l = line_start(text, sizeof text);
	bool first = true;

	if (c->largest_v4_count + c->largest_v6_count == 0)
		return false;
	line_append(&l, "susranges would %s ", what);
	survey_append_space(&l, c->ipv4, c->ipv6);
	add_examples(&l, c->largest_v4, c->largest_v4_count, &first);
	add_examples(&l, c->largest_v6, c->largest_v6_count, &first);
	each(context, text);
	return true;
}

void table_diff_text(
    const struct table_diff *d, void (*each)(void *context, const char *line), void *context)
{
	bool refused = change_text(&d->refused, "newly refuse", each, context);
	bool released = change_text(&d->released, "no longer refuse", each, context);

	if (!refused && !released)
		each(context, "susranges refuses the same addresses");
}
