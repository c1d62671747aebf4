#ifndef HISTORY_ZSTD_H
#define HISTORY_ZSTD_H
/*
 * history_zstd: sections compressed and restored with libzstd.
 *
 * Contexts are of whoever compresses: one thread at a time each.
 */
#include "core/history/history_buffer.h"

struct history_zstd {
	struct ZSTD_CCtx_s *compressor;
	struct ZSTD_DCtx_s *decompressor;
};

void history_zstd_free(struct history_zstd *);

/* Appends the bytes, compressed; false when out of memory, or when they would not be shorter, and
 * the buffer is as it was. */
bool history_zstd_compress(
    struct history_zstd *, const unsigned char *bytes, size_t len, struct history_buffer *out);

/* Restores exactly `raw` bytes; false when that is not what is there. */
bool history_zstd_restore(
    struct history_zstd *, const unsigned char *bytes, size_t len, unsigned char *out, size_t raw);

#endif
