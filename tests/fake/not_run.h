#ifndef FAKE_NOT_RUN_H
#define FAKE_NOT_RUN_H
/*
 * not_run: a test that lacks its data, which is not part of the sources.
 *
 *     if (!(data = load(path)))
 *             not_run("spf_suite: the suite of RFC 7208", path);
 *
 * That is no failure, and must not look like a success: it is printed, and noted in the file that
 * $NOT_RUN names, from which `make check` says it again at its end, with where to get the data.
 * The same for tests in Python: tests/lab/not_run.py.
 */
void not_run(const char *what, const char *path);

#endif
