/*
 * leaks: an instrumented worker looks for its leaks, too.
 *
 * LeakSanitizer looks when a program leaves by exit(); the worker leaves by _exit(), with
 * libmilter's threads still about.  The Makefile puts this before it in builds with
 * SANITIZER=address.
 */
#include <sanitizer/lsan_interface.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

_Noreturn void __wrap__exit(int status)
{
	__lsan_do_leak_check();
	__real__exit(status);
}
