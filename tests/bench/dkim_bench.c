/*
 * DKIM: verifications a second on one and two threads, for a message of 10 KB signed with RSA-2048,
 * against libopendkim by itself and the pure RSA operations of `openssl speed`; and the processor
 * time that messages made to be expensive cost.
 *
 * Contestants are interleaved in rounds; rates are medians by the clock.  What two threads can do
 * at most depends on what else the machine does, so a computation without any lock runs in the same
 * rounds, and scaling is what a contestant reaches of that.  Exit status 1 when a bar is missed.
 */
#include "core/auth/dkim_verifier.h"
#include "edge/auth/dkim_library.h"
#include "edge/idn/idn.h"
#include "fake/signer.h"

#include <opendkim/dkim.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 21, BATCH = 1500, BODY = 10000, LARGE = 20000000, KEYS_MAX = 5 };

#define BAR_SCALING 1.8
#define BAR_HOSTILE 0.050 /* seconds beyond reading the message */

static int missed;
static struct dkim_crypto *library;
static struct slice records[KEYS_MAX + 1]; /* what the DNS says of selector "0", "1", … */

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_value);
	return values[n / 2];
}

static void bar(const char *what, bool holds)
{
	printf("    %s: %s\n", what, holds ? "holds" : "MISSED");
	missed += !holds;
}

/* ---- a DNS that answers at once ------------------------------------------------------ */

static void look_up(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct dns_record *record = arena_calloc(arena, 1, sizeof *record);

	(void)self;
	(void)type;
	record->data = records[name.ptr[0] - '0'];
	*out = (struct dns_answer){.status = DNS_OK, .count = 1, .records = record};
}

static const struct dns dns = {.lookup = look_up};

/* ---- messages ------------------------------------------------------------------------ */

struct field {
	struct slice text; /* without its CRLF */
};

struct message {
	struct field *fields;
	size_t count;
	struct slice body;
};

static struct message split(struct slice text, struct arena *arena)
{
	struct message m = {arena_alloc(arena, 6000 * sizeof *m.fields), 0, {NULL, 0}};
	size_t start = 0;

	for (size_t i = 0; i + 2 < text.len; i++) {
		if (memcmp(text.ptr + i, "\r\n", 2) != 0 || text.ptr[i + 2] == '\t' ||
		    text.ptr[i + 2] == ' ')
			continue;
		if (i == start)
			break;
		m.fields[m.count++].text = slice_of(text.ptr + start, i - start);
		start = i + 2;
	}
	m.body = slice_skip(text, start + 2);
	return m;
}

static enum dkim_result verify(const struct message *m)
{
	struct arena *arena = arena_create((size_t)16 << 20);
	struct dkim_verifier *v =
	    dkim_verifier_create(library, &dns, &idn_uts46, arena, (uint64_t)time(NULL));
	struct slice author = SLICE("example.org");
	struct dkim_answer answer;
	enum dkim_result result;

	for (size_t i = 0; i < m->count; i++) {
		struct slice text = m->fields[i].text;
		size_t colon = slice_find(text, ':');

		dkim_verifier_header(v, slice_of(text.ptr, colon), slice_skip(text, colon + 1));
	}
	/* A milter gets the body in pieces of 64 KiB. */
	if (dkim_verifier_end_of_headers(v, &author, 1))
		for (size_t i = 0; i < m->body.len; i += 65535)
			dkim_verifier_body(
			    v, m->body.ptr + i, m->body.len - i < 65535 ? m->body.len - i : 65535);
	dkim_verifier_finish(v, &answer);
	result = answer.count ? answer.signatures[0].result : DKIM_NONE;
	dkim_verifier_free(&v);
	arena_free(&arena);
	return result;
}

/* ---- libopendkim by itself ----------------------------------------------------------- */

static DKIM_LIB *bare;

static DKIM_CBSTAT bare_key(DKIM *dkim, DKIM_SIGINFO *sig, unsigned char *out, size_t len)
{
	(void)dkim;
	(void)sig;
	snprintf((char *)out, len, "%.*s", SLICE_ARG(records[0]));
	return DKIM_CBSTAT_CONTINUE;
}

static enum dkim_result verify_bare(const struct message *m)
{
	DKIM_STAT status;
	DKIM *dkim = dkim_verify(bare, (const unsigned char *)"b", NULL, &status);

	for (size_t i = 0; i < m->count; i++)
		dkim_header(
		    dkim, (unsigned char *)(uintptr_t)m->fields[i].text.ptr, m->fields[i].text.len);
	dkim_eoh(dkim);
	dkim_body(dkim, (unsigned char *)(uintptr_t)m->body.ptr, m->body.len);
	status = dkim_eom(dkim, NULL);
	dkim_free(dkim);
	return status == DKIM_STAT_OK ? DKIM_PASS : DKIM_FAIL;
}

/* ---- speed --------------------------------------------------------------------------- */

struct work {
	enum dkim_result (*verify)(const struct message *);
	const struct message *message;
	int times;
	size_t core; /* each thread has one of its own, as far as others let it */
};

/* What shares nothing: about as long as one verification. */
static enum dkim_result compute(const struct message *m)
{
	volatile uint64_t sum = m->body.len;

	for (int i = 0; i < 20000; i++)
		sum = sum * 6364136223846793005 + 1442695040888963407;
	return DKIM_PASS;
}

static void *run_batch(void *self)
{
	const struct work *w = self;
	cpu_set_t cores;

	CPU_ZERO(&cores);
	CPU_SET(w->core, &cores);
	pthread_setaffinity_np(pthread_self(), sizeof cores, &cores);
	for (int i = 0; i < w->times; i++) {
		if (w->verify(w->message) != DKIM_PASS) {
			fprintf(stderr, "dkim_bench: the message does not verify\n");
			exit(2);
		}
	}
	return NULL;
}

/* Messages a second of all threads together. */
static double rate(struct work work, int threads)
{
	struct work works[2] = {work, work};
	pthread_t thread[2];
	double start = seconds(CLOCK_MONOTONIC);

	works[1].core = 1;
	for (int i = 0; i < threads; i++)
		pthread_create(&thread[i], NULL, run_batch, &works[i]);
	for (int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	return threads * work.times / (seconds(CLOCK_MONOTONIC) - start);
}

/* RSA-2048 verifications a second by `openssl speed`; 0 when it is not there. */
static double openssl_speed(void)
{
	FILE *f = popen("openssl speed -mr -seconds 1 rsa2048 2>/dev/null", "r");
	char line[256];
	double sign, verifications = 0;

	while (f && fgets(line, sizeof line, f))
		sscanf(line, "+F2:%*d:%*d:%lf:%lf", &sign, &verifications);
	if (f)
		pclose(f);
	return verifications;
}

static struct slice plain_message(struct arena *arena)
{
	char *text = arena_alloc(arena, BODY + 4096);
	size_t n = 0;

	for (int i = 0; i < 12; i++)
		n += (size_t)sprintf(text + n,
		    "X-Field-%d: some value of the usual length, with\r\n\ta fold in it; %d\r\n", i,
		    i);
	n += (size_t)sprintf(text + n,
	    "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\n"
	    "Subject: ten kilobytes\r\nDate: now\r\nMessage-ID: <1@example.org>\r\n\r\n");
	for (size_t end = n + BODY; n < end;)
		n += (size_t)sprintf(
		    text + n, "A line of text as mail has them, of the usual length.\r\n");
	return slice_of(text, n);
}

/* Rates of one contestant with one and two threads, a round each. */
struct rates {
	double one[ROUNDS], two[ROUNDS], ratio[ROUNDS];
};

static void run_round(struct rates *r, struct work work, int i)
{
	r->one[i] = rate(work, 1);
	r->two[i] = rate(work, 2);
	r->ratio[i] = r->two[i] / r->one[i];
}

static double print_rates(const char *label, struct rates *r, double possible)
{
	double scaling = 2 * median(r->ratio, ROUNDS) / possible;

	printf("    %-16s %10.0f %10.0f %6.2f %10.2f\n", label, median(r->one, ROUNDS),
	    median(r->two, ROUNDS), median(r->ratio, ROUNDS), scaling);
	return scaling;
}

static void compare(const struct message *m)
{
	static struct rates ours, theirs, free_run;
	double possible, scaling;

	for (int i = 0; i < ROUNDS; i++) {
		run_round(&ours, (struct work){verify, m, BATCH, 0}, i);
		run_round(&free_run, (struct work){compute, m, BATCH, 0}, i);
		run_round(&theirs, (struct work){verify_bare, m, BATCH / 5, 0}, i);
	}
	possible = median(free_run.ratio, ROUNDS);
	printf("DKIM, 10 KB, relaxed/relaxed, RSA-2048, messages a second\n"
	       "                       1 thread  2 threads  ratio  of possible 2\n");
	scaling = print_rates("susmilter", &ours, possible);
	print_rates("libopendkim", &theirs, possible);
	print_rates("no shared state", &free_run, possible);
	printf("    openssl speed    %10.0f   (RSA alone)\n", openssl_speed());
	bar("2 threads at least 1.8 times 1 thread", scaling >= BAR_SCALING);
}

/* ---- messages made to be expensive --------------------------------------------------- */

/* "p=" with a public key of these numbers of bits, odd and otherwise at random. */
static struct slice made_up_key(int modulus, int exponent, struct arena *arena)
{
	BIGNUM *n = BN_new(), *e = BN_new();
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	unsigned char *der = NULL;
	char *text = arena_alloc(arena, 8192);
	int len;

	BN_rand(n, modulus, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_rand(e, exponent, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
	EVP_PKEY_fromdata_init(ctx);
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, OSSL_PARAM_BLD_to_param(build)) != 1)
		exit(2);
	len = i2d_PUBKEY(key, &der);
	memcpy(text, "p=", 2);
	len = EVP_EncodeBlock((unsigned char *)text + 2, der, len);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return slice_of(text, (size_t)len + 2);
}

/* bh= of the body in canonical form: the bodies here are canonical as they stand. */
static struct slice body_hash(struct slice body, struct arena *arena)
{
	unsigned char digest[32];
	char *text = arena_alloc(arena, 64);

	EVP_Digest(body.ptr, body.len, digest, NULL, EVP_sha256(), NULL);
	EVP_EncodeBlock((unsigned char *)text, digest, sizeof digest);
	return slice_str(text);
}

struct hostile {
	const char *label;
	int signatures, fields, names; /* names: more in h= */
	size_t body;
	bool lengths;          /* a different l= each */
	int modulus, exponent; /* bits of the keys */
};

static struct message build(const struct hostile *h, struct arena *arena)
{
	struct message m = {arena_alloc(arena, 6000 * sizeof *m.fields), 0, {NULL, 0}};
	char *body = arena_alloc(arena, h->body + 64), *names = arena_calloc(arena, 1, 4096);
	char b[700];
	struct slice bh;
	size_t n = 0;

	while (n < h->body)
		n += (size_t)sprintf(
		    body + n, "A line of a body that goes on for a long, long time.\r\n");
	m.body = slice_of(body, n);
	bh = body_hash(m.body, arena);
	memset(b, 'B', sizeof b);
	for (int i = 0, k = 0; i < h->names; i++)
		k += sprintf(names + k, ":x-%d", i % 10);
	for (int i = 0; i < h->signatures; i++)
		m.fields[m.count++].text = arena_printf(arena,
		    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/%s; d=example.org; s=%d.%d;%s "
		    "h=from%s;"
		    " bh=%.*s; b=%.*s",
		    i & 1 ? "relaxed" : "simple", i % KEYS_MAX, i,
		    h->lengths ? arena_printf(arena, " l=%zu;", n - (size_t)i * 1000).ptr : "",
		    names, SLICE_ARG(bh), (h->modulus / 8 * 4 + 2) / 3, b);
	m.fields[m.count++].text = SLICE("From: alice@example.org");
	for (int i = 0; i < h->fields; i++)
		m.fields[m.count++].text = arena_printf(arena, "X-%d: %200s", i % 10, "x");
	for (int i = 0; i < KEYS_MAX; i++)
		records[i] = made_up_key(h->modulus, h->exponent, arena);
	return m;
}

static void measure(const struct hostile *h)
{
	struct arena *arena = arena_create((size_t)256 << 20);
	struct message m = build(h, arena);
	double cost[7], reading[7], start, beyond;
	unsigned char digest[32];

	for (size_t i = 0; i < 7; i++) {
		start = seconds(CLOCK_THREAD_CPUTIME_ID);
		EVP_Digest(m.body.ptr, m.body.len, digest, NULL, EVP_sha256(), NULL);
		reading[i] = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
		start = seconds(CLOCK_THREAD_CPUTIME_ID);
		verify(&m);
		cost[i] = seconds(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	beyond = median(cost, 7) - median(reading, 7);
	printf("    %-58s %7.2f ms, reading %6.2f ms: %s\n", h->label, median(cost, 7) * 1e3,
	    median(reading, 7) * 1e3, beyond < BAR_HOSTILE ? "holds" : "MISSED");
	missed += beyond >= BAR_HOSTILE;
	arena_free(&arena);
}

static const struct hostile hostiles[] = {
    {"80 signatures, keys and exponents of 2,800 bits", 80, 10, 0, 1000, false, 2800, 2800},
    {"5,000 signatures", 5000, 10, 0, 1000, false, 2048, 17},
    {"50 signatures over 20 MB, each with its own l=", 50, 10, 0, LARGE, true, 2048, 17},
    {"50 signatures over 20 MB, simple and relaxed", 50, 10, 0, LARGE, false, 2048, 17},
    {"5 signatures, keys of 4,096 and exponents of 32 bits", 5, 10, 0, 1000, false, 4096, 32},
    {"5 signatures, 250 names in h=, 990 fields", 5, 990, 250, 1000, false, 2048, 17},
};

int main(void)
{
	struct arena *arena = arena_create((size_t)4 << 20);
	struct signer_key *key = signer_key_create(2048);
	struct signing how = {
	    .domain = "example.org",
	    .selector = "0",
	    .fields = "from:to:subject:date:message-id",
	    .relaxed_header = true,
	    .relaxed_body = true,
	    .length = -1,
	};
	struct message m = split(sign_by_opendkim(key, &how, plain_message(arena), arena), arena);

	library = dkim_library_create();
	bare = dkim_init(NULL, NULL);
	dkim_set_key_lookup(bare, bare_key);
	records[0] = signer_key_record(key, false, arena);
	compare(&m);
	printf("processor time of one hostile message; bar: 50 ms beyond hashing its body once\n");
	for (size_t i = 0; i < sizeof hostiles / sizeof *hostiles; i++)
		measure(&hostiles[i]);
	dkim_close(bare);
	dkim_library_free(&library);
	signer_key_free(&key);
	arena_free(&arena);
	return missed > 0;
}
