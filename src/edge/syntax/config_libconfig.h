#ifndef CONFIG_LIBCONFIG_H
#define CONFIG_LIBCONFIG_H
/*
 * config_libconfig: a text → the answer of setting.h.  The only file that knows libconfig; it runs
 * in a process that may end in the middle (edge/syntax/config_parser.h).
 */
#include "core/base/slice.h"

/* The text is followed by a NUL.  The answer is freed with free(); {NULL, 0} when memory ran out.
 */
struct slice settings_encode(struct slice text);

#endif
