#include "message_output.h"

#include "core/name/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static void put(void *context, struct slice piece)
{
	channel_write(context, piece);
}

/* A name that can stand in a field, whatever the machine is called. */
static void find_host(char host[MESSAGE_HOST_MAX])
{
	char address[MESSAGE_HOST_MAX + 2];

	if (gethostname(host, MESSAGE_HOST_MAX) != 0)
		host[0] = '\0';
	host[MESSAGE_HOST_MAX - 1] = '\0';
	snprintf(address, sizeof address, "a@%s", host);
	if (!message_is_address(address))
		snprintf(host, MESSAGE_HOST_MAX, "localhost");
}

bool message_output_start(struct message_output *out, struct request *req, const char *to)
{
	char excerpt[EXCERPT_MAX];

	*out = (struct message_output){.req = req};
	find_host(out->host);
	snprintf(out->from, sizeof out->from, "susmilter@%.255s", out->host);
	snprintf(out->to, sizeof out->to, "%s", to ? to : "postmaster");
	if (message_is_address(to ? to : out->to))
		return true;
	channel_error(req->channel,
	    "--to needs one mail address in ASCII, without quotes and comments: \"%s\" is none\n",
	    slice_excerpt(slice_str(to), excerpt));
	return false;
}

void message_open(struct message_output *out, const char *subject, int64_t now, bool html)
{
	char id[64], date[MESSAGE_DATE_MAX];
	uint64_t random = 0;
	struct message_head head = {.from = out->from,
	    .to = out->to,
	    .subject = subject,
	    .date = now,
	    .id = id,
	    .host = out->host,
	    .html = html};

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint64_t)clock();
	snprintf(id, sizeof id, "%lld.%llx", (long long)now, (unsigned long long)random);
	if (out->mbox)
		channel_print(out->req->channel, "From susmilter %s\n", message_date(now, date));
	out->writer = message_begin(&head, put, out->req->channel);
}

void message_say(struct message_output *out, const char *format, ...)
{
	char text[PLAIN_MAX], plain[PLAIN_MAX];
	va_list arguments;
	char *rest = text, *line;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	/* Line ends are ours: those of strangers were no part of what a record can hold. */
	while ((line = strsep(&rest, "\n"))) {
		message_text(&out->writer, slice_str(plain_text(line, plain)));
		if (rest)
			message_text(&out->writer, SLICE("\n"));
	}
}

void message_write(struct message_output *out, struct slice text)
{
	message_text(&out->writer, text);
}

void message_close(struct message_output *out)
{
	message_end(&out->writer);
	if (out->mbox)
		channel_write(out->req->channel, SLICE("\n"));
}
