#ifndef CORE_SPF_PIECE_H
#define CORE_SPF_PIECE_H
/*
 * spf_piece: a macro-string step by step, for the two halves of core/auth/spf_macro.h only: the
 * grammar (spf_macro.c) and the expansion (spf_expand.c).
 */
#include "core/auth/spf_macro.h"

/* The transformers count in DIGITs without limit; more parts than this no value has. */
enum { SPF_KEEP_ALL = 100000 };

/* One step of a macro-string: a run of literal bytes, or a macro-expand. */
struct spf_piece {
	struct slice literal; /* when letter is 0; for %% %_ %- what it stands for */
	bool is_expand;       /* written with a %: may end a domain-spec */
	char letter;          /* in lower case */
	bool url_escape;      /* the letter was in upper case */
	bool reverse;
	unsigned keep;           /* number of right-hand parts */
	struct slice delimiters; /* "." when none are given */
};

/* Takes one piece off a text that is not empty; NULL or what is wrong with it. */
const char *spf_take_piece(struct slice *rest, struct spf_piece *out);

#endif
