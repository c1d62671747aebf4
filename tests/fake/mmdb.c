#include "fake/mmdb.h"

#include <stdio.h>

bool mmdb_write(const char *path, const char *settings, const char *records)
{
	char command[512];
	FILE *writer;
	bool good;

	snprintf(command, sizeof command, "perl tests/fake/mmdb.pl '%s' %s", path, settings);
	writer = popen(command, "w");
	if (!writer)
		return false;
	good = fputs(records, writer) != EOF;
	return pclose(writer) == 0 && good;
}
