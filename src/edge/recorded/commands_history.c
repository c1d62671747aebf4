/* `history export` and `history forget`. */
#include "edge/control/commands.h"

#include "core/base/rfc3339.h"
#include "core/stats/decision_text.h"
#include "edge/config/config.h"
#include "edge/recorded/history_source.h"

#include <stdio.h>
#include <string.h>

/* ---- export -------------------------------------------------------------------------- */

static bool export_json(void *context, const struct decision_row *row)
{
	struct request *req = context;
	char json[HISTORY_JSON_MAX];
	size_t len = history_source_json(row, json);

	json[len] = '\n';
	return channel_write(req->channel, slice_of(json, len + 1));
}

/* A field of RFC 4180: in quotes, those inside doubled. */
static void put_field(struct request *req, struct slice s)
{
	channel_write(req->channel, SLICE("\""));
	while (s.len > 0) {
		size_t n = slice_find(s, '"');

		channel_write(req->channel, slice_of(s.ptr, n));
		if (n < s.len)
			channel_write(req->channel, SLICE("\"\""));
		s = slice_skip(s, n + 1);
	}
	channel_write(req->channel, SLICE("\""));
}

static const char csv_head[] =
    "time,id,stage,action,code,family,rule,network,client,client_name,helo,asn,country,sender,"
    "from,recipient,spf,dkim,dmarc,session,queue_id,generation,count,us\n";

static const char *result_of(enum fact_state state, const char *name)
{
	return state == FACT_KNOWN ? name : "";
}

static bool export_csv(void *context, const struct decision_row *row)
{
	struct request *req = context;
	char at[RFC3339_TEXT_MAX], client[IP_TEXT_MAX] = "", network[PREFIX_TEXT_MAX] = "";

	size_t n = rfc3339_format(row->time_ms / 1000, at);
	if (row->client.family != IP_NONE)
		ip_format(&row->client, client);
	if (row->has_network)
		prefix_format(&row->network, network);
	channel_print(req->channel, "%.*s.%03dZ,%.*s,%s,%s,%u,%s,", (int)n - 1, at,
	    (int)(row->time_ms % 1000), SLICE_ARG(row->id), stage_name(row->stage),
	    decision_row_action(row), row->code ? row->code : 250U,
	    row->family == FAMILY_NONE ? "" : family_name(row->family));
	put_field(req, row->text[ROW_RULE]);
	channel_print(req->channel, ",%s,%s,", network, client);
	put_field(req, row->text[ROW_CLIENT_NAME]);
	channel_write(req->channel, SLICE(","));
	put_field(req, row->text[ROW_HELO]);
	channel_print(req->channel, ",%u,%s", row->asn, row->country);
	for (int i = 0; i < 3; i++) {
		static const enum decision_text texts[] = {ROW_SENDER, ROW_FROM, ROW_RECIPIENT};

		channel_write(req->channel, SLICE(","));
		put_field(req, row->text[texts[i]]);
	}
	channel_print(req->channel, ",%s,", result_of(row->spf_state, spf_result_text(row->spf)));
	put_field(req, row->text[ROW_DKIM]);
	channel_print(
	    req->channel, ",%s,", result_of(row->dmarc_state, dmarc_verdict_name(row->dmarc)));
	put_field(req, row->text[ROW_SESSION]);
	channel_write(req->channel, SLICE(","));
	put_field(req, row->text[ROW_QUEUE_ID]);
	return channel_print(req->channel, ",%llu,%llu,%u\n", (unsigned long long)row->generation,
	    (unsigned long long)row->count, row->took_us);
}

int command_history_export(struct request *req)
{
	bool csv = request_switch(req, "csv");
	struct history_reader *reader;
	struct history_scan scan;
	char why[HISTORY_FIND_WHY_MAX];
	int64_t since, until;
	int status = STATUS_OK;

	if (csv == request_switch(req, "jsonl")) {
		channel_error(req->channel, "history export needs --jsonl or --csv\n");
		return STATUS_USAGE;
	}
	if (!history_source_time(req, "since", &since) ||
	    !history_source_time(req, "until", &until))
		return STATUS_USAGE;
	reader = history_source_open(req);
	if (!reader)
		return STATUS_FAILED;
	if (csv)
		channel_print(req->channel, "%s", csv_head);
	if (history_replay(
		reader, since, until, true, csv ? export_csv : export_json, req, &scan, why)) {
		history_source_tell(req, &scan);
	} else {
		channel_error(req->channel, "the history cannot be read: %s\n", why);
		status = STATUS_FAILED;
	}
	history_reader_free(&reader);
	return status;
}

/* ---- forget -------------------------------------------------------------------------- */

int command_history_forget(struct request *req)
{
	const char *address = request_argument(req, 0), *domain = request_text(req, "domain");
	const char *what = address ? address : domain;
	char why[HISTORY_FORGET_WHY_MAX], excerpt[EXCERPT_MAX];
	int segments;

	if (!address == !domain || (address && !strchr(address, '@')) || what[0] == '\0' ||
	    strpbrk(what, "*?")) {
		channel_error(req->channel,
		    "history forget needs an address such as b@example.org, or --domain "
		    "example.org\n");
		return STATUS_USAGE;
	}
	if (!history_source_directory(req))
		return STATUS_FAILED;
	segments =
	    history_forget(req->worker->history, history_source_key(req, slice_str(what)), why);
	slice_excerpt(slice_str(what), excerpt);
	if (segments >= 0 && request_switch(req, "json"))
		return request_print_json(
		    req, json_pack("{s:o, s:i}", "erased", json_from_slice(slice_str(what)),
			     "segments", segments));
	if (segments < 0)
		channel_error(req->channel, "%s is not erased everywhere: %s\n", excerpt, why);
	else
		channel_print(req->channel, "%s is erased from %d segment%s of the history\n",
		    excerpt, segments, segments == 1 ? "" : "s");
	return segments < 0 ? STATUS_FAILED : STATUS_OK;
}
