#include "fake/decisions.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PROVIDERS = 8,
	COMPANIES = 20000,
	NEWSLETTERS = 400,
	LOCALS = 60000,
	DOMAINS = 300,
	SPAM_NETS = 4000
};
#define BEGIN_MS INT64_C(1793491200000) /* 2026-11-01 */

enum kind { KIND_PROVIDER, KIND_COMPANY, KIND_NEWSLETTER, KIND_SPAM };

struct decisions {
	uint64_t state;
	int64_t now_us, step_us;
	unsigned number;
	/* one mail, while it has rows to come */
	enum kind kind;
	unsigned recipients, told;
	bool refused, ended;
	unsigned long client;
	char session[17], queue[16], name[96], helo[96], sender[160], from[160], recipient[160],
	    dkim[200], reply[200];
	char rule[24];
};

static uint64_t draw(struct decisions *d)
{
	d->state ^= d->state << 13;
	d->state ^= d->state >> 7;
	d->state ^= d->state << 17;
	return d->state * UINT64_C(0x2545f4914f6cdd1d) >> 16;
}

/* Of n things the first ones far more often, as with Zipf. */
static unsigned popular(struct decisions *d, unsigned n)
{
	double u = (double)(draw(d) % 1000000 + 1) / 1000000.0;

	return (unsigned)((double)n * u * u * u * 0.999999);
}

static const char *const providers[PROVIDERS] = {"google.com", "outlook.com", "yahoo.com",
    "gmx.net", "icloud.com", "web.de", "qq.com", "proton.me"};

static void word(struct decisions *d, uint64_t n, char *out, size_t size)
{
	static const char *const syllables[] = {"an", "ber", "co", "del", "es", "fi", "gor", "hal",
	    "in", "jo", "ka", "lem", "mar", "no", "or", "pe", "qui", "ros", "sa", "tu", "ul", "vi",
	    "wen", "xa", "yo", "zet", "ste", "bra", "cla", "dro", "gre", "pla"};
	size_t len = 0;

	(void)d;
	for (int i = 0; i < 4 && (n > 0 || i < 2); i++, n /= 32)
		len += (size_t)snprintf(out + len, size - len, "%s", syllables[n % 32]);
}

static void local_part(struct decisions *d, char *out, size_t size)
{
	char first[24], last[24];
	uint64_t n = popular(d, LOCALS);

	word(d, n, first, sizeof first);
	word(d, n * 7919 % 100003, last, sizeof last);
	if (n % 3 == 0)
		snprintf(out, size, "%s.%s", first, last);
	else if (n % 3 == 1)
		snprintf(out, size, "%s%u", first, (unsigned)(n % 100));
	else
		snprintf(out, size, "%s", last);
}

static void recipient(struct decisions *d)
{
	char local[64], domain[24];
	unsigned n = popular(d, DOMAINS);

	local_part(d, local, sizeof local);
	word(d, n + 1000, domain, sizeof domain);
	snprintf(d->recipient, sizeof d->recipient, "%s@%s%s", local, domain,
	    n % 2 ? ".de" : ".example.net");
}

static void base32(struct decisions *d, char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = "abcdefghijklmnopqrstuvwxyz234567"[draw(d) % 32];
	out[n] = '\0';
}

static void from_provider(struct decisions *d)
{
	unsigned provider = popular(d, PROVIDERS), host = (unsigned)(draw(d) % 500);
	const char *domain = provider == 0 ? "gmail.com" : providers[provider];
	char local[64];

	local_part(d, local, sizeof local);
	d->client = 0x40000000UL + provider * 0x100000UL + host;
	snprintf(d->name, sizeof d->name, "mail-%c%u-f%u.%s", "abcdefgh"[host % 8], host,
	    host % 10 + 40, providers[provider]);
	snprintf(d->helo, sizeof d->helo, "%s", d->name);
	snprintf(d->sender, sizeof d->sender, "%s@%s", local, domain);
	snprintf(d->from, sizeof d->from, "%s", d->sender);
	snprintf(d->dkim, sizeof d->dkim, "pass:%s", domain);
}

static void from_company(struct decisions *d)
{
	unsigned n = popular(d, COMPANIES);
	char local[64], domain[48];

	local_part(d, local, sizeof local);
	word(d, n + 5000, domain, sizeof domain);
	d->client = 0x50000000UL + n * 16UL + (unsigned)(draw(d) % 3);
	snprintf(d->name, sizeof d->name, "mx%lu.%s.com", d->client % 16, domain);
	snprintf(d->helo, sizeof d->helo, n % 4 ? "%s" : "%.0sexchange.local", d->name);
	snprintf(d->sender, sizeof d->sender, "%s@%s.com", local, domain);
	snprintf(d->from, sizeof d->from, "%s", d->sender);
	snprintf(d->dkim, sizeof d->dkim, n % 3 ? "pass:%s.com" : "%.0s", domain);
}

static void from_newsletter(struct decisions *d)
{
	unsigned n = popular(d, NEWSLETTERS);
	char domain[48], tag[24];

	word(d, n + 9000, domain, sizeof domain);
	base32(d, tag, 12);
	d->client = 0x60000000UL + n * 64UL + (unsigned)(draw(d) % 20);
	snprintf(d->name, sizeof d->name, "o%lu.mta.%s.com", d->client % 64, domain);
	snprintf(d->helo, sizeof d->helo, "%s", d->name);
	snprintf(d->sender, sizeof d->sender, "bounce+%s@em.%s.com", tag, domain);
	snprintf(d->from, sizeof d->from, "news@%s.com", domain);
	snprintf(d->dkim, sizeof d->dkim, "pass:%s.com pass:sendgrid.net", domain);
}

static void from_spammer(struct decisions *d)
{
	unsigned net = popular(d, SPAM_NETS);
	char local[64], domain[48];

	local_part(d, local, sizeof local);
	word(d, draw(d) % 30000, domain, sizeof domain);
	d->client = 0x70000000UL + net * 256UL + (unsigned)(draw(d) % 200);
	d->refused = draw(d) % 100 < 90;
	d->name[0] = '\0';
	if (net % 2)
		snprintf(d->name, sizeof d->name, "%lu-%lu-%lu-%lu.dyn.isp%u.example",
		    d->client >> 24, d->client >> 16 & 255, d->client >> 8 & 255, d->client & 255,
		    net % 50);
	snprintf(d->helo, sizeof d->helo, net % 3 ? "%s.click" : "win-%s", domain);
	snprintf(d->sender, sizeof d->sender, "%s@%s.click", local, domain);
	snprintf(d->from, sizeof d->from, "%s", d->sender);
	snprintf(d->rule, sizeof d->rule, "range-%u", net % 40);
	d->dkim[0] = '\0';
}

static void next_mail(struct decisions *d)
{
	static void (*const makers[])(struct decisions *) = {
	    [KIND_PROVIDER] = from_provider,
	    [KIND_COMPANY] = from_company,
	    [KIND_NEWSLETTER] = from_newsletter,
	    [KIND_SPAM] = from_spammer,
	};
	unsigned share = (unsigned)(draw(d) % 100);

	d->kind = share < 20   ? KIND_PROVIDER
		  : share < 35 ? KIND_COMPANY
		  : share < 55 ? KIND_NEWSLETTER
			       : KIND_SPAM;
	d->refused = d->ended = false;
	makers[d->kind](d);
	d->recipients = draw(d) % 10 ? 1 : 2 + (unsigned)(draw(d) % 3);
	d->told = 0;
	base32(d, d->session, 16);
	snprintf(d->queue, sizeof d->queue, "4%08lX", (unsigned long)(draw(d) & 0xffffffffUL));
}

struct decisions *decisions_create(uint64_t seed)
{
	struct decisions *d = calloc(1, sizeof *d);

	if (!d)
		abort();
	d->state = seed * 2654435761 + 88172645463325252;
	d->now_us = BEGIN_MS * 1000;
	decisions_pace(d, 100);
	d->ended = true;
	return d;
}

void decisions_free(struct decisions **d)
{
	free(*d);
	*d = NULL;
}

void decisions_pace(struct decisions *d, unsigned per_second)
{
	d->step_us = 1000000 / (per_second ? per_second : 1);
}

static void set_text(struct decision_row *row, enum decision_text which, const char *text)
{
	row->text[which] = slice_str(text);
	if (which <= ROW_RECIPIENT)
		row->state[which] = text[0] ? FACT_KNOWN : FACT_ABSENT;
}

static void set_results(struct decisions *d, struct decision_row *row)
{
	row->dkim_state = row->author_state = row->dmarc_state = FACT_KNOWN;
	row->author = FROM_ONE;
	set_text(row, ROW_FROM, d->from);
	set_text(row, ROW_DKIM, d->dkim);
	row->dmarc = d->dkim[0] ? DMARC_V_PASS : d->kind == KIND_SPAM ? DMARC_V_FAIL : DMARC_V_NONE;
}

static void set_refusal(struct decisions *d, struct decision_row *row)
{
	row->final = true;
	row->action = ACTION_REJECT;
	row->family = FAMILY_SUSRANGES;
	row->reason = REASON_RULE;
	row->code = 550;
	row->has_network = true;
	row->network = prefix_of(&row->client, d->kind == KIND_SPAM ? 22 : 24);
	set_text(row, ROW_RULE, d->rule);
	snprintf(d->reply, sizeof d->reply,
	    "5.7.1 Unauthenticated mail not allowed from this range (\3, %s) https://help/\1",
	    d->rule);
	set_text(row, ROW_REPLY, d->reply);
}

void decisions_begin(struct decisions *d, int64_t ms)
{
	d->now_us = ms * 1000;
}

void decisions_next(struct decisions *d, struct decision_row *row)
{
	unsigned char address[4];
	bool end;

	if (d->ended)
		next_mail(d);
	end = d->told == d->recipients;
	if (!end)
		recipient(d);
	d->told++;
	d->ended = end || (d->refused && d->told == d->recipients);
	d->now_us += d->step_us / 2 + (int64_t)(draw(d) % (uint64_t)(d->step_us + 1));
	*row = (struct decision_row){
	    .time_ms = d->now_us / 1000,
	    .took_us = (uint32_t)(100 + draw(d) % 400 + (draw(d) % 20 ? 0 : draw(d) % 100000)),
	    .number = ++d->number,
	    .count = 1,
	    .stage = end ? STAGE_END : STAGE_RCPT,
	    .transaction = 1,
	    .generation = 7,
	    .asn = (uint32_t)(d->client >> 12) + 1000,
	    .country = "DE",
	    .tls = TLS_1_3,
	    .auth_state = FACT_ABSENT,
	    .spf_state = d->refused ? FACT_UNKNOWN : FACT_KNOWN,
	    .spf = d->kind == KIND_SPAM ? SPFR_SOFTFAIL : SPFR_PASS,
	};
	for (int i = 0; i < 4; i++)
		address[i] = (unsigned char)(d->client >> (24 - 8 * i));
	row->client = ip_from_v4(address);
	set_text(row, ROW_SESSION, d->session);
	set_text(row, ROW_CLIENT_NAME, d->name);
	set_text(row, ROW_HELO, d->helo);
	set_text(row, ROW_SENDER, d->sender);
	set_text(row, ROW_RECIPIENT, d->recipient);
	if (end)
		set_text(row, ROW_QUEUE_ID, d->queue);
	if (end)
		set_results(d, row);
	if (d->refused)
		set_refusal(d, row);
}
