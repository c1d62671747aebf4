#ifndef FAKE_MMDB_H
#define FAKE_MMDB_H
/*
 * mmdb: databases of networks, made when a test runs.
 *
 *     mmdb_write("/tmp/x/asn.mmdb", "asn epoch=1700000000", "192.0.2.0/24 64500 -\n");
 *
 * The layouts and settings are those of tests/fake/mmdb.pl, which writes the file.
 */
#include <stdbool.h>

/* `settings` is the layout and KEY=VALUE words.  False when the file could not be made. */
bool mmdb_write(const char *path, const char *settings, const char *records);

#endif
