#include "config_libconfig.h"

#include "core/base/array.h"
#include "core/base/setting.h"

#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>

struct encoder {
	char *bytes;
	size_t len, capacity;
	bool failed;
	unsigned too_deep; /* line of brackets beyond SETTING_DEPTH_MAX; 0 = none */
};

/* ---- bytes --------------------------------------------------------------------------- */

/* Values are a few bytes each: so that a configuration is a handful of allocations. */
enum { PIECE = 4096 };

static void put_bytes(struct encoder *e, const char *bytes, size_t len)
{
	e->failed = e->failed || !ARRAY_ROOM(e->bytes, e->capacity, e->len + len + PIECE);
	if (e->failed)
		return;
	if (len > 0)
		memcpy(e->bytes + e->len, bytes, len);
	e->len += len;
}

static void put_number(struct encoder *e, uint64_t value, unsigned octets)
{
	char bytes[8];

	for (unsigned i = 0; i < octets; i++)
		bytes[i] = (char)(value >> 8 * (octets - 1 - i));
	put_bytes(e, bytes, octets);
}

/* With its NUL.  NULL where there must be a text is memory that libconfig did not get. */
static void put_text(struct encoder *e, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	e->failed |= !text;
	put_number(e, len, 4);
	put_bytes(e, text, len);
	put_number(e, 0, 1);
}

/* ---- values -------------------------------------------------------------------------- */

static void put_value(struct encoder *, const config_setting_t *, const char *name, unsigned depth);

static void put_elements(struct encoder *e, const config_setting_t *s, unsigned depth)
{
	unsigned count = (unsigned)config_setting_length(s);

	if (depth >= SETTING_DEPTH_MAX) {
		e->too_deep = config_setting_source_line(s);
		return;
	}
	put_number(e, count, 4);
	for (unsigned i = 0; i < count && !e->failed && !e->too_deep; i++) {
		const config_setting_t *one = config_setting_get_elem(s, i);

		if (one)
			put_value(e, one,
			    config_setting_is_group(s) ? config_setting_name(one) : "", depth + 1);
		e->failed |= !one;
	}
}

static void put_value(
    struct encoder *e, const config_setting_t *s, const char *name, unsigned depth)
{
	static const char types[] = {
	    [CONFIG_TYPE_GROUP] = SETTING_GROUP,
	    [CONFIG_TYPE_ARRAY] = SETTING_ARRAY,
	    [CONFIG_TYPE_LIST] = SETTING_LIST,
	    [CONFIG_TYPE_INT] = SETTING_INTEGER,
	    [CONFIG_TYPE_INT64] = SETTING_INTEGER,
	    [CONFIG_TYPE_FLOAT] = SETTING_FLOAT,
	    [CONFIG_TYPE_BOOL] = SETTING_BOOL,
	    [CONFIG_TYPE_STRING] = SETTING_STRING,
	};
	int type = config_setting_type(s);
	uint64_t bits;
	double real;

	put_number(e, (unsigned char)types[type], 1);
	put_number(e, config_setting_source_line(s), 4);
	put_text(e, name);
	switch (types[type]) {
	case SETTING_INTEGER:
		put_number(e, (uint64_t)config_setting_get_int64(s), 8);
		break;
	case SETTING_FLOAT:
		real = config_setting_get_float(s);
		memcpy(&bits, &real, sizeof bits);
		put_number(e, bits, 8);
		break;
	case SETTING_BOOL:
		put_number(e, config_setting_get_bool(s) != 0, 1);
		break;
	case SETTING_STRING:
		put_text(e, config_setting_get_string(s));
		break;
	default:
		put_elements(e, s, depth);
	}
}

static void put_error(struct encoder *e, unsigned line, const char *text)
{
	e->len = 0;
	put_bytes(e, "E", 1);
	put_number(e, line, 4);
	put_text(e, text);
}

struct slice settings_encode(struct slice text)
{
	struct encoder e = {.bytes = NULL};
	config_t tree;

	config_init(&tree);
	/* libconfig looks at no allocation, but malloc(3) leaves word. */
	errno = 0;
	if (config_read_string(&tree, text.ptr) == CONFIG_TRUE) {
		put_bytes(&e, "S", 1);
		put_value(&e, config_root_setting(&tree), "", 0);
		if (e.too_deep)
			put_error(&e, e.too_deep, "brackets are nested too deeply");
	} else {
		put_error(&e, (unsigned)config_error_line(&tree), config_error_text(&tree));
	}
	e.failed |= errno == ENOMEM;
	config_destroy(&tree);
	if (!e.failed)
		return slice_of(e.bytes, e.len);
	free(e.bytes);
	return slice_of(NULL, 0);
}
