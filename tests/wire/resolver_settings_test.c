/*
 * resolver_settings_test: what resolver.servers may say, and which files it reads.
 */
#include "edge/dns/resolvconf.h"
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
    {{"fe80::53%lo"}, NULL},
    {{"fe80::53%1@5353"}, NULL},
    {{"fe80::53%nosuch0"}, "\"fe80::53%nosuch0\" names an interface that does not exist"},
    {{"fe80::53%"}, "is neither"},
    {{"192.0.2.1%lo"}, "is neither"},
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
    {"no resolv.conf", "system", NULL, 0, true},
    {"resolv.conf with a bad line", "system", "nameserver [::1]\nnameserver 192.0.2.1\n", 0, true},
    {"resolv.conf with bad lines only", "system", "nameserver 127.0.0.1:53\n", 0, true},
    {"resolv.conf with a scope", "system", "nameserver fe80::53%lo\n", 0, true},
    {"resolv.conf of junk", "system", "\001\002nameserver\n", 0, true},
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

/* What glibc makes of a file (res_init.c): its lines, the servers taken, and which are warned of.
 */
static const struct {
	const char *text, *servers; /* with blanks between them */
	const char *warned;         /* a part of the first warning; NULL: none */
} resolvconf_rows[] = {
    {"nameserver 192.0.2.1\n", "192.0.2.1", NULL},
    {"nameserver\t192.0.2.1", "192.0.2.1", NULL},
    {"nameserver  192.0.2.1 # ours\n", "192.0.2.1", NULL},
    {"# nameserver 192.0.2.2\n;nameserver x\nnameserver 192.0.2.1\n", "192.0.2.1", NULL},
    {"domain x\nsearch nameserver 192.0.2.2\noptions x\nnameserver ::1\n", "::1", NULL},
    {"nameserver 2001:DB8::0:1\n", "2001:db8::1", NULL},
    {"nameserver 127.1\n", "127.0.0.1", NULL}, /* inet_aton(3) */
    {"nameserver 0xc0000201\n", "192.0.2.1", NULL},
    {"nameserver 0.0.0.0\nnameserver ::\n", "127.0.0.1 ::1", NULL},
    {"nameserver fe80::53%lo\n", "fe80::53%1", NULL},
    {"nameserver fe80::53%1\n", "fe80::53%1", NULL},
    {"nameserver fe80::53%nosuch0\nnameserver 192.0.2.1\n", "192.0.2.1",
	":1: nameserver \"fe80::53%nosuch0\" names an interface that does not exist"},
    {"nameserver [::1]\nnameserver 192.0.2.1\n", "192.0.2.1",
	":1: nameserver \"[::1]\" is not an IP address: this line is ignored"},
    {"nameserver 192.0.2.1\nnameserver 127.0.0.1:53\n", "192.0.2.1",
	":2: nameserver \"127.0.0.1:53\" is not an IP address"},
    {"nameserver 192.0.2.1@5353\nnameserver ::1\n", "::1", "\"192.0.2.1@5353\" is not"},
    {"nameserver ns.example.org\nnameserver ::1\n", "::1", "\"ns.example.org\" is not"},
    {"nameserver 192.0.2.1,192.0.2.2\nnameserver ::1\n", "::1", "is not an IP address"},
    {"nameserver 192.0.2.1\r\nnameserver ::1\n", "::1", "not printable"},
    {"  nameserver 192.0.2.1\nnameserver ::1\n", "::1", "has a blank before it"},
    {"nameserver\nnameserver ::1\n", "::1", "\"\" is not an IP address"},
    {"nameserver192.0.2.1\nNameserver 192.0.2.2\nnameserver ::1\n", "::1", NULL},
    {"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
	"192.0.2.1 192.0.2.2 192.0.2.3", ":4: nameserver \"192.0.2.4\" is the fourth"},
    {"nameserver x\nnameserver 192.0.2.1\nnameserver ::1\nnameserver 192.0.2.2\n",
	"192.0.2.1 ::1 192.0.2.2", ":1: nameserver \"x\""},
    {"nameserver 127.0.0.1:53\n", "127.0.0.1", ":1: nameserver \"127.0.0.1:53\""},
    {"search example.org\n", "127.0.0.1", ": names no usable name server: 127.0.0.1 is used"},
    {"\n", "127.0.0.1", "names no usable name server"},
    {NULL, "127.0.0.1", ": No such file or directory: 127.0.0.1 is used"},
};

static void keep_first(void *context, enum diag_level level, const char *line)
{
	char *first = context;

	ck_assert(level == DIAG_WARNING);
	if (!*first)
		snprintf(first, 512, "%s", line);
}

START_TEST(settings_resolvconf)
{
	char path[] = "/tmp/resolver_test.XXXXXX", servers[256] = "", first[512] = "";
	const char *text = resolvconf_rows[_i].text, *part = resolvconf_rows[_i].warned;
	struct diag *diag = diag_create();
	struct resolvconf system;
	int fd = mkstemp(path);

	ck_assert(fd >= 0 && diag);
	if (text)
		ck_assert(write(fd, text, strlen(text)) > 0);
	else
		unlink(path);
	close(fd);
	resolvconf_read(path, &system, diag);
	for (size_t i = 0; i < system.count; i++)
		snprintf(servers + strlen(servers), sizeof servers - strlen(servers), "%s%s",
		    i ? " " : "", system.servers[i]);
	diag_each(diag, keep_first, first);
	ck_assert_msg(strcmp(servers, resolvconf_rows[_i].servers) == 0, "row %d: %s", _i, servers);
	ck_assert_msg(part ? strstr(first, part) != NULL : !*first, "row %d: %s", _i, first);
	diag_free(&diag);
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
	tcase_add_loop_test(t, settings_resolvconf, 0, ROWS(resolvconf_rows));
	suite_add_tcase(s, t);
	return s;
}
