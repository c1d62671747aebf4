#!/usr/bin/python3
"""header_test: rules on header fields and TLS, and fields of ours, through a real Postfix and a real
Sendmail.

    header_test.py BUILD_DIRECTORY [--keep]
"""
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402

GOOD = "203.0.113.25"
FROM, MBOX = "joe@walkin.example", "all@mbox.test"

RULES = """
trusted_networks = [ ];
spf = { fail = "off"; };
headers = { verdict = "X-Verdict"; };
susranges = ( { name = "watch"; networks = [ "203.0.113.25" ]; mode = "monitor"; } );
blocks = (
  { name = "subject"; header = [ "Subject: /.*lottery.*/", "Subject: /grüße/" ];
    reply = "550 5.7.1 No lotteries"; },
  { name = "robot"; all_headers = [ "!X-Human", "X-Robot" ]; },
  { name = "back"; sender = [ "<>" ]; header = [ "Subject: /re:.*/" ]; },
  { name = "plain"; tls = [ "none" ]; sender = [ "bank.example" ]; reply = "550 5.7.4 TLS, please"; },
  { name = "old"; tls = [ "<1.3" ]; sender = [ "modern.example" ]; },
  { name = "users"; header = [ "X-Robot" ]; login = [ "/alice(@.*)?/" ]; applies = "authenticated"; }
);
"""

ROBOT_NO = f"550 5.7.1 Mail from {GOOD} is not accepted here (robot)"

# label, header, sender, what becomes of it
MESSAGES = (
    ("a plain subject", "Subject: hello", FROM, "250"),
    ("a subject that matches", "Subject: You won the LOTTERY", FROM, "550 5.7.1 No lotteries"),
    ("encoded", "Subject: =?utf-8?q?lot?= =?utf-8?b?dGVyeQ==?=!", FROM, "550 5.7.1 No lotteries"),
    ("folded", "Subject: a\n =?us-ascii?q?lottery?=\n\tb", FROM, "550 5.7.1 No lotteries"),
    ("another charset", "Subject: =?iso-8859-1?q?Gr=FC=DFe?=", FROM, "550 5.7.1 No lotteries"),
    ("without a blank", "Subject:lottery", FROM, "550 5.7.1 No lotteries"),
    ("the word in another field", "X-Subject: lottery", FROM, "250"),
    ("all_headers", "Subject: x\nx-robot: 1", FROM, ROBOT_NO),
    ("all_headers but one", "X-Robot: 1\nX-Human: 1", FROM, "250"),
    ("a subject with the null sender", "Subject: Re: hello", "",
     "550 5.7.1 Mail from <> is not accepted here (back)"),
    ("and without", "Subject: Re: hello", FROM, "250"),
)


def plain(reply):
    return "250" if reply.code == 250 else re.sub(r"^(\d{3} \S+ )<[^>]*>\.\.\. ", r"\1", reply)


def send(session, sender, to, header):
    """The reply to RCPT where it is a refusal, else that to the message."""
    session.mail(sender)
    reply = session.rcpt(to)
    if reply.code == 250:
        reply = session.data(f"From: <{FROM}>\n{header}\n\nx\n")
    return plain(reply)


def header_rules(checks, mta, server):
    for label, header, sender, want in MESSAGES:
        with server.session(source=GOOD) as s:
            checks.same(f"{label}, {mta}", send(s, sender, MBOX, header), want)
    with server.session(source=GOOD) as s:
        checks.same(f"one message after the other, {mta}",
                    [send(s, FROM, MBOX, h) for h in ("Subject: lottery", "Subject: x",
                                                      "X-Robot: 1", "Subject: y")],
                    ["550 5.7.1 No lotteries", "250", ROBOT_NO, "250"])


# ---- TLS -----------------------------------------------------------------------------------------


def tls(checks, mta, server):
    """Nothing is known of sessions without TLS before one with it has come."""
    plain_no = "550 5.7.4 TLS, please"
    old_no = "550 5.7.1 Mail from modern.example is not accepted here (old)"

    def answer(sender, newest=None, encrypted=True):
        with server.session(source=GOOD) as s:
            if encrypted:
                s.starttls("client.example", newest)
            s.mail(sender)
            return plain(s.rcpt(MBOX))

    checks.same(f"no TLS, nobody knows, {mta}", answer("a@bank.example", encrypted=False), "250")
    checks.same(f"TLS, {mta}", answer("a@bank.example"), "250")
    checks.same(f"no TLS, {mta}", answer("a@bank.example", encrypted=False), plain_no)
    checks.same(f"TLS 1.3, {mta}", answer("a@modern.example", ssl.TLSVersion.TLSv1_3), "250")
    checks.same(f"TLS 1.2, {mta}", answer("a@modern.example", ssl.TLSVersion.TLSv1_2), old_no)
    checks.same(f"no TLS is no version, {mta}", answer("a@modern.example", encrypted=False), "250")


# ---- fields of ours, and of users ----------------------------------------------------------------


FORGED = """Subject: {}
X-Verdict: dmarc=pass
x-verdict:
\trule=none
X-Susmilter: rule=none mode=monitor
X-VERDICT : dmarc=none"""


def fields(message, name):
    header = message.replace("\r\n", "\n").split("\n\n", 1)[0].replace("\n\t", " ")
    return [l.split(":", 1)[1].strip() for l in header.split("\n")
            if l.split(":")[0].strip().lower() == name.lower()]


def sendmail_header(envelope):
    """The header fields in a queue file of Sendmail."""
    header = []
    for line in envelope.split("\n"):
        if line.startswith("H"):
            header.append(line[line.index("?", 2) + 1 if line[1] == "?" else 1:])
        elif line.startswith("\t") and header:
            header[-1] += "\n" + line
    return "\n".join(header) + "\n\n"


def arrived(server, subject):
    if isinstance(server, lab.Sendmail):
        found = [e for e in map(sendmail_header, server.queued())
                 if fields(e, "Subject") == [subject]]
        return found[0]
    folder = server.dir / "mail/all/new"

    def found():
        return [t for t in (p.read_text(errors="replace") for p in folder.glob("*"))
                if fields(t, "Subject") == [subject]]
    lab.wait_for(found, 15, f"delivery of {subject!r}")
    return found()[0]


def own_fields(checks, mta, server):
    with server.session(source=GOOD) as s:
        checks.same(f"forged fields, {mta}", send(s, FROM, MBOX, FORGED.format("forged")), "250")
    seen = arrived(server, "forged")
    checks.same(f"only our verdict is there, {mta}", fields(seen, "X-Verdict"), ["rule=watch"])
    checks.same(f"only our mark is there, {mta}", fields(seen, "X-Susmilter"),
                ["rule=watch mode=monitor"])


def users(checks, mta, server):
    """A rule for authenticated sessions that looks at the header, and else nothing."""
    with server.session(source=GOOD) as s:
        assert s.login("alice").code == 235
        checks.same(f"a user's robot, {mta}", send(s, FROM, MBOX, "X-Robot: 1"),
                    "550 5.7.1 Mail from alice is not accepted here (users)"
                    if isinstance(server, lab.Sendmail) else
                    "550 5.7.1 Mail from alice@lab.test is not accepted here (users)")
        checks.same(f"a user's lottery, {mta}", send(s, FROM, MBOX, FORGED.format("lottery")), "250")
    seen = arrived(server, "lottery")
    checks.same(f"a user's fields stay as they are, {mta}",
                (sorted(fields(seen, "X-Verdict")), fields(seen, "X-Susmilter")),
                (["dmarc=none", "dmarc=pass", "rule=none"], ["rule=none mode=monitor"]))


def certificate(folder):
    """A key and a certificate that nobody has signed."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=mx.lab.test", "-keyout", key, "-out", cert], check=True,
                   capture_output=True)
    key.chmod(0o600)
    return key, cert


def run(checks, build, keep, key, cert):
    with lab.Lab(build, keep) as servers:
        dns = servers.dns("example.com MX 10 mx.example.com\n")
        daemon = servers.daemon(dns.resolver + RULES)
        mtas = {"Postfix": servers.postfix(daemon, smtpd_tls_security_level="may",
                                           smtpd_tls_cert_file=cert, smtpd_tls_key_file=key),
                "Sendmail": servers.sendmail(
                    daemon, more=f"define(`confSERVER_CERT', `{cert}')dnl\n"
                    f"define(`confSERVER_KEY', `{key}')dnl\n"
                    f"define(`confCACERT', `{cert}')dnl\n"
                    f"define(`confCACERT_PATH', `{cert.parent}')dnl\n")}
        for mta, server in mtas.items():
            header_rules(checks, mta, server)
            tls(checks, mta, server)
            own_fields(checks, mta, server)
            users(checks, mta, server)
        undecided = [r for r in daemon.records() if r.get("undecided")]
        checks.same("undecided rules are on record", {r["undecided"] for r in undecided}, {"plain"})
        checks.true("the daemon lives", daemon.alive(), daemon.said())


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("header_test", [GOOD], {})
    checks = Checks("header")
    # Sendmail trusts no directory below one that others may write to, such as /tmp.
    place = pathlib.Path(tempfile.mkdtemp(prefix="susmilter-lab.", dir="/run"))
    place.chmod(0o755)
    try:
        run(checks, build, keep, *certificate(place))
    finally:
        shutil.rmtree(place)
    sys.exit(checks.summary())


main()
