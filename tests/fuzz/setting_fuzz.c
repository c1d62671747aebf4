/*
 * The settings that a parsing process hands back.
 *
 * Twice: the input as an answer, of which nothing may be believed, and as the text of a
 * configuration, whose answer must be understood.  Insists that whatever became a tree has its
 * names and texts inside the answer, and its elements below their parents.
 */
#include "core/base/setting.h"
#include "src/edge/syntax/config_libconfig.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the string that it is reading when it gives a text up. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void check_text(struct slice answer, const char *text, size_t len)
{
	insist(text >= answer.ptr && text + len < answer.ptr + answer.len && text[len] == '\0' &&
	       strlen(text) == len);
}

static void check(struct slice answer, const struct setting *s, unsigned depth)
{
	insist(depth <= SETTING_DEPTH_MAX);
	check_text(answer, s->name, strlen(s->name));
	if (s->type == SETTING_STRING)
		check_text(answer, s->text.ptr, s->text.len);
	for (unsigned i = 0; i < setting_count(s); i++) {
		const struct setting *e = setting_element(s, i);

		insist(e->parent == s && (e->name[0] != '\0') == (s->type == SETTING_GROUP));
		insist(s->type != SETTING_ARRAY || e->type == setting_element(s, 0)->type);
		check(answer, e, depth + 1);
	}
}

/* Whether the answer had a meaning. */
static bool decode(struct slice answer)
{
	struct arena *arena = arena_create((size_t)1 << 26);
	struct slice error;
	unsigned line;
	const struct setting *root = settings_decode(answer, arena, &line, &error);
	bool meant = root || error.len > 0;

	insist(!root || error.len == 0);
	if (root)
		check(answer, root, 0);
	if (error.len > 0)
		check_text(answer, error.ptr, error.len);
	arena_free(&arena);
	return meant;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct slice answer;

	insist(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	decode(slice_of(text, size));
	if (strlen(text) == size) {
		answer = settings_encode(slice_of(text, size));
		insist(answer.ptr && decode(answer));
		free((void *)(uintptr_t)answer.ptr);
	}
	free(text);
	return 0;
}
