#include "edge/auth/dkim_opendkim.h"

#include "core/base/arena.h"

#include <malloc.h>
#include <opendkim/dkim.h>
#include <setjmp.h>
#include <stdlib.h>

/* A header of 256 KiB in 1,000 fields takes 2 MiB in the library. */
#define REGION_LIMIT ((size_t)8 << 20)

/* Names in h= hold no blank, so none can mean this field. */
static unsigned char never_signed[] = "no name:";

struct dkim_opendkim {
	DKIM_LIB *lib;
	bool distrusted; /* the probe has failed */
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

/* NULL when out of memory. */
static DKIM_LIB *open_library(
    void *(*allocate)(void *closure, size_t size), void (*release)(void *closure, void *p))
{
	/* Keys are not asked for at the end of the header; malformed fields keep their place. */
	unsigned flags = DKIM_LIBFLAGS_DELAYSIGPROC | DKIM_LIBFLAGS_BADSIGHANDLES;
	DKIM_LIB *lib = dkim_init(allocate, release);

	if (!lib)
		return NULL;
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags);
	dkim_set_final(lib, stop_before_keys);
	return lib;
}

struct dkim_opendkim *dkim_opendkim_create(void)
{
	struct dkim_opendkim *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->lib = open_library(region_alloc, region_free);
	if (!h->lib) {
		free(h);
		return NULL;
	}
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

/* One message; the handle is the caller's, to free or to drop with its region. */
static DKIM *run(DKIM_LIB *lib, void *closure, const struct slice *fields, size_t n,
    struct dkim_header_hash *want, size_t wanted)
{
	DKIM_STAT status;
	DKIM *dkim = dkim_verify(lib, (const unsigned char *)"", closure, &status);

	dkim_header(dkim, never_signed, sizeof never_signed - 1);
	/* A field that the library finds malformed is not there for any signer. */
	for (size_t i = 0; i < n; i++)
		if (fields[i].len > 0)
			dkim_header(dkim, unsigned_bytes(fields[i].ptr), fields[i].len);
	dkim_eoh(dkim);
	dkim_eom(dkim, NULL);
	take_hashes(dkim, want, wanted);
	return dkim;
}

bool dkim_opendkim_hash(struct dkim_opendkim *h, const struct slice *fields, size_t n,
    struct dkim_header_hash *want, size_t wanted)
{
	struct region region = {.arena = NULL};
	volatile bool finished = false;

	if (h->distrusted)
		return true;
	region.arena = arena_create(REGION_LIMIT);
	if (!region.arena)
		return false;
	if (setjmp(region.out) == 0) {
		run(h->lib, &region, fields, n, want, wanted);
		finished = true;
	}
	arena_free(&region.arena);
	return finished;
}

/* ---- the probe ----------------------------------------------------------------------- */

enum { PROBE_FIELDS = 5, PROBE_SIGNATURES = 2, PROBE_MESSAGES = 32, LIVE_MAX = 512 };

/* The smallest block that malloc() gives. */
#define BLOCK_MIN ((size_t)24)

/* Simple and relaxed, with folds, a field that is signed twice and one that is not there. */
#define PROBE_TAGS                                                                                 \
	"d=example.org; s=probe;\r\n\th=from:subject:subject:to; "                                 \
	"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=AAAA"
static const struct slice probe_fields[PROBE_FIELDS] = {
    SLICE_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; " PROBE_TAGS),
    SLICE_INIT("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; " PROBE_TAGS),
    SLICE_INIT("From:  Ann  <ann@example.org> "),
    SLICE_INIT("Subject: a probe,\r\n\t folded"),
    SLICE_INIT("X-Other: not signed"),
};
static const unsigned char probe_digests[PROBE_SIGNATURES][DKIM_HASH_LEN] = {
    {0x50, 0x7d, 0x4d, 0x6e, 0x20, 0x5d, 0x94, 0x50, 0x28, 0x6a, 0x78, 0xfb, 0x0c, 0xb2, 0xc6, 0x6f,
	0xe8, 0xd9, 0xd8, 0xb9, 0x7a, 0xed, 0xe9, 0xdf, 0x7f, 0x59, 0x45, 0xeb, 0xd5, 0xda, 0x2c,
	0x1b},
    {0x4c, 0xf7, 0x41, 0x40, 0x02, 0x93, 0x14, 0x16, 0x60, 0x20, 0xdc, 0x15, 0x39, 0x66, 0x15, 0xf7,
	0x02, 0x91, 0x46, 0x65, 0x15, 0x19, 0x2c, 0x14, 0x72, 0x9d, 0xa6, 0xa0, 0xea, 0xd7, 0x7b,
	0x92},
};

/* A region whose blocks are counted. */
struct probe {
	struct region region;
	void *live[LIVE_MAX];
	size_t count;
	bool misused; /* it gave back what it did not have, or took too much to be counted */
};

static void *probe_alloc(void *closure, size_t size)
{
	struct probe *probe = closure;
	void *p = region_alloc(&probe->region, size);

	if (probe->count == LIVE_MAX)
		probe->misused = true;
	else
		probe->live[probe->count++] = p;
	return p;
}

static void probe_free(void *closure, void *p)
{
	struct probe *probe = closure;

	for (size_t i = 0; i < probe->count; i++) {
		if (probe->live[i] == p) {
			probe->live[i] = probe->live[--probe->count];
			return;
		}
	}
	probe->misused = true;
}

static bool are_right(const struct dkim_header_hash *want)
{
	for (size_t i = 0; i < PROBE_SIGNATURES; i++)
		if (!want[i].done || memcmp(want[i].digest, probe_digests[i], DKIM_HASH_LEN) != 0)
			return false;
	return true;
}

/* NULL, or what is wrong with how the library uses the hooks; memory may run out in it. */
static const char *probe_hooks(DKIM_LIB *lib, struct probe *probe)
{
	struct dkim_header_hash want[PROBE_SIGNATURES] = {{.field = 0}, {.field = 1}};
	DKIM *dkim = run(lib, probe, probe_fields, PROBE_FIELDS, want, PROBE_SIGNATURES);

	if (!are_right(want))
		return "computes another hash of a header than RFC 6376 asks for";
	dkim_free(dkim);
	if (probe->misused)
		return "frees memory that it does not have";
	return probe->count > 0 ? "does not free all memory of a message" : NULL;
}

static const char *probe_messages_hooks(void)
{
	struct probe probe = {.region = {.arena = arena_create(REGION_LIMIT)}};
	DKIM_LIB *lib = open_library(probe_alloc, probe_free);
	const char *volatile wrong = NULL;

	if (lib && probe.region.arena && setjmp(probe.region.out) == 0)
		wrong = probe_hooks(lib, &probe);
	if (lib)
		dkim_close(lib);
	arena_free(&probe.region.arena);
	return wrong;
}

/* What a message takes beside the hooks would stay: the region is dropped, not freed. */
static const char *probe_heap(struct dkim_opendkim *h)
{
	struct dkim_header_hash want[PROBE_SIGNATURES] = {{.field = 0}, {.field = 1}};
	size_t before = 0;

	for (int i = 0; i <= PROBE_MESSAGES; i++) {
		dkim_opendkim_hash(h, probe_fields, PROBE_FIELDS, want, PROBE_SIGNATURES);
		if (i == 0) /* what is made once is there now */
			before = mallinfo2().uordblks;
	}
	return mallinfo2().uordblks >= before + PROBE_MESSAGES * BLOCK_MIN
		   ? "takes memory for a message that it does not account for"
		   : NULL;
}

const char *dkim_opendkim_probe(struct dkim_opendkim *h)
{
	const char *wrong = probe_messages_hooks();

	if (!wrong)
		wrong = probe_heap(h);
	h->distrusted = wrong;
	return wrong;
}
