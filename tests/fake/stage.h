#ifndef TESTS_FAKE_STAGE_H
#define TESTS_FAKE_STAGE_H
/*
 * stage: what the tests of DKIM share: keys, a zone that has them, and a message to be signed,
 * changed and played to a verifier as a milter would.
 *
 *     stage_want("as signed", stage_signed_by(KEY_2048, true), DKIM_PASS, "");
 *
 * stage_make_keys() once a program, stage_setup() before each test; failures end the test.
 */
#include "core/auth/dkim_result.h"
#include "core/auth/dkim_verifier.h"
#include "edge/auth/dkim_library.h"
#include "edge/dns/zone.h"
#include "edge/idn/idn.h"
#include "fake/counting.h"
#include "fake/signer.h"

#define STAGE_MESSAGE                                                                              \
	"Received: from mx.example.org\r\n\tby mx.example.net; Sat, 21 Nov 2026 03:00:00 "         \
	"+0000\r\n"                                                                                \
	"From: Alice <alice@example.org>\r\n"                                                      \
	"To: Bob <bob@example.net>\r\n"                                                            \
	"Subject:  a  long\r\n\t subject \r\n"                                                     \
	"Date: Sat, 21 Nov 2026 03:00:00 +0000\r\n"                                                \
	"\r\n"                                                                                     \
	"Hello  Bob, \r\n\r\n\tthis is it.\r\n.\r\n\r\n\r\n"

/* The reasons of the two ways to fail. */
#define STAGE_CHANGED_BODY   "the body was changed"
#define STAGE_CHANGED_HEADER "the signature does not match the signed fields"

enum { KEY_512, KEY_1024, KEY_2048, KEY_4096, KEY_ED25519, KEYS };

struct stage {
	struct signer_key *keys[KEYS];
	struct arena *arena;
	struct zone *zone; /* has every key at SELECTOR._domainkey.example.org */
	struct dns dns;    /* of it, counting */
	struct counting counting;
	struct dkim_crypto *library;
};

extern struct stage stage;
extern const char *const stage_selectors[KEYS];

void stage_make_keys(void);
void stage_free_keys(void);
void stage_setup(void);
void stage_teardown(void);

/* Another zone, without anything; counts from 0. */
void stage_empty_zone(void);

void stage_publish(const char *name, struct slice record);

/* How this key signs: From, To, Subject and Date of example.org, without l=. */
struct signing stage_signing(int key, bool relaxed);

/* STAGE_MESSAGE, signed by OpenDKIM in that way. */
struct slice stage_signed_by(int key, bool relaxed);

/* Index of the first occurrence, or text.len. */
size_t stage_find(struct slice text, const char *what);

/* The text with the first occurrence replaced, which must be there. */
struct slice stage_replaced(struct slice text, const char *what, const char *with);
struct slice stage_prefixed(const char *front, struct slice text);

/* Gives the header of a message to the verifier, folds with LF, and returns the body. */
struct slice stage_give_header(struct dkim_verifier *, struct slice message);

/* Plays the whole message; without memory the answer has count 0.  Safe in any thread. */
void stage_play_at(
    struct slice message, const char *from, struct arena *, uint64_t now, struct dkim_answer *out);

/* The same now, as mail from example.org. */
struct dkim_answer stage_play(struct slice message);

/* Plays it and compares the first result. */
void stage_want(
    const char *label, struct slice message, enum dkim_result result, const char *reason);

#endif
