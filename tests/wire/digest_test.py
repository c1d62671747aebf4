#!/usr/bin/python3
"""digest_test: the operator's mail of the week, and the owners' reports, as messages.

    digest_test.py BUILD_DIRECTORY [--keep]

What looks legitimate is made: mail that was proven or known before, then refused by a new rule.
"""
import email
import email.policy
import email.utils
import json
import mailbox
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

GOOD, OTHER, SPAM = "203.0.113.25", "203.0.113.26", "198.51.100.7"
NET, ORG = "dan@example.net", "eve@example.org"
ZONE = '''
shop.example        TXT "v=spf1 ip4:203.0.113.0/24 -all"
_dmarc.shop.example TXT "v=DMARC1; p=reject"
plain.example       TXT "v=spf1 ip4:203.0.113.0/24 ~all"
'''
CONF = ('trusted_networks = [ ];\nspf = { fail = "monitor"; };\nmanaged_whitelist = "managed";\n'
        'dmarc = { default = "monitor"; };\nreports = { database = "reports.sqlite"; };\n'
        'history = { directory = "%s"; min_free = 0; };\n'
        'susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ];\n'
        '                comment = "Bcc: x@evil.example" },\n'
        '              { name = "old"; networks = [ "192.0.2.0/24" ]; expires = "2020-01-01"; } );\n')
NEW = 'blocks = ( { name = "shops"; sender = [ "shop.example", "friend.example" ]; } );\n'


def session(daemon, client, sender, recipients):
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect(f"[{client}]", client)
        t.helo("client.example")
        t.mail(sender)
        replies = [t.rcpt(r) for r in recipients]
        if "c" in replies:
            t.header("From", f"<{sender}>")
            t.end_of_headers()
            replies.append(t.end()[-1])
    return replies


def parsed(checks, text, label):
    """The message, after what every message must be; its text without soft line breaks."""
    checks.true(f"{label}: ASCII, no line too long", text.isascii()
                and max(map(len, text.splitlines())) <= 78, text)
    checks.true(f"{label}: no line that ends or begins a message",
                not re.search(r"^(\.|From )", text, re.M), text)
    message = email.message_from_string(text, policy=email.policy.default)
    checks.same(f"{label}: no defects", message.defects, [])
    checks.same(f"{label}: its fields", sorted(message.keys()), sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version",
         "Content-Type", "Content-Transfer-Encoding"]))
    age = time.time() - email.utils.parsedate_to_datetime(message["Date"]).timestamp()
    checks.true(f"{label}: its date", -2 < age < 120, message["Date"])
    return message, message.get_content()


def digest(checks, daemon):
    done = daemon.ctl("digest")
    checks.same("digest", (done.returncode, done.stderr), (0, ""))
    message, text = parsed(checks, done.stdout, "digest")
    checks.true("its subject", re.search(r"[0-9]+ refused, 2 look legitimate", message["Subject"]),
                message["Subject"])
    checks.same("to whom", message["To"], "postmaster")
    cases = re.findall(r"^(\S+): (\d+) refused by (\S+),.*\n    because(.*)$", text, re.M)
    checks.same("what looks legitimate, the best reason first",
                [(d, n, r) for d, n, r, _ in cases],
                [("shop.example", "2", "shops"), ("friend.example", "1", "shops")])
    checks.true("why: proven and known", cases and "author domain was proven" in cases[0][3]
                and "written to this recipient before" in cases[0][3], cases)
    checks.true("why: known", len(cases) > 1 and "proven" not in cases[1][3], cases)
    ids = re.findall(r"susmilterctl explain --decision (\S+)", text)
    checks.true("its id is found", len(ids) == 2 and daemon.ctl(
        "explain", "--decision", ids[0]).returncode == 0, text)
    checks.true("rules", re.search(r"^susranges dialup: 30 refused, last .*; Bcc: x@evil.example$",
                                   text, re.M), text)
    checks.true("nothing of many domains of his own", "spam1.example" not in text, text)
    checks.true("what has ended", "rule old: expired 2020-01-01T" in text.replace(
        "2020-01-02T00:00:00Z", "2020-01-01T"), text)
    checks.true("what will", re.search(r"whitelist entry 192\.0\.2\.9: expires .*, by jo", text),
                text)
    checks.true("the mode of a rule", re.search(r"mode of rule dialup: expires ", text), text)
    checks.true("a reload that failed", "1 refused since" in text
                and "THE LAST ONE WAS REFUSED" in text and "susmilter.conf:" in text, text)
    copy = daemon.ctl("digest", "--history", str(daemon.lab.dir / "digest-history"), "--days", "1")
    checks.true("another directory", copy.returncode == 0 and "shop.example" in copy.stdout, copy)


def sendmail(daemon):
    """A sendmail(1) that keeps what it is given, and how it was called."""
    program, kept = daemon.dir / "sendmail", daemon.dir / "sent"
    program.write_text(f'#!/bin/sh\necho "$@" >>{kept}.words\nn=$(ls {kept}.* | wc -l)\n'
                       f'cat >{kept}.$n\n[ ! -e {kept}-fails ] || exit 75\n')
    program.chmod(0o755)
    return program, kept


def send(checks, daemon):
    program, kept = sendmail(daemon)

    def ctl(*words):
        return subprocess.run([daemon.lab.build / "susmilterctl", "--socket", daemon.control, *words],
                              capture_output=True, text=True, timeout=60,
                              env={**os.environ, "SENDMAIL": str(program)})
    done = ctl("digest", "--to", "ops@example.org")
    checks.same("sent", (done.returncode, done.stdout, done.stderr), (0, "1 message sent\n", ""))
    sent = [p for p in sorted(daemon.dir.glob("sent.*")) if p.suffix != ".words"]
    message, _ = parsed(checks, sent[0].read_text(), "sent")
    checks.same("sent to", message["To"], "ops@example.org")
    checks.same("how", (daemon.dir / "sent.words").read_text(), "-t -i -oem\n")
    for bad in ("ops@example.org\nBcc: x@evil.example", "a b@x.example", "-oQ/tmp", "a@x, b@y", ""):
        done = ctl("digest", "--to", bad)
        checks.true(f"not an address: {bad!r}", done.returncode == 2
                    and "--to needs one mail address" in done.stderr, done)
    checks.same("nothing was sent", len(list(daemon.dir.glob("sent.*"))), 2)
    (daemon.dir / "sent-fails").touch()
    done = ctl("digest", "--to", "ops@example.org")
    checks.true("sendmail fails", done.returncode == 1
                and "did not take the message (exit status 75)" in done.stderr, done)
    (daemon.dir / "sent-fails").unlink()
    program.unlink()
    done = ctl("digest", "--to", "ops@example.org")
    checks.true("no sendmail", done.returncode == 1 and "No such file" in done.stderr, done)


def reports(checks, daemon, exact):
    """The owners' reports: from the database, or from the history alone."""
    label = "database" if exact else "history"
    one = json.loads(daemon.ctl("report", "example.net", "--json", check=True).stdout)
    checks.same(f"{label}: totals", (one["refused"], one["families"], one["exact"]),
                (32, {"blocks": 2, "susranges": 30}, exact))
    checks.same(f"{label}: recipients", one["recipients"], [{"key": NET, "count": 32}])
    checks.same(f"{label}: senders, the legitimate first", [(s["key"], s["proven"], s["known"])
                                                            for s in one["senders"][:3]],
                [("shop.example", True, True), ("friend.example", False, True),
                 (one["senders"][2]["key"], False, False)])
    checks.true(f"{label}: all senders", len(one["senders"]) == 32, one["senders"])
    text = daemon.ctl("report", "example.net", check=True).stdout
    checks.true(f"{label}: as text", "looks legitimate: proven, and known to the recipient" in text,
                text)
    page = daemon.ctl("report", "example.net", "--html", check=True).stdout
    checks.true(f"{label}: as a page", "<h2>Sender domains</h2>" in page
                and ("Totals are exact" in page) == exact, page)
    both = json.loads(daemon.ctl("report", "--all", "--json", check=True).stdout)
    checks.same(f"{label}: all domains", sorted((d["domain"], d["refused"]) for d in both),
                [("example.net", 32), ("example.org", 2)])
    path = daemon.dir / f"mbox-{label}"
    path.write_text(daemon.ctl("report", "--all", check=True).stdout)
    messages = sorted(mailbox.mbox(path), key=lambda m: m["To"])
    checks.same(f"{label}: to whom", [m["To"] for m in messages],
                ["postmaster@example.net", "postmaster@example.org"])
    text = path.read_text().split("\n", 1)[1].split("\n\nFrom ")[0] + "\n"
    message, text = parsed(checks, text, f"{label}: a report")
    checks.true(f"{label}: comments, no names of rules", "Bcc: x@evil.example" in text
                and "dialup" not in text, text)


def send_reports(checks, daemon):
    program, kept = sendmail(daemon)
    for old in daemon.dir.glob("sent.*"):
        old.unlink()
    done = subprocess.run([daemon.lab.build / "susmilterctl", "--socket", daemon.control, "report",
                           "--all", "--html", "--to", "owner+%d@example.com"], capture_output=True,
                          text=True, timeout=60, env={**os.environ, "SENDMAIL": str(program)})
    checks.same("reports are sent", (done.returncode, done.stdout, done.stderr),
                (0, "2 messages sent\n", ""))
    sent = [p.read_text() for p in daemon.dir.glob("sent.*") if p.suffix != ".words"]
    to = []
    for text in sent:
        message, page = parsed(checks, text, "a sent report")
        to.append(message["To"])
        checks.true("a page", message.get_content_type() == "text/html"
                    and page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>"))
    checks.same("each to its own", sorted(to), ["owner+example.net@example.com",
                                                "owner+example.org@example.com"])
    for argv in ((), ("example.net", "--all"), ("--all", "--json", "--to", "a@b.example")):
        checks.same(f"usage: report {argv}", daemon.ctl("report", *argv).returncode, 2)


def without_history(checks, servers):
    daemon = servers.daemon('spf = { fail = "off"; };\n', {}, name="bare")
    done = daemon.ctl("digest")
    _, text = parsed(checks, done.stdout, "no history")
    checks.true("it says so", "no history is kept" in text, text)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    checks = Checks("digest")
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(ZONE)
        conf = CONF % (servers.dir / "digest-history") + dns.resolver
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3 * 86400))
        daemon = servers.daemon(conf, {"managed": f"192.0.2.9 # expires={soon} owner=jo\n"})
        session(daemon, GOOD, "info@shop.example", [NET])
        session(daemon, OTHER, "joe@friend.example", [NET])
        session(daemon, GOOD, "joe@plain.example", [ORG])
        daemon.configure(NEW + conf)
        daemon.reload()
        session(daemon, GOOD, "info@shop.example", [NET])
        session(daemon, OTHER, "news@shop.example", [ORG])
        session(daemon, OTHER, "joe@friend.example", [NET, ORG])
        for i in range(30):
            session(daemon, SPAM, f"x@spam{i}.example", [NET])
        daemon.ctl("rule", "dialup", "monitor", "--for", "1d", check=True)
        daemon.configure("broken = ")
        daemon.reload()
        digest(checks, daemon)
        send(checks, daemon)
        reports(checks, daemon, True)
        send_reports(checks, daemon)
        daemon.configure(NEW + conf.replace("reports =", "# reports ="))
        daemon.reload()
        reports(checks, daemon, False)
        without_history(checks, servers)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
