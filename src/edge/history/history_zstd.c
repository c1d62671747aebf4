#include "history_zstd.h"

#include <zstd.h>

/* Higher levels win a few per cent for many times the work. */
enum { LEVEL = 6 };

void history_zstd_free(struct history_zstd *z)
{
	ZSTD_freeCCtx(z->compressor);
	ZSTD_freeDCtx(z->decompressor);
	*z = (struct history_zstd){NULL, NULL};
}

bool history_zstd_compress(
    struct history_zstd *z, const unsigned char *bytes, size_t len, struct history_buffer *out)
{
	unsigned char *at = history_buffer_room(out, ZSTD_compressBound(len));
	size_t n;

	if (!z->compressor)
		z->compressor = ZSTD_createCCtx();
	if (!at || !z->compressor)
		return false;
	n = ZSTD_compressCCtx(z->compressor, at, ZSTD_compressBound(len), bytes, len, LEVEL);
	if (ZSTD_isError(n) || n >= len)
		return false;
	out->len += n;
	return true;
}

bool history_zstd_restore(
    struct history_zstd *z, const unsigned char *bytes, size_t len, unsigned char *out, size_t raw)
{
	if (!z->decompressor)
		z->decompressor = ZSTD_createDCtx();
	return z->decompressor && ZSTD_decompressDCtx(z->decompressor, out, raw, bytes, len) == raw;
}
