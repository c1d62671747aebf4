/* One SMTP connection: libmilter's callbacks → core/transaction. */
#include "milter_private.h"

#include "core/session/transaction.h"
#include "edge/milter/milteranswer.h"
#include "edge/milter/tls_memory.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Of the settings what is needed while the milter runs. */
static const struct env *env;
static struct table *table;
static unsigned max_sessions;

static atomic_uint sessions;

/* The message whose end this thread is about to answer; NULL elsewhere. */
static _Thread_local SMFICTX *ending;

/* One SMTP connection, hung on smfi_setpriv. */
struct connection {
	struct session *session;
	const struct generation *pinned; /* while a transaction is open */
	bool sees_headers, sees_body;
	bool may_skip;                        /* SMFIP_SKIP: the rest of a body can be declined */
	bool adds_blank;                      /* the MTA hides the blank behind a field's colon */
	bool no_connect_reply, no_helo_reply; /* SMFIP_NR_CONN, SMFIP_NR_HELO: nobody waits */
	bool no_header_reply, no_eoh_reply;   /* SMFIP_NR_HDR, SMFIP_NR_EOH: the answer is held */
	bool counted, overloaded;
	struct answer held; /* to be given where somebody waits for one: at EOH or at the end */
};

static const struct answer go_on = {.kind = ANSWER_CONTINUE};

/*
 * Made by the first callback, negotiate or connect.  Later ones do not: a session that has not
 * heard of its client would not be inbound.  Where there is none mail is answered 421.
 */
static struct connection *connection_of(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c)
		return c;
	c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->session = session_create(env);
	if (!c->session || smfi_setpriv(ctx, c) != MI_SUCCESS) {
		session_free(&c->session);
		free(c);
		return NULL;
	}
	c->sees_headers = c->sees_body = c->adds_blank = true;
	return c;
}

static struct slice macro(SMFICTX *ctx, const char *name)
{
	return slice_str(smfi_getsymval(ctx, milteranswer_text(name)));
}

static void end_transaction(struct connection *c)
{
	transaction_abort(c->session);
	table_unpin(&c->pinned);
	c->held = go_on;
}

/* ---- callbacks ----------------------------------------------------------------------- */

/* The macros that are read below; asking for just these lets a stock Sendmail work and spares both
 * MTAs the others. */
static void ask_for_macros(SMFICTX *ctx)
{
	smfi_setsymlist(ctx, SMFIM_CONNECT,
	    milteranswer_text("j v {client_name} {client_resolve} {client_connections}"));
	smfi_setsymlist(
	    ctx, SMFIM_ENVFROM, milteranswer_text("i {auth_authen} {mail_addr} {tls_version}"));
	smfi_setsymlist(ctx, SMFIM_ENVRCPT, milteranswer_text("i {rcpt_addr}"));
	smfi_setsymlist(ctx, SMFIM_EOM, milteranswer_text("i"));
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long offered_actions,
    unsigned long offered_steps, unsigned long unused2, unsigned long unused3,
    unsigned long *actions, unsigned long *steps, unsigned long *reserved2,
    unsigned long *reserved3)
{
	const unsigned long always = SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN | SMFIP_NR_HELO;
	const unsigned long headers = SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_HDR_LEADSPC;
	const unsigned long no_headers = SMFIP_NOHDRS | SMFIP_NOEOH;
	struct connection *c = connection_of(ctx);
	const struct generation *g = table_pin(table);

	(void)unused2;
	(void)unused3;
	if (!c) {
		table_unpin(&g);
		return SMFIS_ALL_OPTS; /* what a connection begins with fits; see connection_of() */
	}
	c->sees_headers = ruleset_wants_headers(g->rules) || session_is_sampled(c->session) ||
			  (offered_steps & SMFIP_NOHDRS) == 0;
	c->sees_body = ruleset_wants_body(g->rules) || session_is_sampled(c->session) ||
		       (offered_steps & SMFIP_NOBODY) == 0;
	table_unpin(&g);
	*actions = offered_actions & (SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE);
	*steps = offered_steps & (always | (c->sees_headers ? headers : no_headers) |
				     (c->sees_body ? SMFIP_SKIP : SMFIP_NOBODY));
	c->may_skip = (*steps & SMFIP_SKIP) != 0;
	c->adds_blank = (*steps & SMFIP_HDR_LEADSPC) == 0;
	c->no_connect_reply = (*steps & SMFIP_NR_CONN) != 0;
	c->no_helo_reply = (*steps & SMFIP_NR_HELO) != 0;
	c->no_header_reply = (*steps & SMFIP_NR_HDR) != 0;
	c->no_eoh_reply = (*steps & SMFIP_NR_EOH) != 0;
	*reserved2 = *reserved3 = 0;
	ask_for_macros(ctx);
	return SMFIS_CONTINUE;
}

static struct ip address_of(const struct sockaddr *sa)
{
	struct ip none = {.family = IP_NONE};

	if (sa && sa->sa_family == AF_INET)
		return ip_from_v4(
		    (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	if (sa && sa->sa_family == AF_INET6)
		return ip_from_v6(
		    (const void *)&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
	return none;
}

/* Postfix and Sendmail tell it with the address; 0: they do not. */
static uint16_t port_of(const struct sockaddr *sa)
{
	if (sa && sa->sa_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	if (sa && sa->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port);
	return 0;
}

/*
 * The verified name of the client.  Postfix says "unknown" where it has none; Sendmail gives the
 * address in brackets, and tells in {client_resolve} whether a name was confirmed.
 */
static struct slice verified_name(SMFICTX *ctx, const char *given)
{
	struct slice name = macro(ctx, "{client_name}");
	struct slice resolve = macro(ctx, "{client_resolve}");

	if (name.len == 0)
		name = slice_str(given);
	if ((resolve.len > 0 && !slice_equal(resolve, SLICE("OK"))) ||
	    slice_equal_nocase(name, SLICE("unknown")) || slice_starts(name, SLICE("[")))
		return slice_of(NULL, 0);
	return name;
}

/*
 * Postfix's cleanup plays a session for mail that came by sendmail(1) or stands in the queue
 * again (non_smtpd_milters).  Only its smtpd counts connections.  That a client name is there
 * shows that our list of macros was heeded, so that the count is missing and not just unasked.
 */
static bool is_played(SMFICTX *ctx)
{
	return slice_starts(macro(ctx, "v"), SLICE("Postfix")) &&
	       macro(ctx, "{client_name}").len > 0 && macro(ctx, "{client_connections}").len == 0;
}

/* A connection counts once it brings a client: one that only negotiates, as the watchdog does,
 * takes nobody's place. */
static void count_session(struct connection *c)
{
	if (!c->counted)
		c->overloaded = atomic_fetch_add(&sessions, 1) >= max_sessions;
	c->counted = true;
}

static sfsistat on_connect(SMFICTX *ctx, char *name, _SOCK_ADDR *sa)
{
	struct connection *c = connection_of(ctx);
	struct ip client = address_of(sa);

	if (!c)
		return SMFIS_CONTINUE;
	count_session(c);
	session_through(c->session, DOOR_MILTER, port_of(sa));
	session_connect(c->session, &client, verified_name(ctx, name), is_played(ctx));
	return c->no_connect_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat on_helo(SMFICTX *ctx, char *helo)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c)
		session_helo(c->session, slice_str(helo));
	return c && c->no_helo_reply ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* Said from MAIL on: at connect libmilter takes no reply text. */
static sfsistat refuse_session(SMFICTX *ctx, struct connection *c)
{
	struct answer answer;

	if (!c)
		return milteranswer_no_memory(ctx);
	answer = transaction_one_too_many(c->session);
	return milteranswer_send(ctx, &answer);
}

static sfsistat on_mail(SMFICTX *ctx, char **arguments)
{
	struct connection *c = smfi_getpriv(ctx);
	struct slice tls = macro(ctx, "{tls_version}"), mta = macro(ctx, "j");
	struct answer answer;

	if (!c || c->overloaded)
		return refuse_session(ctx, c);
	end_transaction(c);
	c->pinned = table_pin(table);
	answer = transaction_mail(c->session, &(struct mail_event){
						  .rules = c->pinned->rules,
						  .generation = c->pinned->number,
						  .sender = slice_str(arguments[0]),
						  .mta_sender = macro(ctx, "{mail_addr}"),
						  .auth = macro(ctx, "{auth_authen}"),
						  .tls = tls,
						  .gives_tls = tls_memory_gives(mta, tls.len > 0),
						  .queue_id = macro(ctx, "i"),
						  .mta_name = mta,
						  .sees_headers = c->sees_headers,
						  .sees_body = c->sees_body,
					      });
	if (answer.kind != ANSWER_CONTINUE)
		end_transaction(c);
	return milteranswer_send(ctx, &answer);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **arguments)
{
	struct connection *c = smfi_getpriv(ctx);
	struct answer answer;

	if (!c || c->overloaded)
		return refuse_session(ctx, c);
	transaction_queue_id(c->session, macro(ctx, "i"));
	answer = transaction_rcpt(c->session, slice_str(arguments[0]), macro(ctx, "{rcpt_addr}"));
	return milteranswer_send(ctx, &answer);
}

/*
 * A field as it stands on the wire.  An MTA without SMFIP_HDR_LEADSPC takes one blank off each
 * value; where it cannot be asked, the usual one is put back, since DKIM signs it.
 */
static struct answer show_header(struct connection *c, struct slice name, struct slice value)
{
	char *exact;
	struct answer answer;

	if (!c->adds_blank || !transaction_wants_headers(c->session))
		return transaction_header(c->session, name, value);
	exact = malloc(value.len + 1);
	if (!exact)
		return transaction_no_memory(c->session);
	exact[0] = ' ';
	memcpy(exact + 1, value.ptr, value.len);
	answer = transaction_header(c->session, name, slice_of(exact, value.len + 1));
	free(exact);
	return answer;
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *c = smfi_getpriv(ctx);

	if (!c)
		return milteranswer_no_memory(ctx);
	if (c->held.kind == ANSWER_CONTINUE)
		c->held = show_header(c, slice_str(name), slice_str(value));
	return c->no_header_reply ? SMFIS_NOREPLY : milteranswer_send(ctx, &c->held);
}

static sfsistat on_end_of_headers(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (!c)
		return milteranswer_no_memory(ctx);
	if (c->held.kind == ANSWER_CONTINUE)
		transaction_end_of_headers(c->session);
	return c->no_eoh_reply ? SMFIS_NOREPLY : milteranswer_send(ctx, &c->held);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t len)
{
	struct connection *c = smfi_getpriv(ctx);

	if (!c)
		return milteranswer_no_memory(ctx);
	if (c->held.kind == ANSWER_CONTINUE &&
	    transaction_body(c->session, (const char *)bytes, len))
		return SMFIS_CONTINUE;
	return c->may_skip ? SMFIS_SKIP : SMFIS_CONTINUE;
}

static sfsistat on_end(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);
	const struct header_edit *edits = NULL;
	sfsistat status;
	size_t count = 0;

	if (!c)
		return milteranswer_no_memory(ctx);
	transaction_queue_id(c->session, macro(ctx, "i"));
	ending = ctx;
	if (c->held.kind == ANSWER_CONTINUE)
		c->held = transaction_end(c->session, &edits, &count);
	ending = NULL;
	status = milteranswer_edit(ctx, edits, count, c->adds_blank ? "" : " ")
		     ? milteranswer_send(ctx, &c->held)
		     : milteranswer_broken(ctx);
	end_transaction(c);
	return status;
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c)
		end_transaction(c);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (!c)
		return SMFIS_CONTINUE;
	end_transaction(c);
	session_free(&c->session);
	if (c->counted)
		atomic_fetch_sub(&sessions, 1);
	free(c);
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

void milter_refuse(const struct ip *client, struct reply *out)
{
	struct session *s = session_create(env);

	if (!s) {
		milteranswer_too_many(out);
		return;
	}
	session_connect(s, client, slice_of(NULL, 0), false);
	*out = transaction_one_too_many(s).reply;
	session_free(&s);
}

struct smfiDesc milter_callbacks(const struct milter_settings *settings)
{
	env = settings->env;
	table = settings->table;
	max_sessions = settings->max_sessions;
	return (struct smfiDesc){
	    .xxfi_name = milteranswer_text("susmilter"),
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_end_of_headers,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_end,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};
}

void milter_still(void)
{
	if (ending)
		smfi_progress(ending);
}

unsigned milter_sessions(void)
{
	return atomic_load(&sessions);
}
