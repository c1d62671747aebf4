/*
 * A segment of the history: bytes that a disk, or somebody with a copy, may have changed.
 *
 * Insists that every row that is shown can be written as text, read as a record and counted, that a
 * search finds no more rows than there are, and that a segment written from it has all of them.
 */
#include "core/stats/decision_text.h"
#include "src/edge/history/history_scan.h"
#include "src/edge/history/history_seal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAME "refused-0000000001-000001.sus"

static struct history_coder coder;
static struct history_rows rows;
static struct history_buffer judged;
static int directory = -1;

static void insist(bool holds)
{
	if (!holds)
		abort();
}

/* A directory of its own, which the process takes with it. */
static char path[] = "/dev/shm/history_fuzz_XXXXXX";

static void remove_directory(void)
{
	unlinkat(directory, NAME, 0);
	rmdir(path);
	history_rows_free(&rows);
	history_buffer_free(&judged);
	history_coder_free(&coder);
}

static void prepare(void)
{
	if (directory >= 0)
		return;
	insist(mkdtemp(path));
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	insist(directory >= 0 && history_rows_create(&rows));
	history_coder_init(&coder, false);
	atexit(remove_directory);
}

static void look_at_row(const struct decision_row *row)
{
	struct decision_record_room room;
	struct record record;
	char json[RECORD_JSON_MAX], line[RECORD_LINE_MAX];

	decision_row_record(row, &room, &record);
	insist(record_json(&record, json).len < sizeof json);
	insist(record_line(&record, line).len < sizeof line);
	insist(!decision_row_is_refusal(row) || record.decision.verdict->kind == VERDICT_FINAL);
	insist(!decision_row_is_proven(row) || row->dmarc_state == FACT_KNOWN);
}

static bool count_hit(void *context, struct history_segment *s, const struct decision_row *row)
{
	(void)s;
	look_at_row(row);
	++*(size_t *)context;
	return true;
}

/* The rows that can be read, and those that a search finds. */
static size_t count_rows(void)
{
	static const struct history_query some = {.sender = {"*a*", 3}};
	struct history_damage damage = {.rows = 0};
	char why[HISTORY_WHY_MAX];
	struct history_segment *s = history_segment_open(&coder, directory, NAME, &damage, why);
	struct history_query all = {.count = 0};
	struct history_keys keys;
	size_t found = 0, of_some = 0;
	uint64_t scanned = 0;

	if (!s)
		return 0;
	history_keys_of(&all, NULL, &keys);
	if (history_scan_segment(s, &keys, &judged, &rows, &scanned, count_hit, &found)) {
		insist(found <= scanned);
		history_keys_of(&some, NULL, &keys);
		insist(
		    history_scan_segment(s, &keys, &judged, &rows, &scanned, count_hit, &of_some));
		insist(of_some <= found);
	}
	history_segment_close(&s);
	return found;
}

/* ---- sums ---------------------------------------------------------------------------- */

/* Makes the sums of a block right; the bytes of the block, 0 at the end. */
static size_t mend_block(uint8_t *block, size_t len)
{
	uint8_t joined[HISTORY_HEAD_MAX];
	size_t head, at;

	if (len < HISTORY_HEAD_BYTES || block[5] > HISTORY_COLUMNS)
		return 0;
	head = HISTORY_HEAD_BYTES + block[5] * (size_t)HISTORY_SECTION_BYTES;
	if (head > len)
		return 0;
	at = head;
	for (uint8_t *entry = block + HISTORY_HEAD_BYTES; entry < block + head;
	     entry += HISTORY_SECTION_BYTES) {
		size_t stored = (size_t)history_get(entry + 4, 4);

		if (stored > len - at)
			return 0;
		history_put(entry + 16, crc64(&coder.crc, block + at, stored), 8);
		at += stored;
	}
	memcpy(joined, block, 48);
	memcpy(joined + 48, block + HISTORY_HEAD_BYTES, head - HISTORY_HEAD_BYTES);
	history_put(block + 48, crc64(&coder.crc, joined, head - 8), 8);
	return at;
}

/* Otherwise damage would never get behind the sums. */
static void mend_sums(uint8_t *bytes, size_t size)
{
	size_t at = HISTORY_HEADER_BYTES, n;

	if (size < HISTORY_HEADER_BYTES)
		return;
	history_put(bytes + 88, crc64(&coder.crc, bytes, 88), 8);
	while (at < size && (n = mend_block(bytes + at, size - at)) > 0)
		at += n;
}

/* ---- one segment --------------------------------------------------------------------- */

static void try_segment(const uint8_t *data, size_t size)
{
	const struct history_rewrite sealed = {.state = HISTORY_SEALED};
	struct history_damage damage = {.rows = 0};
	char why[HISTORY_WHY_MAX];
	size_t found;
	int fd;

	unlinkat(directory, NAME, 0);
	fd = openat(directory, NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	insist(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	found = count_rows();
	if (history_seal(&coder, directory, NAME, &sealed, &damage, why))
		insist(count_rows() >= found); /* more where a head lied about its times */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mended = malloc(size + 1);

	prepare();
	insist(mended);
	memcpy(mended, data, size);
	mend_sums(mended, size);
	try_segment(data, size);
	try_segment(mended, size);
	free(mended);
	return 0;
}
