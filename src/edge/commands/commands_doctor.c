#include "edge/control/commands.h"

#include "edge/doctor/doctor.h"

struct visit {
	struct request *asked;
	unsigned wrong;
	json_t *findings; /* NULL: as text */
};

static void add_finding(json_t *list, enum finding f, const char *what, const char *change)
{
	static const char *const kinds[] = {
	    [FINDING_GOOD] = "ok",
	    [FINDING_NOTE] = "note",
	    [FINDING_WRONG] = "wrong",
	};

	json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "finding", kinds[f], "what",
					json_from_slice(slice_str(what)), "change",
					change ? json_from_slice(slice_str(change)) : json_null()));
}

static void print_finding(void *context, enum finding f, const char *what, const char *change)
{
	static const char *const marks[] = {
	    [FINDING_GOOD] = "ok     ",
	    [FINDING_NOTE] = "note   ",
	    [FINDING_WRONG] = "WRONG  ",
	};
	struct visit *v = context;

	v->wrong += f == FINDING_WRONG;
	if (v->findings) {
		add_finding(v->findings, f, what, change);
		return;
	}
	channel_print(v->asked->channel, "%s%s%s%s\n", marks[f], what, change ? " → " : "",
	    change ? change : "");
}

static void print_config_line(void *context, enum diag_level level, const char *line)
{
	print_finding(context, level == DIAG_ERROR ? FINDING_WRONG : FINDING_NOTE, line, NULL);
}

static void tell_end(struct visit *v)
{
	struct request *req = v->asked;

	if (v->findings)
		request_print_json(
		    req, json_pack("{s:b, s:I, s:o}", "healthy", v->wrong == 0, "problems",
			     (json_int_t)v->wrong, "findings", v->findings));
	else if (v->wrong)
		channel_print(
		    req->channel, "%u problem%s to fix\n", v->wrong, v->wrong == 1 ? "" : "s");
	else
		channel_print(req->channel, "healthy\n");
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
	struct visit v = {
	    .asked = req, .findings = request_switch(req, "json") ? json_array() : NULL};
	struct diag *diag = diag_create();
	struct ruleset *rules = NULL;
	struct config *config = diag ? config_load(req->config_path, NULL, diag, &rules) : NULL;

	if (config)
		config_check_reach(config, diag);
	if (diag)
		diag_each(diag, print_config_line, &v);
	if (config) {
		print_finding(&v, FINDING_GOOD,
		    arena_printf(req->arena, "%s has no errors", req->config_path).ptr, NULL);
		run_checks(&v, config, rules);
	} else if (v.wrong == 0) {
		print_finding(&v, FINDING_WRONG, "out of memory", NULL);
	}
	tell_end(&v);
	ruleset_free(&rules);
	config_free(&config);
	diag_free(&diag);
	return v.wrong ? STATUS_FAILED : STATUS_OK;
}
