#include "edge/dns/resolver_upstream.h"

#include "resolver_probe.h"

#include "core/net/ip.h"
#include "edge/dns/resolvconf.h"
#include "edge/os/monotonic.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unbound.h>
#include <unistd.h>

/* Where Debian's dns-root-data puts its files. */
#define TRUST_ANCHOR "/usr/share/dns/root.key"
#define ROOT_HINTS   "/usr/share/dns/root.hints"

enum {
	CLASS_IN = 1,
	RCODE_NOERROR = 0,
	RCODE_NXDOMAIN = 3,
	DNS_HEADER = 12,
	NSCOUNT = 8, /* where the header has the number of records of authority */
	/* Each question that waits for a server holds a socket with a random port.  libunbound's
	 * own 16 let sixteen questions to a dead server hold up all others. */
	SOCKETS_MAX = 4096,
	SOCKETS_MIN = 64,
	/* The shortest time that a forwarder has for an answer. */
	TRY_MS = 500,
};

struct option {
	const char *name, *value;
};

static const struct option common[] = {
    {"outgoing-num-tcp:", "128"}, /* 2 would let two dead servers hold up all others */
    {"num-queries-per-thread:", "8192"},
    {"msg-cache-size:", "16m"},
    {"rrset-cache-size:", "32m"},
};

/*
 * One forwarder answers for everybody, also for names whose own servers are dead.  libunbound takes
 * silence about one name for silence of the forwarder: it waits twice as long each time, and from
 * 12 s on does not ask it at all for a while, so that the owner of a dead name could take the DNS
 * from all others.  resolver_upstream_ping_forwarder() is against that, and the time for which it
 * keeps in mind what it thinks of a server, so that one that comes back is soon found.
 *
 * It also asks again after a few times the forwarder's usual answer time, 50 ms for one nearby, and
 * gives up after five tries, long before the forwarder has resolved a name that it did not know.
 * Hence not before TRY_MS, and as many tries as last to the end of a question even if none waits
 * longer than that: in 1.26 answers to others keep each try short, in 1.17 each waits twice as long
 * as the one before.
 */
static const struct option forwarding[] = {
    {"infra-host-ttl:", "10"},         /* seconds */
    {"do-not-query-localhost:", "no"}, /* that is where the forwarder often is */
    {"unblock-lan-zones:", "yes"},     /* reverse names of private networks are its own */
};

/* Names that libunbound keeps for itself, but a forwarder in a private network may know; the last
 * is for resolver_upstream_ping_forwarder(). */
static const char *const forwarded_zones[] = {"test.", "home.arpa.", "invalid."};

static const struct option recursing[] = {
    {"do-not-query-localhost:", "yes"}, /* no delegation may send us there */
};

/* libunbound's thread answers at once what it knows by itself, unless the machine stands still. */
#define DEAF_AFTER (5 * MONOTONIC_SECOND)

struct resolver_upstream {
	struct ub_ctx *context;
	bool forwards;
	unsigned pings;               /* how often the forwarder was asked */
	struct resolver_probe *probe; /* NULL where answers without records need none */
	int64_t checked; /* when libunbound was asked something that it knows; 0: it answered */
};

static const char no_start[] =
    "libunbound does not start (is a trust anchor or hints file broken?)";

/* Where an error becomes a sentence. */
struct complaint {
	char *why;
	size_t size;
};

static bool failed(struct complaint c, const char *what, int error)
{
	if (error)
		snprintf(c.why, c.size, "%s: %s", what,
		    error == UB_READFILE ? strerror(errno) : ub_strerror(error));
	return error != 0;
}

/* ---- settings ------------------------------------------------------------------------ */

bool resolver_is_address(struct slice text)
{
	struct slice port = text, scope = slice_cut(&port, '@'), address = slice_cut(&scope, '%');
	uint64_t number;
	struct ip ip;

	if (port.ptr && !(slice_to_uint(port, UINT16_MAX, &number) && number > 0))
		return false;
	if (scope.ptr && (scope.len == 0 || !slice_is_printable_ascii(scope) ||
			     slice_find(address, ':') == address.len))
		return false;
	return ip_parse(address, &ip);
}

static bool is_recursive(const struct resolver_settings *settings)
{
	return strcmp(settings->servers[0], "recursive") == 0;
}

static bool check_servers(const struct resolver_settings *settings, char *why, size_t size)
{
	if (settings->server_count == 0) {
		snprintf(why, size, "no servers; \"system\" takes those of resolv.conf");
		return false;
	}
	for (size_t i = 0; i < settings->server_count; i++) {
		const char *server = settings->servers[i];
		if (strcmp(server, "recursive") == 0) {
			if (settings->server_count == 1)
				return true;
			snprintf(why, size,
			    "\"recursive\" asks the servers of each "
			    "domain itself and stands alone");
			return false;
		}
		if (strcmp(server, "system") != 0 && !resolver_is_address(slice_str(server))) {
			snprintf(why, size,
			    "\"%.80s\" is neither \"system\" nor \"recursive\" nor an "
			    "address with an optional @port",
			    server);
			return false;
		}
	}
	return true;
}

static bool set_options(
    struct ub_ctx *context, const struct option *options, size_t count, struct complaint c)
{
	for (size_t i = 0; i < count; i++)
		if (failed(c, options[i].name,
			ub_ctx_set_option(context, options[i].name, options[i].value)))
			return false;
	return true;
}

#define SET_OPTIONS(context, table, c)                                                             \
	set_options(context, table, sizeof(table) / sizeof *(table), c)

static bool set_number(
    struct ub_ctx *context, const char *option, unsigned long number, struct complaint c)
{
	char text[24];

	snprintf(text, sizeof text, "%lu", number);
	return !failed(c, option, ub_ctx_set_option(context, option, text));
}

/* Half of the files that the process may have open, for the other half belongs to the mail. */
static bool set_sockets(struct ub_ctx *context, struct complaint c)
{
	struct rlimit files = {.rlim_cur = 0};
	rlim_t sockets;

	getrlimit(RLIMIT_NOFILE, &files);
	sockets = files.rlim_cur / 2;
	if (sockets > SOCKETS_MAX)
		sockets = SOCKETS_MAX;
	if (sockets < SOCKETS_MIN)
		sockets = SOCKETS_MIN;
	return set_number(context, "outgoing-range:", sockets, c);
}

/* The file that is set; else the usual one where it can be read; else none, as when it is "". */
static const char *file_of(const char *set, const char *usual)
{
	if (set)
		return *set ? set : NULL;
	return usual && access(usual, R_OK) == 0 ? usual : NULL;
}

/* Validates by the trust anchor; without one the validator has no business in the way. */
static bool set_validation(struct ub_ctx *context, const char *anchor, struct complaint c)
{
	if (anchor)
		return !failed(c, anchor, ub_ctx_add_ta_file(context, anchor));
	return SET_OPTIONS(context, ((const struct option[]){{"module-config:", "iterator"}}), c);
}

static bool set_recursion(
    struct resolver_upstream *u, const struct resolver_settings *settings, struct complaint c)
{
	struct ub_ctx *context = u->context;
	const char *hints = file_of(settings->root_hints, ROOT_HINTS);

	if (hints && failed(c, hints, ub_ctx_set_option(context, "root-hints:", hints)))
		return false;
	return SET_OPTIONS(context, recursing, c) &&
	       set_validation(context, file_of(settings->trust_anchor, TRUST_ANCHOR), c);
}

/* ADDRESS or ADDRESS@PORT; libunbound knows interfaces by number only. */
static bool set_server(struct resolver_upstream *u, const char *server, struct complaint c)
{
	struct slice port = slice_str(server), text = slice_cut(&port, '@');
	char address[RESOLVCONF_ADDRESS_MAX], forward[RESOLVCONF_ADDRESS_MAX + sizeof "@65535"];
	const char *wrong = resolvconf_address(text, address);

	if (wrong) {
		snprintf(c.why, c.size, "\"%.80s\" %s", server, wrong);
		return false;
	}
	snprintf(
	    forward, sizeof forward, "%s%s%.*s", address, port.ptr ? "@" : "", SLICE_ARG(port));
	if (u->probe)
		resolver_probe_server(u->probe, forward);
	return !failed(c, server, ub_ctx_set_fwd(u->context, forward));
}

static bool set_system_servers(
    struct resolver_upstream *u, const struct resolver_settings *settings, struct complaint c)
{
	struct resolvconf system;

	resolvconf_read(
	    settings->resolv_conf ? settings->resolv_conf : RESOLVCONF_PATH, &system, NULL);
	for (size_t i = 0; i < system.count; i++)
		if (!set_server(u, system.servers[i], c))
			return false;
	return true;
}

/* What resolver_probe.h is for was not so before. */
static bool leaves_records_out(void)
{
	int major = 0, minor = 0;

	return sscanf(ub_version(), "%d.%d", &major, &minor) == 2 &&
	       (major > 1 || (major == 1 && minor >= 19));
}

static bool set_forwarders(
    struct resolver_upstream *u, const struct resolver_settings *settings, struct complaint c)
{
	struct ub_ctx *context = u->context;

	if (leaves_records_out())
		u->probe = resolver_probe_create();
	if (!SET_OPTIONS(context, forwarding, c) ||
	    !set_number(context, "infra-cache-min-rtt:", TRY_MS, c) ||
	    !set_number(context, "outbound-msg-retry:", settings->question_ms / TRY_MS + 1, c) ||
	    !set_validation(context, file_of(settings->trust_anchor, NULL), c))
		return false;
	for (size_t i = 0; i < settings->server_count; i++) {
		const char *server = settings->servers[i];
		if (!(strcmp(server, "system") == 0 ? set_system_servers(u, settings, c)
						    : set_server(u, server, c)))
			return false;
	}
	for (size_t i = 0; i < sizeof forwarded_zones / sizeof *forwarded_zones; i++)
		if (failed(c, no_start, ub_ctx_zone_remove(context, forwarded_zones[i])))
			return false;
	return true;
}

/* ---- start and stop ------------------------------------------------------------------ */

static void ignore(void *nothing, int error, struct ub_result *result)
{
	(void)nothing;
	(void)error;
	ub_resolve_free(result);
}

/* libunbound reads its files and starts its thread with the first question; one about a name that
 * it knows itself shows what is wrong now, and not as DNS_TEMP from then on. */
static bool wake(struct ub_ctx *context, struct complaint c)
{
	return !failed(c, no_start,
	    ub_resolve_async(context, "localhost", DNS_A, CLASS_IN, NULL, ignore, NULL));
}

static void *return_at_once(void *nothing)
{
	return nothing;
}

/* A context whose thread could not be started is of no use, and whoever deletes it waits for that
 * thread or crashes: so whether there is a task for one is tried before. */
static bool has_task_left(struct complaint c)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, return_at_once, NULL);

	if (error)
		snprintf(c.why, c.size, "no thread for libunbound (pids.max, ulimit -u): %s",
		    strerror(error));
	else
		pthread_join(thread, NULL);
	return error == 0;
}

static bool set_up(
    struct resolver_upstream *u, const struct resolver_settings *settings, struct complaint c)
{
	struct ub_ctx *context = u->context;

	ub_ctx_debugout(context, NULL); /* what it has to say, it says in its answers */
	if (failed(c, "its thread", ub_ctx_async(context, 1)))
		return false;
	if (!SET_OPTIONS(context, common, c) || !set_sockets(context, c))
		return false;
	if (!(is_recursive(settings) ? set_recursion : set_forwarders)(u, settings, c))
		return false;
	return has_task_left(c) && wake(context, c);
}

struct resolver_upstream *resolver_upstream_create(
    const struct resolver_settings *settings, char *why, size_t size)
{
	struct resolver_upstream *u;

	if (!check_servers(settings, why, size))
		return NULL;
	u = malloc(sizeof *u);
	if (u)
		*u = (struct resolver_upstream){
		    .context = ub_ctx_create(), .forwards = !is_recursive(settings)};
	if (!u || !u->context) {
		snprintf(why, size, "out of memory or of random numbers");
		free(u);
		return NULL;
	}
	if (!set_up(u, settings, (struct complaint){why, size})) {
		resolver_upstream_free(u);
		return NULL;
	}
	return u;
}

void resolver_upstream_free(struct resolver_upstream *u)
{
	if (!u)
		return;
	/* Its thread would not hear that it is to end, and would be waited for. */
	if (resolver_upstream_is_deaf(u))
		return;
	ub_ctx_delete(u->context);
	resolver_probe_free(u->probe);
	free(u);
}

/* ---- questions and answers ----------------------------------------------------------- */

static struct resolver_answer *records_of(const struct ub_result *result)
{
	struct resolver_answer *answer = NULL;
	struct slice *rdata;
	size_t count = 0;

	while (result->data[count])
		count++;
	rdata = calloc(count, sizeof *rdata);
	if (!rdata)
		return resolver_answer_starved();
	for (size_t i = 0; i < count; i++)
		rdata[i] = slice_of(result->data[i], (size_t)result->len[i]);
	answer = resolver_answer_records((enum dns_type)result->qtype, rdata, count);
	free(rdata);
	return answer;
}

static struct resolver_answer *answer_of(const struct ub_result *result)
{
	struct resolver_answer *answer;

	if (result->bogus)
		return NULL;
	if (result->rcode != RCODE_NOERROR && result->rcode != RCODE_NXDOMAIN)
		return NULL;
	if (result->rcode == RCODE_NXDOMAIN)
		answer = resolver_answer_none(DNS_NXDOMAIN);
	else if (!result->havedata)
		answer = resolver_answer_none(DNS_NODATA);
	else
		answer = records_of(result);
	if (answer && !answer->starved) {
		answer->secure = result->secure;
		answer->ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0;
	}
	return answer;
}

/* An answer without records, and without the SOA record that belongs beside it. */
static bool is_doubtful(const struct ub_result *result, const struct resolver_answer *answer)
{
	const unsigned char *packet = result->answer_packet;

	return answer && answer->status == DNS_NODATA &&
	       (result->qtype == DNS_A || result->qtype == DNS_AAAA) && packet &&
	       result->answer_len >= DNS_HEADER && packet[NSCOUNT] == 0 && packet[NSCOUNT + 1] == 0;
}

static void heard(void *handle, int error, struct ub_result *result)
{
	struct resolver_handle *t = handle;
	struct resolver_answer *answer = error == UB_NOMEM ? resolver_answer_starved()
					 : error           ? NULL
							   : answer_of(result);
	bool probed = false;

	if (!error && answer && t->probe && is_doubtful(result, answer)) {
		struct resolver_key key = {
		    .type = (enum dns_type)result->qtype, .text = result->qname};
		probed = resolver_probe_ask(t->probe, &key, t, answer);
	}
	ub_resolve_free(result);
	if (!probed)
		t->on_answer(t, answer);
}

bool resolver_upstream_ask(
    struct resolver_upstream *u, const struct resolver_key *key, struct resolver_handle *handle)
{
	handle->probe = u->probe;
	return ub_resolve_async(u->context, key->text, (int)key->type, CLASS_IN, handle, heard,
		   &handle->id) == UB_NOERROR;
}

void resolver_upstream_cancel(struct resolver_upstream *u, struct resolver_handle *handle)
{
	if (!u->probe || !resolver_probe_cancel(u->probe, handle))
		ub_cancel(u->context, handle->id);
}

/* Resolvers answer names below invalid. at once and by themselves (RFC 6761 6.4); each time it is
 * another, since libunbound has the answers to the last ones. */
void resolver_upstream_ping_forwarder(struct resolver_upstream *u)
{
	char name[64];

	if (!u->forwards)
		return;
	snprintf(name, sizeof name, "are-you-there-%u.invalid", u->pings++);
	ub_resolve_async(u->context, name, DNS_A, CLASS_IN, NULL, ignore, NULL);
}

static void heard_check(void *upstream, int error, struct ub_result *result)
{
	struct resolver_upstream *u = upstream;

	(void)error;
	u->checked = 0;
	ub_resolve_free(result);
}

void resolver_upstream_check_library(struct resolver_upstream *u)
{
	if (u->checked == 0 && ub_resolve_async(u->context, "localhost", DNS_A, CLASS_IN, u,
				   heard_check, NULL) == UB_NOERROR)
		u->checked = monotonic_now();
}

bool resolver_upstream_is_deaf(const struct resolver_upstream *u)
{
	return u->checked != 0 && monotonic_now() - u->checked >= DEAF_AFTER;
}

int resolver_upstream_fd(struct resolver_upstream *u)
{
	return ub_fd(u->context);
}

int resolver_upstream_probe_fd(struct resolver_upstream *u)
{
	return u->probe ? resolver_probe_fd(u->probe) : -1;
}

bool resolver_upstream_process(struct resolver_upstream *u)
{
	if (u->probe) {
		resolver_probe_read(u->probe);
		resolver_probe_again(u->probe);
	}
	return ub_process(u->context) == UB_NOERROR;
}
