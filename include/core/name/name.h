#ifndef CORE_NAME_NAME_H
#define CORE_NAME_NAME_H
/*
 * name: a domain name in the one form in which names are compared.
 *
 * Canonical: lower-case A-labels joined by dots, no trailing dot, 1 to 63 octets a label, at most
 * 253 octets in all (RFC 1035 2.3.4); underscore is allowed as mail lists have it.  U-labels are
 * converted by IDNA2008 non-transitional (UTS 46), which core reaches through `struct idna`.
 *
 *     struct slice n;
 *     const char *wrong = name_parse(SLICE("Bücher.Example."), idna, arena, &n);
 *     // NULL; n is "xn--bcher-kva.example"
 *
 * A canonical name that comes in canonical form is returned as the same memory, without a copy.
 */
#include "core/base/arena.h"
#include "core/base/slice.h"

enum { NAME_MAX_OCTETS = 253, NAME_LABEL_MAX = 63 };

/*
 * How a label begins that stands for bytes which are no label by IDNA2008: some `struct idna` write
 * them in hexadecimal behind it.  Hyphens in the third and fourth place are reserved (RFC 5890
 * 2.3.1), so nobody's name is spelled like this.
 */
#define NAME_BYTES_LABEL SLICE("u8--")

/*
 * What core needs of Unicode.  All write at most `cap` bytes and return the length, or 0.
 *
 * to_ascii: bytes that should be UTF-8 to A-labels; 0 when it is no name.
 * fold_local: a local part as local parts are compared, NFC and case-folded; 0 when it is not
 * UTF-8.  NULL: only ASCII is folded.
 * compose: NFC and nothing else, for patterns and what they look at; 0 when it is not UTF-8.
 * NULL: text stays as it comes.
 */
struct idna {
	size_t (*to_ascii)(struct slice utf8, char *out, size_t cap);
	size_t (*fold_local)(struct slice utf8, char *out, size_t cap);
	size_t (*compose)(struct slice utf8, char *out, size_t cap);
};

/* No character becomes longer than this by the last two (UAX 15; Unicode, SpecialCasing). */
enum { IDNA_GROWTH = 3 };

/* text in NFC; as it came where it is so already, where it is no UTF-8 or idna does not know how,
 * and when memory runs out, which the arena remembers.  idna may be NULL. */
struct slice idna_compose(const struct idna *, struct slice text, struct arena *);

/*
 * Returns NULL and the canonical name, or the reason as a literal phrase for the operator
 * ("empty label", "label longer than 63 octets", "not a name: character ' '", …).
 * idna may be NULL: names that are not ASCII are then refused.
 */
const char *name_parse(
    struct slice text, const struct idna *idna, struct arena *arena, struct slice *out);

/* Whether some label of a canonical name begins with NAME_BYTES_LABEL: the DNS cannot hold it. */
bool name_has_bytes_label(struct slice name);

/* Number of labels; 0 for the empty slice. */
unsigned name_labels(struct slice name);

/* The last n labels of a canonical name; the whole name when it has fewer. */
struct slice name_last_labels(struct slice name, unsigned n);

/* Without its first label; empty for a single label. */
struct slice name_parent(struct slice name);

/* Equal to `ancestor` or below it, compared by label ("xfoo.bar" is not below "foo.bar"). */
bool name_is_within(struct slice name, struct slice ancestor);

#endif
