#include "edge/milter/milteranswer.h"

#include <stdint.h>
#include <stdio.h>

char *milteranswer_text(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void set_reply(SMFICTX *ctx, const char *code, const char *xcode, const char *text)
{
	smfi_setreply(
	    ctx, milteranswer_text(code), milteranswer_text(xcode), milteranswer_text(text));
}

/* smfi_setreply takes its text through printf: a '%' must be two, or the whole text vanishes. */
static void say(SMFICTX *ctx, const struct reply *reply)
{
	char code[8], text[2 * REPLY_MAX];
	size_t n = 0;

	for (const char *p = reply->text; *p && n + 2 < sizeof text; p++) {
		if (*p == '%')
			text[n++] = '%';
		text[n++] = *p;
	}
	text[n] = '\0';
	snprintf(code, sizeof code, "%u", reply->code);
	set_reply(ctx, code, reply->xcode, text);
}

sfsistat milteranswer_send(SMFICTX *ctx, const struct answer *answer)
{
	static const sfsistat codes[] = {
	    [ANSWER_CONTINUE] = SMFIS_CONTINUE,
	    [ANSWER_DONE] = SMFIS_ACCEPT,
	    [ANSWER_REJECT] = SMFIS_REJECT,
	    [ANSWER_TEMPFAIL] = SMFIS_TEMPFAIL,
	    [ANSWER_QUARANTINE] = SMFIS_CONTINUE,
	};

	if (answer->kind == ANSWER_REJECT || answer->kind == ANSWER_TEMPFAIL)
		say(ctx, &answer->reply);
	if (answer->kind == ANSWER_QUARANTINE)
		smfi_quarantine(ctx, milteranswer_text(answer->reply.text));
	return codes[answer->kind];
}

void milteranswer_too_many(struct reply *out)
{
	*out = (struct reply){421, "4.3.2", "Too many sessions, please try again later"};
}

sfsistat milteranswer_no_memory(SMFICTX *ctx)
{
	struct reply reply;

	milteranswer_too_many(&reply);
	say(ctx, &reply);
	return SMFIS_TEMPFAIL;
}

sfsistat milteranswer_broken(SMFICTX *ctx)
{
	set_reply(ctx, "451", "4.3.0", "Temporary internal error, please try again");
	return SMFIS_TEMPFAIL;
}

/* libmilter takes text that ends in NUL; NULL when out of memory. */
static char *join_value(const char *blank, struct slice value, struct arena *arena)
{
	size_t n = strlen(blank);
	char *text = arena_alloc(arena, n + value.len + 1);

	if (!text)
		return NULL;
	memcpy(text, blank, n);
	if (value.len > 0)
		memcpy(text + n, value.ptr, value.len);
	text[n + value.len] = '\0';
	return text;
}

static bool make_edit(
    SMFICTX *ctx, const struct header_edit *edit, const char *blank, struct arena *arena)
{
	char *name = arena_strdup(arena, edit->name);
	char *value = join_value(blank, edit->value, arena);

	if (!name || !value)
		return false;
	if (edit->remove)
		return smfi_chgheader(ctx, name, (int)edit->index, NULL) == MI_SUCCESS;
	return smfi_insheader(ctx, 0, name, value) == MI_SUCCESS;
}

bool milteranswer_edit(
    SMFICTX *ctx, const struct header_edit *edits, size_t count, const char *blank)
{
	struct arena *arena = count > 0 ? arena_create(TRANSACTION_ARENA_MAX) : NULL;
	bool made = count == 0 || arena;

	for (size_t i = 0; made && i < count; i++)
		made = make_edit(ctx, &edits[i], blank, arena);
	arena_free(&arena);
	return made;
}
