#include "spf_private.h"

#include <stdarg.h>
#include <stdio.h>

/* The generated text.  It cannot overflow: SHOWN_MAX terms of at most 24 octets, and the rest. */
struct writer {
	char text[SPF_CANONICAL_MAX + 1];
	size_t len;
};

_Static_assert(SHOWN_MAX * 24 + 64 <= SPF_CANONICAL_MAX, "all shown terms fit");

__attribute__((format(printf, 2, 3))) static void write_text(
    struct writer *w, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(w->text + w->len, sizeof w->text - w->len, format, args);
	va_end(args);
	w->len += (size_t)len;
}

static char sign_of(const struct spf_term *term)
{
	switch (term->qualifier) {
	case SPFR_FAIL:
		return '-';
	case SPFR_SOFTFAIL:
		return '~';
	case SPFR_NEUTRAL:
		return '?';
	default:
		return '+';
	}
}

static size_t add_target(struct spf_check *s, struct frame *frame, const struct spf_term *term)
{
	s->targets[s->target_count] = (struct target){.frame = frame, .term = term};
	return s->target_count++;
}

/* The prefix length that counts for this client. */
static unsigned bits_of(const struct spf_check *s, const struct spf_term *term)
{
	return s->query->client.family == IP_V4 ? term->bits4 : term->bits6;
}

static void write_term(
    struct spf_check *s, struct frame *frame, const struct spf_term *term, struct writer *w)
{
	size_t token = add_target(s, frame, term);
	bool has_bits = term->mechanism == SPF_MECH_A || term->mechanism == SPF_MECH_MX;
	unsigned bits = has_bits ? bits_of(s, term) : 0;

	write_text(w, " %c", sign_of(term));
	if (term->mechanism == SPF_MECH_INCLUDE) {
		write_text(w, "include:t%zu.k", token);
	} else if (bits == 0) {
		write_text(w, "exists:t%zu.k", token);
	} else {
		write_text(w, "%s:t%zu.k", term->mechanism == SPF_MECH_A ? "a" : "mx", token);
		if (bits < ip_bits(s->query->client.family))
			write_text(w, s->query->client.family == IP_V4 ? "/%u" : "//%u", bits);
	}
}

/* RFC 8616 4: a local part that is not ASCII cannot be in a name, so such a term matches nobody. */
static bool needs_ascii_local(const struct spf_check *s, const struct spf_term *term)
{
	if (slice_is_printable_ascii(s->local))
		return false;
	return spf_macro_uses(term->domain, 's') || spf_macro_uses(term->domain, 'l');
}

static bool always_holds(const struct spf_check *s, const struct spf_term *term)
{
	return term->mechanism == SPF_MECH_ALL ||
	       (term->mechanism == SPF_MECH_IP &&
		   prefix_contains(&term->network, &s->query->client));
}

const char *spf_canon(struct spf_check *s, struct frame *frame)
{
	struct writer w = {.len = 0};
	unsigned shown = 0;
	char *text;

	write_text(&w, "v=spf1");
	for (size_t i = 0; i < frame->record.count && !frame->last && shown < SHOWN_MAX; i++) {
		const struct spf_term *term = &frame->record.terms[i];
		if (always_holds(s, term)) {
			frame->last = term;
		} else if (term->mechanism != SPF_MECH_IP && !needs_ascii_local(s, term)) {
			write_term(s, frame, term, &w);
			shown++;
		}
	}
	if (frame->last || frame->record.redirect.len == 0) {
		if (shown)
			write_text(&w, " ?exists:m%zu.k", (size_t)(frame - s->frames));
		else if (frame->last)
			frame->decider = frame->last->text;
	}
	if (frame->last)
		write_text(&w, " %call", sign_of(frame->last));
	else if (frame->record.redirect.len)
		write_text(&w, " redirect=t%zu.k", add_target(s, frame, NULL));
	text = arena_strdup(s->arena, slice_of(w.text, w.len));
	if (!text)
		spf_stop(s, SPFR_TEMPERROR, SLICE("out of memory"));
	return text;
}
