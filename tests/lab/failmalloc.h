#ifndef TESTS_LAB_FAILMALLOC_H
#define TESTS_LAB_FAILMALLOC_H
/*
 * failmalloc: lets the n-th allocation of a program and of all its libraries fail, once.
 *
 * Linked into a test its malloc(3) takes the place of the C library's; as a shared object it is
 * preloaded (LD_PRELOAD) into any program.  With FAILMALLOC=FILE in the environment the state lies
 * in that file, common to all processes that map it: a supervisor, its worker, and what they fork.
 * Whoever drives the test writes `countdown` = n, does what is to be tried, and looks whether
 * `failed` has grown: if not, there were fewer than n allocations.
 *
 * Allocations by objects that are named in FAILMALLOC_EXCEPT, with blanks between, are left out.
 *
 * Not for builds with a sanitizer, which have allocators of their own.
 */
#include <stdatomic.h>

struct failmalloc {
	atomic_long countdown; /* the allocation that makes it 0 fails; 0 and below: none does */
	atomic_long failed;
	atomic_long pid;  /* of the process in which the last one failed */
	char caller[232]; /* of it: "object+0xoffset" */
};

#ifndef NO_FAILMALLOC
extern struct failmalloc *failmalloc;
#endif

#endif
