#ifndef FAKE_SCRATCH_H
#define FAKE_SCRATCH_H
/*
 * scratch: a directory of a test's own, gone when the test program ends.
 *
 *     scratch_write("lists/a.cidr", SLICE("192.0.2.0/24\n"));
 *     config_load(scratch_path("a.conf"), …);
 *
 * Made on first use.  Paths that are given back stay valid.
 */
#include "core/base/slice.h"

/* The absolute path of a file in the directory; leads are made as directories. */
const char *scratch_path(const char *name);

/* Writes a file, making the directories above it. */
void scratch_write(const char *name, struct slice text);

#endif
