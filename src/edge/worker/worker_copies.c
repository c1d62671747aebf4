/*
 * The copies of the files of a generation: written when it is live, loaded when the one before is
 * wanted back (edge/config/copies.h).
 */
#include "edge/log/log.h"
#include "edge/worker/worker.h"

#include <stdio.h>

static int64_t now_seconds(struct worker *w)
{
	return w->env.now_us(w) / 1000000;
}

bool worker_copies_open(struct worker *w, const struct config *c)
{
	enum copies_result result;
	char why[COPIES_WHY_MAX];

	w->copies = copies_read(c->state, &result, why);
	if (!w->copies)
		return false;
	if (result == COPIES_DENIED || result == COPIES_BROKEN)
		log_warning(
		    "cannot read the copies of earlier files, starting without them: %s", why);
	return true;
}

bool worker_files_unchanged(struct worker *w, const struct config *running)
{
	if (w->refused)
		return !loaded_changed(w->refused, LOADED_ALL);
	if (running->from)
		return w->undone && !loaded_changed(w->undone, LOADED_ADMIN);
	return !loaded_changed(running->loaded, LOADED_ALL) &&
	       !loaded_is_due(running->loaded, now_seconds(w));
}

/* The set that `reload --previous` loads. */
static bool find_previous(
    struct worker *w, const struct config *running, enum copies_set *set, struct diag *diag)
{
	/* Files that could not be written: the last that could ran before them. */
	bool kept = worker_reload_status(w).copies_why[0] == '\0';
	struct origin at = {w->config_path, 0};

	*set = kept ? COPIES_PREVIOUS : w->copies->running;
	if (running->from)
		diag_error(diag, at,
		    "the running generation already comes from the copy of the previous one: "
		    "`susmilterctl reload` reads the files");
	else if (w->copies->directory[0] == '\0')
		diag_error(diag, at, "no copies of files are kept: state is empty");
	else if (!w->copies->sets[*set].there)
		diag_error(diag, at, "there is no previous generation to go back to");
	else if (!w->copies->sets[*set].whole)
		diag_error(diag, at,
		    "the files of the generation before are larger than %zu MB together, or more "
		    "than %d, and were not kept",
		    COPIES_BYTES_MAX >> 20, (int)COPIES_FILES_MAX);
	else
		return true;
	return false;
}

bool worker_copies_request(struct worker *w, const struct config *running, enum reload_files files,
    struct config_request *request, struct diag *diag)
{
	if (files == RELOAD_SAME && running->from) {
		request->from = running->from;
		request->from_set = running->from_set;
	}
	if (files != RELOAD_PREVIOUS)
		return true;
	request->from = w->copies;
	return find_previous(w, running, &request->from_set, diag);
}

/* What `before` read from files stays in mind while copies run in its place. */
static void note_undone(struct worker *w, const struct config *before, const struct config *now)
{
	if (before->from && now->from)
		return;
	loaded_free(&w->undone);
	if (now->from)
		w->undone = loaded_names(before->loaded);
}

void worker_copies_note(struct worker *w, const struct config *before, const struct config *now,
    struct diag *diag, char why[COPIES_WHY_MAX])
{
	bool ok = true;

	why[0] = '\0';
	note_undone(w, before, now);
	if (!now->from)
		ok = copies_save(w->copies, now->loaded, now_seconds(w), why);
	else if (now->from_set != w->copies->running)
		ok = copies_run(w->copies, now->from_set, why);
	loaded_release(now->loaded);
	if (strcmp(now->state, w->copies->directory) != 0)
		diag_warning(diag, (struct origin){w->config_path, 0},
		    "state stays \"%s\" until susmilter is restarted", w->copies->directory);
	if (!ok)
		diag_warning(diag, (struct origin){w->config_path, 0},
		    "the files of this generation could not be copied to the state directory: %s; "
		    "`reload --previous` cannot return to them, and after a restart a feed that "
		    "fails "
		    "has older entries",
		    why);
}
