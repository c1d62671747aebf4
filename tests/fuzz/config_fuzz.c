/*
 * A configuration file, loaded as by a reload.
 *
 * Insists that there is either a table or an error, and that a table can be surveyed, asked for its
 * entries and loaded again with the same result.  Files that the text names are not there, so that
 * what includes and lists can do wrong is seen as well.
 */
#include "core/rules/survey.h"
#include "edge/config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 loses the string that it is reading when it gives a file up. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void look_up(const struct config *config, const struct ruleset *rules)
{
	struct arena *arena = arena_create(1 << 20);
	struct slice at;

	for (unsigned i = 0; i < rules->rule_count && i < 4; i++) {
		at = config_find_entry(
		    config, &rules->rules[i], i % KEY_COUNT, SLICE("198.51.100.0/24"), arena);
		insist(at.len == 0 || slice_find(at, ':') < at.len);
	}
	arena_free(&arena);
}

/* Loads the text; returns the number of errors. */
static size_t load(const char *path)
{
	struct diag *diag = diag_create();
	struct survey *survey = survey_create(0);
	struct ruleset *rules;
	struct config *config = config_survey(path, NULL, diag, &rules, survey);
	size_t errors = diag_errors(diag);

	insist((config != NULL) == (errors == 0) && (rules != NULL) == (config != NULL));
	if (config) {
		insist(survey->rule_count == rules->rule_count);
		look_up(config, rules);
	}
	config_free(&config);
	ruleset_free(&rules);
	survey_free(&survey);
	diag_free(&diag);
	return errors;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	char path[32];

	insist(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	insist(load(path) == load(path));
	close(fd);
	return 0;
}
