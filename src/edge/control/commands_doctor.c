#include "edge/control/commands.h"

#include "edge/doctor/doctor.h"

struct visit {
	struct request *asked;
	unsigned wrong;
};

static void print_finding(void *context, enum finding f, const char *what, const char *change)
{
	static const char *const marks[] = {
	    [FINDING_GOOD] = "ok     ",
	    [FINDING_NOTE] = "note   ",
	    [FINDING_WRONG] = "WRONG  ",
	};
	struct visit *v = context;

	v->wrong += f == FINDING_WRONG;
	channel_print(v->asked->channel, "%s%s%s%s\n", marks[f], what, change ? " → " : "",
	    change ? change : "");
}

static void print_config_line(void *context, enum diag_level level, const char *line)
{
	print_finding(context, level == DIAG_ERROR ? FINDING_WRONG : FINDING_NOTE, line, NULL);
}

static void run_checks(struct visit *v, const struct config *config, const struct ruleset *rules)
{
	struct request *req = v->asked;
	struct doctor d = {{print_finding, v}, config, rules, req->arena};

	doctor_mtas(&d, request_text(req, "postfix"), request_text(req, "sendmail"));
	doctor_daemon(&d);
	doctor_feeds(&d);
	doctor_surroundings(&d);
}

int command_doctor(struct request *req)
{
	struct visit v = {.asked = req};
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *config = diag ? config_load(req->config_path, NULL, diag, &rules) : NULL;

	if (config)
		config_check_reach(config, diag);
	if (diag)
		diag_each(diag, print_config_line, &v);
	if (config) {
		channel_print(req->channel, "ok     %s has no errors\n", req->config_path);
		run_checks(&v, config, rules);
	} else if (v.wrong == 0) {
		print_finding(&v, FINDING_WRONG, "out of memory", NULL);
	}
	if (v.wrong)
		channel_print(
		    req->channel, "%u problem%s to fix\n", v.wrong, v.wrong == 1 ? "" : "s");
	else
		channel_print(req->channel, "healthy\n");
	ruleset_free(&rules);
	config_free(&config);
	diag_free(&diag);
	return v.wrong ? STATUS_FAILED : STATUS_OK;
}
