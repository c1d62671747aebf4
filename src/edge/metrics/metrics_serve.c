/* Serving of the metrics: libmicrohttpd on loopback, and a file that is replaced as a whole. */
#include "edge/log/log.h"
#include "edge/metrics/metrics.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Limits of the HTTP server; scrapers need no more. */
enum { CONNECTIONS_MAX = 16, IDLE_SECONDS = 10 };

static struct MHD_Daemon *http;
static pthread_t writer;
static bool writer_runs;
static atomic_bool writer_stops;

/* ---- HTTP ---------------------------------------------------------------------------- */

static enum MHD_Result send_text(
    struct MHD_Connection *connection, unsigned status, const char *type, char *text, size_t len)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_request(void *context, struct MHD_Connection *connection,
    const char *url, const char *method, const char *version, const char *upload,
    size_t *upload_len, void **state)
{
	const char *accept =
	    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool open = accept && strstr(accept, "application/openmetrics-text");
	size_t len = 0;
	char *text;

	(void)version;
	(void)upload;
	(void)upload_len;
	(void)state;
	/* libmicrohttpd sends the answer to HEAD without its body. */
	if ((strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) ||
	    strcmp(url, "/metrics") != 0) {
		text = strdup("Only GET and HEAD of /metrics are served here.\n");
		return text ? send_text(
				  connection, MHD_HTTP_NOT_FOUND, "text/plain", text, strlen(text))
			    : MHD_NO;
	}
	text = metrics_write(context, open, &len);
	if (!text)
		return MHD_NO;
	return send_text(connection, MHD_HTTP_OK,
	    open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		 : "text/plain; version=0.0.4; charset=utf-8",
	    text, len);
}

/* "127.0.0.1:9118" or "[::1]:9118" as an address; 0 when it is neither. */
static socklen_t parse_listen(const char *listen, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	uint16_t port;
	struct ip ip;

	if (!ip_parse_with_port(slice_str(listen), &ip, &port))
		return 0;
	memset(out, 0, sizeof *out);
	if (ip.family == IP_V4) {
		unsigned char bytes[16];
		ip_to_bytes(&ip, bytes);
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, bytes, sizeof v4->sin_addr);
		return sizeof *v4;
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	ip_to_bytes(&ip, v6->sin6_addr.s6_addr);
	return sizeof *v6;
}

static const char *start_http(struct worker *w, const char *listen, char why[METRICS_WHY_MAX])
{
	struct sockaddr_storage address;
	socklen_t len = parse_listen(listen, &address);
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;

	if (len == 0) {
		snprintf(why, METRICS_WHY_MAX,
		    "metrics.listen \"%s\" is not ADDRESS:PORT or [ADDRESS]:PORT", listen);
		return why;
	}
	if (address.ss_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	http = MHD_start_daemon(flags, 0, NULL, NULL, answer_request, w, MHD_OPTION_SOCK_ADDR,
	    (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
	if (http)
		return NULL;
	snprintf(why, METRICS_WHY_MAX, "cannot listen on metrics.listen %s: %s", listen,
	    strerror(errno));
	return why;
}

/* ---- the file ------------------------------------------------------------------------ */

struct metrics_file {
	struct worker *worker;
	char path[4096];
};

static bool write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");
	bool ok = f && fwrite(text, 1, len, f) == len;

	return f && fclose(f) == 0 && ok;
}

/* Replaces the file as a whole, so that a collector never reads half of it. */
static bool replace_file(const struct metrics_file *to)
{
	char fresh[sizeof to->path + 8];
	size_t len;
	char *text = metrics_write(to->worker, false, &len);
	bool ok;

	snprintf(fresh, sizeof fresh, "%s.new", to->path);
	ok = text && write_file(fresh, text, len) && rename(fresh, to->path) == 0;
	free(text);
	return ok;
}

static void *metrics_file_thread(void *context)
{
	struct metrics_file *to = context;
	bool was_logged = false;

	while (!atomic_load(&writer_stops)) {
		bool ok = replace_file(to);
		if (!ok && !was_logged)
			log_error("cannot write metrics.file %s: %s", to->path, strerror(errno));
		was_logged = !ok;
		for (int i = 0; i < METRICS_FILE_SECONDS && !atomic_load(&writer_stops); i++)
			sleep(1);
	}
	free(to);
	return NULL;
}

static const char *start_writer(struct worker *w, const char *file, char why[METRICS_WHY_MAX])
{
	struct metrics_file *to = malloc(sizeof *to);

	if (to) {
		to->worker = w;
		snprintf(to->path, sizeof to->path, "%s", file);
		writer_runs = pthread_create(&writer, NULL, metrics_file_thread, to) == 0;
	}
	if (writer_runs)
		return NULL;
	free(to);
	snprintf(why, METRICS_WHY_MAX, "cannot start the thread for metrics.file");
	return why;
}

const char *metrics_start(
    struct worker *w, const char *listen, const char *file, char why[METRICS_WHY_MAX])
{
	if (listen[0] && start_http(w, listen, why))
		return why;
	if (file[0] && start_writer(w, file, why))
		return why;
	return NULL;
}

void metrics_stop(void)
{
	if (http)
		MHD_stop_daemon(http);
	http = NULL;
	atomic_store(&writer_stops, true);
	if (writer_runs)
		pthread_join(writer, NULL);
	writer_runs = false;
}
