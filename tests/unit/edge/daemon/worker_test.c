#include "unit/unit.h"

#include "fake/configured.h"

#include "edge/worker/worker.h"

#include <stdio.h>

/* `status` and a scrape of the metrics ask while a reload, which holds its lock, takes seconds. */
START_TEST(status_while_reloading)
{
	struct worker w = {
	    .reload_lock = PTHREAD_MUTEX_INITIALIZER,
	    .status_lock = PTHREAD_MUTEX_INITIALIZER,
	    .reload = {.generation = 7},
	};

	pthread_mutex_lock(&w.reload_lock);
	ck_assert_uint_eq(worker_reload_status(&w).generation, 7);
	pthread_mutex_unlock(&w.reload_lock);
}
END_TEST

/* What systemd is told: one line, and UTF-8, whatever an error quotes. */
static const struct {
	const char *label, *error, *line;
} status_lines[] = {
    {"all is well", "", "generation 1, 1 entry"},
    {"a reload failed", "t.conf:7: \xc3\xbc is unknown",
	"generation 1, 1 entry; last reload failed: t.conf:7: \xc3\xbc is unknown"},
    {"a line end", "a\nb\x7f", "generation 1, 1 entry; last reload failed: a?b?"},
    {"half a character", "a\xc3", "generation 1, 1 entry; last reload failed: a?"},
};

/* A table with one entry; it stays as long as the process. */
static struct table *small_table(void)
{
	static struct table *table;
	struct configured c;

	if (table)
		return table;
	table = table_create();
	configured_load(&c, "trusted_networks = [ \"127.0.0.1\" ]; exempt_recipients = [ ];\n");
	ck_assert_uint_eq(table_publish(table, c.rules, c.config, 0), 1);
	c.rules = NULL;
	c.config = NULL;
	configured_free(&c);
	return table;
}

START_TEST(tells_what_goes_on)
{
	struct worker w = {.status_lock = PTHREAD_MUTEX_INITIALIZER, .table = small_table()};
	char line[NOTIFY_STATUS_MAX];

	snprintf(w.reload.first_error, sizeof w.reload.first_error, "%s", status_lines[_i].error);
	worker_status_text(&w, line);
	ck_assert_msg(
	    strcmp(line, status_lines[_i].line) == 0, "%s: %s", status_lines[_i].label, line);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("worker");
	TCase *c = tcase_create("reload");

	tcase_add_test(c, status_while_reloading);
	tcase_add_loop_test(c, tells_what_goes_on, 0, (int)ROWS(status_lines));
	suite_add_tcase(s, c);
	return s;
}
