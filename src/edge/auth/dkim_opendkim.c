#include "edge/auth/dkim_opendkim.h"

#include "core/base/arena.h"

#include <opendkim/dkim.h>
#include <setjmp.h>
#include <stdlib.h>

/* A header of 256 KiB in 1,000 fields takes 2 MiB in the library. */
#define REGION_LIMIT ((size_t)8 << 20)

/* Names in h= hold no blank, so none can mean this field. */
static unsigned char never_signed[] = "no name:";

struct dkim_opendkim {
	DKIM_LIB *lib;
};

/* Where the library allocates during one call, and the way out when that fails. */
struct region {
	struct arena *arena;
	jmp_buf out;
};

static void *region_alloc(void *closure, size_t size)
{
	struct region *region = closure;
	void *p = arena_alloc(region->arena, size);

	if (!p)
		longjmp(region->out, 1);
	return p;
}

/* The region goes as a whole. */
static void region_free(void *closure, void *p)
{
	(void)closure;
	(void)p;
}

/* All hashes are there: what would follow in dkim_eom() is key look-up and verification. */
static DKIM_CBSTAT stop_before_keys(DKIM *dkim, DKIM_SIGINFO **sigs, int n)
{
	(void)dkim;
	(void)sigs;
	(void)n;
	return DKIM_CBSTAT_REJECT;
}

struct dkim_opendkim *dkim_opendkim_create(void)
{
	/* Keys are not asked for at the end of the header; malformed fields keep their place. */
	unsigned flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
	struct dkim_opendkim *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->lib = dkim_init(region_alloc, region_free);
	if (!h->lib) {
		free(h);
		return NULL;
	}
	dkim_options(h->lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags);
	dkim_set_final(h->lib, stop_before_keys);
	return h;
}

void dkim_opendkim_free(struct dkim_opendkim **h)
{
	if (!*h)
		return;
	dkim_close((*h)->lib);
	free(*h);
	*h = NULL;
}

/* dkim_header() reads its argument and copies it. */
static unsigned char *unsigned_bytes(const char *bytes)
{
	union {
		const char *in;
		unsigned char *out;
	} cast = {bytes};

	return cast.out;
}

static void take_hash(DKIM_SIGINFO *sig, struct dkim_header_hash *want)
{
	void *header, *body;
	size_t header_len, body_len;

	if (dkim_sig_gethashes(sig, &header, &header_len, &body, &body_len) != DKIM_STAT_OK ||
	    header_len != DKIM_HASH_LEN)
		return;
	memcpy(want->digest, header, DKIM_HASH_LEN);
	want->done = true;
}

/* The library keeps one handle for each DKIM-Signature field that it was given, in their order. */
static void take_hashes(DKIM *dkim, struct dkim_header_hash *want, size_t wanted)
{
	DKIM_SIGINFO **sigs = NULL;
	int n = 0;

	if (dkim_getsiglist(dkim, &sigs, &n) != DKIM_STAT_OK || (size_t)n != wanted)
		return;
	for (size_t i = 0; i < wanted; i++) {
		int error = dkim_sig_geterror(sigs[i]);

		/* Fields with an error have no hash, and asking for it would abort. */
		if (error == DKIM_SIGERROR_UNKNOWN || error == DKIM_SIGERROR_TOOLARGE_L)
			take_hash(sigs[i], &want[i]);
	}
}

static void run(DKIM_LIB *lib, struct region *region, const struct slice *fields, size_t n,
    struct dkim_header_hash *want, size_t wanted)
{
	DKIM_STAT status;
	DKIM *dkim = dkim_verify(lib, (const unsigned char *)"", region, &status);

	dkim_header(dkim, never_signed, sizeof never_signed - 1);
	/* A field that the library finds malformed is not there for any signer. */
	for (size_t i = 0; i < n; i++)
		if (fields[i].len > 0)
			dkim_header(dkim, unsigned_bytes(fields[i].ptr), fields[i].len);
	dkim_eoh(dkim);
	dkim_eom(dkim, NULL);
	take_hashes(dkim, want, wanted);
}

bool dkim_opendkim_hash(struct dkim_opendkim *h, const struct slice *fields, size_t n,
    struct dkim_header_hash *want, size_t wanted)
{
	struct region region = {.arena = arena_create(REGION_LIMIT)};
	volatile bool finished = false;

	if (!region.arena)
		return false;
	if (setjmp(region.out) == 0) {
		run(h->lib, &region, fields, n, want, wanted);
		finished = true;
	}
	arena_free(&region.arena);
	return finished;
}
