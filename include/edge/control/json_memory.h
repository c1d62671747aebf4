#ifndef EDGE_CONTROL_JSON_MEMORY_H
#define EDGE_CONTROL_JSON_MEMORY_H
/*
 * json_memory: whether jansson lacked memory.
 *
 * A value that could not be made is NULL, and jansson takes NULL for a member or an element without
 * a word: the answer would be one without it.  And json_loadb() of 2.14 writes to NULL.  So its
 * allocations are watched: one that fails is served from a reserve, JSON_RESERVE octets for all
 * threads, and remembered, and an answer during which it happened is not given
 * (request_print_json()).
 *
 *     json_memory_watch();              // once, before jansson is used and threads start
 *     json_memory_forget(); … json_pack(…) … if (json_memory_failed()) …
 */
#include <stdbool.h>

/* Twice what the longest request takes as values. */
enum { JSON_RESERVE = 256 * 1024 };

void json_memory_watch(void);

/* Both of the calling thread. */
void json_memory_forget(void);
bool json_memory_failed(void);

#endif
