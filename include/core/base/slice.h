#ifndef CORE_BASE_SLICE_H
#define CORE_BASE_SLICE_H
/*
 * slice: bytes as {ptr, len}, passed by value.
 *
 * Everything that is parsed is a slice of somebody else's memory: it may hold NUL, it is not
 * terminated, and it lives as long as the memory that it points into (an arena, a file buffer,
 * a literal).  NUL-terminated copies are made only at the border, by arena_strdup().
 *
 *     struct slice host = SLICE("mx.example.org");
 *     struct slice last = slice_after_last(host, '.');      // "org", same memory
 *
 * All functions are pure and safe in any thread.  Case means ASCII case.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr; /* may be NULL when len is 0 */
	size_t len;
};

/* A slice of a string literal, without its NUL; the second form is for static initialisers. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

/* For printf("%.*s", SLICE_ARG(s)); a slice longer than INT_MAX is cut. */
#define SLICE_ARG(s) ((s).len > 0x7fffffff ? 0x7fffffff : (int)(s).len), ((s).ptr ? (s).ptr : "")

static inline struct slice slice_of(const char *ptr, size_t len)
{
	return (struct slice){ptr, len};
}

/* A slice of a NUL-terminated string, borrowed; NULL gives the empty slice. */
static inline struct slice slice_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII letters to lower case, every other byte unchanged; independent of the locale. */
static inline char slice_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* The value of a hexadecimal digit, -1 of every other byte. */
int slice_hex_digit(char c);

bool slice_equal_nocase(struct slice a, struct slice b);

/* memcmp order, the shorter first when one is the beginning of the other: <0, 0, >0. */
int slice_compare(struct slice a, struct slice b);

bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);

/* The slice from byte `from` on; empty when from is at or past the end. */
struct slice slice_skip(struct slice s, size_t from);

/* Without blanks (space and tab) at both ends. */
struct slice slice_trim(struct slice s);

/* Index of the first or last c, or s.len when there is none. */
size_t slice_find(struct slice s, char c);
size_t slice_find_last(struct slice s, char c);

/* What stands behind the last c; the whole slice when there is none. */
struct slice slice_after_last(struct slice s, char c);

/*
 * Cuts the part in front of the first `separator` off *rest and returns it; *rest becomes what
 * follows the separator.  Without a separator the whole of *rest is returned and *rest is empty
 * with ptr NULL: the way to tell the last part from an empty one.
 */
struct slice slice_cut(struct slice *rest, char separator);

/* Cuts the first line off *rest, without its end (LF or CR LF). */
struct slice slice_line(struct slice *rest);

/* Cuts the first word off *rest, which becomes what follows the blanks behind it: empty at the end.
 */
struct slice slice_word(struct slice *rest);

/* Decimal digits only, no sign, no blank, at least one digit; false on overflow of max. */
bool slice_to_uint(struct slice s, uint64_t max, uint64_t *out);

/* True when every byte is printable ASCII (0x20 to 0x7e). */
bool slice_is_printable_ascii(struct slice s);

/* Bytes of the UTF-8 sequence at the front of s (1 to 4), 0 when it is malformed or s is empty. */
size_t slice_utf8_length(struct slice s);

/* True when the bytes are valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool slice_is_utf8(struct slice s);

/*
 * True when UTF-8 text holds a character that changes how a terminal or a page shows what stands
 * around it: C0 and C1 controls, DEL, and the bidirectional and line controls of Unicode (U+061C,
 * U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069).
 */
bool slice_has_controls(struct slice s);

/*
 * Enough of s to recognise it in a message: control bytes, and 8-bit bytes that are not UTF-8, are
 * shown as '?', and what has no room is cut off and ends in "...".  NUL-terminated; returns out.
 */
enum { EXCERPT_MAX = 64 };
const char *slice_excerpt(struct slice s, char out[EXCERPT_MAX]);

#endif
