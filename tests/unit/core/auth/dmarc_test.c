/*
 * DMARC for one message (RFC 9989): rows of zone, author domain and identifiers on the left;
 * verdict, policy and the questions that it took on the right.
 */
#include "unit/unit.h"

#include "core/auth/dmarc.h"
#include "edge/dns/zone.h"
#include "fake/counting.h"

#include <stdio.h>
#include <stdlib.h>

#define D "_dmarc."

/* What most zones begin with. */
#define REJECTS D "example.com TXT \"v=DMARC1; p=reject\""

/* A sub-domain whose servers never answer. */
#define LAME D "lame.example.com TXT TIMEOUT\n" REJECTS

/*
 * ids: "spf:NAME dkim:NAME", a leading "?" for a temperror.
 * want: VERDICT, and where a record was found: its domain, the policy as published for this author
 *       (p, sp or np), "->" what t=y makes of it; "by" the identifier that aligns; "org" the
 *       organizational domain, where it was needed.
 * asked: the questions in their order, "_dmarc." shown as "_."; NULL = not looked at.
 */
static const struct {
	const char *label, *zone, *from, *ids, *want, *asked;
} rows[] = {
    /* ---- RFC 9989 appendix B.1: identifier alignment ---- */
    {"B.1.1 example 1: SPF in strict alignment", D "example.com TXT \"v=DMARC1; p=reject; aspf=s\"",
	"example.com", "spf:example.com", "pass example.com reject by SPF example.com",
	"_.example.com"},
    {"B.1.1 example 2: SPF in relaxed alignment", REJECTS, "example.com", "spf:child.example.com",
	"pass example.com reject by SPF child.example.com org example.com",
	"_.example.com _.com _.child.example.com"},
    {"B.1.1 example 3: no SPF alignment", REJECTS, "child.example.com", "spf:example.net",
	"fail example.com reject org example.com", "_.child.example.com _.example.com _.com"},
    {"B.1.2 example 1: DKIM in strict alignment",
	D "example.com TXT \"v=DMARC1; p=reject; adkim=s\"", "example.com", "dkim:example.com",
	"pass example.com reject by DKIM example.com", "_.example.com"},
    {"B.1.2 example 2: DKIM in relaxed alignment", REJECTS, "child.example.com", "dkim:example.com",
	"pass example.com reject by DKIM example.com org example.com",
	"_.child.example.com _.example.com _.com"},
    {"B.1.2 example 3: no DKIM alignment", REJECTS, "child.example.com", "dkim:example.net",
	"fail example.com reject org example.com", NULL},

    /* ---- appendix B.2.5: a subdomain in testing, then not ---- */
    {"B.2.5: testing subdomain", D "test.example.com TXT \"v=DMARC1; p=quarantine; t=y\"",
	"test.example.com", "", "fail test.example.com quarantine->none", "_.test.example.com"},
    {"B.2.5: its policy in force", D "test.example.com TXT \"v=DMARC1; p=reject\"",
	"test.example.com", "", "fail test.example.com reject", "_.test.example.com"},
    {"B.2.5: the parent has none", D "test.example.com TXT \"v=DMARC1; p=reject\"", "example.com",
	"", "none", "_.example.com _.com"},

    /* ---- appendix B.4: tree walks ---- */
    {"B.4.1: simple, SPF and DKIM", REJECTS "\n" D "signing.example.com TXT \"v=DMARC1; p=none\"",
	"example.com", "spf:example.com dkim:signing.example.com",
	"pass example.com reject by SPF example.com", "_.example.com"},
    {"B.4.1: simple, DKIM only", REJECTS "\n" D "signing.example.com TXT \"v=DMARC1; p=none\"",
	"example.com", "dkim:signing.example.com",
	"pass example.com reject by DKIM signing.example.com org example.com",
	"_.example.com _.com _.signing.example.com"},
    {"B.4.2: deep, SPF", REJECTS "\n" D "signing.example.com TXT \"v=DMARC1; p=none\"",
	"a.b.c.d.e.f.g.h.i.j.k.example.com", "spf:example.com",
	"pass example.com reject by SPF example.com org example.com",
	"_.a.b.c.d.e.f.g.h.i.j.k.example.com _.g.h.i.j.k.example.com _.h.i.j.k.example.com "
	"_.i.j.k.example.com _.j.k.example.com _.k.example.com _.example.com _.com"},
    {"B.4.2: deep, DKIM", REJECTS "\n" D "signing.example.com TXT \"v=DMARC1; p=none\"",
	"a.b.c.d.e.f.g.h.i.j.k.example.com", "dkim:signing.example.com",
	"pass example.com reject by DKIM signing.example.com org example.com", NULL},
    {"B.4.2: deep, neither", D "example.com TXT \"v=DMARC1; p=reject; sp=quarantine\"",
	"a.b.c.d.e.f.g.h.i.j.k.example.com", "", "fail example.com quarantine org example.com",
	NULL},
    {"B.4.3: public suffix with a record",
	D "bank.example TXT \"v=DMARC1; p=reject; psd=y\"\n" D
	  "giant.bank.example TXT \"v=DMARC1; p=quarantine\"",
	"giant.bank.example", "spf:mail.giant.bank.example dkim:mail.mega.bank.example",
	"pass giant.bank.example quarantine by SPF mail.giant.bank.example org giant.bank.example",
	"_.giant.bank.example _.bank.example _.mail.giant.bank.example"},
    {"B.4.3: the other bank only",
	D "bank.example TXT \"v=DMARC1; p=reject; psd=y\"\n" D
	  "giant.bank.example TXT \"v=DMARC1; p=quarantine\"",
	"giant.bank.example", "dkim:mail.mega.bank.example",
	"fail giant.bank.example quarantine org giant.bank.example",
	"_.giant.bank.example _.bank.example"},
    {"B.4.3: author is the bank without a record",
	D "bank.example TXT \"v=DMARC1; p=reject; psd=y\"\n"
	  "mega.bank.example A 192.0.2.1",
	"mega.bank.example", "dkim:mail.mega.bank.example",
	"pass bank.example reject by DKIM mail.mega.bank.example org mega.bank.example",
	"_.mega.bank.example _.bank.example _.mail.mega.bank.example"},

    /* ---- section 4.10.2: the examples of organizational domains ---- */
    {"4.10.2: fewest labels", D "mail.example.com TXT \"v=DMARC1; p=none\"\n" REJECTS,
	"a.mail.example.com", "", "fail example.com reject org example.com", NULL},
    {"4.10.2: psd=n", D "mail.example.com TXT \"v=DMARC1; p=none; psd=n\"\n" REJECTS,
	"a.mail.example.com", "", "fail mail.example.com none org mail.example.com",
	"_.a.mail.example.com _.mail.example.com"},
    {"4.10.2: only psd=y above", D "com TXT \"v=DMARC1; p=none; sp=reject; psd=y\"",
	"a.mail.example.com", "dkim:example.com",
	"pass com reject by DKIM example.com org example.com", NULL},

    /* ---- alignment and psd ---- */
    {"psd=n parts two names below it",
	REJECTS "\n" D "b.example.com TXT \"v=DMARC1; p=none; psd=n\"", "a.example.com",
	"dkim:x.b.example.com", "fail example.com reject org example.com", NULL},
    {"psd=n joins names below it", REJECTS "\n" D "b.example.com TXT \"v=DMARC1; p=none; psd=n\"",
	"x.b.example.com", "dkim:y.b.example.com",
	"pass b.example.com none by DKIM y.b.example.com org b.example.com", NULL},
    {"psd=n: the parent does not align",
	REJECTS "\n" D "b.example.com TXT \"v=DMARC1; p=reject; psd=n\"", "b.example.com",
	"dkim:example.com", "fail b.example.com reject org b.example.com", "_.b.example.com"},
    {"psd=y: the suffix itself does not align", D "example TXT \"v=DMARC1; p=reject; psd=y\"",
	"bank.example", "dkim:example", "fail example reject org bank.example", NULL},
    {"psd=y: two names below it do not align", D "example TXT \"v=DMARC1; p=reject; psd=y\"",
	"bank.example", "dkim:evil.example", "fail example reject org bank.example",
	"_.bank.example _.example"},
    {"psd=y as author", D "bank.example TXT \"v=DMARC1; p=reject; sp=none; psd=y\"", "bank.example",
	"dkim:bank.example", "pass bank.example reject by DKIM bank.example org bank.example",
	"_.bank.example"},
    {"psd=y as author, a name below signs", D "bank.example TXT \"v=DMARC1; p=reject; psd=y\"",
	"bank.example", "dkim:giant.bank.example", "fail bank.example reject org bank.example",
	"_.bank.example _.giant.bank.example"},
    {"psd=y behind the jump: one label below, from the start",
	D "c.d.e.f.g.h.example TXT \"v=DMARC1; p=reject; psd=y\"", "a.b.c.d.e.f.g.h.example",
	"dkim:x.b.c.d.e.f.g.h.example",
	"pass c.d.e.f.g.h.example reject by DKIM x.b.c.d.e.f.g.h.example org "
	"b.c.d.e.f.g.h.example",
	NULL},
    {"a suffix never overrides the organization",
	D "com TXT \"v=DMARC1; p=reject; psd=y\"\n" D "example.com TXT \"v=DMARC1; p=none\"",
	"a.example.com", "", "fail example.com none org example.com", NULL},
    {"a record between author and organization is not used",
	D "com TXT \"v=DMARC1; p=reject; psd=y\"\n" D
	  "mail.example.com TXT \"v=DMARC1; p=quarantine\"",
	"a.mail.example.com", "", "fail com reject org example.com", NULL},
    {"one label, as author", D "example TXT \"v=DMARC1; p=reject\"", "example", "dkim:example",
	"pass example reject by DKIM example org example", "_.example"},
    {"one label without record", "", "localhost", "spf:localhost", "none", "_.localhost"},
    {"one label signs for the name below", REJECTS, "example.com", "dkim:com",
	"fail example.com reject org example.com", "_.example.com _.com"},
    {"a top level without psd joins all below it, as the RFC has it",
	D "brand TXT \"v=DMARC1; p=reject\"", "a.brand", "dkim:b.brand",
	"pass brand reject by DKIM b.brand org brand", NULL},
    {"names alike are not below", D "github.example TXT \"v=DMARC1; p=reject\"", "github.example",
	"dkim:evilgithub.example dkim:github.example.evil",
	"fail github.example reject org github.example", "_.github.example _.example"},

    /* ---- strict alignment ---- */
    {"adkim=s, a name below signs", D "example.com TXT \"v=DMARC1; p=reject; adkim=s\"",
	"example.com", "dkim:mail.example.com", "fail example.com reject", "_.example.com"},
    {"adkim=s does not bind SPF", D "example.com TXT \"v=DMARC1; p=reject; adkim=s\"",
	"example.com", "dkim:a.example.com spf:b.example.com",
	"pass example.com reject by SPF b.example.com org example.com", NULL},
    {"aspf=s does not bind DKIM", D "example.com TXT \"v=DMARC1; p=reject; aspf=s\"", "example.com",
	"spf:b.example.com dkim:a.example.com",
	"pass example.com reject by DKIM a.example.com org example.com", NULL},
    {"strictness of the organization's record", D "example.com TXT \"v=DMARC1; p=reject; adkim=s\"",
	"a.example.com", "dkim:example.com", "fail example.com reject org example.com", NULL},
    {"the record of the signer does not count",
	REJECTS "\n" D "a.example.com TXT \"v=DMARC1; p=none; adkim=s\"", "example.com",
	"dkim:a.example.com", "pass example.com reject by DKIM a.example.com org example.com",
	NULL},
    {"the second signature is enough", REJECTS, "example.com",
	"dkim:list.example.net dkim:example.com", "pass example.com reject by DKIM example.com",
	"_.example.com"},

    /* ---- which policy ---- */
    {"no record at all", "", "a.example.com", "dkim:a.example.com", "none",
	"_.a.example.com _.example.com _.com"},
    {"sp for an existing name",
	D
	"example.com TXT \"v=DMARC1; p=reject; sp=quarantine; np=none\"\na.example.com A 192.0.2.1",
	"a.example.com", "", "fail example.com quarantine org example.com",
	"_.a.example.com _.example.com _.com a.example.com"},
    {"np for a name that is not there",
	D "example.com TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"", "a.example.com", "",
	"fail example.com reject org example.com",
	"_.a.example.com _.example.com _.com a.example.com"},
    {"np: an empty non-terminal exists",
	D "example.com TXT \"v=DMARC1; p=none; sp=quarantine; np=reject\"\nx.a.example.com A "
	  "192.0.2.1",
	"a.example.com", "", "fail example.com quarantine org example.com", NULL},
    {"np falls back to sp", D "example.com TXT \"v=DMARC1; p=none; sp=reject\"", "a.example.com",
	"", "fail example.com reject org example.com", "_.a.example.com _.example.com _.com"},
    {"np and sp alike: no question", D "example.com TXT \"v=DMARC1; p=none; sp=reject; np=reject\"",
	"a.example.com", "", "fail example.com reject org example.com",
	"_.a.example.com _.example.com _.com"},
    {"np is not for the domain itself", D "example.com TXT \"v=DMARC1; p=none; np=reject\"",
	"example.com", "", "fail example.com none", "_.example.com"},
    {"np of a public suffix", D "example TXT \"v=DMARC1; p=none; np=reject; psd=y\"", "no.example",
	"", "fail example reject org no.example", NULL},
    {"the author's own record: p, whatever sp says",
	D "a.example.com TXT \"v=DMARC1; p=none; sp=reject\"\n" REJECTS, "a.example.com", "",
	"fail a.example.com none", "_.a.example.com"},
    {"t=y on reject", D "example.com TXT \"v=DMARC1; p=reject; t=y\"", "example.com", "",
	"fail example.com reject->quarantine", NULL},
    {"t=y on sp", D "example.com TXT \"v=DMARC1; p=reject; sp=quarantine; t=y\"", "a.example.com",
	"", "fail example.com quarantine->none org example.com", NULL},
    {"t=y on none", D "example.com TXT \"v=DMARC1; p=none; t=y\"", "example.com", "",
	"fail example.com none", NULL},

    /* ---- records that are none ---- */
    {"two records: the parent's counts",
	D "a.example.com TXT \"v=DMARC1; p=reject\"\n" D
	  "a.example.com TXT \"v=DMARC1; p=reject\"\n" D
	  "example.com TXT \"v=DMARC1; p=quarantine\"",
	"a.example.com", "", "fail example.com quarantine org example.com", NULL},
    {"two records, nothing above", REJECTS "\n" D "example.com TXT \"v=DMARC1; p=none\"",
	"example.com", "", "none", "_.example.com _.com"},
    {"another TXT beside it", REJECTS "\n" D "example.com TXT \"v=DMARC2; p=none\"", "example.com",
	"", "fail example.com reject", NULL},
    {"bad p with rua is none", D "example.com TXT \"v=DMARC1; p=rjct; rua=mailto:a@example.com\"",
	"example.com", "", "fail example.com none", NULL},
    {"bad p without rua: permerror", D "example.com TXT \"v=DMARC1; p=rjct\"", "example.com",
	"dkim:example.com", "permerror example.com", "_.example.com"},
    {"bad p of the author's own record hides the parent's",
	D "a.example.com TXT \"v=DMARC1; p=rjct\"\n" REJECTS, "a.example.com", "",
	"permerror a.example.com", NULL},
    {"bad record of the organization", D "example.com TXT \"v=DMARC1; p=reject; sp=x\"",
	"a.example.com", "", "permerror example.com org example.com", NULL},

    /* ---- answers that do not come ---- */
    {"author's record missing", D "example.com TXT TIMEOUT", "example.com", "dkim:example.com",
	"temperror", "_.example.com _.com"},
    {"on the way up", D "a.example.com TXT SERVFAIL\n" REJECTS, "b.a.example.com", "",
	"temperror example.com reject org example.com",
	"_.b.a.example.com _.a.example.com _.example.com _.com"},
    {"bogus is missing", D "example.com TXT BOGUS", "example.com", "", "temperror", NULL},
    {"the rest of the walk was not needed", REJECTS "\n" D "com TXT TIMEOUT", "example.com",
	"dkim:example.com", "pass example.com reject by DKIM example.com", "_.example.com"},
    {"nothing passed, so the rest was not needed", REJECTS "\n" D "com TXT TIMEOUT", "example.com",
	"", "fail example.com reject", "_.example.com"},
    {"what is missing above would move both alike", REJECTS "\n" D "com TXT TIMEOUT", "example.com",
	"dkim:a.example.com", "pass example.com reject by DKIM a.example.com org example.com",
	"_.example.com _.com _.a.example.com"},
    {"what is missing above may join two that are not joined below",
	D "a.example.com TXT \"v=DMARC1; p=reject\"\n" D "example.com TXT TIMEOUT", "a.example.com",
	"dkim:b.example.com", "temperror a.example.com reject org a.example.com",
	"_.a.example.com _.example.com _.com _.b.example.com"},
    {"… also a top level, if it is a public suffix",
	D "a.example.com TXT \"v=DMARC1; p=reject\"\n" D "com TXT TIMEOUT", "a.example.com",
	"dkim:b.example.com", "temperror a.example.com reject org a.example.com", NULL},
    {"… but a silent top level is taken for one: it joins no strangers",
	REJECTS "\n" D "com TXT TIMEOUT", "example.com",
	"spf:evil.com dkim:evil.com ?dkim:evil2.com", "fail example.com reject org example.com",
	"_.example.com _.com"},
    {"a level without an answer below, the author's", LAME, "lame.example.com", "",
	"temperror example.com reject org example.com", "_.lame.example.com _.example.com _.com"},
    {"… far below, behind the jump", REJECTS "\n" D "1.2.3.4.5.6.7.8.example.com TXT TIMEOUT",
	"1.2.3.4.5.6.7.8.example.com", "", "temperror example.com reject org example.com",
	"_.1.2.3.4.5.6.7.8.example.com _.4.5.6.7.8.example.com _.5.6.7.8.example.com "
	"_.6.7.8.example.com _.7.8.example.com _.8.example.com _.example.com _.com"},
    {"… the forger's own results aside", LAME, "lame.example.com",
	"spf:evil.example dkim:evil.com ?dkim:evil.net",
	"temperror example.com reject org example.com", "_.lame.example.com _.example.com _.com"},
    {"… its sp counts",
	D "lame.example.com TXT TIMEOUT\n" D "example.com TXT \"v=DMARC1; p=none; sp=quarantine\"",
	"lame.example.com", "", "temperror example.com quarantine org example.com", NULL},
    {"… its np or sp, whichever is stricter",
	D "lame.example.com TXT TIMEOUT\nlame.example.com A TIMEOUT\n" D
	  "example.com TXT \"v=DMARC1; p=none; sp=reject; np=none\"",
	"lame.example.com", "", "temperror example.com reject org example.com", NULL},
    {"… np, for a name that is known not to exist",
	D "lame.example.com TXT TIMEOUT\n" D
	  "example.com TXT \"v=DMARC1; p=none; sp=none; np=reject\"",
	"lame.example.com", "", "temperror example.com none org example.com", NULL},
    {"… of a public suffix",
	D "lame.bank.example TXT TIMEOUT\n" D "bank.example TXT \"v=DMARC1; p=reject; psd=y\"",
	"lame.bank.example", "", "temperror bank.example reject org lame.bank.example", NULL},
    {"… and t=y",
	D "lame.example.com TXT TIMEOUT\n" D "example.com TXT \"v=DMARC1; p=reject; t=y\"",
	"lame.example.com", "", "temperror example.com reject->quarantine org example.com", NULL},
    {"… under a record of no use",
	D "lame.example.com TXT TIMEOUT\n" D "example.com TXT \"v=DMARC1; p=rjct\"",
	"lame.example.com", "", "permerror example.com org example.com", NULL},
    {"… under no record", D "lame.example.com TXT TIMEOUT", "lame.example.com", "", "temperror",
	"_.lame.example.com _.example.com _.com"},
    {"… whose own domain passed", LAME, "lame.example.com", "dkim:lame.example.com",
	"pass example.com reject by DKIM lame.example.com org example.com", NULL},
    {"… whose parent passed: psd=n at the missing level would part them", LAME, "lame.example.com",
	"dkim:example.com", "temperror example.com reject org example.com", NULL},
    {"a level in the middle", D "m.example.com TXT TIMEOUT\n" REJECTS, "a.m.example.com",
	"dkim:b.m.example.com", "temperror example.com reject org example.com", NULL},
    {"a level without an answer above the author's own record does not matter",
	D "a.m.example.com TXT \"v=DMARC1; p=reject\"\n" D "m.example.com TXT TIMEOUT",
	"a.m.example.com", "dkim:evil.net ?spf:evil.org", "fail a.m.example.com reject",
	"_.a.m.example.com"},
    {"no key, at a sub-domain that never answers", LAME, "example.com",
	"?dkim:lame.example.com spf:evil.net", "temperror example.com reject org example.com",
	NULL},
    {"no SPF, at a sub-domain that never answers", LAME, "example.com", "?spf:lame.example.com",
	"temperror example.com reject org example.com", NULL},
    {"a signature of a sub-domain that never answers, in vain: the record is strict",
	D "example.com TXT \"v=DMARC1; p=reject; adkim=s\"\n" D "lame.example.com TXT TIMEOUT",
	"example.com", "?dkim:lame.example.com", "fail example.com reject", "_.example.com"},
    {"a stranger's silence changes nothing",
	REJECTS "\n" D "evil.com TXT TIMEOUT\n" D "evil.net TXT TIMEOUT", "example.com",
	"dkim:evil.com dkim:evil.net ?dkim:evil.com ?spf:evil.net",
	"fail example.com reject org example.com", "_.example.com _.com"},
    {"a stranger of another top level: no walk", REJECTS, "example.com",
	"dkim:evil.net ?spf:evil.net", "fail example.com reject", "_.example.com"},
    {"the signer's walk fails below the organization", REJECTS "\n" D "a.example.com TXT TIMEOUT",
	"example.com", "dkim:a.example.com", "temperror example.com reject org example.com", NULL},
    {"the other identifier passes, so it was not needed",
	REJECTS "\n" D "a.example.com TXT TIMEOUT", "example.com",
	"dkim:a.example.com spf:b.example.com",
	"pass example.com reject by SPF b.example.com org example.com", NULL},
    {"temperror of the author's own signature", REJECTS, "example.com", "?dkim:example.com",
	"temperror example.com reject", "_.example.com"},
    {"temperror that would align", REJECTS, "example.com", "?spf:a.example.com",
	"temperror example.com reject org example.com", NULL},
    {"temperror that would not align (strict)", D "example.com TXT \"v=DMARC1; p=reject; aspf=s\"",
	"example.com", "?spf:a.example.com", "fail example.com reject", "_.example.com"},
    {"temperror beside a pass", REJECTS, "example.com", "?spf:example.com dkim:example.com",
	"pass example.com reject by DKIM example.com", "_.example.com"},
    {"existence unknown, failing",
	D "example.com TXT \"v=DMARC1; p=none; np=reject\"\na.example.com A TIMEOUT",
	"a.example.com", "", "temperror example.com reject org example.com", NULL},
    {"existence unknown, passing",
	D "example.com TXT \"v=DMARC1; p=none; np=reject\"\na.example.com A TIMEOUT",
	"a.example.com", "dkim:example.com",
	"pass example.com reject by DKIM example.com org example.com", NULL},

    /* ---- economy ---- */
    {"five signatures of one signer: one walk", REJECTS, "a.example.com",
	"dkim:x.net dkim:x.net dkim:b.example.net dkim:c.example.com dkim:example.com",
	"pass example.com reject by DKIM c.example.com org example.com",
	"_.a.example.com _.example.com _.com _.c.example.com"},
};

/* ---- a DNS that remembers the order of the questions --------------------------------- */

struct recorder {
	struct dns below;
	char asked[1000];
	size_t len;
};

static void record_lookup(
    void *self, struct slice name, enum dns_type type, struct arena *arena, struct dns_answer *out)
{
	struct recorder *r = self;
	bool prefixed = slice_starts(name, SLICE(D));

	ck_assert(type == (prefixed ? DNS_TXT : DNS_A));
	r->len += (size_t)snprintf(r->asked + r->len, sizeof r->asked - r->len, "%s%s%.*s",
	    r->len ? " " : "", prefixed ? "_." : "",
	    SLICE_ARG(slice_skip(name, prefixed ? sizeof D - 1 : 0)));
	dns_lookup(&r->below, name, type, arena, out);
}

static size_t parse_ids(const char *text, struct dmarc_identifier *ids)
{
	struct slice rest = slice_str(text), word;
	size_t n = 0;

	while (rest.len > 0) {
		struct dmarc_identifier *id = &ids[n++];

		word = slice_cut(&rest, ' ');
		id->outcome = slice_starts(word, SLICE("?")) ? DMARC_TEMPERROR : DMARC_PASSED;
		word = slice_skip(word, id->outcome == DMARC_TEMPERROR);
		id->method = slice_starts(word, SLICE("spf:")) ? DMARC_SPF : DMARC_DKIM;
		id->domain = slice_after_last(word, ':');
	}
	return n;
}

static void describe(const struct dmarc_result *r, char *out, size_t cap)
{
	size_t len = (size_t)snprintf(out, cap, "%s", dmarc_verdict_name(r->verdict));

	if (r->policy_domain.len)
		len += (size_t)snprintf(out + len, cap - len, " %.*s", SLICE_ARG(r->policy_domain));
	if (r->policy_domain.len && r->verdict != DMARC_V_PERMERROR)
		len +=
		    (size_t)snprintf(out + len, cap - len, " %s", dmarc_policy_name(r->published));
	if (r->policy != r->published)
		len += (size_t)snprintf(out + len, cap - len, "->%s", dmarc_policy_name(r->policy));
	if (r->aligned)
		len += (size_t)snprintf(out + len, cap - len, " by %s %.*s",
		    dmarc_method_name(r->aligned->method), SLICE_ARG(r->aligned->domain));
	if (r->org_domain.len)
		snprintf(out + len, cap - len, " org %.*s", SLICE_ARG(r->org_domain));
}

START_TEST(table)
{
	struct dmarc_identifier ids[8];
	struct zone *zone = zone_create();
	char why[ZONE_WHY_MAX], got[300];
	const char *wrong = zone_load(zone, slice_str(rows[_i].zone), why);
	struct recorder recorder = {.below = zone_dns(zone)};
	struct dns dns = {.self = &recorder, .lookup = record_lookup};
	struct arena *arena = arena_create(1 << 20);
	struct dmarc_query query = {.from_domain = slice_str(rows[_i].from),
	    .ids = ids,
	    .count = parse_ids(rows[_i].ids, ids)};
	struct dmarc_result result;

	ck_assert_msg(!wrong, "%s: %s", rows[_i].label, wrong);
	dmarc_evaluate(&dns, &query, arena, NULL, &result);
	describe(&result, got, sizeof got);
	ck_assert_msg(strcmp(got, rows[_i].want) == 0, "%s: %s", rows[_i].label, got);
	if (rows[_i].asked)
		ck_assert_msg(strcmp(recorder.asked, rows[_i].asked) == 0, "%s: asked %s",
		    rows[_i].label, recorder.asked);
	ck_assert_msg(
	    result.why.len > 0 && slice_is_printable_ascii(result.why), "%s", rows[_i].label);
	arena_free(&arena);
	zone_free(&zone);
}
END_TEST

/* ---- the steps that explain shows ---------------------------------------------------- */

struct story {
	char text[2000];
	size_t len;
};

static void tell(void *self, struct slice sentence)
{
	struct story *s = self;

	ck_assert(slice_is_printable_ascii(sentence));
	s->len += (size_t)snprintf(
	    s->text + s->len, sizeof s->text - s->len, "%.*s\n", SLICE_ARG(sentence));
}

START_TEST(steps)
{
	struct zone *zone = zone_create();
	char why[ZONE_WHY_MAX];
	const char *wrong = zone_load(zone,
	    SLICE(D "example.com TXT \"v=DMARC1; p=none; np=reject; x=\\007\\228\"\n" D
		    "com TXT hello\n" D "b.example.com TXT \"v=DMARC1\"\n" D
		    "b.example.com TXT \"v=DMARC1\"\n"),
	    why);
	struct dns dns = zone_dns(zone);
	struct arena *arena = arena_create(1 << 20);
	struct dmarc_identifier ids[] = {{DMARC_SPF, DMARC_PASSED, SLICE("example.net")},
	    {DMARC_DKIM, DMARC_PASSED, SLICE("b.example.com")}};
	struct dmarc_query query = {SLICE("a.example.com"), ids, ROWS(ids)};
	struct story story = {.len = 0};
	struct dmarc_trace trace = {&story, tell};
	struct dmarc_result result;

	ck_assert_msg(!wrong, "%s", wrong);
	dmarc_evaluate(&dns, &query, arena, &trace, &result);
	ck_assert_str_eq(story.text,
	    "_dmarc.a.example.com: no such name\n"
	    "_dmarc.example.com: v=DMARC1; p=none; np=reject; x=??\n"
	    "_dmarc.com: TXT, but no DMARC record\n"
	    "a.example.com: organizational domain example.com\n"
	    "SPF pass for example.net: not aligned\n"
	    "_dmarc.b.example.com: v=DMARC1\n"
	    "_dmarc.b.example.com: v=DMARC1\n"
	    "_dmarc.b.example.com: several DMARC records, all discarded\n"
	    "b.example.com: organizational domain example.com\n"
	    "DKIM pass for b.example.com: aligned, same organizational domain\n"
	    "a.example.com does not exist: the policy is reject\n"
	    "pass: DKIM passed for b.example.com, which is aligned with a.example.com\n");
	arena_free(&arena);
	zone_free(&zone);
}
END_TEST

/* A record of 60,000 octets is one step, cut. */
START_TEST(long_record)
{
	struct zone *zone = zone_create();
	struct dns dns = zone_dns(zone);
	struct arena *arena = arena_create(1 << 20);
	struct dmarc_query query = {SLICE("example.com"), NULL, 0};
	struct story story = {.len = 0};
	struct dmarc_trace trace = {&story, tell};
	struct dmarc_result result;
	size_t size = 60000;
	char *text = malloc(size);

	memset(text, ';', size);
	memcpy(text, "v=DMARC1;p=reject", 17);
	ck_assert(zone_add(zone, SLICE("_dmarc.example.com"), DNS_TXT, slice_of(text, size), 0));
	dmarc_evaluate(&dns, &query, arena, &trace, &result);
	ck_assert_int_eq(result.verdict, DMARC_V_FAIL);
	ck_assert_int_eq(result.policy, DMARC_P_REJECT);
	ck_assert_uint_lt(story.len, 1000);
	free(text);
	arena_free(&arena);
	zone_free(&zone);
}
END_TEST

/* ---- hints, memory ------------------------------------------------------------------- */

START_TEST(hints)
{
	struct zone *zone = zone_create();
	struct counting counting;
	struct dns dns = counting_dns(&counting, zone_dns(zone));

	dmarc_hint(&dns, SLICE("a.b.c.d.e.f.g.h.i.example"));
	ck_assert_uint_eq(counting_questions(&counting), 0);
	ck_assert_uint_eq(
	    counting_hinted(&counting, SLICE("_dmarc.a.b.c.d.e.f.g.h.i.example"), DNS_TXT), 1);
	ck_assert_uint_eq(
	    counting_hinted(&counting, SLICE("_dmarc.b.c.d.e.f.g.h.i.example"), DNS_TXT), 0);
	ck_assert_uint_eq(
	    counting_hinted(&counting, SLICE("_dmarc.d.e.f.g.h.i.example"), DNS_TXT), 1);
	ck_assert_uint_eq(counting_hinted(&counting, SLICE("_dmarc.example"), DNS_TXT), 1);
	ck_assert_uint_eq(counting.hint_count, DMARC_WALK_MAX);
	zone_free(&zone);
}
END_TEST

START_TEST(hints_of_an_author)
{
	struct zone *zone = zone_create();
	struct counting counting;
	struct dns dns = counting_dns(&counting, zone_dns(zone));

	dmarc_hint_author(&dns, SLICE("a.example"));
	ck_assert_uint_eq(counting_hinted(&counting, SLICE("_dmarc.a.example"), DNS_TXT), 1);
	ck_assert_uint_eq(counting_hinted(&counting, SLICE("_dmarc.example"), DNS_TXT), 1);
	ck_assert_uint_eq(counting_hinted(&counting, SLICE("a.example"), DNS_A), 1);
	ck_assert_uint_eq(counting.hint_count, 3);
	ck_assert_uint_eq(counting_questions(&counting), 0);
	zone_free(&zone);
}
END_TEST

static const struct {
	const char *domain;
	enum dmarc_nearness nearness;
} near_rows[] = {
    {"shop.example.org", DMARC_SAME},
    {"bank.test", DMARC_SAME},
    {"a.shop.example.org", DMARC_ABOVE_OR_BELOW},
    {"example.org", DMARC_ABOVE_OR_BELOW},
    {"a.bank.test", DMARC_ABOVE_OR_BELOW},
    {"news.example.org", DMARC_BESIDE},
    {"other.test", DMARC_FAR},
    {"badexample.org", DMARC_FAR},
    {"", DMARC_FAR},
};

START_TEST(nearest)
{
	static const struct slice authors[] = {
	    SLICE_INIT("shop.example.org"), SLICE_INIT("bank.test"), SLICE_INIT("")};
	struct slice domain = slice_str(near_rows[_i].domain);
	enum dmarc_nearness nearness = dmarc_nearness(domain, authors, ROWS(authors));

	ck_assert_msg(nearness == near_rows[_i].nearness, "%s: %d", near_rows[_i].domain, nearness);
	ck_assert_int_eq(dmarc_nearness(domain, NULL, 0), DMARC_FAR);
}
END_TEST

START_TEST(out_of_memory)
{
	struct zone *zone = zone_create();
	struct dns dns = zone_dns(zone);
	struct dmarc_identifier id = {DMARC_DKIM, DMARC_PASSED, SLICE("b.example.com")};
	struct dmarc_query query = {SLICE("a.example.com"), &id, 1};
	char why[ZONE_WHY_MAX];

	ck_assert_ptr_null(
	    zone_load(zone, SLICE(D "example.com TXT \"v=DMARC1; p=reject; np=none\""), why));
	for (size_t limit = 0; limit < 3000; limit += 16) {
		struct arena *arena = arena_create(limit);
		struct dmarc_result result;

		dmarc_evaluate(&dns, &query, arena, NULL, &result);
		ck_assert(result.verdict == DMARC_V_TEMPERROR || result.verdict == DMARC_V_PASS);
		ck_assert(result.verdict == DMARC_V_PASS || arena_failed(arena));
		arena_free(&arena);
	}
	zone_free(&zone);
}
END_TEST

Suite *suite(void)
{
	Suite *s = suite_create("dmarc");
	TCase *t = tcase_create("dmarc");

	tcase_add_loop_test(t, table, 0, ROWS(rows));
	tcase_add_test(t, steps);
	tcase_add_test(t, long_record);
	tcase_add_test(t, hints);
	tcase_add_test(t, hints_of_an_author);
	tcase_add_loop_test(t, nearest, 0, (int)ROWS(near_rows));
	tcase_add_test(t, out_of_memory);
	suite_add_tcase(s, t);
	return s;
}
