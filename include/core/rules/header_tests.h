#ifndef CORE_RULES_HEADER_TESTS_H
#define CORE_RULES_HEADER_TESTS_H
/*
 * header_tests: what a rule asks of the header of a message (SPEC 3.1).
 *
 *     header = [ "List-Id", "!Message-ID", "Subject: /invoice [0-9]+/" ]     any of them holds
 *     all_headers = [ "!Date", "X-Mailer: /bulk.+/" ]                        all hold together
 *
 * A field of the name is there, or none is, or the value of some field of the name matches a
 * pattern (core/name/pattern.h) from its first to its last character, decoded as
 * core/mail/rfc2047.h has it.  Names compare without case.
 *
 * A pattern that hits a limit says nothing, and the criterion is undecided where no other entry
 * settles it.
 */
#include "core/name/name.h"
#include "core/name/pattern.h"

/* One entry as it is written. */
struct header_entry {
	bool absent;          /* "!Name" */
	struct slice name;    /* of the field */
	struct slice pattern; /* between the slashes; empty: none */
	struct slice text;    /* all of it */
};

enum { HEADER_ENTRY_WHY_MAX = 240 };

/* NULL and *out, or the reason.  Slices point into text, or into arena where a pattern had to be
 * composed. */
const char *header_entry_parse(struct slice text, const struct idna *, struct arena *,
    struct header_entry *out, char why[HEADER_ENTRY_WHY_MAX]);

/* One entry of one criterion of one rule. */
struct header_test {
	unsigned rule, slot;
	bool absent;
	struct slice name;       /* in lower case */
	struct pattern *pattern; /* NULL: that the field is there is enough */
	struct slice text;       /* as it is written */
};

/* A field of a message that some rule asks for. */
struct header_field {
	const struct header_field *next;
	struct slice name;  /* in lower case */
	struct slice value; /* decoded */
};

/* PATTERN_BROKEN: undecided. */
enum pattern_result header_test_ask(const struct header_test *, const struct header_field *);

/* RFC 5322 sets no limit; longer names are asked for by nobody. */
enum { HEADER_NAME_MAX = 120 };

/* The name as it is compared; empty when it is longer than any that is asked for. */
struct slice header_name_fold(struct slice name, char folded[HEADER_NAME_MAX]);

#endif
