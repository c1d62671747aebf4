/* The probe of libopendkim: what it finds, and DKIM without the library after that. */
#include "unit/unit.h"

#include "edge/auth/dkim_opendkim.h"
#include "fake/stage.h"

#include <malloc.h>
#include <opendkim/dkim.h>
#include <stdlib.h>

/* ---- a library with faults ----------------------------------------------------------- */

enum fault { SOUND, FREES_NOTHING, FREES_TWICE, TAKES_MORE, HASHES_WRONG };

static enum fault fault;

DKIM_STAT __real_dkim_free(DKIM *);
DKIM_STAT __real_dkim_eoh(DKIM *);
DKIM_STAT __real_dkim_sig_gethashes(DKIM_SIGINFO *, void **, size_t *, void **, size_t *);
DKIM_STAT __wrap_dkim_free(DKIM *);
DKIM_STAT __wrap_dkim_eoh(DKIM *);
DKIM_STAT __wrap_dkim_sig_gethashes(DKIM_SIGINFO *, void **, size_t *, void **, size_t *);

DKIM_STAT __wrap_dkim_free(DKIM *dkim)
{
	if (fault == FREES_TWICE)
		__real_dkim_free(dkim);
	return fault == FREES_NOTHING ? DKIM_STAT_OK : __real_dkim_free(dkim);
}

static void *taken[100];
static size_t taken_count;

DKIM_STAT __wrap_dkim_eoh(DKIM *dkim)
{
	if (fault == TAKES_MORE && taken_count < ROWS(taken))
		taken[taken_count++] = malloc(1);
	return __real_dkim_eoh(dkim);
}

DKIM_STAT __wrap_dkim_sig_gethashes(
    DKIM_SIGINFO *sig, void **header, size_t *header_len, void **body, size_t *body_len)
{
	DKIM_STAT status = __real_dkim_sig_gethashes(sig, header, header_len, body, body_len);

	if (fault == HASHES_WRONG)
		((unsigned char *)*header)[0] ^= 1;
	return status;
}

/* ---- the probe ----------------------------------------------------------------------- */

static void setup(void)
{
	fault = SOUND;
	stage_setup();
}

static void teardown(void)
{
	while (taken_count > 0)
		free(taken[--taken_count]);
	stage_teardown();
}

static const struct {
	enum fault fault;
	const char *wrong;
} rows[] = {
    {SOUND, ""},
    {FREES_NOTHING, "does not free all memory of a message"},
    {FREES_TWICE, "frees memory that it does not have"},
    {TAKES_MORE, "takes memory for a message that it does not account for"},
    {HASHES_WRONG, "computes another hash of a header than RFC 6376 asks for"},
};

/* Whatever it finds: messages verify, by libopendkim or without. */
START_TEST(finds_faults)
{
	struct slice message = stage_signed_by(KEY_2048, _i % 2);
	const char *wrong;

	/* An instrumented heap has no figures, and finds leaks by itself. */
	if (rows[_i].fault == TAKES_MORE && mallinfo2().uordblks == 0)
		return;
	fault = rows[_i].fault;
	wrong = dkim_library_probe(stage.library);
	ck_assert_str_eq(wrong ? wrong : "", rows[_i].wrong);
	stage_want(rows[_i].wrong, message, DKIM_PASS, "");
	stage_want(rows[_i].wrong, stage_replaced(message, "a  long", "a short"), DKIM_FAIL,
	    STAGE_CHANGED_HEADER);
	fault = SOUND;
	ck_assert_ptr_null(dkim_library_probe(stage.library));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dkim_opendkim");
	TCase *t = tcase_create("dkim_opendkim");

	tcase_set_timeout(t, 120);
	tcase_add_unchecked_fixture(t, stage_make_keys, stage_free_keys);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, finds_faults, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
