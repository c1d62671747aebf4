/*
 * DKIM-Signature fields, key records and bodies, through the verifier and so through libopendkim.
 *
 * The input is texts separated by byte 0xfe: what the DNS says of every key ("!" is no answer,
 * empty no such name, byte 0xfd separates records), the body, then the header fields as
 * "Name:value". No signature can pass, since nobody has made one.
 */
#include "core/auth/dkim_field.h"
#include "core/auth/dkim_verifier.h"
#include "core/auth/dmarc.h"
#include "core/auth/taglist.h"
#include "edge/auth/dkim_library.h"
#include "edge/idn/idn.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 3, NOW = 1800000000 };

struct source {
	struct slice key;
	unsigned questions, hints;
};

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void look_up(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct source *s = self;
	struct dns_record *records = arena_calloc(arena, RECORDS_MAX, sizeof *records);
	struct slice text = s->key;

	insist(name.len > 0 && type == DNS_TXT);
	insist(++s->questions <= DKIM_VERIFIED_MAX);
	*out = (struct dns_answer){.status = DNS_NXDOMAIN, .records = records};
	if (slice_equal(text, SLICE("!")))
		out->status = DNS_TEMP;
	else if (text.len > 0)
		out->status = DNS_OK;
	while (out->status == DNS_OK && text.ptr && out->count < RECORDS_MAX)
		records[out->count++].data = slice_cut(&text, '\xfd');
}

static void hint(void *self, struct slice name, enum dns_type type)
{
	struct source *s = self;

	insist(name.len > 0 && type == DNS_TXT);
	insist(++s->hints <= DKIM_VERIFIED_MAX * (2 + DMARC_WALK_MAX));
}

static void check_list(struct slice text)
{
	struct taglist list;
	const char *wrong = taglist_parse(text, &list);

	insist(list.count <= TAGLIST_MAX && (wrong || list.count > 0));
	for (size_t i = 0; i < list.count; i++)
		insist(list.tags[i].name.len > 0 && list.tags[i].value.len < text.len);
}

static void check_result(const struct dkim_signature_result *r)
{
	insist(r->result != DKIM_NONE && r->result != DKIM_PASS);
	insist(r->reason.len > 0 && slice_is_printable_ascii(r->reason));
	insist(slice_is_printable_ascii(r->domain) && slice_is_printable_ascii(r->selector));
	insist(slice_is_printable_ascii(r->identity) && slice_is_printable_ascii(r->b_prefix));
	insist(!dkim_counts(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct slice authors[] = {
	    SLICE_INIT("example.org"), SLICE_INIT("sub.example.net")};
	static struct dkim_crypto *library;
	struct slice rest = {(const char *)data, size};
	struct source source = {.key = slice_cut(&rest, '\xfe')};
	struct slice body = slice_cut(&rest, '\xfe');
	struct dns dns = {.self = &source, .lookup = look_up, .hint = hint};
	struct arena *arena = arena_create(16 << 20);
	struct dkim_verifier *v;
	struct dkim_answer answer;

	if (!library)
		library = dkim_library_create();
	check_list(source.key);
	v = dkim_verifier_create(library, &dns, &idn_uts46, arena, NOW);
	while (rest.ptr) {
		struct slice value = slice_cut(&rest, '\xfe'), name = slice_cut(&value, ':');

		dkim_verifier_header(v, name, value);
	}
	if (dkim_verifier_end_of_headers(v, authors, 2))
		dkim_verifier_body(v, body.ptr, body.len);
	dkim_verifier_finish(v, &answer);
	insist(answer.count <= DKIM_VERIFIED_MAX);
	for (size_t i = 0; i < answer.count; i++)
		check_result(&answer.signatures[i]);
	dkim_verifier_free(&v);
	arena_free(&arena);
	return 0;
}
