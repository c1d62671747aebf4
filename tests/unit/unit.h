#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H
/*
 * unit: every tests/unit/NAME_test.c defines suite() with its cases; main.c runs it.
 *
 * Cases are tables: inputs on the left, what is wanted on the right, and a label that names the
 * row when it fails.
 */
#include <check.h>

Suite *suite(void);

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

#endif
