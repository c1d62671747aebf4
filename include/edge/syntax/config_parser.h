#ifndef EDGE_SYNTAX_CONFIG_PARSER_H
#define EDGE_SYNTAX_CONFIG_PARSER_H
/*
 * config_parser: libconfig in a process of its own, which may crash.
 *
 * libconfig writes to NULL, or ends the process, when memory runs out.  So it never runs in a
 * process that does anything else: a child is forked for each text, parses it, and hands the
 * settings back as bytes (core/base/setting.h).  A child that ends without an answer, however
 * it ends, is one sentence in the report of whoever wanted to load.
 *
 *     a reload in the worker ── text ──▶ socket ◀── settings ── child of the supervisor
 *                       └─ the socket's other end ─▶ supervisor, which forks and forgets
 *
 * Nobody forks in a process with several threads.  A worker sends the child's end of the socket to
 * its supervisor, which has one thread; susmilter -t, susmilterctl -c and tests, which have one
 * thread while they load, fork the child themselves.
 *
 * The child reads no file, has no rights of root's, and PARSE_SECONDS to live.
 */
#include "core/base/slice.h"

enum { CONFIG_PARSE_WHY_MAX = 200, PARSE_SECONDS = 60 };

/*
 * Parses a text without NULs.  True: *answer holds what settings_decode() reads, and is freed by
 * the caller with free().  False: why is a sentence without the file's name.  Safe in any thread of
 * a process that has given a way to ask, see below.
 */
bool config_parse(struct slice text, struct slice *answer, char why[CONFIG_PARSE_WHY_MAX]);

/*
 * From now on children are not forked here: `ask` sends `fd` to a process of one thread, in which a
 * child runs config_parser_child() with it, and is false with errno when it cannot.  Before threads
 * start.
 */
void config_parser_use(bool (*ask)(int fd));

/* The life of a child, which inherits `fd` and nothing that it needs besides. */
_Noreturn void config_parser_child(int fd);

#endif
