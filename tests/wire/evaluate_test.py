#!/usr/bin/python3
"""evaluate_test: SPF, DKIM and DMARC of a sample are in the history, and nothing waits for them.

    evaluate_test.py BUILD_DIRECTORY [--keep]

history.evaluate with real questions: what is found of mail that is proven, forged, refused, or of a
domain whose name server is dead; that replies and headers are those of mail outside of the sample;
what becomes of more than fits.
"""
import base64
import json
import pathlib
import re
import sys
import time
import urllib.request

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab")]
import island  # noqa: E402
import lab  # noqa: E402
from checks import Checks  # noqa: E402
from miltertalk import NOBODY, NOHDRS, Talk  # noqa: E402

GOOD, FORGER, DIALUP = "203.0.113.25", "203.0.113.66", "198.51.100.7"
NET, STRICT = "dan@example.net", "eve@strict.example"
CONF = ('trusted_networks = [ ];\nspf = { fail = "off"; };\n'
        'metrics = { listen = "127.0.0.1:%d"; };\nresolver = { servers = [ "127.0.0.1@%d" ]; };\n'
        'susranges = ( { name = "dialup"; networks = [ "198.51.100.0/24" ]; } );\n'
        'domains = ( { name = "strict.example"; dmarc = "%s"; } );\n'
        'history = { directory = "%s"; min_free = 0; evaluate = %d; };\n')
ZONE = """
one.example TXT "v=spf1 ip4:203.0.113.25 ip4:198.51.100.7 -all"
_dmarc.one.example TXT "v=DMARC1; p=reject"
one.example A 203.0.113.25
k._domainkey.one.example TXT "v=DKIM1; p=%s"
""" + "".join(f"{i}.dead.example ANY TIMEOUT\n" for i in range(1200))
FORGED = "mx.lab.test; dkim=pass header.d=one.example"


def make_key():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.DER,
                                           serialization.PublicFormat.SubjectPublicKeyInfo)
    return (key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption()), base64.b64encode(public).decode())


def signed(private, author):
    """Header fields and body of a message by that author."""
    message = f"From: <{author}>\r\nTo: <{NET}>\r\nSubject: x\r\n\r\nHello\r\n".encode()
    field = dkim.sign(message, b"k", b"one.example", private, include_headers=[b"from", b"subject"])
    name, value = field.decode().split(":", 1)
    return [(name, value.rstrip("\r\n").replace("\r\n", "\n")), ("From", f" <{author}>"),
            ("To", f" <{NET}>"), ("Subject", " x")], b"Hello\r\n"


def send(t, sender, recipients, fields, body):
    """One transaction; replies to RCPT and what is said at the end."""
    t.mail(sender)
    replies = [t.rcpt(r) for r in recipients]
    if "c" not in replies:
        t.socket.sendall(b"\0\0\0\1A")
        return replies, []
    if not t.steps & NOHDRS:
        for name, value in fields:
            t.header(name, value)
        t.end_of_headers()
    if not t.steps & NOBODY:
        t.body(body)
    return replies, t.end()


def message(daemon, client, sender, recipients, fields=None, body=b"Hello\r\n"):
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect(f"[{client}]", client)
        t.helo("client.example")
        return send(t, sender, recipients, fields or [("From", f" <{sender}>")], body) + (t.steps,)


def rows(daemon, sender, stage):
    told = daemon.ctl("find", "--json", "--sender", sender)
    return [r for r in map(json.loads, told.stdout.splitlines()) if r["stage"] == stage]


def history(daemon):
    return json.loads(daemon.ctl("status", "--json").stdout)["history"]


def results(daemon, sender, stage):
    """SPF and DMARC of its newest row, once there are any."""
    def told():
        found = rows(daemon, sender, stage)
        return found and "spf" in found[0] and found[0]
    lab.wait_for(told, 40, f"results of {sender}")
    return told()


def found_out(checks, daemon, private):
    fields, body = signed(private, "anna@one.example")
    forged = [("Authentication-Results", " " + FORGED)]
    replies, end, steps = message(daemon, FORGER, "bounce@elsewhere.example", [NET],
                                  forged + fields, body)
    checks.same("the sample is shown header and body", steps & (NOHDRS | NOBODY), 0)
    checks.same("accepted, and the header as it was", (replies, end), (["c"], ["c"]))
    row = results(daemon, "bounce@elsewhere.example", "end")
    checks.true("marked as looked up afterwards", row.get("evaluated"), row)
    checks.same("proven by its signature", (row["spf"], row["dkim"], row["dmarc"], row["from"]),
                ("none", "pass:one.example", "pass", "anna@one.example"))
    replies, end, _ = message(daemon, GOOD, "bob@one.example", [NET])
    row = results(daemon, "bob@one.example", "end")
    checks.same("proven by SPF", (row["spf"], row["dmarc"]), ("pass", "pass"))
    replies, end, _ = message(daemon, FORGER, "forger@one.example", [NET])
    checks.same("forged mail is accepted", (replies, end), (["c"], ["c"]))
    row = results(daemon, "forger@one.example", "end")
    checks.same("… and known to be", (row["spf"], row["dmarc"]), ("fail", "fail"))
    replies, _, _ = message(daemon, DIALUP, "carl@one.example", [NET, "x@example.net"])
    checks.true("refused by its range", all("5.7.1" in r for r in replies), replies)
    row = results(daemon, "carl@one.example", "rcpt")
    checks.same("SPF of what was refused", (row["spf"], row.get("dmarc")), ("pass", None))
    checks.same("… for each recipient", ["spf" in r for r in
                                         rows(daemon, "carl@one.example", "rcpt")], [True, True])
    large = [("From", " <long@one.example>")] + [("X-Long", " " + "x" * 60000)] * 6
    replies, end, _ = message(daemon, GOOD, "long@one.example", [NET], large)
    checks.same("a header beyond the limit is no reason", (replies, end), (["c"], ["c"]))
    row = results(daemon, "long@one.example", "end")
    checks.same("… and has SPF alone", (row["spf"], row.get("dmarc")), ("pass", None))


def replayed(checks, daemon, conf):
    """A change that refuses proven mail is known by that, without a rule that needs DMARC."""
    daemon.write("changed.conf", daemon.base + conf(1).replace(
        '"198.51.100.0/24" ]', '"198.51.100.0/24", "203.0.113.25" ]'))
    told = daemon.ctl("backtest", str(daemon.dir / "changed.conf"), "--json", "--max-proven", "0")
    counts = json.loads(told.stdout)
    checks.same("newly refused, of them proven", (counts["newly_refused"],
                                                  counts["newly_refused_proven"], told.returncode),
                (2, 1, 3))


def where_a_switch_needs_it(checks, daemon):
    before = history(daemon)["evaluated"]
    replies, end, _ = message(daemon, FORGER, "forger2@one.example", [STRICT])
    checks.true("the switch refuses", "5.7.1" in end[-1], end)
    time.sleep(2.5)
    checks.same("and nothing is looked up afterwards", history(daemon)["evaluated"], before)


def in_flight(port):
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return {name: float(re.search(rf"^susmilter_{name} (\S+)$", page, re.M)[1]) for name in
            ("dns_in_flight", "history_evaluated_total", "history_unevaluated_total")}


def under_load(checks, daemon, port):
    """More mail from a dead domain than may wait: none of it waits, and other mail is decided."""
    most, slowest = 0, 0.0
    with Talk("127.0.0.1", daemon.port) as t:
        t.connect(f"[{GOOD}]", GOOD)
        t.helo("client.example")
        for i in range(1100):
            began = time.monotonic()
            replies, end = send(t, f"s@{i}.dead.example", [NET], [("From", f" <s@{i}.dead.example>")],
                                b"Hello\r\n")
            slowest = max(slowest, time.monotonic() - began)
            if (replies, end) != (["c"], ["c"]):
                break
            if i % 100 == 99:
                most = max(most, in_flight(port)["dns_in_flight"])
    checks.same("all are accepted", (replies, end), (["c"], ["c"]))
    checks.true("at once", slowest < 2 * lab.slowness(daemon.lab.build), slowest)
    checks.true("at most four questions are under way", 0 < most <= 4, most)
    counts = in_flight(port)
    checks.true("what does not fit is dropped, and counted",
                counts["history_unevaluated_total"] > 0, counts)
    began = time.monotonic()
    replies, end, _ = message(daemon, FORGER, "forger3@one.example", [STRICT])
    checks.true("mail that needs the DNS has it", "5.7.1" in end[-1] and
                time.monotonic() - began < 2 * lab.slowness(daemon.lab.build), end)
    checks.true("not evaluated is not bad", "dmarc" not in rows(daemon, "s@1099.dead.example", "end")[0],
                rows(daemon, "s@1099.dead.example", "end"))


def samples(checks, daemon, conf):
    """One in two, and none."""
    daemon.configure(conf(2))
    checks.same("reloaded", daemon.ctl("reload").returncode, 0)
    shown = sum(message(daemon, GOOD, "bob@one.example", [NET])[2] & NOHDRS == 0
                for _ in range(200))
    checks.true("one connection in two", 60 <= shown <= 140, shown)
    daemon.configure(conf(0))
    daemon.ctl("reload")
    lab.wait_for(lambda: in_flight_settled(daemon), 60, "the sample that waits")
    before = history(daemon)
    shown = [message(daemon, GOOD, "none@one.example", [NET])[2] & NOHDRS for _ in range(50)]
    checks.same("none", set(shown), {NOHDRS})
    time.sleep(2)
    checks.same("nothing is evaluated", history(daemon)["evaluated"], before["evaluated"])
    for value, what in (("-1", "history.evaluate"), ("1000001", "history.evaluate")):
        daemon.write("wrong.conf", daemon.base + conf(0).replace("evaluate = 0", f"evaluate = {value}"))
        told = daemon.ctl("check", str(daemon.dir / "wrong.conf"))
        checks.true(f"evaluate = {value} is out of range", told.returncode == 1 and
                    what in told.stdout + told.stderr, told)


def in_flight_settled(daemon):
    counts = history(daemon)["evaluated"]
    time.sleep(1)
    return counts == history(daemon)["evaluated"]


def main():
    build, keep = sys.argv[1], "--keep" in sys.argv
    island.enter("evaluate_test", [GOOD, FORGER, DIALUP], {})
    checks = Checks("evaluate")
    private, public = make_key()
    with lab.Lab(build, keep) as servers:
        dns, port = servers.dns(ZONE.replace("%s", public)), lab.free_port()

        def conf(one_in, dmarc="off"):
            return CONF % (port, dns.port, dmarc, servers.dir / "history", one_in)
        daemon = servers.daemon(conf(1))
        found_out(checks, daemon, private)
        replayed(checks, daemon, conf)
        samples(checks, daemon, conf)
        daemon.configure(conf(1, "reject"))
        checks.same("reloaded with DMARC", daemon.ctl("reload").returncode, 0)
        where_a_switch_needs_it(checks, daemon)
        under_load(checks, daemon, port)
        checks.true("the daemon lives", daemon.alive(), daemon.said())
    sys.exit(checks.summary())


main()
