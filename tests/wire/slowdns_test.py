#!/usr/bin/python3
"""slowdns_test: a forger whose own name servers are slow gains nothing by it.

    slowdns_test.py BUILD_DIRECTORY [--keep]

Every form of the attack, 20 times at once, in the name of a domain with p=reject: refused.  RCPT is
answered within 8 seconds, the end of the message within 20, and while that takes its time the MTA is
told so.  A good message beside them takes as long as ever, and a Sendmail that knows nothing of our
time (no T=, no F=) loses neither a message nor the filter.
"""
import base64
import hashlib
import pathlib
import re
import sys
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
import sendmail as sendmail_module  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import Talk  # noqa: E402
from server import free_port  # noqa: E402

GOOD, EVIL = "203.0.113.25", "198.51.100.7"
ORG = "bob@example.org"
BODY = "Hello\r\n"

TIMES = 20          # of each form, all at once
RCPT_MAX = 8.0      # seconds (SPEC 4, "Time"); a stock Sendmail waits for 10
END_MAX = 20.0
SILENCE_MAX = 5.0   # without a word at the end of a message; it is told every 4
BESIDE_MAX = 0.5    # a good message meanwhile

ZONE = """
good.example            TXT "v=spf1 ip4:203.0.113.25 -all"
_dmarc.good.example     TXT "v=DMARC1; p=reject"
victim.example          TXT "v=spf1 ip4:203.0.113.25 -all"
_dmarc.victim.example   TXT "v=DMARC1; p=reject"
_dmarc.example          TXT NODATA
silent.chain.example    TXT "v=spf1 -all"
silent.chain.example    TXT SLOW=30000
_dmarc.below.slow       TXT "v=DMARC1; p=reject"
_dmarc.slow             TXT NODATA
_dmarc.slow             TXT SLOW=4000
"""

RULES = """
trusted_networks = [ ];
spf = { fail = "reject"; };
susranges = ( { name = "dialup"; networks = [ "198.51.100.128/25" ]; } );
blocks = ( { name = "junk"; sender = [ ".monster" ]; } );
whitelist = ( { name = "proven"; domains = [ ".chain.example" ]; proof = [ "spf" ]; } );
domains = ( { name = "example.org"; dmarc = "reject"; } );
"""

STOCK_FILTER = "INPUT_MAIL_FILTER(`susmilter', `S={}')dnl"


def attackers_zone():
    """The forger's own domains, another set for each message, so that no cache helps; and victims
    that nobody has asked for."""
    lines = [f'_dmarc.v{n}.example TXT "v=DMARC1; p=reject"' for n in range(TIMES)]
    for n in range(4 * TIMES + 20):
        chain = f"m{n}.chain.example"
        includes = " ".join(f"include:i{i}.{chain}" for i in range(6))
        lines.append(f'{chain} TXT "v=spf1 {includes} exp=i0.{chain} ?all"')
        names = f"m{n}.ptr.example"
        lines.append(f'{names} TXT "v=spf1 ptr exists:%{{p}}.{names} exp=h0.{names} ?all"')
        lines.append(f"_dmarc.{chain} TXT SLOW=4000")
        for i in range(6):
            lines += [f'i{i}.{chain} TXT "v=spf1 ?all"', f"i{i}.{chain} TXT SLOW=4000",
                      f"{EVIL} PTR h{i}.{names}",
                      f"h{i}.{names} A 192.0.2.{i}", f"h{i}.{names} A SLOW=4000"]
        for i in range(8):
            lines += [f'sel._domainkey.k{i}.{chain} TXT "v=DKIM1; p="',
                      f"sel._domainkey.k{i}.{chain} TXT SLOW=4500"]
    return "\n".join(line for line in lines if " PTR " not in line) + "\n" + \
        "".join(f"{EVIL} PTR h{i}.m{n}.ptr.example\n" for n in range(1) for i in range(6)) + \
        f"{EVIL} PTR SLOW=4000\n"


def signature(domain, selector):
    """Made up, but for the hash of the body."""
    bh = base64.b64encode(hashlib.sha256(BODY.encode()).digest()).decode()
    b = base64.b64encode(b"made up" * 36).decode()
    return ("DKIM-Signature",
            f" v=1; a=rsa-sha256; d={domain}; s={selector}; h=from; bh={bh}; b={b}")


def from_victim(*fields, author="x@victim.example"):
    return [*fields, ("From", f" {author}"), ("Subject", " hello")]


def forms(n):
    """label → (sender, header) of the n-th message of each form."""
    chain = f"m{n}.chain.example"
    foreign = [signature(f"k{i}.{chain}", "sel") for i in range(8)]
    return {
        "slow SPF": (f"a@{chain}", from_victim(author=f"x@v{n}.example")),
        "slow SPF, and a signature as if the victim's":
            (f"a@m{n + TIMES}.chain.example", from_victim(signature("victim.example", f"any{n}"))),
        "slow signatures of others before it":
            (f"a@m{n + 2 * TIMES}.chain.example",
             from_victim(*foreign, signature("victim.example", f"some{n}"))),
        "slow PTR": (f"a@m{n}.ptr.example", from_victim()),
        "slow level above the victim":
            (f"a@m{n + 3 * TIMES}.chain.example", from_victim(author="x@below.slow")),
    }


class Said:
    """What became of one message."""

    def __init__(self, daemon, client, sender, header):
        self.rcpt_seconds = self.end_seconds = self.silence = 0
        with Talk("127.0.0.1", daemon.port) as t:
            t.connect("mx.client.example", client)
            t.helo("mx.client.example")
            t.mail(sender)
            start = time.monotonic()
            self.answer = t.rcpt(ORG)
            self.rcpt_seconds = time.monotonic() - start
            if self.answer != "c":
                return
            for name, value in header:
                t.header(name, value)
            t.end_of_headers()
            t.body(BODY.encode())
            self.to_the_end(t)

    def to_the_end(self, t):
        start = last = time.monotonic()
        t.begin_end()
        self.answer = "p"
        while self.answer[0] in "himqp":
            self.answer = t.answer()
            now = time.monotonic()
            self.silence = max(self.silence, now - last)
            last = now
        self.end_seconds = last - start


def good_message(daemon):
    start = time.monotonic()
    said = Said(daemon, GOOD, "a@good.example", from_victim(author="a@good.example"))
    return said.answer, time.monotonic() - start


def attacks(checks, daemon):
    said = {}
    threads = []
    for n in range(TIMES):
        for label, (sender, header) in forms(n).items():
            def one(label=label, sender=sender, header=header):
                said.setdefault(label, []).append(Said(daemon, EVIL, sender, header))
            threads.append(threading.Thread(target=one))
    for t in threads:
        t.start()
    beside = []
    while any(t.is_alive() for t in threads):
        beside.append(good_message(daemon))
        time.sleep(0.5)
    for t in threads:
        t.join()
    for label, all_said in said.items():
        checks.same(f"{label}: all answered", len(all_said), TIMES)
        refused = sum(s.answer.startswith("y550 5.7.1 DMARC") for s in all_said)
        checks.same(f"{label}: refused", refused, TIMES)
        slowest = max(s.rcpt_seconds for s in all_said)
        checks.true(f"{label}: RCPT {slowest:.1f} s", slowest < RCPT_MAX, slowest)
        end = max(s.end_seconds for s in all_said)
        checks.true(f"{label}: end {end:.1f} s", end < END_MAX, end)
        silence = max(s.silence for s in all_said)
        checks.true(f"{label}: silent {silence:.1f} s", silence < SILENCE_MAX, silence)
        print(f"slowdns: {label}: {refused} of {len(all_said)} refused, RCPT up to "
              f"{slowest:.1f} s, end up to {end:.1f} s")
    checks.same("beside: all accepted", {a[0] for a, _ in beside}, {"c"})
    longest = max(s for _, s in beside)
    checks.true(f"beside: {len(beside)} of at most {longest * 1000:.0f} ms",
                longest < BESIDE_MAX * lab.slowness(daemon.lab.build), longest)


def counted(port):
    """(method, result) → how many, as the metrics have it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
        text = page.read().decode()
    return {(m[1], m[2]): int(m[3]) for m in re.finditer(
        r'^susmilter_results(?:_total)?\{method="(.*?)",result="(.*?)"\} (\d+)$', text, re.M)}


def proof_under_way(checks, daemon):
    """A refusal that SPF may still withdraw is put off, not decided either way; so is one for which
    SPF has had no answer by then."""
    said = Said(daemon, "198.51.100.200", "a@silent.chain.example", [])
    checks.true("a proof under way", said.answer.startswith("y451 4.4.3"), said.answer)
    checks.true("a proof under way: RCPT", said.rcpt_seconds < RCPT_MAX, said.rcpt_seconds)


def message(header):
    return "".join(f"{name}:{value}\n" for name, value in header) + "\n" + \
        BODY.replace("\r", "")


def through(checks, label, server, n):
    """The same through an MTA, and that the filter is still there for the next message."""
    with server.session(EVIL) as s:
        s.mail(f"a@m{n}.chain.example")
        start = time.monotonic()
        reply = s.rcpt(ORG)
        seconds = time.monotonic() - start
        checks.true(f"{label}: RCPT in {seconds:.1f} s", seconds < RCPT_MAX, seconds)
        checks.same(f"{label}: RCPT", reply.code, 250)
        reply = s.data(message(from_victim(signature("victim.example", "any"))))
        checks.true(f"{label}: refused", reply.startswith("550 5.7.1 DMARC"), reply)
        s.mail("x@cash.monster")
        checks.same(f"{label}: the filter is still there", s.rcpt(ORG).code, 550)


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("slowdns_test", [GOOD, EVIL], {})
    checks = Checks("slowdns")
    sendmail_module.Sendmail.FILTER = STOCK_FILTER
    with lab.Lab(build, keep) as servers:
        dns = servers.dns(ZONE + attackers_zone())
        metrics = free_port()
        daemon = servers.daemon(
            f'metrics = {{ listen = "127.0.0.1:{metrics}"; }};\n'
            f'resolver = {{ servers = [ "127.0.0.1@{dns.port}" ]; timeout = 5.0; }};\n' + RULES)
        mtas = {"Postfix": servers.postfix(daemon), "Sendmail": servers.sendmail(daemon)}
        beside = [threading.Thread(target=through, args=(checks, label, server, 4 * TIMES + 1 + i))
                  for i, (label, server) in enumerate(mtas.items())]
        beside.append(threading.Thread(target=proof_under_way, args=(checks, daemon)))
        for t in beside:
            t.start()
        attacks(checks, daemon)
        for t in beside:
            t.join()
        results = counted(metrics)
        checks.true("counted: SPF temperror", results["spf", "temperror"] >= 3 * TIMES, results)
        checks.true("counted: DMARC fail", results["dmarc", "fail"] >= 5 * TIMES, results)
        checks.same("counted: DMARC temperror", results["dmarc", "temperror"], 0)
        checks.same("Sendmail queued nothing", mtas["Sendmail"].queued(), [])
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
