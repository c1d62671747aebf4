#ifndef CORE_RULES_SETTINGS_H
#define CORE_RULES_SETTINGS_H
/*
 * settings: what the configuration says beside rules, as far as decisions depend on it.
 *
 * Part of a generation, immutable once it is published.  Sockets, paths and threads are not here:
 * they belong to the edge.
 */
#include "core/base/slice.h"
#include "core/base/word.h"

/* What follows an SPF fail (SPEC 3: spf.fail). */
enum spf_switch { SPF_OFF, SPF_MONITOR, SPF_UNLESS_DKIM, SPF_REJECT };

/* What follows a DMARC failure, for one recipient domain, from mild to strict. */
enum dmarc_switch { DMARC_OFF, DMARC_MONITOR, DMARC_QUARANTINE, DMARC_REJECT, DMARC_STRICT };

/* What becomes of recipients that disagree (SPEC 4), in every family. */
enum dmarc_mixed { MIXED_SPLIT, MIXED_LENIENT, MIXED_STRICT };

/* The switches of one recipient domain (SPEC 3.3). */
struct switches {
	bool susranges, blocks, forwards;
	enum spf_switch spf;
	enum dmarc_switch dmarc;
};

/* Which of the switches a name gives. */
enum switch_key {
	SWITCH_SUSRANGES = 1 << 0,
	SWITCH_BLOCKS = 1 << 1,
	SWITCH_SPF = 1 << 2,
	SWITCH_DMARC = 1 << 3,
	SWITCH_FORWARDS = 1 << 4
};

/* The words of the configuration; those with two are flags. */
extern const struct word mode_words[], spf_words[], dmarc_words[], mixed_words[], on_off_words[],
    bool_words[], accept_tempfail_words[], accept_reject_words[], tempfail_accept_words[],
    reject_accept_words[], mark_hold_words[];

/* The n-th switch has the bit 1 << n; of each its name in the configuration, and its values. */
enum { SWITCH_COUNT = 5 };
struct switch_option {
	const char *name;
	const struct word *words;
};
extern const struct switch_option switch_options[SWITCH_COUNT];

/* The value of the n-th switch, and its word, a static string. */
int switch_value(const struct switches *, unsigned n);
const char *switch_word(const struct switches *, unsigned n);
void switch_set(struct switches *, unsigned n, int value);

struct settings {
	bool monitor;                  /* mode = "monitor" */
	struct switches defaults;      /* for domains that are not listed */
	bool spf_temperror_tempfail;   /* spf.temperror */
	bool spf_permerror_reject;     /* spf.permerror */
	bool dmarc_hold;               /* dmarc.quarantine = "hold"; else "mark" */
	bool dmarc_temperror_tempfail; /* dmarc.temperror */
	bool dmarc_unproven_accept;    /* dmarc.unproven */
	bool dmarc_bad_from_accept;
	enum dmarc_mixed dmarc_mixed;
	struct slice help_url;        /* empty = none */
	struct slice authserv_id;     /* empty = the MTA's own name */
	struct slice headers_results; /* headers.results; empty = none */
	struct slice headers_verdict; /* headers.verdict; empty = none */
};

#endif
