/*
 * The SPF check by libspf2.
 *
 * libspf2 as Debian ships it (1.2.10) can be killed by a TXT record (CVE-2023-42118) and gets 71
 * of the 203 public tests wrong.  So it walks the terms and nothing else: it evaluates a record
 * that was generated here, and its resolver is a layer of our own that answers tokens
 * (spf_tokens.h). No byte of a record, a name, a sender or a HELO reaches it.
 */
#include "edge/auth/spf.h"

#include "spf_tokens.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

/* After the system headers that it needs. */
#include <spf2/spf.h>

/* One walk of libspf2 over the terms. */
struct walk {
	struct spf_tokens *tokens;
	const char *first;   /* the canonical record of the identity, which the walk begins with */
	unsigned char flip;  /* see flip_of() */
	SPF_dns_rr_t *spare; /* the answer when memory runs out: libspf2 aborts on NULL */
	SPF_request_t *request;
	SPF_response_t *response;
	enum spf_result result;
	jmp_buf way_out; /* see leave() */
};

/* The walk for which libspf2 runs in this thread, or NULL: the server object, all that a hook is
 * given, serves every thread. */
static _Thread_local struct walk *current;

/* libspf2 stops at 10 of its own count, which restarts in every include; the check counts. */
enum { NO_LIMIT = 1000 };

/*
 * libspf2 says pass to any loopback client without looking.  Which addresses are special is not
 * its decision: to such a client's check every address is shown with its top bit flipped, which
 * changes no comparison.
 */
static unsigned char flip_of(const struct ip *client)
{
	unsigned char bytes[16];
	struct ip loopback6 = ip_from_v6((const unsigned char *)&in6addr_loopback);
	size_t len = ip_to_bytes(client, bytes);

	return (len == 4 && bytes[0] == IN_LOOPBACKNET) || ip_equal(client, &loopback6) ? 0x80 : 0;
}

/* ---- answers ------------------------------------------------------------------------- */

static bool add_record(SPF_dns_rr_t *rr, const struct dns_record *record, unsigned char flip)
{
	int at = rr->num_rr;
	size_t len = record->data.len;

	if (SPF_dns_rr_buf_realloc(rr, at, len + 1) != SPF_E_SUCCESS)
		return false;
	memset(rr->rr[at], 0, rr->rr_buf_len[at]);
	memcpy(rr->rr[at], record->data.ptr, len);
	if (rr->rr_type != ns_t_mx)
		*(unsigned char *)rr->rr[at] ^= flip;
	rr->num_rr++;
	return true;
}

/* The hook for A, AAAA and MX.  Must not return NULL. */
static SPF_dns_rr_t *lookup(
    SPF_dns_server_t *server, const char *token, ns_type type, int should_cache)
{
	struct walk *walk = current;
	struct dns_answer answer;
	int before = errno;
	enum spf_reply reply = spf_tokens_ask(walk->tokens, token, &answer);
	int status = reply == SPF_REPLY_STOP    ? TRY_AGAIN
		     : reply == SPF_REPLY_FOUND ? NETDB_SUCCESS
						: NO_DATA;
	SPF_dns_rr_t *rr;

	(void)should_cache;
	errno = before; /* is for libspf2's own failures: see guard_libspf2() */
	rr = SPF_dns_rr_new_init(server, token, type, 0, status);
	if (!rr) {
		rr = walk->spare;
		walk->spare = NULL;
		rr->herrno = TRY_AGAIN;
		return rr;
	}
	for (size_t i = 0; reply == SPF_REPLY_FOUND && i < answer.count; i++)
		if (!add_record(rr, &answer.records[i], walk->flip))
			rr->herrno = TRY_AGAIN;
	return rr;
}

/* The hook for records.  The check knows why there is none; any error code ends the walk. */
static SPF_errcode_t get_record(
    SPF_server_t *server, SPF_request_t *request, SPF_response_t *response, SPF_record_t **record)
{
	struct walk *walk = current;
	const char *text = walk->first;
	int before = errno;

	*record = NULL;
	walk->first = NULL;
	if (!text)
		text = spf_tokens_record(walk->tokens, request->cur_dom);
	errno = before;
	if (!text)
		return SPF_E_DNS_ERROR;
	return SPF_record_compile(server, response, record, text);
}

/* ---- the server object --------------------------------------------------------------- */

/* libspf2 asks for the host's name, which it does not need here, and fails when it is too long. */
static bool has_short_host_name(void)
{
	char name[HOST_NAME_MAX];

	return gethostname(name, sizeof name) == 0;
}

static SPF_server_t *new_server(void)
{
	static SPF_dns_server_t layer = {.lookup = lookup, .get_spf = get_record, .name = "check"};
	SPF_server_t *server = has_short_host_name() ? SPF_server_new_dns(&layer, 0) : NULL;

	if (server)
		SPF_server_set_max_dns_mech(server, NO_LIMIT);
	return server;
}

/*
 * One for all threads, made at the first check and kept: one for each check would cost a sixth of
 * its time.  Once it is made libspf2 only reads it: settings, the resolver, and the explanation and
 * the local policy that it has compiled.  NULL when out of memory; the next check tries again.
 */
static SPF_server_t *shared_server(void)
{
	static _Atomic(SPF_server_t *) shared;
	SPF_server_t *server = atomic_load(&shared), *other = NULL;

	if (server)
		return server;
	server = new_server();
	if (server && !atomic_compare_exchange_strong(&shared, &other, server)) {
		SPF_server_free(server);
		server = other;
	}
	return server;
}

/* ---- the walk ------------------------------------------------------------------------ */

static enum spf_result result_of(SPF_result_t result)
{
	switch (result) {
	case SPF_RESULT_NEUTRAL:
		return SPFR_NEUTRAL;
	case SPF_RESULT_PASS:
		return SPFR_PASS;
	case SPF_RESULT_FAIL:
		return SPFR_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return SPFR_SOFTFAIL;
	default:
		return SPFR_TEMPERROR;
	}
}

static bool set_client(SPF_request_t *request, const struct ip *client, unsigned char flip)
{
	unsigned char bytes[16];
	size_t len = ip_to_bytes(client, bytes);
	struct in_addr v4;
	struct in6_addr v6;

	bytes[0] ^= flip;
	if (len == sizeof v4) {
		memcpy(&v4, bytes, sizeof v4);
		return SPF_request_set_ipv4(request, v4) == SPF_E_SUCCESS;
	}
	memcpy(&v6, bytes, sizeof v6);
	return SPF_request_set_ipv6(request, v6) == SPF_E_SUCCESS;
}

static void ask_libspf2(struct walk *walk, const struct ip *client)
{
	SPF_server_t *server = shared_server();

	walk->request = server ? SPF_request_new(server) : NULL;
	if (!walk->request || !set_client(walk->request, client, walk->flip) ||
	    SPF_request_set_env_from(walk->request, "x@" SPF_TOKEN_SENDER) != SPF_E_SUCCESS)
		return;
	SPF_request_query_mailfrom(walk->request, &walk->response);
	if (walk->response)
		walk->result = result_of(SPF_response_result(walk->response));
}

static void free_libspf2(struct walk *walk)
{
	if (walk->response)
		SPF_response_free(walk->response);
	if (walk->request)
		SPF_request_free(walk->request);
	if (walk->spare)
		SPF_dns_rr_free(walk->spare);
}

/*
 * libspf2 reports what it cannot go on with, such as a lack of memory, to a handler, and aborts
 * when that returns.  So it does not return: the walk ends here, with a temperror.  What libspf2
 * had allocated besides request and response is lost then, a few kilobytes.
 */
__attribute__((noreturn)) static void leave(const char *file, int line, const char *message)
{
	(void)file;
	(void)line;
	(void)message;
	if (current)
		longjmp(current->way_out, 1);
	abort();
}

static void set_handlers(void)
{
	SPF_error_handler = leave;
	SPF_warning_handler = NULL; /* nobody reads what it prints */
	SPF_info_handler = NULL;
	SPF_debug_handler = NULL;
}

/* False when memory was short, whatever libspf2 made of it: malloc(3) leaves word in errno. */
static bool guard_libspf2(struct walk *walk, const struct ip *client)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_handlers);
	current = walk;
	errno = 0;
	if (setjmp(walk->way_out) == 0)
		ask_libspf2(walk, client);
	current = NULL;
	return errno != ENOMEM;
}

static enum spf_result walk_with_libspf2(struct walk *walk, const struct spf_check *check)
{
	walk->result = SPFR_TEMPERROR;
	walk->spare = SPF_dns_rr_new();
	if (!walk->spare || !guard_libspf2(walk, &check->query->client)) {
		walk->result = SPFR_TEMPERROR;
		arena_starve(check->arena);
	}
	free_libspf2(walk);
	return walk->result;
}

/* NULL: the check has stopped. */
static const struct spf_frame *evaluate(struct spf_check *check, enum spf_result *result)
{
	struct walk walk = {
	    .tokens = spf_tokens_create(check), .flip = flip_of(&check->query->client)};

	*result = SPFR_TEMPERROR;
	if (walk.tokens)
		walk.first = spf_tokens_record(walk.tokens, SPF_TOKEN_SENDER);
	if (walk.first)
		*result = walk_with_libspf2(&walk, check);
	if (*result == SPFR_TEMPERROR)
		spf_check_stop(check, SPFR_TEMPERROR, SLICE("libspf2 ended without a result"));
	return walk.tokens ? spf_tokens_deciding(walk.tokens) : NULL;
}

void spf_check(const struct dns *dns, const struct spf_query *query, struct arena *arena,
    struct spf_answer *out)
{
	struct spf_check *check = spf_check_begin(dns, query, arena, out);
	const struct spf_frame *deciding;
	enum spf_result result;

	if (!check)
		return;
	deciding = evaluate(check, &result);
	spf_check_finish(&check, result, deciding, arena, out);
}
