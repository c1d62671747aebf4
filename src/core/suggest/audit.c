#include "core/suggest/audit.h"

#include "core/base/rfc3339.h"

#include <stdio.h>
#include <stdlib.h>

enum { DAY_SECONDS = 86400 };

/* "2026-11-30" */
enum { DATE_CHARS = 10 };

/* ---- life ---------------------------------------------------------------------------- */

struct audit *audit_create(uint64_t seed, const struct idna *idna, int32_t today)
{
	struct audit *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	*a = (struct audit){.today = today};
	a->domains = suggest_domains_create(seed, idna, false);
	if (!a->domains)
		audit_free(&a);
	return a;
}

void audit_free(struct audit **audit)
{
	struct audit *a = *audit;

	if (!a)
		return;
	suggest_domains_free(&a->domains);
	free(a->domain);
	free(a->asked);
	free(a);
	*audit = NULL;
}

/* What is known of an address's domain; NULL when it has none, or there is no room. */
static struct audit_domain *domain_of(struct audit *a, struct slice address)
{
	uint32_t n = suggest_domains_add(a->domains, address), room = a->room ? a->room : 1024;
	struct audit_domain *domain;

	if (n == SUGGEST_NO_DOMAIN)
		return NULL;
	while (room <= n)
		room *= 2;
	if (room > a->room) {
		domain = realloc(a->domain, room * sizeof *domain);
		if (!domain) {
			a->no_memory = true;
			return NULL;
		}
		memset(domain + a->room, 0, (room - a->room) * sizeof *domain);
		a->domain = domain;
		a->room = room;
	}
	a->count = n >= a->count ? n + 1 : a->count;
	return &a->domain[n];
}

/* ---- the state ----------------------------------------------------------------------- */

static bool has_day(const struct audit_domain *d, int32_t day)
{
	for (unsigned i = 0; i < d->days; i++)
		if (d->day[i] == day)
			return true;
	return false;
}

static void add_day(struct audit_domain *d, int32_t day)
{
	if (has_day(d, day))
		return;
	if (d->days == AUDIT_DAYS_KEPT)
		memmove(d->day, d->day + 1, --d->days * sizeof d->day[0]);
	d->day[d->days++] = day;
}

static bool parse_date(struct slice word, int32_t *day)
{
	char text[DATE_CHARS + sizeof "T00:00:00Z"];
	int64_t seconds;

	if (word.len != DATE_CHARS)
		return false;
	snprintf(text, sizeof text, "%.*sT00:00:00Z", SLICE_ARG(word));
	if (!rfc3339_parse(slice_str(text), &seconds))
		return false;
	*day = (int32_t)(seconds / DAY_SECONDS);
	return true;
}

/* Days that are to come were written under another clock: they say nothing. */
static bool read_line(struct audit *a, struct slice line)
{
	struct audit_domain *d = domain_of(a, slice_word(&line));
	int32_t day;

	while (d && line.len > 0) {
		if (!parse_date(slice_word(&line), &day))
			return false;
		if (day <= a->today && day > a->today - AUDIT_FORGOTTEN)
			add_day(d, day);
	}
	return d;
}

void audit_read(struct audit *a, struct slice text)
{
	while (text.len > 0) {
		struct slice line = slice_trim(slice_cut(&text, '\n'));

		if (line.len > 0 && line.ptr[0] != '#')
			a->bad_lines += !read_line(a, line);
	}
}

struct slice audit_write(const struct audit *a, struct arena *arena)
{
	/* A name, a blank and a date for each day, and a line end. */
	enum { LINE_MAX_CHARS = NAME_MAX_OCTETS + AUDIT_DAYS_KEPT * (DATE_CHARS + 1) + 1 };
	static const char head[] =
	    "# Domains that did not exist, and when: susmilterctl audit domains\n";
	size_t lines = 0, len = sizeof head - 1;
	char *out, date[RFC3339_TEXT_MAX];

	for (uint32_t i = 0; i < a->count; i++)
		lines += a->domain[i].days > 0;
	out = arena_alloc(arena, len + lines * LINE_MAX_CHARS + 1);
	if (!out)
		return slice_of(NULL, 0);
	memcpy(out, head, len);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct audit_domain *d = &a->domain[i];
		struct slice name = suggest_domains_name(a->domains, i);

		if (d->days == 0)
			continue;
		memcpy(out + len, name.ptr, name.len);
		len += name.len;
		for (unsigned k = 0; k < d->days; k++) {
			rfc3339_format(d->day[k] * (int64_t)DAY_SECONDS, date);
			out[len++] = ' ';
			memcpy(out + len, date, DATE_CHARS);
			len += DATE_CHARS;
		}
		out[len++] = '\n';
	}
	return slice_of(out, len);
}

/* ---- rows ---------------------------------------------------------------------------- */

/* Volume is counted at RCPT, where each message has a row for each recipient. */
void audit_row(struct audit *a, const struct decision_row *row)
{
	struct slice address[AUDIT_PARTIES] = {
	    [AUDIT_SENDER] = row->text[ROW_SENDER], [AUDIT_RECIPIENT] = row->text[ROW_RECIPIENT]};
	struct audit_domain *d;

	if (row->stage == STAGE_END && decision_row_is_proven(row)) {
		d = domain_of(a, row->text[ROW_FROM]);
		if (d)
			d->proven += row->count;
	}
	for (int party = 0; party < AUDIT_PARTIES && row->stage == STAGE_RCPT; party++) {
		d = address[party].len > 0 ? domain_of(a, address[party]) : NULL;
		if (d)
			d->messages[party] += row->count;
	}
}

/* ---- whom to ask about --------------------------------------------------------------- */

struct ranked {
	uint64_t first, second; /* what ranks it, the highest first */
	uint32_t domain;
};

static int highest_first(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->first != other->first)
		return one->first > other->first ? -1 : 1;
	if (one->second != other->second)
		return one->second > other->second ? -1 : 1;
	return (one->domain > other->domain) - (one->domain < other->domain);
}

/* The domains of which most proven mail came. */
static void choose_witnesses(struct audit *a, struct ranked *ranked)
{
	for (uint32_t i = 0; i < a->count; i++)
		ranked[i] = (struct ranked){a->domain[i].proven, 0, i};
	qsort(ranked, a->count, sizeof *ranked, highest_first);
	for (uint32_t i = 0; i < a->count && ranked[i].first > 0 && i < AUDIT_WITNESSES; i++)
		a->asked[a->asks++] = ranked[i].domain;
	a->witnesses = (unsigned)a->asks;
}

static bool is_witness(const struct audit *a, uint32_t domain)
{
	for (unsigned i = 0; i < a->witnesses; i++)
		if (a->asked[i] == domain)
			return true;
	return false;
}

bool audit_choose(struct audit *a, size_t most)
{
	struct ranked *ranked = malloc((a->count + 1UL) * sizeof *ranked);

	a->asked = malloc((a->count + 1UL) * sizeof *a->asked);
	if (!ranked || !a->asked) {
		free(ranked);
		return false;
	}
	choose_witnesses(a, ranked);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct audit_domain *d = &a->domain[i];

		ranked[i] = (struct ranked){
		    d->days > 0, d->messages[AUDIT_SENDER] + d->messages[AUDIT_RECIPIENT], i};
	}
	if (a->count > 1)
		qsort(ranked, a->count, sizeof *ranked, highest_first);
	for (uint32_t i = 0; i < a->count && (ranked[i].first > 0 || most > 0); i++) {
		if (is_witness(a, ranked[i].domain))
			continue;
		most -= ranked[i].first == 0;
		a->asked[a->asks++] = ranked[i].domain;
	}
	free(ranked);
	return true;
}

/* ---- answers ------------------------------------------------------------------------- */

enum audit_answer audit_judge(enum dns_status mx, enum dns_status a, enum dns_status aaaa)
{
	const enum dns_status all[] = {mx, a, aaaa};
	enum audit_answer answer = AUDIT_ABSENT;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (all[i] == DNS_OK)
			return AUDIT_EXISTS;
		if (all[i] != DNS_NODATA && all[i] != DNS_NXDOMAIN)
			answer = AUDIT_UNKNOWN;
	}
	return answer;
}

void audit_note(struct audit *a, unsigned resolver, uint32_t domain, enum audit_answer answer)
{
	a->domain[domain].said[resolver] = answer;
	a->resolvers = resolver >= a->resolvers ? resolver + 1 : a->resolvers;
}

/* Finds more than half of the witnesses, or without any at least one domain. */
static bool is_credible(const struct audit *a, unsigned resolver)
{
	size_t of = a->witnesses > 0 ? a->witnesses : a->asks, exist = 0;

	for (size_t i = 0; i < of; i++)
		exist += a->domain[a->asked[i]].said[resolver] == AUDIT_EXISTS;
	return a->witnesses > 0 ? exist * 2 > of : exist > 0;
}

static enum audit_answer all_say(const struct audit *a, const struct audit_domain *d)
{
	enum audit_answer answer = a->resolvers > 0 ? AUDIT_ABSENT : AUDIT_UNKNOWN;

	for (unsigned r = 0; r < a->resolvers; r++) {
		if (d->said[r] == AUDIT_EXISTS)
			return AUDIT_EXISTS;
		if (d->said[r] != AUDIT_ABSENT || !a->credible[r])
			answer = AUDIT_UNKNOWN;
	}
	return answer;
}

void audit_decide(struct audit *a)
{
	for (unsigned r = 0; r < a->resolvers; r++)
		a->credible[r] = is_credible(a, r);
	for (size_t i = 0; i < a->asks; i++) {
		struct audit_domain *d = &a->domain[a->asked[i]];

		d->now = all_say(a, d);
		if (d->now == AUDIT_EXISTS)
			d->days = 0;
		else if (d->now == AUDIT_ABSENT)
			add_day(d, a->today);
	}
}

bool audit_is_listed(const struct audit_domain *d)
{
	return d->days >= AUDIT_DAYS_LISTED;
}
