#include "domain_report_private.h"

#include "core/base/rfc3339.h"
#include "core/base/text.h"
#include "core/base/top_k.h"

#include <stdarg.h>
#include <stdio.h>

uint64_t domain_report_total(const struct domain_report *d, bool monitored)
{
	uint64_t sum = 0;

	for (int family = 0; family < FAMILY_COUNT; family++)
		sum += d->totals[family][monitored];
	return sum;
}

const char *domain_report_kind_name(enum tally_kind kind)
{
	static const char *const names[TALLY_KINDS] = {"Recipients", "Rules", "Clients"};

	return names[kind];
}

const char *domain_report_number(uint64_t n, char out[NUMBER_TEXT_MAX])
{
	char digits[NUMBER_TEXT_MAX];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n), at = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

const char *domain_report_hour_text(int64_t hour, char out[HOUR_TEXT_MAX])
{
	char text[RFC3339_TEXT_MAX]; /* 2026-11-21T05:00:00Z */

	rfc3339_format(hour * 3600, text);
	snprintf(out, HOUR_TEXT_MAX, "%.10s %.5s", text, text + 11);
	return out;
}

size_t domain_report_shown(const struct domain_report *d, enum tally_kind kind)
{
	/* In a flood, keys that came into the list late are noise: less than a thousandth. */
	enum { NEWS = 1000 };
	uint64_t all = domain_report_total(d, false) + domain_report_total(d, true);
	size_t n =
	    d->top_count[kind] < DOMAIN_REPORT_SHOWN ? d->top_count[kind] : DOMAIN_REPORT_SHOWN;

	while (d->top_count[kind] == TALLY_TOP && n > 0 && d->top[kind][n - 1].count < all / NEWS)
		n--;
	return n;
}

uint64_t domain_report_others(const struct domain_report *d, enum tally_kind kind)
{
	uint64_t all = domain_report_total(d, false) + domain_report_total(d, true);

	for (size_t i = 0; i < domain_report_shown(d, kind); i++)
		all -= d->top[kind][i].count < all ? d->top[kind][i].count : all;
	return all;
}

const char *domain_report_others_text(
    const struct domain_report *d, enum tally_kind kind, char out[OTHERS_TEXT_MAX])
{
	char number[NUMBER_TEXT_MAX];
	size_t shown = domain_report_shown(d, kind);
	uint64_t rest = domain_report_others(d, kind), about = d->recipients - shown;

	/* An estimate may be too high; there are no more of them than refusals. */
	about = about < rest ? about : rest;
	if (kind == TALLY_RECIPIENTS && d->recipients > shown)
		snprintf(out, OTHERS_TEXT_MAX, "to about %s%s recipient%s",
		    domain_report_number(about, number), shown ? " more" : "",
		    about == 1 ? "" : "s");
	else if (d->top_count[kind] > shown && !d->recipients)
		snprintf(out, OTHERS_TEXT_MAX, "%zu other%s", d->top_count[kind] - shown,
		    d->top_count[kind] - shown == 1 ? "" : "s");
	else
		snprintf(out, OTHERS_TEXT_MAX, "others");
	return out;
}

const char *domain_report_family_text(enum family family)
{
	switch (family) {
	case FAMILY_BLOCKS:
		return "blocked names and networks";
	case FAMILY_SUSRANGES:
		return "networks that must authenticate";
	case FAMILY_SPF:
		return "failed SPF: the sender's domain does not allow this client";
	case FAMILY_DMARC:
		return "failed DMARC: the author's domain asks for rejection";
	case FAMILY_LIMITS:
		return "limits and internal errors";
	default:
		return family_name(family);
	}
}

/* ---- as text ------------------------------------------------------------------------- */

void domain_report_print(const struct domain_report_sink *sink, const char *format, ...)
{
	char text[DOMAIN_REPORT_PIECE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	sink->put(sink->context, text);
}

static void write_text_reasons(const struct domain_report_sink *sink, const struct domain_report *d)
{
	for (int family = 0; family < FAMILY_COUNT; family++)
		for (int monitored = 0; monitored < 2; monitored++) {
			char number[NUMBER_TEXT_MAX];
			if (d->totals[family][monitored] > 0)
				domain_report_print(sink, "%14s  %s%s\n",
				    domain_report_number(d->totals[family][monitored], number),
				    domain_report_family_text((enum family)family),
				    monitored ? " (monitor mode: accepted)" : "");
		}
}

static void write_text_list(
    const struct domain_report_sink *sink, const struct domain_report *d, enum tally_kind kind)
{
	char number[NUMBER_TEXT_MAX], others[OTHERS_TEXT_MAX], key[TOP_K_KEY_MAX + 1];
	uint64_t rest = domain_report_others(d, kind);

	domain_report_print(sink, "\n%s\n", domain_report_kind_name(kind));
	for (size_t i = 0; i < domain_report_shown(d, kind); i++) {
		domain_report_print(sink, "%14s  %s\n",
		    domain_report_number(d->top[kind][i].count, number),
		    text_shown(d->top[kind][i].key, key, sizeof key));
	}
	if (rest > 0)
		domain_report_print(sink, "%14s  %s\n", domain_report_number(rest, number),
		    domain_report_others_text(d, kind, others));
}

const char *domain_report_sender_text(const struct domain_report_sender *s)
{
	if (s->proven && s->known)
		return "looks legitimate: proven, and known to the recipient";
	if (s->proven)
		return "looks legitimate: its mail was proven (DMARC)";
	return s->known ? "may be legitimate: known to the recipient" : "";
}

static void write_text_senders(const struct domain_report_sink *sink, const struct domain_report *d)
{
	char number[NUMBER_TEXT_MAX], domain[TOP_K_KEY_MAX + 1];

	domain_report_print(sink, "\nSender domains\n");
	for (size_t i = 0; i < d->sender_count && i < DOMAIN_REPORT_SHOWN; i++) {
		const char *why = domain_report_sender_text(&d->senders[i]);

		domain_report_print(sink, "%14s  %s%s%s%s\n",
		    domain_report_number(d->senders[i].count, number),
		    text_shown(d->senders[i].domain, domain, sizeof domain), why[0] ? "  (" : "",
		    why, why[0] ? ")" : "");
	}
	if (d->sender_count > DOMAIN_REPORT_SHOWN)
		domain_report_print(sink, "%14s  and others\n", "");
}

void domain_report_text(
    const struct domain_report *d, void (*put)(void *context, const char *piece), void *context)
{
	struct domain_report_sink sink = {put, context};
	char since[HOUR_TEXT_MAX], until[HOUR_TEXT_MAX], number[NUMBER_TEXT_MAX];

	domain_report_print(&sink, "%.*s, %s to %s UTC: %s refused", SLICE_ARG(d->domain),
	    domain_report_hour_text(d->since, since), domain_report_hour_text(d->until, until),
	    domain_report_number(domain_report_total(d, false), number));
	if (domain_report_total(d, true) > 0)
		domain_report_print(&sink, "; %s%s would have been (monitor mode)",
		    domain_report_number(domain_report_total(d, true), number),
		    domain_report_total(d, false) > 0 ? " more" : "");
	domain_report_print(&sink, "\n");
	if (domain_report_total(d, false) + domain_report_total(d, true) == 0)
		return;
	domain_report_print(&sink, "\nReasons\n");
	write_text_reasons(&sink, d);
	if (d->sender_count > 0)
		write_text_senders(&sink, d);
	for (int kind = 0; kind < TALLY_KINDS; kind++)
		write_text_list(&sink, d, (enum tally_kind)kind);
}
