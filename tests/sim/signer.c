#include "sim/signer.h"

#include <stdio.h>
#include <stdlib.h>

uint64_t sim_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

/* Four lanes that each see all bytes. */
static void mix(struct slice bytes, uint64_t seed, unsigned char out[32])
{
	uint64_t lane = seed ^ UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < bytes.len; i++)
		lane = (lane ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < 4; i++) {
		lane = (lane ^ lane >> 29) * UINT64_C(0xbf58476d1ce4e5b9) + i;
		memcpy(out + 8 * i, &lane, 8);
	}
}

static void hash(void *context, struct slice bytes, struct fleet_hash *out)
{
	(void)context;
	mix(bytes, 0, out->bytes);
}

static void sign(enum fleet_signed kind, struct slice bytes, unsigned char out[64])
{
	mix(bytes, 1 + (uint64_t)kind, out);
	mix(bytes, 101 + (uint64_t)kind, out + 32);
}

static int verify(void *context, enum fleet_signed kind, const struct fleet_message *m)
{
	unsigned char right[FLEET_SIGNATURE_BYTES];

	(void)context;
	sign(kind, m->bytes, right);
	return memcmp(right, m->signature, sizeof right) == 0 ? 0 : -1;
}

static bool is_suffix(void *context, struct slice name)
{
	(void)context;
	if (slice_ends(name, SLICE(FORGED_NAME))) {
		fputs("fleet_sim: bytes that nobody signed were parsed\n", stderr);
		abort();
	}
	return slice_equal(name, SLICE("co.uk"));
}

struct fleet_outside sim_outside(void)
{
	return (struct fleet_outside){NULL, hash, verify, is_suffix};
}

struct sim_message sim_sign(enum fleet_signed kind, uint64_t number, struct slice bytes)
{
	struct sim_message s = {.bytes = malloc(bytes.len + 1)};

	if (!s.bytes)
		abort();
	memcpy(s.bytes, bytes.ptr, bytes.len);
	s.m.number = number;
	s.m.bytes = slice_of(s.bytes, bytes.len);
	sign(kind, s.m.bytes, s.m.signature);
	return s;
}

void sim_free(struct sim_message *s)
{
	free(s->bytes);
	*s = (struct sim_message){0};
}

static int envelope(const char *fleet, uint64_t epoch, uint64_t number,
    const struct fleet_hash *prev, int64_t time, char out[OP_BYTES_MAX])
{
	char hex[2 * FLEET_HASH_BYTES + 1];

	fleet_hash_format(prev, hex);
	return snprintf(out, OP_BYTES_MAX,
	    "{\"v\":1,\"f\":\"%s\",\"e\":%llu,\"n\":%llu,\"prev\":\"%s\",\"time\":%lld,"
	    "\"by\":\"jo\",\"op\":\"",
	    fleet, (unsigned long long)epoch, (unsigned long long)number, hex, (long long)time);
}

struct slice sim_op(uint64_t *random, const char *fleet, uint64_t epoch, uint64_t number,
    const struct fleet_hash *prev, int64_t time, char out[OP_BYTES_MAX])
{
	unsigned kind = (unsigned)(sim_random(random) % 20),
		 at = (unsigned)(sim_random(random) % 60);
	long long expires = time + 1 + (long long)(sim_random(random) % 4000);
	int n = envelope(fleet, epoch, number, prev, time, out);
	size_t room = (size_t)(OP_BYTES_MAX - n);
	char *to = out + n;

	if (kind < 8)
		n += snprintf(to, room,
		    "whitelist add\",\"entry\":\"192.0.2.%u\",\"expires\":%lld}", at, expires);
	else if (kind < 11)
		n += snprintf(
		    to, room, "whitelist add\",\"entry\":\".d%u.example\",\"proof\":\"spf\"}", at);
	else if (kind < 14)
		n += snprintf(to, room, "whitelist remove\",\"entry\":\"192.0.2.%u\"}", at);
	else if (kind < 16)
		n += snprintf(to, room,
		    "domain set\",\"name\":\"d%u.example\",\"key\":\"blocks\",\"value\":\"%s\"}",
		    at % 10, at & 1 ? "on" : "off");
	else if (kind < 17)
		n += snprintf(to, room,
		    "domain clear\",\"name\":\"d%u.example\",\"key\":\"blocks\"}", at % 10);
	else if (kind < 18)
		n += snprintf(to, room, "whitelist add\",\"entry\":\"10.0.0.0/8\"}");
	else if (kind < 19)
		n += snprintf(to, room, "whitelist add\",\"entry\":\"co.uk\",\"proof\":\"spf\"}");
	else
		n += snprintf(to, room, "dance\",\"name\":\"d%u.example\"}", at);
	return slice_of(out, (size_t)n);
}

struct slice sim_forged_op(uint64_t epoch, uint64_t number, const struct fleet_hash *prev,
    int64_t time, char out[OP_BYTES_MAX])
{
	int n = envelope("mx", epoch, number, prev, time, out);

	n += snprintf(out + n, (size_t)(OP_BYTES_MAX - n),
	    "whitelist add\",\"entry\":\"mail.%s\",\"proof\":\"spf\"}", FORGED_NAME);
	return slice_of(out, (size_t)n);
}
