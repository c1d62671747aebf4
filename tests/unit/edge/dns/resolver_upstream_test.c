#include "edge/dns/resolver.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/* In a process that may start no thread: 0, when that is said and nothing else happens. */
static int create_without_tasks(void)
{
	static const char *const servers[] = {"127.0.0.1@9"};
	const struct resolver_settings settings = {.servers = servers, .server_count = 1};
	const struct rlimit none = {0, 0};
	char why[RESOLVER_WHY_MAX] = "";

	/* The limit is none for root. */
	if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		return 2;
	if (setrlimit(RLIMIT_NPROC, &none) != 0)
		return 3;
	if (resolver_create(&settings, why, sizeof why))
		return 4;
	return strstr(why, "no thread") ? 0 : 5;
}

START_TEST(no_task_is_a_sentence)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(create_without_tasks());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(
	    WIFEXITED(status) && WEXITSTATUS(status) == 0, "ended with status %#x", status);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("resolver_upstream");
	TCase *tc = tcase_create("tasks");

	tcase_add_test(tc, no_task_is_a_sentence);
	suite_add_tcase(s, tc);
	return s;
}
