/* What goes on: the last reload, and one line for the supervisor, who tells systemd. */
#include "edge/worker/worker.h"

#include "core/base/text.h"
#include "edge/doors/policy_door.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

unsigned worker_files(const struct config *c)
{
	unsigned sessions = c->milter_max_sessions * WORKER_FILES_A_SESSION;

	if (c->policy_socket[0])
		sessions += c->milter_max_sessions * POLICY_CONNECTIONS_A_REQUEST;
	return sessions + WORKER_FILES_BESIDES;
}

struct reload_status worker_reload_status(struct worker *w)
{
	struct reload_status status;

	pthread_mutex_lock(&w->status_lock);
	status = w->reload;
	pthread_mutex_unlock(&w->status_lock);
	return status;
}

void worker_status_text(struct worker *w, char out[NOTIFY_STATUS_MAX])
{
	const struct generation *g = table_pin(w->table);
	struct reload_status reload = worker_reload_status(w);
	size_t entries =
	    g->rules->network_entries + g->rules->name_entries + g->rules->domain_entries;

	snprintf(out, NOTIFY_STATUS_MAX, "generation %llu, %zu entr%s%s%s",
	    (unsigned long long)g->number, entries, entries == 1 ? "y" : "ies",
	    reload.first_error[0] ? "; last reload failed: " : "", reload.first_error);
	table_unpin(&g);
	/* An error quotes what stands in files, and may be cut in the middle of a character;
	 * systemd takes no line that is not UTF-8. */
	text_mask_controls(out, strlen(out));
}

void worker_tell_status(struct worker *w)
{
	char line[1 + NOTIFY_STATUS_MAX] = {WORKER_STATUS};
	size_t len;

	worker_status_text(w, line + 1);
	len = strlen(line);
	line[len++] = '\n'; /* in the place of the NUL */
	/* As one or not at all: other threads send to the same socket, and a supervisor that is
	 * gone or busy holds up nobody. */
	(void)!send(w->supervisor_fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);
}
