/* susmilterctl: asks a running susmilter, or reads its configuration without one (SPEC 7). */
#include "ctl.h"

int main(int argc, char **argv)
{
	struct words words;
	int status;

	if (!words_read(argc, argv, &words, &status))
		return status;
	if (words.config) {
		status = local_run(&words);
	} else if (!remote_ask(&words, &status)) {
		if (words.command->flags & COMMAND_EITHER) {
			status = local_run(&words);
		} else {
			remote_complain(&words);
			status = STATUS_FAILED;
		}
	}
	json_decref(words.request);
	return status;
}
