/*
 * spf_bench: checks a second through spf_check(), which is libspf2 and what protects it, through
 * core's spf_eval(), and through the bare library, with the same zone in memory; `spf_pyspf.py`
 * does the same for pyspf.
 *
 *     spf_bench [SECONDS [THREADS]]        SECONDS of each, in alternating rounds; medians
 *
 * A check of the bare library is what its manual shows: one server object, one request a check.
 */
#include "edge/dns/zone.h"
#include "fake/spf_both.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <spf2/spf.h>

enum { QUERIES_MAX = 64, ROUNDS = 5, THREADS_MAX = 16, FILE_MAX = 1 << 16 };

struct query {
	struct spf_query query;
	const char *client, *sender; /* as the bare library wants them */
	struct slice wanted;
};

static struct query queries[QUERIES_MAX];
static size_t query_count;
static struct zone *zone;
static struct dns dns;
static struct arena *memory;
static double round_seconds = 0.4;

static void die(const char *what)
{
	fprintf(stderr, "spf_bench: %s\n", what);
	exit(EXIT_FAILURE);
}

static struct slice read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = arena_alloc(memory, FILE_MAX);
	size_t len;

	if (!file || !text)
		die(path);
	len = fread(text, 1, FILE_MAX, file);
	fclose(file);
	return slice_of(text, len);
}

static struct slice take_word(struct slice *line)
{
	struct slice word;

	*line = slice_trim(*line);
	word = slice_cut(line, ' ');
	return word;
}

static void read_queries(struct slice text)
{
	while (text.len) {
		struct slice line = slice_cut(&text, '\n'), client, domain;
		struct query *q = &queries[query_count];
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		client = take_word(&line);
		domain = take_word(&line);
		q->wanted = slice_trim(line);
		q->query = (struct spf_query){.helo = SLICE("mx.sender.example"),
		    .local = SLICE("user"),
		    .domain = domain,
		    .receiver = SLICE("in.example.net")};
		if (!ip_parse(client, &q->query.client))
			die("a client is no address");
		q->client = arena_strdup(memory, client);
		q->sender = arena_printf(memory, "user@%.*s", SLICE_ARG(domain)).ptr;
		query_count++;
	}
}

/* ---- ours ---------------------------------------------------------------------------- */

static void check_ours(
    const struct spf_named_evaluator *by, const struct query *q, struct arena *arena)
{
	struct spf_answer a;

	by->evaluate(&dns, &q->query, arena, &a);
	if (!slice_equal(q->wanted, slice_str(spf_result_text(a.result))))
		die(by->name);
	arena_reset(arena);
}

/* ---- the bare library ---------------------------------------------------------------- */

static void fill(SPF_dns_rr_t *rr, const struct dns_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		struct slice data = answer->records[i].data;
		if (SPF_dns_rr_buf_realloc(rr, (int)i, data.len + 1) != SPF_E_SUCCESS)
			die("out of memory");
		memcpy(rr->rr[i], data.ptr, data.len);
		((char *)rr->rr[i])[data.len] = '\0';
		rr->num_rr++;
	}
}

static SPF_dns_rr_t *lookup(SPF_dns_server_t *server, const char *name, ns_type type, int cache)
{
	struct arena *arena = arena_create(1 << 16);
	struct dns_answer answer = {.status = DNS_NODATA};
	SPF_dns_rr_t *rr;

	(void)cache;
	if (type != ns_t_spf)
		dns_lookup(&dns, slice_str(name), (enum dns_type)type, arena, &answer);
	rr = SPF_dns_rr_new_init(server, name, type, 300,
	    answer.status == DNS_OK         ? NETDB_SUCCESS
	    : answer.status == DNS_NXDOMAIN ? HOST_NOT_FOUND
					    : NO_DATA);
	if (answer.status == DNS_OK)
		fill(rr, &answer);
	arena_free(&arena);
	return rr;
}

static void check_bare(SPF_server_t *server, const struct query *q)
{
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;

	if (q->query.client.family == IP_V4)
		SPF_request_set_ipv4_str(request, q->client);
	else
		SPF_request_set_ipv6_str(request, q->client);
	SPF_request_set_helo_dom(request, "mx.sender.example");
	SPF_request_set_env_from(request, q->sender);
	SPF_request_query_mailfrom(request, &response);
	SPF_response_free(response);
	SPF_request_free(request);
}

/* ---- timing -------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct run {
	const struct spf_named_evaluator *by; /* NULL: the bare library */
	size_t checks;
};

static void *run(void *argument)
{
	struct run *r = argument;
	struct arena *arena = arena_create(1 << 20);
	SPF_dns_server_t layer = {.lookup = lookup, .name = "zone"};
	SPF_server_t *server = SPF_server_new_dns(&layer, 0);
	double end = now() + round_seconds;

	while (now() < end) {
		for (size_t i = 0; i < query_count; i++) {
			if (r->by)
				check_ours(r->by, &queries[i], arena);
			else
				check_bare(server, &queries[i]);
		}
		r->checks += query_count;
	}
	SPF_server_free(server);
	arena_free(&arena);
	return NULL;
}

static double rate(const struct spf_named_evaluator *by, unsigned threads)
{
	pthread_t ids[THREADS_MAX];
	struct run runs[THREADS_MAX];
	double start = now();
	size_t checks = 0;

	for (unsigned i = 0; i < threads; i++) {
		runs[i] = (struct run){.by = by};
		if (pthread_create(&ids[i], NULL, run, &runs[i]) != 0)
			die("no thread");
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(ids[i], NULL);
		checks += runs[i].checks;
	}
	return (double)checks / (now() - start);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double rates[ROUNDS])
{
	qsort(rates, ROUNDS, sizeof *rates, by_value);
	return rates[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	double check[ROUNDS], eval[ROUNDS], bare[ROUNDS];
	unsigned threads = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	char why[ZONE_WHY_MAX];

	if (argc > 1)
		round_seconds = atof(argv[1]) / ROUNDS;
	if (threads < 1 || threads > THREADS_MAX)
		die("1 to 16 threads");
	memory = arena_create(1 << 20);
	zone = zone_create();
	if (zone_load(zone, read_file("tests/bench/spf.zone"), why))
		die(why);
	dns = zone_dns(zone);
	read_queries(read_file("tests/bench/spf.queries"));
	for (int i = 0; i < ROUNDS; i++) {
		check[i] = rate(&spf_evaluators[0], threads);
		eval[i] = rate(&spf_evaluators[1], threads);
		bare[i] = rate(NULL, threads);
	}
	printf("spf: %u thread%s: spf_check %.0f/s (%.1f us), spf_eval %.0f/s (%.1f us), "
	       "bare libspf2 %.0f/s; spf_eval:spf_check %.2f, spf_check:bare %.2f\n",
	    threads, threads > 1 ? "s" : "", median(check), 1e6 * threads / median(check),
	    median(eval), 1e6 * threads / median(eval), median(bare), median(eval) / median(check),
	    median(check) / median(bare));
	zone_free(&zone);
	arena_free(&memory);
	return EXIT_SUCCESS;
}
