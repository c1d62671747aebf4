#include "edge/control/commands.h"
#include "edge/control/json_memory.h"

#include "core/name/address.h"
#include "core/net/prefix.h"
#include "edge/control/watch.h"
#include "edge/idn/idn.h"
#include "edge/recorded/tail_past.h"

#include <string.h>
#include <unistd.h>

/* ---- the stream of decisions --------------------------------------------------------- */

bool watch_start(struct watch *w, struct request *req)
{
	*w = (struct watch){.asked = req, .fd = recorder_watch(req->worker->recorder)};
	if (w->fd < 0)
		channel_error(
		    req->channel, "too many tail and top commands are running: end one first\n");
	return w->fd >= 0;
}

void watch_end(struct watch *w)
{
	close(w->fd);
}

/* The next whole line that has been read, as a record. */
static json_t *next_line(struct watch *w)
{
	char *end;
	json_t *record = NULL;

	while (!record && (end = memchr(w->buffer, '\n', w->len))) {
		size_t n = (size_t)(end - w->buffer);
		record = json_loadb(w->buffer, n, 0, NULL);
		w->len -= n + 1;
		memmove(w->buffer, end + 1, w->len);
	}
	return record;
}

enum channel_event watch_next(struct watch *w, int timeout_ms, json_t **record)
{
	enum channel_event event;
	ssize_t n;

	while (!(*record = next_line(w))) {
		if (w->len == sizeof w->buffer) /* no record is as long */
			w->len = 0;
		event = channel_wait(w->asked->channel, w->fd, timeout_ms);
		if (event != CHANNEL_READABLE)
			return event;
		n = read(w->fd, w->buffer + w->len, sizeof w->buffer - w->len);
		if (n == 0)
			return CHANNEL_GONE;
		w->len += n > 0 ? (size_t)n : 0;
	}
	return CHANNEL_READABLE;
}

const char *record_text(const json_t *record, const char *key)
{
	const char *text = json_string_value(json_object_get(record, key));

	return text ? text : "";
}

/* ---- tail ---------------------------------------------------------------------------- */

struct filter {
	const char *rule, *action;
	bool by_client;
	struct prefix client;
	bool by_recipient, by_domain;
	struct slice recipient; /* folded; by_domain: a canonical name */
	struct arena *scratch;  /* for the record that is looked at */
};

/* What a record may need to be looked at: an address, folded. */
enum { SCRATCH_MAX = 16 * 1024 };

/* A word that no record has would wait for ever. */
bool watch_is_action(const char *action)
{
	for (int a = 0; a < ACTION_COUNT; a++)
		for (int monitored = 0; monitored < 2; monitored++) {
			struct counter c = {.action = (enum action)a, .monitored = monitored};
			if (strcmp(action, action_word(c.action, c.monitored)) == 0)
				return true;
		}
	return false;
}

static bool has_sense(struct request *req, const struct filter *f)
{
	if (f->action && !watch_is_action(f->action)) {
		channel_error(req->channel,
		    "tail: --action must be accept, reject, tempfail, quarantine, would_reject, "
		    "would_tempfail or would_quarantine\n");
		return false;
	}
	if (f->rule && !ruleset_find_rule(req->generation->rules, slice_str(f->rule))) {
		channel_error(
		    req->channel, "tail: there is no rule \"%s\" (check lists all)\n", f->rule);
		return false;
	}
	return true;
}

/* "@example.org" is any recipient there. */
static bool read_recipient(struct request *req, struct filter *f)
{
	struct slice wanted = slice_str(request_text(req, "recipient"));
	struct address address;
	const char *wrong = NULL;

	f->by_recipient = wanted.ptr;
	f->by_domain = slice_starts(wanted, SLICE("@"));
	if (f->by_domain) {
		wrong = name_parse(slice_skip(wanted, 1), &idn_lenient, req->arena, &f->recipient);
	} else if (f->by_recipient) {
		address_parse(wanted, &idn_lenient, req->arena, &address);
		f->recipient = address.folded;
	}
	if (wrong)
		channel_error(
		    req->channel, "tail: --recipient %.*s: %s\n", SLICE_ARG(wanted), wrong);
	return !wrong;
}

static bool read_filter(struct request *req, struct filter *f)
{
	const char *client = request_text(req, "client");
	char why[PREFIX_WHY_MAX];
	const char *wrong;

	*f = (struct filter){.rule = request_text(req, "rule"),
	    .action = request_text(req, "action"),
	    .by_client = client};
	wrong = client ? prefix_parse(slice_str(client), &f->client, why) : NULL;
	if (wrong)
		channel_error(req->channel, "tail: --client %s: %s\n", client, wrong);
	return !wrong && read_recipient(req, f) && has_sense(req, f);
}

/* Records keep what was sent: one mailbox may be written in many ways. */
static bool is_recipient(const struct filter *f, const char *recipient)
{
	struct address address;

	arena_reset(f->scratch);
	address_parse(slice_str(recipient), &idn_lenient, f->scratch, &address);
	return slice_equal(f->by_domain ? address.domain : address.folded, f->recipient);
}

static bool passes(const struct filter *f, const json_t *record)
{
	struct ip client;

	if (f->rule && strcmp(f->rule, record_text(record, "rule")) != 0)
		return false;
	if (f->action && strcmp(f->action, record_text(record, "action")) != 0)
		return false;
	if (f->by_recipient && !is_recipient(f, record_text(record, "recipient")))
		return false;
	return !f->by_client || (ip_parse(slice_str(record_text(record, "client")), &client) &&
				    prefix_contains(&f->client, &client));
}

/* " key=value", when there is one. */
static void print_field(struct request *req, const json_t *record, const char *key)
{
	char plain[PLAIN_MAX];
	const char *text = record_text(record, key);

	if (text[0])
		channel_print(req->channel, " %s=%s", key, plain_text(text, plain));
}

/* Of a terminal (ECMA-48): what was refused catches the eye. */
static const char *color_of(const char *action)
{
	static const struct {
		const char *action, *color;
	} colors[] = {{"reject", "\033[31m"}, {"tempfail", "\033[33m"}, {"quarantine", "\033[35m"},
	    {"accept", "\033[32m"}};

	for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
		if (strcmp(action, colors[i].action) == 0)
			return colors[i].color;
	return "\033[36m"; /* what monitor mode would have done */
}

static void print_action(struct request *req, const char *time, const char *action)
{
	bool color = request_switch(req, "color");
	char plain[PLAIN_MAX];

	channel_print(req->channel, "%.8sZ %s%s%s", strlen(time) > 11 ? time + 11 : "",
	    color ? color_of(action) : "", plain_text(action, plain), color ? "\033[m" : "");
}

/* "04:50:01Z reject client=… helo=… …: 550 5.7.1 …" */
static void print_record(struct request *req, const json_t *record)
{
	static const char *const keys[] = {"client", "client_name", "helo", "sender", "recipient",
	    "from", "family", "rule", "network", "id"};
	char plain[PLAIN_MAX];
	const char *time = record_text(record, "time"), *reply = record_text(record, "reply");

	if (json_object_get(record, "suppressed")) {
		channel_print(req->channel, "%.8sZ suppressed %lld lines",
		    strlen(time) > 11 ? time + 11 : "",
		    (long long)json_integer_value(json_object_get(record, "suppressed")));
		print_field(req, record, "rule");
		print_field(req, record, "recipient");
	} else {
		print_action(req, time, record_text(record, "action"));
		for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
			print_field(req, record, keys[i]);
		if (reply[0])
			channel_print(req->channel, ": %lld %s",
			    (long long)json_integer_value(json_object_get(record, "code")),
			    plain_text(reply, plain));
	}
	channel_print(req->channel, "\n");
}

static bool read_count(struct request *req, uint64_t *left)
{
	const char *count = request_text(req, "count");

	*left = UINT64_MAX;
	if (!count || (slice_to_uint(slice_str(count), UINT32_MAX, left) && *left > 0))
		return true;
	channel_error(req->channel, "tail: --count must be at least 1\n");
	return false;
}

/* Prints it and drops the reference. */
static void show(struct request *req, json_t *record)
{
	if (request_switch(req, "json")) {
		json_memory_forget();
		request_print_json(req, record);
		return;
	}
	print_record(req, record);
	json_decref(record);
}

static bool passes_filter(const void *filter, const json_t *record)
{
	return passes(filter, record);
}

static int follow(struct request *req, const struct filter *f, uint64_t left)
{
	struct watch *w = arena_alloc(req->arena, sizeof *w);
	struct tail_past past = {.req = req, .passes = passes_filter, .filter = f, .show = show};
	json_t *record;
	bool ok;

	if (!w)
		channel_error(req->channel, "tail: out of memory\n");
	if (!w || !watch_start(w, req))
		return STATUS_FAILED;
	/* In this order nothing is missed between the two, and what is in both is known by its id.
	 */
	ok = tail_past_show(&past);
	/* It may go on for days: the table is not needed meanwhile. */
	table_unpin(&req->generation);
	while (ok && left > 0 && watch_next(w, -1, &record) == CHANNEL_READABLE) {
		if (!passes(f, record) || tail_past_has(&past, record)) {
			json_decref(record);
			continue;
		}
		left--;
		show(req, record);
	}
	tail_past_free(&past);
	watch_end(w);
	return ok ? STATUS_OK : STATUS_FAILED;
}

int command_tail(struct request *req)
{
	struct filter f;
	uint64_t left;
	int status;

	if (!read_filter(req, &f) || !read_count(req, &left))
		return STATUS_USAGE;
	f.scratch = arena_create(SCRATCH_MAX);
	if (!f.scratch) {
		channel_error(req->channel, "tail: out of memory\n");
		return STATUS_FAILED;
	}
	status = follow(req, &f, left);
	arena_free(&f.scratch);
	return status;
}
