/*
 * The macro grammar and expander.  The input is LOCAL NUL DOMAIN NUL TEXT; TEXT is tried as each
 * kind, and what the grammar takes is expanded.
 */
#include "core/auth/spf_macro.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void try_name(struct slice text, const struct spf_macro_values *v, struct arena *arena)
{
	struct slice name = spf_macro_name(text, v, arena), again;

	insist(name.ptr && name.len <= 253);
	for (size_t i = 0; i < name.len; i++)
		insist(name.ptr[i] == slice_lower(name.ptr[i]));
	again = spf_macro_name(text, v, arena);
	insist(slice_equal(name, again));
}

/* Without any macro or escape the expansion is the text. */
static void try_explanation(
    struct slice text, const struct spf_macro_values *v, struct arena *arena)
{
	struct slice said = spf_macro_explanation(text, v, arena);

	insist(said.ptr && said.len <= SPF_EXPLANATION_MAX);
	if (slice_find(text, '%') == text.len)
		insist(slice_starts(text, said) &&
		       (said.len == text.len || said.len == SPF_EXPLANATION_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = {(const char *)data, size};
	struct slice local = slice_cut(&rest, '\0'), domain = slice_cut(&rest, '\0');
	struct arena *arena = arena_create(1 << 20);
	struct spf_macro_values v = {.local = local,
	    .sender_domain = domain,
	    .domain = domain,
	    .client_name = SLICE("unknown"),
	    .helo = domain,
	    .receiver = local,
	    .now = (int64_t)size};

	insist(ip_parse(size % 2 ? SLICE("192.0.2.1") : SLICE("2001:db8::1"), &v.client));
	if (!spf_macro_check(rest, SPF_MACRO_DOMAIN)) {
		insist(!spf_macro_check(rest, SPF_MACRO_MODIFIER));
		try_name(rest, &v, arena);
	}
	if (!spf_macro_check(rest, SPF_MACRO_MODIFIER))
		insist(!spf_macro_check(rest, SPF_MACRO_EXPLANATION));
	if (!spf_macro_check(rest, SPF_MACRO_EXPLANATION))
		try_explanation(rest, &v, arena);
	arena_free(&arena);
	return 0;
}
