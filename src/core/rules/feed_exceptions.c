#include "core/rules/feed_exceptions.h"

#include "core/base/array.h"
#include "core/base/fnv.h"
#include "core/base/table.h"

#include <stdlib.h>

enum { LENGTHS = 129 };

/* A copy of the key, behind which nothing stands. */
struct exception {
	struct slice key;
	bool out;
};

struct feed_exceptions {
	struct arena *arena; /* the keys */
	struct exception *at;
	size_t capacity, outs;
	struct table index;            /* of at, by key */
	bool v4[LENGTHS], v6[LENGTHS]; /* prefix lengths that occur */
};

/* A few million entries of an administrator's lists. */
#define KEYS_MAX ((size_t)1 << 30)

/* A network or number as bytes; names and addresses are their spelling, which begins otherwise. */
enum { KEY_BYTES_MAX = 24 };

struct feed_exceptions *feed_exceptions_create(void)
{
	struct feed_exceptions *x = calloc(1, sizeof *x);

	if (!x)
		return NULL;
	x->arena = arena_create(KEYS_MAX);
	if (!x->arena)
		feed_exceptions_free(&x);
	return x;
}

void feed_exceptions_free(struct feed_exceptions **exceptions)
{
	struct feed_exceptions *x = *exceptions;

	if (!x)
		return;
	arena_free(&x->arena);
	free(x->at);
	table_free(&x->index);
	free(x);
	*exceptions = NULL;
}

/* ---- the table ----------------------------------------------------------------------- */

static bool is_key(const void *at, uint32_t number, const void *key)
{
	return slice_equal(((const struct exception *)at)[number].key, *(const struct slice *)key);
}

/* One that is in and out of the key is an error that the builder tells. */
static bool add_key(struct feed_exceptions *x, struct slice key, bool out)
{
	const uint64_t hash = fnv(FNV_START, key);

	if (table_find(&x->index, hash, is_key, x->at, &key) != TABLE_NONE)
		return true;
	key = arena_copy(x->arena, key);
	if (!key.ptr || !ARRAY_ROOM(x->at, x->capacity, x->index.count + 1) ||
	    !table_reserve(&x->index))
		return false;
	x->at[x->index.count] = (struct exception){key, out};
	table_add(&x->index, hash, (uint32_t)x->index.count);
	x->outs += out;
	return true;
}

/* 1: taken out, 0: in, -1: the configuration does not name it. */
static int ask(const struct feed_exceptions *x, struct slice key)
{
	uint32_t number = table_find(&x->index, fnv(FNV_START, key), is_key, x->at, &key);

	return number == TABLE_NONE ? -1 : x->at[number].out;
}

/* ---- networks and numbers ------------------------------------------------------------ */

static struct slice network_key(const struct prefix *p, char key[KEY_BYTES_MAX])
{
	size_t len = 2;

	key[0] = p->base.family == IP_V4 ? '\1' : '\2';
	key[1] = (char)p->length;
	len += ip_to_bytes(&p->base, (unsigned char *)key + len);
	return slice_of(key, len);
}

static struct slice number_key(uint32_t number, char key[KEY_BYTES_MAX])
{
	key[0] = '\3';
	memcpy(key + 1, &number, sizeof number);
	return slice_of(key, 1 + sizeof number);
}

struct piece {
	struct feed_exceptions *x;
	bool out, ok;
};

static bool add_piece(void *context, const struct prefix *p)
{
	struct piece *piece = context;
	char key[KEY_BYTES_MAX];

	(p->base.family == IP_V4 ? piece->x->v4 : piece->x->v6)[p->length] = true;
	piece->ok = add_key(piece->x, network_key(p, key), piece->out);
	return piece->ok;
}

bool feed_exceptions_network(const struct feed_exceptions *x, const struct prefix *p)
{
	const bool *lengths = p->base.family == IP_V4 ? x->v4 : x->v6;
	char key[KEY_BYTES_MAX];

	if (x->outs == 0)
		return false;
	for (unsigned length = p->length + 1; length-- > 0;) {
		struct prefix around;
		int found;

		if (!lengths[length])
			continue;
		around = prefix_of(&p->base, length);
		found = ask(x, network_key(&around, key));
		if (found >= 0)
			return found;
	}
	return false;
}

bool feed_exceptions_add_number(struct feed_exceptions *x, uint32_t number, bool out)
{
	char key[KEY_BYTES_MAX];

	return add_key(x, number_key(number, key), out);
}

bool feed_exceptions_number(const struct feed_exceptions *x, uint32_t number)
{
	char key[KEY_BYTES_MAX];

	return ask(x, number_key(number, key)) == 1;
}

/* ---- names and addresses ------------------------------------------------------------- */

bool feed_exceptions_add(struct feed_exceptions *x, const struct entry *e)
{
	char spelling[ENTRY_SPELLING_MAX];
	struct piece piece = {x, e->out, true};

	if (e->kind == ENTRY_PATTERN)
		return true;
	if (e->kind != ENTRY_NETWORK)
		return add_key(x, entry_spell(e->kind, e->local, e->name, spelling), e->out);
	if (e->is_range)
		prefix_from_range(&e->first, &e->last, add_piece, &piece);
	else
		add_piece(&piece, &e->prefix);
	return piece.ok;
}

static int ask_name(
    const struct feed_exceptions *x, enum entry_kind kind, struct slice local, struct slice name)
{
	char spelling[ENTRY_SPELLING_MAX];

	return ask(x, entry_spell(kind, local, name, spelling));
}

/* What covers a whole name: itself, then what stands above it, "*.p" in front of ".p". */
static int ask_around(const struct feed_exceptions *x, enum entry_kind kind, struct slice name)
{
	const struct slice none = {NULL, 0};
	int found = ask_name(x, kind, none, name);

	if (found < 0 && kind != ENTRY_TREE)
		found = ask_name(x, ENTRY_TREE, none, name);
	for (name = name_parent(name); found < 0 && name.len > 0; name = name_parent(name)) {
		found = ask_name(x, ENTRY_BELOW, none, name);
		if (found < 0)
			found = ask_name(x, ENTRY_TREE, none, name);
	}
	return found;
}

bool feed_exceptions_name(const struct feed_exceptions *x, const struct entry *e)
{
	int found = -1;

	if (x->outs == 0)
		return false;
	switch (e->kind) {
	case ENTRY_NAME:
	case ENTRY_TREE:
	case ENTRY_BELOW:
		found = ask_around(x, e->kind, e->name);
		break;
	case ENTRY_ADDRESS:
	case ENTRY_SUBADDRESS:
		found = ask_name(x, e->kind, e->local, e->name);
		if (found < 0 && e->kind == ENTRY_ADDRESS &&
		    slice_find(e->local, '+') < e->local.len)
			found = ask_name(x, ENTRY_SUBADDRESS, e->local, e->name);
		if (found < 0)
			found = ask_around(x, ENTRY_NAME, e->name);
		if (found < 0 && e->kind == ENTRY_ADDRESS)
			found = ask_name(x, ENTRY_LOCAL, e->local, e->name);
		break;
	case ENTRY_LOCAL:
	case ENTRY_NULL:
	case ENTRY_LOGIN:
		found = ask_name(x, e->kind, e->local, e->name);
		break;
	case ENTRY_NETWORK:
	case ENTRY_PATTERN:
		break;
	}
	return found == 1;
}
