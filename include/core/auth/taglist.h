#ifndef CORE_AUTH_TAGLIST_H
#define CORE_AUTH_TAGLIST_H
/*
 * taglist: the "tag=value; tag=value" lists of DKIM, parsed strictly (RFC 6376 3.2, 8616).
 *
 *     struct taglist list;
 *     const char *wrong = taglist_parse(SLICE("v=1; d=example.org; s=a"), &list);
 *     struct slice d;
 *     taglist_get(&list, "d", &d);                     // true; "example.org"
 *
 * Strict means that two readers cannot understand one list differently: a tag that stands twice,
 * an empty tag, a control character or bytes that are not UTF-8 make the whole list wrong.  Values
 * may hold any other UTF-8; who reads one decides.  They keep their inner blanks and line ends
 * (folding white space); only the ends are trimmed.  Nothing is copied.
 */
#include "core/base/slice.h"

/* DKIM defines 14 tags; the rest is room for unknown ones, which are kept and ignored. */
enum { TAGLIST_MAX = 40 };

struct tag {
	struct slice name; /* case matters */
	struct slice value;
};

struct taglist {
	size_t count;
	struct tag tags[TAGLIST_MAX];
};

/* NULL, or the reason as a literal phrase; *out then holds the tags before the fault. */
const char *taglist_parse(struct slice text, struct taglist *out);

/* False, and *value empty, when there is no such tag. */
bool taglist_get(const struct taglist *, const char *name, struct slice *value);

/*
 * The next element of a colon-separated value ("from : to"), without the blanks around it; false
 * at the end.  Start with *rest = the value; elements may be empty.
 */
bool taglist_element(struct slice *rest, struct slice *element);

/* A space, a tab, or a part of a line end: what FWS is made of. */
bool taglist_is_blank(char c);

#endif
