/*
 * resolver_settings_test: what resolver.servers may say, and which files it reads.
 */
#include "fake/resolver_client.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
	const char *servers[3];
	const char *why; /* a part of the sentence; NULL: they are good */
} settings_rows[] = {
    {{"system"}, NULL},
    {{"recursive"}, NULL},
    {{"192.0.2.1"}, NULL},
    {{"192.0.2.1@5353"}, NULL},
    {{"2001:db8::1"}, NULL},
    {{"2001:db8::1@53"}, NULL},
    {{"system", "192.0.2.1", "192.0.2.2@53"}, NULL},
    {{NULL}, "no servers"},
    {{"recursive", "192.0.2.1"}, "alone"},
    {{"system", "recursive"}, "alone"},
    {{""}, "\"\" is neither"},
    {{"ns.example.org"}, "\"ns.example.org\" is neither"},
    {{"192.0.2.1:53"}, "is neither"},
    {{"192.0.2.1@"}, "is neither"},
    {{"192.0.2.1@0"}, "is neither"},
    {{"192.0.2.1@65536"}, "is neither"},
    {{"192.0.2.1@53x"}, "is neither"},
    {{"192.0.2.256"}, "is neither"},
    {{"@53"}, "is neither"},
    {{"192.0.2.1", "x"}, "\"x\" is neither"},
};

START_TEST(settings_servers)
{
	const char *const *servers = settings_rows[_i].servers, *part = settings_rows[_i].why;
	struct resolver_settings settings = {.servers = servers, .resolv_conf = "/dev/null"};
	char why[RESOLVER_WHY_MAX] = "";

	while (settings.server_count < 3 && servers[settings.server_count])
		settings.server_count++;
	resolver = resolver_create(&settings, why, sizeof why);
	ck_assert_msg((resolver == NULL) == (part != NULL), "row %d: %s", _i, why);
	ck_assert_msg(!part || strstr(why, part), "row %d: %s", _i, why);
	resolver_free(&resolver);
}
END_TEST

static const struct {
	const char *label, *server;
	const char *text; /* of the file; NULL: there is none */
	size_t which;     /* setting */
	bool good;
} files[] = {
    {"resolv.conf", "system", "# x\nsearch example.org\nnameserver 192.0.2.1\n", 0, true},
    {"resolv.conf without servers", "system", "search example.org\n", 0, true},
    {"no resolv.conf", "system", NULL, 0, false},
    {"trust anchor", "192.0.2.1",
	". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n", 1,
	true},
    {"broken trust anchor", "192.0.2.1", ". IN DS x\n", 1, false},
    {"no trust anchor", "192.0.2.1", NULL, 1, false},
    {"root hints", "recursive", ". 3600 NS a.example.\na.example. 3600 A 192.0.2.1\n", 2, true},
    {"no root hints", "recursive", NULL, 2, false},
};

START_TEST(settings_files)
{
	char path[] = "/tmp/resolver_test.XXXXXX", why[RESOLVER_WHY_MAX] = "";
	struct resolver_settings settings = {.servers = &files[_i].server, .server_count = 1};
	int fd = mkstemp(path);

	ck_assert(fd >= 0);
	if (files[_i].text)
		ck_assert(write(fd, files[_i].text, strlen(files[_i].text)) > 0);
	else
		unlink(path);
	close(fd);
	*(files[_i].which == 0     ? &settings.resolv_conf
	    : files[_i].which == 1 ? &settings.trust_anchor
				   : &settings.root_hints) = path;
	resolver = resolver_create(&settings, why, sizeof why);
	ck_assert_msg((resolver != NULL) == files[_i].good, "%s: %s", files[_i].label, why);
	ck_assert_msg(files[_i].good || *why, "%s: without a reason", files[_i].label);
	resolver_free(&resolver);
	unlink(path);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("resolver_settings");
	TCase *t = tcase_create("settings");

	tcase_set_timeout(t, TEST_SECONDS);
	tcase_add_loop_test(t, settings_servers, 0, ROWS(settings_rows));
	tcase_add_loop_test(t, settings_files, 0, ROWS(files));
	suite_add_tcase(s, t);
	return s;
}
