#include "core/fleet/op.h"

#include "core/base/json_read.h"
#include "core/base/word.h"
#include "core/name/entry.h"
#include "core/rules/settings.h"

const char OP_OTHER_VERSION[] =
    "an operation in a format that this version does not know: upgrade this server";

static const char *const kinds[OP_KINDS] = {
    "whitelist add", "whitelist remove", "domain set", "domain clear"};

enum { ADD = 1 << OP_WHITELIST_ADD, REMOVE = 1 << OP_WHITELIST_REMOVE };
enum { SET = 1 << OP_DOMAIN_SET, CLEAR = 1 << OP_DOMAIN_CLEAR };

static const struct {
	const char *name;
	unsigned may, must; /* bits 1 << kind */
} members[OP_MEMBERS] = {
    [OP_ENTRY] = {"entry", ADD | REMOVE, ADD | REMOVE},
    [OP_COVERS] = {"covers", ADD, 0},
    [OP_PROOF] = {"proof", ADD, 0},
    [OP_SENDER] = {"sender", ADD | REMOVE, 0},
    [OP_RECIPIENT] = {"recipient", ADD | REMOVE, 0},
    [OP_EXPIRES] = {"expires", ADD, 0},
    [OP_OWNER] = {"owner", ADD, 0},
    [OP_COMMENT] = {"comment", ADD, 0},
    [OP_NAME] = {"name", SET | CLEAR, SET | CLEAR},
    [OP_KEY] = {"key", SET | CLEAR, SET | CLEAR},
    [OP_VALUE] = {"value", SET, SET},
};

/* What a domain has of its own, each one key. */
static const struct {
	const char *key;
	const struct word *words;
} switches[] = {
    {"susranges", on_off_words},
    {"blocks", on_off_words},
    {"spf", spf_words},
    {"dmarc", dmarc_words},
    {"forwards", bool_words},
};

/* ---- the envelope -------------------------------------------------------------------- */

bool fleet_hash_parse(struct slice text, struct fleet_hash *out)
{
	if (text.len != 2 * FLEET_HASH_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int digit = slice_hex_digit(text.ptr[i]);
		unsigned char *byte = &out->bytes[i / 2];
		if (digit < 0 || slice_lower(text.ptr[i]) != text.ptr[i])
			return false;
		*byte = (unsigned char)(i % 2 ? *byte << 4 | digit : digit);
	}
	return true;
}

void fleet_hash_format(const struct fleet_hash *hash, char out[2 * FLEET_HASH_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < FLEET_HASH_BYTES; i++) {
		out[2 * i] = digits[hash->bytes[i] >> 4];
		out[2 * i + 1] = digits[hash->bytes[i] & 15];
	}
	out[2 * FLEET_HASH_BYTES] = '\0';
}

bool fleet_hash_equal(const struct fleet_hash *a, const struct fleet_hash *b)
{
	return memcmp(a->bytes, b->bytes, FLEET_HASH_BYTES) == 0;
}

bool fleet_member(struct json_read *r, const char *name, struct slice *value)
{
	struct slice key;

	return json_read_next(r, &key, value) && slice_equal(key, slice_str(name));
}

bool fleet_number(struct json_read *r, const char *name, uint64_t *value)
{
	struct slice text;

	return fleet_member(r, name, &text) && slice_to_uint(text, INT64_MAX, value);
}

static const char *read_envelope(struct json_read *r, struct op *out)
{
	struct slice prev, word;
	uint64_t version, time;

	if (!fleet_number(r, "v", &version))
		return "it does not begin with its version";
	if (version != OP_VERSION)
		return OP_OTHER_VERSION;
	if (!fleet_member(r, "f", &out->fleet) || !fleet_number(r, "e", &out->epoch) ||
	    !fleet_number(r, "n", &out->number) || !fleet_member(r, "prev", &prev) ||
	    !fleet_hash_parse(prev, &out->prev) || !fleet_number(r, "time", &time) ||
	    !fleet_member(r, "by", &out->by) || !fleet_member(r, "op", &word))
		return "its envelope is not v f e n prev time by op";
	out->time = (int64_t)time;
	out->kind = OP_WHITELIST_ADD;
	while (out->kind < OP_KINDS && !slice_equal(word, slice_str(kinds[out->kind])))
		out->kind++;
	return NULL;
}

/* ---- what it sets -------------------------------------------------------------------- */

/* Members in the order of the table; what is amiss refuses it, but all has to be JSON. */
static void read_members(struct json_read *r, struct op *out)
{
	struct slice key, value;
	unsigned next = 0, seen = 0;

	if (out->kind == OP_KINDS)
		out->refused = "an operation of a kind that this fleet does not know";
	while (json_read_next(r, &key, &value)) {
		while (next < OP_MEMBERS && !slice_equal(key, slice_str(members[next].name)))
			next++;
		if (next == OP_MEMBERS || !(members[next].may >> out->kind & 1))
			out->refused =
			    out->refused ? out->refused : "a member that its kind does not have";
		else if (value.len == 0 || slice_has_controls(value))
			out->refused = "a member that is empty or holds control characters";
		else
			seen |= 1U << next, out->value[next++] = value;
	}
	for (unsigned i = 0; i < OP_MEMBERS && !out->refused; i++)
		if (members[i].must >> out->kind & 1 && !(seen >> i & 1))
			out->refused = "a member that its kind must have is missing";
}

/* Whether each word between commas is one of these; false for none. */
static bool all_words(struct slice list, const char *const words[], size_t n)
{
	while (list.ptr) {
		struct slice word = slice_cut(&list, ',');
		size_t i = 0;
		while (i < n && !slice_equal(word, slice_str(words[i])))
			i++;
		if (i == n)
			return false;
	}
	return true;
}

static const char *check_name(
    struct slice name, const struct fleet_outside *outside, const char *wide)
{
	if (name_labels(name) < 2)
		return "too wide: a name of fewer than two labels";
	return outside->is_suffix(outside->context, name) ? wide : NULL;
}

static const char *check_words(const struct op *op)
{
	static const char *const covers[] = {"susranges", "blocks"};
	static const char *const proofs[] = {"spf", "client_name"};
	uint64_t expires = 0;

	if (!all_words(op->value[OP_COVERS], covers, 2))
		return "too wide: covers can be susranges and blocks in an operation";
	if (!all_words(op->value[OP_PROOF], proofs, 2))
		return "proof is spf, client_name or both";
	if (op->value[OP_EXPIRES].ptr && !slice_to_uint(op->value[OP_EXPIRES], INT64_MAX, &expires))
		return "expires is not a number of seconds";
	return op->value[OP_EXPIRES].ptr && (int64_t)expires <= op->time ? "it has expired already"
									 : NULL;
}

static struct slice spell_key(const struct op *op, struct slice entry, struct arena *arena)
{
	return arena_printf(arena, "w %.*s %.*s %.*s", SLICE_ARG(entry),
	    SLICE_ARG(op->value[OP_SENDER]), SLICE_ARG(op->value[OP_RECIPIENT]));
}

static const char *check_network(struct op *op, const struct entry *e, struct arena *arena)
{
	char text[PREFIX_TEXT_MAX];
	size_t len;

	if (e->is_range)
		return "too wide: a range of addresses";
	if (e->prefix.length < (e->prefix.base.family == IP_V4 ? OP_WIDEST_V4 : OP_WIDEST_V6))
		return "too wide: a network above /24, or above /48 of IPv6";
	len = prefix_format(&e->prefix, text);
	op->key = spell_key(op, slice_of(text, len), arena);
	return NULL;
}

static const char *check_entry(
    struct op *op, const struct fleet_outside *outside, struct arena *arena)
{
	struct slice text = op->value[OP_ENTRY];
	char why[ENTRY_WHY_MAX], spelling[ENTRY_SPELLING_MAX];
	struct entry e;
	const char *wide;

	for (enum op_member m = OP_SENDER; m <= OP_RECIPIENT; m++)
		if (memchr(op->value[m].len ? op->value[m].ptr : "", ' ', op->value[m].len))
			return "a sender or recipient with a blank in it";
	if (!entry_parse(text, ENTRY_ACCEPT_NETWORKS, NULL, arena, &e, why))
		return e.out ? "it takes an entry out of a list" : check_network(op, &e, arena);
	if (entry_parse(text, ENTRY_ACCEPT_NAMES, NULL, arena, &e, why))
		return "its entry is neither a network nor a name";
	if (e.out)
		return "it takes an entry out of a list";
	if (e.kind == ENTRY_PATTERN)
		return "too wide: a pattern";
	wide = check_name(e.name, outside, "too wide: a public suffix");
	if (wide)
		return wide;
	if (op->kind == OP_WHITELIST_ADD && op->value[OP_PROOF].len == 0)
		return "too wide: a name without proof";
	op->key = spell_key(op, entry_spell(e.kind, e.local, e.name, spelling), arena);
	return NULL;
}

static const char *check_switch(
    struct op *op, const struct fleet_outside *outside, struct arena *arena)
{
	struct slice name, key = op->value[OP_KEY];
	size_t i = 0;
	const char *wide;

	if (slice_equal(op->value[OP_NAME], SLICE("*")))
		return "too wide: the switches of all domains";
	if (name_parse(op->value[OP_NAME], NULL, arena, &name))
		return "what it switches is not the name of a domain";
	wide = check_name(name, outside, "too wide: the switches of a public suffix");
	if (wide)
		return wide;
	while (
	    i < sizeof switches / sizeof *switches && !slice_equal(key, slice_str(switches[i].key)))
		i++;
	if (i == sizeof switches / sizeof *switches)
		return "too wide: it must switch one key that domains have";
	if (op->kind == OP_DOMAIN_SET && !word_find(switches[i].words, op->value[OP_VALUE]))
		return "a value that the key does not take";
	op->key = arena_printf(arena, "d %.*s %.*s", SLICE_ARG(name), SLICE_ARG(key));
	return NULL;
}

const char *op_parse(
    struct slice bytes, const struct fleet_outside *outside, struct arena *arena, struct op *out)
{
	struct json_read r = json_read_begin(bytes, arena);
	const char *wrong;

	*out = (struct op){0};
	if (bytes.len > OP_BYTES_MAX)
		return "longer than an operation may be";
	for (size_t i = 0; i < bytes.len; i++)
		if ((unsigned char)bytes.ptr[i] < 0x20)
			return "a control character";
	wrong = read_envelope(&r, out);
	if (wrong)
		return wrong;
	read_members(&r, out);
	if (r.wrong)
		return r.wrong;
	if (!out->refused)
		out->refused = check_words(out);
	if (!out->refused)
		out->refused = out->kind == OP_DOMAIN_SET || out->kind == OP_DOMAIN_CLEAR
				   ? check_switch(out, outside, arena)
				   : check_entry(out, outside, arena);
	if (!out->refused && out->value[OP_EXPIRES].ptr) {
		uint64_t expires = 0;
		slice_to_uint(out->value[OP_EXPIRES], INT64_MAX, &expires);
		out->expires = (int64_t)expires;
	}
	return arena_failed(arena) ? "out of memory" : NULL;
}
