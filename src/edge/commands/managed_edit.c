#include "managed_edit.h"

#include <pwd.h>

enum { TEXT_BYTES_MAX = 500 }; /* a line of the list stays one that an editor shows whole */

bool managed_edit_fits(struct slice text, bool one_word)
{
	return slice_is_utf8(text) && text.len <= TEXT_BYTES_MAX && !slice_has_controls(text) &&
	       !(one_word && slice_find(text, ' ') < text.len);
}

bool managed_edit_is_gone(void *channel)
{
	return channel_is_gone(channel);
}

struct slice managed_edit_asker(struct request *req)
{
	enum { ROOM = 4096 };
	char room[ROOM];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(req->uid, &pw, room, sizeof room, &found) == 0 && found &&
	    managed_edit_fits(slice_str(pw.pw_name), true))
		return arena_copy(req->arena, slice_str(pw.pw_name));
	return arena_printf(req->arena, "%u", req->uid);
}

uint64_t managed_edit_make_live(struct request *req, struct managed_edit *e, const char *what)
{
	char why[MANAGED_WHY_MAX];
	struct diag *diag = diag_create();
	const struct reload_order order = {.files = RELOAD_SAME};
	uint64_t number = 0;
	bool live;

	if (!managed_commit(e, e->modes ? NULL : config_try_managed, why)) {
		channel_error(req->channel, "not changed: %s\n", why);
		diag_free(&diag);
		return 0;
	}
	live = diag && worker_reload(req->worker, &order, diag, &number) == RELOAD_LIVE;
	if (diag && !live)
		request_print_diag(req, diag);
	diag_free(&diag);
	if (live)
		return number;
	if (managed_undo(e, why))
		channel_error(req->channel,
		    "the configuration does not load, so the %s was "
		    "not changed: fix the errors first\n",
		    what);
	else
		channel_error(req->channel,
		    "the configuration does not load, and the old %s could not be put back: %s\n",
		    what, why);
	return 0;
}
