#ifndef FAKE_COUNTING_H
#define FAKE_COUNTING_H
/*
 * counting: a `struct dns` that passes everything on to another and counts what it is asked.
 *
 *     struct counting counting;
 *     struct dns dns = counting_dns(&counting, zone_dns(zone));
 *     dns_lookup(&dns, SLICE("example.org"), DNS_TXT, arena, &answer);
 *     counting_questions(&counting);       // 1
 *
 * A name that cannot be asked (DNS_BADNAME) is no question, nor is a hint; hints are
 * counted for each name that fits, of at most COUNTING_HINTS_MAX.  Any number of threads may ask.
 */
#include "core/auth/dns.h"

#include <pthread.h>

/* Of different questions. */
enum { COUNTING_HINTS_MAX = 256 };

struct counting {
	struct dns below;
	pthread_mutex_t lock; /* guards what follows; nothing is taken after it */
	unsigned questions;
	unsigned hint_count;
	struct counted_hint {
		char name[256];
		size_t len;
		enum dns_type type;
		unsigned times;
	} hints[COUNTING_HINTS_MAX];
};

/* Starts at nought; the struct has to stay while the interface is used. */
struct dns counting_dns(struct counting *, struct dns below);

unsigned counting_questions(struct counting *);

/* How often this question was announced. */
unsigned counting_hinted(struct counting *, struct slice name, enum dns_type);

#endif
