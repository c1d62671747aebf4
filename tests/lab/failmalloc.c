#include "lab/failmalloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The C library's own, which it exports for whoever replaces its names. */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static struct failmalloc own;
struct failmalloc *failmalloc = &own;
static const char *except;

/* Tells where a program crashes that was not let have something. */
static void tell_crash(int signal)
{
	void *frames[64];

	backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
	raise(signal);
}

__attribute__((constructor)) static void map_state(void)
{
	const char *path = getenv("FAILMALLOC");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct sigaction crash = {.sa_handler = tell_crash, .sa_flags = (int)SA_RESETHAND};
	void *state, *frame;

	if (fd < 0)
		return;
	state = mmap(NULL, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (state == MAP_FAILED)
		return;
	backtrace(&frame, 1); /* the first one allocates */
	sigaction(SIGSEGV, &crash, NULL);
	sigaction(SIGABRT, &crash, NULL);
	except = getenv("FAILMALLOC_EXCEPT");
	failmalloc = state;
}

/* dladdr(3) and snprintf(3) of two plain values allocate nothing. */
static void note_caller(void *caller)
{
	Dl_info info;

	if (dladdr(caller, &info) && info.dli_fname)
		snprintf(failmalloc->caller, sizeof failmalloc->caller, "%s+0x%lx %s",
		    info.dli_fname, (unsigned long)((uintptr_t)caller - (uintptr_t)info.dli_fbase),
		    info.dli_sname ? info.dli_sname : "");
}

/* Whether the object that allocates is named in FAILMALLOC_EXCEPT. */
static bool is_excepted(void *caller)
{
	const char *name = except;
	Dl_info info;

	if (!except || !dladdr(caller, &info) || !info.dli_fname)
		return false;
	for (size_t len; *name; name += len + (name[len] == ' ')) {
		char one[64];

		len = strcspn(name, " ");
		snprintf(one, sizeof one, "%.*s", (int)len, name);
		if (strstr(info.dli_fname, one))
			return true;
	}
	return false;
}

static bool fails(void *caller)
{
	if (atomic_load_explicit(&failmalloc->countdown, memory_order_relaxed) <= 0 ||
	    is_excepted(caller) || atomic_fetch_sub(&failmalloc->countdown, 1) != 1)
		return false;
	note_caller(caller);
	atomic_store(&failmalloc->pid, (long)getpid());
	atomic_fetch_add(&failmalloc->failed, 1);
	errno = ENOMEM;
	return true;
}

#define FAILS() fails(__builtin_return_address(0))

void *malloc(size_t size)
{
	return FAILS() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return FAILS() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	return FAILS() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return FAILS() ? NULL : __libc_realloc(old, bytes);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
	return FAILS() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return FAILS() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *block;

	if (FAILS())
		return ENOMEM;
	block = __libc_memalign(alignment, size);
	if (!block)
		return ENOMEM;
	*out = block;
	return 0;
}
