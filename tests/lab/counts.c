/*
 * counts: a program of the build that measures coverage writes what it has counted.
 *
 * gcov writes its counts where a program leaves by exit(); the worker and its helpers leave by
 * _exit(), with libmilter's threads still about.  And gcov ends a program that does not get its
 * memory, so nothing fails any more (tests/lab/failmalloc.h) when it writes.  The Makefile links
 * this into builds with COVERAGE=yes.
 */
#include "lab/failmalloc.h"

#include <dlfcn.h>
#include <gcov.h>
#include <stddef.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

/* For this process alone: what is counted down is the others' as well.  gcov's own destructor has
 * a priority, so it comes behind this one. */
__attribute__((destructor)) static void stop_failing(void)
{
	static struct failmalloc idle;
	struct failmalloc **state = dlsym(RTLD_DEFAULT, "failmalloc");

	if (state)
		*state = &idle;
}

_Noreturn void __wrap__exit(int status)
{
	stop_failing();
	__gcov_dump();
	__real__exit(status);
}
