#ifndef EDGE_CONTROL_JSON_MEMORY_H
#define EDGE_CONTROL_JSON_MEMORY_H
/*
 * json_memory: whether jansson lacked memory.
 *
 * A value that could not be made is NULL, and jansson takes NULL for a member or an element without
 * a word: the answer would be one without it.  So its allocations are watched, and an answer during
 * which one failed is not given (request_print_json()).
 *
 *     json_memory_watch();              // once, before jansson is used and threads start
 *     json_memory_forget(); … json_pack(…) … if (json_memory_failed()) …
 */
#include <stdbool.h>

void json_memory_watch(void);

/* Both of the calling thread. */
void json_memory_forget(void);
bool json_memory_failed(void);

#endif
