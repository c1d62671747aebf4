#ifndef CORE_BASE_SETTING_H
#define CORE_BASE_SETTING_H
/*
 * setting: the tree of a configuration's settings, and its serialization.
 *
 * libconfig parses in a process of its own (edge/syntax/config_parser.h), which hands back what it
 * found as bytes; settings_decode() makes a tree of them with our own allocator.  The bytes come
 * from a process that may have gone wrong, so that nothing in them is believed: each count, length
 * and byte is checked, and what does not fit makes the whole answer void.
 *
 *     answer  = 'S' group                                     the root
 *             | 'E' line length text NUL                      a syntax error
 *     value   = type line length name NUL content             names only in groups
 *     content = count value …            'g' group, 'a' array (of one scalar type), 'l' list
 *             | 8 octets                 'i' integer, 'f' IEEE 754 binary64
 *             | 1 octet, 0 or 1          'b' boolean
 *             | length text NUL          's' string, without a NUL inside
 *
 * line, length and count are 32 bits, all numbers in network byte order.  Nothing follows.
 */
#include "core/base/arena.h"

enum setting_type {
	SETTING_GROUP = 'g',
	SETTING_ARRAY = 'a',
	SETTING_LIST = 'l',
	SETTING_INTEGER = 'i',
	SETTING_FLOAT = 'f',
	SETTING_BOOL = 'b',
	SETTING_STRING = 's',
};

/* Deeper than any configuration that means something; a bound of our recursion. */
enum { SETTING_DEPTH_MAX = 32 };

struct setting {
	enum setting_type type;
	unsigned line;    /* of the text that was parsed, from 1 */
	const char *name; /* "" in arrays and lists, and of the root */
	const struct setting *parent;
	union {
		int64_t integer;
		double real;
		bool truth;
		struct slice text; /* followed by a NUL */
		struct {
			struct setting *elements;
			unsigned count;
		};
	};
};

/*
 * The root of what was parsed; it lives in the arena, and its names and texts in `answer`, which
 * the caller keeps as long.  NULL: with error->len > 0 the configuration is wrong, at *line;
 * else the answer is void, or the arena has failed.
 */
const struct setting *settings_decode(
    struct slice answer, struct arena *, unsigned *line, struct slice *error);

/* Of a group, array or list: how many there are, and one of them; of anything else there is none.
 */
unsigned setting_count(const struct setting *);
const struct setting *setting_element(const struct setting *, unsigned i);

/* The member of this name; NULL when there is none, or `group` is no group. */
const struct setting *setting_member(const struct setting *group, const char *name);

/* The setting at "group.key" or "key" below the root; NULL when there is none. */
const struct setting *setting_at(const struct setting *root, const char *path);

bool setting_is_aggregate(const struct setting *);

/* Its text; empty when it is no string. */
struct slice setting_text(const struct setting *);

#endif
