#ifndef CORE_BASE_ARENA_H
#define CORE_BASE_ARENA_H
/*
 * arena: one region of memory for one life.
 *
 * A generation, a connection and each transaction own one arena each.  What is allocated inside
 * is never freed singly; it goes when the arena is emptied or freed.
 *
 *     struct arena *a = arena_create(64 * 1024);
 *     char *copy = arena_strdup(a, SLICE("b@example.org"));
 *     arena_free(&a);                                   // a is NULL again
 *
 * An arena belongs to one thread at a time.  When memory or its limit runs out the allocators
 * return NULL (slices: {NULL, 0} with arena_failed() true) and the caller answers 451; there is
 * no partial result to tidy up.
 *
 * Memory can be short elsewhere: in a library, or for what outlives the arena.  Where the answer is
 * then a mere "not known", as of the DNS, nobody would see the difference; so whoever makes it for
 * the owner of an arena says it with arena_starve(), and the owner answers 451 all the same.
 */
#include "core/base/slice.h"

struct arena;

/* A new arena that will never hold more than `limit` bytes; NULL when out of memory. */
struct arena *arena_create(size_t limit);

/* Everything inside is gone, the first chunk is kept for the next use. */
void arena_reset(struct arena *);

/* Frees the arena and sets the pointer to NULL; NULL inside is fine. */
void arena_free(struct arena **);

/* size bytes aligned for any type, not cleared; NULL when memory or the limit runs out. */
void *arena_alloc(struct arena *, size_t size);

/* The same, cleared, for n objects; NULL also when n * size overflows. */
void *arena_calloc(struct arena *, size_t n, size_t size);

/* A NUL-terminated copy; bytes after a NUL inside are kept but no C function will see them. */
char *arena_strdup(struct arena *, struct slice);

/* A copy (also NUL-terminated, the NUL not counted). */
struct slice arena_copy(struct arena *, struct slice);

/* printf into the arena. */
struct slice arena_printf(struct arena *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True once any allocation has failed since arena_create() or arena_reset(). */
bool arena_failed(const struct arena *);

/* Memory ran out, here or elsewhere: what is made for the owner is not what it should be. */
void arena_starve(struct arena *);

/* True after that; false when only the limit has been reached, which strangers can do. */
bool arena_starved(const struct arena *);

/* Bytes handed out since arena_create() or arena_reset(). */
size_t arena_used(const struct arena *);

#endif
