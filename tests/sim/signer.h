#ifndef TESTS_SIM_SIGNER_H
#define TESTS_SIM_SIGNER_H
/*
 * signer: hash, signature, public suffixes and operations for the simulation, all quick and none of
 * them safe; and random numbers from a seed.
 */
#include "core/fleet/op.h"

#include <stdint.h>

/* xorshift64*: the next number. */
uint64_t sim_random(uint64_t *state);

/* What node_config.outside has; reading a name below FORGED_NAME aborts, since nobody signed it. */
#define FORGED_NAME "forged.example"
struct fleet_outside sim_outside(void);

/* Owned bytes with a signature. */
struct sim_message {
	struct fleet_message m;
	char *bytes;
};

/* Copies the bytes and signs them as key 0. */
struct sim_message sim_sign(enum fleet_signed, uint64_t number, struct slice bytes);
void sim_free(struct sim_message *);

/* Some operation at random: most of them good, some too wide, void or of no kind. */
struct slice sim_op(uint64_t *random, const char *fleet, uint64_t epoch, uint64_t number,
    const struct fleet_hash *prev, int64_t time, char out[OP_BYTES_MAX]);

/* One that names FORGED_NAME. */
struct slice sim_forged_op(uint64_t epoch, uint64_t number, const struct fleet_hash *prev,
    int64_t time, char out[OP_BYTES_MAX]);

#endif
