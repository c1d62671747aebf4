#include "core/auth/dmarc.h"

/* RFC 9989 4.10 step 4: from eight labels on, the walk goes on with the right-most seven. */
enum { LABELS_AFTER_JUMP = DMARC_WALK_MAX - 1 };

static const struct slice prefix = SLICE_INIT("_dmarc.");

void dmarc_walk_start(struct dmarc_walk *w, struct slice domain)
{
	bool askable = domain.len > 0 && domain.len <= NAME_MAX_OCTETS;

	*w = (struct dmarc_walk){
	    .state = askable ? DMARC_WALK_ASK : DMARC_WALK_DONE,
	    .start = domain,
	    .target = domain,
	    .asked = askable,
	};
}

struct slice dmarc_walk_question(const struct dmarc_walk *w, char text[DMARC_QUESTION_MAX])
{
	memcpy(text, prefix.ptr, prefix.len);
	memcpy(text + prefix.len, w->target.ptr, w->target.len);
	return slice_of(text, prefix.len + w->target.len);
}

/* The one DMARC record of an answer; false for none, and for several, which are all discarded. */
static bool only_record(const struct dns_answer *answer, struct dmarc_record *out)
{
	struct dmarc_record record;
	size_t records = 0;

	if (answer->status != DNS_OK)
		return false;
	for (size_t i = 0; i < answer->count; i++)
		if (dmarc_record_parse(answer->records[i].data, &record)) {
			*out = record;
			records++;
		}
	return records == 1;
}

static struct slice above(struct slice target)
{
	return name_labels(target) > LABELS_AFTER_JUMP ? name_last_labels(target, LABELS_AFTER_JUMP)
						       : name_parent(target);
}

void dmarc_walk_answer(struct dmarc_walk *w, const struct dns_answer *answer)
{
	struct dmarc_found *found = &w->found[w->found_count];
	struct slice next = above(w->target);

	if (answer->status == DNS_TEMP) {
		unsigned labels = name_labels(w->target);

		w->highest_open = name_last_labels(w->start, labels > 1 ? labels : 2);
		if (w->first_missing.len == 0)
			w->first_missing = w->target;
	}
	if (only_record(answer, &found->record)) {
		found->domain = w->target;
		w->found_count++;
		if (found->record.psd != DMARC_PSD_UNKNOWN)
			next.len = 0;
	}
	if (next.len == 0) {
		w->state = DMARC_WALK_DONE;
		return;
	}
	w->target = next;
	w->asked++;
}

/* psd=y at the start itself does not move its organization below it (4.10.2 rule 2). */
static bool is_suffix_above(const struct dmarc_walk *w, const struct dmarc_found *found)
{
	return found->record.psd == DMARC_PSD_YES && found->domain.len < w->start.len;
}

/* Since psd=y and psd=n end a walk, only the last record can carry them. */
struct slice dmarc_walk_organization(const struct dmarc_walk *w)
{
	const struct dmarc_found *last;

	if (w->found_count == 0)
		return w->start;
	last = &w->found[w->found_count - 1];
	if (is_suffix_above(w, last))
		return name_last_labels(w->start, name_labels(last->domain) + 1);
	return last->domain;
}

struct slice dmarc_walk_highest(const struct dmarc_walk *w)
{
	struct slice organization = dmarc_walk_organization(w);
	bool is_above = w->highest_open.len > 0 && w->highest_open.len < organization.len;

	return is_above ? w->highest_open : organization;
}

/* All names of a walk are ends of its start, so that lengths tell which one is above. */
static bool is_certain_at(const struct dmarc_walk *w, struct slice organization)
{
	return w->first_missing.len < organization.len;
}

enum dmarc_related dmarc_walk_compare(const struct dmarc_walk *a, const struct dmarc_walk *b)
{
	struct slice organization = dmarc_walk_organization(a);
	bool is_same = slice_equal(organization, dmarc_walk_organization(b));

	if (a->first_missing.len == 0 && b->first_missing.len == 0)
		return is_same ? DMARC_RELATED : DMARC_UNRELATED;
	if (is_same && is_certain_at(a, organization) && is_certain_at(b, organization))
		return DMARC_RELATED;
	return DMARC_RELATED_UNKNOWN;
}

const struct dmarc_found *dmarc_walk_policy(const struct dmarc_walk *w)
{
	struct slice organization = dmarc_walk_organization(w);

	if (w->found_count == 0)
		return NULL;
	if (slice_equal(w->found[0].domain, w->start))
		return &w->found[0];
	for (size_t i = 0; i < w->found_count; i++)
		if (slice_equal(w->found[i].domain, organization))
			return &w->found[i];
	return &w->found[w->found_count - 1];
}
