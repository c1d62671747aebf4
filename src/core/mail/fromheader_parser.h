#ifndef CORE_MAIL_FROMHEADER_PARSER_H
#define CORE_MAIL_FROMHEADER_PARSER_H
/*
 * The inside of the From parser, shared by fromheader.c (the grammar) and fromheader_crooked.c
 * (what breaks it).  The first offence is kept in s.wrong, as a phrase behind "the From field has".
 */
#include "core/mail/fromheader.h"
#include "core/mail/rfc5322.h"

struct from_parser {
	struct rfc5322 s;
	const struct idna *idna;
	struct arena *arena;
	struct fromheader *out;
	size_t addresses, groups;
};

/* The next atom with dots, or quoted string with its quotes; false when neither is next. */
bool from_take_word(struct from_parser *, struct slice *word);

/* Behind a local part: takes "@" and the domain, and adds the author to the result. */
void from_take_address(struct from_parser *, struct slice local);

/* Gives the result for fields that are not one well-formed From field; `why` says so. */
void from_judge_crooked(
    struct from_parser *, const struct slice *fields, size_t count, struct slice why);

#endif
