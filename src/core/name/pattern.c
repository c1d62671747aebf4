#include "core/name/pattern.h"

#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/*
 * What one match may cost.  Identities have at most a few hundred bytes and honest expressions
 * need a few steps for each; 20,000 steps of backtracking are 0.2 ms, 3 ms for an expression of
 * a thousand groups.
 */
#define MATCH_LIMIT 20000u
/* Nested backtracking points; each takes a frame of 100 to 200 bytes from the heap below. */
#define DEPTH_LIMIT 5000u
/* KiB of frames for one match. */
#define HEAP_LIMIT 1024u
/* Bytes of one expression: longer ones are lists of names that went astray. */
#define TEXT_LIMIT 4096u

#define OPTIONS                                                                                    \
	(PCRE2_CASELESS | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ANCHORED |                   \
	    PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C)

struct pattern {
	pcre2_code *code;
	pcre2_match_context *limits; /* only read while matching, so threads may share it */
};

static const char *say_error(int code, size_t at, char why[PATTERN_WHY_MAX])
{
	PCRE2_UCHAR message[PATTERN_WHY_MAX - 32];

	pcre2_get_error_message(code, message, sizeof message);
	snprintf(why, PATTERN_WHY_MAX, "%s at character %zu", (const char *)message, at);
	return why;
}

static pcre2_code *compile(struct slice text, char why[PATTERN_WHY_MAX])
{
	pcre2_code *code;
	PCRE2_SIZE at;
	int error;

	code = pcre2_compile(
	    (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, OPTIONS, &error, &at, NULL);
	if (!code)
		say_error(error, at, why);
	return code;
}

struct pattern *pattern_compile(struct slice text, char why[PATTERN_WHY_MAX])
{
	struct pattern *p;

	if (text.len > TEXT_LIMIT) {
		snprintf(why, PATTERN_WHY_MAX, "the pattern is longer than %u bytes", TEXT_LIMIT);
		return NULL;
	}
	snprintf(why, PATTERN_WHY_MAX, "out of memory");
	p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->limits = pcre2_match_context_create(NULL);
	p->code = p->limits ? compile(text, why) : NULL;
	if (!p->code) {
		pattern_free(&p);
		return NULL;
	}
	pcre2_set_match_limit(p->limits, MATCH_LIMIT);
	pcre2_set_depth_limit(p->limits, DEPTH_LIMIT);
	pcre2_set_heap_limit(p->limits, HEAP_LIMIT);
	return p;
}

void pattern_free(struct pattern **p)
{
	if (!*p)
		return;
	pcre2_code_free((*p)->code);
	pcre2_match_context_free((*p)->limits);
	free(*p);
	*p = NULL;
}

/* ---- memory of one match ------------------------------------------------------------- */

/* What PCRE2 takes to begin with: 20 KiB of frames, and its own small things. */
enum { POOL_BYTES = 24 * 1024 };

/* A region on the stack: a match that takes no more than the first frames never lacks memory, and
 * takes no lock of malloc(3). */
struct pool {
	size_t used;
	alignas(max_align_t) unsigned char bytes[POOL_BYTES];
};

static void *pool_alloc(size_t size, void *pool)
{
	struct pool *p = pool;
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *at = p->bytes + p->used;

	if (rounded < size || rounded > POOL_BYTES - p->used)
		return malloc(size);
	p->used += rounded;
	return at;
}

static void pool_free(void *at, void *pool)
{
	struct pool *p = pool;
	uintptr_t from = (uintptr_t)p->bytes;

	if ((uintptr_t)at < from || (uintptr_t)at >= from + POOL_BYTES)
		free(at);
}

enum pattern_result pattern_match(const struct pattern *p, struct slice subject)
{
	PCRE2_SPTR text = (PCRE2_SPTR)(subject.ptr ? subject.ptr : "");
	struct pool pool;
	pcre2_general_context *memory;
	pcre2_match_data *data;
	enum pattern_result result = PATTERN_BROKEN;
	int found;

	pool.used = 0;
	memory = pcre2_general_context_create(pool_alloc, pool_free, &pool);
	data = memory ? pcre2_match_data_create(1, memory) : NULL;
	if (!data)
		return PATTERN_BROKEN;
	found = pcre2_match(p->code, text, subject.len, 0, 0, data, p->limits);
	if (found == PCRE2_ERROR_NOMATCH) {
		result = PATTERN_NO;
	} else if (found >= 0) {
		/* Around invalid bytes PCRE2 takes the pieces for whole subjects. */
		bool whole = pcre2_get_startchar(data) == 0 &&
			     pcre2_get_ovector_pointer(data)[1] == subject.len;
		result = whole ? PATTERN_YES : PATTERN_NO;
	}
	pcre2_match_data_free(data);
	pcre2_general_context_free(memory);
	return result;
}
