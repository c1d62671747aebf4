#ifndef HISTORY_ID_H
#define HISTORY_ID_H
/*
 * history_id: the id of a decision is the encrypted place of its row, so that finding it is
 * arithmetic, and it tells nothing about other decisions.
 *
 *     half 1 bit, node 15, run 30, number 34  →  80 bits  →  "k3vq7…", 16 characters a-z and 2-7
 *
 * The cipher is a Feistel network of 10 rounds over two halves of 40 bits, its round function
 * AES-128: what FF1 of NIST SP 800-38G is for binary numbers.  All 2^80 texts stand for some place;
 * one in as many is that of a given row, so that guessing is as hard as with random ids.
 *
 * The key lies in the history's directory, readable by its owner only: who reads copied segments
 * without it sees decisions without their ids.
 */
#include "core/history/history_format.h"
#include "core/session/env.h"

/* Runs are numbered by the second that they start in, from 2020-01-01 to 2054. */
#define HISTORY_RUN_EPOCH INT64_C(1577836800)
#define HISTORY_RUN_MAX   ((UINT32_C(1) << 30) - 1)

/* The rows of one run: at 20,000 a second enough for ten days; then another run begins. */
#define HISTORY_NUMBER_MAX ((UINT64_C(1) << 34) - 1)

struct history_place {
	enum history_half half;
	uint16_t node; /* of 15 bits */
	uint32_t run;
	uint64_t number; /* from 1 */
};

struct history_key;

enum { HISTORY_KEY_WHY_MAX = 200 };

/*
 * The key of the directory; with `make` a new one where there is none.  NULL and the reason in
 * why[]; errno is EACCES where the key may not be read, ENOENT where there is none.
 */
struct history_key *history_key_open(int directory, bool make, char why[HISTORY_KEY_WHY_MAX]);
void history_key_free(struct history_key **);

uint16_t history_key_node(const struct history_key *);

/* One thread at a time.  The id without NUL. */
void history_id_make(struct history_key *, const struct history_place *, char out[TOKEN_CHARS]);

/* False when the text is no id; case does not matter. */
bool history_id_read(struct history_key *, struct slice text, struct history_place *);

/* A keyed hash of a local part (HMAC-SHA-256, lower case), "~" and 13 characters. */
enum { HISTORY_HASHED_CHARS = 14 };
void history_hash_local(
    const struct history_key *, struct slice local, char out[HISTORY_HASHED_CHARS]);

#endif
