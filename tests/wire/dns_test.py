#!/usr/bin/python3
"""dns_test: DNS that is slow, silent, broken or lies, and what SPF, DKIM and DMARC make of mail.

    dns_test.py BUILD_DIRECTORY [--keep]

An answer that did not come never refuses mail, no message waits for more than 20 seconds, and
messages that hang on a dead server do not hold up the others.
"""
import pathlib
import statistics
import subprocess
import sys
import threading
import time

import dkim

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402

GOOD, OTHER = "203.0.113.25", "198.51.100.7"
MBOX, ORG = "all@mbox.test", "bob@example.org"

HANGING = 1000   # messages at once that wait for a server that is silent
BESIDE = 50      # messages that do not, meanwhile
BESIDE_MAX = 0.5  # seconds that one of them may take
BURSTS = 60      # of messages that want their answers at the same moment
BURST_MAX = 0.1  # seconds for the one of them that needs no DNS: with nobody beside it, it has 1 ms
BODY_PART = 65535  # bytes of a body that libmilter gives at once
MESSAGE_MAX = 20  # seconds of DNS for one message (SPEC 3: resolver)
ANSWER_MAX = 2.0  # … and what the MTAs and a busy machine may add

# What becomes of a question, and whether its answer comes within the second of this test.
MANNERS = {"slow": ("SLOW=4000", False), "silent": ("TIMEOUT", False),
           "servfail": ("SERVFAIL", False), "refused": ("REFUSED", False),
           "bogus": ("BOGUS", False), "garbage": ("GARBAGE", False),
           "tardy": ("SLOW=200", True), "truncated": ("TRUNCATE", True)}

ZONE = """
good.example            TXT "v=spf1 ip4:203.0.113.25 -all"
fails.example           TXT "v=spf1 ip4:203.0.113.25 -all"
bank.example            TXT "v=spf1 ip4:203.0.113.25 -all"
_dmarc.bank.example     TXT "v=DMARC1; p=reject"
signer.example          TXT "v=spf1 ip4:203.0.113.25 -all"
_dmarc.signer.example   TXT "v=DMARC1; p=reject; adkim=s"
sel._domainkey.signer.example TXT "{key}"
lame.bank.example       TXT TIMEOUT
_dmarc.lame.bank.example TXT TIMEOUT
sel._domainkey.lame.bank.example TXT TIMEOUT
evil.example            TXT TIMEOUT
_dmarc.evil.example     TXT TIMEOUT
sel._domainkey.evil.example TXT TIMEOUT
"""

RULES = """
trusted_networks = [ ];
spf = { fail = "reject"; };
domains = (
  { name = "mbox.test";   spf = "unless-dkim"; dmarc = "reject"; },
  { name = "example.org"; dmarc = "reject"; }
);
"""


class Signer:
    """A key of RSA-2048 and signatures with it."""

    def __init__(self, folder):
        private = folder / "key.pem"
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", private, "2048"],
                       check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", private, "-pubout"], check=True,
                                capture_output=True, text=True).stdout
        self.private = private.read_bytes()
        self.record = "v=DKIM1; k=rsa; p=" + "".join(public.split("\n")[1:-2])

    def signed(self, domain, author, subject, body="Hello\n"):
        message = (f"From: <{author}>\nTo: <someone@example.org>\nSubject: {subject}\n"
                   f"Date: Sat, 21 Nov 2026 00:00:00 +0000\n\n{body}")
        message = message.replace("\n", "\r\n").encode()
        return dkim.sign(message, b"sel", domain.encode(), self.private,
                         include_headers=[b"from", b"to", b"subject", b"date"]) + message


def bad_zone(record):
    """For each manner a domain whose SPF, DMARC and key are asked for in vain."""
    lines = []
    for name, (manner, _) in MANNERS.items():
        for owner, text in ((f"spf-{name}.example", "v=spf1 ip4:203.0.113.25 -all"),
                            (f"_dmarc.dmarc-{name}.example", "v=DMARC1; p=reject"),
                            (f"sel._domainkey.key-{name}.example", record)):
            lines += [f'{owner} TXT "{text}"', f"{owner} TXT {manner}"]
        lines += [f'inc-{name}.example TXT "v=spf1 include:spf-{name}.example -all"',
                  f'_dmarc.key-{name}.example TXT "v=DMARC1; p=reject"',
                  f'key-{name}.example TXT "v=spf1 -ip4:198.51.100.0/24 ?all"']
    return "\n".join(lines) + "\n"


def sluggish_zone():
    """Every answer comes, each late: together they would take a minute."""
    lines = []
    for i in range(9):
        lines += [f'i{i}.sluggish.example TXT "v=spf1 include:i{i + 1}.sluggish.example ?all"',
                  f"i{i}.sluggish.example TXT SLOW=4500"]
    labels = "a.b.c.d.e.f.sluggish.example".split(".")
    for i in range(len(labels)):
        lines += [f"_dmarc.{'.'.join(labels[i:])} TXT NODATA",
                  f"_dmarc.{'.'.join(labels[i:])} TXT SLOW=4500"]
    return "\n".join(lines) + "\n"


def many_zone():
    return ("".join(f"d{i}.dead.example TXT TIMEOUT\n" for i in range(HANGING)) +
            "".join(f"b{i}.dead.example TXT TIMEOUT\n" for i in range(3 * BURSTS)) +
            "".join(f'g{i}.good.example TXT "v=spf1 ip4:{GOOD} -all"\n' for i in range(BESIDE)))


def resolver(dns, timeout):
    return f'resolver = {{ servers = [ "127.0.0.1@{dns.port}" ]; timeout = {timeout}; }};\n'


def send(postfix, client, sender, to, message):
    """(the last reply, seconds from MAIL to it)."""
    with postfix.session(client=client) as s:
        start = time.monotonic()
        s.mail(sender)
        reply = s.rcpt(to)
        if reply.code == 250:
            reply = s.data(message)
        return reply, time.monotonic() - start


def plain(author, subject="plain"):
    return f"From: <{author}>\nSubject: {subject}\n\nHello\n"


def results_of(postfix, subject):
    """The Authentication-Results of the delivered message."""
    def found():
        folder = postfix.dir / "mail/all/new"
        return [t for t in (p.read_text(errors="replace") for p in folder.glob("*"))
                if f"\nSubject: {subject}\n" in t]
    lab.wait_for(found, 15, f"delivery of {subject!r}")
    header = found()[0].split("\n\n", 1)[0].replace("\n\t", " ").replace("\n ", " ")
    return [l for l in header.split("\n") if l.startswith("Authentication-Results:")]


# ---- what standards say of good and bad mail -------------------------------------------------------


def authentication(checks, postfix, signer):
    forged = "550 5.7.1 DMARC: bank.example publishes p=reject and this message fails it"
    fail = f"550 5.7.23 SPF: {OTHER} is not allowed to send for "
    good = signer.signed("signer.example", "ann@signer.example", "signed")
    altered = signer.signed("signer.example", "ann@signer.example", "altered").replace(
        b"Hello", b"Hullo")
    foreign = signer.signed("signer.example", "ann@bank.example", "foreign")
    parts = signer.signed("signer.example", "ann@signer.example", "parts",
                          72 * "x" + (BODY_PART // 73) * ("\n" + 72 * "y") + "\nHello\n")
    cases = (
        ("SPF pass", GOOD, "a@good.example", ORG, plain("a@good.example"), "250 "),
        ("SPF fail", OTHER, "a@fails.example", ORG, plain("a@fails.example"),
         fail + "fails.example"),
        ("SPF fail, and a signature is no excuse", OTHER, "a@signer.example", ORG, good,
         fail + "signer.example"),
        ("unless-dkim: signed", OTHER, "a@signer.example", MBOX, good, "250 "),
        ("unless-dkim: altered", OTHER, "a@signer.example", MBOX, altered,
         fail + "signer.example"),
        ("unless-dkim: signed, the body in two parts", OTHER, "a@signer.example", MBOX, parts,
         "250 "),
        ("unless-dkim: altered in the second part", OTHER, "a@signer.example", MBOX,
         parts.replace(b"Hello", b"Hullo"), fail + "signer.example"),
        ("unless-dkim: not signed", OTHER, "a@signer.example", MBOX, plain("a@signer.example"),
         fail + "signer.example"),
        ("unless-dkim: signed by somebody else", OTHER, "a@signer.example", MBOX, foreign,
         fail + "signer.example"),
        ("DMARC: forged", GOOD, "a@good.example", ORG, plain("ceo@bank.example"), forged),
        ("DMARC: forged and signed by somebody else", GOOD, "a@good.example", ORG, foreign,
         forged),
        ("DMARC: aligned by SPF", GOOD, "a@bank.example", ORG, plain("ceo@bank.example"), "250 "),
        ("DMARC: aligned by DKIM", GOOD, "a@good.example", ORG, good, "250 "),
    )
    for label, client, sender, to, message, wanted in cases:
        reply, _ = send(postfix, client, sender, to, message)
        checks.true(label, reply.startswith(wanted), reply)
    results = results_of(postfix, "signed")
    checks.same("results: one field", len(results), 1)
    for part in ("mx.lab.test;", "spf=fail", "smtp.mailfrom=", "dkim=pass",
                 "header.d=signer.example", "header.s=sel", "dmarc=pass",
                 "header.from=signer.example"):
        checks.true(f"results: {part}", part in results[0], results[0])


# ---- ways around DMARC -----------------------------------------------------------------------------


def forgeries(checks, postfix, signer):
    """Servers that never answer, of a sub-domain of the victim and of the forger, and a From with
    more than one author."""
    unproven = ("451 4.4.3 DMARC: bank.example publishes p=reject, and a DNS answer that could "
                "prove this message is missing")
    forged = "550 5.7.1 DMARC: bank.example publishes p=reject and this message fails it"
    author = "ceo@bank.example"
    two_fields = f"From: <{author}>\n" + plain("joe@nowhere.example")
    cases = (
        ("a signature", "a@good.example", signer.signed("lame.bank.example", author, "x"),
         unproven),
        ("a sender", "a@lame.bank.example", plain(author), unproven),
        ("the author", "a@good.example", plain("ceo@lame.bank.example"), unproven),
        ("the forger's own signature", "a@good.example", signer.signed("evil.example", author, "x"),
         forged),
        ("the forger's own sender", "a@evil.example", plain(author), forged),
        ("a second author", "a@good.example", plain(f"{author}>, <joe@nowhere.example"), forged),
        ("a second author in front", "a@good.example", plain(f"joe@nowhere.example>, <{author}"),
         forged),
        ("a second field", "a@good.example", two_fields,
         "550 5.7.1 The From header has no valid author domain: the message has more than one "
         "From field"),
    )
    for label, sender, message, wanted in cases:
        reply, _ = send(postfix, GOOD, sender, ORG, message)
        checks.true(f"forged: {label}", reply.startswith(wanted), reply)


# ---- answers that do not come ----------------------------------------------------------------------


def bad_answers(checks, postfix, signer):
    """Each question in each manner; answers that come in time still count."""
    slowest = 0
    for name, (_, comes) in MANNERS.items():
        key = f"key-{name}.example"
        signed = signer.signed(key, f"a@{key}", f"key {name}")
        forged = signer.signed(key, f"a@{key}", f"forged {name}").replace(b"Hello", b"Hullo")
        missing = 550 if comes else 250
        cases = (
            ("SPF", f"a@spf-{name}.example", ORG, plain(f"a@spf-{name}.example"), missing),
            ("SPF include", f"a@inc-{name}.example", ORG, plain(f"a@inc-{name}.example"), missing),
            ("DMARC", "a@nowhere.example", ORG, plain(f"a@dmarc-{name}.example"), missing),
            # The policy is known, and the proof is missing.
            ("key", f"a@{key}", MBOX, signed, 250 if comes else 451),
            # That no key can save it is known without the key.
            ("key, altered", f"a@{key}", MBOX, forged, 550),
        )
        for label, sender, to, message, wanted in cases:
            reply, seconds = send(postfix, OTHER, sender, to, message)
            slowest = max(slowest, seconds)
            checks.true(f"{name}: {label}", reply.code == wanted, reply)
    checks.true("each within the time of its questions", slowest < 8, slowest)


def at_most_twenty(checks, postfix):
    """A chain of answers that are all late."""
    reply, seconds = send(postfix, OTHER, "a@i0.sluggish.example", ORG,
                          plain("a@a.b.c.d.e.f.sluggish.example"))
    checks.true("a chain of late answers: not refused", reply.code == 250, reply)
    checks.true(f"a chain of late answers: {seconds:.1f} s", 10 < seconds <
                MESSAGE_MAX + ANSWER_MAX, seconds)


# ---- a thousand that hang --------------------------------------------------------------------------


def to_the_recipient(daemon, sender, client):
    """(the answer to RCPT, seconds)."""
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect("mx.client.example", client)
        t.helo("mx.client.example")
        t.mail(sender)
        start = time.monotonic()
        answer = t.rcpt(ORG)
        return answer, time.monotonic() - start


def many_hang(checks, daemon):
    hung = []
    threads = [threading.Thread(target=lambda i=i: hung.append(
        to_the_recipient(daemon, f"a@d{i}.dead.example", OTHER))) for i in range(HANGING)]
    start = time.monotonic()
    for t in threads:
        t.start()
    beside = []
    for i in range(BESIDE):
        beside.append(to_the_recipient(daemon, f"a@g{i}.good.example", GOOD))
        checks.true("asked while others hang", len(hung) < HANGING, len(hung))
    took = time.monotonic() - start
    for t in threads:
        t.join()
    seconds = sorted(s for _, s in beside)
    checks.same("beside: all accepted", {a for a, _ in beside}, {"c"})
    checks.true(f"beside {HANGING} that hang: at most {seconds[-1] * 1000:.0f} ms",
                seconds[-1] < BESIDE_MAX, seconds[-5:])
    checks.same("hanging: all answered", len(hung), HANGING)
    checks.same("hanging: none refused", {a for a, _ in hung}, {"c"})
    longest = max(s for _, s in hung)
    checks.true(f"hanging: {longest:.1f} s", longest < MESSAGE_MAX, longest)
    print(f"dns: {HANGING} hang up to {longest:.1f} s; beside them {BESIDE} in {took:.2f} s, "
          f"median {statistics.median(seconds) * 1000:.1f} ms, longest {seconds[-1] * 1000:.0f} ms")


def burst(daemon, senders):
    """(seconds that it takes to hear of postmaster, the connections): in the same moment as
    recipients of these senders are asked about."""
    talks = [Talk("127.0.0.1", daemon.port) for _ in range(len(senders) + 1)]
    for t, sender in zip(talks, senders + ["a@good.example"]):
        t.connect("mx.client.example", OTHER)
        t.helo("mx.client.example")
        t.mail(sender)
    time.sleep(0.02)  # the threads that are not needed end
    start = time.monotonic()
    for t in talks[:-1]:
        t.begin_rcpt(ORG)
    talks[-1].begin_rcpt("postmaster@example.org")
    assert talks[-1].answer() == "c"
    return time.monotonic() - start, talks


def beside_in_a_burst(checks, daemon):
    """A callback that waits for DNS takes no other connection's thread with it.  The pool has two
    to three idle threads when it is quiet, which is when a burst is dangerous."""
    seconds, waiting = [], []
    for i in range(BURSTS):
        took, talks = burst(daemon, [f"a@b{3 * i + j}.dead.example" for j in range(1 + i % 3)])
        seconds.append(took)
        waiting += talks
        time.sleep(0.05)
    for t in waiting:
        t.socket.close()
    seconds.sort()
    checks.true(f"beside those that hang, asked at the same moment: {seconds[-1]:.2f} s",
                seconds[-BURSTS // 20] < BURST_MAX * lab.slowness(daemon.lab.build), seconds[-8:])
    print(f"dns: {BURSTS} bursts: median {statistics.median(seconds) * 1000:.1f} ms, "
          f"longest {seconds[-1] * 1000:.0f} ms")


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("dns_test", [GOOD, OTHER], {})
    checks = Checks("dns")
    with lab.Lab(build, keep) as servers:
        signer = Signer(servers.dir)
        dns = servers.dns(ZONE.format(key=signer.record) + bad_zone(signer.record) +
                          sluggish_zone() + many_zone())
        usual = servers.daemon(resolver(dns, 5.0) + RULES)
        quick = servers.daemon(resolver(dns, 1.0) + RULES, name="quick")
        waiting = servers.daemon(resolver(dns, 8.0) + RULES, name="waiting")
        postfix = servers.postfix(usual)
        second = servers.postfix(quick, name="second")
        late = threading.Thread(target=at_most_twenty, args=(checks, postfix))
        late.start()
        authentication(checks, postfix, signer)
        forgeries(checks, second, signer)
        bad_answers(checks, second, signer)
        beside_in_a_burst(checks, waiting)
        many_hang(checks, waiting)
        late.join()
        for daemon in (usual, quick, waiting):
            checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
