/* DMARC records (RFC 9989 4.7, 4.8, 4.10.1): what each text is taken for. */
#include "unit/unit.h"

#include "core/auth/dmarc.h"

#include <stdio.h>

#define R(literal) SLICE_INIT(literal)
#define NO         NULL

/* want: "p sp np" and then what differs from the defaults, or NULL when it is no DMARC record. */
static const struct {
	const char *label;
	struct slice text;
	const char *want;
} rows[] = {
    /* the version decides whether it is a record */
    {"smallest", R("v=DMARC1"), "none none none"},
    {"smallest with a semicolon", R("v=DMARC1;"), "none none none"},
    {"version in lower case", R("v=dmarc1; p=reject"), NO},
    {"version name in upper case", R("V=DMARC1; p=reject"), "reject reject reject"},
    {"blanks around the version", R("v \t=\tDMARC1 ; p=reject"), "reject reject reject"},
    {"blank in front", R(" v=DMARC1; p=reject"), NO},
    {"version not first", R("p=reject; v=DMARC1"), NO},
    {"semicolon in front", R(";v=DMARC1; p=reject"), NO},
    {"another version", R("v=DMARC2; p=reject"), NO},
    {"longer version", R("v=DMARC1x; p=reject"), NO},
    {"no separator behind it", R("v=DMARC1 p=reject"), NO},
    {"comma behind it", R("v=DMARC1, p=reject"), NO},
    {"spf", R("v=spf1 -all"), NO},
    {"empty", R(""), NO},
    {"NUL behind it", R("v=DMARC1\0; p=reject"), NO},
    {"quoted", R("\"v=DMARC1; p=reject\""), NO},
    {"version twice", R("v=DMARC1; v=DMARC1; p=reject"), "reject reject reject"},

    /* policies and their defaults */
    {"none", R("v=DMARC1; p=none"), "none none none"},
    {"quarantine", R("v=DMARC1;p=quarantine;"), "quarantine quarantine quarantine"},
    {"reject", R("v=DMARC1; p=reject"), "reject reject reject"},
    {"upper case", R("v=DMARC1; P=REJECT"), "reject reject reject"},
    {"blanks everywhere", R("v=DMARC1 ;\t p = reject ;  "), "reject reject reject"},
    {"sp", R("v=DMARC1; p=reject; sp=none"), "reject none none"},
    {"np", R("v=DMARC1; p=none; np=reject"), "none none reject"},
    {"sp and np", R("v=DMARC1; np=reject; sp=quarantine; p=none"), "none quarantine reject"},
    {"sp without p", R("v=DMARC1; sp=reject"), "none reject reject"},
    {"no p, rua", R("v=DMARC1; rua=mailto:a@x.org"), "none none none rua"},

    /* bad policies (4.10.1) */
    {"bad p, no rua", R("v=DMARC1; p=rejected"), "none none none unusable"},
    {"bad p, rua", R("v=DMARC1; p=rejected; rua=mailto:a@x.org"), "none none none rua"},
    {"bad p, sp good, rua", R("v=DMARC1; p=x; sp=reject; rua=mailto:a@x.org"),
	"none none none rua"},
    {"bad sp, no rua", R("v=DMARC1; p=reject; sp=x"), "none none none unusable"},
    {"bad sp, rua", R("v=DMARC1; p=reject; sp=x; rua=mailto:a@x.org"), "none none none rua"},
    {"bad np, no rua", R("v=DMARC1; p=reject; np=x"), "none none none unusable"},
    {"empty p", R("v=DMARC1; p=; rua=mailto:a@x.org"), "none none none rua"},
    {"empty p, no rua", R("v=DMARC1; p="), "none none none unusable"},
    {"p twice", R("v=DMARC1; p=reject; p=reject"), "none none none unusable"},
    {"p twice, rua", R("v=DMARC1; p=reject; p=none; rua=mailto:a@x.org"), "none none none rua"},
    {"p with a NUL", R("v=DMARC1; p=rej\0ect"), "none none none unusable"},
    {"p with 8-bit", R("v=DMARC1; p=reject\303\244"), "none none none unusable"},
    {"p of two words", R("v=DMARC1; p=reject none"), "none none none unusable"},
    {"no semicolon between", R("v=DMARC1; p=reject rua=mailto:a@x.org"), "none none none unusable"},

    /* rua as far as it rescues a record */
    {"rua without scheme", R("v=DMARC1; p=x; rua=a@x.org"), "none none none rua unusable"},
    {"rua empty", R("v=DMARC1; p=x; rua="), "none none none unusable"},
    {"rua mailto nobody", R("v=DMARC1; p=x; rua=mailto:"), "none none none rua unusable"},
    {"rua mailto without @", R("v=DMARC1; p=x; rua=mailto:a"), "none none none rua unusable"},
    {"rua mailto without local part", R("v=DMARC1; p=x; rua=mailto:@x.org"),
	"none none none rua unusable"},
    {"rua mailto without domain", R("v=DMARC1; p=x; rua=mailto:a@"), "none none none rua unusable"},
    {"rua of another scheme", R("v=DMARC1; p=x; rua=https://x.org/r"), "none none none rua"},
    {"rua upper-case scheme", R("v=DMARC1; p=x; rua=MAILTO:a@x.org"), "none none none rua"},
    {"rua with a size", R("v=DMARC1; p=x; rua=mailto:a@x.org!10m"), "none none none rua"},
    {"rua second good", R("v=DMARC1; p=x; rua=bad , mailto:a@x.org"), "none none none rua"},
    {"rua only commas", R("v=DMARC1; p=x; rua=,,"), "none none none rua unusable"},
    {"rua with a blank inside", R("v=DMARC1; p=x; rua=mailto:a b@x.org"),
	"none none none rua unusable"},
    {"rua scheme begins with a digit", R("v=DMARC1; p=x; rua=1x:y"), "none none none rua unusable"},
    {"rua scheme with a slash", R("v=DMARC1; p=x; rua=h/t:y"), "none none none rua unusable"},
    {"rua with a NUL", R("v=DMARC1; p=x; rua=mailto:a\0@x.org"), "none none none rua unusable"},
    {"rua twice", R("v=DMARC1; p=x; rua=mailto:a@x.org; rua=mailto:a@x.org"),
	"none none none rua unusable"},

    /* the rest: an unknown value is the default */
    {"adkim", R("v=DMARC1; adkim=s"), "none none none adkim"},
    {"aspf", R("v=DMARC1; aspf=S"), "none none none aspf"},
    {"relaxed in words", R("v=DMARC1; adkim=r; aspf=r"), "none none none"},
    {"adkim unknown", R("v=DMARC1; adkim=strict"), "none none none"},
    {"adkim twice", R("v=DMARC1; adkim=s; adkim=s"), "none none none"},
    {"testing", R("v=DMARC1; p=reject; t=y"), "reject reject reject t"},
    {"not testing", R("v=DMARC1; p=reject; t=n"), "reject reject reject"},
    {"t unknown", R("v=DMARC1; p=reject; t=yes"), "reject reject reject"},
    {"psd=y", R("v=DMARC1; psd=y"), "none none none psd=y"},
    {"psd=n", R("v=DMARC1; psd=N"), "none none none psd=n"},
    {"psd=u", R("v=DMARC1; psd=u"), "none none none"},
    {"psd unknown", R("v=DMARC1; psd=1"), "none none none"},
    {"psd of a record without use", R("v=DMARC1; p=x; psd=y"), "none none none psd=y unusable"},
    {"pct, rf, ri are gone", R("v=DMARC1; p=reject; pct=0; rf=afrf; ri=86400"),
	"reject reject reject"},
    {"unknown tags", R("v=DMARC1; x=y; p=reject; pp=none"), "reject reject reject"},
    {"no equals sign", R("v=DMARC1; reject; p=reject"), "reject reject reject"},
    {"a known name without one", R("v=DMARC1; p; p=reject"), "reject reject reject"},
    {"empty tags", R("v=DMARC1;;; ;p=reject;;"), "reject reject reject"},
    {"no name", R("v=DMARC1; =none; p=reject"), "reject reject reject"},
    {"control bytes in an unknown tag", R("v=DMARC1; x=\001\002; p=reject"),
	"reject reject reject"},

    /* the records of RFC 9989 appendix B.2 */
    {"B.2.1", R("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com"), "none none none rua"},
    {"B.2.2",
	R("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; "
	  "ruf=mailto:auth-reports@example.com"),
	"none none none rua"},
    {"B.2.3",
	R("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; "
	  "ruf=mailto:auth-reports@thirdparty.example.net"),
	"none none none rua"},
    {"B.2.3, the consent of the third party", R("v=DMARC1;"), "none none none"},
    {"B.2.5",
	R("v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,"
	  "mailto:tld-test@thirdparty.example.net; t=y"),
	"quarantine quarantine quarantine t rua"},
};

static void describe(const struct dmarc_record *r, char *out, size_t cap)
{
	snprintf(out, cap, "%s %s %s%s%s%s%s%s%s", dmarc_policy_name(r->p),
	    dmarc_policy_name(r->sp), dmarc_policy_name(r->np), r->strict_dkim ? " adkim" : "",
	    r->strict_spf ? " aspf" : "", r->testing ? " t" : "",
	    r->psd == DMARC_PSD_YES  ? " psd=y"
	    : r->psd == DMARC_PSD_NO ? " psd=n"
				     : "",
	    r->rua.len ? " rua" : "", r->unusable ? " unusable" : "");
}

START_TEST(table)
{
	struct dmarc_record record;
	char got[120];
	bool is_record = dmarc_record_parse(rows[_i].text, &record);

	ck_assert_msg(is_record == (rows[_i].want != NULL), "%s", rows[_i].label);
	if (!is_record)
		return;
	describe(&record, got, sizeof got);
	ck_assert_msg(strcmp(got, rows[_i].want) == 0, "%s: %s", rows[_i].label, got);
	ck_assert(slice_equal(record.text, rows[_i].text));
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dmarc_record");
	TCase *t = tcase_create("dmarc_record");

	tcase_add_loop_test(t, table, 0, ROWS(rows));
	suite_add_tcase(s, t);
	return s;
}
