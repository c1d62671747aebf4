/* susmilter: the daemon's command line (SPEC 7). */
#include "edge/config/config.h"
#include "edge/daemon/supervisor.h"
#include "edge/os/privileges.h"
#include "edge/os/version.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/susmilter/susmilter.conf"

static const char usage[] =
    "usage: susmilter [-f] [-c FILE]     run; -f: stay in the foreground\n"
    "       susmilter -t [-c FILE]       check the configuration: exit 0 without errors, else 1\n"
    "       susmilter -h, --help         print this help\n"
    "       susmilter -V, --version      print the version\n"
    "\n"
    "The default FILE is " DEFAULT_CONFIG ".\n"
    "Signals: HUP reloads, USR1 reopens the logs, TERM drains and stops.\n";

static void print_line(void *context, enum diag_level level, const char *line)
{
	fprintf(context, "%s%s\n", level == DIAG_ERROR ? "" : "warning: ", line);
}

/* As a start does it: root reads what it needs and becomes the user of the configuration.  Where
 * there is no such user the rest is looked at all the same, and the check says so. */
static struct config *begin(const char *path, struct diag *diag)
{
	struct config *start = geteuid() == 0 ? config_load_start(path, diag) : NULL;
	char why[PRIVILEGES_WHY_MAX];

	if (start)
		privileges_drop(start->milter_user, why, sizeof why);
	return start;
}

static int check(const char *path)
{
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *start = diag ? begin(path, diag) : NULL;
	struct config *config = NULL;
	size_t errors;
	bool ok;

	if (diag && diag_errors(diag) == 0)
		config = config_load(path, NULL, diag, &rules);
	if (config && start)
		config_compare_start(start, config, true, diag);
	if (config)
		config_check_start(config, diag);
	errors = diag ? diag_errors(diag) : 1;
	if (!diag)
		fprintf(stderr, "susmilter: out of memory\n");
	if (start)
		config_warn_denied(start, diag);
	ok = config && errors == 0;
	if (diag)
		diag_each(diag, print_line, stderr);
	if (ok)
		printf("%s: ok, %u rules, %zu networks, %zu names, %zu recipient domains\n", path,
		    rules->rule_count, rules->network_entries, rules->name_entries,
		    rules->domain_entries);
	else
		printf("%s: %zu error%s\n", path, errors, errors == 1 ? "" : "s");
	diag_free(&diag);
	ruleset_free(&rules);
	config_free(&config);
	config_free(&start);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option spelt_out[] = {
	    {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},
	    {NULL, 0, NULL, 0},
	};
	const char *config = DEFAULT_CONFIG;
	bool foreground = false, only_check = false;
	int option;

	while ((option = getopt_long(argc, argv, "fc:thV", spelt_out, NULL)) != -1) {
		switch (option) {
		case 'f':
			foreground = true;
			break;
		case 'c':
			config = optarg;
			break;
		case 't':
			only_check = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("susmilter %s\n", susmilter_version);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 2;
	}
	return only_check ? check(config) : supervisor_run(config, foreground);
}
