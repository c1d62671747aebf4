/*
 * Names into the DNS and record data out of it.  The first byte of the input says which: a type of
 * record whose data follows, or a name.
 *
 * What is read lies in allocations of exact size, so that a sanitizer sees each step outside.  A
 * name that may be asked, packed by hand, must come back as it went, in lower case.
 */
#include "core/auth/dnswire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void read_data(enum dns_type type, struct slice rdata)
{
	char *room = malloc(rdata.len ? rdata.len : 1);
	struct dns_record out;

	insist(room != NULL);
	if (dnswire_record(type, rdata, room, &out)) {
		insist(out.data.ptr >= room && out.data.ptr + out.data.len <= room + rdata.len);
		insist(type != DNS_A || out.data.len == 4);
		insist(type != DNS_AAAA || out.data.len == 16);
	}
	free(room);
}

static void come_back(struct slice name)
{
	char wire[NAME_MAX_OCTETS + 2], room[sizeof wire];
	size_t len = 0;
	struct slice rest = name;
	struct dns_record out;

	while (rest.ptr) {
		struct slice label = slice_cut(&rest, '.');
		wire[len++] = (char)label.len;
		memcpy(wire + len, label.ptr, label.len);
		len += label.len;
	}
	wire[len++] = 0;
	insist(len == name.len + 2);
	insist(dnswire_record(DNS_PTR, slice_of(wire, len), room, &out));
	insist(slice_equal_nocase(out.data, name));
}

static void ask(struct slice name)
{
	char question[DNSWIRE_QUESTION_MAX];
	size_t len = dnswire_question(name, question);

	if (len == 0)
		return;
	insist(len >= name.len && question[len] == '\0' && strlen(question) == len);
	insist(strspn(question, "abcdefghijklmnopqrstuvwxyz0123456789-_.\\") == len);
	come_back(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT};
	size_t which = size ? data[0] % 8 : 0, len = size ? size - 1 : 0;
	char *copy = malloc(len ? len : 1);

	insist(copy != NULL);
	if (len)
		memcpy(copy, data + 1, len);
	if (which < sizeof types / sizeof *types)
		read_data(types[which], slice_of(copy, len));
	else
		ask(slice_of(copy, len));
	free(copy);
	return 0;
}
