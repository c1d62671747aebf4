/*
 * Any bytes as an operation, a head and a snapshot of the fleet that somebody signed.
 *
 * Insists that an operation which is taken has a key and is narrow, that one which is refused has a
 * reason, that a head which is read is written back as one that reads the same, and that a snapshot
 * which is read is written back as it was.
 */
#include "core/fleet/head.h"
#include "core/fleet/snapshot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static bool is_suffix(void *context, struct slice name)
{
	(void)context;
	return slice_equal(name, SLICE("co.uk"));
}

static const struct fleet_outside outside = {.is_suffix = is_suffix};
static const struct log_limits limits = {.per_minute = LOG_PER_MINUTE, .live_max = 100};

static void try_head(struct slice bytes, struct arena *arena)
{
	char text[HEAD_BYTES_MAX];
	struct head head, again;
	struct slice written;

	if (head_parse(bytes, arena, &head))
		return;
	written = head_write(&head, text);
	if (written.len == 0)
		return;
	insist(!head_parse(written, arena, &again));
	insist(again.state.operation == head.state.operation && again.issued == head.issued);
}

static void try_snapshot(struct slice bytes, struct arena *arena)
{
	struct log_chain chain, chain_again;
	struct overlay overlay, again;
	struct slice written;

	if (snapshot_read(bytes, SLICE("mx"), &limits, &outside, arena, &chain, &overlay))
		return;
	written = snapshot_write(&chain, &overlay, SLICE("mx"));
	insist(written.ptr != NULL);
	insist(
	    !snapshot_read(written, SLICE("mx"), &limits, &outside, arena, &chain_again, &again));
	insist(again.count == overlay.count && chain_again.number == chain.number);
	free((char *)(uintptr_t)written.ptr);
	overlay_free(&overlay);
	overlay_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = slice_of((const char *)data, size);
	struct arena *arena = arena_create(OP_ARENA_BYTES);
	struct op op;

	if (!op_parse(bytes, &outside, arena, &op)) {
		insist(size <= OP_BYTES_MAX);
		insist(op.refused || op.key.len > 0);
		insist(op.refused || op.kind < OP_KINDS);
	}
	arena_reset(arena);
	try_head(bytes, arena);
	try_snapshot(bytes, arena);
	arena_free(&arena);
	return 0;
}
