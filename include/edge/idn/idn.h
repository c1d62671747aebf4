#ifndef EDGE_IDN_IDN_H
#define EDGE_IDN_IDN_H
/*
 * idn: libidn2 and libunistring behind `struct idna`, the only file that knows them.
 *
 * UTS 46, non-transitional, without the STD3 rules: "faß.example" and "fass.example" are two
 * names, capitals and full-width letters are folded, an underscore survives.
 *
 *     name_parse(SLICE("Bücher.example"), &idn_uts46, arena, &name);    // "xn--bcher-kva.example"
 *
 * Local parts of addresses: NFC and case-folded, without compatibility mappings (NFKC), since
 * full-width letters in a local part are another mailbox to the server that delivers.
 *
 * Constant and without state: safe in every thread.
 */
#include "core/name/name.h"

extern const struct idna idn_uts46;

/*
 * The same for names that clients give themselves: where a label is none by IDNA2008, such as an
 * emoji, it becomes "u8--" and hexadecimal digits, so that ".monster" matches whatever stands in
 * front of it.
 */
extern const struct idna idn_lenient;

#endif
