/*
 * The page: one column that a telephone can show and a printer print, charts in SVG, colours by
 * variables for light and dark.
 */
#include "domain_report_private.h"

#include "core/base/text.h"
#include "core/base/top_k.h"

#include <stdio.h>

struct html_page {
	const struct domain_report *report;
	struct domain_report_sink sink;
};

/* Text from outside. */
static void write_escaped(const struct html_page *p, struct slice s)
{
	char shown[TOP_K_KEY_MAX + 1], out[8];

	text_shown(s, shown, sizeof shown);
	for (const char *at = shown; *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
			snprintf(out, sizeof out, "&#%u;", c);
		else
			snprintf(out, sizeof out, "%c", c);
		p->sink.put(p->sink.context, out);
	}
}

static const char style[] =
    ":root{--ink:#1c2530;--soft:#5d6a78;--line:#dde3ea;--paper:#fff;--back:#f3f5f8;"
    "--bar:#c2413b;--barsoft:#f4dcda;--would:#d99a2b}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#9aa7b5;--line:#2f3944;"
    "--paper:#1a2129;--back:#11161c;--bar:#e0655f;--barsoft:#4a2a2a;--would:#e0ad52}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    "main{max-width:52rem;margin:0 auto;padding:1.5rem 1rem 3rem}"
    "h1{font-size:1.6rem;line-height:1.25;margin:.2rem 0;overflow-wrap:anywhere}"
    "h2{font-size:1.05rem;margin:0 0 .8rem}.soft{color:var(--soft);font-size:.9rem;margin:0}"
    "section{background:var(--paper);border:1px solid var(--line);border-radius:.7rem;"
    "padding:1.1rem 1.2rem;margin-top:1rem;break-inside:avoid}"
    ".big{display:flex;flex-wrap:wrap;gap:.6rem 2.4rem}.big b{display:block;font-size:2rem;"
    "line-height:1.2;font-variant-numeric:tabular-nums}"
    "table{width:100%;border-collapse:collapse;table-layout:fixed}"
    "td{padding:.3rem 0;vertical-align:top}td.n{width:7.5rem;text-align:right;"
    "font-variant-numeric:tabular-nums;padding-left:.8rem}"
    "td.k{overflow-wrap:anywhere}td.k i{display:block;height:.35rem;border-radius:.2rem;"
    "background:var(--bar);margin-top:.2rem;min-width:2px;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}td.k i.w{background:var(--would)}"
    "tr.rest td{color:var(--soft)}tr.rest i{opacity:.35}"
    "svg{display:block;width:100%;height:auto}.axis{fill:var(--soft);font-size:11px}"
    ".grid{stroke:var(--line)}.r{fill:var(--bar)}.w{fill:var(--would)}"
    ".key{display:inline-block;width:.75rem;height:.75rem;border-radius:.15rem;"
    "margin:0 .35rem 0 .9rem;vertical-align:-.05rem}"
    "footer{color:var(--soft);font-size:.85rem;margin-top:1.2rem}"
    "@media(max-width:30rem){.axis{font-size:17px}td.n{width:5.4rem}section{padding:.9rem}}"
    "@media print{body{background:#fff;font-size:11pt}main{padding:0}section{border-color:#ccc}}";

/* ---- the chart ----------------------------------------------------------------------- */

/* In units of the drawing; bars are hours, or several together when there are many. */
enum { WIDTH = 760, HEIGHT = 200, LEFT = 76, TOP = 10, BOTTOM = 24, BARS_MAX = 96 };

struct chart_bar {
	uint64_t refused, monitored;
};

/* Hours in one bar. */
static int64_t hours_a_bar(const struct domain_report *d)
{
	int64_t hours = d->until - d->since, step = 1;

	while (hours > step * BARS_MAX)
		step = step < 24 ? (step == 1      ? 3
				       : step == 3 ? 6
				       : step == 6 ? 12
						   : 24)
				 : step + 24;
	return step;
}

/* The smallest of 1, 2, 5, 10, 20, … that is not less. */
static uint64_t round_up(uint64_t n)
{
	static const unsigned steps[] = {1, 2, 5};
	uint64_t ten = 1;

	for (int i = 0; i < 3 * 19; i++) {
		uint64_t step = steps[i % 3] * ten;
		if (step >= n)
			return step;
		ten *= i % 3 == 2 ? 10 : 1;
	}
	return n;
}

static double bar_height(uint64_t n, uint64_t top)
{
	return (double)n / (double)top * (double)(HEIGHT - TOP - BOTTOM);
}

static void draw_axis(const struct html_page *p, uint64_t top)
{
	for (int i = 0; i <= 2; i++) {
		char number[NUMBER_TEXT_MAX];
		double y = (double)TOP + (double)(HEIGHT - TOP - BOTTOM) * (1 - i / 2.0);

		if (i == 1 && top < 2)
			continue;
		domain_report_print(
		    &p->sink, "<line class=grid x1=%d x2=%d y1=%.1f y2=%.1f />", LEFT, WIDTH, y, y);
		domain_report_print(&p->sink,
		    "<text class=axis x=%d y=%.1f text-anchor=end>%s</text>", LEFT - 6, y + 4,
		    domain_report_number(top * (uint64_t)i / 2, number));
	}
}

static void draw_bar(const struct html_page *p, int64_t at, int64_t bars, const struct chart_bar *b,
    uint64_t top, const char *title)
{
	double width = (double)(WIDTH - LEFT) / (double)bars, x = (double)LEFT + width * (double)at;
	double base = HEIGHT - BOTTOM, refused = bar_height(b->refused, top);
	double monitored = bar_height(b->monitored, top);

	domain_report_print(&p->sink, "<g><title>%s: %llu</title>", title,
	    (unsigned long long)(b->refused + b->monitored));
	if (b->refused > 0)
		domain_report_print(&p->sink,
		    "<rect class=r x=%.1f y=%.1f width=%.1f height=%.1f />", x + width * .1,
		    base - refused, width * .8, refused);
	if (b->monitored > 0)
		domain_report_print(&p->sink,
		    "<rect class=w x=%.1f y=%.1f width=%.1f height=%.1f />", x + width * .1,
		    base - refused - monitored, width * .8, monitored);
	domain_report_print(&p->sink, "</g>");
}

static void draw_chart(const struct html_page *p)
{
	const struct domain_report *d = p->report;
	struct chart_bar bars[BARS_MAX + 1] = {{0}};
	int64_t step = hours_a_bar(d), count = (d->until - d->since + step - 1) / step;
	uint64_t top = 1;
	char when[HOUR_TEXT_MAX];

	for (size_t i = 0; i < d->hour_count; i++) {
		struct chart_bar *b = &bars[(d->hours[i].hour - d->since) / step];
		b->refused += d->hours[i].refused;
		b->monitored += d->hours[i].monitored;
		top = b->refused + b->monitored > top ? b->refused + b->monitored : top;
	}
	top = round_up(top);
	domain_report_print(&p->sink,
	    "<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"Refusals over time\">", WIDTH,
	    HEIGHT);
	draw_axis(p, top);
	for (int64_t i = 0; i < count; i++)
		draw_bar(
		    p, i, count, &bars[i], top, domain_report_hour_text(d->since + i * step, when));
	domain_report_print(&p->sink, "<text class=axis x=%d y=%d>%s</text>", LEFT, HEIGHT - 6,
	    domain_report_hour_text(d->since, when));
	domain_report_print(&p->sink,
	    "<text class=axis x=%d y=%d text-anchor=end>%s UTC</text></svg>", WIDTH, HEIGHT - 6,
	    domain_report_hour_text(d->until, when));
	domain_report_print(&p->sink,
	    "<p class=soft>Each bar: %lld hour%s<span class=key style=\"background:var(--bar)\">"
	    "</span>refused<span class=key style=\"background:var(--would)\"></span>would have "
	    "been refused (monitor mode)</p>",
	    (long long)step, step == 1 ? "" : "s");
}

/* ---- tables -------------------------------------------------------------------------- */

static void write_row(const struct html_page *p, const char *class, struct slice key, uint64_t n,
    uint64_t most, bool monitored)
{
	char number[NUMBER_TEXT_MAX];

	domain_report_print(&p->sink, "<tr%s><td class=k>", class);
	write_escaped(p, key);
	domain_report_print(&p->sink,
	    "<i%s style=\"width:%.1f%%\"></i></td><td class=n>%s</td></tr>",
	    monitored ? " class=w" : "", most ? 100.0 * (double)n / (double)most : 0,
	    domain_report_number(n, number));
}

static void write_html_reasons(const struct html_page *p)
{
	const struct domain_report *d = p->report;
	uint64_t all = domain_report_total(d, false) + domain_report_total(d, true);

	domain_report_print(&p->sink, "<section><h2>Reasons</h2><table>");
	for (int family = 0; family < FAMILY_COUNT; family++)
		for (int monitored = 0; monitored < 2; monitored++) {
			char label[160];
			if (d->totals[family][monitored] == 0)
				continue;
			snprintf(label, sizeof label, "%s%s",
			    domain_report_family_text((enum family)family),
			    monitored ? " (monitor mode: accepted)" : "");
			write_row(
			    p, "", slice_str(label), d->totals[family][monitored], all, monitored);
		}
	domain_report_print(&p->sink, "</table></section>");
}

static void write_html_list(const struct html_page *p, enum tally_kind kind)
{
	const struct domain_report *d = p->report;
	uint64_t all = domain_report_total(d, false) + domain_report_total(d, true);
	uint64_t rest = domain_report_others(d, kind);
	char others[OTHERS_TEXT_MAX];

	domain_report_print(&p->sink, "<section><h2>%s</h2><table>", domain_report_kind_name(kind));
	for (size_t i = 0; i < domain_report_shown(d, kind); i++)
		write_row(p, "", d->top[kind][i].key, d->top[kind][i].count, all, false);
	if (rest > 0)
		write_row(p, " class=rest", slice_str(domain_report_others_text(d, kind, others)),
		    rest, all, false);
	domain_report_print(&p->sink, "</table></section>");
}

static void write_html_senders(const struct html_page *p)
{
	const struct domain_report *d = p->report;
	uint64_t all = domain_report_total(d, false) + domain_report_total(d, true);

	domain_report_print(&p->sink, "<section><h2>Sender domains</h2><table>");
	for (size_t i = 0; i < d->sender_count && i < DOMAIN_REPORT_SHOWN; i++) {
		const char *why = domain_report_sender_text(&d->senders[i]);
		char number[NUMBER_TEXT_MAX];

		domain_report_print(&p->sink, "<tr><td class=k>");
		write_escaped(p, d->senders[i].domain);
		domain_report_print(&p->sink,
		    "%s%s<i style=\"width:%.1f%%\"></i></td><td class=n>%s</td></tr>",
		    why[0] ? " \342\200\223 " : "", why,
		    all ? 100.0 * (double)d->senders[i].count / (double)all : 0,
		    domain_report_number(d->senders[i].count, number));
	}
	domain_report_print(&p->sink, "</table></section>");
}

static void write_html_totals(const struct html_page *p)
{
	const struct domain_report *d = p->report;
	char number[NUMBER_TEXT_MAX];

	domain_report_print(&p->sink, "<section class=big><div><b>%s</b>refused</div>",
	    domain_report_number(domain_report_total(d, false), number));
	if (domain_report_total(d, true) > 0)
		domain_report_print(&p->sink,
		    "<div><b>%s</b>would have been refused (monitor mode)</div>",
		    domain_report_number(domain_report_total(d, true), number));
	if (d->recipients > 0)
		domain_report_print(&p->sink, "<div><b>about %s</b>recipients</div>",
		    domain_report_number(d->recipients, number));
	domain_report_print(&p->sink, "</section>");
}

void domain_report_html(const struct domain_report *d, int64_t now,
    void (*put)(void *context, const char *piece), void *context)
{
	struct html_page p = {d, {put, context}};
	char since[HOUR_TEXT_MAX], until[HOUR_TEXT_MAX], made[HOUR_TEXT_MAX];

	domain_report_print(&p.sink,
	    "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
	    "<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>");
	write_escaped(&p, d->domain);
	domain_report_print(&p.sink, ": refused mail</title><style>");
	put(context, style);
	domain_report_print(
	    &p.sink, "</style></head><body><main><p class=soft>Refused mail</p><h1>");
	write_escaped(&p, d->domain);
	domain_report_print(&p.sink, "</h1><p class=soft>%s to %s UTC</p>",
	    domain_report_hour_text(d->since, since), domain_report_hour_text(d->until, until));
	write_html_totals(&p);
	if (domain_report_total(d, false) + domain_report_total(d, true) > 0) {
		domain_report_print(&p.sink, "<section><h2>Over time</h2>");
		draw_chart(&p);
		domain_report_print(&p.sink, "</section>");
		write_html_reasons(&p);
		if (d->sender_count > 0)
			write_html_senders(&p);
		for (int kind = 0; kind < TALLY_KINDS; kind++)
			write_html_list(&p, (enum tally_kind)kind);
	}
	domain_report_print(&p.sink,
	    "<footer>%sGenerated by susmilter, %s UTC. Refused senders got an "
	    "error at once and can contact the postmaster here.</footer></main></body></html>\n",
	    d->folded ? "Refusals of floods that share a record are not in it. "
		      : "Totals are exact. ",
	    domain_report_hour_text(now / 3600, made));
}
