#include "fake/stage.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

struct stage stage;
const char *const stage_selectors[KEYS] = {"rsa512", "rsa1024", "rsa2048", "rsa4096", "ed25519"};

void stage_make_keys(void)
{
	static const unsigned bits[KEYS] = {512, 1024, 2048, 4096, 0};

	for (size_t i = 0; i < KEYS; i++)
		stage.keys[i] = signer_key_create(bits[i]);
}

void stage_free_keys(void)
{
	for (size_t i = 0; i < KEYS; i++)
		signer_key_free(&stage.keys[i]);
}

void stage_publish(const char *name, struct slice record)
{
	ck_assert(zone_add(stage.zone, slice_str(name), DNS_TXT, record, 0));
}

void stage_empty_zone(void)
{
	zone_free(&stage.zone);
	stage.zone = zone_create();
	stage.dns = counting_dns(&stage.counting, zone_dns(stage.zone));
}

void stage_setup(void)
{
	stage.arena = arena_create((size_t)64 << 20);
	stage_empty_zone();
	stage.library = dkim_library_create();
	for (size_t i = 0; i < KEYS; i++)
		stage_publish(
		    arena_printf(stage.arena, "%s._domainkey.example.org", stage_selectors[i]).ptr,
		    signer_key_record(stage.keys[i], false, stage.arena));
}

void stage_teardown(void)
{
	dkim_library_free(&stage.library);
	zone_free(&stage.zone);
	arena_free(&stage.arena);
}

size_t stage_find(struct slice text, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= text.len; i++)
		if (memcmp(text.ptr + i, what, n) == 0)
			return i;
	return text.len;
}

struct slice stage_replaced(struct slice text, const char *what, const char *with)
{
	size_t at = stage_find(text, what);
	struct slice tail = slice_skip(text, at + strlen(what));
	struct slice out;

	ck_assert_msg(at < text.len, "\"%s\" is not there to be replaced", what);
	out = slice_of(arena_alloc(stage.arena, text.len + strlen(with)),
	    text.len - strlen(what) + strlen(with));
	memcpy((char *)(uintptr_t)out.ptr, text.ptr, at);
	memcpy((char *)(uintptr_t)out.ptr + at, with, strlen(with));
	memcpy((char *)(uintptr_t)out.ptr + at + strlen(with), tail.ptr, tail.len);
	return out;
}

struct slice stage_prefixed(const char *front, struct slice text)
{
	char *out = arena_alloc(stage.arena, strlen(front) + text.len + 1);

	memcpy(out, front, strlen(front));
	memcpy(out + strlen(front), text.ptr, text.len);
	return slice_of(out, strlen(front) + text.len);
}

/* One field as a milter gets it: folds have lost their CR. */
static void stage_give_field(struct dkim_verifier *v, struct slice field)
{
	static _Thread_local char value[65536];
	size_t colon = slice_find(field, ':'), n = 0;

	if (field.len > sizeof value)
		abort();
	for (size_t i = colon + 1; i < field.len; i++)
		if (field.ptr[i] != '\r')
			value[n++] = field.ptr[i];
	dkim_verifier_header(v, slice_of(field.ptr, colon), slice_of(value, n));
}

/* Up to the empty line; returns the body. */
struct slice stage_give_header(struct dkim_verifier *v, struct slice message)
{
	size_t start = 0;

	for (size_t i = 0; i + 1 < message.len; i++) {
		bool end = message.ptr[i] == '\r' && message.ptr[i + 1] == '\n';

		if (end && i == start)
			return slice_skip(message, i + 2);
		if (end && message.ptr[i + 2] != ' ' && message.ptr[i + 2] != '\t') {
			stage_give_field(v, slice_of(message.ptr + start, i - start));
			start = i + 2;
		}
	}
	return slice_of(NULL, 0);
}

void stage_play_at(
    struct slice message, const char *from, struct arena *a, uint64_t now, struct dkim_answer *out)
{
	struct dkim_verifier *v =
	    dkim_verifier_create(stage.library, &stage.dns, &idn_uts46, a, now);
	struct slice body, author = slice_str(from);

	*out = (struct dkim_answer){.count = 0};
	if (!v)
		return;
	body = stage_give_header(v, message);
	if (dkim_verifier_end_of_headers(v, &author, 1))
		for (size_t i = 0; i < body.len; i += 7)
			dkim_verifier_body(v, body.ptr + i, body.len - i < 7 ? body.len - i : 7);
	dkim_verifier_finish(v, out);
	dkim_verifier_free(&v);
}

struct dkim_answer stage_play(struct slice message)
{
	struct dkim_answer answer;

	stage_play_at(message, "example.org", stage.arena, (uint64_t)time(NULL), &answer);
	return answer;
}

void stage_want(
    const char *label, struct slice message, enum dkim_result result, const char *reason)
{
	struct dkim_answer a = stage_play(message);

	ck_assert_msg(a.count >= 1, "%s: not signed", label);
	ck_assert_msg(a.signatures[0].result == result, "%s: %s: %.*s", label,
	    dkim_result_name(a.signatures[0].result), SLICE_ARG(a.signatures[0].reason));
	ck_assert_msg(slice_equal(a.signatures[0].reason, slice_str(reason)), "%s: %.*s", label,
	    SLICE_ARG(a.signatures[0].reason));
	ck_assert_msg(dkim_counts(&a.signatures[0]) == (result == DKIM_PASS), "%s: counts", label);
}

struct signing stage_signing(int key, bool relaxed)
{
	return (struct signing){
	    .domain = "example.org",
	    .selector = stage_selectors[key],
	    .fields = "from:to:subject:date",
	    .relaxed_header = relaxed,
	    .relaxed_body = relaxed,
	    .length = -1,
	};
}

struct slice stage_signed_by(int key, bool relaxed)
{
	struct signing how = stage_signing(key, relaxed);

	return sign_by_opendkim(stage.keys[key], &how, SLICE(STAGE_MESSAGE), stage.arena);
}
