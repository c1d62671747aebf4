#include "unit/unit.h"

#include "core/net/prefix.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* A copy that ends exactly at the end of its allocation, so that reading past it is seen. */
static struct slice tight(struct slice text)
{
	char *copy = malloc(text.len ? text.len : 1);

	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return slice_of(copy, text.len);
}

/* ---- addresses ----------------------------------------------------------------------- */

/* What the text means in canonical form; NULL: it is refused. */
static const struct {
	struct slice text;
	const char *canonical;
} addresses[] = {
    {SLICE_INIT("0.0.0.0"), "0.0.0.0"},
    {SLICE_INIT("192.0.2.7"), "192.0.2.7"},
    {SLICE_INIT("255.255.255.255"), "255.255.255.255"},
    {SLICE_INIT("1.20.100.9"), "1.20.100.9"},
    {SLICE_INIT("::"), "::"},
    {SLICE_INIT("::1"), "::1"},
    {SLICE_INIT("1::"), "1::"},
    {SLICE_INIT("2001:DB8::A"), "2001:db8::a"},
    {SLICE_INIT("2001:0db8:0000:0000:0001:0000:0000:0001"), "2001:db8::1:0:0:1"},
    {SLICE_INIT("2001:db8:0:1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"},
    {SLICE_INIT("2001:db8::1:1:1:1:1"), "2001:db8:0:1:1:1:1:1"},
    {SLICE_INIT("1:0:0:2:0:0:0:3"), "1:0:0:2::3"},
    {SLICE_INIT("1:2:3:4:5:6:7::"), "1:2:3:4:5:6:7:0"},
    {SLICE_INIT("1:2:3:4:5:6:0:0"), "1:2:3:4:5:6::"},
    {SLICE_INIT("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {SLICE_INIT("64:ff9b::192.0.2.1"), "64:ff9b::c000:201"},
    {SLICE_INIT("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4:5:6:102:304"},
    /* IPv4-mapped, in every spelling */
    {SLICE_INIT("::ffff:192.0.2.7"), "192.0.2.7"},
    {SLICE_INIT("::FFFF:c000:207"), "192.0.2.7"},
    {SLICE_INIT("0:0:0:0:0:ffff:0:0"), "0.0.0.0"},
    /* other transition formats are not unwrapped */
    {SLICE_INIT("::192.0.2.7"), "::c000:207"},
    {SLICE_INIT("::ffff:0:192.0.2.7"), "::ffff:0:c000:207"},
    {SLICE_INIT("2002:c000:207::"), "2002:c000:207::"},
    {SLICE_INIT("::fffe:c000:207"), "::fffe:c000:207"},
    {SLICE_INIT("1::ffff:c000:207"), "1::ffff:c000:207"},
    /* refused */
    {SLICE_INIT(""), NULL},
    {SLICE_INIT("1"), NULL},
    {SLICE_INIT("1.2.3"), NULL},
    {SLICE_INIT("1.2.3."), NULL},
    {SLICE_INIT("1.2.3.4."), NULL},
    {SLICE_INIT(".1.2.3.4"), NULL},
    {SLICE_INIT("1.2.3.4.5"), NULL},
    {SLICE_INIT("1..3.4"), NULL},
    {SLICE_INIT("256.0.0.1"), NULL},
    {SLICE_INIT("1.2.3.1000"), NULL},
    {SLICE_INIT("1.2.3.04"), NULL},
    {SLICE_INIT("010.1.2.3"), NULL},
    {SLICE_INIT("00.1.2.3"), NULL},
    {SLICE_INIT("0x7f.0.0.1"), NULL},
    {SLICE_INIT("1.2.3.-4"), NULL},
    {SLICE_INIT(" 1.2.3.4"), NULL},
    {SLICE_INIT("1.2.3.4 "), NULL},
    {SLICE_INIT("1.2.3.4\0"), NULL},
    {SLICE_INIT("1.2.3.4/32"), NULL},
    {SLICE_INIT("[1.2.3.4]"), NULL},
    {SLICE_INIT("[::1]"), NULL},
    {SLICE_INIT("::1%eth0"), NULL},
    {SLICE_INIT(":"), NULL},
    {SLICE_INIT(":::"), NULL},
    {SLICE_INIT("1:::2"), NULL},
    {SLICE_INIT("::1::"), NULL},
    {SLICE_INIT(":1"), NULL},
    {SLICE_INIT("1:"), NULL},
    {SLICE_INIT("::1:"), NULL},
    {SLICE_INIT("1:2:3:4:5:6:7"), NULL},
    {SLICE_INIT("1:2:3:4:5:6:7:8:9"), NULL},
    {SLICE_INIT("1:2:3:4:5:6:7:8::"), NULL},
    {SLICE_INIT("::1:2:3:4:5:6:7:8"), NULL},
    {SLICE_INIT("1:2:3:4::5:6:7:8"), NULL},
    {SLICE_INIT("12345::"), NULL},
    {SLICE_INIT("g::"), NULL},
    {SLICE_INIT("::1.2.3"), NULL},
    {SLICE_INIT("::1.2.3.256"), NULL},
    {SLICE_INIT("::01.2.3.4"), NULL},
    {SLICE_INIT("::1.2.3.4:5"), NULL},
    {SLICE_INIT("1.2.3.4::"), NULL},
    {SLICE_INIT("1:2:3:4:5:6:7:1.2.3.4"), NULL},
    {SLICE_INIT("\xff\xfe"), NULL},
};

START_TEST(reads_addresses)
{
	struct slice text = tight(addresses[_i].text);
	const char *want = addresses[_i].canonical;
	struct ip ip = {1, 2, IP_V6};
	char got[IP_TEXT_MAX];
	bool ok = ip_parse(text, &ip);

	ck_assert_msg(ok == (want != NULL), "\"%.*s\"", SLICE_ARG(text));
	if (ok) {
		ck_assert_uint_eq(ip_format(&ip, got), strlen(want));
		ck_assert_str_eq(got, want);
	} else {
		ck_assert_msg(ip.hi == 1 && ip.lo == 2, "the result was touched");
	}
	free((void *)(uintptr_t)text.ptr);
}
END_TEST

/* The C library as a second opinion on texts made of the right letters. */
START_TEST(agrees_with_inet_pton)
{
	static const char letters[] = "0123456789abcdefF:::::....";
	unsigned char want[16], got[16];
	char text[IP_TEXT_MAX];
	struct ip ip;

	srandom(1);
	for (int i = 0; i < 200000; i++) {
		bool six = random() % 2;
		size_t n;

		for (size_t k = 0; k < sizeof want; k++)
			want[k] = random() % 3 ? 0 : (unsigned char)random();
		inet_ntop(six ? AF_INET6 : AF_INET, want, text, sizeof text);
		for (int changes = (int)(random() % 4); changes > 0; changes--)
			text[(size_t)random() % strlen(text)] =
			    letters[(size_t)random() % (sizeof letters - 1)];
		six = inet_pton(AF_INET6, text, want) == 1;
		if (ip_parse(slice_str(text), &ip) != (six || inet_pton(AF_INET, text, want) == 1))
			ck_abort_msg("%s is not agreed upon", text);
		if (!six && strchr(text, ':'))
			continue;
		if (!six && inet_pton(AF_INET, text, want) != 1)
			continue;
		n = ip_to_bytes(&ip, got);
		if (memcmp(got, n == 4 && six ? want + 12 : want, n) != 0)
			ck_abort_msg("%s has another value", text);
	}
}
END_TEST

START_TEST(keeps_bytes)
{
	static const unsigned char v4[4] = {192, 0, 2, 7};
	static const unsigned char v6[16] = {
	    0x20, 1, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	static const unsigned char mapped[16] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
	unsigned char out[16];
	char text[IP_TEXT_MAX];
	struct ip a = ip_from_v4(v4), b = ip_from_v6(v6), c = ip_from_v6(mapped);
	struct ip none = {0, 0, IP_NONE};

	ck_assert(a.hi == UINT64_C(0xc000020700000000) && a.lo == 0 && a.family == IP_V4);
	ck_assert(ip_equal(&a, &c));
	ck_assert_uint_eq(ip_to_bytes(&a, out), 4);
	ck_assert_mem_eq(out, v4, 4);
	ck_assert_uint_eq(ip_to_bytes(&b, out), 16);
	ck_assert_mem_eq(out, v6, 16);
	ck_assert_uint_eq(ip_to_bytes(&none, out), 0);
	ck_assert_uint_eq(ip_format(&none, text), strlen("unknown"));
	ck_assert_str_eq(text, "unknown");
}
END_TEST

/* ---- networks ------------------------------------------------------------------------ */

/* Canonical text, or in `wrong` what the reason has to contain. */
static const struct {
	struct slice text;
	const char *canonical, *wrong;
} networks[] = {
    {SLICE_INIT("192.0.2.0/24"), "192.0.2.0/24", NULL},
    {SLICE_INIT("192.0.2.7"), "192.0.2.7/32", NULL},
    {SLICE_INIT("0.0.0.0/0"), "0.0.0.0/0", NULL},
    {SLICE_INIT("255.255.255.255/32"), "255.255.255.255/32", NULL},
    {SLICE_INIT("::/0"), "::/0", NULL},
    {SLICE_INIT("2001:db8::"), "2001:db8::/128", NULL},
    {SLICE_INIT("2001:DB8::/32"), "2001:db8::/32", NULL},
    {SLICE_INIT("2001:db8:0:1::/64"), "2001:db8:0:1::/64", NULL},
    {SLICE_INIT("2001:db8:0:0:8000::/65"), "2001:db8:0:0:8000::/65", NULL},
    {SLICE_INIT("::ffff:192.0.2.0/120"), "192.0.2.0/24", NULL},
    {SLICE_INIT("::ffff:0:0/96"), "0.0.0.0/0", NULL},
    {SLICE_INIT("::ffff:192.0.2.7"), "192.0.2.7/32", NULL},
    {SLICE_INIT("::/80"), "::/80", NULL},
    {SLICE_INIT("192.0.2.7/24"), NULL, "host bits are set below /24; did you mean 192.0.2.0/24?"},
    {SLICE_INIT("128.0.0.0/0"), NULL, "did you mean 0.0.0.0/0?"},
    {SLICE_INIT("2001:db8::1/64"), NULL, "below /64; did you mean 2001:db8::/64?"},
    {SLICE_INIT("::ffff:192.0.2.7/120"), NULL, "below /120; did you mean 192.0.2.0/24?"},
    {SLICE_INIT("::ffff:0:0/90"), NULL, "below /90; did you mean ::ffc0:0:0/90?"},
    {SLICE_INIT("10.1/16"), NULL, "\"10.1\" is not an address: IPv4 is four numbers"},
    {SLICE_INIT("010.1.2.0/24"), NULL, "without leading zeros"},
    {SLICE_INIT("fe80::%eth0/10"), NULL, "zone id"},
    {SLICE_INIT("[2001:db8::]/32"), NULL, "brackets"},
    {SLICE_INIT("example.com"), NULL, "neither IPv4 nor IPv6"},
    {SLICE_INIT("1::2::3/64"), NULL, "IPv6 is 8 groups"},
    {SLICE_INIT("192.0.2.0/33"), NULL, "IPv4 network needs a number from 0 to 32"},
    {SLICE_INIT("2001:db8::/129"), NULL, "IPv6 network needs a number from 0 to 128"},
    {SLICE_INIT("192.0.2.0/"), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0/024"), NULL, "from 0 to 32"},
    {SLICE_INIT("0.0.0.0/00"), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0/-1"), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0/24 "), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0/255.255.255.0"), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0/24/24"), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0/4294967320"), NULL, "from 0 to 32"},
    {SLICE_INIT("192.0.2.0 /24"), NULL, "\"192.0.2.0 \" is not an address"},
    {SLICE_INIT("/24"), NULL, "\"/24\" is not an address: neither IPv4 nor IPv6"},
    {SLICE_INIT("/^mx/"), NULL, "\"/^mx/\" is not an address: neither IPv4 nor IPv6"},
    {SLICE_INIT(""), NULL, "\"\" is not an address"},
    {SLICE_INIT("\xff\0\n"), NULL, "\"???\" is not an address"},
};

START_TEST(reads_networks)
{
	struct slice text = tight(networks[_i].text);
	const char *want = networks[_i].canonical;
	char why[PREFIX_WHY_MAX] = "", got[PREFIX_TEXT_MAX];
	struct prefix p = {{0, 0, IP_NONE}, 0};
	const char *wrong = prefix_parse(text, &p, why);

	if (want) {
		ck_assert_msg(!wrong, "\"%.*s\": %s", SLICE_ARG(text), why);
		ck_assert_uint_eq(prefix_format(&p, got), strlen(want));
		ck_assert_str_eq(got, want);
	} else {
		ck_assert_ptr_eq(wrong, why);
		ck_assert_msg(
		    strstr(why, networks[_i].wrong) != NULL, "\"%.*s\": %s", SLICE_ARG(text), why);
		ck_assert(p.base.family == IP_NONE);
	}
	free((void *)(uintptr_t)text.ptr);
}
END_TEST

static struct ip ip_of(const char *text)
{
	struct ip ip;

	ck_assert_msg(ip_parse(slice_str(text), &ip), "%s", text);
	return ip;
}

static struct prefix network_of(const char *text)
{
	char why[PREFIX_WHY_MAX];
	struct prefix p;

	ck_assert_msg(!prefix_parse(slice_str(text), &p, why), "%s: %s", text, why);
	return p;
}

static const struct {
	const char *network, *last, *inside, *outside;
} spans[] = {
    {"0.0.0.0/0", "255.255.255.255", "1.2.3.4", "::1"},
    {"128.0.0.0/1", "255.255.255.255", "128.0.0.0", "127.255.255.255"},
    {"192.0.2.0/24", "192.0.2.255", "192.0.2.255", "192.0.3.0"},
    {"192.0.2.7/32", "192.0.2.7", "192.0.2.7", "192.0.2.6"},
    {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "1::", "1.2.3.4"},
    {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8:8000::", "2001:db9::"},
    {"1:2:3:4::/64", "1:2:3:4:ffff:ffff:ffff:ffff", "1:2:3:4::1", "1:2:3:5::"},
    {"1:2:3:4:8000::/65", "1:2:3:4:ffff:ffff:ffff:ffff", "1:2:3:4:8000::", "1:2:3:4:7fff::"},
    {"1:2:3:4:5:6:7:8/128", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:9"},
};

START_TEST(spans_its_addresses)
{
	struct prefix p = network_of(spans[_i].network);
	struct ip inside = ip_of(spans[_i].inside), outside = ip_of(spans[_i].outside);
	struct ip want = ip_of(spans[_i].last), last = prefix_last(&p);
	struct prefix again = prefix_of(&inside, p.length);

	ck_assert_msg(ip_equal(&last, &want), "%s", spans[_i].network);
	ck_assert(prefix_contains(&p, &p.base) && prefix_contains(&p, &last));
	ck_assert(prefix_contains(&p, &inside) && !prefix_contains(&p, &outside));
	ck_assert_msg(prefix_equal(&p, &again), "%s from an address inside", spans[_i].network);
}
END_TEST

START_TEST(no_address_is_nowhere)
{
	struct ip none = {0, 0, IP_NONE};
	struct prefix all = network_of("0.0.0.0/0"), nothing = prefix_of(&none, 0);
	struct ip v4 = ip_of("192.0.2.7");

	ck_assert(!prefix_contains(&all, &none));
	ck_assert(!prefix_contains(&nothing, &none));
	ck_assert(!prefix_contains(&nothing, &v4));
	ck_assert_uint_eq(prefix_of(&v4, 200).length, 32);
	ck_assert_uint_eq(ip_bits(IP_NONE), 0);
}
END_TEST

START_TEST(orders_outer_before_inner)
{
	static const char *const sorted[] = {"0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16",
	    "10.0.0.0/32", "10.0.0.1/32", "10.1.0.0/16", "255.255.255.255/32", "::/0", "::/128",
	    "2001:db8::/32", "2001:db8::/33", "2001:db8::1/128", "2001:db9::/32"};

	for (size_t i = 0; i < ROWS(sorted); i++)
		for (size_t k = 0; k < ROWS(sorted); k++) {
			struct prefix a = network_of(sorted[i]), b = network_of(sorted[k]);
			int order = prefix_compare(&a, &b);

			ck_assert_msg((order > 0) - (order < 0) == (i > k) - (i < k), "%s, %s",
			    sorted[i], sorted[k]);
			ck_assert(prefix_equal(&a, &b) == (i == k));
		}
}
END_TEST

/* ---- ranges -------------------------------------------------------------------------- */

static const struct {
	const char *first, *last, *networks;
} ranges[] = {
    {"192.0.2.0", "192.0.2.255", "192.0.2.0/24 "},
    {"192.0.2.1", "192.0.2.1", "192.0.2.1/32 "},
    {"192.0.2.1", "192.0.2.9", "192.0.2.1/32 192.0.2.2/31 192.0.2.4/30 192.0.2.8/31 "},
    {"0.0.0.0", "255.255.255.255", "0.0.0.0/0 "},
    {"255.255.255.254", "255.255.255.255", "255.255.255.254/31 "},
    {"0.0.0.0", "128.0.0.0", "0.0.0.0/1 128.0.0.0/32 "},
    {"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0 "},
    {"1::ffff:ffff:ffff:ffff", "1:0:0:1::", "1::ffff:ffff:ffff:ffff/128 1:0:0:1::/128 "},
    {"2001:db8::", "2001:db8:0:2:ffff:ffff:ffff:ffff", "2001:db8::/63 2001:db8:0:2::/64 "},
};

static bool write_down(void *context, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(p, text);
	strcat(context, strcat(text, " "));
	return true;
}

START_TEST(cuts_ranges)
{
	struct ip first = ip_of(ranges[_i].first), last = ip_of(ranges[_i].last);
	char got[1024] = "";

	ck_assert(prefix_from_range(&first, &last, write_down, got));
	ck_assert_str_eq(got, ranges[_i].networks);
}
END_TEST

struct chain {
	struct ip next;
	unsigned seen, stop_after;
};

static bool follow(void *context, const struct prefix *p)
{
	struct chain *c = context;

	ck_assert_msg(ip_equal(&c->next, &p->base), "a gap or an overlap");
	c->next = prefix_last(p);
	if (++c->next.lo == 0)
		c->next.hi++;
	return ++c->seen != c->stop_after;
}

/* The worst range needs two networks for nearly every bit. */
START_TEST(cuts_the_worst_range)
{
	struct ip first = ip_of("::1"), last = ip_of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe");
	struct chain c = {.next = first};

	ck_assert(prefix_from_range(&first, &last, follow, &c));
	ck_assert_uint_eq(c.seen, 254);
	ck_assert(c.next.hi == UINT64_MAX && c.next.lo == UINT64_MAX);
	c = (struct chain){.next = first, .stop_after = 3};
	ck_assert(!prefix_from_range(&first, &last, follow, &c));
	ck_assert_uint_eq(c.seen, 3);
}
END_TEST

static const struct {
	const char *text, *address; /* NULL: none */
	uint16_t port;
} ports[] = {
    {"127.0.0.1:9118", "127.0.0.1", 9118},
    {"[::1]:65535", "::1", 65535},
    {"[127.0.0.1]:1", "127.0.0.1", 1},
    {"::1:9118", NULL, 0},
    {"localhost:9118", NULL, 0},
    {"127.0.0.1", NULL, 0},
    {"127.0.0.1:", NULL, 0},
    {"127.0.0.1:0", NULL, 0},
    {"127.0.0.1:65536", NULL, 0},
    {"[::1:80", NULL, 0},
    {"[]:80", NULL, 0},
    {":80", NULL, 0},
    {"", NULL, 0},
};

START_TEST(reads_ports)
{
	char text[IP_TEXT_MAX];
	uint16_t port = 0;
	struct ip ip;
	bool is_one = ip_parse_with_port(slice_str(ports[_i].text), &ip, &port);

	ck_assert_msg(is_one == (ports[_i].address != NULL), "\"%s\"", ports[_i].text);
	if (!is_one)
		return;
	ip_format(&ip, text);
	ck_assert_str_eq(text, ports[_i].address);
	ck_assert_uint_eq(port, ports[_i].port);
}
END_TEST

/* ---- the address behind -------------------------------------------------------------- */

static const struct {
	const char *ip, *next;
	bool last;
} next_rows[] = {
    {"192.0.2.7", "192.0.2.8", false},
    {"192.0.2.255", "192.0.3.0", false},
    {"255.255.255.255", "0.0.0.0", true},
    {"2001:db8::", "2001:db8::1", false},
    {"2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::", false},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", true},
};

START_TEST(steps_behind)
{
	char text[IP_TEXT_MAX];
	struct ip ip;

	ck_assert(ip_parse(slice_str(next_rows[_i].ip), &ip));
	ck_assert_msg(ip_next(&ip) != next_rows[_i].last, "%s", next_rows[_i].ip);
	ip_format(&ip, text);
	ck_assert_str_eq(text, next_rows[_i].next);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("ip");
	TCase *t = tcase_create("ip");

	tcase_add_loop_test(t, reads_addresses, 0, ROWS(addresses));
	tcase_add_test(t, agrees_with_inet_pton);
	tcase_add_test(t, keeps_bytes);
	tcase_add_loop_test(t, reads_networks, 0, ROWS(networks));
	tcase_add_loop_test(t, spans_its_addresses, 0, ROWS(spans));
	tcase_add_test(t, no_address_is_nowhere);
	tcase_add_test(t, orders_outer_before_inner);
	tcase_add_loop_test(t, cuts_ranges, 0, ROWS(ranges));
	tcase_add_test(t, cuts_the_worst_range);
	tcase_add_loop_test(t, reads_ports, 0, ROWS(ports));
	tcase_add_loop_test(t, steps_behind, 0, ROWS(next_rows));
	suite_add_tcase(s, t);
	return s;
}
