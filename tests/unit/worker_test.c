#include "edge/worker.h"
#include "unit/unit.h"

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

Suite *suite(void)
{
	Suite *s = suite_create("worker");
	TCase *c = tcase_create("reload");

	tcase_add_test(c, status_while_reloading);
	suite_add_tcase(s, c);
	return s;
}
