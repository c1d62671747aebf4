#ifndef CONFIG_OPTION_H
#define CONFIG_OPTION_H
/*
 * The row of an option, shared by the table (config_options.c), what puts a value in its place
 * (config_set.c) and the checks of single strings (config_checks.c).
 */
#include "config_load.h"

enum option_type {
	OPTION_TEXT,    /* const char * */
	OPTION_SLICE,   /* struct slice, of the settings */
	OPTION_PATH,    /* const char *, resolved against the file that names it */
	OPTION_OCTAL,   /* unsigned, written as a string of octal digits */
	OPTION_CHOICE,  /* one of some words, an enum */
	OPTION_FLAG,    /* one of two words, a bool */
	OPTION_BOOL,    /* true or false */
	OPTION_COUNT,   /* unsigned, min to max */
	OPTION_SECONDS, /* double, min to max */
	OPTION_BYTES,   /* uint64_t, a number with K, M, G or T as a string, min to max */
	OPTION_SERVERS, /* resolver.servers */
	OPTION_SECTION, /* `section` takes it */
};

enum { WHY_MAX = 160 };

/* One option: its name, what it may be, what it is when it is absent, and where it goes. */
struct option {
	const char *group, *key; /* group "": top level */
	enum option_type type;
	const char *fallback; /* as it would stand in a configuration, strings without quotes */
	bool setting;         /* goes to struct settings, else to struct config */
	bool start;           /* read by config_load_start(), too */
	size_t offset;
	const struct word *words;
	double min, max;
	/* of a string, which may be empty: NULL, or the sentence that says what is wrong */
	const char *(*check)(struct slice text, char why[WHY_MAX]);
	void (*section)(struct load *, const struct setting *);
	/* of an old name that is still taken: the top-level key that it is called now */
	const char *now;
};

/* Puts the value in its place, or reports what is wrong with it. */
void option_set(struct load *, const struct option *, const struct setting *);

/* Puts the default in its place. */
void option_set_fallback(struct load *, const struct option *);

/* Of strings, as struct option.check. */
const char *check_milter_socket(struct slice text, char why[WHY_MAX]);
const char *check_socket_path(struct slice text, char why[WHY_MAX]);
const char *check_listen(struct slice text, char why[WHY_MAX]);
const char *check_url(struct slice text, char why[WHY_MAX]);
const char *check_authserv_id(struct slice text, char why[WHY_MAX]);
const char *check_results_field(struct slice text, char why[WHY_MAX]);
const char *check_own_field(struct slice text, char why[WHY_MAX]);

#endif
