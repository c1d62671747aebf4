#include "spf_tokens.h"

#include "core/auth/spf_eval.h"
#include "core/base/line.h"

#include <stdio.h>

enum {
	/* Each record beyond the first costs a term. */
	FRAMES_MAX = 1 + SPF_TERMS_MAX,
	/* DNS terms of one record that are shown: the first beyond the limit is the permerror. */
	SHOWN_MAX = SPF_TERMS_MAX + 1,
	/* The identity, and for each record its shown terms and a redirect. */
	TARGETS_MAX = 1 + FRAMES_MAX * (SHOWN_MAX + 1),
	MX_HOSTS_MAX = SPF_TERMS_MAX * SPF_HOSTS_MAX,
};

/* What a token t… stands for: a term of a frame, its redirect (term NULL), or the identity. */
struct target {
	struct spf_frame *frame; /* NULL: the identity */
	const struct spf_term *term;
};

struct spf_tokens {
	struct spf_check *check;
	struct spf_frame frames[FRAMES_MAX];
	/* Of each frame, all or ip: what holds when no DNS term matches; or NULL. */
	const struct spf_term *last[FRAMES_MAX];
	struct target targets[TARGETS_MAX];
	struct slice hosts[MX_HOSTS_MAX];
	size_t frame_count, target_count, host_count;
	struct spf_frame *deciding; /* the identity's, or where its redirects have led */
};

struct spf_tokens *spf_tokens_create(struct spf_check *check)
{
	struct spf_tokens *t = arena_calloc(check->arena, 1, sizeof *t);

	if (!t)
		return NULL;
	t->check = check;
	t->target_count = 1;
	return t;
}

const struct spf_frame *spf_tokens_deciding(const struct spf_tokens *t)
{
	return t->deciding;
}

static enum spf_reply out_of_memory(struct spf_tokens *t)
{
	return spf_check_stop(t->check, SPFR_TEMPERROR, SLICE("out of memory"));
}

/* ---- the canonical record ------------------------------------------------------------ */

/* The generated text.  It cannot overflow: SHOWN_MAX terms of at most 24 octets, and the rest. */
_Static_assert(SHOWN_MAX * 24 + 64 <= SPF_CANONICAL_MAX, "all shown terms fit");

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

static size_t add_target(struct spf_tokens *t, struct spf_frame *frame, const struct spf_term *term)
{
	t->targets[t->target_count] = (struct target){frame, term};
	return t->target_count++;
}

/* The prefix length that a and mx have for this client. */
static unsigned bits_of(const struct spf_tokens *t, const struct spf_term *term)
{
	return t->check->query->client.family == IP_V4 ? term->bits4 : term->bits6;
}

/* A term that core evaluates: libspf2 is shown an exists in its place. */
static bool is_for_core(const struct spf_tokens *t, const struct spf_term *term)
{
	bool has_bits = term->mechanism == SPF_MECH_A || term->mechanism == SPF_MECH_MX;

	return !has_bits || bits_of(t, term) == 0;
}

static void write_term(
    struct spf_tokens *t, struct spf_frame *frame, const struct spf_term *term, struct line *l)
{
	size_t token = add_target(t, frame, term);
	enum ip_family family = t->check->query->client.family;

	line_append(l, " %c", sign_of(term));
	if (term->mechanism == SPF_MECH_INCLUDE) {
		line_append(l, "include:t%zu.k", token);
	} else if (is_for_core(t, term)) {
		line_append(l, "exists:t%zu.k", token);
	} else {
		line_append(l, "%s:t%zu.k", term->mechanism == SPF_MECH_A ? "a" : "mx", token);
		if (bits_of(t, term) < ip_bits(family))
			line_append(l, family == IP_V4 ? "/%u" : "//%u", bits_of(t, term));
	}
}

static bool always_holds(const struct spf_tokens *t, const struct spf_term *term)
{
	return term->mechanism == SPF_MECH_ALL ||
	       (term->mechanism == SPF_MECH_IP &&
		   prefix_contains(&term->network, &t->check->query->client));
}

/* The terms that can match, until one that always does, which is returned, or enough are shown. */
static const struct spf_term *write_terms(
    struct spf_tokens *t, struct spf_frame *frame, unsigned *shown, struct line *l)
{
	for (size_t i = 0; i < frame->record.count && *shown < SHOWN_MAX; i++) {
		const struct spf_term *term = &frame->record.terms[i];

		if (always_holds(t, term))
			return term;
		if (term->mechanism != SPF_MECH_IP && spf_check_can_match(t->check, term)) {
			write_term(t, frame, term, l);
			++*shown;
		}
	}
	return NULL;
}

/* The canonical text of a frame; what its tokens stand for is kept. */
static const char *canonical(struct spf_tokens *t, struct spf_frame *frame)
{
	size_t number = (size_t)(frame - t->frames);
	char canonical[SPF_CANONICAL_MAX + 1];
	struct line l = line_start(canonical, sizeof canonical);
	unsigned shown = 0;
	const struct spf_term *last;
	char *text;

	line_append(&l, "v=spf1");
	last = t->last[number] = write_terms(t, frame, &shown, &l);
	if (shown == 0 && last)
		frame->decider = last->text;
	else if (shown && (last || frame->record.redirect.len == 0))
		line_append(&l, " ?exists:m%zu.k", number);
	if (last)
		line_append(&l, " %call", sign_of(last));
	else if (frame->record.redirect.len)
		line_append(&l, " redirect=t%zu.k", add_target(t, frame, NULL));
	text = arena_strdup(t->check->arena, slice_of(canonical, l.len));
	if (!text)
		out_of_memory(t);
	return text;
}

/* ---- what stands behind a token ------------------------------------------------------ */

/* The number in "t12.k"; SIZE_MAX when the letter is another or the number not in use. */
static size_t token_number(const char *token, char letter, size_t in_use)
{
	struct slice rest = slice_str(token);
	uint64_t number;

	if (rest.len < 2 || rest.ptr[0] != letter)
		return SIZE_MAX;
	rest = slice_skip(rest, 1);
	if (!slice_to_uint(slice_cut(&rest, '.'), TARGETS_MAX, &number) || number >= in_use)
		return SIZE_MAX;
	return (size_t)number;
}

const char *spf_tokens_record(struct spf_tokens *t, const char *token)
{
	size_t number = token_number(token, 't', t->target_count);
	const struct target *target = number == SIZE_MAX ? NULL : &t->targets[number];
	struct spf_frame found, *frame;

	if (!target ||
	    spf_check_record(t->check, target->frame, target->term, &found) == SPF_REPLY_STOP ||
	    t->frame_count == FRAMES_MAX)
		return NULL;
	frame = &t->frames[t->frame_count++];
	*frame = found;
	if (target->frame)
		target->frame->decider = target->term ? target->term->text : slice_of(NULL, 0);
	if (!target->term && target->frame == t->deciding)
		t->deciding = frame;
	return canonical(t, frame);
}

/* An exists is told that there is an address. */
static enum spf_reply ask_core(
    struct spf_tokens *t, const struct target *target, struct dns_answer *out)
{
	static const char address[4];
	static const struct dns_record record = {.data = {address, sizeof address}};

	*out = (struct dns_answer){.status = DNS_OK, .count = 1, .records = &record};
	return spf_eval_term(t->check, target->frame, target->term);
}

/* mx: each host becomes a token. */
static enum spf_reply ask_hosts(struct spf_tokens *t, struct slice name, struct dns_answer *out)
{
	enum spf_reply reply = spf_check_hosts(t->check, name, out);
	struct arena *arena = t->check->arena;
	struct dns_record *tokens;

	if (reply != SPF_REPLY_FOUND)
		return reply;
	tokens = arena_calloc(arena, out->count, sizeof *tokens);
	for (size_t i = 0; i < out->count && tokens && t->host_count < MX_HOSTS_MAX; i++) {
		tokens[i].data = arena_printf(arena, "h%zu.k", t->host_count);
		t->hosts[t->host_count++] = out->records[i].data;
	}
	if (arena_failed(arena))
		return out_of_memory(t);
	out->records = tokens;
	return SPF_REPLY_FOUND;
}

/* a or mx, whose addresses libspf2 compares. */
static enum spf_reply ask_addresses(
    struct spf_tokens *t, const struct target *target, struct dns_answer *out)
{
	const struct spf_term *term = target->term;
	enum dns_type type = spf_check_address_type(t->check);
	enum spf_reply reply;
	struct slice name;

	if (!spf_check_term_begins(t->check, target->frame))
		return SPF_REPLY_STOP;
	name = spf_check_name(t->check, target->frame, term->domain);
	if (!name.ptr)
		return SPF_REPLY_STOP;
	reply = term->mechanism == SPF_MECH_MX ? ask_hosts(t, name, out)
					       : spf_check_addresses(t->check, name, type, out);
	return spf_check_term_ends(t->check, term, reply);
}

/* A token "m…": no term before it has matched. */
static enum spf_reply pass_mark(struct spf_tokens *t, size_t number)
{
	t->frames[number].decider = t->last[number] ? t->last[number]->text : slice_of(NULL, 0);
	return SPF_REPLY_NOTHING;
}

enum spf_reply spf_tokens_ask(struct spf_tokens *t, const char *token, struct dns_answer *out)
{
	size_t mark = token_number(token, 'm', t->frame_count);
	size_t host = token_number(token, 'h', t->host_count);
	size_t number = token_number(token, 't', t->target_count);
	const struct target *target = number == SIZE_MAX ? NULL : &t->targets[number];

	if (t->check->stopped)
		return SPF_REPLY_STOP;
	if (mark != SIZE_MAX)
		return pass_mark(t, mark);
	if (host != SIZE_MAX)
		return spf_check_host(t->check, t->hosts[host], out);
	if (!target || !target->term)
		return SPF_REPLY_NOTHING;
	target->frame->decider = target->term->text;
	return is_for_core(t, target->term) ? ask_core(t, target, out)
					    : ask_addresses(t, target, out);
}
