#ifndef EDGE_OS_WRITE_ALL_H
#define EDGE_OS_WRITE_ALL_H
/*
 * write_all: write(2) until all is written.
 */
#include "core/base/slice.h"

/* False, with errno, when a write fails or takes nothing; a part may then be in the file.  A signal
 * that interrupts it does not count. */
bool write_all(int fd, struct slice);

#endif
