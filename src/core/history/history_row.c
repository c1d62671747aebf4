#include "core/history/history_row.h"

/* Bits of an item of a verdict. */
enum { BIT_FINAL = 1, BIT_WOULD = 2, BIT_NETWORK = 4, BIT_IDENTITY = 8, BITS = 15 };

/* ---- pack ---------------------------------------------------------------------------- */

struct packer {
	struct history_dictionary *dictionary;
	struct history_buffer *scratch;
	const struct decision_row *row;
	bool failed;
};

/* The number of a text; of an empty one `otherwise`. */
static uint64_t pack_text_as(
    struct packer *p, enum history_item kind, enum decision_text which, uint64_t otherwise)
{
	struct slice text = p->row->text[which];
	uint64_t number;

	if (text.len == 0)
		return otherwise;
	number = history_dictionary_add(p->dictionary, kind, text);
	p->failed |= number == 0;
	return number;
}

static uint64_t pack_text(struct packer *p, enum decision_text which, uint64_t otherwise)
{
	return pack_text_as(p, HISTORY_TEXT, which, otherwise);
}

static void put(struct packer *p, uint64_t value)
{
	p->failed |= !history_varint_append(p->scratch, value);
}

static void put_ip(struct packer *p, const struct ip *ip)
{
	unsigned char bytes[16];

	put(p, (uint64_t)ip->family);
	p->failed |= !history_buffer_append(p->scratch, bytes, ip_to_bytes(ip, bytes));
}

static uint64_t pack_item(struct packer *p, enum history_item kind)
{
	uint64_t number = history_dictionary_add(
	    p->dictionary, kind, slice_of((const char *)p->scratch->bytes, p->scratch->len));

	p->failed |= number == 0;
	return number;
}

static uint64_t pack_identity(struct packer *p, enum identity_kind kind)
{
	return pack_text(p, (enum decision_text)kind, p->row->state[kind]);
}

static uint64_t pack_client(struct packer *p)
{
	uint64_t name = pack_identity(p, IDENTITY_CLIENT_NAME);

	p->scratch->len = 0;
	put_ip(p, &p->row->client);
	put(p, p->row->asn);
	p->failed |= !history_buffer_append(p->scratch, p->row->country, 2);
	put(p, name);
	return pack_item(p, HISTORY_CLIENT_ITEM);
}

static uint64_t pack_verdict(struct packer *p)
{
	const struct decision_row *row = p->row;
	uint64_t rule = pack_text(p, ROW_RULE, 0), entry = pack_text(p, ROW_ENTRY, 0),
		 reply = pack_text(p, ROW_REPLY, 0);

	p->scratch->len = 0;
	put(p, (row->final ? BIT_FINAL : 0) | (row->monitored ? BIT_WOULD : 0) |
		   (row->has_network ? BIT_NETWORK : 0) | (row->has_identity ? BIT_IDENTITY : 0));
	put(p, row->stage);
	put(p, row->action);
	put(p, row->family);
	put(p, row->reason);
	put(p, row->withdrawn);
	put(p, row->code);
	put(p, row->generation);
	put(p, rule);
	put(p, entry);
	put(p, reply);
	if (row->has_identity)
		put(p, row->identity);
	if (row->has_network) {
		put_ip(p, &row->network.base);
		put(p, row->network.length);
	}
	return pack_item(p, HISTORY_VERDICT_ITEM);
}

static uint64_t pack_spf(const struct decision_row *row)
{
	return row->spf_state | (uint64_t)row->spf_late << 3 |
	       (uint64_t)row->spf_sends_no_mail << 4 | (uint64_t)row->spf << 5;
}

static uint64_t pack_dmarc(const struct decision_row *row)
{
	return row->dmarc_state | (uint64_t)row->dmarc << 3 | (uint64_t)row->dmarc_published << 6 |
	       (uint64_t)row->dmarc_policy << 8 | (uint64_t)row->dmarc_may_be_aligned << 10;
}

bool history_row_pack(struct history_dictionary *dictionary, struct history_buffer *scratch,
    const struct decision_row *row, uint64_t v[HISTORY_COLUMNS])
{
	struct packer p = {dictionary, scratch, row, false};

	v[HISTORY_NUMBER] = row->number;
	v[HISTORY_TIME] = (uint64_t)row->time_ms;
	v[HISTORY_SESSION] = pack_text_as(&p, HISTORY_ID_ITEM, ROW_SESSION, 0);
	v[HISTORY_QUEUE_ID] = pack_text_as(&p, HISTORY_ID_ITEM, ROW_QUEUE_ID, 0);
	v[HISTORY_CLIENT] = pack_client(&p);
	v[HISTORY_HELO] = pack_identity(&p, IDENTITY_HELO);
	v[HISTORY_SENDER] = pack_identity(&p, IDENTITY_SENDER);
	v[HISTORY_FROM] = pack_identity(&p, IDENTITY_FROM);
	v[HISTORY_RECIPIENT] = pack_identity(&p, IDENTITY_RECIPIENT);
	v[HISTORY_VERDICT] = pack_verdict(&p);
	v[HISTORY_AUTH] = pack_text(&p, ROW_AUTH, row->auth_state);
	v[HISTORY_DKIM] = pack_text(&p, ROW_DKIM, row->dkim_state);
	v[HISTORY_AUTHOR_WHY] = pack_text(&p, ROW_AUTHOR_WHY, 0);
	v[HISTORY_SPF] = pack_spf(row);
	v[HISTORY_AUTHOR] = row->author_state | (uint64_t)row->author << 3;
	v[HISTORY_DMARC] = pack_dmarc(row);
	v[HISTORY_TLS] = row->tls;
	v[HISTORY_FLAGS] = row->flags;
	v[HISTORY_TOOK] = row->took_us;
	v[HISTORY_TRANSACTION] = row->transaction;
	return !p.failed;
}

bool history_row_pack_results(struct history_dictionary *dictionary, const struct decision_row *row,
    uint64_t v[HISTORY_RESULT_COLUMNS])
{
	struct packer p = {dictionary, NULL, row, false};

	v[HISTORY_RESULT_NUMBER] = row->number;
	v[HISTORY_RESULT_DKIM] = pack_text(&p, ROW_DKIM, row->dkim_state);
	v[HISTORY_RESULT_SPF] = pack_spf(row);
	v[HISTORY_RESULT_DMARC] = pack_dmarc(row);
	return !p.failed;
}

/* ---- unpack -------------------------------------------------------------------------- */

/* A number of at most `max`, cut off an item. */
static bool cut(struct slice *s, uint64_t max, uint64_t *out)
{
	return history_varint_cut(s, out) && *out <= max;
}

static bool cut_ip(struct slice *s, struct ip *out)
{
	uint64_t family;
	size_t n;

	if (!cut(s, IP_V6, &family) || (family != IP_NONE && family != IP_V4 && family != IP_V6))
		return false;
	n = family == IP_NONE ? 0 : family == IP_V4 ? 4 : 16;
	if (s->len < n)
		return false;
	*out = n == 4    ? ip_from_v4((const unsigned char *)s->ptr)
	       : n == 16 ? ip_from_v6((const unsigned char *)s->ptr)
			 : (struct ip){.family = IP_NONE};
	*s = slice_skip(*s, n);
	return true;
}

/* An identity: its text, or the state of one that has none. */
static bool unpack_state(
    struct history_items *items, uint64_t number, enum fact_state *state, struct slice *text)
{
	*state = number < HISTORY_ITEM_FIRST ? (enum fact_state)number : FACT_KNOWN;
	return (number >= HISTORY_ITEM_FIRST || number <= FACT_UNDER_WAY) &&
	       history_items_text(items, number, text);
}

bool history_client_read(struct slice item, struct decision_row *row, uint64_t *name)
{
	uint64_t asn;

	if (!cut_ip(&item, &row->client) || !cut(&item, UINT32_MAX, &asn) || item.len < 2)
		return false;
	row->asn = (uint32_t)asn;
	memcpy(row->country, item.ptr, 2);
	row->country[2] = '\0';
	item = slice_skip(item, 2);
	return cut(&item, HISTORY_ITEMS_MAX, name) && item.len == 0;
}

bool history_client_unpack(struct history_items *items, struct slice item, struct decision_row *row)
{
	uint64_t name;

	return history_client_read(item, row, &name) &&
	       unpack_state(
		   items, name, &row->state[IDENTITY_CLIENT_NAME], &row->text[ROW_CLIENT_NAME]);
}

/* The rest of a verdict's item: which entry decided. */
static bool unpack_entry(struct slice *item, uint64_t bits, struct decision_row *row)
{
	uint64_t n;

	row->has_identity = (bits & BIT_IDENTITY) != 0;
	row->has_network = (bits & BIT_NETWORK) != 0;
	if (row->has_identity) {
		if (!cut(item, IDENTITY_COUNT - 1, &n))
			return false;
		row->identity = (enum identity_kind)n;
	}
	if (row->has_network) {
		if (!cut_ip(item, &row->network.base) ||
		    !cut(item, ip_bits(row->network.base.family), &n))
			return false;
		row->network.length = (unsigned)n;
	}
	return item->len == 0;
}

bool history_verdict_read(
    struct slice item, struct decision_row *row, struct history_verdict_texts *texts)
{
	uint64_t bits, stage, action, family, reason, withdrawn, code;

	if (!cut(&item, BITS, &bits) || !cut(&item, STAGE_END, &stage) ||
	    !cut(&item, ACTION_COUNT - 1, &action) || !cut(&item, FAMILY_COUNT - 1, &family) ||
	    !cut(&item, REASON_COUNT - 1, &reason) || !cut(&item, UINT32_MAX, &withdrawn) ||
	    !cut(&item, 599, &code) || !cut(&item, INT64_MAX, &row->generation) ||
	    !cut(&item, HISTORY_ITEMS_MAX, &texts->rule) ||
	    !cut(&item, HISTORY_ITEMS_MAX, &texts->entry) ||
	    !cut(&item, HISTORY_ITEMS_MAX, &texts->reply))
		return false;
	row->final = (bits & BIT_FINAL) != 0;
	row->monitored = (bits & BIT_WOULD) != 0;
	row->stage = (enum stage)stage;
	row->action = (enum action)action;
	row->family = (enum family)family;
	row->reason = (enum reason)reason;
	row->withdrawn = (unsigned)withdrawn;
	row->code = (unsigned)code;
	return unpack_entry(&item, bits, row);
}

bool history_verdict_unpack(
    struct history_items *items, struct slice item, struct decision_row *row)
{
	struct history_verdict_texts texts;

	return history_verdict_read(item, row, &texts) &&
	       history_items_text(items, texts.rule, &row->text[ROW_RULE]) &&
	       history_items_text(items, texts.entry, &row->text[ROW_ENTRY]) &&
	       history_items_text(items, texts.reply, &row->text[ROW_REPLY]);
}

static bool unpack_item(struct history_items *items, uint64_t number, enum history_item wanted,
    bool (*unpack)(struct history_items *, struct slice, struct decision_row *),
    struct decision_row *row)
{
	enum history_item kind;
	struct slice item;

	return history_items_get(items, number, &kind, &item) && kind == wanted &&
	       unpack(items, item, row);
}

/* `bits` of a packed column, from `at` on, of at most `max`. */
static bool take(uint64_t packed, unsigned at, unsigned bits, unsigned max, unsigned *out)
{
	*out = (unsigned)(packed >> at) & ((1U << bits) - 1);
	return *out <= max;
}

static bool unpack_results(const uint64_t *v, struct decision_row *row)
{
	unsigned spf_state, spf, author_state, author, dmarc_state, dmarc, published, policy;

	if (v[HISTORY_SPF] > 0xff || v[HISTORY_AUTHOR] > 0x1f || v[HISTORY_DMARC] > 0x7ff ||
	    !take(v[HISTORY_SPF], 0, 3, FACT_UNDER_WAY, &spf_state) ||
	    !take(v[HISTORY_SPF], 5, 3, SPFR_PERMERROR, &spf) ||
	    !take(v[HISTORY_AUTHOR], 0, 3, FACT_UNDER_WAY, &author_state) ||
	    !take(v[HISTORY_AUTHOR], 3, 2, FROM_BAD, &author) ||
	    !take(v[HISTORY_DMARC], 0, 3, FACT_UNDER_WAY, &dmarc_state) ||
	    !take(v[HISTORY_DMARC], 3, 3, DMARC_V_PERMERROR, &dmarc) ||
	    !take(v[HISTORY_DMARC], 6, 2, DMARC_P_REJECT, &published) ||
	    !take(v[HISTORY_DMARC], 8, 2, DMARC_P_REJECT, &policy))
		return false;
	row->spf_state = (enum fact_state)spf_state;
	row->spf_late = v[HISTORY_SPF] >> 3 & 1;
	row->spf_sends_no_mail = v[HISTORY_SPF] >> 4 & 1;
	row->spf = (enum spf_result)spf;
	row->author_state = (enum fact_state)author_state;
	row->author = (enum from_kind)author;
	row->dmarc_state = (enum fact_state)dmarc_state;
	row->dmarc = (enum dmarc_verdict)dmarc;
	row->dmarc_published = (enum dmarc_policy)published;
	row->dmarc_policy = (enum dmarc_policy)policy;
	row->dmarc_may_be_aligned = v[HISTORY_DMARC] >> 10 & 1;
	return true;
}

static bool unpack_id(struct history_items *items, uint64_t number, struct slice *text)
{
	enum history_item kind;

	*text = slice_of(NULL, 0);
	return number < HISTORY_ITEM_FIRST ||
	       (history_items_get(items, number, &kind, text) && kind == HISTORY_ID_ITEM);
}

static bool unpack_texts(struct history_items *items, const uint64_t *v, struct decision_row *row)
{
	return unpack_id(items, v[HISTORY_SESSION], &row->text[ROW_SESSION]) &&
	       unpack_id(items, v[HISTORY_QUEUE_ID], &row->text[ROW_QUEUE_ID]) &&
	       history_items_text(items, v[HISTORY_AUTHOR_WHY], &row->text[ROW_AUTHOR_WHY]) &&
	       unpack_state(
		   items, v[HISTORY_HELO], &row->state[IDENTITY_HELO], &row->text[ROW_HELO]) &&
	       unpack_state(items, v[HISTORY_SENDER], &row->state[IDENTITY_SENDER],
		   &row->text[ROW_SENDER]) &&
	       unpack_state(
		   items, v[HISTORY_FROM], &row->state[IDENTITY_FROM], &row->text[ROW_FROM]) &&
	       unpack_state(items, v[HISTORY_RECIPIENT], &row->state[IDENTITY_RECIPIENT],
		   &row->text[ROW_RECIPIENT]) &&
	       unpack_state(items, v[HISTORY_AUTH], &row->auth_state, &row->text[ROW_AUTH]) &&
	       unpack_state(items, v[HISTORY_DKIM], &row->dkim_state, &row->text[ROW_DKIM]);
}

bool history_row_unpack(
    struct history_items *items, const uint64_t v[HISTORY_COLUMNS], struct decision_row *row)
{
	*row = (struct decision_row){.number = v[HISTORY_NUMBER],
	    .time_ms = (int64_t)v[HISTORY_TIME],
	    .count = 1,
	    .took_us = (uint32_t)v[HISTORY_TOOK],
	    .transaction = (uint32_t)v[HISTORY_TRANSACTION],
	    .flags = (unsigned)v[HISTORY_FLAGS],
	    .tls = (enum tls_version)v[HISTORY_TLS]};
	return v[HISTORY_TIME] <= INT64_MAX / 1000 && v[HISTORY_TOOK] <= UINT32_MAX &&
	       v[HISTORY_TRANSACTION] <= UINT32_MAX && v[HISTORY_FLAGS] <= ROW_FLAGS &&
	       v[HISTORY_TLS] < TLS_COUNT && unpack_texts(items, v, row) &&
	       unpack_results(v, row) &&
	       unpack_item(
		   items, v[HISTORY_CLIENT], HISTORY_CLIENT_ITEM, history_client_unpack, row) &&
	       unpack_item(
		   items, v[HISTORY_VERDICT], HISTORY_VERDICT_ITEM, history_verdict_unpack, row);
}
