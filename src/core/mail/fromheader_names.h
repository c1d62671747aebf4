#ifndef CORE_MAIL_FROMHEADER_NAMES_H
#define CORE_MAIL_FROMHEADER_NAMES_H
/*
 * Every domain name that some reader could see behind an "@" of a crooked From field.
 *
 * A field that breaks the grammar is read by each program in a way of its own: quotes and comments
 * count or do not, blanks and comments around "@" and dots are skipped, encoded words are decoded
 * before or after.  This reads it in all of these ways, without grammar, and takes too much rather
 * than too little: what it does not see, no reader should see.
 *
 *     ceo@bank .example             bank.example
 *     ceo@bank(x).example           bank.example
 *     joe@(y.org)bank\.example      bank.example
 *     =?utf-8?q?b=40y.org?=, J      y.org
 *     b (U+FF20) y (U+3002) org     y.org
 *     Jane @ Work                   nothing: a name without a dot is a word
 */
#include "core/mail/fromheader.h"

struct from_names {
	/* Distinct canonical names with a dot, in the order in which they were found. */
	struct slice domains[FROM_DOMAINS_MAX];
	size_t count;
	bool more; /* there were more than FROM_DOMAINS_MAX */
	/* Ambiguous: something may be a name and cannot be read as one: dotted text behind an
	 * "@" that is not a name, an encoded word that cannot be read, or too much of all. */
	bool unclear;
};

/* Reads text in all the ways and adds what is found.  Names are in the arena. */
void from_names_collect(
    struct slice text, const struct idna *, struct arena *, struct from_names *);

#endif
