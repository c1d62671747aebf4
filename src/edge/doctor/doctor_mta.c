#include "edge/doctor/doctor.h"

#include "core/policy/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INSTANCES_MAX = 32 };

/* ---- asking programs ----------------------------------------------------------------- */

/* Reads to the end, so that the program can exit; closes the descriptor. */
static struct slice read_pipe(struct doctor *d, int fd)
{
	FILE *from = fdopen(fd, "r");
	struct slice kept = slice_of("", 0);
	char *text = NULL;
	size_t room = 0;
	ssize_t n;

	if (!from) {
		close(fd);
		return kept;
	}
	n = getdelim(&text, &room, '\0', from);
	if (n > 0)
		kept = arena_copy(d->arena, slice_of(text, (size_t)n));
	free(text);
	fclose(from);
	return kept;
}

/* The standard output of a program; empty when it does not exist or fails. */
static struct slice run_program(struct doctor *d, const char *const argv[])
{
	extern char **environ;
	posix_spawn_file_actions_t actions;
	struct slice out = slice_of("", 0);
	int ends[2], status = -1, error;
	pid_t pid;

	if (pipe(ends) != 0)
		return out;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	error =
	    posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	out = read_pipe(d, ends[0]);
	while (!error && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return status == 0 ? out : slice_of("", 0);
}

/* The absolute path if it exists: a user's PATH may lack /usr/sbin. */
static const char *program_path(const char *sbin, const char *name)
{
	return access(sbin, X_OK) == 0 ? sbin : name;
}

static struct slice run_postconf(struct doctor *d, const char *directory, const char *what)
{
	const char *argv[] = {
	    program_path("/usr/sbin/postconf", "postconf"), "-c", directory, what, NULL};

	return run_program(d, argv);
}

/* ---- Postfix ------------------------------------------------------------------------- */

/* The policy's decision for an unauthenticated client. */
static bool is_trusted_address(void *context, const struct ip *address)
{
	const struct doctor *d = context;
	struct facts facts = {.now = time(NULL), .client = *address, .auth_state = FACT_ABSENT};

	return policy_decide(d->rules, &facts, PHASE_MAIL).reason == REASON_TRUSTED;
}

static bool has_tls_rule(const struct ruleset *rules)
{
	for (unsigned i = 0; i < rules->rule_count; i++)
		if (((rules->rules[i].keys | rules->rules[i].unless) & 1u << KEY_TLS) != 0)
			return true;
	return false;
}

/* False when this instance accepts no mail by SMTP. */
static bool check_postfix(struct doctor *d, const char *directory)
{
	struct postfix_settings s = {
	    .main = run_postconf(d, directory, "-x"),
	    .services = run_postconf(d, directory, "-M"),
	    .overrides = run_postconf(d, directory, "-Px"),
	    .directory = slice_str(directory),
	    .listens = doctor_listens,
	    .trusts = is_trusted_address,
	    .context = d,
	    .rules_ask_tls = has_tls_rule(d->rules),
	    .rules_ask_users = d->rules->has_authenticated,
	};
	const char *policy = d->config->policy_socket, *queue, *user;
	bool chrooted, asked;

	if (s.main.len == 0) {
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "postconf -c %s prints nothing: is this a configuration directory of Postfix?",
		    directory);
		return true;
	}
	if (!mtacheck_takes_mail(&s)) {
		doctor_add_finding(
		    d, FINDING_NOTE, NULL, "Postfix in %s does not accept mail by SMTP", directory);
		return false;
	}
	doctor_add_finding(d, FINDING_NOTE, NULL, "Postfix in %s:", directory);
	mtacheck_postfix(&s, d->config->milter_socket, d->arena, &d->findings);
	asked = policy[0] && mtacheck_policy(&s, policy, d->arena, &d->findings);
	queue = arena_strdup(d->arena, mtacheck_setting(s.main, "queue_directory"));
	user = arena_strdup(d->arena, mtacheck_setting(s.main, "mail_owner"));
	chrooted = mtacheck_is_chrooted(&s);
	if (queue && user)
		doctor_socket(d, d->config->milter_socket, queue, chrooted, user);
	if (queue && user && asked)
		doctor_socket(d, policy, queue, chrooted, user);
	return true;
}

/* The instances that postmulti lists: NAME GROUP y|n DIRECTORY; how many of them take mail. */
static unsigned check_instances(struct doctor *d)
{
	const char *argv[] = {program_path("/usr/sbin/postmulti", "postmulti"), "-l", NULL};
	struct slice lines = run_program(d, argv);
	unsigned count = 0;

	while (lines.len > 0 && count < INSTANCES_MAX) {
		struct slice line = slice_trim(slice_cut(&lines, '\n'));
		struct slice directory = slice_after_last(line, ' ');
		const char *path = arena_strdup(d->arena, directory);

		if (directory.len > 0 && directory.ptr[0] == '/' && path)
			count += check_postfix(d, path);
	}
	return count;
}

/* ---- all that the host has ----------------------------------------------------------- */

void doctor_mtas(struct doctor *d, const char *postfix, const char *sendmail)
{
	bool found = false;

	if (postfix)
		check_postfix(d, postfix);
	if (sendmail)
		doctor_sendmail(d, sendmail, true);
	if (postfix || sendmail)
		return;
	found = check_instances(d) > 0;
	found = doctor_sendmail(d, "/etc/mail/sendmail.cf", false) || found;
	if (!found && d->config->policy_socket[0])
		doctor_add_finding(d, FINDING_NOTE, NULL,
		    "there is no Postfix that accepts mail by SMTP, and no Sendmail: another MTA, "
		    "such as Exim, has to ask policy.socket");
	else if (!found)
		doctor_add_finding(d, FINDING_WRONG, NULL,
		    "there is no Postfix that accepts mail by SMTP, and no Sendmail: no MTA uses "
		    "susmilter");
}
