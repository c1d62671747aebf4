/*
 * sendmail.cf, as doctor reads it.  Whatever it is, each finding is a sentence, what is wrong has a
 * change, and there is one of whether susmilter is asked.
 */
#include "core/mta/mtacheck.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static void say(void *context, enum finding f, const char *what, const char *change)
{
	bool *asked = context;

	insist(what && what[0] && (f == FINDING_WRONG) == (change && change[0]));
	*asked |= strstr(what, "is listed") || strstr(what, "is not listed") ||
		  strstr(what, "sendmail.cf has no filter for susmilter");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sockets[] = {"unix:/s", "inet:8891@127.0.0.1", "inet6:8891@::1"};
	struct slice cf = {(const char *)data, size}, user, lenient;
	struct arena *arena = arena_create(16 << 20);

	for (size_t i = 0; i < sizeof sockets / sizeof sockets[0]; i++) {
		bool asked = false;
		struct findings findings = {say, &asked};

		mtacheck_sendmail(cf, sockets[i], arena, &findings);
		insist(asked);
	}
	mtacheck_sendmail_trust(cf, arena, &user, &lenient);
	arena_free(&arena);
	return 0;
}
