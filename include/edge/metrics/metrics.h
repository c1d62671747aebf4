#ifndef EDGE_METRICS_METRICS_H
#define EDGE_METRICS_METRICS_H
/*
 * metrics: the worker's metrics for Prometheus: over HTTP on loopback, and as a file for
 * node_exporter's textfile collector.
 *
 *     GET /metrics → what metrics_write() gives; OpenMetrics where the scraper asks for it
 *
 * Every metric is one row of the table in metrics.c.  Labels take few values: families, actions,
 * stages, outcomes; and names of rules, of which only METRICS_RULES_MAX get a label.
 */
#include "edge/worker/worker.h"

/* More series than this burden a Prometheus; the rest is counted under rule="other". */
enum { METRICS_RULES_MAX = 500 };

enum { METRICS_WHY_MAX = 200 };

/* The text of all metrics, malloc()ed and NUL-terminated, its length in *len; NULL when out of
 * memory.  `open`: OpenMetrics 1.0, else the text format 0.0.4. */
char *metrics_write(struct worker *, bool open, size_t *len);

/*
 * Serves on listen ("127.0.0.1:9118", "[::1]:9118", "" = not at all) and writes `file` ("" = none)
 * every METRICS_FILE_SECONDS, each in a thread of its own.  NULL, or the reason in why[].
 */
enum { METRICS_FILE_SECONDS = 15 };
const char *metrics_start(
    struct worker *, const char *listen, const char *file, char why[METRICS_WHY_MAX]);

/* Ends both threads; any number of times. */
void metrics_stop(void);

/* Calls `each` with every metric: for the test that holds the manual page against the table. */
void metrics_each(void (*each)(void *context, const char *name, const char *help), void *context);

#endif
