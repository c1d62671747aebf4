#include "core/base/setting.h"

/* Of a value without name and content: type, line, length, NUL. */
enum { VALUE_BYTES_MIN = 10 };

struct decoder {
	struct slice rest;
	struct arena *arena;
	bool bad; /* the answer is void: nothing that was read from here on counts */
};

/* ---- bytes --------------------------------------------------------------------------- */

static struct slice take_bytes(struct decoder *d, size_t len)
{
	struct slice bytes = {d->rest.ptr, len};

	if (d->bad || len > d->rest.len) {
		d->bad = true;
		return slice_of(NULL, 0);
	}
	d->rest = slice_skip(d->rest, len);
	return bytes;
}

static uint64_t take_number(struct decoder *d, size_t octets)
{
	struct slice bytes = take_bytes(d, octets);
	uint64_t value = 0;

	for (size_t i = 0; i < bytes.len; i++)
		value = value << 8 | (unsigned char)bytes.ptr[i];
	return value;
}

/* Length, text, NUL; "" when it is void. */
static struct slice take_text(struct decoder *d)
{
	size_t len = (size_t)take_number(d, 4);
	struct slice text = take_bytes(d, len), end = take_bytes(d, 1);

	d->bad |= end.len != 1 || end.ptr[0] != '\0' || slice_find(text, '\0') < text.len;
	return d->bad ? SLICE("") : text;
}

/* ---- values -------------------------------------------------------------------------- */

/* libconfig's: a letter or '*', then letters, digits, '-', '_' and '*'. */
static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = slice_lower(name.ptr[i]);
		bool begins = (c >= 'a' && c <= 'z') || c == '*';

		if (!begins && (i == 0 || !((c >= '0' && c <= '9') || c == '-' || c == '_')))
			return false;
	}
	return name.len > 0;
}

static bool is_scalar(enum setting_type type)
{
	return type == SETTING_INTEGER || type == SETTING_FLOAT || type == SETTING_BOOL ||
	       type == SETTING_STRING;
}

/* An array holds scalars of one type. */
static bool may_stand_in(const struct setting *s, const struct setting *parent)
{
	if (parent->type == SETTING_GROUP)
		return is_name(slice_str(s->name));
	return s->name[0] == '\0' &&
	       (parent->type == SETTING_LIST ||
		   (is_scalar(s->type) && s->type == parent->elements[0].type));
}

static void take_value(struct decoder *, struct setting *, const struct setting *parent, unsigned);

static void take_elements(struct decoder *d, struct setting *s, unsigned depth)
{
	size_t count = (size_t)take_number(d, 4);

	s->elements = NULL;
	s->count = 0;
	d->bad |= depth >= SETTING_DEPTH_MAX || count > d->rest.len / VALUE_BYTES_MIN;
	if (d->bad || count == 0)
		return;
	s->elements = arena_calloc(d->arena, count, sizeof *s->elements);
	d->bad = !s->elements;
	for (; !d->bad && s->count < count; s->count++)
		take_value(d, &s->elements[s->count], s, depth + 1);
}

static void take_content(struct decoder *d, struct setting *s, unsigned depth)
{
	uint64_t bits;

	switch (s->type) {
	case SETTING_GROUP:
	case SETTING_ARRAY:
	case SETTING_LIST:
		take_elements(d, s, depth);
		break;
	case SETTING_INTEGER:
		s->integer = (int64_t)take_number(d, 8);
		break;
	case SETTING_FLOAT:
		bits = take_number(d, 8);
		memcpy(&s->real, &bits, sizeof bits);
		break;
	case SETTING_BOOL:
		bits = take_number(d, 1);
		s->truth = bits == 1;
		d->bad |= bits > 1;
		break;
	case SETTING_STRING:
		s->text = take_text(d);
		break;
	default:
		d->bad = true;
	}
}

/* `parent` is NULL for the root, which has no name. */
static void take_value(
    struct decoder *d, struct setting *s, const struct setting *parent, unsigned depth)
{
	*s = (struct setting){.type = (enum setting_type)take_number(d, 1), .parent = parent};
	s->line = (unsigned)take_number(d, 4);
	s->name = take_text(d).ptr;
	d->bad |= parent ? !may_stand_in(s, parent) : s->type != SETTING_GROUP || s->name[0];
	if (!d->bad)
		take_content(d, s, depth);
}

_Static_assert(sizeof(double) == sizeof(uint64_t), "floats go as binary64");

const struct setting *settings_decode(
    struct slice answer, struct arena *arena, unsigned *line, struct slice *error)
{
	struct decoder d = {.rest = answer, .arena = arena};
	uint64_t kind = take_number(&d, 1);
	struct setting *root = NULL;

	*line = 0;
	*error = slice_of(NULL, 0);
	if (kind == 'E') {
		*line = (unsigned)take_number(&d, 4);
		*error = take_text(&d);
	} else if (kind == 'S') {
		root = arena_alloc(arena, sizeof *root);
		if (root)
			take_value(&d, root, NULL, 0);
	}
	if (!d.bad && d.rest.len == 0)
		return root;
	*error = slice_of(NULL, 0);
	return NULL;
}

/* ---- looking ------------------------------------------------------------------------- */

bool setting_is_aggregate(const struct setting *s)
{
	return !is_scalar(s->type);
}

unsigned setting_count(const struct setting *s)
{
	return setting_is_aggregate(s) ? s->count : 0;
}

const struct setting *setting_element(const struct setting *s, unsigned i)
{
	return &s->elements[i];
}

const struct setting *setting_member(const struct setting *group, const char *name)
{
	for (unsigned i = 0; group->type == SETTING_GROUP && i < group->count; i++)
		if (strcmp(group->elements[i].name, name) == 0)
			return &group->elements[i];
	return NULL;
}

const struct setting *setting_at(const struct setting *root, const char *path)
{
	const char *dot = strchr(path, '.');

	if (!dot)
		return setting_member(root, path);
	for (unsigned i = 0; i < root->count; i++)
		if (slice_equal(
			slice_str(root->elements[i].name), slice_of(path, (size_t)(dot - path))))
			return setting_member(&root->elements[i], dot + 1);
	return NULL;
}

struct slice setting_text(const struct setting *s)
{
	return s->type == SETTING_STRING ? s->text : slice_of(NULL, 0);
}
