#include "unit/unit.h"

#include "core/base/diag.h"

#include <stdio.h>
#include <stdlib.h>

/* How many allocations succeed before all others fail; linked with --wrap. */
static size_t allocations_left = SIZE_MAX;

void *__real_malloc(size_t);
void *__wrap_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t, size_t);

static bool may_allocate(void)
{
	return allocations_left == SIZE_MAX || (allocations_left > 0 && allocations_left-- > 0);
}

void *__wrap_malloc(size_t size)
{
	return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return may_allocate() ? __real_calloc(n, size) : NULL;
}

struct lines {
	size_t n;
	enum diag_level level[400];
	char line[400][1100];
};

static void collect(void *context, enum diag_level level, const char *line)
{
	struct lines *l = context;

	ck_assert_uint_lt(l->n, ROWS(l->line));
	l->level[l->n] = level;
	snprintf(l->line[l->n++], sizeof l->line[0], "%s", line);
}

static struct lines *lines_of(const struct diag *r)
{
	struct lines *l = calloc(1, sizeof *l);

	diag_each(r, collect, l);
	return l;
}

START_TEST(keeps_order_and_place)
{
	struct diag *r = diag_create();
	struct lines *l;

	ck_assert_uint_eq(diag_errors(r), 0);
	diag_error(r, (struct origin){"a.conf", 12}, "unknown key \"%s\"", "sokcet");
	diag_warning(r, (struct origin){"lists/b", 0}, "%d entries", 7);
	diag_warning(r, (struct origin){"lists/b", 3}, "covered by line %u", 1u);
	diag_error(r, (struct origin){"a.conf", 13}, "no value");
	ck_assert_uint_eq(diag_errors(r), 2);
	ck_assert_uint_eq(diag_warnings(r), 2);
	l = lines_of(r);
	ck_assert_uint_eq(l->n, 4);
	ck_assert_str_eq(l->line[0], "a.conf:12: unknown key \"sokcet\"");
	ck_assert_str_eq(l->line[1], "lists/b: 7 entries");
	ck_assert_str_eq(l->line[2], "lists/b:3: covered by line 1");
	ck_assert_str_eq(l->line[3], "a.conf:13: no value");
	ck_assert(l->level[0] == DIAG_ERROR && l->level[1] == DIAG_WARNING);
	ck_assert(l->level[2] == DIAG_WARNING);
	free(l);
	diag_free(&r);
	ck_assert_ptr_null(r);
	diag_free(&r);
}
END_TEST

START_TEST(headlines_come_first)
{
	static const char *const want[] = {
	    "f: first", "g: second", "h: third", "a:1: wrong", "a:2: odd"};
	struct diag *r = diag_create();
	struct lines *l;

	diag_headline(r, (struct origin){"f", 0}, "first");
	diag_error(r, (struct origin){"a", 1}, "wrong");
	diag_headline(r, (struct origin){"g", 0}, "second");
	diag_warning(r, (struct origin){"a", 2}, "odd");
	diag_headline(r, (struct origin){"h", 0}, "third");
	ck_assert_uint_eq(diag_warnings(r), 4);
	l = lines_of(r);
	ck_assert_uint_eq(l->n, ROWS(want));
	for (size_t i = 0; i < ROWS(want); i++)
		ck_assert_str_eq(l->line[i], want[i]);
	free(l);
	diag_free(&r);
}
END_TEST

/* Errors and warnings of two files have a limit each; a file is known by its name. */
START_TEST(limits_each_file)
{
	struct diag *r = diag_create();
	char again[] = "lists/a";
	struct lines *l;

	for (unsigned i = 1; i <= 60; i++) {
		diag_error(r, (struct origin){i % 2 ? "lists/a" : again, i}, "wrong");
		diag_warning(r, (struct origin){"lists/a", i}, "odd");
	}
	for (unsigned i = 1; i <= DIAG_PER_FILE + 1; i++)
		diag_error(r, (struct origin){"lists/b", i}, "wrong");
	for (unsigned i = 1; i <= DIAG_PER_FILE; i++)
		diag_error(r, (struct origin){"lists/c", i}, "wrong");
	ck_assert_uint_eq(diag_errors(r), 60 + 51 + 50);
	ck_assert_uint_eq(diag_warnings(r), 60);
	l = lines_of(r);
	ck_assert_uint_eq(l->n, 50 + 50 + 50 + 50 + 3);
	ck_assert_str_eq(l->line[l->n - 3], "lists/a: 10 more errors not shown");
	ck_assert_str_eq(l->line[l->n - 2], "lists/a: 10 more warnings not shown");
	ck_assert_str_eq(l->line[l->n - 1], "lists/b: 1 more error not shown");
	ck_assert(l->level[l->n - 3] == DIAG_ERROR && l->level[l->n - 2] == DIAG_WARNING);
	free(l);
	diag_free(&r);
}
END_TEST

START_TEST(stays_on_one_line)
{
	static char long_text[3000];
	struct diag *r = diag_create();
	struct lines *l;

	memset(long_text, 'x', sizeof long_text - 1);
	diag_error(r, (struct origin){"f", 1},
	    "a\nb\r\x1b[31m\x7f B\xc3\xbc"
	    "cher");
	diag_error(r, (struct origin){"f", 2}, "Latin-1 \xfc");
	diag_error(r, (struct origin){"f", 3}, "%s", long_text);
	diag_error(r, (struct origin){long_text, 4}, "lost");
	l = lines_of(r);
	ck_assert_str_eq(l->line[0], "f:1: a?b??[31m? B\xc3\xbc"
				     "cher");
	ck_assert_str_eq(l->line[1], "f:2: Latin-1 ?");
	ck_assert_uint_eq(strlen(l->line[2]), 1023);
	ck_assert_uint_eq(strlen(l->line[3]), 1023);
	free(l);
	diag_free(&r);
}
END_TEST

/* With any number of allocations left, what was said stays counted and the loss is told. */
START_TEST(survives_without_memory)
{
	struct diag *r;
	struct lines *l;

	allocations_left = 0;
	r = diag_create();
	allocations_left = SIZE_MAX;
	ck_assert_ptr_null(r);
	for (size_t left = 0; left < 6; left++) {
		r = diag_create();
		allocations_left = left;
		diag_error(r, (struct origin){"a", 1}, "one");
		diag_warning(r, (struct origin){"b", 2}, "two");
		diag_error(r, (struct origin){"a", 3}, "three");
		allocations_left = SIZE_MAX;
		ck_assert_uint_eq(diag_errors(r), 2 + (left < 5));
		ck_assert_uint_eq(diag_warnings(r), 1);
		l = lines_of(r);
		if (left < 5)
			ck_assert_ptr_nonnull(strstr(l->line[l->n - 1], "out of memory"));
		else
			ck_assert_uint_eq(l->n, 3);
		free(l);
		diag_free(&r);
	}
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_test(t, keeps_order_and_place);
	tcase_add_test(t, headlines_come_first);
	tcase_add_test(t, limits_each_file);
	tcase_add_test(t, stays_on_one_line);
	tcase_add_test(t, survives_without_memory);
	suite_add_tcase(s, t);
	return s;
}
