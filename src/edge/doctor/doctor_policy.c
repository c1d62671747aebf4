/* The policy door of the running daemon, asked as an MTA asks. */
#include "core/session/policy_request.h"
#include "edge/doctor/doctor.h"
#include "edge/milter/mtaclient.h"

#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MS = 5000 };

/* At this stage nothing is judged, and nothing recorded. */
static const char question[] = "request=smtpd_access_policy\nprotocol_state=CONNECT\n"
			       "client_address=127.0.0.1\n\n";

static size_t read_answer(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = recv(fd, text + len, size - len, 0)) > 0) {
		len += (size_t)n;
		if (policy_request_length(slice_of(text, len), 0) > 0)
			break;
	}
	return len;
}

void doctor_policy(struct doctor *d)
{
	const char *socket = d->config->policy_socket;
	char why[MTACLIENT_WHY_MAX], text[POLICY_ANSWER_MAX];
	size_t len = 0;
	int fd;

	if (socket[0] == '\0')
		return;
	fd = mtaclient_socket(socket, ANSWER_MS, why);
	if (fd < 0) {
		doctor_add_finding(d, FINDING_WRONG, "systemctl restart susmilter",
		    "nobody answers on policy.socket: %s", why);
		return;
	}
	if (send(fd, question, sizeof question - 1, MSG_NOSIGNAL) == sizeof question - 1)
		len = read_answer(fd, text, sizeof text);
	close(fd);
	if (slice_equal(slice_of(text, len), SLICE("action=DUNNO\n\n")))
		doctor_add_finding(
		    d, FINDING_GOOD, NULL, "%s speaks the policy protocol and answers", socket);
	else
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "%s does not answer in the policy protocol within %d seconds", socket,
		    ANSWER_MS / 1000);
}
