/*
 * Look-ups of addresses against libmaxminddb on the same content, in one run: addresses drawn
 * evenly, inside a random network (hit), and by Zipf's law from a million hosts of which seven in
 * eight lie inside a network.  All figures are medians of interleaved rounds, one pinned thread,
 * its own processor time.
 *
 *     ip_radix_bench [FILE]     FILE is a list of networks as a mail host has it
 */
#include "bench/routes.h"
#include "bench/triedump.h"

#include <arpa/inet.h>
#include <math.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS = 9,
	BUILDS = 7,
	QUERIES = 1 << 18,
	BATCH = 1 << 10,
	HOSTS = 1000000,
	VALUES = 1000,
	NONE = 0
};

enum stream_kind { UNIFORM, HIT, ZIPF, STREAMS };

static const char *const stream_name[STREAMS] = {"uniform", "hit", "zipf"};

union socket {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct stream {
	struct ip ips[QUERIES];
	union socket sockets[QUERIES]; /* the same for libmaxminddb */
};

/* What is timed. */
enum contestant { TRIE, MMDB_FOUND, MMDB_VALUE, TRIE_LATENCY, MMDB_LATENCY, CONTESTANTS };

struct table {
	const char *label;
	enum ip_family family;
	struct routes routes;
	double bar_ratio, bar_bytes; /* what must be reached at `hit`, and for a network; 0: none */
	struct ip_radix *trie;
	MMDB_s mmdb;
	struct stream *streams;
};

static void need(bool holds, const char *what)
{
	if (!holds) {
		fprintf(stderr, "ip_radix_bench: %s failed\n", what);
		exit(EXIT_FAILURE);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, by_size);
	return values[n / 2];
}

static void say_bar(bool holds, const char *what, double bar)
{
	printf("   bar %s %g: %s\n", what, bar, holds ? "PASS" : "below");
}

/* ---- building ------------------------------------------------------------------------ */

/* Plain longest-prefix match. */
static uint32_t latest_tag(
    void *context, uint32_t around, const struct ip_radix_entry *entries, size_t n)
{
	(void)context;
	(void)around;
	return entries[n - 1].tag;
}

static struct ip_radix *build(const struct routes *r)
{
	struct ip_radix_combine combine = {latest_tag, NULL, NONE};
	struct ip_radix *trie = ip_radix_build(r->entries, r->n, &combine);

	need(trie != NULL, "ip_radix_build");
	return trie;
}

static double build_ms(const struct routes *r)
{
	double times[BUILDS];

	for (size_t i = 0; i < BUILDS; i++) {
		double start = now();
		struct ip_radix *trie = build(r);
		times[i] = (now() - start) * 1e3;
		ip_radix_free(&trie);
	}
	return median(times, BUILDS);
}

/* The trie as a file of libmaxminddb; the file goes at once, the mapping stays. */
static void open_mmdb(struct table *t)
{
	char path[] = "/tmp/ip_radix-bench-XXXXXX";
	int fd = mkstemp(path);

	need(fd >= 0 && close(fd) == 0, "mkstemp");
	need(triedump_write(path, t->trie, t->family, NONE), "triedump_write");
	need(MMDB_open(path, MMDB_MODE_MMAP, &t->mmdb) == MMDB_SUCCESS, "MMDB_open");
	unlink(path);
}

/* ---- addresses ----------------------------------------------------------------------- */

static uint64_t seed = 7;

static struct ip any_address(enum ip_family family)
{
	struct ip ip = {routes_random(&seed), 0, family};

	if (family == IP_V4) {
		ip.hi &= (uint64_t)UINT32_MAX << 32;
	} else {
		ip.hi = (uint64_t)1 << 61 | ip.hi >> 3; /* 2000::/3, all that is in use */
		ip.lo = routes_random(&seed);
	}
	return ip;
}

static struct ip address_inside(const struct routes *r)
{
	const struct prefix *p = &r->entries[routes_below(&seed, r->n)].prefix;
	struct ip ip = any_address(p->base.family), last = prefix_last(p);

	ip.hi = p->base.hi | (ip.hi & (last.hi ^ p->base.hi));
	ip.lo = p->base.lo | (ip.lo & (last.lo ^ p->base.lo));
	return ip;
}

/* The k-th of n hosts comes 1/k times as often as the first: by the inverse of ln(k)/ln(n). */
static size_t zipf_below(size_t n)
{
	double u = (double)(routes_random(&seed) >> 11) * 0x1p-53;
	size_t k = (size_t)pow((double)n, u) - 1;

	return k < n ? k : n - 1;
}

static void fill_streams(struct table *t)
{
	struct ip *hosts = malloc(HOSTS * sizeof *hosts);

	t->streams = calloc(STREAMS, sizeof *t->streams);
	need(hosts && t->streams, "malloc");
	for (size_t i = 0; i < HOSTS; i++)
		hosts[i] = i % 8 ? address_inside(&t->routes) : any_address(t->family);
	for (size_t i = 0; i < QUERIES; i++) {
		t->streams[UNIFORM].ips[i] = any_address(t->family);
		t->streams[HIT].ips[i] = address_inside(&t->routes);
		/* The stride spreads the most frequent over both kinds. */
		t->streams[ZIPF].ips[i] = hosts[zipf_below(HOSTS) * 7919 % HOSTS];
	}
	free(hosts);
	for (size_t s = 0; s < STREAMS; s++)
		for (size_t i = 0; i < QUERIES; i++) {
			unsigned char bytes[16];
			ip_to_bytes(&t->streams[s].ips[i], bytes);
			t->streams[s].sockets[i].any.sa_family =
			    t->family == IP_V4 ? AF_INET : AF_INET6;
			if (t->family == IP_V4)
				memcpy(&t->streams[s].sockets[i].v4.sin_addr, bytes, 4);
			else
				memcpy(&t->streams[s].sockets[i].v6.sin6_addr, bytes, 16);
		}
}

/* ---- timing -------------------------------------------------------------------------- */

static volatile uint32_t sink;
static volatile uint32_t zero; /* the compiler must not know that it is */

static uint32_t mmdb_value(const struct table *t, const struct sockaddr *address, bool read_value)
{
	int error;
	MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&t->mmdb, address, &error);
	MMDB_entry_data_s data;

	if (!found.found_entry)
		return NONE;
	if (!read_value)
		return found.entry.offset;
	return MMDB_get_value(&found.entry, &data, NULL) == MMDB_SUCCESS ? data.uint32 : NONE;
}

/*
 * Seconds for all queries of a stream; `chained`: each waits for the answer of the last.  Queries
 * are copied to a small place before the clock starts, since a caller has its address at hand.
 */
static double time_trie(const struct table *t, const struct stream *s, bool chained)
{
	struct ip ips[BATCH];
	uint32_t sum = 0, mask = zero;
	double took = 0, start;

	for (size_t from = 0; from < QUERIES; from += BATCH) {
		memcpy(ips, s->ips + from, sizeof ips);
		start = now();
		if (chained)
			for (size_t i = 0; i < BATCH; i++)
				sum += ip_radix_lookup(t->trie, &ips[i ^ (sum & mask)]);
		else
			for (size_t i = 0; i < BATCH; i++)
				sum += ip_radix_lookup(t->trie, &ips[i]);
		took += now() - start;
	}
	sink = sum;
	return took;
}

static double time_mmdb(
    const struct table *t, const struct stream *s, bool chained, bool read_value)
{
	union socket sockets[BATCH];
	uint32_t sum = 0, mask = zero;
	double took = 0, start;

	for (size_t from = 0; from < QUERIES; from += BATCH) {
		memcpy(sockets, s->sockets + from, sizeof sockets);
		start = now();
		if (chained)
			for (size_t i = 0; i < BATCH; i++)
				sum += mmdb_value(t, &sockets[i ^ (sum & mask)].any, read_value);
		else
			for (size_t i = 0; i < BATCH; i++)
				sum += mmdb_value(t, &sockets[i].any, read_value);
		took += now() - start;
	}
	sink = sum;
	return took;
}

static double time_one(const struct table *t, const struct stream *s, enum contestant who)
{
	switch (who) {
	case TRIE:
		return time_trie(t, s, false);
	case TRIE_LATENCY:
		return time_trie(t, s, true);
	case MMDB_FOUND:
		return time_mmdb(t, s, false, false);
	case MMDB_VALUE:
		return time_mmdb(t, s, false, true);
	default:
		return time_mmdb(t, s, true, false);
	}
}

static void check_agreement(const struct table *t)
{
	for (size_t s = 0; s < STREAMS; s++)
		for (size_t i = 0; i < QUERIES; i++)
			need(ip_radix_lookup(t->trie, &t->streams[s].ips[i]) ==
				 mmdb_value(t, &t->streams[s].sockets[i].any, true),
			    "agreement with libmaxminddb");
}

/* Takes the times of all contestants on all streams; the median of each, in nanoseconds. */
static void run_rounds(
    const struct table *t, double ns[STREAMS][CONTESTANTS], double ratio[STREAMS][2])
{
	static double times[STREAMS][CONTESTANTS][ROUNDS];
	static double ratios[STREAMS][2][ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++)
		for (size_t s = 0; s < STREAMS; s++) {
			for (enum contestant who = 0; who < CONTESTANTS; who++) {
				time_one(
				    t, &t->streams[s], who); /* brings its own into the caches */
				times[s][who][round] =
				    time_one(t, &t->streams[s], who) / QUERIES * 1e9;
			}
			ratios[s][0][round] = times[s][MMDB_FOUND][round] / times[s][TRIE][round];
			ratios[s][1][round] = times[s][MMDB_VALUE][round] / times[s][TRIE][round];
		}
	for (size_t s = 0; s < STREAMS; s++) {
		for (enum contestant who = 0; who < CONTESTANTS; who++)
			ns[s][who] = median(times[s][who], ROUNDS);
		for (size_t i = 0; i < 2; i++)
			ratio[s][i] = median(ratios[s][i], ROUNDS);
	}
}

static void compare(struct table *t)
{
	double ns[STREAMS][CONTESTANTS], ratio[STREAMS][2];

	open_mmdb(t);
	fill_streams(t);
	check_agreement(t);
	run_rounds(t, ns, ratio);
	printf("  million look-ups a second         found only      with value     latency, ns\n"
	       "               trie         libmaxminddb  ratio   libmaxminddb  ratio    trie  "
	       "libmaxminddb\n");
	for (size_t s = 0; s < STREAMS; s++) {
		printf("  %-8s %8.1f %12.2f %11.1f %9.2f %11.1f %9.0f %9.0f\n", stream_name[s],
		    1e3 / ns[s][TRIE], 1e3 / ns[s][MMDB_FOUND], ratio[s][0],
		    1e3 / ns[s][MMDB_VALUE], ratio[s][1], ns[s][TRIE_LATENCY], ns[s][MMDB_LATENCY]);
		if (s == HIT && t->bar_ratio > 0)
			say_bar(ratio[s][1] >= t->bar_ratio, "ratio with value >=", t->bar_ratio);
	}
	MMDB_close(&t->mmdb);
	free(t->streams);
}

/* What a trie without entries has: its roots. */
static size_t empty_bytes(void)
{
	struct routes nothing = {0};
	struct ip_radix *trie = build(&nothing);
	size_t bytes = ip_radix_bytes(trie);

	ip_radix_free(&trie);
	return bytes;
}

static void show(struct table *t, bool with_peer)
{
	double bytes;

	t->trie = build(&t->routes);
	bytes = (double)ip_radix_bytes(t->trie) / (double)t->routes.n;
	printf("%s: %zu networks, %zu bytes, %.2f for each, built in %.1f ms\n", t->label,
	    t->routes.n, ip_radix_bytes(t->trie), bytes, build_ms(&t->routes));
	if (t->bar_bytes > 0)
		say_bar(bytes <= t->bar_bytes, "bytes for each <=", t->bar_bytes);
	if (with_peer)
		compare(t);
	ip_radix_free(&t->trie);
	putchar('\n');
	fflush(stdout);
}

/* The whole table of both families: what a reload builds, sorted already and not. */
static void show_builds(const struct routes *v4, const struct routes *v6)
{
	struct routes both = routes_join(v4, v6);
	double start, sorted = build_ms(&both);
	struct ip_radix *trie;

	for (size_t i = both.n; i > 1; i--) {
		size_t j = routes_below(&seed, i);
		struct ip_radix_entry e = both.entries[i - 1];
		both.entries[i - 1] = both.entries[j];
		both.entries[j] = e;
	}
	start = now();
	trie = build(&both);
	printf("both families: %zu networks built in %.1f ms from sorted, %.1f ms from shuffled\n",
	    both.n, sorted, (now() - start) * 1e3);
	say_bar(sorted <= 60, "ms from sorted <=", 60);
	ip_radix_free(&trie);
	routes_free(&both);
	putchar('\n');
}

static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)sched_getcpu(), &set);
	need(sched_setaffinity(0, sizeof set, &set) == 0, "sched_setaffinity");
}

int main(int argc, char **argv)
{
	struct table tables[] = {
	    {"IPv4 routes", IP_V4, routes_ipv4(1, VALUES), 35, 5, .trie = NULL},
	    {"IPv6 routes", IP_V6, routes_ipv6(2, VALUES), 11, 16, .trie = NULL},
	    {"IPv6 of mail lists", IP_V6, routes_hosts6(3, VALUES), 0, 60, .trie = NULL},
	};
	struct table small = {
	    .label = "small table", .routes = routes_small(4, 50), .bar_bytes = 320};
	struct table real = {.label = "real list", .family = IP_V4};

	pin();
	printf("a trie without entries: %zu bytes\n\n", empty_bytes());
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		show(&tables[i], true);
	show_builds(&tables[0].routes, &tables[1].routes);
	show(&small, false);
	if (argc > 1)
		real.routes = routes_read(argv[1]);
	if (real.routes.n > 0)
		show(&real, true);
	else
		puts("real list: not there");
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		routes_free(&tables[i].routes);
	routes_free(&small.routes);
	routes_free(&real.routes);
	return EXIT_SUCCESS;
}
