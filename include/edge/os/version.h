#ifndef EDGE_OS_VERSION_H
#define EDGE_OS_VERSION_H
/*
 * version: the version, as its package says: "0.1".
 *
 * It stands in one place, the first line of contrib/debian/changelog, from where the Makefile takes
 * it.
 */
extern const char susmilter_version[];

#endif
